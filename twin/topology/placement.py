"""Which GPUs serve together."""

from __future__ import annotations

from collections.abc import Collection

import networkx as nx

from twin.errors import Fault, TopologyError
from twin.registry import find
from twin.topology.assets import of_kind


def domains(graph: nx.MultiDiGraph, racks: Collection[str] | None = None) -> dict[str, list[str]]:
    """GPUs of each NVLink domain, in the order in which they were built.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    racks : collection of str, optional
        Only on racks of these groups.
    """
    found: dict[str, list[str]] = {}
    for gpu in of_kind(graph, "gpu"):
        node = graph.nodes[gpu]
        if racks is None or graph.nodes[node["rack"]]["group"] in racks:
            found.setdefault(node["domain"], []).append(gpu)
    return found


def groups(
    graph: nx.MultiDiGraph,
    size: int,
    tensor: int | None = None,
    racks: Collection[str] | None = None,
    placement: str = "packed",
) -> list[list[str]]:
    """Place groups of replicas; GPUs of a group are alike.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    size : int
        GPU packages of a group, at least 1.
    tensor : int, optional
        Of these, how many must lie in one NVLink domain; ``size`` if left out.
    racks : collection of str, optional
        Only on racks of these groups.
    placement : str
        A policy of ``twin.policies.placement``.

    Returns
    -------
    list of list of str
        GPUs of each group; those that are left over serve nothing.

    Raises
    ------
    TopologyError
        When no group fits.

    Examples
    --------
    >>> rack = nx.MultiDiGraph()
    >>> rack.add_node("rack-1", kind="rack", group="all")
    >>> for i in range(5):
    ...     rack.add_node(f"gpu-{i}", kind="gpu", domain="d", rack="rack-1", catalog="x")
    >>> groups(rack, 2)
    [['gpu-0', 'gpu-1'], ['gpu-2', 'gpu-3']]
    """
    tensor = size if tensor is None else tensor
    place = find("twin.policies.placement", placement, "place")
    alike: dict[str, list[list[str]]] = {}
    for gpus in domains(graph, racks).values():
        alike.setdefault(graph.nodes[gpus[0]]["catalog"], []).append(gpus)
    made = [group for parts in alike.values() for group in place(parts, size, tensor)]
    if not made:
        parts = [part for kind in alike.values() for part in kind]
        largest = max(map(len, parts), default=0)
        found, most = f"{size} GPU packages", f"at most the {sum(map(len, parts))} of these racks"
        if tensor > largest:
            found, most = str(tensor), f"at most the {largest} GPU packages of an NVLink domain"
        fault = Fault("", 0, "serving.tensor_parallel", found, most, "choose a smaller split or more racks")
        raise TopologyError("no NVLink domain holds a replica", [fault])
    return made


def is_joined(graph: nx.MultiDiGraph, gpus: Collection[str]) -> bool:
    """Whether one NVLink domain holds all these GPUs.

    Examples
    --------
    >>> rack = nx.MultiDiGraph()
    >>> rack.add_nodes_from(["a", "b"], domain="d")
    >>> is_joined(rack, ["a", "b"])
    True
    """
    return len({graph.nodes[gpu]["domain"] for gpu in gpus}) == 1
