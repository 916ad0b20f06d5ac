"""Technology coolant leaks at a rack; once that is seen, its row is shut off and the rest goes on."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from twin.engine import Context

ASSET_KIND = "rack"
NEEDS = ("asset", "rate")
TAKES = {"detected_after": None, "duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Let a rack leak from ``event.at`` on, and shut its row off ``event.detected_after`` later.

    Shutting off closes the valves of all racks of the row and takes their power; their requests come to the gateway
    again, as after the death of a replica. A leak that nobody sees empties the loop until its pumps stop.
    ``event.duration`` after its begin the leak is mended and the row runs again.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``detected_after``, ``duration`` [s], ``rate`` at rated pressure [kg/s], and ``asset``, a rack.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    ctx.write("rack.leak_kg_per_s", event.asset, event.rate)
    ctx.log("rack", event.asset, f"leaks {event.rate:g} kg/s", cause)
    if event.detected_after is not None:
        yield ctx.env.timeout(event.detected_after)
        _set_row(ctx, event.asset, False)
        ctx.log("rack", event.asset, "leak is seen, its row is shut off", cause)
    if event.duration is None:
        return
    yield ctx.env.timeout(max(event.at + event.duration - ctx.env.now, 0.0))
    ctx.write("rack.leak_kg_per_s", event.asset, 0.0)
    _set_row(ctx, event.asset, True)
    ctx.log("rack", event.asset, "leak is mended, its row runs", cause)


def _set_row(ctx: Context, asset: str, is_on: bool) -> None:
    """Open or close the valves of a rack's row, switch its racks, and let their replicas live or die."""
    rows = ctx.read("rack.row")
    members = np.flatnonzero(rows == rows[ctx.ids["rack"].index(asset)])
    for i in members:
        rack = ctx.ids["rack"][i]
        ctx.write("rack.valve_frac", rack, float(is_on))
        ctx.write("rack.is_up", rack, is_on)
    for i in np.flatnonzero(ctx.read("replica.in_rack")[:, members].any(axis=1)):
        ctx.write("replica.is_alive", ctx.ids["replica"][i], is_on)
