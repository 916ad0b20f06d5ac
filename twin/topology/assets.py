"""How assets and links enter the graph: every node and every edge carries the same keys."""

from __future__ import annotations

from typing import Any

import networkx as nx

from twin.catalog import Card
from twin.topology.geometry import Box, Route, length_m

SWITCHES = ("leaf", "spine", "core")
"""Kinds of switches of scale-out networks, from the adapters up."""


def ids(prefix: str, count: int, least_digits: int = 1) -> list[str]:
    """Readable ids that sort as they count.

    Examples
    --------
    >>> ids("pdu", 2), ids("rack", 1, 2)
    (['pdu-1', 'pdu-2'], ['rack-01'])
    """
    digits = max(least_digits, len(str(count)))
    return [f"{prefix}-{i + 1:0{digits}d}" for i in range(count)]


def add_asset(
    graph: nx.MultiDiGraph, name: str, kind: str, box: Box, parent: str, *, catalog: str = "", **more: Any
) -> None:
    """Add a node, and the ``place`` edge from what it stands in.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Changed in place.
    name, kind : str
        Id, and kind as in the recorded quantities.
    box : Box
        Where it stands.
    parent : str
        Id of what holds it; empty for the site.
    catalog : str
        Name of its card, empty when it has none.
    **more
        Attributes of its kind, with their unit as suffix.
    """
    parents = [parent] if parent else []
    graph.add_node(name, kind=kind, catalog=catalog, parents=parents, place=box.place, size=box.size, **more)
    if parent:
        add_link(graph, parent, name, "place")


def add_link(
    graph: nx.MultiDiGraph,
    source: str,
    target: str,
    kind: str,
    *,
    route: Route = (),
    medium: str = "",
    rate_bytes_per_s: float = 0.0,
    latency_s: float = 0.0,
    slack_m: float = 0.0,
    count: int = 1,
    share: float = 0.0,
) -> None:
    """Add an edge; its key is its kind.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Changed in place.
    source, target : str
        Ids. Power runs from the grid to the load, coolant and air as they flow; a network or NVLink
        edge stands once for both directions and points from the gateway to the GPU, from the GPU to
        the switch chip.
    kind : {"power", "coolant", "air", "network", "nvlink", "place"}
    route : tuple of points
        Right-angled polyline [m]; empty where nothing is laid.
    medium : str
        Card of the cable, empty when it has none.
    rate_bytes_per_s : float
        In one direction, all parallel lines together.
    latency_s : float
        One way, without queueing.
    slack_m : float
        Cable beyond the route.
    count : int
        Parallel lines.
    share : float
        Share of what the target draws that comes this way [1]; the shares of a target add up to 1.
    """
    graph.add_edge(
        source,
        target,
        key=kind,
        kind=kind,
        medium=medium,
        rate_bytes_per_s=rate_bytes_per_s,
        latency_s=latency_s,
        length_m=length_m(route) + slack_m if route else 0.0,
        route=route,
        count=count,
        share=share,
    )


def converter(card: Card, units: int = 1) -> dict[str, float]:
    """Rating and loss polynomial of a converter, as node attributes; several units share the load."""
    return {
        "rating_w": units * float(card.rating_w),
        "loss_constant_frac": float(card.loss_constant_frac),
        "loss_linear_frac": float(card.loss_linear_frac),
        "loss_quadratic_frac": float(card.loss_quadratic_frac),
    }


def of_kind(graph: nx.MultiDiGraph, *kinds: str) -> list[str]:
    """Ids of all assets of some kinds, in the order in which they were built."""
    return [n for n, kind in graph.nodes(data="kind") if kind in kinds]


def edges_of(graph: nx.MultiDiGraph, kind: str) -> list[tuple[str, str, dict[str, Any]]]:
    """All edges of a kind."""
    return [(u, v, d) for u, v, key, d in graph.edges(keys=True, data=True) if key == kind]
