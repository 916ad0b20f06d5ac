"""A site that leaves the grid for its batteries when a sag lasts too long, and comes back once it has been calm."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NamedTuple

import numpy as np

from twin.engine import Context
from twin.physics.ride_through import CURVES, ROUNDING, Curve, Timers
from twin.processes.supply import BELL

CALM_FRAC: Final = 0.10
"""Sag that counts as calm [1]; EN 50160:2010, 4.2.2.2."""
LEAVES: Final = "leaves the grid"
BREACH: Final = "too early for the grid code"


class Words(NamedTuple):
    """What the scenario says.

    Parameters
    ----------
    leaves : Curve
        Beyond it the site leaves.
    demands : Curve, optional
        What the grid demands to be borne.
    back_s : float
        For which the grid must be calm before the site returns [s].
    """

    leaves: Curve
    demands: Curve | None
    back_s: float


def words(told: Any) -> Words:
    """Read them from ``power.ride_through`` of a scenario."""
    return Words(CURVES[told.leaves], CURVES[told.demands] if told.demands else None, told.back)


def guard(ctx: Context, told: Words) -> Generator[Any, Any, None]:
    """Watch the grid for the whole run.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    told : Words
        Curves and time.
    """
    grid = _Grid(ctx, told)
    while True:
        cause = yield from _bell_until(ctx, grid.leaves_at_s() if grid.is_closed() else np.inf)
        grid.look()
        if float(ctx.env.now) >= grid.leaves_at_s() - ROUNDING and grid.is_closed():
            yield from _away(ctx, grid, told.back_s, cause or grid.cause)
        grid.cause = cause or grid.cause


class _Grid:
    """What the grid does, as the relays of the site see it."""

    def __init__(self, ctx: Context, told: Words) -> None:
        self.ctx, self.cause = ctx, ""
        self.own = [Timers(told.leaves.voltage), Timers(told.leaves.frequency)]
        code = told.demands or Curve(())
        self.code = [Timers(code.voltage), Timers(code.frequency)]
        self.has_code = told.demands is not None
        self.off = (0.0, 0.0)

    def look(self) -> None:
        (feed,), now_s = self.ctx.ids["feed"], float(self.ctx.env.now)
        self.off = (
            1.0 - self.ctx.value("feed.voltage_pu", feed),
            self.ctx.value("feed.off_frequency_frac", feed),
        )
        for timers in (self.own, self.code):
            for timer, off in zip(timers, self.off, strict=True):
                timer.see(off, now_s)

    def is_calm(self) -> bool:
        slow = self.code[1].steps or self.own[1].steps
        return (
            self.off[0] <= CALM_FRAC + ROUNDING and self.off[1] <= (slow[-1][0] if slow else 0.01) + ROUNDING
        )

    def is_closed(self) -> bool:
        """Whether the main breaker is; else generators have the site."""
        return bool(self.ctx.value("feed.is_up", self.ctx.ids["feed"][0]))

    def leaves_at_s(self) -> float:
        return min(timer.due_at_s for timer in self.own)

    def said(self) -> str:
        volts, hertz = self.off
        what = f"{1.0 - volts:.0%} of nominal voltage" if volts > 0.0 else f"frequency off by {hertz:.1%}"
        may = float(self.ctx.env.now) >= min(timer.due_at_s for timer in self.code) - ROUNDING
        return f"{LEAVES}: {what} for too long" + (f", {BREACH}" if self.has_code and not may else "")


def _bell_until(ctx: Context, at_s: float) -> Generator[Any, Any, str]:
    """Wait for the bell, at most up to an instant; returns the cause of the bell."""
    bell = ctx.bell(BELL)
    waits = [bell] if np.isinf(at_s) else [bell, ctx.env.timeout(max(at_s - float(ctx.env.now), 0.0))]
    yield ctx.env.any_of(waits)
    return str(bell.value) if bell.triggered else ""


def _away(ctx: Context, grid: _Grid, back_s: float, cause: str) -> Generator[Any, Any, None]:
    """Hold the inputs of the UPS open until the grid has been calm, or generators have taken over."""
    (feed,), blocks = ctx.ids["feed"], ctx.ids["ups"]
    ctx.log("feed", feed, grid.said(), cause)
    calm_at_s = np.inf
    for block in blocks:
        ctx.write("ups.is_fed", block, False)
    ctx.ring(BELL, cause)
    while float(ctx.env.now) < calm_at_s + back_s - ROUNDING:
        yield from _bell_until(ctx, calm_at_s + back_s)
        grid.look()
        if not grid.is_closed():
            return
        calm_at_s = min(calm_at_s, float(ctx.env.now)) if grid.is_calm() else np.inf
        for block in blocks:  # also where the end of an event has closed them
            ctx.write("ups.is_fed", block, False)
    for block in blocks:
        ctx.write("ups.is_fed", block, True)
    ctx.log("feed", feed, "the site returns to the grid", cause)
    ctx.ring(BELL, cause)
