"""The battery at the grid connection: it meets grid calls, cuts peaks, and is charged again at its pace."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NamedTuple

import numpy as np

from twin.engine import Context
from twin.processes.supply import to_tick_s

CALLED: Final = "feed.called_w"
"""Input that a grid call writes and bell that it rings: what it leaves to the site [W]. There only where a battery
answers calls."""

HANDOVER_S: Final = 20.0
"""For which the battery must last at what it gives, before others are asked to take over [s]: the controller of a call
settles within some 20 looks (choice of this product, 2026)."""


class Words(NamedTuple):
    """What the scenario says of the battery.

    Parameters
    ----------
    peak_w : float
        What the site draws at most [W]; infinite without limit.
    recharge_w : float
        With which it is charged [W].
    ramp_w_per_s : float
        Fastest change of charging [W/s]; infinite for at once.
    """

    peak_w: float
    recharge_w: float
    ramp_w_per_s: float


def words(power: Any) -> Words:
    """Read them from section ``power`` of a scenario."""
    battery = power.storage
    return Words(
        np.inf if battery.peak is None else battery.peak,
        battery.power if battery.recharge is None else battery.recharge,
        np.inf if battery.ramp is None else battery.ramp,
    )


def guard(ctx: Context, words: Words, tick_s: float) -> Generator[Any, Any, None]:
    """Give the battery its orders at every tick, for the whole run.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    words : Words
        Limits.
    tick_s : float
        Length of a tick [s].
    """
    (feed,) = ctx.ids["feed"]
    told = ""
    while True:
        called_w = ctx.value(CALLED, feed) if CALLED in ctx.inputs else np.inf
        ctx.write("feed.most_w", feed, min(called_w, words.peak_w))
        ctx.write("feed.take_w", feed, 0.0 if np.isfinite(called_w) else _charge_w(ctx, words, tick_s))
        told = _tell(ctx, feed, told)
        yield ctx.env.timeout(to_tick_s(float(ctx.env.now), tick_s)) | ctx.bell(CALLED)


def _charge_w(ctx: Context, words: Words, tick_s: float) -> float:
    """Charging for the tick to come: up by the ramp, and down by it before the battery is full [W]."""
    if np.isinf(words.ramp_w_per_s):
        return words.recharge_w
    now_w = float(ctx.read("now.feed.taken_w")[0])
    room_j = float(ctx.read("now.feed.room_j")[0])
    least_w = words.ramp_w_per_s * tick_s
    ends_w = max(float(np.sqrt(2.0 * words.ramp_w_per_s * room_j)) - least_w, least_w)
    return min(words.recharge_w, now_w + least_w, ends_w)


def _tell(ctx: Context, feed: str, told: str) -> str:
    """Log when the battery begins to help and when it can no longer; returns what was said last."""
    helps = ctx.read("now.feed.given_w")[0] > 0.0 and ctx.read("now.feed.in_w")[0] > 0.0
    is_spent = ctx.read("now.feed.usable_j")[0] <= 0.0
    is_full = ctx.read("now.feed.room_j")[0] <= 0.0
    if is_spent and told == "helps":
        ctx.log("feed", feed, "battery of the site is down to its reserve", "orders")
        return "spent"
    if helps and told in ("", "full"):
        what = f"battery of the site gives {ctx.read('now.feed.given_w')[0] / 1e3:.0f} kW beside the grid"
        ctx.log("feed", feed, what, "orders")
        return "helps"
    if is_full and told in ("helps", "spent"):
        ctx.log("feed", feed, "battery of the site is full again", "orders")
        return "full"
    return told


def can_give_w(ctx: Context) -> float:
    """Power that a grid call may count on [W]: less and less as the battery comes to its reserve."""
    if CALLED not in ctx.inputs:
        return 0.0
    usable_j, most_w = (float(ctx.read(f"now.feed.{what}")[0]) for what in ("usable_j", "charge_w"))
    return min(most_w, usable_j / HANDOVER_S)
