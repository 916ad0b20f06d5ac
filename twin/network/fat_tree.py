"""The three-tier fat tree of k-port switches, with links and paths as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault
from twin.models.flows import FlowError
from twin.network.flow_hash import path_hash

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Paths(NamedTuple):
    """What flows load, as :func:`twin.models.flows.simulate` takes it.

    Parameters
    ----------
    first : array (flow + 1)
        Where the crossings of each flow begin.
    links : array (crossing)
        Numbers of links.
    parts : array (crossing)
        Bytes that cross the link per byte of the flow.
    """

    first: Ints
    links: Ints
    parts: Floats


class FatTree:
    """Fat tree of switches with ``k`` ports: k pods of k/2 edge and k/2 aggregation switches, k**2/4 cores.

    Host i hangs on edge switch i // (k/2), edge e is in pod e // (k/2). Links are numbered up and down by tier:
    host up, host down, edge to aggregation, back, aggregation to core, back.

    Parameters
    ----------
    k : int
        Ports of a switch, even, at least 2; k**3/4 hosts.

    Notes
    -----
    Source: Al-Fares, Loukissas, Vahdat, *A scalable, commodity data center network architecture*, SIGCOMM 2008.

    Examples
    --------
    >>> tree = FatTree(4)
    >>> tree.hosts, tree.links, tree.choices([0, 0, 0], [1, 2, 8]).tolist()
    (16, 96, [1, 2, 4])
    """

    def __init__(self, k: int) -> None:
        if k < 2 or k % 2:
            fault = Fault("", 0, "k", str(k), "an even number, at least 2", "give the ports of a switch")
            raise FlowError("not a fat tree", [fault])
        self.k, self.half = k, k // 2
        self.hosts = k * self.half**2
        self.links = 6 * self.hosts

    def choices(self, src: ArrayLike, dst: ArrayLike) -> Ints:
        """Equal-cost paths (flow) between hosts."""
        a, b = np.asarray(src), np.asarray(dst)
        in_edge, in_pod = a // self.half == b // self.half, a // self.half**2 == b // self.half**2
        return np.where(in_edge, 1, np.where(in_pod, self.half, self.half**2))

    def paths(self, src: ArrayLike, dst: ArrayLike, x: ArrayLike, y: ArrayLike) -> Paths:
        """One path a flow, through aggregation switch ``x`` of the pods and core ``y`` of those behind it.

        Parameters
        ----------
        src, dst, x, y : array (flow)
            Hosts that differ; 0 to k/2 - 1.
        """
        a, b, up, core = (
            v.astype(np.int64) for v in np.broadcast_arrays(*map(np.atleast_1d, (src, dst, x, y)))
        )
        h, hosts = self.half, self.hosts
        edge_a, edge_b = a // h, b // h
        lift, drop = 2 * hosts + edge_a * h + up, 3 * hosts + edge_b * h + up
        climb, fall = (
            4 * hosts + (edge_a // h * h + up) * h + core, 5 * hosts + (edge_b // h * h + up) * h + core,
        )  # fmt: skip
        table = np.stack([a, lift, climb, fall, drop, hosts + b], axis=1)
        climbs = np.where(edge_a == edge_b, 1, np.where(edge_a // h == edge_b // h, 2, 3))
        kept = np.array([1, 2, 3, 3, 2, 1]) <= climbs[:, None]
        first = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
        return Paths(first, table[kept], np.ones(int(first[-1])))

    def ecmp(self, src: ArrayLike, dst: ArrayLike, queue_pairs: int = 1, seed: int = 0) -> Paths:
        """A hashed path for each queue pair of each flow; those of a flow stand together."""
        a, b = np.repeat(src, queue_pairs), np.repeat(dst, queue_pairs)
        pair = np.tile(np.arange(queue_pairs), len(np.atleast_1d(src)))
        chosen = (path_hash(seed, a, b, pair) % np.uint64(self.half**2)).astype(np.int64)
        return self.paths(a, b, chosen % self.half, chosen // self.half)

    def spray(self, src: ArrayLike, dst: ArrayLike) -> Paths:
        """All equal-cost paths of each flow, in even parts."""
        a, b = np.atleast_1d(src), np.atleast_1d(dst)
        count = self.choices(a, b)
        flow = np.repeat(np.arange(len(a)), count)
        choice = np.arange(len(flow)) - np.repeat(np.cumsum(count) - count, count)
        paths = self.paths(a[flow], b[flow], choice % self.half, choice // self.half)
        hops = np.diff(paths.first)
        ends = np.cumsum(np.bincount(flow, hops, len(a))).astype(np.int64)
        return Paths(np.append(0, ends), paths.links, np.repeat(1.0 / count[flow], hops))
