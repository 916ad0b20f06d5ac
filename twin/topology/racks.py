"""What is inside a rack: power shelf, trays or nodes, GPU packages, NVLink switch chips, adapters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil

import networkx as nx

from twin import catalog
from twin.topology import constants as c
from twin.topology.assets import add_asset, add_link, converter, ids
from twin.topology.geometry import Box, Size, overhead
from twin.topology.rack_types import RackType, share_of

# Bands of the depth of a tray or node, front to back, as shares of it: for the picture alone.
_OPTICS_BAND, _NICS_BAND = (0.0, 0.12), (0.13, 0.34)
_GPUS_OF_TRAY, _CHIPS_OF_TRAY = (0.36, 0.95), (0.55, 0.80)
_GPUS_OF_NODE, _CHIPS_OF_NODE = (0.36, 0.80), (0.84, 0.98)


@dataclass(frozen=True)
class Adapter:
    """Where a network cable ends in a rack.

    Parameters
    ----------
    nic, optic : str
        Ids of the adapter and of the transceiver in it.
    box : Box
        The transceiver.
    row : int
        Row of the rack.
    rail, rails : int
        Which adapter of its tray or node it is, and how many there are.
    gpu : str
        Id of its GPU; empty where those of a tray or node share it.
    """

    nic: str
    optic: str
    box: Box
    row: int
    rail: int
    rails: int
    gpu: str


@dataclass(frozen=True)
class RackSpot:
    """One rack: id, box, row and position in the row."""

    name: str
    box: Box
    row: int
    position: int


def add_rack(graph: nx.MultiDiGraph, spot: RackSpot, kind: RackType, psu: str) -> list[Adapter]:
    """Add a rack with everything in it, and return its network ends."""
    add_asset(
        graph,
        spot.name,
        "rack",
        spot.box,
        "hall",
        catalog=kind.system.name,
        group=kind.group,
        row=spot.row,
        position=spot.position,
        facing=spot.box.facing,
        demand_max_w=kind.demand_max_w,
        mass_kg=kind.mass_kg,
        liquid_frac=kind.liquid_frac,
        gpu=kind.gpu.name,
        gpus=kind.gpus,
    )
    builder = _Builder(graph, spot, kind)
    builder.add_psu(psu)
    if kind.is_rack:
        builder.add_trays()
    else:
        builder.add_nodes()
    return builder.adapters


class _Builder:
    """Fills one rack from the bottom to the top."""

    def __init__(self, graph: nx.MultiDiGraph, spot: RackSpot, kind: RackType) -> None:
        self.graph, self.spot, self.kind = graph, spot, kind
        self.adapters: list[Adapter] = []
        self.top_m = 0.06
        self.width_m = min(0.54, spot.box.size[0] - 0.06)
        self.gpu_ids = iter(ids(f"{spot.name}/gpu", kind.gpus, 2))
        self.nic_ids = iter(ids(f"{spot.name}/nic", kind.gpus * kind.nics_per_gpu, 2))
        self.chip_ids = iter(ids(f"{spot.name}/nvswitch", kind.chips * kind.systems))
        self.packages = 0

    @cached_property
    def nic_speed(self) -> tuple[float, float]:
        """Rate [bytes/s] and delay [s] of an adapter."""
        card = self.kind.nic
        return float(card.rate_bytes_per_s), float(card.get("latency_s", c.NIC_LATENCY_S))

    @property
    def room_m(self) -> float:
        """Height that is left."""
        return self.spot.box.size[2] - 0.06 - self.top_m

    def slot(self, pitch_m: float) -> Box:
        """Next slot; cables, busbar and manifolds keep the rear 12 cm of the rack."""
        rack = self.spot.box
        size = (self.width_m, rack.size[1] - 0.16, pitch_m * 0.92)
        box = rack.part((rack.size[0] - self.width_m) / 2, 0.04, self.top_m, size)
        self.top_m += pitch_m
        return box

    def add_psu(self, psu: str) -> None:
        """Power shelves: enough for the maximum of the rack on either of two feeds (N+N)."""
        card = catalog.get("psu", psu)
        units = 2 * ceil(self.kind.demand_max_w / card.rating_w)
        name = f"{self.spot.name}/psu"
        box = self.slot((4 if self.kind.is_rack else 2) * c.RACK_UNIT_M)
        add_asset(
            self.graph, name, "psu", box, self.spot.name, catalog=psu, units=units, **converter(card, units)
        )

    def add_trays(self) -> None:
        """Compute trays, with the switch trays amid them where the NVLink cables are shortest."""
        kind, name = self.kind, self.spot.name
        trays, switches = int(kind.system.compute_trays), int(kind.system.get("switch_trays", 0))
        pitch_m = self.room_m / (trays + switches)
        tray_ids, switch_ids = ids(f"{name}/tray", trays), ids(f"{name}/switch-tray", switches)
        half = trays // 2
        order = [*tray_ids[:half], *switch_ids, *tray_ids[half:]]
        boxes = {tray: self.slot(pitch_m) for tray in order}
        for tray, box in boxes.items():
            add_asset(self.graph, tray, "switch_tray" if tray in switch_ids else "tray", box, name)
        gpus = []
        for i, tray in enumerate(tray_ids):
            packages = share_of(int(kind.system.gpu_packages), trays, i)
            gpus += self.fill(tray, boxes[tray], packages, _GPUS_OF_TRAY)
        chips = []
        for i, tray in enumerate(switch_ids):
            chips += self.chips(tray, boxes[tray], share_of(kind.chips, switches, i), _CHIPS_OF_TRAY)
        self.add_nvlink(gpus, chips)

    def add_nodes(self) -> None:
        """Nodes, each with GPUs and switch chips of its own."""
        kind = self.kind
        pitch_m = min(self.room_m / kind.systems, 1.05 * float(kind.system.get("height_m", c.NODE_M[2])))
        for node in ids(f"{self.spot.name}/node", kind.systems):
            box = self.slot(pitch_m)
            add_asset(self.graph, node, "node", box, self.spot.name, catalog=kind.system.name)
            gpus = self.fill(node, box, int(kind.system.gpu_packages), _GPUS_OF_NODE)
            self.add_nvlink(gpus, self.chips(node, box, kind.chips, _CHIPS_OF_NODE))

    def fill(self, unit: str, box: Box, packages: int, band: tuple[float, float]) -> list[tuple[str, Box]]:
        """Put GPUs, adapters and their optics into a tray or node."""
        kind, rack = self.kind, self.spot.name
        gpus = [(next(self.gpu_ids), b) for b in _grid(box, packages, c.GPU_M, band)]
        for gpu, gpu_box in gpus:
            domain = f"{rack}/domain-{self.packages // kind.domain_packages + 1}"
            add_asset(self.graph, gpu, "gpu", gpu_box, unit, catalog=kind.gpu.name, rack=rack, domain=domain)
            self.packages += 1
        rails = packages * kind.nics_per_gpu
        nic_boxes = _grid(box, rails, c.NIC_M, _NICS_BAND)
        optic_boxes = _grid(box, rails, c.OPTIC_M, _OPTICS_BAND)
        for rail, boxes in enumerate(zip(nic_boxes, optic_boxes, strict=True)):
            self.add_adapter(unit, gpus[rail // kind.nics_per_gpu], boxes, (rail, rails))
        return gpus

    def add_adapter(
        self, unit: str, gpu: tuple[str, Box], boxes: tuple[Box, Box], rail: tuple[int, int]
    ) -> None:
        """Add an adapter with its transceiver, and join both to a GPU."""
        nic, (rate, latency_s) = next(self.nic_ids), self.nic_speed
        add_asset(self.graph, nic, "nic", boxes[0], unit, catalog=self.kind.nic.name, rail=rail[0])
        add_asset(self.graph, f"{nic}/optic", "optic", boxes[1], nic)
        add_link(self.graph, f"{nic}/optic", nic, "network", rate_bytes_per_s=rate)
        start, end = boxes[0].centre, gpu[1].centre
        route = overhead(start, end, start[2])
        add_link(self.graph, nic, gpu[0], "network", route=route, rate_bytes_per_s=rate, latency_s=latency_s)
        self.adapters.append(Adapter(nic, f"{nic}/optic", boxes[1], self.spot.row, *rail, gpu[0]))

    def chips(self, unit: str, box: Box, count: int, band: tuple[float, float]) -> list[tuple[str, Box]]:
        """Put switch chips into a switch tray or node."""
        chips = [(next(self.chip_ids), b) for b in _grid(box, count, c.CHIP_M, band)]
        for chip, chip_box in chips:
            add_asset(self.graph, chip, "nvswitch", chip_box, unit, catalog=self.kind.nvlink_switch)
        return chips

    def add_nvlink(self, gpus: list[tuple[str, Box]], chips: list[tuple[str, Box]]) -> None:
        """Join every GPU to every switch chip; the cables run in the back of the rack, from tray to tray."""
        if not chips:
            return
        kind = self.kind
        cables = int(kind.system.get("nvlink_cables", 0))
        rate = float(kind.gpu.get("nvlink_bandwidth_bytes_per_s", 0.0)) / 2 / len(chips)
        back_y = self.spot.box.part(0.0, self.spot.box.size[1] - 0.06, 0.0, (0.0, 0.0, 0.0)).place[1]
        latency_s, count = kind.nvlink_latency_s, max(1, cables // (len(gpus) * len(chips)))
        for gpu, gpu_box in gpus:
            gx, _, gz = gpu_box.centre
            for chip, chip_box in chips:
                cx, _, cz = chip_box.centre
                route = overhead((gx, back_y, gz), (cx, back_y, cz), cz)
                add_link(
                    self.graph,
                    gpu,
                    chip,
                    "nvlink",
                    route=route,
                    medium="nvl-copper" if cables else "",
                    rate_bytes_per_s=rate,
                    latency_s=latency_s,
                    count=count,
                )


def _grid(box: Box, count: int, size: Size, band: tuple[float, float]) -> list[Box]:
    """Boxes in one or two ranks over a band of the depth of another box."""
    return [box.part(*spot) for spot in _spots(box.size, count, size, band)]


@lru_cache(maxsize=256)
def _spots(
    within: Size, count: int, size: Size, band: tuple[float, float]
) -> tuple[tuple[float, float, float, Size], ...]:
    """Where these boxes stand in a box of a size, from its left, front and floor [m], and their size."""
    if not count:
        return ()
    width_m, depth_m, height_m = within
    band_m = (band[1] - band[0]) * depth_m
    ranks = 2 if count * size[0] > width_m and count > 1 and band_m > size[1] else 1
    across = -(-count // ranks)
    cell = (width_m / across, band_m / ranks)
    part = (min(size[0], 0.9 * cell[0]), min(size[1], 0.9 * cell[1]), min(size[2], 0.8 * height_m))
    spots = []
    for i in range(count):
        x = (i % across + 0.5) * cell[0] - part[0] / 2
        back = band[0] * depth_m + (i // across + 0.5) * cell[1] - part[1] / 2
        spots.append((x, back, 0.1 * height_m, part))
    return tuple(spots)
