"""First come, first served: nobody overtakes."""

from __future__ import annotations

from collections.abc import Sequence

from twin.policies.scheduling import Asked, Running


def choose(now_s: float, free: int, waiting: Sequence[Asked], running: Sequence[Running]) -> list[int]:
    """Begin jobs in order of arrival until one does not fit.

    Examples
    --------
    >>> choose(0.0, 4, [(3, 60.0), (2, 60.0), (1, 60.0)], [])
    [0]
    """
    picked = []
    for place, (nodes, _) in enumerate(waiting):
        if nodes > free:
            break
        free -= nodes
        picked.append(place)
    return picked
