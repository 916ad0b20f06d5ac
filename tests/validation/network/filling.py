"""Max-min fairness as the textbook has it, in plain Python: slow, short, and written apart from the kernels.

Source: Bertsekas, Gallager, *Data Networks*, 2nd ed. 1992, section 6.5.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Flow:
    """A flow: bytes per byte on each link it crosses, and the rest as the simulator takes it."""

    size: float
    start: float
    parts: dict[int, float]
    weight: float = 1.0
    cap: float = math.inf
    delay: float = 0.0
    after: list[int] = field(default_factory=list)


def rates(capacity: list[float], flows: list[Flow]) -> list[float]:
    """Raise all rates together; what is full or capped stays, the rest goes on."""
    level, open_ = [0.0] * len(flows), set(range(len(flows)))
    left = list(capacity)
    at = 0.0
    while open_:
        use = [0.0] * len(capacity)
        for i in open_:
            for link, part in flows[i].parts.items():
                use[link] += part * flows[i].weight
        step = min([left[k] / use[k] for k in range(len(use)) if use[k] > 0]
                   + [flows[i].cap / flows[i].weight - at for i in open_])  # fmt: skip
        step = max(step, 0.0)
        at += step
        left = [a - b * step for a, b in zip(left, use, strict=True)]
        full = {k for k in range(len(use)) if use[k] > 0 and left[k] <= 1e-13 * capacity[k]}
        done = {
            i
            for i in open_
            if full & flows[i].parts.keys() or at >= flows[i].cap / flows[i].weight * (1 - 1e-14)
        }
        assert done
        for i in done:
            level[i] = at * flows[i].weight
        open_ -= done
    return level


def completions(
    capacity: list[float], flows: list[Flow], changes: list[tuple[float, int, float]] = ()
) -> tuple[list[float], list[float]]:
    """Instants of release and end, every rate found anew at every event."""
    capacity, changes = list(capacity), sorted(changes, key=lambda c: c[0])
    release, end = [flow.start for flow in flows], [math.inf] * len(flows)
    left, now = [flow.size for flow in flows], 0.0
    coming, moving = set(range(len(flows))), set()

    def begins(i: int) -> float:
        last = max([flows[i].start, *(end[j] for j in flows[i].after)])
        return last + flows[i].delay

    while True:
        rate = dict(zip(moving, rates(capacity, [flows[i] for i in moving]), strict=True))
        ends = {i: now + left[i] / rate[i] if rate[i] > 0 else math.inf for i in moving}
        at = min(
            [begins(i) for i in coming] + list(ends.values()) + [c[0] for c in changes[:1]], default=math.inf
        )
        if at == math.inf:
            return [max([f.start, *(end[j] for j in f.after)]) for f in flows], end
        for i in list(moving):
            left[i] -= rate[i] * (at - now)
            if ends[i] <= at + 1e-13 * (at - release[i]):
                end[i] = ends[i]
                moving.discard(i)
        now = at
        while changes and changes[0][0] <= now:
            capacity[changes[0][1]] = changes[0][2]
            changes = changes[1:]
        for i in sorted(coming):
            if begins(i) <= now:
                coming.discard(i)
                release[i] = begins(i) - flows[i].delay
                if flows[i].size > 0 and (flows[i].parts or flows[i].cap < math.inf):
                    moving.add(i)
                else:
                    end[i] = begins(i)
