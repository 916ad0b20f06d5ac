"""The loop of the kernel: all events before an instant in global order, and the report of the work done."""

from __future__ import annotations

import math
from typing import Any

from twin.models.serving import prefix_holders, prefix_table
from twin.models.serving.blocks import more_blocks
from twin.models.serving.closing import tally
from twin.models.serving.deaths import lose_group
from twin.models.serving.draws import inner, outer
from twin.models.serving.gateway import arrive, mark_open
from twin.models.serving.kernel import turn
from twin.models.serving.layout import (
    ALARMS,
    AWAY,
    COMING_ROOT,
    GAPS,
    IS_AWAY,
    LOOKS_UP,
    LOOKS_UP_DECODE,
    NEXT_PUBLISH,
    NEXT_STATIC,
    NEXT_TRANSFER,
    NOW,
    SLOTS_LEFT,
)
from twin.models.serving.moves import end_transfer, give_up
from twin.models.serving.prices import coefficients_of
from twin.models.serving.records import VIEW_FIELDS
from twin.models.serving.runs import cut, end_s, log_gaps, look, steps_until
from twin.models.serving.traffic import ask_for_weights, book_flows, go_on, is_log_full, is_starting
from twin.models.serving.trees import NONE, first_smallest, queue_pop, set_leaf, timer_pop
from twin.physics import inference

DONE, GAPS_FULL, CACHE_FULL, BAD_ENTRY = range(4)
"""Why the loop stopped: at its end; the log of gaps, or of flows, is full; the table of cached blocks might become
so, and must grow by what stands in the outcome; a policy named a replica that cannot be."""


@outer
def set_inputs(p: Any, s: Any, clock_frac: Any, is_up: Any, is_alive: Any, role: Any, starts: Any) -> None:
    """Bring new inputs into force at this instant."""
    now_s, has_changed = s.clock[NOW], False
    ask_for_weights(p, s, is_up, is_alive, starts, now_s)
    for r in range(len(s.replicas)):
        rep, up = s.replicas[r], 0 if is_starting(p, s, r) else is_up[r]
        if rep.is_up != up or rep.role != role[r] or rep.is_alive != is_alive[r]:
            has_changed = True
        rep.is_up, rep.role, rep.is_alive, rep.clock_frac = up, role[r], is_alive[r], clock_frac[r]
    for g in range(len(s.groups)):
        grp = s.groups[g]
        slowest, alive = 1.0, 1
        for r in range(grp.start, grp.start + grp.count):
            slowest = min(slowest, s.replicas[r].clock_frac)
            alive = min(alive, s.replicas[r].is_alive)
        if alive < grp.is_alive:
            _lose_group(p, s, g)
        grp.is_alive = alive
        if slowest == grp.clock_frac:
            continue
        grp.clock_frac = slowest
        if grp.steps > 0:
            cut(grp, now_s)
        elif slowest == 0.0:
            grp.due_s = math.inf
        elif alive and _requests_in(s, grp) > 0:
            grp.due_s = now_s
        set_leaf(s.due_tree, g, grp.due_s)
    if has_changed:
        mark_open(p, s)
        for g in range(len(s.groups)):  # prompts may have waited for a replica that is not up any more
            if s.groups[g].hold_left != NONE:
                look(s, g, now_s)


@inner
def _requests_in(s: Any, grp: Any) -> int:
    held = 0
    for r in range(grp.start, grp.start + grp.count):
        held += s.replicas[r].batch + s.replicas[r].queued
    return held


@inner
def _lose_group(p: Any, s: Any, g: int) -> None:
    """All replicas of a group lose what they hold; a running iteration counts by its share."""
    grp, now_s = s.groups[g], s.clock[NOW]
    grp.is_alive = 0
    last_token_s, whole = now_s, 0
    if grp.steps > 0:
        whole, part = _progress(grp, now_s)
        last_token_s = end_s(grp, whole)
        for r in range(grp.start, grp.start + grp.count):
            rep = s.replicas[r]
            rep.busy_s += now_s - grp.anchor_s
            tally(p, s, grp, r, whole, part, 1.0)
            rep.lost_tokens += part * (rep.chunk + rep.given + rep.completing)
            if rep.chunk > 0 and rep.completing == 0:
                rep.progress += whole * rep.chunk
            if rep.run_decode > 0 and whole > 0:
                log_gaps(s, g, grp.first_s, grp.growth_s, whole, rep.run_decode)
                rep.turn += whole
                rep.context += whole * rep.run_decode
    grp.steps = 0
    grp.hold_left = NONE
    grp.due_s = math.inf
    lose_group(p, s, grp.start, grp.start + grp.count, last_token_s)
    set_leaf(s.due_tree, g, math.inf)


