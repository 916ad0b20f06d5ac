"""Fans of a cooler or an air handler stop."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while, kind_of

ASSET_KIND = ("dry_cooler", "adiabatic_cooler", "cooling_tower", "water_chiller", "economiser", "crah")
NEEDS = ("asset",)
TAKES = {"amount": None, "duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Stop a share of the fans at ``event.at``; ``event.duration`` later all turn again.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``duration`` [s], ``amount``, the share of the fans, all where left out, and ``asset``.
    cause : str
        Name of the event in the scenario, for the log.
    """
    lost = 1.0 if event.amount is None else event.amount
    name = f"{kind_of(ctx, event.asset, ASSET_KIND)}.fans_frac"
    said = (f"{lost:.0%} of the fans stop", "all fans turn")
    yield from for_a_while(ctx, event, cause, name, (1.0 - lost, 1.0), said)
