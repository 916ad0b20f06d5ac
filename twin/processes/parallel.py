"""Generators beside the grid: started for a call, loaded by their ramp, unloaded and stopped after it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.engine import Context
from twin.plant.power_limits import LEAST_LOAD_FRAC, LOADING_S
from twin.processes import site_battery
from twin.processes.standby import has_grid
from twin.processes.supply import BELL, to_tick_s

PLAN: Final = "feed.plan_w"
"""Input that a call of the grid writes and bell that it rings: the most that it will ask for, 0 without a call [W].
There only where generators answer calls."""
NEED: Final = "feed.need_w"
"""Input that a call writes at each look: what the site would draw above its limit with nothing held back [W]."""

SYNCHRONISE_S: Final = 5.0
"""From voltage to a closed breaker beside the grid [s]; assumption (2026), range 2 to 15."""

MARGIN_FRAC: Final = 0.02
"""What generators give above the need, of the power before the call [1], so that a load that moves from tick to tick
stays below the limit without caps; choice of this product (2026)."""

Array = NDArray[np.float64]


class Words(NamedTuple):
    """What the scenario and the card say of generators that answer calls.

    Parameters
    ----------
    start_s : float
        From the call to a voltage that takes load [s].
    loading_s : float
        From no load to the rating beside the grid [s], above zero.
    least_frac : float
        Lowest load that a unit is run at, of its rating [1].
    step_frac : float
        Largest step of load, of its rating [1].
    permit_s : float
        Time that each unit may run in calls [s]; infinite without limit.
    """

    start_s: float
    loading_s: float
    least_frac: float
    step_frac: float
    permit_s: float


def words(units: Any) -> Words:
    """Read them from section ``power.generators`` of a scenario."""
    card = catalog.get("generator", units.unit)
    return Words(
        units.start,
        float(card.get("loading_s", LOADING_S)),
        float(card.get("least_load_frac", LEAST_LOAD_FRAC)),
        float(card.step_frac),
        np.inf if units.permit is None else units.permit,
    )


def guard(ctx: Context, told: Words, tick_s: float) -> Generator[Any, Any, None]:
    """Run generators beside the grid while a call asks for it.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    told : Words
        Limits.
    tick_s : float
        Length of a tick [s].
    """
    fleet = Fleet(ctx, told, tick_s)
    while True:
        fleet.look()
        if fleet.is_at_rest():
            yield ctx.bell(PLAN)
        else:
            tick_in_s = to_tick_s(float(ctx.env.now), tick_s)
            yield ctx.env.timeout(tick_in_s) | ctx.bell(BELL) | ctx.bell(PLAN)


def plan(ctx: Context, wanted_w: float, cause: str) -> None:
    """Tell generators that answer calls how much a call will ask for; 0 ends it."""
    if PLAN in ctx.inputs:
        ctx.write(PLAN, ctx.ids["feed"][0], wanted_w)
        ctx.write(NEED, ctx.ids["feed"][0], 0.0)
        ctx.ring(PLAN, cause)


def need(ctx: Context, need_w: float) -> None:
    """Tell them what the site would draw above its limit with nothing held back [W]."""
    if PLAN in ctx.inputs:
        ctx.write(NEED, ctx.ids["feed"][0], need_w)


def lead_s(ctx: Context) -> float:
    """How long before power must fall generators are told of it, so that they run at their least load then [s]."""
    if PLAN not in ctx.inputs:
        return 0.0
    return float(ctx.read("now.generator.start_s").max()) + SYNCHRONISE_S + LOADING_S


def can_give_w(ctx: Context) -> float:
    """Power that a grid call may count on until the next tick [W]."""
    return float(ctx.inputs["generator.can_w"].sum()) if PLAN in ctx.inputs else 0.0


class Fleet:
    """The generators of a site as they are beside the grid.

    Parameters
    ----------
    ctx, told, tick_s
        As for :func:`guard`.
    """

    def __init__(self, ctx: Context, told: Words, tick_s: float) -> None:
        self.ctx, self.told, self.tick_s = ctx, told, tick_s
        self.units = ctx.ids["generator"]
        self.rating_w = ctx.read("now.generator.rating_w")
        count = len(self.units)
        self.called_at_s, self.ran_s = np.full(count, np.nan), np.zeros(count)
        self.is_on, self.is_out, self.has_said = np.zeros(count, bool), np.zeros(count, bool), False
        self.seen_at_s, self.was_dark = 0.0, False
        self.cause = ""

    def is_at_rest(self) -> bool:
        """Whether no unit is called and none is wanted."""
        return self._value(PLAN) == 0.0 and np.isnan(self.called_at_s).all()

    def look(self) -> None:
        """Start, load, unload and stop units for the tick to come."""
        passed_s, self.seen_at_s = float(self.ctx.env.now) - self.seen_at_s, float(self.ctx.env.now)
        if not has_grid(self.ctx):
            self._let_go()
            return
        if self.was_dark:  # what takes over in outages ends its own call at this instant
            self.was_dark = passed_s == 0.0
            return
        self.ran_s += np.where(self.is_on, passed_s, 0.0)
        plan_w, need_w = self._value(PLAN), self._value(NEED)
        if plan_w == 0.0:
            self.is_out[:], self.has_said = self.ran_s >= self.told.permit_s, False
        self._look_after()
        wanted = self._wanted(max(plan_w, need_w))
        self._start(wanted)
        self._join()
        self._load(wanted, max(need_w - self._battery_w(), 0.0), min(passed_s, self.tick_s))

    def _value(self, name: str) -> float:
        return self.ctx.value(name, self.ctx.ids["feed"][0])

    def _battery_w(self) -> float:
        return site_battery.can_give_w(self.ctx)

    def _site_w(self) -> float:
        """What the site takes in all, the battery of the site not counted [W]."""
        drawn, given, taken = (
            float(self.ctx.read(f"now.feed.{what}")[0]) for what in ("in_w", "given_w", "taken_w")
        )
        return drawn + given - taken + float(self.ctx.read("now.generator.in_w").sum())

    def _wanted(self, most_w: float) -> NDArray[np.bool_]:
        """Units that should run: the first ones that are able and together suffice, as far as their least load."""
        found = np.zeros(len(self.units), bool)
        if most_w <= 0.0 or self._battery_lasts(most_w):
            return found
        least_w, left_w, site_w = self.told.least_frac * self.rating_w, most_w, self._site_w()
        for i in np.flatnonzero(~self.is_out).tolist():
            if left_w > 0.0 and least_w[i] <= site_w:
                found[i], left_w, site_w = True, left_w - self.rating_w[i], site_w - least_w[i]
            elif left_w > 0.0 and not found.any() and not self.has_said:
                self.has_said = True
                self._log(
                    i, f"stays off: the site draws less than its least load of {least_w[i] / 1e3:.0f} kW"
                )
        return found

    def _battery_lasts(self, most_w: float) -> bool:
        """Whether the battery of the site needs no help for longer than units take to start and load."""
        if not np.isnan(self.called_at_s).all() or self._battery_w() < most_w:
            return False
        ahead_s = self.told.start_s + SYNCHRONISE_S + self.told.loading_s + site_battery.HANDOVER_S
        return float(self.ctx.read("now.feed.usable_j")[0]) >= most_w * ahead_s

    def _start(self, wanted: NDArray[np.bool_]) -> None:
        for i in np.flatnonzero(wanted & np.isnan(self.called_at_s)).tolist():
            self.called_at_s[i] = self.ctx.env.now
            self.ctx.write("generator.is_called", self.units[i], 1.0)
            self._log(i, "is called by the grid")

    def _join(self) -> None:
        """Close the breakers of units that have run up, with no load yet; those that did not start are out."""
        due_s = self.told.start_s + SYNCHRONISE_S - 1e-9
        is_ready = self.ctx.read("now.generator.is_ready") > 0.0
        for i in np.flatnonzero(~self.is_on & (self.ctx.env.now - self.called_at_s >= due_s)).tolist():
            if not is_ready[i]:
                self._stop(i, "does not start")
                self.is_out[i] = True
                continue
            self.is_on[i] = True
            self.ctx.write("generator.beside_w", self.units[i], 0.0)
            self.ctx.write("generator.is_up", self.units[i], True)
            self._log(i, "runs beside the grid")
            self.ctx.ring(BELL, self.cause)

    def _look_after(self) -> None:
        """Take units out that have tripped or run dry, and those whose permit is used up."""
        is_ready = self.ctx.read("now.generator.is_ready") > 0.0
        for i in np.flatnonzero(self.is_on).tolist():
            is_open = not self.ctx.value("generator.is_up", self.units[i])
            if is_open or not is_ready[i]:
                self._stop(i, "leaves the grid" if is_open else "stops: its tank is empty")
                self.is_out[i] = True
            elif self.ran_s[i] >= self.told.permit_s and not self.is_out[i]:
                self.is_out[i] = True
                self._log(i, f"has used up its permit of {self.told.permit_s / 3600.0:.3g} h")

    def _load(self, wanted: NDArray[np.bool_], total_w: float, passed_s: float) -> None:
        """Move units towards equal shares of what is asked of them, in steps that they bear; stop those at rest."""
        shared = self.is_on & wanted
        share_w = total_w * self.rating_w / max(float(self.rating_w[shared].sum()), 1.0)
        aim_w = np.where(shared, np.clip(share_w, self.told.least_frac * self.rating_w, self.rating_w), 0.0)
        rate_w_per_s = self.rating_w / self.told.loading_s
        most_w = np.minimum(rate_w_per_s * passed_s, self.told.step_frac * self.rating_w)
        for i in np.flatnonzero(~np.isnan(self.called_at_s)).tolist():
            unit = self.units[i]
            now_w = self.ctx.value("generator.beside_w", unit) if self.is_on[i] else 0.0
            told_w = now_w + float(np.clip(aim_w[i] - now_w, -most_w[i], most_w[i]))
            if told_w == 0.0 and now_w == 0.0 and not wanted[i]:
                self._stop(i, f"stops after {self.ran_s[i] / 60.0:.3g} min beside the grid in all")
            elif self.is_on[i]:
                ahead_w = rate_w_per_s[i] * self.tick_s * (1.0 if shared[i] else -1.0)
                self.ctx.write("generator.beside_w", unit, told_w)
                self.ctx.write("generator.can_w", unit, np.clip(told_w + ahead_w, 0.0, self.rating_w[i]))

    def _stop(self, i: int, what: str) -> None:
        self.called_at_s[i], self.is_on[i] = np.nan, False
        for name, value in (("is_up", False), ("is_called", 0.0), ("beside_w", np.inf), ("can_w", 0.0)):
            self.ctx.write(f"generator.{name}", self.units[i], value)
        self._log(i, what)
        self.ctx.ring(BELL, self.cause)

    def _let_go(self) -> None:
        """Open all breakers, as the grid is gone; what takes over in outages has called the units by now."""
        for i in np.flatnonzero(self.is_on).tolist():
            for name, value in (("is_up", False), ("beside_w", np.inf), ("can_w", 0.0)):
                self.ctx.write(f"generator.{name}", self.units[i], value)
            self._log(i, "leaves the grid, which is gone")
        self.called_at_s[:], self.is_on[:], self.was_dark = np.nan, False, True

    def _log(self, i: int, what: str) -> None:
        self.ctx.log("generator", self.units[i], what, "call of the grid")
