"""How the GPUs of replicas hang on the leaves of the fabric, and what leads from there to the spines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attachment:
    """Groups of GPUs on the leaves.

    Parameters
    ----------
    leaves : tuple of str
        Ids of the leaves.
    trunk_bytes_per_s : array (leaf)
        All links from a leaf to the spines together, in one direction [bytes/s].
    share_frac : array (group, leaf)
        Share of the adapters of a group that hang on each leaf; rows add up to 1, or to 0 without adapters.
    """

    leaves: tuple[str, ...]
    trunk_bytes_per_s: Floats
    share_frac: Floats


def attachment(graph: nx.MultiDiGraph, groups: Sequence[Iterable[str]]) -> Attachment:
    """Read off the graph where groups of GPUs hang.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`.
    groups : sequence of iterable of str
        GPU ids of each group.

    Examples
    --------
    >>> hall = nx.MultiDiGraph()
    >>> kinds = {"spine-1": "spine", "leaf-1": "leaf", "leaf-2": "leaf", "nic": "nic", "gpu": "gpu"}
    >>> hall.add_nodes_from((name, {"kind": kind}) for name, kind in kinds.items())
    >>> lines = ("spine-1", "leaf-1", 4e11), ("leaf-1", "nic", 5e10), ("leaf-2", "nic", 5e10), ("nic", "gpu", 1e11)
    >>> for a, b, rate in lines:
    ...     _ = hall.add_edge(a, b, key="network", rate_bytes_per_s=rate)
    >>> found = attachment(hall, [["gpu"]])
    >>> found.trunk_bytes_per_s.tolist(), found.share_frac.tolist()
    ([400000000000.0, 0.0], [[0.5, 0.5]])
    """
    leaves = tuple(n for n, kind in graph.nodes(data="kind") if kind == "leaf")
    place = {leaf: i for i, leaf in enumerate(leaves)}
    trunks = np.array([sum(rate for _, rate in _above(graph, leaf)) for leaf in leaves], dtype=np.float64)
    rates = np.zeros((len(groups), len(leaves)))
    known: dict[str, dict[str, float]] = {}
    for group, gpus in enumerate(groups):
        for gpu in gpus:
            if gpu not in known:
                known[gpu] = _leaf_rates(graph, gpu)
            for leaf, rate in known[gpu].items():
                rates[group, place[leaf]] += rate
    total = rates.sum(axis=1, keepdims=True)
    return Attachment(leaves, trunks, np.divide(rates, total, out=np.zeros_like(rates), where=total > 0.0))


def _above(graph: nx.MultiDiGraph, node: str) -> list[tuple[str, float]]:
    """What a device hangs on in the network, with the rate of each link [bytes/s]."""
    edges = graph.in_edges(node, keys=True, data="rate_bytes_per_s")
    return [(upper, float(rate)) for upper, _, key, rate in edges if key == "network"]


def _leaf_rates(graph: nx.MultiDiGraph, gpu: str) -> dict[str, float]:
    """What leads from a GPU to each leaf [bytes/s]."""
    found: dict[str, float] = defaultdict(float)
    waiting = [(gpu, np.inf)]
    while waiting:
        node, rate = waiting.pop()
        if graph.nodes[node]["kind"] == "leaf":
            found[node] += rate
            continue
        waiting += [(upper, min(rate, own)) for upper, own in _above(graph, node)]
    return found
