"""Reporters: what is observed, over which period, and when it goes to disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from twin.quantities import QUANTITIES

GATHER = {"mean": np.add, "sum": np.add, "max": np.maximum, "min": np.minimum}


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
        Gives every declared series as it was over the last step: rates of means, amounts of sums,
        values of points and extremes at its end; one value an asset.
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
    _span_s: float = 0.0
    _names: dict[str, list[str]] = field(default_factory=dict)
    _held: dict[str, np.ndarray] = field(default_factory=dict)
    _times: list[float] = field(default_factory=list)
    _rows: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def next_due(self) -> float:
        """Instant of the next sample [s]."""
        return (self.count + 1) * self.period_s

    def accumulate(self, dt_s: float) -> None:
        """Add a step to the running means, sums and extremes."""
        if dt_s == 0.0:
            return
        self._span_s += dt_s
        observed = self.observe()
        if not self._names:
            self._names = {kind: [n for n in observed if QUANTITIES[n].kind == kind] for kind in GATHER}
        for kind, names in self._names.items():
            if not names:
                continue
            # all quantities of a kind at once: a site has dozens, and most are short
            amount = np.concatenate([observed[name] for name in names], dtype=np.float64)
            if kind == "mean":
                amount *= dt_s
            if kind in self._held:
                GATHER[kind](self._held[kind], amount, out=self._held[kind])
            else:
                self._held[kind] = amount

    def sample(self, now_s: float) -> None:
        """Close a sample if it is due at this instant."""
        if self._span_s == 0.0 or now_s < self.next_due():
            return
        self.count += 1
        observed = self.observe()
        rows = {name: np.array(value, dtype=float) for name, value in observed.items()}
        for kind, names in self._names.items():
            if kind in self._held:
                held = self._held[kind] / self._span_s if kind == "mean" else self._held[kind]
                ends = np.cumsum([len(observed[name]) for name in names])[:-1]
                rows |= zip(names, np.split(held, ends), strict=True)
        for name, row in rows.items():
            self._rows.setdefault(name, []).append(row)
        self._times.append(now_s)
        self._held = {}
        self._span_s = 0.0
        if len(self._times) >= self.block:
            self.flush(now_s)

    def flush(self, now_s: float) -> None:
        """Write what is held, so that it survives whatever comes next."""
        if self._times:
            self.sink.append_series(np.array(self._times), {n: np.array(r) for n, r in self._rows.items()})
            self._times, self._rows = [], {}
        self.on_block(now_s)
