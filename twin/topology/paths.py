"""Ways through the network, and which GPUs serve together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import networkx as nx

from twin.errors import Fault, TopologyError
from twin.topology.assets import of_kind


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


def domains(graph: nx.MultiDiGraph) -> dict[str, list[str]]:
    """GPUs of each NVLink domain, in the order in which they were built."""
    groups: dict[str, list[str]] = {}
    for gpu in of_kind(graph, "gpu"):
        groups.setdefault(graph.nodes[gpu]["domain"], []).append(gpu)
    return groups


def replicas(graph: nx.MultiDiGraph, tensor_parallel: int) -> list[list[str]]:
    """Pack tensor-parallel groups into NVLink domains.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    tensor_parallel : int
        GPU packages of a replica, at least 1.

    Returns
    -------
    list of list of str
        GPUs of each replica; those that are left over in a domain serve nothing.

    Raises
    ------
    TopologyError
        When a group fits no domain.

    Examples
    --------
    >>> rack = nx.MultiDiGraph()
    >>> for i in range(5):
    ...     rack.add_node(f"gpu-{i}", kind="gpu", domain="rack-1")
    >>> replicas(rack, 2)
    [['gpu-0', 'gpu-1'], ['gpu-2', 'gpu-3']]
    """
    groups = domains(graph)
    made = [
        gpus[i : i + tensor_parallel]
        for gpus in groups.values()
        for i in range(0, len(gpus) - tensor_parallel + 1, tensor_parallel)
    ]
    if not made:
        largest = max(map(len, groups.values()), default=0)
        fault = Fault(
            "",
            0,
            "serving.tensor_parallel",
            str(tensor_parallel),
            f"at most the {largest} GPU packages of an NVLink domain",
            f"write {largest} or less",
        )
        raise TopologyError("no NVLink domain holds a replica", [fault])
    return made
