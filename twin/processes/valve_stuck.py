"""A control valve no longer moves: that of a CDU's facility water, or that of a rack."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while, kind_of

ASSET_KIND = ("cdu", "rack")
NEEDS = ("asset", "opening")
TAKES = {"duration": None}
FREE = {"cdu": -1.0, "rack": 1.0}  # a CDU's valve follows its controller, a rack's is open


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Hold a valve at an opening from ``event.at`` on; ``event.duration`` later it is free.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``duration`` [s], ``opening`` [1], 0 closed to 1 open, and ``asset``, a CDU or a rack.
    cause : str
        Name of the event in the scenario, for the log.
    """
    kind = kind_of(ctx, event.asset, ASSET_KIND)
    said = (f"valve is stuck at {event.opening:.0%}", "valve moves again")
    yield from for_a_while(ctx, event, cause, f"{kind}.valve_frac", (event.opening, FREE[kind]), said)
