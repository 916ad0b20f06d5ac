"""Index maps: who belongs to whom, as arrays; the graph is not walked again while time runs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import topology
from twin.scenario import Scenario

Index = NDArray[np.int64]
NOBODY = -1


@dataclass(frozen=True)
class Maps:
    """Ids by kind and index maps between kinds; -1 where an asset belongs to nobody.

    Parameters
    ----------
    ids : dict of str to tuple of str
        Asset ids by kind, in the order of all arrays.
    rack_of_gpu, replica_of_gpu, cdu_of_gpu : array (gpu)
        Owner of each GPU package.
    cdu_of_rack : array (rack)
        CDU that cools a rack, -1 for a rack without liquid.
    group_of_rack : tuple of str (rack)
        Name of the rack group in the scenario.
    """

    ids: dict[str, tuple[str, ...]]
    rack_of_gpu: Index
    replica_of_gpu: Index
    cdu_of_gpu: Index
    cdu_of_rack: Index
    group_of_rack: tuple[str, ...]


def by_kind(graph: nx.MultiDiGraph) -> dict[str, tuple[str, ...]]:
    """Asset ids by kind, in the order in which they were built."""
    found: dict[str, list[str]] = defaultdict(list)
    for node, kind in graph.nodes(data="kind"):
        found[kind].append(node)
    return {kind: tuple(ids) for kind, ids in found.items()}


def build_maps(graph: nx.MultiDiGraph, scenario: Scenario) -> Maps:
    """Read the index maps off the graph, once."""
    ids = by_kind(graph)
    replicas = topology.replicas(graph, scenario.serving.tensor_parallel)
    width = max(3, len(str(len(replicas))))
    ids["replica"] = tuple(f"replica-{i + 1:0{width}d}" for i in range(len(replicas)))
    racks = {rack: i for i, rack in enumerate(ids["rack"])}
    cdus = {cdu: i for i, cdu in enumerate(ids.get("cdu", ()))}
    gpus = {gpu: i for i, gpu in enumerate(ids["gpu"])}
    cdu_of_rack = np.full(len(racks), NOBODY)
    for a, b, kind in graph.edges(data="kind"):
        if kind == "coolant" and a in cdus and b in racks:
            cdu_of_rack[racks[b]] = cdus[a]
    rack_of_gpu = np.array([racks[graph.nodes[g]["rack"]] for g in ids["gpu"]])
    replica_of_gpu = np.full(len(gpus), NOBODY)
    for r, members in enumerate(replicas):
        replica_of_gpu[[gpus[g] for g in members]] = r
    return Maps(
        ids=ids,
        rack_of_gpu=rack_of_gpu,
        replica_of_gpu=replica_of_gpu,
        cdu_of_gpu=cdu_of_rack[rack_of_gpu],
        cdu_of_rack=cdu_of_rack,
        group_of_rack=tuple(graph.nodes[r]["group"] for r in ids["rack"]),
    )


def total(amount: NDArray[np.float64], owner: Index, owners: int) -> NDArray[np.float64]:
    """Sum amounts over an index map; what belongs to nobody is left out.

    Examples
    --------
    >>> total(np.array([1.0, 2.0, 4.0]), np.array([0, 0, 1]), 2)
    array([3., 4.])
    """
    kept = owner >= 0
    if kept.all():
        return np.bincount(owner, amount, owners).astype(np.float64, copy=False)
    return np.bincount(owner[kept], amount[kept], owners).astype(np.float64, copy=False)
