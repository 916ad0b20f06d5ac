"""Blanking panels of a rack go missing: warm air comes through to its front."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes._inputs import for_a_while

ASSET_KIND = "rack"
NEEDS = ("asset",)
TAKES = {"duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Open ten units in the middle of a rack at ``event.at``; ``event.duration`` later panels close them again.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``duration`` [s] and ``asset``, a rack of a hall with an air field.
    cause : str
        Name of the event in the scenario, for the log.
    """
    said = ("blanking panels go missing", "blanking panels are back")
    yield from for_a_while(ctx, event, cause, "rack.gap_frac", (1.0, 0.0), said)
