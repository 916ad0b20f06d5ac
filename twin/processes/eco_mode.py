"""UPS in eco mode: they leave it when the grid leaves its limits, and return when it has been calm for a while."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from twin.engine import Context
from twin.processes.supply import BELL

WINDOW_PU: Final = 0.10
"""Deviation of the voltage within which eco lets the grid through [1]; data sheets (2026), range 0.06 to 0.15."""

RETURN_S: Final = 60.0
"""For which the grid must be calm before a return to eco [s]; assumption (2026), range 10 to 300."""


def guard(ctx: Context, transfer_s: float) -> Generator[Any, Any, None]:
    """Take all UPS out of eco, ``transfer_s`` after the grid left its limits, and back in.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    transfer_s : float
        From eco to the inverter [s]; until then, loads have what the grid has.
    """
    while True:
        cause = yield ctx.bell(BELL)
        if _is_calm(ctx):
            continue
        yield ctx.env.timeout(transfer_s)
        _switch(ctx, False, str(cause))
        calm_since_s = ctx.env.now if _is_calm(ctx) else None
        while calm_since_s is None or ctx.env.now < calm_since_s + RETURN_S:
            waits = [ctx.bell(BELL)]
            if calm_since_s is not None:
                waits.append(ctx.env.timeout(calm_since_s + RETURN_S - ctx.env.now))
            yield ctx.env.any_of(waits)
            if not _is_calm(ctx):
                calm_since_s = None
            elif calm_since_s is None:
                calm_since_s = ctx.env.now
        _switch(ctx, True, str(cause))


def _is_calm(ctx: Context) -> bool:
    (feed,) = ctx.ids["feed"]
    has_grid = ctx.value("feed.is_up", feed) and ctx.value("feed.is_steady", feed)
    return bool(has_grid) and abs(ctx.value("feed.voltage_pu", feed) - 1.0) <= WINDOW_PU


def _switch(ctx: Context, is_eco: bool, cause: str) -> None:
    for block in ctx.ids["ups"]:
        ctx.write("ups.is_eco", block, is_eco)
        ctx.log("ups", block, "returns to eco" if is_eco else "leaves eco for the inverter", cause)
    ctx.ring(BELL, cause)
