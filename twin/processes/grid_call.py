"""The grid asks for less: pools are capped and paused until the meter shows what was asked for, then released."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.engine import Context
from twin.processes import parallel
from twin.processes.site_battery import CALLED, can_give_w

ASSET_KIND = ""
NEEDS = ("amount", "ramp", "duration", "window")
INTERVAL_S: Final = 1.0
"""Between two looks at the meter where the event says nothing [s]; choice of this product (2026)."""
TAKES = {"notice": 0.0, "first": (), "interval": INTERVAL_S}

DEAD_LOOKS: Final = 3
"""Looks until a measure shows at the meter where the interval is a tick: the clock, the work, the power."""

GAIN: Final = 0.15
"""Share of a deviation that is corrected at each look [1]. After a dead time of three looks an integrating controller
is stable up to 0.44 (textbook sampled control); this leaves room for pools that answer more than expected."""

LOWEST_CAP_FRAC: Final = 0.45
"""Lowest cap over the most that a pool drew before [1]: near what its GPUs draw at the lowest clock; from there on
replicas pause. Assumption (2026), range 0.3 to 0.7."""

PAUSED_FRAC: Final = 0.2
"""Power of a pool that stands still over the most that it drew before [1]; assumption (2026), range 0.1 to 0.3. Only
the speed of the controller depends on it."""

ROUNDING: Final = 1e-9
"""Share by which the meter may lie above its limit [1]."""

Array = NDArray[np.float64]


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Hold the power at the grid connection at ``1 - amount`` of what it was before the call.

    The power before the call is the mean over ``event.window`` up to ``event.at``. ``event.notice`` later the limit
    falls over ``event.ramp``, stays for ``event.duration`` and rises at the same rate until no cap is needed any
    more; with what was put off, that may be later than the ramp and above the power before the call. A battery of the
    site that answers calls goes first, and hands over while it still lasts for a while; then come generators. Once an
    interval the measures follow the limit, and what the meter shows is compared with the limit of the instant from
    which it stems; a share of the difference is added. The first pool named goes down to the lowest cap, then it
    pauses for more and more of the time, then the next pool, at last all others together. Where less is drawn than
    the limit allows anyway, the measures go to nothing and no further.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``window``, ``notice``, ``ramp``, ``duration``, ``interval`` [s], ``amount`` [1] and ``first``,
        names of pools.
    cause : str
        Name of the event in the scenario, for the log.
    """
    interval_s = float(event.interval or INTERVAL_S)
    yield ctx.env.timeout(event.at - event.window)
    start_j, largest_w = _drawn_j(ctx), ctx.read("pool.power_w")
    while ctx.env.now + interval_s < event.at:
        yield ctx.env.timeout(interval_s)
        largest_w = np.maximum(largest_w, ctx.read("pool.power_w"))
    yield ctx.env.timeout(event.at - ctx.env.now)
    baseline_w = (_drawn_j(ctx) - start_j) / event.window
    ctx.log("site", "site", f"grid call: {event.amount:.3g} less than {baseline_w / 1e3:.4g} kW", cause)
    idle_s = max((event.notice or 0.0) - parallel.lead_s(ctx), 0.0)
    yield ctx.env.timeout(idle_s)
    parallel.plan(ctx, event.amount * baseline_w, cause)
    yield ctx.env.timeout((event.notice or 0.0) - idle_s)
    yield from _hold(ctx, event, cause, baseline_w, largest_w)
    ctx.log("site", "site", "caps are lifted", cause)


