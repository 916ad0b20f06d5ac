"""Traffic of jobs: each adapter of a job sends as much to every other, and how long that takes on a fabric.

Adapters of a rail-optimised fabric talk to those of their rail; what is for another rail goes over NVLink first, as
NCCL does (PXN). An adapter with several planes splits what it sends to another evenly over the planes that join both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.topology.fabric.arrays import Flags, Floats, Ints, order_within
from twin.topology.fabric.routing import FAR, Routes, pair_loads


class Traffic:
    """Lines of the ends of a layer, and the times of jobs over them.

    Parameters
    ----------
    routes : Routes
    balance : str
        How switches split, see :func:`twin.topology.fabric.routing.pair_loads`.

    Attributes
    ----------
    ends : array (end,)
        All ends of the layer, managers left out, those that lost their lines included.
    node, leaf, plane, rail, rate : array (line,)
        End, place of the leaf among the leaves, plane, rail and rate [bytes/s] of every line.
    """

    def __init__(self, routes: Routes, balance: str = "adaptive") -> None:
        self.routes, self.balance = routes, balance
        f = routes.fabric
        kinds = f.per_node("kind")
        lines = np.flatnonzero(f.of_layer(routes.layer) & f.is_end[f.a] & (kinds[f.a] != "manager"))
        place = np.full(f.nodes, -1)
        place[routes.switches[routes.leaves]] = np.arange(len(routes.leaves))
        lines = lines[place[f.b[lines]] >= 0]
        self.node, self.leaf = f.a[lines], place[f.b[lines]]
        self.plane = f.per_node("plane")[f.b[lines]]
        self.rail = f.rail[f.b[lines]]
        self.rate = f.rate_bytes_per_s[lines]
        self.ends = self._all_ends()

    def _all_ends(self) -> Ints:
        f = self.routes.fabric
        if f.node_names:
            return np.flatnonzero(f.is_end & (f.per_node("kind") != "manager"))
        if self.routes.layer == "compute":
            return f.of_kind("gpu")
        return np.concatenate([f.of_kind("host"), f.of_kind("server", layer=self.routes.layer)])

    def cut(self) -> Ints:
        """Ends that reach fewer than half of the lines of a plane, over each of theirs."""
        joined = self.routes.hops[self.routes.leaves] != FAR
        reach = joined @ np.bincount(self.leaf, minlength=len(self.routes.leaves))
        plane = self.routes.fabric.per_node("plane")[self.routes.switches[self.routes.leaves]]
        lines = np.bincount(self.plane, minlength=int(plane.max(initial=0)) + 1)[plane]
        alive = np.unique(self.node[(2 * reach >= lines)[self.leaf]])
        return np.setdiff1d(self.ends, alive)

    def time_of(self, members: NDArray[np.int64]) -> tuple[float, int]:
        """Time in which every adapter of a job sends a byte to each of its peers, and GPUs that cannot.

        Parameters
        ----------
        members : array (end,)

        Returns
        -------
        time_s : float
            Of the fullest line.
        stranded : int
            Ends with an adapter that lacks a way to some peer; the time leaves those pairs out.
        """
        mine = np.flatnonzero(np.isin(self.node, members))
        state, nodes = self._states(mine, members)
        classes, of = np.unique(state, axis=0, return_inverse=True)
        of = of.ravel()
        counts = np.bincount(of, minlength=len(classes))
        demand, stranded = self._demand(classes, counts)
        lost = len(np.unique(nodes[np.isin(of, stranded)]))
        time_s = self._access(classes, counts, demand)
        for plane in range(demand.shape[0]):
            load, _ = pair_loads(self.routes, self._leaf_demand(classes, demand[plane], plane), self.balance)
            time_s = max(time_s, float((load / self.routes.rate_bytes_per_s).max(initial=0.0)))
        return time_s, lost

    def _states(self, mine: Ints, members: Ints) -> tuple[Ints, Ints]:
        """Each adapter of a job as a row: its rail, and its leaf in every plane and side (-1 where it has none)."""
        rails, planes = np.unique(self.rail), int(self.plane.max(initial=0)) + 1
        sides = self._sides()
        pairs = self._adapters(members, rails)
        key = pairs[:, 0] * 4096 + pairs[:, 1] + 1
        line_key = self.node[mine] * 4096 + self.rail[mine] + 1
        at = np.searchsorted(key, line_key)
        state = np.full((len(pairs), 1 + planes * sides), -1, np.int64)
        state[:, 0] = pairs[:, 1]
        slot = at * planes + self.plane[mine]
        side = order_within(slot)
        state[at, 1 + self.plane[mine] * sides + np.minimum(side, sides - 1)] = self.leaf[mine]
        return state, pairs[:, 0]

    def _sides(self) -> int:
        words = self.routes.fabric.words
        per_end = words.gpu_nics if words and not words.rail_optimised else 1
        return (2 if words and words.dual_tor else 1) * (per_end if self.routes.layer == "compute" else 8)

    def _adapters(self, members: Ints, rails: Ints) -> Ints:
        """Pairs of end and rail that a job has, in order; without rails every end is one."""
        words = self.routes.fabric.words
        ends = np.sort(members)
        if not words or not words.rail_optimised or len(rails) < 2:
            return np.column_stack([ends, np.full(len(ends), rails[0] if len(rails) else -1)])
        nics = words.gpu_nics
        first = ends % words.node_gpus * nics
        pairs = np.repeat(ends, nics), (first[:, None] + np.arange(nics)).ravel()
        return np.column_stack(pairs)

    def _demand(self, classes: Ints, counts: Ints) -> tuple[Floats, Ints]:
        """What each class sends to each in every plane [bytes], and classes that lack a way."""
        planes = int(self.plane.max(initial=0)) + 1
        sides = (classes.shape[1] - 1) // planes
        joined = np.stack([self._joined(classes, p, sides) for p in range(planes)])
        ways = joined.sum(axis=0)
        peers = classes[:, 0][:, None] == classes[:, 0][None, :]
        pairs = np.outer(counts, counts).astype(np.float64)
        pairs[np.diag_indices(len(counts))] -= counts
        pairs = np.where(peers, pairs, 0.0)
        missing = np.where(ways == 0, pairs, 0.0).sum(axis=1)
        lacking = np.flatnonzero(missing > 0)
        most = lacking[2 * missing[lacking] > pairs[lacking].sum(axis=1)]
        share = np.where(ways > 0, pairs / np.maximum(ways, 1), 0.0)
        return joined.astype(np.float64) * share, most if len(most) else lacking

    def _joined(self, classes: Ints, plane: int, sides: int) -> Flags:
        """Whether two classes have a way in a plane (class, class)."""
        near = self.routes.hops[self.routes.leaves] != FAR
        found = np.zeros((len(classes), len(classes)), bool)
        for s in range(sides):
            for t in range(sides):
                a, b = classes[:, 1 + plane * sides + s], classes[:, 1 + plane * sides + t]
                found |= near[np.ix_(a, b)] & (a >= 0)[:, None] & (b >= 0)[None, :]
        return found

    def _leaf_demand(self, classes: Ints, demand: Floats, plane: int) -> Floats:
        """Demand between leaves of a plane, split evenly over the sides that live."""
        planes = int(self.plane.max(initial=0)) + 1
        sides = (classes.shape[1] - 1) // planes
        at = classes[:, 1 + plane * sides : 1 + (plane + 1) * sides]
        weight = (at >= 0) / np.maximum((at >= 0).sum(axis=1), 1)[:, None]
        found = np.zeros((len(self.routes.leaves), len(self.routes.leaves)))
        for s in range(sides):
            for t in range(sides):
                part = demand * weight[:, s][:, None] * weight[:, t][None, :]
                np.add.at(found, (at[:, s][:, None], at[:, t][None, :]), part)
        np.fill_diagonal(found, 0.0)
        return found

    def _access(self, classes: Ints, counts: Ints, demand: Floats) -> float:
        """Time of the fullest line between an adapter and a leaf."""
        planes = demand.shape[0]
        sides = (classes.shape[1] - 1) // planes
        rate = float(self.rate.min(initial=np.inf))
        most = 0.0
        for plane in range(planes):
            at = classes[:, 1 + plane * sides : 1 + (plane + 1) * sides]
            lines = np.maximum((at >= 0).sum(axis=1), 1) * counts
            most = max(most, float((demand[plane].sum(axis=1) / lines / rate).max(initial=0.0)))
        return most
