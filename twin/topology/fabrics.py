"""Scale-out fabric: leaves and spines, every cable with a transceiver at each end.

A port may be broken out into lines of a slower rate (800 Gbit/s into two of 400 Gbit/s). A transceiver
node is the end of one line: the two lines of a broken-out cage count as two ends, each with its share of
the power.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from math import ceil

import networkx as nx

from twin import catalog
from twin.catalog import Card
from twin.scenario.schema import Network
from twin.topology import constants as c
from twin.topology.assets import add_asset, add_link, ids
from twin.topology.geometry import Box, Size
from twin.topology.layout import Items, Plan
from twin.topology.racks import Adapter


@dataclass(frozen=True)
class Line:
    """One kind of cable: rate, card of its ends, card of its medium, delays.

    Parameters
    ----------
    optics, medium : str
        Cards.
    rate_bytes_per_s : float
        One direction.
    end_w : float
        Power of one end: that of the card, or its share where the line is slower than the card.
    ends_s : float
        Delay of both ends together.
    s_per_m : float
        Propagation.
    """

    optics: str
    medium: str
    rate_bytes_per_s: float
    end_w: float
    ends_s: float
    s_per_m: float


@dataclass
class _Switch:
    """A switch while cables are plugged in."""

    name: str
    card: Card
    box: Box
    row: int
    lanes: int
    optics: list[str] = field(default_factory=list)

    def plug(self, graph: nx.MultiDiGraph, line: Line) -> tuple[str, Box]:
        """Add a transceiver in the next place of the front; 32 places in each of its two ranks."""
        places = max(64, self.lanes)
        index = len(self.optics)
        pitch_m = self.box.size[0] / (places / 2)
        rank_m = self.box.size[2] / 2
        size = (0.8 * pitch_m, c.OPTIC_M[1], min(c.OPTIC_M[2], 0.8 * rank_m))
        box = self.box.part((index // 2 % (places // 2) + 0.1) * pitch_m, 0.0, (index % 2) * rank_m, size)
        name = f"{self.name}/optic-{index + 1:03d}"
        add_asset(graph, name, "optic", box, self.name, catalog=line.optics, power_w=line.end_w)
        self.optics.append(name)
        return name, box


def lines_per_port(card: Card, rate_bytes_per_s: float) -> int:
    """Lines of a rate that a port of a switch carries; 0 where it cannot.

    Examples
    --------
    >>> [lines_per_port(catalog.get("switch", name), 50e9) for name in ("sn5600", "qm9700")]
    [2, 1]
    """
    ratio = float(card.port_rate_bytes_per_s) / rate_bytes_per_s
    if ratio < 1 or abs(ratio - round(ratio)) > 1e-9:
        return 0
    return min(round(ratio), max(1, int(card.get("radix", card.ports)) // int(card.ports)))


def lines(network: Network) -> tuple[Line, Line]:
    """Cables from adapters to leaves, and from leaves to spines.

    Raises
    ------
    CatalogError
        When a card is missing or lacks a rate.
    """
    leaf, spine = catalog.get("switch", network.leaf.switch), catalog.get("switch", network.spine.switch)
    nic = catalog.get("nic", network.nic)
    return _line(network.nic_optics, nic, leaf), _line(network.trunk_optics, leaf, spine)


def line_rates(network: Network) -> tuple[float, float]:
    """Rate of a line from an adapter to a leaf, and from a leaf to a spine [bytes/s]."""
    access, trunk = lines(network)
    return access.rate_bytes_per_s, trunk.rate_bytes_per_s


def _line(optics: str, *ends: Card) -> Line:
    card = catalog.get("optics", optics)
    rates = [float(e.rate_bytes_per_s if e.kind == "nic" else e.port_rate_bytes_per_s) for e in ends]
    rate = min([float(card.rate_bytes_per_s), *rates])
    is_copper, is_cable = "copper" in card.medium, "active" in card.medium
    return Line(
        optics=optics,
        medium=optics if is_copper or is_cable else "fiber",
        rate_bytes_per_s=rate,
        end_w=float(card.power_per_end_w) * rate / float(card.rate_bytes_per_s),
        ends_s=float(card.get("latency_s", 0.0 if is_copper else c.SIGNAL_PROCESSORS_S)),
        s_per_m=float(card.get("propagation_s_per_m", c.COPPER_S_PER_M if is_copper else c.FIBRE_S_PER_M)),
    )


def leaf_of(adapters: Sequence[Adapter], leaves: int) -> list[int]:
    """Leaf of each adapter, rail-optimised.

    Where the leaves are a multiple of the rails, each rail has a leaf in each scalable unit, and a unit is
    a run of neighbouring trays or nodes (reference architecture of the DGX SuperPOD). Otherwise
    adapters go round the leaves in turn.

    Examples
    --------
    >>> nics = [Adapter("", "", None, 0, rail, 4) for _ in range(2) for rail in range(4)]
    >>> leaf_of(nics, 4), leaf_of(nics, 8), leaf_of(nics, 3)
    ([0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 0, 1, 2, 0, 1])
    """
    rails = {a.rails for a in adapters}
    if len(rails) != 1 or leaves % min(rails):
        return [i % leaves for i in range(len(adapters))]
    per_unit = min(rails)
    units, groups = len(adapters) // per_unit, leaves // per_unit
    return [a.rail + per_unit * ((i // per_unit) * groups // units) for i, a in enumerate(adapters)]


def uplinks(down: Sequence[int], network: Network) -> list[int]:
    """Lines from each leaf to the spines: as many as come from below, as far as ports go.

    Parameters
    ----------
    down : sequence of int
        Lines from adapters to each leaf.

    Returns
    -------
    list of int
        Lines to the spines; 0 where no port is left.
    """
    leaf, spine = catalog.get("switch", network.leaf.switch), catalog.get("switch", network.spine.switch)
    access, trunk = lines(network)
    per_leaf_port, per_spine_port = (lines_per_port(card, trunk.rate_bytes_per_s) for card in (leaf, spine))
    access_per_port = lines_per_port(leaf, access.rate_bytes_per_s) or 1
    spine_ports = int(spine.ports) - -(-c.GATEWAY_LINES_PER_SPINE // (per_spine_port or 1))
    room = spine_ports * per_spine_port * network.spine.count // len(down)
    ratio = access.rate_bytes_per_s / trunk.rate_bytes_per_s
    made = []
    for count in down:
        free = (int(leaf.ports) - -(-count // access_per_port)) * per_leaf_port
        made.append(max(0, min(ceil(count * ratio), free, room)))
    return made


def switch_items(network: Network) -> list[tuple[str, Card]]:
    """Ids and cards of all switches, spines first."""
    tiers = (("spine", network.spine), ("leaf", network.leaf))
    return [(n, catalog.get("switch", tier.switch)) for name, tier in tiers for n in ids(name, tier.count)]


def network_racks(network: Network, rows: int) -> Items:
    """Racks for the switches: one a row, more where a rack is full."""
    units = sum(_switch_units(card) for _, card in switch_items(network))
    count = max(rows, -(-units // c.NETWORK_RACK_UNITS))
    return [(name, c.NETWORK_RACK_M) for name in ids("network-rack", count)]


def _switch_units(card: Card) -> int:
    return round(float(card.get("height_m", c.SWITCH_M[2])) / c.RACK_UNIT_M) + 1  # and one for cables


def add_fabric(graph: nx.MultiDiGraph, plan: Plan, network: Network, adapters: Sequence[Adapter]) -> None:
    """Add switches, gateway, transceivers and cables to a graph that has its racks.

    A leaf has the attributes ``lines_down`` and ``lines_up``; both tiers have ``ports`` and ``demand_max_w``.
    """
    switches = _add_switches(graph, plan, network)
    spines = [switches[n] for n in ids("spine", network.spine.count)]
    leaves = [switches[n] for n in ids("leaf", network.leaf.count)]
    access, trunk = lines(network)
    of_leaf = leaf_of(adapters, len(leaves))
    down = [of_leaf.count(i) for i in range(len(leaves))]
    up = uplinks(down, network)
    cables = _Cables(graph, plan, len(leaves))

    gateway = _add_gateway(graph, plan, spines)
    for spine in spines:
        for _ in range(c.GATEWAY_LINES_PER_SPINE):
            cables.join(gateway, spine, trunk, 0)
    turn = cycle(spines)
    for lane, leaf in enumerate(leaves):
        for _ in range(up[lane]):
            cables.join(next(turn), leaf, trunk, lane)
    for adapter, lane in zip(adapters, of_leaf, strict=True):
        cables.join(leaves[lane], adapter, access, lane)
    for leaf, lines_down, lines_up in zip(leaves, down, up, strict=True):
        graph.nodes[leaf.name].update(lines_down=lines_down, lines_up=lines_up)
    for switch in (*spines, *leaves):
        graph.nodes[switch.name]["demand_max_w"] = _demand_max_w(graph, switch)


class _Cables:
    """Lays cables in the network trays, those of one leaf side by side."""

    def __init__(self, graph: nx.MultiDiGraph, plan: Plan, leaves: int) -> None:
        self.graph, self.plan, self.leaves = graph, plan, leaves

    def join(self, upper: _Switch, lower: _Switch | Adapter, line: Line, lane: int) -> None:
        """Lay a cable between two devices."""
        graph, rate = self.graph, line.rate_bytes_per_s
        top, top_box = upper.plug(graph, line)
        add_link(graph, upper.name, top, "network", rate_bytes_per_s=rate, latency_s=_hop_s(upper))
        if isinstance(lower, _Switch):
            bottom, bottom_box = lower.plug(graph, line)
            add_link(graph, bottom, lower.name, "network", rate_bytes_per_s=rate)
        else:
            bottom, bottom_box = lower.optic, lower.box
            graph.nodes[bottom]["power_w"] = line.end_w
        aside_m = ((lane + 0.5) / self.leaves - 0.5) * c.TRAY_WIDTH_M
        route = self.plan.along_rows(
            (top_box.centre, upper.row),
            (bottom_box.centre, lower.row),
            above_m=c.NETWORK_TRAY_M,
            cross_x_m=self.plan.right_x_m + aside_m,
            forward_m=0.25 + aside_m,
        )
        add_link(
            graph,
            top,
            bottom,
            "network",
            route=route,
            medium=line.medium,
            rate_bytes_per_s=rate,
            slack_m=c.CABLE_SLACK_M,
        )
        edge = graph.edges[top, bottom, "network"]
        edge["latency_s"] = line.ends_s + line.s_per_m * edge["length_m"]


def _hop_s(switch: _Switch) -> float:
    """Delay of a switch, error correction included."""
    is_infiniband = "InfiniBand" in switch.card.switch_type
    default_s = c.INFINIBAND_HOP_S if is_infiniband else c.ETHERNET_HOP_S
    return float(switch.card.get("latency_s", default_s)) + (c.FEC_S if is_infiniband else 0.0)


def _demand_max_w(graph: nx.MultiDiGraph, switch: _Switch) -> float:
    """Nameplate maximum, or else typical power of the box and all its transceivers."""
    if switch.card.get("power_max_w"):
        return float(switch.card.power_max_w)
    modules_w = sum(graph.nodes[o]["power_w"] for o in switch.optics)
    return float(switch.card.power_typical_w) + float(modules_w)


def _add_switches(graph: nx.MultiDiGraph, plan: Plan, network: Network) -> dict[str, _Switch]:
    """Stack the switches in the network racks, in turn, from the top."""
    racks = [n for n in plan.boxes if n.startswith("network-rack")]
    for rack in racks:
        box = plan.boxes[rack]
        add_asset(graph, rack, "network_rack", box, "hall", row=plan.row_of[rack], facing=box.facing)
    free_m = dict.fromkeys(racks, c.NETWORK_RACK_M[2] - 3 * c.RACK_UNIT_M)
    made = {}
    for (name, card), rack in zip(switch_items(network), cycle(racks), strict=False):
        height_m = float(card.get("height_m", c.SWITCH_M[2]))
        free_m[rack] -= _switch_units(card) * c.RACK_UNIT_M
        box = _stack(plan.boxes[rack], free_m[rack], (*c.SWITCH_M[:2], height_m))
        kind = "spine" if name.startswith("spine") else "leaf"
        add_asset(
            graph, name, kind, box, rack, catalog=card.name, ports=int(card.ports), lines_down=0, lines_up=0
        )
        made[name] = _Switch(name, card, box, plan.row_of[rack], int(card.get("radix", card.ports)))
    return made


def _stack(rack: Box, up_m: float, size: Size) -> Box:
    return rack.part((rack.size[0] - size[0]) / 2, 0.05, up_m, size)


def _add_gateway(graph: nx.MultiDiGraph, plan: Plan, spines: list[_Switch]) -> _Switch:
    """Add the way in for requests: a border switch as quick as a spine, whose power is not of this site."""
    rack = next(n for n in plan.boxes if n.startswith("network-rack"))
    box = _stack(plan.boxes[rack], 2 * c.RACK_UNIT_M, (*c.SWITCH_M[:2], 2 * c.RACK_UNIT_M))
    add_asset(graph, "gateway", "gateway", box, rack)
    return _Switch("gateway", spines[0].card, box, plan.row_of[rack], len(spines) * c.GATEWAY_LINES_PER_SPINE)
