"""A switch of a network fails with all its lines."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while, kind_of

ASSET_KIND = ("leaf", "spine", "core")
NEEDS = ("asset",)
TAKES = {"duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Take a switch with its lines out at ``event.at``; ``event.duration`` later they carry again, if ever.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``duration`` [s] and ``asset``, a leaf, spine or core.
    cause : str
        Name of the event in the scenario, for the log.
    """
    name = f"{kind_of(ctx, event.asset, ASSET_KIND)}.carries"
    yield from for_a_while(ctx, event, cause, name, (0.0, 1.0), ("switch down", "switch up"))