@inner
def _progress(grp: Any, now_s: float) -> tuple[int, float]:
    """Iterations of the run that are over, and the share of the next one."""
    whole = steps_until(grp, now_s) - 1
    start_s = end_s(grp, whole)
    last_s = grp.first_s + whole * grp.growth_s
    part = min(max((now_s - start_s) / last_s, 0.0), 1.0) if last_s > 0.0 else 1.0
    return whole, part


@inner
def _come(p: Any, s: Any, policies: Any, now_s: float) -> int:
    """The next request that follows others or comes again; its row if a policy failed, else -1."""
    row = s.counts[COMING_ROOT]
    s.counts[COMING_ROOT] = queue_pop(s.requests, row)
    req = s.requests[row]
    if req.attempts > 0:
        if not req.flags & IS_AWAY:
            return NONE
        req.flags &= ~IS_AWAY
        s.counts[AWAY] -= 1
    return NONE if arrive(p, s, row, now_s, policies) else row


@outer
def _publish(p: Any, s: Any, now_s: float) -> None:
    for field in range(VIEW_FIELDS):
        for r in range(s.loads.shape[1]):
            s.seen[field, r] = s.loads[field, r]
    if s.counts[LOOKS_UP] or s.counts[LOOKS_UP_DECODE]:
        prefix_holders.publish(s)
    # nothing happens until now, so what is published in between is the same
    following = math.floor(s.clock[NEXT_PUBLISH] / p.publish_s[0] + 0.5) + 1
    s.clock[NEXT_PUBLISH] = max(following, math.floor(now_s / p.publish_s[0]) - 1) * p.publish_s[0]


@outer
def _go_on(p: Any, s: Any, now_s: float) -> bool:
    """What other traffic has due; false where there is no room to log it."""
    if is_log_full(p, s):
        return False
    if go_on(p, s, now_s) != NONE:
        mark_open(p, s)
    return True


@inner
def _lack(p: Any, s: Any, g: int, outcome: Any) -> int:
    """Whether a table might not have room for what a boundary of a group adds, as a reason to stop."""
    if s.counts[GAPS] > len(s.gaps) // 2:
        return GAPS_FULL
    outcome[0] = prefix_table.slots_wanted(p, s, g)
    return CACHE_FULL if outcome[0] > s.counts[SLOTS_LEFT] else DONE


@inner
def run_until(p: Any, s: Any, until_s: float, policies: Any, outcome: Any) -> int:
    """All events before an instant in global order; why it stopped, with the row at fault in ``outcome``."""
    rows, row = len(s.static_rows), s.counts[NEXT_STATIC]
    choose_behind = policies[1]
    while True:
        static_s = s.requests[s.static_rows[row]].arrived_at_s if row < rows else math.inf
        root = s.counts[COMING_ROOT]
        coming_s = s.requests[root].rank if root != NONE else math.inf
        alarm_s = s.alarm_s[0] if s.counts[ALARMS] > 0 else math.inf
        moved_s, due_s = s.clock[NEXT_TRANSFER], s.due_tree[1]
        event_s = min(static_s, coming_s, alarm_s, moved_s)
        now_s = min(event_s, due_s)
        published_s = s.clock[NEXT_PUBLISH]
        if published_s <= now_s < math.inf and published_s < until_s and published_s < event_s:
            _publish(p, s, min(now_s, until_s))  # inputs may change then
            continue
        if now_s >= until_s:
            break
        s.clock[NOW] = now_s
        if event_s > due_s:
            group = first_smallest(s.due_tree)
            reason = _lack(p, s, group, outcome)
            if reason != DONE:
                return reason
            if not turn(p, s, group, due_s, choose_behind):
                outcome[0] = NONE
                return BAD_ENTRY
        elif static_s <= event_s:
            if not arrive(p, s, s.static_rows[row], now_s, policies):
                outcome[0] = s.static_rows[row]
                return BAD_ENTRY
            row += 1
            s.counts[NEXT_STATIC] = row
        elif coming_s <= event_s:
            outcome[0] = _come(p, s, policies, now_s)
            if outcome[0] != NONE:
                return BAD_ENTRY
        elif alarm_s <= event_s:
            given_up = s.alarm_row[0]
            timer_pop(s.alarm_s, s.alarm_row, s.counts[ALARMS])
            s.counts[ALARMS] -= 1
            give_up(p, s, given_up, now_s)
        elif not end_transfer(p, s, now_s) and not _go_on(p, s, now_s):
            return GAPS_FULL
    s.clock[NOW] = until_s
    return DONE


