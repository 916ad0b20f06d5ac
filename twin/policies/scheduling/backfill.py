"""First come, first served, with backfill: who does not delay the first in the queue may go before it (EASY).

After Lifka, The ANL/IBM SP scheduling system (1995).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from twin.policies.scheduling import Asked, Running
from twin.policies.scheduling.first_come import choose as in_order


def choose(now_s: float, free: int, waiting: Sequence[Asked], running: Sequence[Running]) -> list[int]:
    """Begin jobs in order; behind the first that does not fit, those that leave its start where it is.

    Examples
    --------
    >>> choose(0.0, 2, [(4, 60.0), (1, 90.0), (1, 30.0)], [(50.0, 2)])
    [2]
    """
    picked = in_order(now_s, free, waiting, running)
    if len(picked) == len(waiting):
        return picked
    free -= sum(waiting[i][0] for i in picked)
    needed, _ = waiting[len(picked)]
    ends = sorted([*running, *((now_s + waiting[i][1], waiting[i][0]) for i in picked)])
    starts_at_s, spare = _reservation(free, needed, ends)
    for place in range(len(picked) + 1, len(waiting)):
        nodes, limit_s = waiting[place]
        is_over = now_s + limit_s <= starts_at_s
        if nodes <= free and (is_over or nodes <= spare):
            picked.append(place)
            free -= nodes
            spare -= 0 if is_over else nodes
        if not free:
            break
    return picked


def _reservation(free: int, needed: int, ends: Sequence[Running]) -> tuple[float, int]:
    """When the first in the queue begins at the latest [s], and nodes that are free beside it then."""
    for end_s, nodes in ends:
        free += nodes
        if free >= needed:
            return end_s, free - needed
    return math.inf, 0
