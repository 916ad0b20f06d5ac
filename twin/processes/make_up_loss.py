"""Fresh water fails: basins run down, pads dry out."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while, kind_of

ASSET_KIND = ("cooling_tower", "adiabatic_cooler", "water_chiller")
NEEDS = ("asset",)
TAKES = {"amount": None, "duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Take a share of the make-up away at ``event.at``; ``event.duration`` later it is back.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``duration`` [s], ``amount``, the share of the supply, all where left out, and ``asset``.
    cause : str
        Name of the event in the scenario, for the log.
    """
    lost = 1.0 if event.amount is None else event.amount
    name = f"{kind_of(ctx, event.asset, ASSET_KIND)}.make_up_frac"
    said = (f"{lost:.0%} of the make-up water fails", "make-up water is back")
    yield from for_a_while(ctx, event, cause, name, (1.0 - lost, 1.0), said)
