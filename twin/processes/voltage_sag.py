"""The voltage of the grid falls for a short time."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes.supply import BELL

ASSET_KIND = ""
NEEDS = ("depth", "duration")
TAKES: dict[str, Any] = {}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Lower the voltage at the grid connection by ``event.depth`` for ``event.duration``.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``duration`` [s], and ``depth`` [1], what is missing of nominal voltage.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    (feed,) = ctx.ids["feed"]
    ctx.write("feed.voltage_pu", feed, 1.0 - event.depth)
    ctx.log("feed", feed, f"voltage falls to {1.0 - event.depth:.0%} of nominal", cause)
    ctx.ring(BELL, cause)
    yield ctx.env.timeout(event.duration)
    ctx.write("feed.voltage_pu", feed, 1.0)
    ctx.log("feed", feed, "voltage is back", cause)
    ctx.ring(BELL, cause)
