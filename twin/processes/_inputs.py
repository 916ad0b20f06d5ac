"""What processes of faults have in common: inputs that change at once or along a line, and the kind of an asset."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Final

from twin.engine import Context

STEPS: Final = 60
"""Steps in which an input follows a line [1]."""

SHORTEST_S: Final = 1.0
"""Shortest of them [s]."""


def kind_of(ctx: Context, asset: str, kinds: Iterable[str]) -> str:
    """Kind of an asset, one of those that a process takes; the scenario was checked for that."""
    return next(kind for kind in kinds if asset in ctx.ids.get(kind, ()))


def move(ctx: Context, name: str, asset: str, end: float, over_s: float) -> Generator[Any, Any, None]:
    """Bring an input to a value along a line.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    name, asset : str
        Input and asset.
    end : float
        Value to be reached.
    over_s : float
        How long it takes, zero for at once [s].
    """
    start = ctx.value(name, asset)
    steps = max(1, min(STEPS, int(over_s / SHORTEST_S))) if over_s > 0.0 else 0
    for step in range(1, steps + 1):
        yield ctx.env.timeout(over_s / steps)
        ctx.write(name, asset, start + (end - start) * step / steps)
    if not steps:
        ctx.write(name, asset, end)


def for_a_while(
    ctx: Context, event: Any, cause: str, name: str, values: tuple[float, float], said: tuple[str, str]
) -> Generator[Any, Any, None]:
    """Move an input at ``event.at`` over ``event.ramp``, and back at once ``event.duration`` later, if ever.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    event : Event
        With ``at``, ``ramp``, ``duration`` [s] and ``asset``.
    cause : str
        Name of the event, for the log.
    name : str
        Input, ``kind.quantity``.
    values : (float, float)
        While it lasts and once it is mended.
    said : (str, str)
        What the log says at either.
    """
    kind = name.split(".", 1)[0]
    yield ctx.env.timeout(event.at)
    ctx.log(kind, event.asset, said[0], cause)
    yield from move(ctx, name, event.asset, values[0], event.ramp or 0.0)
    if event.duration is None:
        return
    yield ctx.env.timeout(max(event.at + event.duration - ctx.env.now, 0.0))
    ctx.write(name, event.asset, values[1])
    ctx.log(kind, event.asset, said[1], cause)
