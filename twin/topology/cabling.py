"""Cables of a hall: from port to port through the trays, each with a transceiver at both ends.

A transceiver node is the end of one line: the two lines of a broken-out cage count as two ends, each with its share
of the power. The one exception is an adapter, whose transceiver holds all lines into which its cable splits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import networkx as nx
import numpy as np

from twin.catalog import Card
from twin.topology import constants as c
from twin.topology.assets import add_asset, add_link
from twin.topology.fabric.arrays import Fabric, order_within
from twin.topology.fabric.media import Medium, end_w, lay
from twin.topology.fabrics import Device, add_boxes, set_powers
from twin.topology.geometry import Box, Route, length_m
from twin.topology.host_adapters import add_host_adapters
from twin.topology.layout import Plan
from twin.topology.racks import Adapter


@dataclass(frozen=True)
class _Cable:
    """A line on its way: both devices, the transceivers in them, and the route."""

    link: int
    upper: Device
    lower: Device | Adapter
    top: tuple[str, Box]
    bottom: tuple[str, Box]
    route: Route


def add_fabric(graph: nx.MultiDiGraph, plan: Plan, fabric: Fabric, adapters: Sequence[Adapter]) -> Fabric:
    """Add network racks, switches, servers, gateway, transceivers and cables to a graph that has its racks.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Changed in place. Switches get ``layer``, ``plane``, ``pod``, ``unit``, ``rail``, ``lines_down``,
        ``lines_up`` and ``demand_max_w``; those of a design ``power_w`` too.
    plan : Plan
        With the network racks.
    fabric : Fabric
        From :func:`twin.topology.fabrics.hall_fabric`.
    adapters : sequence of Adapter
        Scale-out adapters of all racks, in the order of the GPUs.

    Returns
    -------
    Fabric
        With lengths, media and delays of the hall.
    """
    devices = add_boxes(graph, plan, fabric)
    ends = _ends(fabric, adapters) | add_host_adapters(graph, fabric)
    cables = list(_routes(plan, fabric, devices, ends))
    laid = lay(fabric, np.array([length_m(cable.route) + c.CABLE_SLACK_M for cable in cables]))
    for cable in cables:
        _join(graph, laid, cable)
    for i in np.flatnonzero(fabric.per_node("tier") > 0).tolist():
        _count_lines(graph, fabric, i, devices[i].name)
    set_powers(graph, laid)
    return laid


def _count_lines(graph: nx.MultiDiGraph, fabric: Fabric, node: int, name: str) -> None:
    counts = {"lines_down": int(fabric.down_lines[node]), "lines_up": int(fabric.up_lines[node])}
    graph.nodes[name].update(counts)


def _ends(fabric: Fabric, adapters: Sequence[Adapter]) -> dict[tuple[str, int, int], Adapter]:
    """Adapter of each port of each GPU, by layer, node and port."""
    block = next(b for b in fabric.blocks if b.kind == "gpu")
    node = {name: i for i, name in enumerate(block.names(), block.first)}
    ports = order_within(np.array([node[a.gpu] for a in adapters]))
    words = fabric.words
    splits = words.planes * (2 if words.dual_tor else 1) if words else 1
    return {
        ("compute", node[adapter.gpu], int(port) * splits + split): adapter
        for adapter, port in zip(adapters, ports, strict=True)
        for split in range(splits)
    }


def _routes(
    plan: Plan, fabric: Fabric, devices: Mapping[int, Device], ends: Mapping[tuple[str, int, int], Adapter]
) -> Iterator[_Cable]:
    """Plug every line in turn, and find its way along the rows; those of one switch lie side by side."""
    tier, kind = fabric.per_node("tier"), fabric.per_node("kind")
    first = np.array([b.first for b in fabric.blocks])[fabric.block].tolist()
    count = np.array([b.count for b in fabric.blocks])[fabric.block].tolist()
    edge = next(
        b.first for b in fabric.blocks if b.tier == 1
    )  # lines of the gateway keep to the edge of the tray
    for link, (a, b, port, layer) in enumerate(
        zip(fabric.a.tolist(), fabric.b.tolist(), fabric.port_a.tolist(), fabric.layer.tolist(), strict=True)
    ):
        is_gateway = kind[a] == "gateway"
        upper, lower = (a, b) if is_gateway else (b, a)
        top = devices[upper].plug()
        end: Device | Adapter = devices.get(lower) or ends[fabric.layers[layer], lower, port]
        bottom = end.plug() if isinstance(end, Device) else (end.optic, end.box)
        beside = edge if is_gateway else a if tier[a] else b
        aside_m = ((beside - first[beside] + 0.5) / count[beside] - 0.5) * c.TRAY_WIDTH_M
        route = plan.along_rows(
            (top[1].centre, devices[upper].row), (bottom[1].centre, end.row), above_m=c.NETWORK_TRAY_M,
            cross_x_m=plan.right_x_m + aside_m, forward_m=0.25 + aside_m,
        )  # fmt: skip
        yield _Cable(link, devices[upper], end, top, bottom, route)


def _join(graph: nx.MultiDiGraph, fabric: Fabric, cable: _Cable) -> None:
    """Add the transceivers of a line, and its links from device to device."""
    rate = float(fabric.rate_bytes_per_s[cable.link])
    medium: Medium = fabric.media[fabric.medium[cable.link]]
    (top, top_box), (bottom, bottom_box) = cable.top, cable.bottom
    upper, lower = cable.upper, cable.lower
    watts = [end_w(card, rate) for card in (medium.lower, medium.upper)]
    add_asset(
        graph, top, "optic", top_box, upper.name, catalog=medium.upper, power_w=watts[1], lines=(cable.link,)
    )
    card = upper.card or (lower.card if isinstance(lower, Device) else None)
    add_link(graph, upper.name, top, "network", rate_bytes_per_s=rate, latency_s=_hop_s(card))
    if isinstance(lower, Device):
        add_asset(
            graph,
            bottom,
            "optic",
            bottom_box,
            lower.name,
            catalog=medium.lower,
            power_w=watts[0],
            lines=(cable.link,),
        )
        add_link(graph, bottom, lower.name, "network", rate_bytes_per_s=rate)
    else:
        optic = graph.nodes[bottom]
        lines, power_w = (*optic.get("lines", ()), cable.link), optic.get("power_w", 0.0) + watts[0]
        optic.update(catalog=medium.lower, power_w=power_w, lines=lines)
    is_fibre = medium.cable.endswith("fibre")
    add_link(
        graph, top, bottom, "network", route=cable.route, medium="fiber" if is_fibre else medium.upper,
        rate_bytes_per_s=rate, latency_s=float(fabric.latency_s[cable.link]), slack_m=c.CABLE_SLACK_M,
    )  # fmt: skip


@cache
def _hop_s(switch: Card | None) -> float:
    """Delay of a switch, error correction included."""
    if switch is None:
        return c.ETHERNET_HOP_S
    is_infiniband = "InfiniBand" in switch.switch_type
    default_s = c.INFINIBAND_HOP_S if is_infiniband else c.ETHERNET_HOP_S
    return float(switch.get("latency_s", default_s)) + (c.FEC_S if is_infiniband else 0.0)
