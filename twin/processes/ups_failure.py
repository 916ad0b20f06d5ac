"""A UPS block fails; it may be repaired."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes.supply import out_of_order

ASSET_KIND = "ups"
NEEDS = ("asset",)
TAKES: dict[str, Any] = {"duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Switch a UPS block off at ``event.at``, and on again ``event.duration`` later.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at`` and ``duration`` [s], for good where that is left out, and the ``asset``, a UPS block.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield from out_of_order(ctx, "ups", event, cause)
