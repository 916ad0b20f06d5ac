"""The end of a run of iterations: what was done is booked, sequences get their tokens, who is complete leaves."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving.blocks import (
    ROW_BITS,
    ROW_MASK,
    blocks_of,
    count_residue,
    enter_decode,
    is_stepwise,
    let_go,
    more_blocks,
    prompt_blocks,
    reserved_blocks,
)
from twin.models.serving.draws import accepted, inner, outer, uniform
from twin.models.serving.fetching import fetch
from twin.models.serving.layout import (
    COMPUTE_AND_SEND,
)
from twin.models.serving.moves import (
    finish,
    hand_off,
)
from twin.models.serving.prices import coefficients_of, expert_frac, windows
from twin.models.serving.records import ENDLESS, PROMPT_TOKENS
from twin.models.serving.runs import log_gaps
from twin.models.serving.trees import NONE, pop


@inner
def tally(p: Any, s: Any, grp: Any, r: int, whole: int, part: float, sign: float) -> None:
    """Add (or take back) what the first ``whole`` iterations of the run and a part of the next one do."""
    rep, coef = s.replicas[r], coefficients_of(p, r)
    steps = whole + part
    ramp = 0.5 * whole * (whole - 1) + part * whole
    rep.iterations += sign * steps
    if rep.run_decode + rep.chunk == 0:
        return
    verify = coef.verify_tokens
    if coef.expert_bytes > 0.0:
        rep.touched += sign * steps * expert_frac(coef, grp.tokens)
    rep.group_tokens += sign * steps * grp.tokens
    rep.computed_tokens += sign * steps * (rep.padded * verify + rep.chunk)
    rep.computed_sequences += sign * steps * (rep.padded * verify + rep.pieces)
    rep.output_tokens += sign * steps * (rep.given + rep.completing)
    if rep.chunk > 0:
        pairs = steps * rep.pairs + ramp * (float(rep.chunk) * rep.chunk)
        rep.prefill_tokens += sign * steps * rep.chunk
        rep.pair_sum += sign * pairs
        rep.token_windows += sign * windows(coef.prompt_window_tokens, steps * rep.chunk, pairs)
    if rep.run_decode > 0:
        context = steps * rep.context + ramp * rep.run_decode
        seen = windows(coef.window_tokens, steps * rep.padded, context)
        rep.context_sum += sign * context
        rep.decode_windows += sign * seen
        rep.token_windows += sign * verify * seen


@outer
def log_stalled(s: Any, g: int, r: int, now_s: float) -> int:
    """Log the gaps of sequences whose last token is older than the iteration; returns how many they are."""
    rep = s.replicas[r]
    count, row = 0, rep.stalled
    while row != NONE:
        log_gaps(s, g, now_s - s.requests[row].stalled_s, 0.0, 1, 1)
        s.requests[row].stalled_s = np.nan
        row = s.requests[row].link
        count += 1
    rep.stalled = NONE
    return count


@inner
def stall(s: Any, rep: Any, row: int) -> None:
    s.requests[row].link = rep.stalled
    rep.stalled = row


@outer
def stall_all(s: Any, r: int, now_s: float) -> None:
    """The sequences in decode make a pause after their last token."""
    rep, begin = s.replicas[r], s.heap_start[r]
    for i in range(begin, begin + rep.decode):
        row = s.heap[i] & ROW_MASK
        if np.isnan(s.requests[row].stalled_s):
            s.requests[row].stalled_s = now_s
            stall(s, rep, row)


@outer
def _speculate(p: Any, s: Any, r: int, now_s: float) -> None:
    """Give each sequence its tokens of the iteration; those that are complete leave by row."""
    rep, begin = s.replicas[r], s.heap_start[r]
    complete = 0
    for i in range(begin, begin + rep.decode):
        row = s.heap[i]
        req = s.requests[row]
        given = tokens_given(p, s, row)
        context = req.prompt_tokens + req.generated
        count_residue(p, s, r, context, -1)
        count_residue(p, s, r, context + given, 1)
        req.generated += given
        rep.context += given
        if req.generated == req.output_tokens:
            complete += 1
            if p.engines[r].is_paged:  # as if it had grown to what its leaving gives back
                grown = blocks_of(p, r, context + given - 1) - blocks_of(p, r, context)
                rep.free_blocks -= grown
                rep.decode_blocks += grown
    for _ in range(complete):
        place, row = NONE, ENDLESS
        for i in range(begin, begin + rep.decode):
            if s.heap[i] < row and s.requests[s.heap[i]].generated == s.requests[s.heap[i]].output_tokens:
                place, row = i, s.heap[i]
        rep.decode -= 1
        s.heap[place] = s.heap[begin + rep.decode]
        _finish_decoded(p, s, r, row, now_s)


@inner
def tokens_given(p: Any, s: Any, row: int) -> int:
    req = s.requests[row]
    more = accepted(uniform(p.seed[0], row, req.generated), p.acceptance)
    return min(1 + more, req.output_tokens - req.generated)


@inner
def _finish_decoded(p: Any, s: Any, r: int, row: int, now_s: float) -> None:
    """A sequence that is out of the heap is done; what it held is settled when all are accounted for."""
    rep, req = s.replicas[r], s.requests[row]
    context = req.prompt_tokens + req.output_tokens
    rep.context -= context
    if p.engines[r].is_paged:
        count_residue(p, s, r, context, -1)
        gross = blocks_of(p, r, context - 1)
        rep.decode_blocks -= gross
    else:
        gross = reserved_blocks(p, s, r, row)
    let_go(p, s, r, row, gross, True)
    finish(p, s, r, row, now_s)


@inner
def _decode(p: Any, s: Any, grp: Any, g: int, r: int) -> None:
    """Sequences in decode have got the tokens of the run."""
    rep = s.replicas[r]
    late = log_stalled(s, g, r, grp.due_s) if rep.stalled != NONE else 0
    if rep.run_decode > late:
        log_gaps(s, g, grp.first_s, grp.growth_s, grp.steps, rep.run_decode - late)
    if is_stepwise(p, r):
        _speculate(p, s, r, grp.due_s)
        return
    if p.engines[r].is_paged and grp.steps > 1:
        grown = more_blocks(p, s, r, grp.steps - 1)
        rep.free_blocks -= grown
        rep.decode_blocks += grown
    rep.turn += grp.steps
    rep.context += grp.steps * rep.run_decode
    start = s.heap_start[r]
    while rep.decode > 0 and s.heap[start] >> ROW_BITS == rep.turn:
        row = s.heap[start] & ROW_MASK
        pop(s.heap, start, rep.decode)
        rep.decode -= 1
        if rep.decode > 0:
            fetch(s.requests, s.heap[start] & ROW_MASK)
        _finish_decoded(p, s, r, row, grp.due_s)
    if rep.decode == 0:
        rep.turn = 0  # keeps the key far from the bits of the row


@inner
def _complete_prompts(p: Any, s: Any, g: int, r: int, now_s: float, choose: Any) -> bool:
    """Prompts whose last piece was computed yield a token and go on; false if a policy failed."""
    rep = s.replicas[r]
    for _ in range(rep.completing):
        row = rep.prefill_first
        req = s.requests[row]
        rep.prefill_first = req.link
        target = req.prompt_tokens + req.generated
        held = prompt_blocks(p, s, r, row, target)
        s.loads[PROMPT_TOKENS, r] -= target
        req.generated += 1
        if np.isnan(req.first_token_at_s):
            req.first_token_at_s = now_s + p.engines[r].egress_s
        else:
            log_gaps(s, g, now_s - req.stalled_s, 0.0, 1, 1)
            req.stalled_s = np.nan
        if req.generated == req.output_tokens:
            let_go(p, s, r, row, held, True)
            finish(p, s, r, row, now_s)
        elif req.stage == COMPUTE_AND_SEND:
            if not hand_off(p, s, r, row, now_s, choose):
                return False
        else:
            enter_decode(p, s, r, row, held, is_stepwise(p, r))
    rep.progress = rep.next_progress
    if rep.next_progress < 0:
        rep.progress = 0 if rep.prefill_first == NONE else s.requests[rep.prefill_first].cached_tokens
    return True


@inner
def close(p: Any, s: Any, g: int, r: int, choose: Any) -> bool:
    """The run is over: account for it, and let go what is complete; false if a policy failed."""
    rep, grp = s.replicas[r], s.groups[g]
    rep.busy_s += grp.due_s - grp.anchor_s
    tally(p, s, grp, r, grp.steps, 0.0, 1.0)
    if rep.run_decode > 0:
        _decode(p, s, grp, g, r)
    if rep.completing > 0:
        return _complete_prompts(p, s, g, r, grp.due_s, choose)
    if rep.chunk > 0:
        rep.progress += grp.steps * rep.chunk
    return True
