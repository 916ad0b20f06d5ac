"""Event-jump kernel of :mod:`twin.models.serving`, compiled by Numba.

A *run* is a maximal stretch of iterations with the same composition: ``steps`` of them, the first lasting
``first_s``, each next one ``growth_s`` more. Its end is known in closed form, so a replica is visited only
where its composition changes (a *boundary*). Two trees of minima give the replica whose boundary is next
and the one with the fewest outstanding tokens.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import register_jitable

from twin.models._serving_trees import first_smallest, inner, pop, push, set_leaf
from twin.physics import inference

for _relation in (
    inference.expert_frac,
    inference.hbm_bytes,
    inference.flop,
    inference.link_bytes,
    inference.context_s,
    inference.pair_s,
):
    register_jitable(_relation)
_iteration_s = inner(inference.iteration_s)
_growth_s = inner(inference.growth_s)

NONE = -1
ENDLESS = np.iinfo(np.int64).max
NEXT_ROW, CURSOR, FINISHED, REJECTED, BOUNDARIES = range(5)
_ROW_BITS = 32
_ROW_MASK = (1 << _ROW_BITS) - 1

REPLICA = np.dtype(
    [
        ("anchor_s", "f8"),  # start of the run
        ("due_s", "f8"),  # its end, or when the replica is to be looked at
        ("first_s", "f8"),
        ("growth_s", "f8"),
        ("clock_frac", "f8"),
        ("steps", "i8"),  # iterations of the run; 0 when none runs
        ("run_decode", "i8"),  # composition of the run: sequences that decode,
        ("chunk", "i8"),  # prompt tokens an iteration,
        ("pieces", "i8"),  # prompts they belong to,
        ("pairs", "i8"),  # query-key pairs of the first iteration,
        ("completing", "i8"),  # prompts that are complete at the end (then steps is 1)
        ("next_progress", "i8"),  # and tokens computed by then of the prompt that follows
        ("batch", "i8"),  # admitted: in prefill or decode
        ("decode", "i8"),
        ("context", "i8"),  # sum of the contexts in decode
        ("turn", "i8"),  # decode iterations so far; completions are keyed by it
        ("reserved", "i8"),
        ("queued", "i8"),
        ("progress", "i8"),  # tokens computed of the first prompt in prefill
        ("first_row", "i4"),  # one chain of rows: in prefill, then not admitted
        ("waiting_row", "i4"),
        ("last_row", "i4"),
        ("busy_s", "f8"),  # tallies since the last report
        ("iterations", "f8"),
        ("touched", "f8"),
        ("prefill_tokens", "f8"),
        ("decode_tokens", "f8"),
        ("first_tokens", "f8"),
        ("piece_count", "f8"),
        ("context_sum", "f8"),
        ("pair_sum", "f8"),
    ],
    align=True,
)
"""State of one replica, kept together because a boundary touches nearly all of it."""


@inner
def _end_s(rep: Any, steps: int) -> float:
    """Instant at which ``steps`` iterations of the run are over."""
    return rep.anchor_s + (steps * rep.first_s + rep.growth_s * (0.5 * steps * (steps - 1)))


@inner
def _steps_until(rep: Any, at_s: float) -> int:
    """Fewest iterations of the run whose end is not before an instant; the run's own if it ends before."""
    if rep.steps == 1 or at_s >= rep.due_s:
        return rep.steps
    # the root of a quadratic, then settled with the very function that makes the instants
    elapsed_s = at_s - rep.anchor_s
    b = rep.first_s - 0.5 * rep.growth_s
    steps = math.ceil(2.0 * elapsed_s / (b + math.sqrt(b * b + 2.0 * rep.growth_s * elapsed_s)))
    steps = min(max(steps, 1), rep.steps)
    while steps > 1 and _end_s(rep, steps - 1) >= at_s:
        steps -= 1
    while steps < rep.steps and _end_s(rep, steps) < at_s:
        steps += 1
    return steps


@inner
def _cut(rep: Any, at_s: float) -> bool:
    """End the run at its first boundary not before an instant; true if that shortens it."""
    steps = _steps_until(rep, at_s)
    if steps == rep.steps:
        return False
    rep.steps = steps
    rep.due_s = _end_s(rep, steps)
    return True


