"""The grid is gone, for a while or for good."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes.supply import BELL

ASSET_KIND = ""
NEEDS = ()
TAKES: dict[str, Any] = {"duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Take the voltage from the grid connection at ``event.at``; give it back ``event.duration`` later.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``duration`` [s], for good where that is left out.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    (feed,) = ctx.ids["feed"]
    ctx.write("feed.voltage_pu", feed, 0.0)
    ctx.log("feed", feed, "the grid is gone", cause)
    ctx.ring(BELL, cause)
    if event.duration is None:
        return
    yield ctx.env.timeout(event.duration)
    ctx.write("feed.voltage_pu", feed, 1.0)
    ctx.log("feed", feed, "the grid is back", cause)
    ctx.ring(BELL, cause)
