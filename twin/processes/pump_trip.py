"""A running pump of a CDU, or the pumps of the facility water, stop; a spare may take over after a delay."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import kind_of

ASSET_KIND = ("cdu", "facility_water")
NEEDS = ("asset",)
TAKES = {"spare_after": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Stop one pump at ``event.at``; start the spare ``event.spare_after`` later.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``spare_after`` [s], and the ``asset``, a CDU or the facility water, whose pumps are one.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    kind = kind_of(ctx, event.asset, ASSET_KIND)
    name = f"{kind}.pumps_up"
    ctx.write(name, event.asset, max(ctx.value(name, event.asset) - 1.0, 0.0))
    ctx.log(kind, event.asset, "pump trip", cause)
    if event.spare_after is None:
        return
    yield ctx.env.timeout(event.spare_after)
    ctx.write(name, event.asset, ctx.value(name, event.asset) + 1.0)
    ctx.log(kind, event.asset, "spare pump starts", cause)
