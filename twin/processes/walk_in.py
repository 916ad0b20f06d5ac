"""Rectifiers that come back take up load slowly; their batteries give the rest."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from twin.engine import Context
from twin.processes.supply import BELL, to_tick_s


def guard(ctx: Context, walk_in_s: float, tick_s: float) -> Generator[Any, Any, None]:
    """Limit what UPS draw after each time on their batteries, along a line to all of it; then the same for charging.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    walk_in_s : float
        From nothing to the whole load [s].
    tick_s : float
        Length of a tick, in which the limit rises by steps [s].
    """
    blocks = ctx.ids["ups"]
    fed_at_s = np.full(len(blocks), -np.inf)  # infinite while the battery carries alone
    while True:
        now_s = float(ctx.env.now)
        fed, given_w, drawn_w = (ctx.read(f"now.ups.{what}") for what in ("has_input", "given_w", "in_w"))
        need_w = given_w + drawn_w
        fed_at_s = np.where(fed > 0.0, np.minimum(fed_at_s, now_s), np.inf)
        way = np.clip((now_s - fed_at_s) / walk_in_s, 0.0, 2.0)
        charge_w = ctx.read("now.ups.charge_w") * np.clip(way - 1.0, 0.0, 1.0)
        for i, block in enumerate(blocks):
            ctx.write("ups.most_w", block, way[i] * need_w[i] if way[i] < 1.0 else np.inf)
            ctx.write("ups.take_w", block, charge_w[i])
        is_walking = bool((way[fed > 0.0] < 2.0).any())
        waits = [ctx.bell(BELL)]
        if is_walking:
            waits.append(ctx.env.timeout(to_tick_s(now_s, tick_s)))
        yield ctx.env.any_of(waits)
