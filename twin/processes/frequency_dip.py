"""The frequency of the grid leaves its limits for a while."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes.supply import BELL

RECTIFIER_FRAC = 0.08
"""Deviation beyond which rectifiers let go of the grid [1]; assumption (2026), range 0.05 to 0.10."""

ASSET_KIND = ""
NEEDS = ("depth", "duration")
TAKES: dict[str, Any] = {}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Shift the frequency by ``event.depth`` for ``event.duration``.

    UPS blocks leave eco mode; beyond what rectifiers follow, batteries carry them.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``duration`` [s], and ``depth`` [1], the deviation over nominal.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    (feed,), blocks = ctx.ids["feed"], ctx.ids["ups"]
    lets_go = event.depth > RECTIFIER_FRAC
    ctx.write("feed.is_steady", feed, False)
    ctx.write("feed.off_frequency_frac", feed, event.depth)
    ctx.log("feed", feed, f"frequency is off by {event.depth:.1%}", cause)
    for block in blocks if lets_go else ():
        ctx.write("ups.is_fed", block, False)
    ctx.ring(BELL, cause)
    yield ctx.env.timeout(event.duration)
    ctx.write("feed.is_steady", feed, True)
    ctx.write("feed.off_frequency_frac", feed, 0.0)
    for block in blocks if lets_go else ():
        ctx.write("ups.is_fed", block, True)
    ctx.log("feed", feed, "frequency is back", cause)
    ctx.ring(BELL, cause)
