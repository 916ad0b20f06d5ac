"""Reporters: what is observed, over which period, and when it goes to disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


class Sink(Protocol):
    """Where blocks of series go."""

    def append_series(self, time_s: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Write one block; it is on disk when this returns."""


@dataclass
class Recorder:
    """Samples series on integer periods and hands blocks to a sink.

    Parameters
    ----------
    observe : callable
        Gives every declared series over the time since its last call: means, sums, extremes, and points as they
        are now; one value an asset.
    sink : Sink
        Takes a block of samples.
    period_s : float
        Sample period [s].
    block : int
        Samples a block; a killed run lacks at most one block.
    on_block : callable
        Called after each block was written, for requests, events and progress.
    """

    observe: Callable[[], Mapping[str, np.ndarray]]
    sink: Sink
    period_s: float
    block: int = 30
    on_block: Callable[[float], None] = lambda now_s: None
    count: int = 0
    _times: list[float] = field(default_factory=list)
    _rows: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def next_due(self) -> float:
        """Instant of the next sample [s]."""
        return (self.count + 1) * self.period_s

    def sample(self, now_s: float) -> None:
        """Close a sample if it is due at this instant."""
        if now_s < self.next_due():
            return
        self.count += 1
        for name, row in self.observe().items():
            self._rows.setdefault(name, []).append(np.array(row, dtype=np.float64))
        self._times.append(now_s)
        if len(self._times) >= self.block:
            self.flush(now_s)

    def flush(self, now_s: float) -> None:
        """Write what is held, so that it survives whatever comes next."""
        if self._times:
            self.sink.append_series(np.array(self._times), {n: np.array(r) for n, r in self._rows.items()})
            self._times, self._rows = [], {}
        self.on_block(now_s)
