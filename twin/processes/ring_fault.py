"""A section of the medium-voltage ring fails: its side is dead until it is parted and the open point is closed."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from twin.engine import Context
from twin.processes.supply import BELL
from twin.topology.ring import Ring

ASSET_KIND = "ring"
PARTED, TRIPPED, WHOLE = 0.0, 0.5, 1.0
NEEDS = ("asset",)
TAKES: dict[str, Any] = {"duration": None}


def occur(ctx: Context, event: Any, cause: str) -> Generator[Any, Any, None]:
    """Trip the side of the ring on which a section lies, switch it over, and mend the section.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``asset`` and ``duration`` [s] from the fault until the section is mended, for good if left out.
    cause : str
        Name of the event in the scenario, for the log.
    """
    yield ctx.env.timeout(event.at)
    lost = ring_of(ctx).lost(event.asset, names_of(ctx, "is_open"))
    ctx.write("ring.is_up", event.asset, TRIPPED)
    ctx.log("ring", event.asset, f"fails; {len(lost)} transformers lose the grid until switches move", cause)
    for name in lost:
        ctx.write("transformer.is_fed", name, False)
    ctx.ring(BELL, cause)
    wait_s = ctx.value("ring.switching_s", event.asset)
    yield ctx.env.timeout(wait_s)
    ctx.write("ring.is_up", event.asset, PARTED)
    switch_over(ctx, "is parted from the ring, the other sections are closed", event.asset, cause)
    if event.duration is None:
        return
    yield ctx.env.timeout(max(event.duration - wait_s, 0.0))
    ctx.write("ring.is_up", event.asset, WHOLE)
    switch_over(ctx, "is mended", event.asset, cause)


def ring_of(ctx: Context) -> Ring:
    """The ring of the site with its open point."""
    return Ring(ctx.ids["ring"], ctx.ids["transformer"], names_of(ctx, "is_open_point"), 0.0, 0.0)


def names_of(ctx: Context, what: str, value: float = 1.0) -> tuple[str, ...]:
    """Sections of which an input has a value."""
    return tuple(name for name in ctx.ids["ring"] if ctx.value(f"ring.{what}", name) == value)


def switch_over(ctx: Context, what: str, section: str, cause: str) -> None:
    """Open what is broken, else the open point; transformers that the feed then reaches are fed."""
    ring = ring_of(ctx)
    opened = ring.opened(names_of(ctx, "is_up", PARTED))
    for name in ring.sections:
        ctx.write("ring.is_open", name, 1.0 if name in opened else 0.0)
    fed = ring.fed(opened)
    for name in names_of(ctx, "is_up", TRIPPED):  # their side waits for its own switches
        fed -= ring.lost(name, opened)
    for name in ring.stops:
        ctx.write("transformer.is_fed", name, name in fed)
    ctx.log("ring", section, what, cause)
    ctx.ring(BELL, cause)
