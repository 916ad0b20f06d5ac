"""How long sags of voltage and deviations of frequency are borne, or must be: curves in steps."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

Steps = tuple[tuple[float, float], ...]


class Curve(NamedTuple):
    """A curve in steps, the deepest first.

    Parameters
    ----------
    voltage : tuple of (float, float)
        What is missing of nominal voltage [1], and for how long more than that may be missing [s].
    frequency : tuple of (float, float)
        The same for the deviation of frequency; empty where a curve has none.
    """

    voltage: Steps
    frequency: Steps = ()


CURVES: Final = {
    "itic": Curve(((0.30, 0.02), (0.20, 0.5), (0.10, 10.0))),
    "semi-f47": Curve(((0.50, 0.0), (0.30, 0.2), (0.20, 0.5), (0.10, 1.0))),
    "prc-024": Curve(
        ((0.55, 0.15), (0.35, 0.30), (0.25, 2.0), (0.10, 3.0)),
        ((2.5 / 60.0, 0.0), (2.0 / 60.0, 2.0), (1.6 / 60.0, 30.0), (0.6 / 60.0, 540.0)),
    ),
}
"""Curves by name. ``itic``: ITI (CBEMA) curve, application note of 2000, what IT supplies bear. ``semi-f47``: SEMI
F47-0706, what equipment of chip makers must bear. ``prc-024``: NERC PRC-024-3 (2020), attachments 1 (ERCOT) and 2, what
generators must stay connected through; large loads are asked for much the same. Lower sides alone; textbook knowledge
of the standards (2026), to be checked against them before a contract rests on it."""

ROUNDING: Final = 1e-9
"""By which a sag may pass a limit, and an instant be early [1, s]."""


class Timers:
    """Since when each step of a curve has been passed.

    Parameters
    ----------
    steps : tuple of (float, float)
        Limits and times, as in :class:`Curve`.

    Examples
    --------
    >>> timers = Timers(CURVES["itic"].voltage)
    >>> timers.see(0.25, 3.0)
    >>> timers.due_at_s
    3.5
    >>> timers.see(0.15, 3.4)
    >>> timers.due_at_s
    13.0
    """

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self.since_s = [math.inf] * len(steps)

    def see(self, depth: float, now_s: float) -> None:
        """Note how far off something is from now on [1]."""
        for i, (limit, _) in enumerate(self.steps):
            passed = depth > limit + ROUNDING
            self.since_s[i] = min(self.since_s[i], now_s) if passed else math.inf

    @property
    def due_at_s(self) -> float:
        """Instant at which a step will have been passed for as long as it may [s]; infinite if none is passed."""
        lasts = zip(self.since_s, self.steps, strict=True)
        return min((since + for_s for since, (_, for_s) in lasts), default=math.inf)
