"""Ways through the network, and what they carry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import networkx as nx

from twin.errors import Fault, TopologyError

TOPS = ("spine", "core", "gateway")
HOSTS = ("tray", "node")
"""What holds the adapters that GPUs of a node share."""


def request_path(graph: nx.MultiDiGraph, replica_gpus: Iterable[str]) -> list[tuple[str, float]]:
    """Return the quickest way of a request from the gateway to a replica.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`. Only switches above the replica are visited, so that hundreds of
        replicas cost milliseconds.
    replica_gpus : iterable of str
        GPUs of the replica; the first one that the request reaches ends the way.

    Returns
    -------
    list of (str, float)
        Ids from the gateway to the GPU, each with the time to come there from the one before [s].
        The way back takes as long.

    Raises
    ------
    TopologyError
        When no way leads to the replica.

    Examples
    --------
    >>> hall = nx.MultiDiGraph()
    >>> for a, b, s in (("gateway", "spine-1", 1e-6), ("spine-1", "nic", 2e-6), ("nic", "gpu", 5e-7)):
    ...     _ = hall.add_edge(a, b, key="network", latency_s=s)
    >>> request_path(hall, ["gpu"])
    [('gateway', 0.0), ('spine-1', 1e-06), ('nic', 2e-06), ('gpu', 5e-07)]
    """
    gpus = list(replica_gpus)
    try:
        upwards = graph.reverse(copy=False)
        _, way = nx.multi_source_dijkstra(upwards, dict.fromkeys(gpus), "gateway", weight=_latency_s)
    except nx.NetworkXNoPath:
        expected = "a leaf and a spine with free ports"
        fault = Fault("", 0, gpus[0], "no way from the gateway", expected, "add switches")
        raise TopologyError("a replica cannot be reached", [fault]) from None
    way.reverse()
    hops = [(b, float(graph.edges[a, b, "network"]["latency_s"])) for a, b in pairwise(way)]
    return [("gateway", 0.0), *hops]


def _latency_s(_source: str, _target: str, keys: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Latency of a network edge; None hides edges of other kinds."""
    edge = keys.get("network")
    return None if edge is None else float(edge["latency_s"])


def aside_s(graph: nx.MultiDiGraph, way: Iterable[tuple[str, float]]) -> float:
    """Time from the last switch below the gateway to a replica: half of the way to a neighbour [s].

    Where requests come over a network of their own, it is that from the spine above the adapter of the replica.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    way : iterable of (str, float)
        From :func:`request_path`.

    Examples
    --------
    >>> hall = nx.MultiDiGraph()
    >>> kinds = {"gateway": "gateway", "spine-1": "spine", "nic": "nic"}
    >>> hall.add_nodes_from((name, {"kind": kind}) for name, kind in kinds.items())
    >>> aside_s(hall, [("gateway", 0.0), ("spine-1", 1e-06), ("nic", 2e-06)])
    2e-06
    """
    hops = list(way)
    if len(hops) > 1 and graph.nodes[hops[-2][0]].get("kind") in HOSTS:
        hops = _climb(graph, hops[-1][0])
    tops = [i for i, (name, _) in enumerate(hops) if graph.nodes[name].get("kind") in TOPS]
    return sum(s for _, s in hops[max(tops, default=-1) + 1 :])


def _climb(graph: nx.MultiDiGraph, gpu: str) -> list[tuple[str, float]]:
    """Way from the top of the compute network to a GPU, step by step up the quickest link."""
    way, node = [], gpu
    while uppers := [upper for upper, _ in links_above(graph, node)]:
        latency_s, upper = min((float(graph.edges[u, node, "network"]["latency_s"]), u) for u in uppers)
        way.append((node, latency_s))
        node = upper
    return [(node, 0.0), *reversed(way)]


def adapter_bytes_per_s(graph: nx.MultiDiGraph, gpu: str) -> float:
    """What the adapters of a GPU package carry in one direction [bytes/s].

    Examples
    --------
    >>> hall = nx.MultiDiGraph()
    >>> _ = hall.add_edge("nic", "gpu", key="network", rate_bytes_per_s=5e10)
    >>> adapter_bytes_per_s(hall, "gpu")
    50000000000.0
    """
    return float(sum(rate for _, rate in links_above(graph, gpu)))


def links_above(graph: nx.MultiDiGraph, node: str) -> list[tuple[str, float]]:
    """What a device hangs on in the network, with the rate of each link [bytes/s].

    Of a GPU package these are its own adapters; those that it shares with its node, for storage or requests, carry
    no traffic between GPUs and are left out.

    Examples
    --------
    >>> hall = nx.MultiDiGraph()
    >>> hall.add_nodes_from([("tray", {"kind": "tray"}), ("nic", {"kind": "nic"})])
    >>> for source in ("tray", "nic"):
    ...     _ = hall.add_edge(source, "gpu", key="network", rate_bytes_per_s=5e10)
    >>> links_above(hall, "gpu")
    [('nic', 50000000000.0)]
    """
    return [
        (upper, float(keys["network"]["rate_bytes_per_s"]))
        for upper, keys in graph.pred[node].items()
        if "network" in keys and graph.nodes[upper].get("kind") not in HOSTS
    ]