def _hold(
    ctx: Context, event: Any, cause: str, baseline_w: float, largest_w: Array
) -> Generator[Any, Any, None]:
    """Follow the limit from the begin of the first ramp until nothing is held back any more."""
    interval_s = float(event.interval or INTERVAL_S)
    steps = _steps(ctx, event.first or (), largest_w)
    taken_w, ahead_w, elapsed_s, has_reached = 0.0, 0.0, 0.0, False
    seen_j, lent_j = _drawn_j(ctx), _lent_j(ctx)
    asked_w = [-_can_give_w(ctx)] * (DEAD_LOOKS + 1)  # of the pools: what battery and generators do not give
    held_w = [0.0] * (DEAD_LOOKS + 1)
    while taken_w > 0.0 or elapsed_s < 2.0 * event.ramp + event.duration:
        yield ctx.env.timeout(interval_s)
        elapsed_s += interval_s
        power_w = (_drawn_j(ctx) - seen_j) / interval_s
        load_w = power_w + (_lent_j(ctx) - lent_j) / interval_s
        seen_j, lent_j = seen_j + power_w * interval_s, _lent_j(ctx)
        asked_frac = event.amount * course_frac(elapsed_s, event.ramp, event.duration)
        less_w = max(asked_frac, -1.0) * baseline_w
        _limit(ctx, baseline_w - less_w, cause)
        parallel.need(ctx, load_w + held_w[0] - baseline_w + less_w + parallel.MARGIN_FRAC * baseline_w)
        asked_w = [*asked_w[1:], less_w - _can_give_w(ctx)]
        before_w, ahead_w = (
            ahead_w,
            max(asked_w[-1], min(less_w, 0.0)),
        )  # what own sources have to spare is no call
        taken_w += ahead_w - before_w + GAIN * (load_w - baseline_w + asked_w[0])
        taken_w = _take(ctx, steps, largest_w, taken_w)
        held_w = [*held_w[1:], taken_w]
        is_within = power_w <= (baseline_w - less_w) * (1.0 + ROUNDING)
        if not has_reached and asked_frac >= event.amount and is_within:
            has_reached = True
            ctx.log("site", "site", f"at {power_w / 1e3:.4g} kW", cause)
    _limit(ctx, np.inf, cause)
    parallel.plan(ctx, 0.0, cause)


def course_frac(elapsed_s: float, ramp_s: float, held_s: float) -> float:
    """Share of a call that is asked for at an instant: rises over the ramp, holds, falls at the same rate [1].

    Parameters
    ----------
    elapsed_s : float
        Since power began to fall, zero or larger [s].
    ramp_s, held_s : float
        Length of the ramp, zero or larger, and of the time between the ramps [s].

    Returns
    -------
    float
        Below zero once more than before the call is allowed; minus infinity after a call without ramp.

    Examples
    --------
    >>> [course_frac(t, 10.0, 60.0) for t in (5.0, 10.0, 70.0, 75.0, 85.0)]
    [0.5, 1.0, 1.0, 0.5, -0.5]
    """
    if elapsed_s <= ramp_s + held_s:
        return min(1.0, elapsed_s / ramp_s) if ramp_s else 1.0
    return 1.0 - (elapsed_s - ramp_s - held_s) / ramp_s if ramp_s else -np.inf


def _drawn_j(ctx: Context) -> float:
    return float(ctx.read("so_far.grid_j")[0])


def _lent_j(ctx: Context) -> float:
    """What battery and generators of the site gave so far, where any of them answers calls [J]."""
    has_own = CALLED in ctx.inputs or parallel.PLAN in ctx.inputs
    return float(ctx.read("so_far.lent_j")[0]) if has_own else 0.0


def _can_give_w(ctx: Context) -> float:
    return can_give_w(ctx) + parallel.can_give_w(ctx)


def _limit(ctx: Context, limit_w: float, cause: str) -> None:
    """Tell the battery of the site what the grid leaves, where it answers calls."""
    if CALLED in ctx.inputs:
        ctx.write(CALLED, ctx.ids["feed"][0], limit_w)
        ctx.ring(CALLED, cause)


def _steps(ctx: Context, first: Any, largest_w: Array) -> list[tuple[list[int], float, float]]:
    """Pools in the order in which they are held back, with what caps and then pauses take off them [W]."""
    pools = ctx.ids["pool"]
    others = [i for i, name in enumerate(pools) if name not in first]
    stages = [[pools.index(name)] for name in first] + ([others] if others else [])
    found = []
    for stage in stages:
        most_w = float(largest_w[stage].sum())
        found.append((stage, most_w * (1.0 - LOWEST_CAP_FRAC), most_w * (LOWEST_CAP_FRAC - PAUSED_FRAC)))
    return found


def _take(
    ctx: Context, steps: list[tuple[list[int], float, float]], largest_w: Array, wanted_w: float
) -> float:
    """Write the caps and pauses that take off so much, as far as it goes, and return how much that is [W]."""
    left_w = max(wanted_w, 0.0)
    taken_w = 0.0
    for stage, by_caps_w, by_pauses_w in steps:
        capped_w = min(left_w - taken_w, by_caps_w)
        paused_w = min(left_w - taken_w - capped_w, by_pauses_w)
        taken_w += capped_w + paused_w
        for i in stage:
            lower = (1.0 - LOWEST_CAP_FRAC) * capped_w / max(by_caps_w, 1.0)
            ctx.write("pool.cap_w", ctx.ids["pool"][i], largest_w[i] * (1.0 - lower) if lower else np.inf)
            ctx.write("pool.pause_frac", ctx.ids["pool"][i], paused_w / max(by_pauses_w, 1.0))
    return taken_w
