"""Arrivals: admission, routing, and who the router may choose."""

from __future__ import annotations

from typing import Any

from twin.models.serving import prefix_cache, prefix_holders, prefix_prompt
from twin.models.serving.blocks import blocks_of
from twin.models.serving.draws import inner
from twin.models.serving.layout import (
    ALARMS,
    ARRIVED,
    COMPUTE,
    COMPUTE_AND_SEND,
    CURSOR,
    INDEXED,
    LEAST_DECODE_TOKENS,
    LOOKS_UP,
    OPEN_DECODE,
    OPEN_ENTRY,
    OUTSTANDING,
    OUTSTANDING_TOKENS_ALL,
    WAITING,
)
from twin.models.serving.moves import choose_decode, enqueue, fill_info, leave, owe
from twin.models.serving.records import (
    CACHED_TOKENS,
    DECODE,
    ENDLESS,
    OUTSTANDING_TOKENS,
    PREFILL,
    PROMPT_TOKENS,
    SESSION,
    TENANT,
    TOTAL_REPLICAS,
    TOTAL_REQUESTS,
    TOTAL_TOKENS,
    TOTAL_WAITING,
)
from twin.models.serving.trees import NONE, first_smallest, set_leaf, timer_push
from twin.requests import INSIDE, REJECTED, SHED


@inner
def mark_open(p: Any, s: Any) -> None:
    """Bring the masks of both pools and their trees in line with the inputs."""
    s.counts[OPEN_ENTRY], s.counts[OPEN_DECODE] = 0, 0
    s.counts[LEAST_DECODE_TOKENS] = ENDLESS
    for r in range(len(s.replicas)):
        rep = s.replicas[r]
        takes = rep.is_up != 0 and s.groups[s.group_of[r]].is_alive != 0
        s.is_open[r] = takes and rep.role != DECODE
        s.is_open_decode[r] = takes and rep.role == DECODE
        tokens = s.loads[OUTSTANDING_TOKENS, r]
        set_leaf(s.entry_tree, r, tokens if s.is_open[r] else ENDLESS)
        set_leaf(s.decode_tree, r, tokens if s.is_open_decode[r] else ENDLESS)
        s.counts[OPEN_ENTRY] += s.is_open[r]
        s.counts[OPEN_DECODE] += s.is_open_decode[r]
        if s.is_open_decode[r]:
            room = p.engines[r].kv_blocks * p.engines[r].block_tokens
            s.counts[LEAST_DECODE_TOKENS] = min(s.counts[LEAST_DECODE_TOKENS], room)


@inner
def _choose(p: Any, s: Any, row: int, choose: Any) -> int:
    """The entry replica of a request, -1 for none, -2 if the policy named one that cannot be."""
    if s.counts[INDEXED]:
        return first_smallest(s.entry_tree) if s.entry_tree[1] < ENDLESS else NONE
    if s.counts[LOOKS_UP]:
        prefix_holders.look_up(s, row, s.seen, CACHED_TOKENS)
        prefix_holders.fetch_holders(s, min(row + 1, len(s.requests) - 1))  # mostly who comes next
    r = choose(s.seen, s.is_open, s.request_info)
    if r < NONE or r >= len(s.is_open) or (r != NONE and not s.is_open[r]):
        return -2
    return r


@inner
def _may_enter(p: Any, s: Any, admit: Any, now_s: float) -> bool:
    s.totals[TOTAL_WAITING] = s.counts[WAITING]
    s.totals[TOTAL_REQUESTS] = s.counts[OUTSTANDING]
    s.totals[TOTAL_TOKENS] = s.counts[OUTSTANDING_TOKENS_ALL]
    s.totals[TOTAL_REPLICAS] = s.counts[OPEN_ENTRY]
    tenant, last = s.request_info[TENANT], len(s.admit_state) - 1
    return admit(s.totals, s.request_info, s.admit_state[tenant], s.admit_state[last], p.limits, now_s)


@inner
def _come(s: Any, row: int, now_s: float) -> None:
    """Count a request that arrives, and have it give up when its client will."""
    req = s.requests[row]
    if req.attempts == 0:
        req.arrived_at_s = now_s
        s.counts[ARRIVED] += 1
        patience_s = s.patience_s[row if len(s.patience_s) > 1 else 0]
        if patience_s < ENDLESS:
            timer_push(s.alarm_s, s.alarm_row, s.counts[ALARMS], now_s + patience_s, row)
            s.counts[ALARMS] += 1
    req.attempts = min(req.attempts + 1, 127)
    req.status = INSIDE


@inner
def _is_short(p: Any, s: Any, r: int, row: int) -> bool:
    """Whether what is not cached of a prompt is too short to be computed apart."""
    least = p.engines[r].disaggregate_above_tokens
    if least == 0:
        return False
    cached = prefix_cache.cached_at(s, r, row) if prefix_prompt.caches(p, s, r, row) else 0
    return s.requests[row].prompt_tokens - cached < least


@inner
def arrive(p: Any, s: Any, row: int, now_s: float, policies: Any) -> bool:
    """A request reaches the gateway; false if a policy failed."""
    choose, choose_behind, rank, admit = policies
    _come(s, row, now_s)
    req = s.requests[row]
    fill_info(p, s, row, PREFILL, s.counts[CURSOR], req.attempts - 1)
    if not _may_enter(p, s, admit, now_s):
        leave(s, row, SHED)
        return True
    r = _choose(p, s, row, choose)
    if r == -2:
        return False
    if r == NONE:
        leave(s, row, REJECTED if s.counts[OPEN_ENTRY] == 0 else SHED)
        return True
    s.counts[CURSOR] = (r + 1) % len(s.is_open)
    is_sent = s.replicas[r].role == PREFILL
    whole = req.prompt_tokens + (req.generated if is_sent else req.output_tokens)
    if blocks_of(p, r, whole) > p.engines[r].kv_blocks:
        leave(s, row, REJECTED)
        return True
    room = max(p.engines[r].max_batch - s.replicas[r].batch, 0)
    if s.replicas[r].queued - room >= p.engines[r].max_queue:
        leave(s, row, SHED)
        return True
    tenant, last = s.request_info[TENANT], len(s.rank_state) - 1
    req.rank = rank(s.request_info, s.rank_state[tenant], s.rank_state[last], p.limits, now_s)
    session = s.request_info[SESSION]
    if is_sent and _is_short(p, s, r, row):
        d = choose_decode(p, s, row, choose_behind)
        if d == -2:
            return False
        if d != NONE:
            r, is_sent = d, False
    req.stage = COMPUTE_AND_SEND if is_sent else COMPUTE
    req.replica, req.entry_replica = r, r
    if session >= 0:
        s.session_replica[session] = r
    s.loads[PROMPT_TOKENS, r] += req.prompt_tokens + req.generated
    owe(s, r, row, 1)
    if prefix_prompt.caches(p, s, r, row):
        prefix_cache.fetch_places(s, r, row)
    enqueue(p, s, r, row, now_s + p.engines[r].ingress_s)
    return True
