"""The networks of a hall: which fabric it has, how many racks it takes, and the boxes that stand in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from twin import catalog
from twin.catalog import Card
from twin.scenario.fabric import Words
from twin.scenario.schema import Scenario
from twin.topology import constants as c
from twin.topology.assets import SWITCHES, add_asset, ids
from twin.topology.counted import counted
from twin.topology.designed import designed
from twin.topology.fabric.arrays import Block, Fabric
from twin.topology.fabric.bill import modules_of_nodes
from twin.topology.geometry import Box, Size
from twin.topology.layout import Items, Plan
from twin.topology.rack_types import Host, RackType

SERVERS = ("server", "manager")
"""Ends that stand in network racks; their power is not of this site."""


def hall_fabric(scenario: Scenario, kinds: Mapping[str, RackType], hosts: Sequence[Host]) -> Fabric:
    """Fabric of a hall before its cables are laid: from a design, or from leaves and spines by number."""
    if scenario.network.design is None:
        return counted(scenario.network, hosts)
    return designed(scenario, kinds, hosts)


def network_racks(fabric: Fabric, rows: int) -> Items:
    """Racks for switches and servers: one a row, more where a rack is full."""
    units = sum(_units(block) * block.count for block in _boxes(fabric))
    count = max(rows, -(-units // c.NETWORK_RACK_UNITS))
    return [(name, c.NETWORK_RACK_M) for name in ids("network-rack", count)]


@dataclass
class Device:
    """A box in a network rack while cables are plugged in.

    Parameters
    ----------
    name : str
    card : Card or None
        Of a switch; None for a server and for the gateway.
    box : Box
    row : int
        Row of its rack.
    lanes : int
        Lines that it takes at most.
    """

    name: str
    card: Card | None
    box: Box
    row: int
    lanes: int
    plugged: int = 0

    def plug(self) -> tuple[str, Box]:
        """Id and box of a transceiver in the next place of the front; 32 places in each of its two ranks."""
        places = max(64, self.lanes)
        index = self.plugged
        pitch_m = self.box.size[0] / (places / 2)
        rank_m = self.box.size[2] / 2
        size = (0.8 * pitch_m, c.OPTIC_M[1], min(c.OPTIC_M[2], 0.8 * rank_m))
        box = self.box.part((index // 2 % (places // 2) + 0.1) * pitch_m, 0.0, (index % 2) * rank_m, size)
        self.plugged += 1
        return f"{self.name}/optic-{index + 1:03d}", box


def add_boxes(graph: nx.MultiDiGraph, plan: Plan, fabric: Fabric) -> dict[int, Device]:
    """Stand switches, servers and the gateway in the network racks, and return them by their number in the fabric.

    Each goes from the top to the rack with most room, the highest tier first.
    """
    racks = [n for n in plan.boxes if n.startswith("network-rack")]
    for rack in racks:
        box = plan.boxes[rack]
        add_asset(graph, rack, "network_rack", box, "hall", row=plan.row_of[rack], facing=box.facing)
    free_m = dict.fromkeys(racks, c.NETWORK_RACK_M[2] - 3 * c.RACK_UNIT_M)
    made: dict[int, Device] = {}
    for block in _boxes(fabric):
        card = catalog.get("switch", block.card) if block.card else None
        for node, name in enumerate(block.names(), block.first):
            rack = max(racks, key=lambda r: round(free_m[r], 6))
            free_m[rack] -= _units(block) * c.RACK_UNIT_M
            box = _stack(plan.boxes[rack], free_m[rack], (*c.SWITCH_M[:2], _height_m(card)))
            lanes = int(card.get("radix", card.ports)) if card else 1
            made[node] = Device(name, card, box, plan.row_of[rack], lanes)
            _add_box(graph, fabric, block, node, made[node], rack)
    for block in fabric.blocks:
        if block.kind == "gateway":
            made[block.first] = _add_gateway(graph, plan, racks[0], fabric, block.first)
    return made


def _add_box(
    graph: nx.MultiDiGraph, fabric: Fabric, block: Block, node: int, device: Device, rack: str
) -> None:
    if device.card is None:
        add_asset(graph, device.name, "server", device.box, rack, layer=block.layer)
        return
    place = {key: int(getattr(fabric, key)[node]) for key in ("pod", "unit", "rail")}
    add_asset(
        graph, device.name, block.kind, device.box, rack, catalog=device.card.name, ports=int(device.card.ports),
        layer=block.layer, plane=block.plane, lines_down=0, lines_up=0, **place,
    )  # fmt: skip


def _add_gateway(graph: nx.MultiDiGraph, plan: Plan, rack: str, fabric: Fabric, node: int) -> Device:
    """Add the way in for requests: a border switch, whose power is not of this site."""
    box = _stack(plan.boxes[rack], 2 * c.RACK_UNIT_M, (*c.SWITCH_M[:2], 2 * c.RACK_UNIT_M))
    add_asset(graph, "gateway", "gateway", box, rack)
    return Device("gateway", None, box, plan.row_of[rack], int((fabric.a == node).sum()))


def set_powers(graph: nx.MultiDiGraph, fabric: Fabric) -> None:
    """Tell what switches draw, from the modules that stand in them.

    Of a design a switch draws the power of its box and of its whole modules (``power_w``), and its nameplate is at
    least that; of leaves and spines by number it draws its nameplate, or box and modules where none is known.
    """
    modules_w = np.zeros(fabric.nodes)
    for _, _, card, count in modules_of_nodes(fabric):
        modules_w += count * float(catalog.get("optics", card).power_per_end_w)
    for block in fabric.blocks:
        if block.kind not in SWITCHES:
            continue
        box_w = box_power_w(fabric.words, block.card)
        nameplate_w = float(catalog.get("switch", block.card).get("power_max_w") or 0.0)
        for node, name in enumerate(block.names(), block.first):
            if fabric.words is None:
                graph.nodes[name]["demand_max_w"] = nameplate_w or (box_w or 0.0) + _ends_w(graph, name)
            else:
                drawn_w = (box_w or 0.0) + float(modules_w[node])
                graph.nodes[name].update(power_w=drawn_w, demand_max_w=max(nameplate_w, drawn_w))


def _ends_w(graph: nx.MultiDiGraph, switch: str) -> float:
    optics = (v for v, keys in graph.adj[switch].items() if "place" in keys)
    return float(sum(graph.nodes[o]["power_w"] for o in optics))


def box_power_w(words: Words | None, switch: str) -> float | None:
    """Power of a switch without its optics [W]: as the design says, else by its card; None where unknown."""
    given = words.powers.get(switch) if words else None
    found = catalog.get("switch", switch).get("power_typical_w") if given is None else given
    return None if found is None else float(found)


def _boxes(fabric: Fabric) -> Iterator[Block]:
    """Blocks that stand in network racks, layer by layer, the highest tier first."""
    layers = list(dict.fromkeys(b.layer for b in fabric.blocks))
    of_racks = [b for b in fabric.blocks if b.kind in SWITCHES or b.kind in SERVERS]
    yield from sorted(of_racks, key=lambda b: (layers.index(b.layer), -b.tier))


def _height_m(card: Card | None) -> float:
    return float(card.get("height_m", c.SWITCH_M[2])) if card else c.RACK_UNIT_M


def _units(block: Block) -> int:
    card = catalog.get("switch", block.card) if block.card else None
    return round(_height_m(card) / c.RACK_UNIT_M) + 1  # and one for cables


def _stack(rack: Box, up_m: float, size: Size) -> Box:
    return rack.part((rack.size[0] - size[0]) / 2, 0.05, up_m, size)
