"""How assets and links enter the graph: every node and every edge carries the same keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import networkx as nx

from twin.catalog import Card
from twin.topology.geometry import Box, Route, length_m
from twin.topology.site_graph import SiteGraph

SWITCHES = ("leaf", "spine", "core")
"""Kinds of switches of scale-out networks, from the adapters up."""

PLACE: Final[dict[str, Any]] = {
    "kind": "place", "medium": "", "rate_bytes_per_s": 0.0, "latency_s": 0.0, "length_m": 0.0, "route": (),
    "count": 1, "share": 0.0,
}  # fmt: skip
"""Attributes of every ``place`` edge: one dict for all of them, as they say nothing else."""


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
    graph: SiteGraph, name: str, kind: str, box: Box, parent: str, *, catalog: str = "", **more: Any
) -> None:
    """Add a node, and the ``place`` edge from what it stands in.

    Parameters
    ----------
    graph : SiteGraph
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
    more = {
        "kind": kind, "catalog": catalog, "parents": parents, "place": box.place, "size": box.size, **more
    }  # fmt: skip
    graph.stand(name, more)
    if parent:
        graph.join(parent, name, "place", PLACE)


def add_link(
    graph: SiteGraph,
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
    graph : SiteGraph
        Changed in place.
    source, target : str
        Ids. Power runs from the grid to the load, coolant and air as they flow; a network or NVLink
        edge stands once for both directions and points from the gateway to the GPU, from the GPU to
        the switch chip.
    kind : {"power", "coolant", "air", "network", "nvlink"}
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
    attributes = {
        "kind": kind,
        "medium": medium,
        "rate_bytes_per_s": rate_bytes_per_s,
        "latency_s": latency_s,
        "length_m": length_m(route) + slack_m if route else 0.0,
        "route": route,
        "count": count,
        "share": share,
    }
    graph.join(source, target, kind, attributes)


def converter(card: Card, units: int = 1) -> dict[str, float]:
    """Rating and loss polynomial of a converter, as node attributes; several units share the load."""
    return {
        "rating_w": units * float(card.rating_w),
        "loss_constant_frac": float(card.loss_constant_frac),
        "loss_linear_frac": float(card.loss_linear_frac),
        "loss_quadratic_frac": float(card.loss_quadratic_frac),
    }


def by_kind(graph: nx.MultiDiGraph) -> Mapping[str, Sequence[str]]:
    """Ids of all assets by kind, in the order in which they were built."""
    if isinstance(graph, SiteGraph):
        return graph.kinds()
    found: dict[str, list[str]] = {}
    for name, kind in graph.nodes(data="kind"):
        found.setdefault(kind, []).append(name)
    return found


def of_kind(graph: nx.MultiDiGraph, *kinds: str) -> list[str]:
    """Ids of all assets of some kinds, in the order in which they were built."""
    found = [names for kind, names in by_kind(graph).items() if kind in kinds]
    if len(found) < 2:
        return list(found[0]) if found else []
    wanted = {n for names in found for n in names}
    return [n for n in graph if n in wanted]


def edges_of(graph: nx.MultiDiGraph, *kinds: str) -> list[tuple[str, str, dict[str, Any]]]:
    """All edges of some kinds, in the order in which their sources were built."""
    if isinstance(graph, SiteGraph):
        return graph.edges_of(*kinds)
    return [(u, v, d) for u, v, key, d in graph.edges(keys=True, data=True) if key in kinds]