@inner
def _price(p: Any, r: int, rep: Any, out: Any) -> None:
    """Arithmetic and traffic of what a replica computed; many have computed nothing."""
    out.flop[r], out.hbm_bytes[r], out.link_bytes[r] = 0.0, 0.0, 0.0
    if rep.iterations == 0.0 and rep.computed_tokens == 0.0 and rep.group_tokens == 0.0:
        return
    coef = coefficients_of(p, r)
    out.flop[r] = inference.flop(
        coef, rep.computed_tokens, rep.computed_sequences, rep.context_sum, rep.pair_sum, rep.group_tokens,
        rep.token_windows,
    )  # fmt: skip
    out.hbm_bytes[r] = inference.hbm_bytes(
        coef, rep.iterations, rep.touched, rep.computed_tokens, rep.context_sum, rep.decode_windows
    )
    out.link_bytes[r] = inference.link_bytes(coef, rep.computed_tokens, rep.group_tokens)


@inner
def report(p: Any, s: Any, out: Any) -> None:
    """Write the work since the last report; a running iteration counts by the share of its time."""
    now_s = s.clock[NOW]
    book_flows(p, s, now_s)
    for r in range(len(s.replicas)):
        rep, grp = s.replicas[r], s.groups[s.group_of[r]]
        whole, part, busy_s = 0, 0.0, 0.0
        if grp.steps > 0:
            whole, part = _progress(grp, now_s)
            busy_s = now_s - grp.anchor_s
            rep.busy_s += busy_s
            tally(p, s, grp, r, whole, part, 1.0)
        out.busy_s[r] = rep.busy_s
        _price(p, r, rep, out)
        out.iterations[r] = rep.iterations
        out.prefill_tokens[r] = rep.prefill_tokens
        out.output_tokens[r] = rep.output_tokens
        out.cached_tokens[r] = rep.cached_tokens
        out.lost_tokens[r] = rep.lost_tokens
        out.preemptions[r] = rep.preemptions
        out.sent_bytes[r] = rep.sent_bytes
        out.batch_requests[r] = rep.batch
        out.queue_requests[r] = rep.queued
        out.kv_blocks[r] = p.engines[r].kv_blocks - rep.free_blocks - rep.evictable_blocks
        if whole > 0 and p.engines[r].is_paged and rep.run_decode > 0:
            out.kv_blocks[r] += more_blocks(p, s, r, whole)
        rep.busy_s, rep.iterations, rep.touched, rep.group_tokens = 0.0, 0.0, 0.0, 0.0
        rep.prefill_tokens, rep.computed_tokens, rep.computed_sequences = 0.0, 0.0, 0.0
        rep.output_tokens, rep.context_sum, rep.pair_sum = 0.0, 0.0, 0.0
        rep.decode_windows, rep.token_windows = 0.0, 0.0
        rep.cached_tokens, rep.lost_tokens, rep.preemptions, rep.sent_bytes = 0.0, 0.0, 0.0, 0.0
        if grp.steps > 0:  # the whole run will be counted at its end
            rep.busy_s = -busy_s
            tally(p, s, grp, r, whole, part, -1.0)
