"""Boundaries of the event-jump kernel: what ends, who joins, what the next run is made of.

A *run* is a maximal stretch of iterations of a group with the same composition: ``steps`` of them, the first
lasting ``first_s``, each next one ``growth_s`` more. Its end is known in closed form, so a group is visited only
where its composition changes. ``docs/serving-engine.md`` says what happens there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twin.models.serving.blocks import (
    ROW_BITS,
    account,
    adapter_slot,
    blocks_of,
    can_fit,
    enter_decode,
    is_stepwise,
    settle,
    steps_within,
    take_adapter,
    take_blocks,
)
from twin.models.serving.closing import close, stall, stall_all, tokens_given
from twin.models.serving.draws import inner
from twin.models.serving.holding import may_start
from twin.models.serving.layout import (
    BOUNDARIES,
    IS_JOINING,
    IS_QUEUED,
    PULL,
)
from twin.models.serving.moves import (
    drop_dead,
    leave_queue,
    let_given_up_leave,
)
from twin.models.serving.prices import coefficients_of, floor_s, growth_s, rank_s, shared_s, until_full
from twin.models.serving.records import ENDLESS
from twin.models.serving.runs import cut, end_s
from twin.models.serving.transfers import start_transfer
from twin.models.serving.trees import NONE, chain_append, set_leaf
from twin.models.serving.waiting import join_queue, pop_queue


@inner
def _join(p: Any, s: Any, r: int) -> None:
    """What was loaded joins the decode."""
    rep = s.replicas[r]
    row = rep.joining
    rep.joining = NONE
    while row != NONE:
        following = s.requests[row].link
        req = s.requests[row]
        req.flags &= ~IS_JOINING
        enter_decode(p, s, r, row, blocks_of(p, r, req.prompt_tokens + req.generated), is_stepwise(p, r))
        stall(s, rep, row)
        row = following


@inner
def _line_up(s: Any, r: int, now_s: float) -> None:
    """What is ready joins the queue."""
    rep = s.replicas[r]
    while rep.way_first != NONE and s.requests[rep.way_first].ready_s <= now_s:
        row = rep.way_first
        rep.way_first = s.requests[row].link
        if s.requests[row].flags & IS_QUEUED:
            join_queue(s, rep, row)


@inner
def _admit(p: Any, s: Any, r: int, now_s: float, starts: bool) -> None:
    """Admit from the head of the queue what fits; prompts only where they start."""
    rep, engine = s.replicas[r], p.engines[r]
    while True:
        drop_dead(s, rep)
        row = rep.queue_root
        if row == NONE or rep.batch >= engine.max_batch:
            return
        if not starts and s.requests[row].stage < PULL:
            return
        slot = adapter_slot(p, s, r, row)
        if slot == NONE or not take_blocks(p, s, r, row):
            return
        if slot >= 0:
            take_adapter(p, s, r, row, slot)
        pop_queue(s, rep)
        leave_queue(s, r, row)
        rep.batch += 1
        rep.extra_s += engine.admission_s
        req = s.requests[row]
        req.order = rep.admissions
        rep.admissions += 1
        if np.isnan(req.admitted_at_s):
            req.admitted_at_s = now_s
        if req.stage < PULL:
            if rep.prefill_first == NONE:
                rep.progress = req.cached_tokens
            rep.prefill_first = chain_append(s.requests, rep.prefill_first, rep.prefill_last, row)
            rep.prefill_last = row
            req.started_s = np.nan
        elif req.stage == PULL:
            start_transfer(p, s, r, row, now_s)
        else:
            context = req.prompt_tokens + req.generated
            rep.extra_s += context * engine.swap_s_per_token
            enter_decode(p, s, r, row, blocks_of(p, r, context), is_stepwise(p, r))
            stall(s, rep, row)


@inner
def _padded(p: Any, batch: int) -> int:
    """Batch of the captured graph that a decode batch runs in."""
    for size in p.graph_sizes:
        if size >= batch:
            return size
    return batch


@inner
def _share_budget(p: Any, s: Any, r: int, room: int, now_s: float) -> int:
    """Compose the prompts of an iteration; returns how many such iterations there can be."""
    rep, chunked = s.replicas[r], p.engines[r].is_chunked
    row = rep.prefill_first
    left = s.requests[row].prompt_tokens + s.requests[row].generated - rep.progress
    if np.isnan(s.requests[row].started_s):
        s.requests[row].started_s = now_s
    if chunked and left > room:
        rep.chunk, rep.pieces = room, 1
        rep.pairs = room * rep.progress + room * (room + 1) // 2
        return (left - 1) // room
    chunk, pieces, pairs, present = 0, 0, 0, rep.progress
    rep.next_progress = -1
    while row != NONE:
        req = s.requests[row]
        take = req.prompt_tokens + req.generated - present
        if take > room and pieces > 0:
            if chunked and room > 0:
                pairs += room * present + room * (room + 1) // 2
                chunk += room
                pieces += 1
                rep.next_progress = present + room
                req.started_s = now_s
            break
        if pieces > 0:
            req.started_s = now_s
        pairs += take * present + take * (take + 1) // 2
        chunk += take
        pieces += 1
        rep.completing += 1
        room -= take
        row = req.link
        if row != NONE:
            present = s.requests[row].cached_tokens
    rep.chunk, rep.pieces, rep.pairs = chunk, pieces, pairs
    return 1


@inner
def _compose(p: Any, s: Any, r: int, now_s: float) -> int:
    """Compose the next iteration of a replica; returns how many like it there can be."""
    rep, engine = s.replicas[r], p.engines[r]
    stepwise = is_stepwise(p, r)
    has_prompts = rep.prefill_first != NONE
    rep.run_decode = rep.decode if engine.is_chunked or not has_prompts else 0
    rep.padded, rep.given = rep.run_decode, rep.run_decode
    rep.chunk, rep.pieces, rep.pairs, rep.completing = 0, 0, 0, 0
    steps = ENDLESS
    if has_prompts:
        verify = int(coefficients_of(p, r).verify_tokens)
        room = engine.max_batched_tokens - rep.run_decode * verify
        if room > 0:
            steps = _share_budget(p, s, r, room, now_s)
        if rep.run_decode < rep.decode:
            stall_all(s, r, now_s)
    if engine.uses_graphs and rep.chunk == 0 and rep.run_decode > 0:
        rep.padded = _padded(p, rep.run_decode)
    if rep.run_decode > 0:
        begin = s.heap_start[r]
        if stepwise:
            rep.given = 0
            for i in range(begin, begin + rep.decode):
                rep.given += tokens_given(p, s, s.heap[i])
            return 1
        if rep.stalled != NONE:
            return 1
        steps = min(steps, (s.heap[begin] >> ROW_BITS) - rep.turn)
        if engine.is_paged:
            steps = steps_within(p, s, r, steps)
    return steps


@inner
def _cost(p: Any, s: Any, grp: Any, r: int) -> float:
    """The replica's own line: seconds of the first iteration of the run, growth of each next one; how far it goes."""
    rep, coef = s.replicas[r], coefficients_of(p, r)
    context = rep.context if rep.run_decode > 0 else 0
    rep.first_s = rep.extra_s + rank_s(
        coef, grp.clock_frac, rep.padded, context, rep.chunk, rep.pieces, rep.pairs
    )
    chunk = rep.chunk
    decode_steps = until_full(coef.window_tokens, rep.padded, context, rep.run_decode)
    chunk_steps = until_full(coef.prompt_window_tokens, chunk, rep.pairs, float(chunk) * chunk)
    fills = decode_steps < math.inf, chunk_steps < math.inf
    rep.growth_s = growth_s(coef, grp.clock_frac, rep.run_decode, chunk, fills[0], fills[1])
    return min(decode_steps, chunk_steps)


