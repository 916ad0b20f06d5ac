"""The graph of a site: a networkx graph that is quick to build, and to ask for the assets of a kind."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import networkx as nx


@contextmanager
def uncollected() -> Iterator[None]:
    """Build what is large and no garbage without the collector walking it again and again.

    What was made counts as old afterwards: the next walk over all of it comes when as much again is there.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()


class SiteGraph(nx.MultiDiGraph):  # type: ignore[misc]  # networkx has no types
    """A directed multigraph whose nodes have a ``kind`` and whose edges are keyed by theirs.

    Everything that networkx does with a graph, it does with this one. :meth:`stand` and :meth:`join` keep the
    dicts they are given instead of copying them; :meth:`kinds` is found once, until nodes come or go; and
    :meth:`edges_of` looks only where such edges may begin.

    Examples
    --------
    >>> hall = SiteGraph()
    >>> hall.stand("rack-1", {"kind": "rack"})
    >>> hall.stand("psu-1", {"kind": "psu"})
    >>> hall.join("psu-1", "rack-1", "power", {"share": 1.0})
    >>> hall.kinds(), hall.edges["psu-1", "rack-1", "power"]
    ({'rack': ['rack-1'], 'psu': ['psu-1']}, {'share': 1.0})
    >>> hall.edges_of("power")
    [('psu-1', 'rack-1', {'share': 1.0})]
    """

    _of_kind: dict[str, list[str]] | None = None
    _counted = 0

    def __init__(
        self, incoming_graph_data: Any = None, multigraph_input: bool | None = None, **attr: Any
    ) -> None:
        self._sources: defaultdict[str, set[str]] = defaultdict(set)
        super().__init__(incoming_graph_data, multigraph_input, **attr)

    def stand(self, name: str, attributes: dict[str, Any]) -> None:
        """Add a node with these attributes, ``kind`` among them."""
        if name in self._node:
            self.add_node(name, **attributes)
            return
        self._node[name] = attributes
        self._succ[name], self._pred[name] = {}, {}
        if self._of_kind is not None:
            self._of_kind.setdefault(attributes["kind"], []).append(name)
            self._counted += 1

    def join(self, source: str, target: str, kind: str, attributes: dict[str, Any]) -> None:
        """Add an edge between two nodes that are there; one of this kind is replaced."""
        self._sources[kind].add(source)
        beside = self._succ[source].get(target)
        if beside is None:
            self._succ[source][target] = self._pred[target][source] = {kind: attributes}
        else:
            beside[kind] = attributes

    def kinds(self) -> dict[str, list[str]]:
        """Names of the nodes by kind, in the order in which they were added; for reading only."""
        if self._of_kind is None or self._is_view or self._counted != len(self._node):
            self._of_kind, self._counted = {}, len(self._node)
            for name, attributes in self._node.items():
                self._of_kind.setdefault(attributes.get("kind"), []).append(name)
        return self._of_kind

    def edges_of(self, *kinds: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Source, target and attributes of all edges of some kinds, in the order of ``edges``."""
        may_begin = set().union(*(self._sources[kind] for kind in kinds))  # some may have been removed since
        sources = self._node if self._is_view else [n for n in self._node if n in may_begin]
        return [
            (source, target, keys[kind])
            for source in sources
            for target, keys in self._succ[source].items()
            for kind in kinds
            if kind in keys
        ]

    @property
    def _is_view(self) -> bool:
        """Whether it follows another graph."""
        return "_graph" in self.__dict__

    def add_edge(self, u_for_edge: Any, v_for_edge: Any, key: Any = None, **attr: Any) -> Any:
        """As networkx does it."""
        key = super().add_edge(u_for_edge, v_for_edge, key, **attr)
        self._sources[key].add(u_for_edge)
        return key

    def add_node(self, node_for_adding: Any, **attr: Any) -> None:
        """As networkx does it."""
        self._of_kind = None
        super().add_node(node_for_adding, **attr)

    def remove_node(self, n: Any) -> None:
        """As networkx does it."""
        self._of_kind = None
        super().remove_node(n)

    def remove_nodes_from(self, nodes: Iterable[Any]) -> None:
        """As networkx does it."""
        self._of_kind = None
        super().remove_nodes_from(nodes)

    def clear(self) -> None:
        """As networkx does it."""
        self._of_kind = None
        super().clear()
