"""Power shelves that store: a rack draws the mean of what it needs, its storage gives and takes the rest."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.engine import Context
from twin.processes.supply import to_tick_s


def guard(ctx: Context, window_s: float, tick_s: float) -> Generator[Any, Any, None]:
    """Tell the shelves of each rack what to draw in the tick to come, for the whole run.

    It is the mean of what the rack needed, weighted by ``exp(-age / window)``, and what leads the storage back to
    its first charge within a window. What the storage can no longer give or take, the grid does.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    window_s : float
        Time over which the draw of a rack is smoothed [s].
    tick_s : float
        Length of a tick [s].
    """
    shelves, weight = ctx.ids["psu"], -np.expm1(-tick_s / window_s)
    held_j, mean_w = ctx.read("now.psu.stored_j"), _need_w(ctx)
    while True:
        mean_w += weight * (_need_w(ctx) - mean_w)
        drawn_w = np.maximum(mean_w + (held_j - ctx.read("now.psu.stored_j")) / window_s, 0.0)
        for shelf, value in zip(shelves, drawn_w.tolist(), strict=True):
            ctx.write("psu.most_w", shelf, value)
            ctx.write("psu.least_w", shelf, value)
        yield ctx.env.timeout(to_tick_s(float(ctx.env.now), tick_s))


def _need_w(ctx: Context) -> NDArray[np.float64]:
    """What racks need of grid and storage together, array (psu) [W]."""
    drawn, given, taken = (ctx.read(f"now.psu.{what}") for what in ("in_w", "given_w", "taken_w"))
    found: NDArray[np.float64] = drawn + given - taken
    return found
