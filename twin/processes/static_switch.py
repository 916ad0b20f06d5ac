"""Static transfer switches: PDUs whose block is dead move to their other one, and return when it has been back."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.engine import Context
from twin.processes.supply import BELL

Mask = NDArray[np.bool_]


def times(power: Any) -> tuple[float, float]:
    """Time of a transfer and time before a return [s], from section ``power``; as the words say where left out."""
    from twin.scenario.power import StaticSwitches

    words = power.ups.switches or StaticSwitches()
    return words.transfer, words.back


def guard(ctx: Context, transfer_s: float, back_s: float) -> Generator[Any, Any, None]:
    """Move PDUs for the whole run; while a switch moves, its PDU has no source, and shelves must hold up.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    transfer_s : float
        Without a source while a switch moves [s].
    back_s : float
        For which the first source must be alive before PDUs return to it [s].
    """
    alive_since_s = np.full(len(ctx.ids["pdu"]), -np.inf)
    while True:
        now_s = float(ctx.env.now)
        on_reserve = np.array([ctx.value("pdu.on_reserve", name) > 0.0 for name in ctx.ids["pdu"]])
        first, second = (
            ctx.read(f"now.pdu.{which}") > 0.0 for which in ("first_is_alive", "second_is_alive")
        )
        alive_since_s[~first] = np.inf
        alive_since_s[first & np.isposinf(alive_since_s)] = now_s
        leave = ~on_reserve & ~first & second
        back = on_reserve & first & (~second | (now_s >= alive_since_s + back_s - 1e-9))
        if (leave | back).any():
            yield from _move(ctx, leave | back, transfer_s)
            continue
        waits = [ctx.bell(BELL)]
        due_s = (alive_since_s + back_s - now_s)[on_reserve & first]
        if len(due_s):
            waits.append(ctx.env.timeout(max(float(due_s.min()), 0.0)))
        yield ctx.env.any_of(waits)


def _move(ctx: Context, moves: Mask, transfer_s: float) -> Generator[Any, Any, None]:
    """Open the inputs of PDUs and close them on their other source ``transfer_s`` later."""
    names = [name for name, moved in zip(ctx.ids["pdu"], moves, strict=True) if moved]
    for name in names:
        ctx.write("pdu.is_fed", name, False)
    ctx.ring(BELL, "switch")
    yield ctx.env.timeout(transfer_s)
    for name in names:
        is_back = ctx.value("pdu.on_reserve", name) > 0.0
        ctx.write("pdu.on_reserve", name, 0.0 if is_back else 1.0)
        ctx.write("pdu.is_fed", name, True)
        ctx.log("pdu", name, "returns to its block" if is_back else "moves to its other block", "switch")
    ctx.ring(BELL, "switch")
