"""Things that happen: one generator a file, named in scenarios by its file name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twin.registry import find

if TYPE_CHECKING:
    from twin.engine import Context

__all__ = ["start_events"]


def start_events(ctx: Context, events: Mapping[str, Any]) -> None:
    """Put every event of a scenario on the agenda.

    Parameters
    ----------
    ctx : Context
        What the processes may touch.
    events : mapping
        The ``events`` of a scenario, by name.
    """
    for name, event in events.items():
        occur = find("twin.processes", event.kind, "occur")
        ctx.env.process(occur(ctx, event, name))
