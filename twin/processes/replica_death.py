"""A replica dies with all that it holds; another may take its place after a delay."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context

ASSET_KIND = "replica"
NEEDS = ("asset",)
TAKES = {"spare_after": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Kill a replica at ``event.at``; start another on its GPUs ``event.spare_after`` later.

    It opens at once, or when its weights have come where the scenario says that replicas load them.

    Its requests come to the gateway again after ``serving.retry``, its cached prefixes are gone, and so are
    those of the replicas that step together with it.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``spare_after`` [s], and the ``asset``, a replica such as ``replica-003``.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    ctx.write("replica.is_alive", event.asset, False)
    ctx.log("replica", event.asset, "replica dies", cause)
    if event.spare_after is None:
        return
    yield ctx.env.timeout(event.spare_after)
    ctx.write("replica.is_alive", event.asset, True)
    ctx.write("replica.starts", event.asset, ctx.value("replica.starts", event.asset) + 1)
    ctx.log("replica", event.asset, "replica starts", cause)
