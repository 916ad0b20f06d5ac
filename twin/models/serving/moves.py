"""How requests move and leave: done, handed to a decode replica, loaded, given up."""

from __future__ import annotations

from typing import Any

from twin.models.serving import prefix_holders
from twin.models.serving.blocks import (
    ROW_MASK,
    blocks_of,
    can_fit,
    decode_blocks,
    leave_batch,
    leave_decode,
    leave_prefill,
    let_go,
    prompt_blocks,
)
from twin.models.serving.draws import inner, integer, outer
from twin.models.serving.layout import (
    AWAY,
    COMING_ROOT,
    DECODE_CURSOR,
    GIVEN_UP,
    INDEXED,
    INDEXED_DECODE,
    IS_AWAY,
    IS_JOINING,
    IS_LOADING,
    IS_QUEUED,
    LEAST_DECODE_TOKENS,
    LEFT,
    LOOKS_UP_DECODE,
    OUTSTANDING,
    OUTSTANDING_TOKENS_ALL,
    PULL,
    RESUME,
    TRANSFERS,
    WAITING,
)
from twin.models.serving.records import (
    CACHED_TOKENS,
    CURSOR,
    DECODE,
    DRAW_A,
    DRAW_B,
    ENDLESS,
    KIND,
    LAST_REPLICA,
    OUTPUT,
    OUTSTANDING_REQUESTS,
    OUTSTANDING_TOKENS,
    PRIORITY,
    PROMPT,
    PROMPT_TOKENS,
    ROW,
    SESSION,
    STAGE,
    TENANT,
    TIER,
    WAITING_REQUESTS,
)
from twin.models.serving.runs import look
from twin.models.serving.transfers import count_bytes, remove_transfer
from twin.models.serving.trees import NONE, first_smallest, queue_push, set_leaf
from twin.models.serving.waiting import pop_queue
from twin.requests import CANCELLED, FINISHED, INSIDE, SHED

BEHIND = 1 << 20
"""Added to the number of the attempt for draws of the decode choice."""


@inner
def owe(s: Any, r: int, row: int, sign: int) -> None:
    """Count a request at a replica, or no more."""
    tokens = s.requests[row].prompt_tokens + s.requests[row].output_tokens
    s.loads[OUTSTANDING_TOKENS, r] += sign * tokens
    s.loads[OUTSTANDING_REQUESTS, r] += sign
    s.counts[OUTSTANDING] += sign
    s.counts[OUTSTANDING_TOKENS_ALL] += sign * tokens
    if s.counts[INDEXED] and s.is_open[r]:
        set_leaf(s.entry_tree, r, s.loads[OUTSTANDING_TOKENS, r])
    elif s.counts[INDEXED_DECODE] and s.is_open_decode[r]:
        set_leaf(s.decode_tree, r, s.loads[OUTSTANDING_TOKENS, r])


@inner
def leave(s: Any, row: int, status: int) -> None:
    """A request leaves the house."""
    s.requests[row].status = status
    s.left[s.counts[LEFT]] = row
    s.counts[LEFT] += 1


@inner
def finish(p: Any, s: Any, r: int, row: int, now_s: float) -> None:
    """A request has all its output; its blocks are free already."""
    req = s.requests[row]
    leave_batch(p, s, r, row)
    owe(s, r, row, -1)
    req.generated = req.output_tokens
    if req.flags & GIVEN_UP:
        s.replicas[r].given_up -= 1
        waste(s, r, row)
        leave(s, row, CANCELLED)
        return
    req.done_at_s = now_s + p.engines[r].egress_s
    leave(s, row, FINISHED)
    if len(s.followers) > 1 or len(s.follower_start) > 1:
        _release_followers(s, row, req.done_at_s)


@outer
def _release_followers(s: Any, row: int, done_at_s: float) -> None:
    for i in range(s.follower_start[row], s.follower_start[row + 1]):
        follower = s.followers[i]
        req = s.requests[follower]
        req.ready_s = max(req.ready_s, done_at_s)
        s.waits_for[follower] -= 1
        if s.waits_for[follower] == 0:
            pause_s = s.pause_s[follower if len(s.pause_s) > 1 else 0]
            come_again(s, follower, req.ready_s + pause_s)


@inner
def come_again(s: Any, row: int, at_s: float) -> None:
    """Let a request arrive at an instant."""
    s.requests[row].rank = at_s
    s.counts[COMING_ROOT] = queue_push(s.requests, s.counts[COMING_ROOT], row)


