"""Paths of flows on any graph: hashed, sprayed evenly, or spread by what the paths still carry."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from twin.errors import Fault
from twin.models.flows import FlowError
from twin.network.flow_hash import at_switch, path_hash

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NOWHERE = np.iinfo(np.int64).max


class Routed(NamedTuple):
    """What flows load, as :func:`twin.models.flows.simulate` takes it, and their latency.

    Parameters
    ----------
    first : array (flow + 1)
        Where the crossings of each flow begin.
    links : array (crossing)
        Numbers of links.
    parts : array (crossing)
        Bytes that cross the link per byte of the flow.
    latency_s : array (flow)
        Of the longest path [s].
    """

    first: Ints
    links: Ints
    parts: Floats
    latency_s: Floats


class Router:
    """Equal-cost shortest paths, by hops, of a graph of directed links.

    Parameters
    ----------
    src, dst : array (link)
        Numbers of the nodes that a link joins.
    capacity_bytes_per_s : array (link)
        At least 0; a link of 0 is down and no path crosses it.
    latency_s : float or array (link)
        One way [s].

    Examples
    --------
    Two paths from 0 to 3, one of them with half the capacity:

    >>> router = Router([0, 0, 1, 2], [1, 2, 3, 3], [4.0, 4.0, 4.0, 2.0])
    >>> router.spray([0], [3]).parts.tolist()
    [0.5, 0.5, 0.5, 0.5]
    >>> router.adaptive([0], [3]).parts.round(3).tolist()
    [0.667, 0.333, 0.667, 0.333]
    """

    def __init__(
        self, src: ArrayLike, dst: ArrayLike, capacity_bytes_per_s: ArrayLike, latency_s: ArrayLike = 0.0
    ) -> None:
        self.src, self.dst = np.asarray(src, np.int64), np.asarray(dst, np.int64)
        self.capacity = np.asarray(capacity_bytes_per_s, float)
        self.latency_s = np.broadcast_to(np.asarray(latency_s, float), self.src.shape)
        self.nodes = int(max(self.src.max(initial=-1), self.dst.max(initial=-1))) + 1
        up = np.flatnonzero(self.capacity > 0.0)
        self._order = up[np.argsort(self.src[up], kind="stable")]
        self._begin = np.searchsorted(self.src[self._order], np.arange(self.nodes + 1))
        ones = (np.ones(len(up)), (self.dst[up], self.src[up]))
        self._back = csr_array(ones, shape=(self.nodes, self.nodes))
        self._hops: dict[int, Ints] = {}

    def hops_to(self, node: int) -> Ints:
        """Hops (node) to a node; the largest integer where no path leads there."""
        if node not in self._hops:
            found = dijkstra(self._back, unweighted=True, indices=node)
            hops = np.full(self.nodes, _NOWHERE)
            hops[np.isfinite(found)] = found[np.isfinite(found)]
            self._hops[node] = hops
        return self._hops[node]

    def ecmp(self, src: ArrayLike, dst: ArrayLike, queue_pairs: int = 1, seed: int = 0) -> Routed:
        """A hashed path for each queue pair of each flow; those of a flow stand together.

        Every switch hashes source, destination and queue pair by itself, and never sees load.

        Parameters
        ----------
        src, dst : array (flow)
            Nodes.
        queue_pairs : int
            At least 1.
        seed : int
            Of the hash.

        Raises
        ------
        FlowError
            If a node cannot be reached.
        """
        ends = list(zip(np.atleast_1d(src).tolist(), np.atleast_1d(dst).tolist(), strict=True))
        self._require_paths(ends)
        pairs = np.arange(queue_pairs)
        keys = path_hash(seed, np.atleast_1d(src)[:, None], np.atleast_1d(dst)[:, None], pairs).tolist()
        rows = [self._hashed(a, b, key) for (a, b), flow in zip(ends, keys, strict=True) for key in flow]
        return self._routed(rows, [float(self.latency_s[list(row)].sum()) for row in rows])

    def spray(self, src: ArrayLike, dst: ArrayLike) -> Routed:
        """Every flow over all its paths, split evenly at every switch: blind to load and to capacity."""
        return self._spread(src, dst, lambda links, _: np.ones(len(links)))

    def adaptive(self, src: ArrayLike, dst: ArrayLike, left_bytes_per_s: ArrayLike | None = None) -> Routed:
        """Every flow over all its paths, split at every switch by what the paths from there on still carry.

        Parameters
        ----------
        src, dst : array (flow)
            Nodes.
        left_bytes_per_s : array (link), optional
            Capacity that is left; all of it if left out.
        """
        left = self.capacity if left_bytes_per_s is None else np.asarray(left_bytes_per_s, float)
        widths: dict[int, Floats] = {}

        def shares(links: Ints, to: int) -> Floats:
            if to not in widths:
                widths[to] = self._widths(to, left)
            found = np.minimum(left[links], widths[to][self.dst[links]])
            return found if found.sum() > 0.0 else np.ones(len(links))

        return self._spread(src, dst, shares)

    def _hashed(self, a: int, b: int, key: int) -> dict[int, float]:
        hops, at, row = self.hops_to(b), a, dict[int, float]()
        while at != b:
            links = self._nearer(at, hops)
            link = int(links[at_switch(key, at) % len(links)])
            row[link] = 1.0
            at = int(self.dst[link])
        return row

    def _nearer(self, node: int, hops: Ints) -> Ints:
        links = self._order[self._begin[node] : self._begin[node + 1]]
        found: Ints = links[hops[self.dst[links]] == hops[node] - 1]
        return found

    def _widths(self, to: int, left: Floats) -> Floats:
        """What every node can send towards one, were it alone: the sum over its next links."""
        hops = self.hops_to(to)
        widths = np.zeros(self.nodes)
        widths[to] = np.inf
        reached = np.flatnonzero((hops > 0) & (hops < _NOWHERE))
        for node in reached[np.argsort(hops[reached], kind="stable")]:
            links = self._nearer(node, hops)
            widths[node] = np.minimum(left[links], widths[self.dst[links]]).sum()
        return widths

    def _spread(self, src: ArrayLike, dst: ArrayLike, shares: Callable[[Ints, int], Floats]) -> Routed:
        """Split flows node by node; flows between the same two nodes are split once."""
        ends = list(zip(np.atleast_1d(src).tolist(), np.atleast_1d(dst).tolist(), strict=True))
        self._require_paths(ends)
        known: dict[tuple[int, int], tuple[dict[int, float], float]] = {}
        for a, b in ends:
            if (a, b) not in known:
                known[a, b] = self._split(a, b, shares)
        return self._routed([known[e][0] for e in ends], [known[e][1] for e in ends])

    def _split(self, a: int, b: int, shares: Callable[[Ints, int], Floats]) -> tuple[dict[int, float], float]:
        hops = self.hops_to(b)
        row: dict[int, float] = {}
        here, latest_s = {a: 1.0}, {a: 0.0}  # all nodes at one distance from the destination
        for _ in range(int(hops[a])):
            ahead, later_s = dict[int, float](), dict[int, float]()
            for node, part in here.items():
                links = self._nearer(node, hops)
                share = shares(links, b)
                for link, piece in zip(links.tolist(), (part * share / share.sum()).tolist(), strict=True):
                    if piece > 0.0:
                        row[link] = piece
                        to = int(self.dst[link])
                        ahead[to] = ahead.get(to, 0.0) + piece
                        at_s = latest_s[node] + float(self.latency_s[link])
                        later_s[to] = max(later_s.get(to, 0.0), at_s)
            here, latest_s = ahead, later_s
        return row, latest_s[b]

    def _routed(self, rows: list[dict[int, float]], latency_s: list[float]) -> Routed:
        first = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        links = np.array([link for row in rows for link in row], np.int64)
        parts = np.array([part for row in rows for part in row.values()], float)
        return Routed(first, links, parts, np.array(latency_s, float))

    def _require_paths(self, ends: list[tuple[int, int]]) -> None:
        faults = []
        for a, b in dict.fromkeys(ends):
            if not (0 <= a < self.nodes and 0 <= b < self.nodes):
                faults.append(
                    Fault("", 0, f"flow {a} to {b}", "an unknown node", f"0 to {self.nodes - 1}", "mend it")
                )
            elif self.hops_to(b)[a] == _NOWHERE:
                faults.append(
                    Fault("", 0, f"flow {a} to {b}", "no path", "links that are up", "repair a link")
                )
        if faults:
            raise FlowError("flows without a path", faults)
