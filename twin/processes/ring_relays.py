"""Relays of a medium-voltage ring: sections that carry more than their rating for too long are switched off."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from twin.engine import Context
from twin.physics.inverse_time import trip_rate_per_s
from twin.plant.power_limits import RELAY_S, RESET_S
from twin.processes.ring_fault import PARTED, TRIPPED, names_of, ring_of, switch_over
from twin.processes.supply import A_MOMENT_S, BELL, to_tick_s

ROUNDING = 1e-9
"""Share of the way to a trip within which it counts as come [1]."""


def guard(ctx: Context, setting_frac: float, tick_s: float) -> Generator[Any, Any, None]:
    """Watch the sections for the whole run; their currents are constant between two looks.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    setting_frac : float
        Current over the rating of a section that is borne for ever [1].
    tick_s : float
        Length of a tick [s].
    """
    way, cause = np.zeros(len(ctx.ids["ring"])), ""
    curve = [np.full(len(way), x) for x in (setting_frac, RELAY_S, 1.0, np.inf, 1.0, RESET_S)]
    while True:
        seen_at_s, load_frac = float(ctx.env.now), ctx.read("now.ring.load_frac")
        rate_per_s = trip_rate_per_s(load_frac, *curve)
        left_s = np.divide(1.0 - way, rate_per_s, out=np.full(len(way), np.inf), where=rate_per_s > 0.0)
        change_in_s = float(ctx.read("now.change_s")[0]) + A_MOMENT_S
        bell = ctx.bell(BELL)
        yield ctx.env.timeout(min(to_tick_s(seen_at_s, tick_s), change_in_s, left_s.min())) | bell
        cause = str(bell.value) if bell.triggered else cause
        way = np.clip(way + rate_per_s * (ctx.env.now - seen_at_s), 0.0, 1.0)
        for i in np.flatnonzero(way >= 1.0 - ROUNDING).tolist():
            _trip(ctx, ctx.ids["ring"][i], float(load_frac[i]), cause)
            way[i] = 0.0


def _trip(ctx: Context, section: str, load_frac: float, cause: str) -> None:
    """Open the breaker at the feed of the side on which a section lies; of a closed ring the section alone."""
    lost = ring_of(ctx).lost(section, names_of(ctx, "is_open"))
    if section in names_of(ctx, "is_open") or (lost and all(_is_off(ctx, name) for name in lost)):
        return
    ctx.write("ring.is_up", section, TRIPPED if lost else PARTED)
    what = f"trips on overload, {load_frac:.0%} of its rating"
    if not lost:
        switch_over(ctx, what, section, cause)
        return
    ctx.log("ring", section, f"{what}; {len(lost)} transformers lose the grid", cause)
    for name in lost:
        ctx.write("transformer.is_fed", name, False)
    ctx.ring(BELL, cause)


def _is_off(ctx: Context, transformer: str) -> bool:
    return not ctx.value("transformer.is_fed", transformer)
