"""An exchanger or a coil fouls."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while, kind_of

ASSET_KIND = (
    "cdu", "dry_cooler", "adiabatic_cooler", "cooling_tower", "water_chiller", "economiser", "radiator", "crah",
)  # fmt: skip
NEEDS = ("asset", "amount")
TAKES = {"ramp": 0.0, "duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Take a share of the conductance away from ``event.at`` on, over ``event.ramp``; ``event.duration`` later clean.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``ramp``, ``duration`` [s], ``amount``, the share of UA that is lost [1], and ``asset``.
    cause : str
        Name of the event in the scenario, for the log.
    """
    name = f"{kind_of(ctx, event.asset, ASSET_KIND)}.conductance_frac"
    said = (f"fouls, {event.amount:.0%} of its conductance", "is clean")
    yield from for_a_while(ctx, event, cause, name, (1.0 - event.amount, 1.0), said)
