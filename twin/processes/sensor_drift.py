"""A sensor that a set-point hangs on shows a wrong temperature."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while, kind_of

ASSET_KIND = ("cdu", "facility_water", "hall", "chilled_water")
NEEDS = ("asset", "drift")
TAKES = {"ramp": 0.0, "duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Let a sensor drift from ``event.at`` on, over ``event.ramp``; ``event.duration`` later it is right again.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``ramp``, ``duration`` [s], ``drift``, what it shows too much, below zero too little [K], and
        ``asset``: a CDU, the facility water, the hall or the chilled water, by its supply.
    cause : str
        Name of the event in the scenario, for the log.
    """
    name = f"{kind_of(ctx, event.asset, ASSET_KIND)}.sensor_k"
    said = (f"sensor drifts by {event.drift:+g} K", "sensor is right")
    yield from for_a_while(ctx, event, cause, name, (event.drift, 0.0), said)
