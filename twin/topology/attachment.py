"""How GPUs hang on the scale-out fabric: the shared links that a hall's traffic crosses.

Packets are sprayed over parallel links, so all links from a leaf to the spines fill together, and so do all links
from the spines of a pod to the cores. Each such bundle is one shared link, called a trunk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin.topology.assets import of_kind
from twin.topology.paths import links_above

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attachment:
    """Groups of GPUs on the trunks of a fabric.

    Parameters
    ----------
    leaves : tuple of str
        Ids of the leaves; the first trunks are theirs, in this order.
    trunk_bytes_per_s : array (trunk)
        All links of a trunk together, in one direction [bytes/s]: from each leaf to the spines, then from the
        spines of each pod to the cores, where there are three tiers.
    share_frac : array (group, trunk)
        Share of the adapters of a group that hang below each trunk. Over the leaves a row adds up to 1, or to 0
        without adapters; over pods too, where there are any. What a transfer cannot keep below a trunk crosses
        it: the share of one end less that of the other.
    pods : tuple of tuple of str
        Spines of each pod that has links to cores; the trunks after those of the leaves are theirs. Planes of a
        fabric have pods of their own.
    """

    leaves: tuple[str, ...]
    trunk_bytes_per_s: Floats
    share_frac: Floats
    pods: tuple[tuple[str, ...], ...] = ()


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
    leaves = tuple(of_kind(graph, "leaf"))
    place = {leaf: i for i, leaf in enumerate(leaves)}
    trunks = np.array([_rate_above(graph, leaf) for leaf in leaves], dtype=np.float64)
    rates = np.zeros((len(groups), len(leaves)))
    known: dict[str, dict[str, float]] = {}
    for group, gpus in enumerate(groups):
        for gpu in gpus:
            if gpu not in known:
                known[gpu] = _leaf_rates(graph, gpu)
            for leaf, rate in known[gpu].items():
                rates[group, place[leaf]] += rate
    total = rates.sum(axis=1, keepdims=True)
    shares = np.divide(rates, total, out=np.zeros_like(rates), where=total > 0.0)
    pods = _pods(graph, leaves)
    of_pods = [shares[:, below].sum(axis=1, keepdims=True) for below in pods.values()]
    pod_trunks = [sum(_rate_above(graph, spine) for spine in pod) for pod in pods]
    return Attachment(
        leaves, np.concatenate([trunks, pod_trunks]), np.concatenate([shares, *of_pods], axis=1), tuple(pods)
    )


def _rate_above(graph: nx.MultiDiGraph, switch: str) -> float:
    """Rate of the links from a switch to those above it [bytes/s]; the way in for requests is none of them."""
    return sum(rate for upper, rate in links_above(graph, switch) if _far_kind(graph, upper) != "gateway")


def _far_kind(graph: nx.MultiDiGraph, node: str) -> str:
    """Kind of the device at the far end of a cable, past its transceivers."""
    while graph.nodes[node].get("kind") == "optic":
        node = next(upper for upper, _ in links_above(graph, node))
    return str(graph.nodes[node].get("kind"))


def _pods(graph: nx.MultiDiGraph, leaves: tuple[str, ...]) -> dict[tuple[str, ...], list[int]]:
    """Leaves below each set of spines that have links to cores."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    if not of_kind(graph, "core"):
        return found
    for i, leaf in enumerate(leaves):
        spines = _above_of_kind(graph, leaf, "spine")
        if any(_rate_above(graph, spine) for spine in spines):
            found[tuple(sorted(spines))].append(i)
    return found


def _above_of_kind(graph: nx.MultiDiGraph, node: str, kind: str) -> dict[str, float]:
    """Devices of a kind above a node, each with the rate that leads there [bytes/s]."""
    found: dict[str, float] = defaultdict(float)
    waiting = [(node, np.inf)]
    while waiting:
        at, rate = waiting.pop()
        if graph.nodes[at]["kind"] == kind:
            found[at] += rate
            continue
        waiting += [(upper, min(rate, own)) for upper, own in links_above(graph, at)]
    return found


def _leaf_rates(graph: nx.MultiDiGraph, gpu: str) -> dict[str, float]:
    """What leads from a GPU to each leaf [bytes/s]."""
    return _above_of_kind(graph, gpu, "leaf")