@inner
def _tally(rep: Any, coef: Any, whole: int, part: float, sign: float) -> None:
    """Add (or take back) what the first ``whole`` iterations of the run and a part of the next one do."""
    steps = whole + part
    ramp = 0.5 * whole * (whole - 1) + part * whole
    rep.iterations += sign * steps
    if coef.expert_bytes > 0.0:
        rep.touched += sign * steps * inference.expert_frac(coef, rep.run_decode + rep.chunk)
    if rep.chunk > 0:
        rep.prefill_tokens += sign * steps * rep.chunk
        rep.first_tokens += sign * steps * rep.completing
        rep.piece_count += sign * steps * rep.pieces
        rep.pair_sum += sign * (steps * rep.pairs + ramp * (float(rep.chunk) * rep.chunk))
    if rep.run_decode > 0:
        rep.decode_tokens += sign * steps * rep.run_decode
        rep.context_sum += sign * (steps * rep.context + ramp * rep.run_decode)


@inner
def _admissible(p: Any, s: Any, rep: Any, r: int, row: int) -> bool:
    need = s.prompt_tokens[row] + s.output_tokens[row]
    return rep.batch < p.max_batch[r] and rep.reserved + need <= p.kv_capacity_tokens[r]


@inner
def _finish(p: Any, s: Any, rep: Any, r: int, row: int) -> None:
    need = s.prompt_tokens[row] + s.output_tokens[row]
    s.done_at_s[row] = rep.due_s + p.egress_s[r]
    s.finished[s.counts[FINISHED]] = row
    s.counts[FINISHED] += 1
    rep.reserved -= need
    rep.batch -= 1
    s.outstanding_tokens[r] -= need
    s.outstanding_requests[r] -= 1


@inner
def _complete_prompts(p: Any, s: Any, rep: Any, r: int) -> None:
    start = s.heap_start[r]
    for _ in range(rep.completing):
        row = rep.first_row
        rep.first_row = s.next_row[row]
        s.first_token_at_s[row] = rep.due_s + p.egress_s[r]
        if s.output_tokens[row] == 1:
            _finish(p, s, rep, r, row)
            continue
        item = ((rep.turn + s.output_tokens[row] - 1) << _ROW_BITS) | row
        push(s.heap, start, rep.decode, item)
        rep.decode += 1
        rep.context += s.prompt_tokens[row] + 1
    rep.progress = rep.next_progress


@inner
def _close(p: Any, s: Any, rep: Any, r: int, is_indexed: bool) -> None:
    """The run is over: account for it, and let go what is complete."""
    finished = s.counts[FINISHED]
    rep.busy_s += rep.due_s - rep.anchor_s
    _tally(rep, p.coefficients[p.kind_of_replica[r]], rep.steps, 0.0, 1.0)
    if rep.run_decode > 0:
        rep.turn += rep.steps
        rep.context += rep.steps * rep.run_decode
        start = s.heap_start[r]
        while rep.decode > 0 and s.heap[start] >> _ROW_BITS == rep.turn:
            row = s.heap[start] & _ROW_MASK
            pop(s.heap, start, rep.decode)
            rep.decode -= 1
            rep.context -= s.prompt_tokens[row] + s.output_tokens[row]
            _finish(p, s, rep, r, row)
        if rep.decode == 0:
            rep.turn = 0  # keeps the key far from the bits of the row
    if rep.completing > 0:
        _complete_prompts(p, s, rep, r)
    elif rep.chunk > 0:
        rep.progress += rep.steps * rep.chunk
    if is_indexed and s.counts[FINISHED] > finished and s.is_up[r]:
        set_leaf(s.load_tree, r, s.outstanding_tokens[r])


@inner
def _admit(p: Any, s: Any, rep: Any, r: int, now_s: float) -> None:
    while rep.waiting_row != NONE:
        row = rep.waiting_row
        if s.arrived_at_s[row] + p.ingress_s[r] > now_s or not _admissible(p, s, rep, r, row):
            break
        rep.reserved += s.prompt_tokens[row] + s.output_tokens[row]
        rep.batch += 1
        rep.queued -= 1
        rep.waiting_row = s.next_row[row]


