"""Jobs on whole nodes: they come, wait, run for their time and end, at exact instants whatever the steps.

A job keeps all its nodes busy alike: GPUs and CPUs each at a share of their dynamic range, which may follow the levels
of a profile. Jobs do not slow each other, and neither heat nor caps lengthen them.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Scheduler = Callable[[float, int, Sequence[tuple[int, float]], Sequence[tuple[float, int]]], list[int]]
"""``(now_s, free nodes, (nodes, limit_s) of those that wait, (latest end, nodes) of those that run)``: who begins."""

FREE = -1
_END, _LEVEL, _COME = range(3)  # order at one instant: nodes are given back before they are given out


class Table(NamedTuple):
    """Columns over jobs, sorted by arrival.

    Parameters
    ----------
    submitted_at_s : array (job)
        Arrival in the queue [s].
    nodes : array (job), int
        Whole nodes, 1 or more.
    duration_s, limit_s : array (job)
        How long it runs, and what it asked for [s]; above zero.
    gpu_frac, cpu_frac : array (job)
        Share of the dynamic range of GPUs and CPUs [1], 0 to 1.
    profile : array (job), int
        Place in ``levels``.
    levels : tuple of tuple of float
        Factors of the shares over the run of a job, of equally long parts.
    period_s : tuple of float
        Time after which they repeat [s], infinite where they are spread over the run once; empty where all are.
    """

    submitted_at_s: Array
    nodes: Index
    duration_s: Array
    limit_s: Array
    gpu_frac: Array
    cpu_frac: Array
    profile: Index
    levels: tuple[tuple[float, ...], ...] = ((1.0,),)
    period_s: tuple[float, ...] = ()

    def parts(self, job: int) -> tuple[tuple[float, ...], float, bool]:
        """Levels of a job, how long each lasts [s], and whether they repeat."""
        profile, lasts_s = int(self.profile[job]), float(self.duration_s[job])
        levels = self.levels[profile]
        repeats = bool(self.period_s) and self.period_s[profile] < np.inf
        return levels, (self.period_s[profile] if repeats else lasts_s) / len(levels), repeats


class Outputs(NamedTuple):
    """Integrals over a step, arrays (node).

    Parameters
    ----------
    gpu_s, cpu_s : array (node)
        Of the shares of the dynamic range [s].
    used_s : float
        Time of nodes that a job held [s].
    """

    gpu_s: Array
    cpu_s: Array
    used_s: float


class Queue:
    """Jobs of a run and the nodes that they hold.

    Parameters
    ----------
    table : Table
        All jobs.
    nodes : int
        Nodes of the machine; a job that asks for more waits for ever.
    choose : Scheduler
        Who begins.

    Attributes
    ----------
    started_at_s, ended_at_s : array (job)
        Instants [s]; NaN before them.
    first_node : array (job)
        One of its nodes, -1 before it begins.
    job_of_node : array (node)
        -1 for a free node.
    changes : int
        Instants so far at which a job came, began, ended or went to another level.

    Examples
    --------
    >>> def choose(now_s, free, waiting, running):
    ...     return [0] if waiting and waiting[0][0] <= free else []
    >>> ones = np.ones(2)
    >>> table = Table(0 * ones, np.array([2, 1]), 60 * ones, 60 * ones, 0.5 * ones, ones, np.array([0, 0]))
    >>> queue = Queue(table, 2, choose)
    >>> out = queue.advance(90.0)
    >>> queue.started_at_s.tolist(), out.gpu_s.tolist(), out.used_s
    ([0.0, 60.0], [45.0, 30.0], 150.0)
    """

    def __init__(self, table: Table, nodes: int, choose: Scheduler) -> None:
        self.table, self._choose, self.now_s = table, choose, 0.0
        jobs = len(table.nodes)
        self.started_at_s, self.ended_at_s = np.full((2, jobs), np.nan)
        self._planned_s = np.zeros((2, jobs))  # integrals of a node up to the end of the present level
        self._level_ends_s = np.zeros(jobs)  # of its run
        self.first_node = np.full(jobs, FREE)
        self.job_of_node = np.full(nodes, FREE)
        self._share = np.zeros((2, nodes))  # of GPUs and CPUs now
        self._late_s = np.zeros(
            (2, nodes)
        )  # what changes within the step add to a step of the shares at its end
        self._used, self._used_late_s = 0, 0.0
        self.changes = 0
        self._last: tuple[float, Outputs] | None = None
        self._waiting: list[int] = []
        self._running: dict[int, Index] = {}
        self._ends: dict[int, tuple[float, int]] = {}  # latest end and nodes of those that run
        self._due = [(float(t), _COME, job, 0) for job, t in enumerate(table.submitted_at_s)]
        heapq.heapify(self._due)

    @property
    def waiting(self) -> int:
        """Jobs in the queue."""
        return len(self._waiting)

    @property
    def used(self) -> int:
        """Nodes that jobs hold."""
        return self._used

    def integrals_s(self) -> Array:
        """Integrals of the shares of one node of each job up to now, of GPUs and CPUs, array (2, job) [s]."""
        found = self._planned_s.copy()
        for job, held in self._running.items():
            ran_s = self.now_s - float(self.started_at_s[job])
            found[:, job] -= self._share[:, held[0]] * (self._level_ends_s[job] - ran_s)
        return found

    def advance(self, until_s: float) -> Outputs:
        """Let jobs come, begin and end, up to and including an instant."""
        began_s, is_calm = self.now_s, True
        while self._due and self._due[0][0] <= until_s:
            is_calm = False
            self.changes += 1
            now_s = self._due[0][0]
            while self._due and self._due[0][0] == now_s:
                _, what, job, level = heapq.heappop(self._due)
                if what == _COME:
                    self._waiting.append(job)
                elif what == _END:
                    self._end(job, now_s, began_s)
                else:
                    self._level(job, level, now_s, began_s)
            self._begin(now_s, began_s)
        self.now_s, span_s = until_s, until_s - began_s
        if is_calm and self._last is not None and self._last[0] == span_s:
            return self._last[1]  # as nearly always
        total_s, used_s = self._share * span_s, self._used * span_s + self._used_late_s
        if not is_calm:
            total_s += self._late_s
            self._late_s.fill(0.0)
            self._used_late_s = 0.0
        found = Outputs(total_s[0], total_s[1], used_s)
        self._last = (span_s, found) if is_calm else None
        return found

    def _begin(self, now_s: float, began_s: float) -> None:
        if not self._waiting:
            return
        table = self.table
        asked = [(int(table.nodes[j]), float(table.limit_s[j])) for j in self._waiting]
        free = len(self.job_of_node) - self._used
        picked = [self._waiting[i] for i in self._choose(now_s, free, asked, list(self._ends.values()))]
        for job in picked:
            self._waiting.remove(job)
            held = np.flatnonzero(self.job_of_node == FREE)[: table.nodes[job]]
            self.job_of_node[held], self._running[job] = job, held
            self._ends[job] = now_s + float(table.limit_s[job]), len(held)
            self.started_at_s[job], self.first_node[job] = now_s, held[0]
            self._hold(len(held), now_s, began_s)
            heapq.heappush(self._due, (now_s + float(table.duration_s[job]), _END, job, 0))
            self._level(job, 0, now_s, began_s)

    def _level(self, job: int, level: int, now_s: float, began_s: float) -> None:
        """Put the nodes of a job at a level of its profile, and plan the next one."""
        levels, part_s, repeats = self.table.parts(job)
        factor, lasts_s = levels[level % len(levels)], float(self.table.duration_s[job])
        gpu, cpu = self.table.gpu_frac[job] * factor, self.table.cpu_frac[job] * factor
        ends_s = min(part_s * (level + 1), lasts_s)
        self._planned_s[:, job] += np.array([gpu, cpu]) * (ends_s - part_s * level)
        self._level_ends_s[job] = ends_s
        self._set(self._running[job], gpu, cpu, now_s - began_s)
        began_at_s = float(self.started_at_s[job])
        is_before_end = (
            began_at_s + ends_s < began_at_s + lasts_s
        )  # as instants: late in a run they round alike
        if is_before_end and (repeats or level + 1 < len(levels)):
            heapq.heappush(self._due, (began_at_s + ends_s, _LEVEL, job, level + 1))

    def _end(self, job: int, now_s: float, began_s: float) -> None:
        held = self._running.pop(job)
        del self._ends[job]
        self.ended_at_s[job], self.job_of_node[held] = now_s, FREE
        self._set(held, 0.0, 0.0, now_s - began_s)
        self._hold(-len(held), now_s, began_s)

    def _set(self, held: Index, gpu: float, cpu: float, passed_s: float) -> None:
        """New shares of nodes, so long after the step began."""
        for row, share in enumerate((gpu, cpu)):
            self._late_s[row, held] += (self._share[row, held] - share) * passed_s
            self._share[row, held] = share

    def _hold(self, nodes: int, now_s: float, began_s: float) -> None:
        self._used += nodes
        self._used_late_s -= nodes * (now_s - began_s)
