"""Moves replicas between prefill and decode as a planning policy wants it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np

from twin.engine import Context
from twin.models.serving import DECODE, PREFILL
from twin.policies.planning import Observed, Plan, Pools

POLL_S = 1.0
"""Between two looks whether a closed replica is empty [s]; far below the start-up time of a replica."""
NAMES = {PREFILL: "prefill", DECODE: "decode"}


class Sums(NamedTuple):
    """Sums since the start of a run, over all replicas that the planner may move."""

    requests: float
    prompt_tokens: float
    cached_tokens: float
    output_tokens: float
    ttft_s: float
    first_tokens: float
    gap_s: float
    gaps: float


def steer(
    ctx: Context, plan: Plan, interval_s: float, start_up_s: float, capacities: tuple[float, float]
) -> Generator[Any, Any, None]:
    """Look at the replicas once an interval and move some.

    A replica that moves takes no new requests, waits until it is empty, starts up in its new role, loads its weights
    where the scenario says so, and opens. It counts as one of the new role from the decision on.

    Parameters
    ----------
    ctx : Context
        What the process may touch.
    plan : callable
        Policy of ``twin.policies.planning``.
    interval_s : float
        Between two looks, above zero [s].
    start_up_s : float
        From empty to open, zero or larger [s].
    capacities : (float, float)
        Of one replica in prefill and in decode [tokens/s].
    """
    ids = ctx.ids["replica"]
    wanted = ctx.inputs["replica.role"].copy()
    moving: set[int] = set()
    before, busy_before = _sums(ctx), ctx.read("so_far.busy_s")
    while True:
        yield ctx.env.timeout(interval_s)
        sums, busy_s = _sums(ctx), ctx.read("so_far.busy_s")
        observed = _observed(ctx, sums, before, (busy_s - busy_before) / interval_s, interval_s)
        before, busy_before = sums, busy_s
        pools = Pools(
            prefill=int(np.sum(wanted == PREFILL)),
            decode=int(np.sum(wanted == DECODE)),
            prefill_tokens_per_s=capacities[0],
            decode_tokens_per_s=capacities[1],
        )
        more = plan(observed, pools) - pools.prefill
        source, target = (DECODE, PREFILL) if more > 0 else (PREFILL, DECODE)
        for r in _emptiest(ctx, wanted == source, moving, abs(more)):
            wanted[r] = target
            moving.add(r)
            ctx.env.process(_move(ctx, ids[r], r, target, start_up_s, moving))


def _move(
    ctx: Context, replica: str, index: int, role: int, start_up_s: float, moving: set[int]
) -> Generator[Any, Any, None]:
    ctx.write("replica.is_up", replica, False)
    ctx.log("replica", replica, f"closes, to {NAMES[role]}", "planner")
    while ctx.read("replica.outstanding_requests")[index] > 0:
        yield ctx.env.timeout(POLL_S)
    yield ctx.env.timeout(start_up_s)
    ctx.write("replica.role", replica, role)
    ctx.write("replica.starts", replica, ctx.value("replica.starts", replica) + 1)
    ctx.write("replica.is_up", replica, True)
    ctx.log("replica", replica, f"opens, to {NAMES[role]}", "planner")
    moving.remove(index)


def _emptiest(ctx: Context, can_move: np.ndarray, moving: set[int], count: int) -> list[int]:
    """Replicas with the fewest requests, the first ones on a tie."""
    load = ctx.read("replica.outstanding_requests")
    free = [r for r in np.argsort(load, kind="stable").tolist() if can_move[r] and r not in moving]
    return free[:count]


def _sums(ctx: Context) -> Sums:
    return Sums(*(float(ctx.read(f"so_far.{name}").sum()) for name in Sums._fields))


def _observed(ctx: Context, now: Sums, before: Sums, busy_frac: np.ndarray, interval_s: float) -> Observed:
    change = Sums(*(a - b for a, b in zip(now, before, strict=True)))
    role, queue = ctx.inputs["replica.role"], ctx.read("replica.queue_requests")

    def mean(total: float, count: float) -> float:
        return total / count if count else float("nan")

    def busy(which: int) -> float:
        return float(busy_frac[role == which].mean()) if np.any(role == which) else 0.0

    return Observed(
        interval_s=interval_s,
        requests=change.requests,
        prompt_tokens=max(change.prompt_tokens - change.cached_tokens, 0.0),
        output_tokens=change.output_tokens,
        ttft_mean_s=mean(change.ttft_s, change.first_tokens),
        itl_mean_s=mean(change.gap_s, change.gaps),
        prefill_queue=float(queue[role == PREFILL].sum()),
        decode_queue=float(queue[role == DECODE].sum()),
        prefill_busy_frac=busy(PREFILL),
        decode_busy_frac=busy(DECODE),
    )
