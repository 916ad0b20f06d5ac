"""The filter of a technology loop clogs: flow falls once the pumps have no speed in reserve."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while

ASSET_KIND = "cdu"
NEEDS = ("asset", "amount")
TAKES = {"ramp": 0.0, "duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Block a share of the filter from ``event.at`` on, over ``event.ramp``; ``event.duration`` later it is clean.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``ramp``, ``duration`` [s], ``amount``, the share of its free area [1], and ``asset``, a CDU.
    cause : str
        Name of the event in the scenario, for the log.
    """
    said = (f"filter clogs, {event.amount:.0%}", "filter is clean")
    yield from for_a_while(ctx, event, cause, "cdu.free_frac", (1.0 - event.amount, 1.0), said)
