"""Shortest ways between all switches, next hops as groups of links, and the load that traffic puts on them.

All leaves are looked at together: a step of the search is one product of the sparse matrix of switches with a
dense one, (switch, switch) x (switch, leaf), so no structure of the fabric is presumed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.topology.fabric.arrays import Fabric, Floats, Ints

FAR = np.int16(32767)
"""Hops to a leaf that cannot be reached."""

CHUNK = 2**23
"""Entries of a dense block while loads are summed: 64 MiB."""


@dataclass(frozen=True, eq=False)
class Routes:
    """Shortest ways of one layer.

    Attributes
    ----------
    fabric : Fabric
    layer : str
    switches : array (switch,)
        Nodes of the switches; the leaves, to which ends are plugged, are those at ``leaves``.
    leaves : array (leaf,)
        Places of the leaves among the switches.
    hops : array (switch, leaf)
        Links on the shortest way to each leaf; ``FAR`` where there is none.
    low, high : array (pair,)
        Places of neighbouring switches, both directions.
    lines : array (pair,)
        Parallel lines of a pair.
    rate_bytes_per_s : array (pair,)
        Of all lines of a pair together.
    group_of : array (switch, leaf)
        Group of next hops; -1 at the leaf itself and where there is no way.
    group_first, group_pairs : array
        Pairs of group g are ``group_pairs[group_first[g]:group_first[g + 1]]``.
    """

    fabric: Fabric
    layer: str
    switches: Ints
    leaves: Ints
    hops: NDArray[np.int16]
    low: Ints
    high: Ints
    lines: Ints
    rate_bytes_per_s: Floats
    group_of: NDArray[np.int32]
    group_first: Ints
    group_pairs: Ints

    @property
    def groups(self) -> int:
        """Number of different groups of next hops."""
        return len(self.group_first) - 1

    def next_hops(self, switch: int, leaf: int) -> Ints:
        """Nodes to which a switch sends what is for a leaf; both are nodes of the fabric."""
        at = int(np.searchsorted(self.switches, switch))
        column = int(np.searchsorted(self.switches[self.leaves], leaf))
        group = int(self.group_of[at, column])
        if group < 0:
            return np.empty(0, np.int64)
        pairs = self.group_pairs[self.group_first[group] : self.group_first[group + 1]]
        return self.switches[self.high[pairs]]


def routes(fabric: Fabric, layer: str = "compute") -> Routes:
    """Find the next hops of every switch to every leaf.

    Parameters
    ----------
    fabric : Fabric
        As it is: with links or switches gone, the tables are those after the failure.
    layer : str

    Returns
    -------
    Routes

    Examples
    --------
    >>> from twin.topology.fabric import build, preset
    >>> pod = build(preset("dgx-b200-superpod"))
    >>> found = routes(pod)
    >>> int(found.hops.max()), len(found.next_hops(*pod.of_kind("leaf")[:2])), found.groups
    (2, 16, 544)
    """
    is_end = fabric.is_end
    switches = np.flatnonzero(~is_end & np.isin(np.arange(fabric.nodes), _layer_switches(fabric, layer)))
    place = np.full(fabric.nodes, -1)
    place[switches] = np.arange(len(switches))
    trunk = fabric.of_layer(layer) & ~is_end[fabric.a] & ~is_end[fabric.b]
    a, b = place[fabric.a[trunk]], place[fabric.b[trunk]]
    rate = fabric.rate_bytes_per_s[trunk]
    key = np.concatenate([a * len(switches) + b, b * len(switches) + a])
    pairs, at = np.unique(key, return_inverse=True)
    low, high = pairs // max(len(switches), 1), pairs % max(len(switches), 1)
    lines = np.bincount(at, minlength=len(pairs))
    total = np.bincount(at, np.concatenate([rate, rate]), len(pairs)).astype(np.float64)
    tier = fabric.per_node("tier")
    leaves = np.flatnonzero(tier[switches] == 1)
    hops = _hops(low, high, len(switches), leaves)
    group_of, first, members = _groups(low, high, hops)
    return Routes(fabric, layer, switches, leaves, hops, low, high, lines, total, group_of, first, members)


def _layer_switches(fabric: Fabric, layer: str) -> Ints:
    found = [np.arange(b.first, b.first + b.count) for b in fabric.blocks if b.tier > 0 and b.layer == layer]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _hops(low: Ints, high: Ints, count: int, leaves: Ints) -> NDArray[np.int16]:
    """Breadth-first search from all leaves at once."""
    from scipy.sparse import csr_array

    near = csr_array((np.ones(len(low), np.float32), (low, high)), (count, count))
    hops = np.full((count, len(leaves)), FAR, np.int16)
    hops[leaves, np.arange(len(leaves))] = 0
    front = np.zeros(hops.shape, np.float32)
    front[leaves, np.arange(len(leaves))] = 1.0
    step = 0
    while front.any():
        step += 1
        front = ((near @ front > 0) & (hops == FAR)).astype(np.float32)
        hops[front > 0] = step
    return hops


def _groups(low: Ints, high: Ints, hops: NDArray[np.int16]) -> tuple[NDArray[np.int32], Ints, Ints]:
    """Groups of next hops: a sum of random numbers over the neighbours that are one hop nearer names a group."""
    from scipy.sparse import csr_array

    count, columns = hops.shape
    token = np.random.default_rng(1).integers(1, 2**62, len(low))
    named = np.zeros(hops.shape, np.int64)
    weight = csr_array((token, (low, high)), (count, count))
    for step in range(1, int(hops[hops != FAR].max(initial=0)) + 1):
        nearer = (hops == step - 1).astype(np.int64)
        named += np.where(hops == step, weight @ nearer, 0)
    has = (hops != FAR) & (hops > 0)
    rows = np.flatnonzero(has)
    mark = named.ravel()[rows] ^ (rows // max(columns, 1) * 0x9E3779B97F4A7C1)
    _, first, at = np.unique(mark, return_index=True, return_inverse=True)
    group_of = np.full(hops.size, -1, np.int32)
    group_of[rows] = at
    starts = np.searchsorted(low, np.arange(count + 1))
    members = []
    for cell in rows[first].tolist():
        switch, leaf = divmod(cell, columns)
        mine = np.arange(starts[switch], starts[switch + 1])
        members.append(mine[hops[high[mine], leaf] == hops[switch, leaf] - 1])
    sizes = [len(m) for m in members]
    pairs = np.concatenate(members) if members else np.empty(0, np.int64)
    return group_of.reshape(hops.shape), np.r_[0, np.cumsum(sizes)].astype(np.int64), pairs


def pair_loads(found: Routes, demand: Floats, balance: str = "adaptive") -> tuple[Floats, Floats]:
    """Load of every pair of neighbours when each switch splits what it holds over its next hops.

    Parameters
    ----------
    found : Routes
    demand : array (leaf, leaf)
        From each leaf to each [any unit of rate].
    balance : str
        ``adaptive``: in proportion to the rate that is left on the way (adaptive routing, weighted ECMP); ``even``:
        over lines alike, as a plain hash does, whatever has failed behind them.

    Returns
    -------
    load : array (pair,)
        In the unit of the demand.
    lost : array (leaf, leaf)
        Demand without a way.
    """
    columns = np.flatnonzero(demand.any(axis=0))
    hops = found.hops[:, columns]
    lost = np.zeros_like(demand)
    lost[:, columns] = np.where(hops[found.leaves] == FAR, demand[:, columns], 0.0)
    load = np.zeros(len(found.low))
    width = max(1, CHUNK // max(len(found.low), 1))
    for start in range(0, len(columns), width):
        some = columns[start : start + width]
        load += _some_loads(found, demand[:, some], found.hops[:, some], balance)
    return load, lost


def _some_loads(found: Routes, demand: Floats, hops: NDArray[np.int16], balance: str) -> Floats:
    """Load of the pairs by what goes to some of the leaves."""
    from scipy.sparse import csr_array

    count, steps = len(found.switches), int(hops[hops != FAR].max(initial=0))
    into = csr_array(
        (np.ones(len(found.low)), (found.high, np.arange(len(found.low)))), (count, len(found.low))
    )
    rate = found.rate_bytes_per_s if balance == "adaptive" else found.lines.astype(np.float64)
    weights, room = [], np.where(hops == 0, np.inf, 0.0)
    for step in range(1, steps + 1):
        pairs = np.flatnonzero(
            (hops == step).any(axis=1)[found.low] & (hops == step - 1).any(axis=1)[found.high]
        )
        low, high = found.low[pairs], found.high[pairs]
        used = (hops[low] == step) & (hops[high] == step - 1)
        limit = np.minimum(rate[pairs, None], room[high]) if balance == "adaptive" else rate[pairs, None]
        weight = np.where(used, limit, 0.0)
        total = csr_array((np.ones(len(pairs)), (low, np.arange(len(pairs)))), (count, len(pairs))) @ weight
        room = np.where(hops == step, total, room)
        weights.append((pairs, weight))
    held = np.zeros((count, demand.shape[1]))
    held[found.leaves] = np.where(hops[found.leaves] == FAR, 0.0, demand)
    load = np.zeros(len(found.low))
    for pairs, weight in reversed(weights):
        low = found.low[pairs]
        with np.errstate(invalid="ignore", divide="ignore"):
            sent = np.where(weight > 0, weight * (held[low] / room[low]), 0.0)
        load[pairs] += sent.sum(axis=1)
        held += into[:, pairs] @ sent
    return load
