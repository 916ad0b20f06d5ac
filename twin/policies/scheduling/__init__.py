"""Which waiting jobs begin: one file a policy, each with ``choose(now_s, free, waiting, running)``.

A scheduler is asked whenever a job came or ended, with the number of free nodes, the jobs that wait in order of
arrival, each as (nodes, limit [s]), and those that run, each as (instant of its latest end [s], nodes). It gives the
places in ``waiting`` of those that begin now, which must fit. It is plain Python, never compiled, and sees what people
asked for, not how long jobs really take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

Asked: TypeAlias = tuple[int, float]
Running: TypeAlias = tuple[float, int]
Scheduler: TypeAlias = Callable[[float, int, Sequence[Asked], Sequence[Running]], list[int]]
