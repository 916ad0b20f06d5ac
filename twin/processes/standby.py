"""Standby generators: called when the grid is gone, loaded step by step, relieved when it has been back for a while."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final, NamedTuple

import numpy as np

from twin.engine import Context
from twin.processes.supply import BELL

BOARDS: Final = ("facility_water", "dry_cooler", "crah", "chiller", "rear_door")
"""Loads behind the transformers, which a UPS does not carry; they come before the UPS."""
LEAST_PU: Final = 0.85
"""Voltage of the grid below which generators are called [1]; assumption (2026), range 0.80 to 0.90."""
DETECT_S: Final = 1.0
"""For which the grid must be gone before they are [s]; within the start; assumption (2026), range 0.5 to 3."""
GAP_S: Final = 0.1
"""Without either source while load returns to the grid [s]; open transition; assumption (2026), range 0.05 to 0.5."""


class Words(NamedTuple):
    """What the scenario says of its generators.

    Parameters
    ----------
    start_s : float
        From the loss of the grid to a voltage that takes load [s].
    step_s : float
        Between two steps of load [s].
    retransfer_s : float
        For which the grid must be back before load returns to it [s].
    """

    start_s: float
    step_s: float
    retransfer_s: float


def guard(ctx: Context, words: Words) -> Generator[Any, Any, None]:
    """Stand by for the whole run.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    words : Words
        Times.
    """
    while True:
        cause = yield ctx.bell(BELL)
        while not has_grid(ctx):
            yield from _outage(ctx, words, str(cause))


def has_grid(ctx: Context) -> bool:
    """Whether the grid gives the site a voltage that can be used; not through a main breaker that is open."""
    (feed,) = ctx.ids["feed"]
    return _has_voltage(ctx) and bool(ctx.value("feed.is_up", feed))


def _has_voltage(ctx: Context) -> bool:
    return bool(ctx.value("feed.voltage_pu", ctx.ids["feed"][0]) >= LEAST_PU)


def _outage(ctx: Context, words: Words, cause: str) -> Generator[Any, Any, None]:
    """One loss of the grid, from its beginning until load is back on it."""
    units, gone_at_s = ctx.ids["generator"], ctx.env.now
    for unit in units:
        ctx.write("generator.is_called", unit, 1.0)
    is_back = yield from _grid_within(ctx, min(DETECT_S, words.start_s))
    if not is_back:
        for unit in units:
            ctx.log("generator", unit, "is called", cause)
        is_back = yield from _grid_within(ctx, gone_at_s + words.start_s - ctx.env.now)
    if not is_back:
        may_return = bool(ctx.value("feed.is_up", ctx.ids["feed"][0]))
        ready = _take_over(ctx, cause)
        if ready:
            yield from _load(ctx, words, ready, may_return, cause)
            yield from _give_back(ctx, cause)
        else:
            yield from _grid_within(ctx, np.inf)
    for unit in units:
        ctx.write("generator.is_called", unit, 0.0)


def _grid_within(ctx: Context, within_s: float) -> Generator[Any, Any, bool]:
    """Wait so long at most; say whether the grid came back."""
    until_s = ctx.env.now + within_s
    while not has_grid(ctx) and ctx.env.now < until_s:
        waits = [ctx.bell(BELL)]
        if np.isfinite(until_s):
            waits.append(ctx.env.timeout(until_s - ctx.env.now))
        yield ctx.env.any_of(waits)
    return has_grid(ctx)


def _blocks(ctx: Context) -> list[tuple[str, tuple[str, ...]]]:
    """Inputs that generators take over together: all units of a kind on the boards, then UPS by UPS."""
    boards = [(kind, ctx.ids[kind]) for kind in BOARDS if ctx.ids.get(kind)]
    return boards + [("ups", (name,)) for name in ctx.ids["ups"]]


def _connect(ctx: Context, kind: str, names: tuple[str, ...], is_fed: bool) -> None:
    for name in names:
        ctx.write(f"{kind}.is_fed", name, is_fed)


def _take_over(ctx: Context, cause: str) -> list[int]:
    """Part the site from the grid, open all inputs and connect the generators that have started."""
    is_ready = ctx.read("now.generator.is_ready") > 0.0
    for unit, ready in zip(ctx.ids["generator"], is_ready.tolist(), strict=True):
        ctx.log("generator", unit, "has voltage" if ready else "does not start", cause)
    if not is_ready.any():
        return []
    for kind, names in _blocks(ctx):
        _connect(ctx, kind, names, False)
    ctx.write("feed.is_up", ctx.ids["feed"][0], False)
    for i in np.flatnonzero(is_ready):
        ctx.write("generator.is_up", ctx.ids["generator"][i], True)
    ctx.ring(BELL, cause)
    return [int(i) for i in np.flatnonzero(is_ready)]


def _load(
    ctx: Context, words: Words, ready: list[int], may_return: bool, cause: str
) -> Generator[Any, Any, None]:
    """Close one input after the other as far as the generators bear it, until the grid has been back long enough.

    It never is behind a main breaker that has tripped, where ``may_return`` is false.
    """
    left, told = _blocks(ctx), set[str]()
    back_at_s = np.inf
    while ctx.env.now < back_at_s + words.retransfer_s:
        for kind, names in list(left):
            if _bears(ctx, kind, names, ready, told, cause):
                left.remove((kind, names))
                _connect(ctx, kind, names, True)
                ctx.log(kind, names[0], "is taken over by the generators" + _with(names), cause)
                ctx.ring(BELL, cause)
                break
        _stop_empty(ctx, ready, cause)
        yield ctx.env.timeout(words.step_s)
        if not (may_return and _has_voltage(ctx)):
            back_at_s = np.inf
        elif back_at_s == np.inf:
            back_at_s = ctx.env.now


def _with(names: tuple[str, ...]) -> str:
    return f", with {len(names) - 1} more" if len(names) > 1 else ""


def _bears(
    ctx: Context, kind: str, names: tuple[str, ...], ready: list[int], told: set[str], cause: str
) -> bool:
    """Whether the generators take a load now; a refusal is told once."""
    places = [ctx.ids[kind].index(name) for name in names]
    running = [i for i in ready if ctx.value("generator.is_up", ctx.ids["generator"][i])]
    step_w, most_w = (
        float(ctx.read(f"now.generator.{what}")[running].sum()) for what in ("step_w", "rating_w")
    )
    carried_w = float(ctx.read("now.generator.in_w").sum())
    more_w = float(ctx.read(f"now.{kind}.demand_w")[places].sum())
    at_once_w = more_w
    if kind == "ups":
        given_w, is_on = ctx.read("now.ups.given_w"), ctx.read("now.ups.has_input") > 0.0
        # racks behind an empty battery may still hold on, and come with their whole load
        would_w = np.maximum(given_w + ctx.read("now.ups.charge_w"), ctx.read("now.ups.would_w"))
        at_once_w = more_w = float(would_w[places].sum())
        carried_w += float(given_w[is_on].sum())  # what others still walk in
        if "ups.most_w" in ctx.inputs:
            at_once_w = min(more_w, ctx.value("ups.most_w", names[0]))
    if at_once_w <= step_w and carried_w + more_w <= most_w:
        return bool(running)
    if names[0] not in told:
        told.add(names[0])
        limit = f"at most {step_w / 1e3:.0f} kW at once and {most_w / 1e3:.0f} kW in all"
        what = f"a step of {more_w / 1e3:.0f} kW onto {carried_w / 1e3:.0f} kW is refused: generators take {limit}"
        ctx.log(kind, names[0], what + _with(names), cause)
    return False


def _stop_empty(ctx: Context, ready: list[int], cause: str) -> None:
    for i in ready:
        unit = ctx.ids["generator"][i]
        if ctx.value("generator.is_up", unit) and not ctx.read("now.generator.is_ready")[i]:
            ctx.write("generator.is_up", unit, False)
            ctx.log("generator", unit, "stops: its tank is empty", cause)
            ctx.ring(BELL, cause)


def _give_back(ctx: Context, cause: str) -> Generator[Any, Any, None]:
    """Return all load to the grid, with a short gap."""
    (feed,) = ctx.ids["feed"]
    for unit in ctx.ids["generator"]:
        ctx.write("generator.is_up", unit, False)
    ctx.log("feed", feed, "load returns to the grid", cause)
    ctx.ring(BELL, cause)
    yield ctx.env.timeout(GAP_S)
    ctx.write("feed.is_up", feed, True)
    for kind, names in _blocks(ctx):
        _connect(ctx, kind, names, True)
    ctx.ring(BELL, cause)