@inner
def _plan(p: Any, s: Any, g: int, now_s: float) -> None:
    """Compose the next run of a group, or fall idle until the next request is ready."""
    grp = s.groups[g]
    steps, work, tokens = ENDLESS, 0, 0
    for r in range(grp.start, grp.start + grp.count):
        rep = s.replicas[r]
        steps = min(steps, _compose(p, s, r, now_s))
        work += rep.run_decode + rep.chunk
        tokens += rep.padded * int(coefficients_of(p, r).verify_tokens) + rep.chunk
    if grp.hold_left > 0:
        steps = min(steps, grp.hold_left)
    if work == 0:
        grp.steps = 0
        grp.due_s = math.inf
        for r in range(grp.start, grp.start + grp.count):
            if s.replicas[r].way_first != NONE:
                grp.due_s = min(grp.due_s, s.requests[s.replicas[r].way_first].ready_s)
        return
    coef = coefficients_of(p, grp.start)
    lead_s, growth = floor_s(coef, grp.clock_frac, tokens), 0.0
    for r in range(grp.start, grp.start + grp.count):
        rep = s.replicas[r]
        straight = _cost(p, s, grp, r)
        if straight < steps:
            steps = int(straight)
        if rep.extra_s > 0.0:
            steps = 1
            rep.extra_s = 0.0
        if rep.first_s > lead_s or (rep.first_s == lead_s and rep.growth_s > growth):
            lead_s, growth = rep.first_s, rep.growth_s
    grp.tokens = tokens
    grp.anchor_s = now_s
    grp.first_s = shared_s(coef, grp.clock_frac, tokens) + lead_s
    grp.growth_s = growth if steps > 1 else 0.0
    for r in range(grp.start, grp.start + grp.count):  # until another replica becomes the slowest
        rep = s.replicas[r]
        if steps > 1 and rep.growth_s > growth:
            steps = int(min(steps, math.floor((lead_s - rep.first_s) / (rep.growth_s - growth)) + 1))
    grp.steps = steps
    grp.due_s = end_s(grp, steps)
    for r in range(grp.start, grp.start + grp.count):
        _cut_for_next(p, s, grp, r)


