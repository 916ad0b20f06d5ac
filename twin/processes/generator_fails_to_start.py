"""A standby generator does not start when it is called."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context

ASSET_KIND = "generator"
NEEDS = ("asset",)
TAKES: dict[str, Any] = {"duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Keep a generator from starting from ``event.at`` on, for ``event.duration``.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``duration`` [s], for good where that is left out, and the ``asset``, a generator.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    ctx.write("generator.can_start", event.asset, 0.0)
    ctx.log("generator", event.asset, "cannot start", cause)
    if event.duration is None:
        return
    yield ctx.env.timeout(event.duration)
    ctx.write("generator.can_start", event.asset, 1.0)
    ctx.log("generator", event.asset, "can start again", cause)
