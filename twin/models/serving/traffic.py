"""Rounds of jobs: they begin, their flows end, replicas open when their weights have come."""

from __future__ import annotations

import math
from typing import Any

from twin.models.serving.draws import inner, outer
from twin.models.serving.flow_rates import settle_flow
from twin.models.serving.layout import FLOWS, FLOWS_MOVED, NEXT_ROUND
from twin.models.serving.transfers import share_links


@inner
def is_starting(p: Any, s: Any, r: int) -> bool:
    """Whether the weights of a replica are on their way."""
    return len(p.load_job) > 0 and p.load_job[r] >= 0 and s.jobs[p.load_job[r]].running > 0


@inner
def is_log_full(p: Any, s: Any) -> bool:
    """Whether what ends next might not find room."""
    return s.counts[FLOWS_MOVED] + len(p.flows) >= len(s.moved)


@inner
def _next_round(s: Any) -> None:
    """Instant at which the next round begins."""
    s.clock[NEXT_ROUND] = math.inf
    for j in range(len(s.jobs)):
        s.clock[NEXT_ROUND] = min(s.clock[NEXT_ROUND], s.jobs[j].next_s)


@inner
def _begin(p: Any, s: Any, j: int, now_s: float) -> None:
    """All flows of a job begin; shares are still to be found."""
    job = s.jobs[j]
    first, count = p.jobs[j].first, p.jobs[j].flows
    job.began_s, job.running, job.next_s = now_s, count, math.inf
    for f in range(first, first + count):
        flow = s.flows[f]
        flow.began_s, flow.since_s, flow.rate, flow.due_s = now_s, now_s, -1.0, math.inf
        flow.moved_bytes, flow.counted_bytes = 0.0, 0.0
        s.running[s.counts[FLOWS]] = f
        s.counts[FLOWS] += 1
    _next_round(s)


@inner
def _book(p: Any, s: Any, f: int) -> None:
    """Book on trunks what a flow has moved since it was booked last."""
    flow = s.flows[f]
    more_bytes = flow.moved_bytes - flow.counted_bytes
    flow.counted_bytes = flow.moved_bytes
    first_trunk = 2 * len(s.replicas)
    for i in range(p.flow_start[f], p.flow_start[f + 1]):
        place = p.flow_link[i] - first_trunk
        if 0 <= place < len(p.narrow_trunks):
            share = p.flow_share[i] / p.flows[f].weight
            s.traffic_bytes[p.narrow_trunks[place]] += more_bytes * share


@inner
def _leave(p: Any, s: Any, f: int, now_s: float, is_whole: int) -> None:
    """A flow is over, or is given up."""
    settle_flow(s, f, now_s)
    if is_whole and p.flows[f].bytes < math.inf:
        s.flows[f].moved_bytes = p.flows[f].bytes
    _book(p, s, f)
    place = 0
    while s.running[place] != f:
        place += 1
    s.counts[FLOWS] -= 1
    for n in range(place, s.counts[FLOWS]):  # in order of flows that began, as sums do not commute
        s.running[n] = s.running[n + 1]
    row = s.moved[s.counts[FLOWS_MOVED]]
    row.flow, row.began_s, row.ended_s = f, s.flows[f].began_s, now_s
    row.bytes, row.is_whole = s.flows[f].moved_bytes, is_whole
    s.counts[FLOWS_MOVED] += 1


@inner
def _plan_next(p: Any, s: Any, j: int, now_s: float) -> None:
    """When the round after the one that is over begins."""
    given, job = p.jobs[j], s.jobs[j]
    if given.every_s < math.inf:
        job.next_s = max(job.began_s + given.every_s, now_s)
    elif given.pause_s < math.inf:
        job.next_s = now_s + given.pause_s
    if job.next_s >= given.stop_s:
        job.next_s = math.inf
    _next_round(s)


@outer
def go_on(p: Any, s: Any, now_s: float) -> int:
    """The first thing that traffic has due at an instant; the replica that has its weights by that, or -1."""
    ended, loaded = -1, -1
    for n in range(s.counts[FLOWS]):
        if s.flows[s.running[n]].due_s == now_s and (ended < 0 or s.running[n] < ended):
            ended = s.running[n]
    if ended >= 0:
        j = p.flows[ended].job
        _leave(p, s, ended, now_s, 1)
        s.jobs[j].running -= 1
        if s.jobs[j].running == 0:
            if p.jobs[j].replica >= 0:
                loaded = p.jobs[j].replica
                s.replicas[loaded].is_up = s.jobs[j].is_up
            else:
                _plan_next(p, s, j, now_s)
    else:
        j = 0
        while s.jobs[j].next_s != now_s:
            j += 1
        _begin(p, s, j, now_s)
    share_links(p, s, now_s)
    return loaded


@outer
def ask_for_weights(p: Any, s: Any, is_up: Any, is_alive: Any, starts: Any, now_s: float) -> None:
    """Replicas that were asked to start load their weights; those that died need none."""
    has_changed = False
    for r in range(len(p.load_job)):
        j = p.load_job[r]
        if j < 0:
            continue
        job = s.jobs[j]
        job.is_up = is_up[r]
        is_asked = starts[r] > job.asked
        if job.running > 0 and (is_asked or not is_alive[r]):
            for n in range(s.counts[FLOWS] - 1, -1, -1):
                if p.flows[s.running[n]].job == j:
                    _leave(p, s, s.running[n], now_s, 0)
            job.running = 0
            has_changed = True
        job.asked = starts[r]
        if is_asked and is_alive[r]:
            _begin(p, s, j, now_s)
            has_changed = True
    if has_changed:
        share_links(p, s, now_s)


@inner
def book_flows(p: Any, s: Any, now_s: float) -> None:
    """Book what running flows have moved so far; their ends stay as they are."""
    for n in range(s.counts[FLOWS]):
        f = s.running[n]
        flow = s.flows[f]
        moved_bytes = flow.moved_bytes
        if now_s > flow.since_s:
            flow.moved_bytes += flow.rate * (now_s - flow.since_s)
            flow.moved_bytes = min(flow.moved_bytes, p.flows[f].bytes)
        _book(p, s, f)
        flow.moved_bytes = moved_bytes