@inner
def _cut_for_next(p: Any, s: Any, grp: Any, r: int) -> None:
    """End the run when the next request on the way is ready that may be admitted."""
    row = s.replicas[r].way_first
    while row != NONE and grp.steps > 1 and s.requests[row].ready_s < grp.due_s:
        if s.requests[row].flags & IS_QUEUED and can_fit(p, s, r, row):
            cut(grp, s.requests[row].ready_s)
            return
        row = s.requests[row].link


@inner
def _make_room(p: Any, s: Any, r: int, now_s: float) -> bool:
    """Let leave, join and line up, and settle the growth; true if a victim had to go."""
    rep, stepwise = s.replicas[r], is_stepwise(p, r)
    if p.engines[r].is_paged:
        account(p, s, r, stepwise)
    if rep.given_up > 0:
        let_given_up_leave(p, s, r, stepwise)
    if rep.joining != NONE:
        _join(p, s, r)
    _line_up(s, r, now_s)
    is_short = p.engines[r].is_paged and settle(p, s, r, now_s, stepwise)
    rep.is_short = is_short
    return is_short


@inner
def turn(p: Any, s: Any, g: int, now_s: float, choose: Any) -> bool:
    """What happens at a boundary of a group: leave, join, grow, admit, compose; false if a policy failed."""
    grp = s.groups[g]
    s.counts[BOUNDARIES] += 1
    first, last = grp.start, grp.start + grp.count
    if grp.steps > 0:
        for r in range(first, last):
            if not close(p, s, g, r, choose):
                return False
        if grp.hold_left > 0:
            grp.hold_left -= grp.steps
    if grp.clock_frac > 0.0:
        are_short = False
        for r in range(first, last):
            are_short |= _make_room(p, s, r, now_s)
        starts = grp.count == 1 or may_start(p, s, g)
        for r in range(first, last):
            if s.replicas[r].queue_root != NONE and not s.replicas[r].is_short:
                _admit(p, s, r, now_s, starts)
        _plan(p, s, g, now_s)
        if are_short:  # nobody was admitted beside the victims: that is tried again at the next boundary
            grp.due_s = now_s if grp.steps == 0 else end_s(grp, 1)
            grp.steps = min(grp.steps, 1)
    else:
        grp.steps = 0
        grp.due_s = math.inf
        for r in range(first, last):
            stall_all(s, r, now_s)
    set_leaf(s.due_tree, g, grp.due_s)
    return True