@inner
def enqueue(p: Any, s: Any, r: int, row: int, ready_s: float) -> None:
    """A request is on its way to the queue of a replica."""
    rep, req = s.replicas[r], s.requests[row]
    req.ready_s = ready_s
    req.flags |= IS_QUEUED
    req.link = NONE
    if rep.way_first == NONE:
        rep.way_first = row
        rep.way_last = row
    elif s.requests[rep.way_last].ready_s <= ready_s:
        s.requests[rep.way_last].link = row
        rep.way_last = row
    elif ready_s < s.requests[rep.way_first].ready_s:
        req.link = rep.way_first
        rep.way_first = row
    else:
        before = rep.way_first
        while s.requests[s.requests[before].link].ready_s <= ready_s:
            before = s.requests[before].link
        req.link = s.requests[before].link
        s.requests[before].link = row
    rep.queued += 1
    s.loads[WAITING_REQUESTS, r] += 1
    s.counts[WAITING] += 1
    g = s.group_of[r]
    if s.groups[g].steps == 0 or can_fit(p, s, r, row):
        look(s, g, ready_s)


@inner
def leave_queue(s: Any, r: int, row: int) -> None:
    """One request less that waits; it may still stand in a chain or heap as a dead row."""
    s.replicas[r].queued -= 1
    s.loads[WAITING_REQUESTS, r] -= 1
    s.counts[WAITING] -= 1
    s.requests[row].flags &= ~IS_QUEUED


@inner
def fill_info(p: Any, s: Any, row: int, stage: int, cursor: int, attempt: int) -> None:
    """What a policy gets to know of a request."""
    info, req = s.request_info, s.requests[row]
    info[ROW], info[PROMPT], info[OUTPUT] = row, req.prompt_tokens, req.output_tokens
    info[PRIORITY] = s.priority[row if len(s.priority) > 1 else 0]
    info[TENANT] = s.tenant[row if len(s.tenant) > 1 else 0]
    info[TIER] = s.tier[row if len(s.tier) > 1 else 0]
    info[KIND] = s.kind[row if len(s.kind) > 1 else 0]
    info[SESSION] = s.session[row if len(s.session) > 1 else 0]
    info[LAST_REPLICA] = s.session_replica[info[SESSION]] if info[SESSION] >= 0 else NONE
    info[CURSOR] = cursor
    info[DRAW_A] = integer(p.seed[0], row, 2 * attempt)
    info[DRAW_B] = integer(p.seed[0], row, 2 * attempt + 1)
    info[STAGE] = stage


@inner
def choose_decode(p: Any, s: Any, row: int, choose: Any) -> int:
    """The decode replica of a request, -1 for none, -2 if the policy named one that cannot be."""
    req = s.requests[row]
    need = req.prompt_tokens + req.output_tokens
    fits_all = need <= s.counts[LEAST_DECODE_TOKENS]
    if s.counts[INDEXED_DECODE] and fits_all:
        r = first_smallest(s.decode_tree) if s.decode_tree[1] < ENDLESS else NONE
    else:
        for i in range(len(s.mask)):
            s.mask[i] = s.is_open_decode[i] and blocks_of(p, i, need) <= p.engines[i].kv_blocks
        if s.counts[LOOKS_UP_DECODE]:
            prefix_holders.look_up(s, row, s.seen, CACHED_TOKENS)
        fill_info(p, s, row, DECODE, s.counts[DECODE_CURSOR], s.requests[row].attempts - 1 + BEHIND)
        r = choose(s.seen, s.mask, s.request_info)
        if r < NONE or r >= len(s.mask) or (r != NONE and not s.mask[r]):
            return -2
    if r != NONE:
        s.counts[DECODE_CURSOR] = (r + 1) % len(s.mask)
    return r


@inner
def hand_off(p: Any, s: Any, r: int, row: int, now_s: float, choose: Any) -> bool:
    """A prompt is complete and decodes elsewhere; false if the policy failed."""
    req = s.requests[row]
    leave_batch(p, s, r, row)
    if req.flags & GIVEN_UP:
        s.replicas[r].given_up -= 1
        waste(s, r, row)
        free_held(p, s, r, row)
        leave(s, row, CANCELLED)
        return True
    d = choose_decode(p, s, row, choose)
    if d == -2:
        return False
    if d == NONE:
        waste(s, r, row)
        free_held(p, s, r, row)
        leave(s, row, SHED)
        return True
    req.stalled_s = now_s
    req.replica = d
    req.stage = PULL
    owe(s, d, row, 1)
    enqueue(p, s, d, row, now_s + p.engines[r].handoff_s)
    return True


@inner
def waste(s: Any, r: int, row: int) -> None:
    """What was computed for a request is lost."""
    req = s.requests[row]
    s.replicas[r].lost_tokens += req.prompt_tokens + req.generated - req.cached_tokens


@inner
def free_held(p: Any, s: Any, source: int, row: int) -> None:
    """Free what a prefill replica held for a request."""
    req = s.requests[row]
    let_go(p, s, source, row, blocks_of(p, source, req.prompt_tokens + req.generated - 1), True)
    owe(s, source, row, -1)
    if s.replicas[source].queued > 0:
        look(s, s.group_of[source], s.clock[0])


