"""Banks of nodes that run jobs: nodes of a rack are one body while they are alike, parted once jobs tell them apart.

A machine has thousands of nodes and at any time a few hundred states: nodes that did other work reach the same
temperatures some minutes after they began to do the same.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics import gpu_power
from twin.plant.banks import Grouping, in_order, joined, numbered
from twin.plant.maps import Index
from twin.plant.node import Array

if TYPE_CHECKING:
    from twin.plant.plant import Plant

SAME_K: Final = 1e-6
"""Nodes whose temperatures fall into the same step of this size share a bank again, at their mean [K]."""

LOOK_S: Final = 60.0
"""How often banks are looked through for alike ones, at least [s]: looking costs as much as some ticks of a bank."""


class JobBanks:
    """Which nodes are one body now.

    Parameters
    ----------
    p : Plant
        With a bank for each node; its banks are joined at once.

    Attributes
    ----------
    nodes : int
        Banks that there are when each node has its own.
    """

    def __init__(self, p: Plant) -> None:
        maps, gpus, node = p.maps, p.gpus, p.nodes["gpu"]
        self._apart, self.nodes = (maps, gpus, copy(node)), len(maps.rack_of_gpu)
        owners = maps.rack_of_gpu, maps.cdu_of_gpu, maps.team_of_gpu, maps.gpus_of_bank
        others = np.where(maps.node_of_gpu < 0, np.arange(self.nodes), -1)  # which run no jobs
        self._kin = numbered((*owners, others, *gpus.power, *gpus.limits, *node.params))
        self._told_w = np.zeros(self.nodes)
        self._now, self._look_at_s = Grouping.of(np.arange(self.nodes)), 0.0
        self.join(p)

    def of_banks_w(self, p: Plant, node_w: Array) -> Array:
        """Power of each bank, array (bank) [W], from that of each node; parts banks whose nodes differ."""
        if node_w is not self._told_w:
            self._told_w = node_w
            is_other = node_w != node_w[self._now.first][self._now.bank]
            if is_other.any():
                self._part(p, is_other)
            self._bank_w = node_w[self._now.first] * self._now.size
        return self._bank_w

    def _part(self, p: Plant, is_other: NDArray[np.bool_]) -> None:
        """Part banks in which nodes are told otherwise than the first one."""
        before = self._now
        is_mixed = np.zeros(len(before.first), np.bool_)
        is_mixed[before.bank[is_other]] = True
        mixed, bank = np.flatnonzero(is_mixed[before.bank]), before.bank.copy()
        bank[mixed] = len(before.first) + numbered((before.bank[mixed], self._told_w[mixed]))
        self._lay(p, in_order(bank))
        source = before.bank[self._now.first]
        parted = _Parted(source, self._now.size / before.size[source])
        _carry(p, parted)
        p.window.part(*parted)

    def join(self, p: Plant) -> None:
        """Join banks that became alike, if it is time to look; between two windows of what is recorded."""
        if p.now_s < self._look_at_s or p.nodes["gpu"].made:
            return
        self._look_at_s = p.now_s + LOOK_S
        before = self._now
        alike = self._kin[before.first], self._told_w[before.first], p.cool_clock_frac, p.clock_frac
        steps = np.rint(np.stack(p.nodes["gpu"].state) / SAME_K)
        into = numbered((*alike, *steps))
        if into.max() + 1 < len(into):
            self._lay(p, into[before.bank])
            _carry(p, _Joined(into, before.size))

    def _lay(self, p: Plant, bank: Index) -> None:
        """Make bodies of nodes."""
        self._now = Grouping.of(bank)
        self._bank_w = self._told_w[self._now.first] * self._now.size
        p.maps, p.gpus, laid = joined(*self._apart, self._now)
        p.nodes["gpu"].step, p.nodes["gpu"].params = laid.step, laid.params


class _Parted(NamedTuple):
    """Bank that each came from, and its share of that."""

    source: Index
    share_frac: Array

    def alike(self, values: Array) -> Array:
        """What is the same for all nodes of a bank."""
        return values[self.source]

    def amounts(self, values: Array) -> Array:
        """What all nodes of a bank have together."""
        return values[self.source] * self.share_frac


class _Joined(NamedTuple):
    """Bank that each goes to, and how many nodes it has."""

    into: Index
    counts: Array

    def alike(self, values: Array) -> Array:
        """What is the same for all nodes of a bank, or nearly so: their mean, which keeps what they store."""
        found: Array = np.bincount(self.into, values * self.counts) / np.bincount(self.into, self.counts)
        return found

    def amounts(self, values: Array) -> Array:
        """What all nodes of a bank have together."""
        return np.bincount(self.into, values).astype(np.float64, copy=False)


def _carry(p: Plant, way: _Parted | _Joined) -> None:
    """Take what banks hold over to others."""

    def taken(tuples: Any) -> Any:
        return type(tuples)(*(
            way.alike(values) if name.endswith("_k") else way.amounts(values)
            for name, values in tuples._asdict().items()
        ))  # fmt: skip

    gpu = p.nodes["gpu"]
    gpu.state, gpu.inputs, gpu.made = taken(gpu.state), taken(gpu.inputs), [taken(made) for made in gpu.made]
    gpu.outputs = None if gpu.outputs is None else taken(gpu.outputs)
    p.die_before_k = way.alike(p.die_before_k)
    full = np.ones(len(p.die_before_k))
    for name in ("clock_frac", "cool_clock_frac", "capped_clock_frac"):
        clock = getattr(p, name)
        setattr(p, name, full if clock is p.full_clock_frac else way.alike(clock))
    p.full_clock_frac = full
    p.no_work = gpu_power.Work(*np.zeros((len(gpu_power.Work._fields), len(full))))
