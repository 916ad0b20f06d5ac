"""A running pump of a CDU stops; its spare may take over after a delay."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context

ASSET_KIND = "cdu"
NEEDS = ("asset",)
TAKES = {"spare_after": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Stop one pump at ``event.at``; start the spare ``event.spare_after`` later.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``spare_after`` [s], and the ``asset``, a CDU.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    ctx.write("cdu.pumps_up", event.asset, max(ctx.value("cdu.pumps_up", event.asset) - 1.0, 0.0))
    ctx.log("cdu", event.asset, "pump trip", cause)
    if event.spare_after is None:
        return
    yield ctx.env.timeout(event.spare_after)
    ctx.write("cdu.pumps_up", event.asset, ctx.value("cdu.pumps_up", event.asset) + 1.0)
    ctx.log("cdu", event.asset, "spare pump starts", cause)