@outer
def end_transfer(p: Any, s: Any, now_s: float) -> bool:
    """The transfer that is due has arrived: blocks at its source are free, the request joins; false if none is."""
    n, row = 0, ENDLESS
    for i in range(s.counts[TRANSFERS]):
        if s.transfers[i].due_s == now_s and s.transfers[i].row < row:
            n, row = i, s.transfers[i].row
    if row == ENDLESS:
        return False
    source, r = s.transfers[n].source, s.transfers[n].target
    count_bytes(p, s, n)
    remove_transfer(p, s, n, now_s)
    free_held(p, s, source, row)
    s.requests[row].link = s.replicas[r].joining
    s.requests[row].flags |= IS_JOINING
    s.replicas[r].joining = row
    look(s, s.group_of[r], now_s)
    return True


@inner
def _unchain_joining(s: Any, rep: Any, row: int) -> None:
    s.requests[row].flags &= ~IS_JOINING
    if rep.joining == row:
        rep.joining = s.requests[row].link
        return
    before = rep.joining
    while s.requests[before].link != row:
        before = s.requests[before].link
    s.requests[before].link = s.requests[row].link


@inner
def _transfer_of(s: Any, row: int) -> int:
    for n in range(s.counts[TRANSFERS]):
        if s.transfers[n].row == row:
            return n
    return NONE


@inner
def drop_dead(s: Any, rep: Any) -> None:
    """Let the head of a queue be one that waits."""
    while rep.queue_root != NONE and not s.requests[rep.queue_root].flags & IS_QUEUED:
        pop_queue(s, rep)


@outer
def give_up(p: Any, s: Any, row: int, now_s: float) -> None:
    """The client of a request goes away."""
    req = s.requests[row]
    if req.status != INSIDE:
        return
    if req.flags & IS_AWAY:
        req.flags &= ~IS_AWAY
        s.counts[AWAY] -= 1
        leave(s, row, CANCELLED)
        return
    r = req.replica
    rep, g = s.replicas[r], s.group_of[req.replica]
    if req.flags & IS_QUEUED:
        leave_queue(s, r, row)
        leave_waiting(p, s, r, row)
        drop_dead(s, rep)
    elif req.flags & (IS_LOADING | IS_JOINING):
        waste(s, r, row)
        if req.flags & IS_LOADING:
            remove_transfer(p, s, _transfer_of(s, row), now_s)
            free_held(p, s, req.entry_replica, row)
        else:
            _unchain_joining(s, rep, row)
        let_go(p, s, r, row, decode_blocks(p, s, r, row, req.prompt_tokens + req.generated), True)
        leave_batch(p, s, r, row)
    else:
        req.flags |= GIVEN_UP
        rep.given_up += 1
        look(s, g, now_s)
        return
    owe(s, r, row, -1)
    leave(s, row, CANCELLED)
    if rep.queued > 0:
        look(s, g, now_s)


@inner
def leave_waiting(p: Any, s: Any, r: int, row: int) -> None:
    """What a waiting request leaves behind."""
    req = s.requests[row]
    if req.stage == PULL:
        waste(s, r, row)
        free_held(p, s, req.entry_replica, row)
    elif req.stage == RESUME:
        waste(s, r, row)
    else:
        s.loads[PROMPT_TOKENS, r] -= req.prompt_tokens + req.generated


@outer
def let_given_up_leave(p: Any, s: Any, r: int, stepwise: bool) -> None:
    """At a boundary: those in prefill, then by row those in decode whose client went away."""
    rep, begin = s.replicas[r], s.heap_start[r]
    row = rep.prefill_first
    while row != NONE:
        following = s.requests[row].link
        if s.requests[row].flags & GIVEN_UP:
            target = s.requests[row].prompt_tokens + s.requests[row].generated
            rep.lost_tokens += leave_prefill(s, rep, row)
            let_go(p, s, r, row, prompt_blocks(p, s, r, row, target), False)
            s.loads[PROMPT_TOKENS, r] -= target
            _leave_given_up(p, s, r, row)
        row = following
    while rep.given_up > 0:
        place, first = NONE, ENDLESS
        for i in range(rep.decode):
            row = s.heap[begin + i] & ROW_MASK
            if row < first and s.requests[row].flags & GIVEN_UP:
                place, first = i, row
        let_go(p, s, r, first, leave_decode(p, s, r, place, stepwise), True)
        waste(s, r, first)
        _leave_given_up(p, s, r, first)


@inner
def _leave_given_up(p: Any, s: Any, r: int, row: int) -> None:
    s.replicas[r].given_up -= 1
    leave_batch(p, s, r, row)
    owe(s, r, row, -1)
    leave(s, row, CANCELLED)