@inner
def _share_budget(p: Any, s: Any, rep: Any, r: int) -> None:
    """Compose the prompts of an iteration; sets its steps to 1 or to the full chunks of one prompt."""
    is_chunked = p.is_chunked[r]
    room = p.max_batched_tokens[r] - rep.run_decode
    row = rep.first_row
    left = s.prompt_tokens[row] - rep.progress
    if is_chunked and left > room:
        rep.chunk, rep.pieces, rep.completing = room, 1, 0
        rep.pairs = room * rep.progress + room * (room + 1) // 2
        rep.steps = (left - 1) // room
        return
    chunk, pieces, pairs, computed = 0, 0, 0, rep.progress
    rep.completing, rep.next_progress, rep.steps = 0, 0, 1
    for _ in range(rep.batch - rep.decode):
        take = s.prompt_tokens[row] - computed
        if take > room and pieces > 0:
            if is_chunked and room > 0:
                pairs += room * (room + 1) // 2
                chunk += room
                pieces += 1
                rep.next_progress = room
            break
        pairs += take * computed + take * (take + 1) // 2
        chunk += take
        pieces += 1
        rep.completing += 1
        room -= take
        computed = 0
        row = s.next_row[row]
    rep.chunk, rep.pieces, rep.pairs = chunk, pieces, pairs


@inner
def _plan(p: Any, s: Any, rep: Any, r: int, now_s: float) -> None:
    """Compose the next run, or fall idle until the next request is ready."""
    rep.steps = 0
    if rep.batch == 0:
        rep.due_s = math.inf
        if rep.waiting_row != NONE:
            rep.due_s = s.arrived_at_s[rep.waiting_row] + p.ingress_s[r]
        return
    has_prompts = rep.batch > rep.decode
    rep.run_decode = rep.decode if p.is_chunked[r] or not has_prompts else 0
    rep.chunk, rep.pieces, rep.pairs, rep.completing = 0, 0, 0, 0
    rep.steps = ENDLESS
    if has_prompts:
        _share_budget(p, s, rep, r)
    if rep.run_decode > 0:
        rep.steps = min(rep.steps, (s.heap[s.heap_start[r]] >> _ROW_BITS) - rep.turn)
    coef = p.coefficients[p.kind_of_replica[r]]
    context = rep.context if rep.run_decode > 0 else 0
    rep.anchor_s = now_s
    rep.first_s = _iteration_s(
        coef, rep.clock_frac, rep.run_decode, context, rep.chunk, rep.pieces, rep.pairs
    )
    rep.growth_s = 0.0
    if rep.steps > 1:
        rep.growth_s = _growth_s(coef, rep.clock_frac, rep.run_decode, rep.chunk)
    rep.due_s = _end_s(rep, rep.steps)
    if rep.waiting_row != NONE and _admissible(p, s, rep, r, rep.waiting_row):
        _cut(rep, s.arrived_at_s[rep.waiting_row] + p.ingress_s[r])


@inner
def _turn(p: Any, s: Any, r: int, now_s: float, is_indexed: bool) -> None:
    """What happens at a boundary: leave, admit, compose."""
    rep = s.replicas[r]
    s.counts[BOUNDARIES] += 1
    if rep.steps > 0:
        _close(p, s, rep, r, is_indexed)
    if rep.clock_frac > 0.0:
        _admit(p, s, rep, r, now_s)
        _plan(p, s, rep, r, now_s)
    else:
        rep.steps = 0
        rep.due_s = math.inf
    set_leaf(s.due_tree, r, rep.due_s)


@inner
def _enqueue(p: Any, s: Any, r: int, row: int) -> None:
    rep = s.replicas[r]
    if rep.first_row == NONE:
        rep.first_row = row
    else:
        s.next_row[rep.last_row] = row
    rep.last_row = row
    rep.queued += 1
    if rep.waiting_row != NONE:
        return
    rep.waiting_row = row
    ready_s = s.arrived_at_s[row] + p.ingress_s[r]
    if rep.steps > 0:
        if rep.steps > 1 and _admissible(p, s, rep, r, row) and _cut(rep, ready_s):
            set_leaf(s.due_tree, r, rep.due_s)
    elif rep.clock_frac > 0.0 and ready_s < rep.due_s:
        rep.due_s = ready_s
        set_leaf(s.due_tree, r, ready_s)


