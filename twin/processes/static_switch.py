"""Static transfer switches: PDUs and racks whose source is dead move to their other one, and return later."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.engine import Context
from twin.processes.supply import BELL

Mask = NDArray[np.bool_]


SAID = {
    "pdu": ("returns to its block", "moves to its other block"),
    "psu": ("returns to its first PDU", "moves to its second PDU"),
}


class Words(NamedTuple):
    """Time of a transfer, and for which the first source must be alive before a switch returns to it [s]."""

    transfer_s: float
    back_s: float


def words(switches: Any) -> Words:
    """Read them from the words of the scenario; as these are where left out."""
    from twin.scenario.power import StaticSwitches

    given = switches or StaticSwitches()
    return Words(given.transfer, given.back)


def guard(ctx: Context, kind: str, told: Words) -> Generator[Any, Any, None]:
    """Move what hangs on switches for the whole run; while one moves it has no source, and shelves must hold up.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    kind : str
        Of what hangs on them: ``pdu``, or ``psu`` for racks.
    told : Words
        Times.
    """
    names, back_s = ctx.ids[kind], told.back_s
    alive_since_s = np.full(len(names), -np.inf)
    while True:
        now_s = float(ctx.env.now)
        on_reserve = np.array([ctx.value(f"{kind}.on_reserve", name) > 0.0 for name in names])
        first, second = (
            ctx.read(f"now.{kind}.{which}") > 0.0 for which in ("first_is_alive", "second_is_alive")
        )
        alive_since_s[~first] = np.inf
        alive_since_s[first & np.isposinf(alive_since_s)] = now_s
        leave = ~on_reserve & ~first & second
        back = on_reserve & first & (~second | (now_s >= alive_since_s + back_s - 1e-9))
        if (leave | back).any():
            yield from _move(ctx, kind, leave | back, told.transfer_s)
            continue
        waits = [ctx.bell(BELL)]
        due_s = (alive_since_s + back_s - now_s)[on_reserve & first]
        if len(due_s):
            waits.append(ctx.env.timeout(max(float(due_s.min()), 0.0)))
        yield ctx.env.any_of(waits)


def _move(ctx: Context, kind: str, moves: Mask, transfer_s: float) -> Generator[Any, Any, None]:
    """Open inputs and close them on their other source ``transfer_s`` later."""
    names = [name for name, moved in zip(ctx.ids[kind], moves, strict=True) if moved]
    for name in names:
        ctx.write(f"{kind}.is_fed", name, False)
    ctx.ring(BELL, "switch")
    yield ctx.env.timeout(transfer_s)
    for name in names:
        is_back = ctx.value(f"{kind}.on_reserve", name) > 0.0
        ctx.write(f"{kind}.on_reserve", name, 0.0 if is_back else 1.0)
        ctx.write(f"{kind}.is_fed", name, True)
        ctx.log("pdu" if kind == "pdu" else "rack", name, SAID[kind][0 if is_back else 1], "switch")
    ctx.ring(BELL, "switch")
