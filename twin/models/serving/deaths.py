"""A group of replicas dies: what it held is lost, and its requests arrive again."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving import prefix_tiers
from twin.models.serving.blocks import (
    ROW_MASK,
    decode_blocks,
    is_stepwise,
    leave_batch,
    leave_decode,
    leave_prefill,
    let_go,
    prompt_blocks,
)
from twin.models.serving.draws import inner, outer
from twin.models.serving.layout import (
    AWAY,
    COMPUTE,
    GIVEN_UP,
    HAS_ENTRIES,
    IS_AWAY,
    IS_JOINING,
    IS_LOADING,
    IS_QUEUED,
    PULL,
    TRANSFERS,
)
from twin.models.serving.moves import (
    come_again,
    leave,
    leave_queue,
    leave_waiting,
    owe,
    waste,
)
from twin.models.serving.records import PROMPT_TOKENS
from twin.models.serving.runs import look
from twin.models.serving.transfers import remove_transfer
from twin.models.serving.trees import NONE, queue_pop, queue_push
from twin.models.serving.waiting import join_queue, pop_queue
from twin.requests import CANCELLED


@inner
def _send_away(p: Any, s: Any, r: int, row: int, last_token_s: float, at_s: float) -> None:
    """A request lost its replica and arrives again."""
    req = s.requests[row]
    owe(s, r, row, -1)
    if req.generated > 0 and np.isnan(req.stalled_s):
        req.stalled_s = last_token_s
    req.stage = COMPUTE
    req.flags &= ~(IS_QUEUED | IS_LOADING | IS_JOINING | HAS_ENTRIES)
    if req.flags & GIVEN_UP:
        req.flags &= ~GIVEN_UP
        leave(s, row, CANCELLED)
        return
    req.flags |= IS_AWAY
    s.counts[AWAY] += 1
    come_again(s, row, at_s)


@outer
def lose_group(p: Any, s: Any, first: int, last: int, last_token_s: float) -> None:
    """Everything that the replicas from ``first`` up to ``last`` held is gone; their requests arrive again."""
    now_s = s.clock[0]
    at_s = now_s + p.retry_s[0]
    lost = NONE
    for r in range(first, last):
        lost = _stop_transfers(p, s, r, lost)
        for d in range(len(s.replicas)):
            if d == r or s.replicas[d].queued > 0:
                lost = _empty_queue(s, d, r, lost)
    while lost != NONE:  # by row: in that order they let go of what other replicas hold for them
        row = lost
        lost = queue_pop(s.requests, row)
        leave_waiting(p, s, s.requests[row].replica, row)
        _send_away(p, s, s.requests[row].replica, row, now_s, at_s)
    for r in range(first, last):
        _lose_batch(p, s, r, last_token_s, at_s, is_stepwise(p, r))


@inner
def _stop_transfers(p: Any, s: Any, r: int, lost: int) -> int:
    """Set aside those whose KV is on its way from or to a replica."""
    n = 0
    while n < s.counts[TRANSFERS]:
        t = s.transfers[n]
        if r not in (t.source, t.target):
            n += 1
            continue
        row, target = t.row, t.target
        req = s.requests[row]
        remove_transfer(p, s, n, s.clock[0])
        s.replicas[target].free_blocks += decode_blocks(p, s, target, row, req.prompt_tokens + req.generated)
        leave_batch(p, s, target, row)
        look(s, s.group_of[target], s.clock[0])
        lost = _set_aside(s, lost, row)
    return lost


@inner
def _lose_batch(p: Any, s: Any, r: int, last_token_s: float, at_s: float, stepwise: bool) -> None:
    rep = s.replicas[r]
    while rep.prefill_first != NONE:
        row = rep.prefill_first
        target = s.requests[row].prompt_tokens + s.requests[row].generated
        rep.lost_tokens += leave_prefill(s, rep, row)
        let_go(p, s, r, row, prompt_blocks(p, s, r, row, target), False)
        leave_batch(p, s, r, row)
        s.loads[PROMPT_TOKENS, r] -= target
        _send_away(p, s, r, row, last_token_s, at_s)
    while rep.decode > 0:
        row = s.heap[s.heap_start[r]] & ROW_MASK
        let_go(p, s, r, row, leave_decode(p, s, r, 0, stepwise), True)
        _lose_decoded(p, s, r, row, last_token_s, at_s)
    while rep.joining != NONE:
        row = rep.joining
        rep.joining = s.requests[row].link
        context = s.requests[row].prompt_tokens + s.requests[row].generated
        let_go(p, s, r, row, decode_blocks(p, s, r, row, context), True)
        _lose_decoded(p, s, r, row, last_token_s, at_s)
    prefix_tiers.forget(s, r)
    rep.free_blocks += rep.decode_blocks
    rep.decode_blocks = 0
    rep.given_up, rep.extra_s, rep.turn = 0, 0.0, 0
    begin = s.adapter_start[r]
    for i in range(begin, begin + p.engines[r].adapter_slots):
        s.adapter_id[i] = NONE
        s.adapter_used_s[i] = 0.0


@inner
def _lose_decoded(p: Any, s: Any, r: int, row: int, last_token_s: float, at_s: float) -> None:
    waste(s, r, row)
    leave_batch(p, s, r, row)
    _send_away(p, s, r, row, last_token_s, at_s)


@inner
def _set_aside(s: Any, lost: int, row: int) -> int:
    """Add a row to the heap of lost ones, in order of rows."""
    s.requests[row].rank = 0.0
    return queue_push(s.requests, lost, row)


@inner
def _empty_queue(s: Any, d: int, dead: int, lost: int) -> int:
    """Set aside those in way and queue of a replica that are lost with a dead one; drop rows that left."""
    rep = s.replicas[d]
    for is_way in (True, False):
        chain, kept = NONE, NONE
        while True:
            row = rep.way_first if is_way else rep.queue_root
            if row == NONE:
                break
            if is_way:
                rep.way_first = s.requests[row].link
            else:
                pop_queue(s, rep)
            req = s.requests[row]
            if not req.flags & IS_QUEUED:
                continue
            if d == dead or (req.stage == PULL and req.entry_replica == dead):
                leave_queue(s, d, row)
                look(s, s.group_of[d], s.clock[0])
                lost = _set_aside(s, lost, row)
                continue
            req.link = NONE
            if chain == NONE:
                chain = row
            else:
                s.requests[kept].link = row
            kept = row
        if is_way:
            rep.way_first, rep.way_last = chain, kept
        else:
            while chain != NONE:
                following = s.requests[chain].link
                join_queue(s, rep, chain)
                chain = following
    return lost
