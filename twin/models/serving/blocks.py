"""Blocks of KV cache: who holds how many, how they grow, who must go when they run out."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving import prefix_cache, prefix_prompt, prefix_tiers
from twin.models.serving.draws import inner, outer
from twin.models.serving.layout import (
    COMPUTE,
    COMPUTE_AND_SEND,
    HAS_ENTRIES,
    IS_QUEUED,
    PULL,
    RESUME,
    WAITING,
)
from twin.models.serving.records import LARGEST_RANK, PROMPT_TOKENS, WAITING_REQUESTS
from twin.models.serving.trees import NONE, goes_first, push, swap_out
from twin.models.serving.waiting import join_queue

ROW_BITS = 32
ROW_MASK = (1 << ROW_BITS) - 1


@inner
def blocks_of(p: Any, r: int, tokens: int) -> int:
    """Blocks for some tokens at a replica."""
    block = p.engines[r].block_tokens
    return (tokens + block - 1) // block


@inner
def reserved_blocks(p: Any, s: Any, r: int, row: int) -> int:
    """Blocks of a whole request."""
    return blocks_of(p, r, s.requests[row].prompt_tokens + s.requests[row].output_tokens)


@inner
def prompt_blocks(p: Any, s: Any, r: int, row: int, target: int) -> int:
    """Blocks that a request holds while its prompt of ``target`` tokens is computed."""
    if p.engines[r].is_paged or s.requests[row].stage == COMPUTE_AND_SEND:
        return blocks_of(p, r, target)
    return reserved_blocks(p, s, r, row)


@inner
def decode_blocks(p: Any, s: Any, r: int, row: int, context: int) -> int:
    """Blocks that a request holds in decode."""
    return blocks_of(p, r, context) if p.engines[r].is_paged else reserved_blocks(p, s, r, row)


@inner
def admission_blocks(p: Any, s: Any, r: int, row: int) -> int:
    """Blocks that an admission takes, with those of its entries."""
    req = s.requests[row]
    tokens = req.prompt_tokens + req.generated  # to be computed, or the context to be loaded
    if req.stage >= PULL:
        return decode_blocks(p, s, r, row, tokens)
    return prompt_blocks(p, s, r, row, tokens)


@inner
def can_fit(p: Any, s: Any, r: int, row: int) -> bool:
    """Whether a request on its way might be admitted on arrival, as things stand; errs towards yes."""
    rep = s.replicas[r]
    if rep.batch >= p.engines[r].max_batch:
        return False
    if rep.queue_root != NONE and goes_first(s.requests, rep.queue_root, row):
        return False
    if s.requests[row].stage < PULL and prefix_prompt.caches(p, s, r, row):
        return True
    return admission_blocks(p, s, r, row) <= rep.free_blocks + rep.evictable_blocks


@inner
def _adapter(s: Any, row: int) -> int:
    return s.adapter[row if len(s.adapter) > 1 else 0]


@inner
def _is_older(s: Any, i: int, than: int) -> bool:
    """Whether an unused slot is to be taken before another: empty ones first, then least recently used."""
    if (s.adapter_id[i] == NONE) != (s.adapter_id[than] == NONE):
        return s.adapter_id[i] == NONE
    return s.adapter_used_s[i] < s.adapter_used_s[than]


@inner
def adapter_slot(p: Any, s: Any, r: int, row: int) -> int:
    """Slot that holds the adapter of a request or can take it; -1 if all are in use, -2 if it needs none."""
    wanted = _adapter(s, row)
    if wanted < 0:
        return -2
    begin, best = s.adapter_start[r], NONE
    for i in range(begin, begin + p.engines[r].adapter_slots):
        if s.adapter_id[i] == wanted:
            return i
        if s.adapter_users[i] == 0 and (best == NONE or _is_older(s, i, best)):
            best = i
    return best


@inner
def take_adapter(p: Any, s: Any, r: int, row: int, slot: int) -> None:
    """Use an adapter slot, loading what is not there."""
    rep = s.replicas[r]
    if s.adapter_id[slot] != _adapter(s, row):
        s.adapter_id[slot] = _adapter(s, row)
        rep.extra_s += p.engines[r].adapter_load_s
    s.adapter_users[slot] += 1


@inner
def leave_batch(p: Any, s: Any, r: int, row: int) -> None:
    """One request less in the batch."""
    s.replicas[r].batch -= 1
    wanted = _adapter(s, row)
    if wanted >= 0:
        begin = s.adapter_start[r]
        for i in range(begin, begin + p.engines[r].adapter_slots):
            if s.adapter_id[i] == wanted:
                s.adapter_users[i] -= 1
                s.adapter_used_s[i] = s.clock[0]


@inner
def take_blocks(p: Any, s: Any, r: int, row: int) -> bool:
    """Take what an admission needs, evicting cached prefixes; false if there is not enough."""
    rep, req = s.replicas[r], s.requests[row]
    gross = admission_blocks(p, s, r, row)
    if req.stage < PULL and prefix_prompt.caches(p, s, r, row):
        own = gross - prefix_prompt.entry_blocks(p, s, r, row)
        if not prefix_cache.admit(p, s, r, row, own, req.prompt_tokens + req.generated):
            return False
        req.flags |= HAS_ENTRIES
        return True
    if gross > rep.free_blocks + rep.evictable_blocks:
        return False
    while rep.free_blocks < gross:
        prefix_tiers.evict(p, s, r, gross - rep.free_blocks, 0)
    rep.free_blocks -= gross
    if req.stage < PULL:
        req.cached_tokens = 0
    return True


@inner
def let_go(p: Any, s: Any, r: int, row: int, gross: int, is_complete: bool) -> None:
    """Free the blocks of a request and what it refers to."""
    req = s.requests[row]
    s.replicas[r].free_blocks += gross
    if req.flags & HAS_ENTRIES:
        req.flags &= ~HAS_ENTRIES
        s.replicas[r].free_blocks -= prefix_prompt.entry_blocks(p, s, r, row)
        prefix_cache.release(s, r, row, is_complete)


@inner
def count_residue(p: Any, s: Any, r: int, context: int, sign: int) -> None:
    """Keep the histogram of free places in the last blocks of the sequences in decode."""
    if p.engines[r].is_paged:
        s.hist[r, (s.replicas[r].turn - context) % p.engines[r].block_tokens] += sign


@inner
def more_blocks(p: Any, s: Any, r: int, steps: int) -> int:
    """Blocks that all sequences in decode take within ``steps`` more tokens each."""
    rep, block = s.replicas[r], p.engines[r].block_tokens
    first, rest, count = rep.turn % block, steps % block, 0
    for bin_ in range(first, min(first + rest, block)):
        count += s.hist[r, bin_]
    for bin_ in range(first + rest - block):
        count += s.hist[r, bin_]
    return rep.decode * (steps // block) + count


@inner
def steps_within(p: Any, s: Any, r: int, steps: int) -> int:
    """Iterations of at most ``steps`` that the free blocks allow, one at least."""
    rep, block = s.replicas[r], p.engines[r].block_tokens
    if ((steps - 1) // block + 1) * rep.decode <= rep.free_blocks:
        return steps
    room = max(rep.free_blocks, 0)
    full = room // rep.decode
    room -= full * rep.decode
    rest, count, bin_ = 0, 0, rep.turn % block
    while rest < block - 1:
        count += s.hist[r, bin_]
        if count > room:
            break
        rest += 1
        bin_ = bin_ + 1 if bin_ + 1 < block else 0
    return min(steps, full * block + rest + 1)


@inner
def is_stepwise(p: Any, r: int) -> bool:
    """Whether sequences get several tokens an iteration, which is then visited."""
    return p.coefficients[p.engines[r].kind].verify_tokens > 1.0


@inner
def account(p: Any, s: Any, r: int, stepwise: bool) -> None:
    """Hold the blocks that the contexts need in the coming iteration; may leave less than none free."""
    rep, block = s.replicas[r], p.engines[r].block_tokens
    need = 0
    if stepwise:
        begin = s.heap_start[r]
        for i in range(begin, begin + rep.decode):
            req = s.requests[s.heap[i] & ROW_MASK]
            need += blocks_of(p, r, req.prompt_tokens + req.generated)
    elif rep.decode > 0:
        places, first = 0, rep.turn % block
        for bin_ in range(block):
            places += s.hist[r, bin_] * (bin_ - first)
        for bin_ in range(first):
            places += s.hist[r, bin_] * block
        need = (rep.context + places) // block
    rep.free_blocks -= need - rep.decode_blocks
    rep.decode_blocks = need


@inner
def generated_now(s: Any, r: int, item: int, stepwise: bool) -> int:
    """Tokens generated by a sequence in decode, given its place in the heap."""
    req = s.requests[item & ROW_MASK]
    if stepwise:
        return req.generated
    return req.output_tokens - ((item >> ROW_BITS) - s.replicas[r].turn)


@inner
def enter_decode(p: Any, s: Any, r: int, row: int, gross: int, stepwise: bool) -> None:
    """One more sequence in decode, which holds ``gross`` blocks."""
    rep, req = s.replicas[r], s.requests[row]
    begin = s.heap_start[r]
    if stepwise:
        s.heap[begin + rep.decode] = row
    else:
        push(s.heap, begin, rep.decode, ((rep.turn + req.output_tokens - req.generated) << ROW_BITS) | row)
    context = req.prompt_tokens + req.generated
    rep.decode += 1
    rep.context += context
    count_residue(p, s, r, context, 1)
    if p.engines[r].is_paged:
        rep.decode_blocks += gross


@inner
def leave_decode(p: Any, s: Any, r: int, index: int, stepwise: bool) -> int:
    """Take the sequence at a place of the heap out of decode; returns the blocks it held."""
    rep, begin = s.replicas[r], s.heap_start[r]
    item = s.heap[begin + index]
    row = item & ROW_MASK
    req = s.requests[row]
    req.generated = generated_now(s, r, item, stepwise)
    if stepwise:
        s.heap[begin + index] = s.heap[begin + rep.decode - 1]
    else:
        swap_out(s.heap, begin, rep.decode, index)
    context = req.prompt_tokens + req.generated
    rep.decode -= 1
    rep.context -= context
    count_residue(p, s, r, context, -1)
    gross = decode_blocks(p, s, r, row, context)
    if p.engines[r].is_paged:
        rep.decode_blocks -= gross
    if not np.isnan(req.stalled_s):
        unchain_stalled(s, rep, row)
    return gross


@inner
def unchain_stalled(s: Any, rep: Any, row: int) -> None:
    """Take a row out of the chain of stalled sequences."""
    if rep.stalled == row:
        rep.stalled = s.requests[row].link
        return
    before = rep.stalled
    while s.requests[before].link != row:
        before = s.requests[before].link
    s.requests[before].link = s.requests[row].link


@inner
def leave_prefill(s: Any, rep: Any, row: int) -> int:
    """Take a row out of the chain of prompts; returns the prompt tokens that were computed of it."""
    req = s.requests[row]
    if rep.prefill_first == row:
        computed = rep.progress - req.cached_tokens
        rep.prefill_first = req.link
        rep.progress = 0 if req.link == NONE else s.requests[req.link].cached_tokens
        return computed
    before = rep.prefill_first
    while s.requests[before].link != row:
        before = s.requests[before].link
    s.requests[before].link = req.link
    if rep.prefill_last == row:
        rep.prefill_last = before
    return 0


@inner
def _is_worse(p: Any, s: Any, r: int, row: int, than: int) -> bool:
    if than == NONE:
        return True
    if p.engines[r].victim == LARGEST_RANK:
        return goes_first(s.requests, than, row)
    return s.requests[row].order > s.requests[than].order


@outer
def preempt(p: Any, s: Any, r: int, now_s: float, stepwise: bool) -> None:
    """Send the victim of the batch back to the queue."""
    rep, begin = s.replicas[r], s.heap_start[r]
    victim, place = NONE, NONE
    for i in range(rep.decode):
        row = s.heap[begin + i] & ROW_MASK
        if _is_worse(p, s, r, row, victim):
            victim, place = row, i
    row = rep.prefill_first
    while row != NONE:
        if _is_worse(p, s, r, row, victim):
            victim, place = row, NONE
        row = s.requests[row].link
    req, swap_s = s.requests[victim], p.engines[r].swap_s_per_token
    if place == NONE:
        target = req.prompt_tokens + req.generated
        rep.lost_tokens += leave_prefill(s, rep, victim)
        let_go(p, s, r, victim, prompt_blocks(p, s, r, victim, target), False)
    else:
        let_go(p, s, r, victim, leave_decode(p, s, r, place, stepwise), True)
        context = req.prompt_tokens + req.generated
        if np.isnan(req.stalled_s):
            req.stalled_s = now_s
        if swap_s > 0.0:
            req.stage = RESUME
            rep.extra_s += context * swap_s
        else:
            req.stage = COMPUTE
            rep.lost_tokens += context - req.cached_tokens
            s.loads[PROMPT_TOKENS, r] += context
    leave_batch(p, s, r, victim)
    rep.preemptions += 1.0
    rep.queued += 1
    s.loads[WAITING_REQUESTS, r] += 1
    s.counts[WAITING] += 1
    req.flags |= IS_QUEUED
    join_queue(s, rep, victim)


@inner
def settle(p: Any, s: Any, r: int, now_s: float, stepwise: bool) -> bool:
    """Make room for what was accounted; true if a victim had to go."""
    rep = s.replicas[r]
    is_short = False
    while rep.free_blocks + rep.evictable_blocks < 0:
        preempt(p, s, r, now_s, stepwise)
        is_short = True
    while rep.free_blocks < 0:
        prefix_tiers.evict(p, s, r, -rep.free_blocks, 0)
    return is_short