@inner
def _route(p: Any, s: Any, row: int, choose: Any, is_indexed: bool) -> bool:
    """Send a request to a replica; false if the policy named none that can be."""
    count = len(s.is_up)
    if not is_indexed:
        r = choose(s.outstanding_tokens, s.outstanding_requests, s.is_up, s.counts[CURSOR])
    elif s.load_tree[1] < ENDLESS:
        r = first_smallest(s.load_tree)
    else:
        r = NONE
    if r < NONE or r >= count or (r != NONE and not s.is_up[r]):
        return False
    need = s.prompt_tokens[row] + s.output_tokens[row]
    if r != NONE:
        s.counts[CURSOR] = (r + 1) % count
    if r == NONE or need > p.kv_capacity_tokens[r]:
        s.is_rejected[row] = True
        s.counts[REJECTED] += 1
        return True
    s.replica[row] = r
    s.outstanding_tokens[r] += need
    s.outstanding_requests[r] += 1
    if is_indexed:
        set_leaf(s.load_tree, r, s.outstanding_tokens[r])
    _enqueue(p, s, r, row)
    return True


@inner
def set_inputs(p: Any, s: Any, clock_frac: Any, is_up: Any) -> None:
    """Bring new clocks and new masks into force at this instant."""
    now_s = s.now_s[0]
    for r in range(len(is_up)):
        if is_up[r] != s.is_up[r]:
            s.is_up[r] = is_up[r]
            set_leaf(s.load_tree, r, s.outstanding_tokens[r] if is_up[r] else ENDLESS)
        rep = s.replicas[r]
        if clock_frac[r] == rep.clock_frac:
            continue
        rep.clock_frac = clock_frac[r]
        if rep.steps > 0:
            _cut(rep, now_s)
        elif rep.clock_frac == 0.0 or (rep.batch == 0 and rep.waiting_row == NONE):
            rep.due_s = math.inf
        else:
            rep.due_s = now_s
        set_leaf(s.due_tree, r, rep.due_s)


@inner
def run_until(p: Any, s: Any, until_s: float, choose: Any, is_indexed: bool) -> int:
    """All events before an instant in global order; the row of a request that could not be routed, or -1."""
    rows = len(s.arrived_at_s)
    row = s.counts[NEXT_ROW]
    while True:
        arrival_s = s.arrived_at_s[row] if row < rows else math.inf
        due_s = s.due_tree[1]
        if min(arrival_s, due_s) >= until_s:
            break
        if arrival_s <= due_s:
            if not _route(p, s, row, choose, is_indexed):
                return row
            row += 1
            s.counts[NEXT_ROW] = row
        else:
            _turn(p, s, first_smallest(s.due_tree), due_s, is_indexed)
    s.now_s[0] = until_s
    return NONE


@inner
def report(p: Any, s: Any, out: Any) -> None:
    """Write the work since the last report; a running iteration counts by the share of its time."""
    now_s = s.now_s[0]
    for r in range(len(s.is_up)):
        rep = s.replicas[r]
        coef = p.coefficients[p.kind_of_replica[r]]
        whole, part, busy_s = 0, 0.0, 0.0
        if rep.steps > 0:
            whole = _steps_until(rep, now_s) - 1
            start_s = _end_s(rep, whole)
            last_s = rep.first_s + whole * rep.growth_s
            part = min(max((now_s - start_s) / last_s, 0.0), 1.0) if last_s > 0.0 else 1.0
            busy_s = now_s - rep.anchor_s
            rep.busy_s += busy_s
            _tally(rep, coef, whole, part, 1.0)
        tokens = rep.prefill_tokens + rep.decode_tokens
        out.busy_s[r] = rep.busy_s
        out.flop[r] = inference.flop(
            coef, tokens, rep.decode_tokens + rep.piece_count, rep.context_sum, rep.pair_sum
        )
        out.hbm_bytes[r] = inference.hbm_bytes(coef, rep.iterations, rep.touched, tokens, rep.context_sum)
        out.link_bytes[r] = inference.link_bytes(coef, tokens)
        out.iterations[r] = rep.iterations
        out.prefill_tokens[r] = rep.prefill_tokens
        out.output_tokens[r] = rep.decode_tokens + rep.first_tokens
        out.batch_requests[r] = rep.batch
        out.queue_requests[r] = rep.queued
        out.kv_tokens[r] = rep.reserved
        rep.busy_s, rep.iterations, rep.touched = 0.0, 0.0, 0.0
        rep.prefill_tokens, rep.decode_tokens, rep.first_tokens = 0.0, 0.0, 0.0
        rep.piece_count, rep.context_sum, rep.pair_sum = 0.0, 0.0, 0.0
        if rep.steps > 0:  # the whole run will be counted at its end
            rep.busy_s = -busy_s
            _tally(rep, coef, whole, part, -1.0)
