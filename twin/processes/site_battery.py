"""The battery at the grid connection: it meets grid calls, cuts peaks, and is charged again at its pace."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NamedTuple

import numpy as np

from twin import catalog
from twin.engine import Context
from twin.physics.storage import terminal_w
from twin.processes.supply import to_tick_s

CALLED: Final = "feed.called_w"
"""Input that a grid call writes and bell that it rings: what it leaves to the site [W]. There only where a battery
answers calls."""

ROUNDING: Final = 1e-9
"""Share of its capacity within which a battery is where it is held [1]."""

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
        With which it comes back to the charge at which it is held [W].
    ramp_w_per_s : float
        Fastest change of charging [W/s]; infinite for at once.
    site_ramp_w_per_s : float
        Fastest change of what the site draws [W/s]; infinite without limit.
    keep_j : float
        Energy at which it is held [J].
    losses : tuple of float
        Power to which its losses refer [W], and their shares c1 and c2 [1].
    """

    peak_w: float
    recharge_w: float
    ramp_w_per_s: float
    site_ramp_w_per_s: float
    keep_j: float
    losses: tuple[float, float, float]


def words(power: Any) -> Words:
    """Read them from section ``power`` of a scenario."""
    battery = power.storage
    card = catalog.get("battery", battery.unit)
    return Words(
        np.inf if battery.peak is None else battery.peak,
        battery.power if battery.recharge is None else battery.recharge,
        np.inf if battery.ramp is None else battery.ramp,
        np.inf if power.feed.ramp is None else power.feed.ramp,
        battery.energy * battery.keep,
        (battery.power, float(card.loss_linear_frac), float(card.loss_quadratic_frac)),
    )


def guard(ctx: Context, told: Words, tick_s: float) -> Generator[Any, Any, None]:
    """Give the battery its orders at every tick, for the whole run.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    told : Words
        Limits.
    tick_s : float
        Length of a tick [s].
    """
    (feed,) = ctx.ids["feed"]
    said, seen_at_s, last_w, drawn_w = "", -np.inf, np.nan, float(ctx.read("now.feed.in_w")[0])
    while True:
        if ctx.env.now > seen_at_s:  # a bell may ring at the same instant
            seen_at_s, last_w = float(ctx.env.now), drawn_w
        called_w = ctx.value(CALLED, feed) if CALLED in ctx.inputs else np.inf
        change_w = told.site_ramp_w_per_s * tick_s
        least_w = last_w - change_w
        most_w = min(called_w, told.peak_w, last_w + change_w)
        take_w = 0.0
        if np.isinf(called_w):
            take_w, given_back_w = _charge_w(ctx, told, tick_s)
            most_w = min(most_w, max(_need_w(ctx) - given_back_w, least_w)) if given_back_w > 0.0 else most_w
        for name, value in (("most_w", most_w), ("least_w", least_w), ("take_w", take_w)):
            ctx.write(f"feed.{name}", feed, value)
        drawn_w = float(ctx.read("now.feed.in_w")[0])
        if np.isinf(told.site_ramp_w_per_s):
            said = _tell(ctx, feed, said)
        yield ctx.env.timeout(to_tick_s(float(ctx.env.now), tick_s)) | ctx.bell(CALLED)


def _need_w(ctx: Context) -> float:
    """What the site draws from grid and battery together, without charging [W]."""
    drawn, given, taken = (float(ctx.read(f"now.feed.{what}")[0]) for what in ("in_w", "given_w", "taken_w"))
    return drawn + given - taken


def _charge_w(ctx: Context, told: Words, tick_s: float) -> tuple[float, float]:
    """Charging and giving back for the tick to come, towards the energy at which the battery is held [W].

    Charging rises by the ramp, and falls by it before it ends.
    """
    full_j, room_j = (float(ctx.read(f"now.feed.{what}")[0]) for what in ("capacity_j", "room_j"))
    left_j = room_j - (full_j - told.keep_j)
    if abs(left_j) <= ROUNDING * full_j:
        return 0.0, 0.0
    ends_in_tick_w = abs(terminal_w(left_j / tick_s, *told.losses))
    if left_j < 0.0:
        return 0.0, min(told.recharge_w, ends_in_tick_w)
    if np.isinf(told.ramp_w_per_s):
        return min(told.recharge_w, ends_in_tick_w), 0.0
    least_w = told.ramp_w_per_s * tick_s
    ends_w = max(float(np.sqrt(2.0 * told.ramp_w_per_s * left_j)) - least_w, least_w)
    return min(told.recharge_w, float(ctx.read("now.feed.taken_w")[0]) + least_w, ends_w), 0.0


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
