"""Flows of other traffic in the shares of links: what they cross, how far they grow, when the next one ends."""

from __future__ import annotations

import math
from typing import Any

from twin.models.serving.draws import inner, outer
from twin.models.serving.layout import FLOWS

_FULL = 1.0 + 1e-12
"""What is full up to rounding is full, as for transfers."""


@inner
def _capacity(p: Any, s: Any, link: int) -> float:
    replicas, trunks = len(s.replicas), len(p.narrow_trunks)
    if link < replicas:
        return p.engines[link].send_bytes_per_s
    if link < 2 * replicas:
        return p.engines[link - replicas].receive_bytes_per_s
    place = link - 2 * replicas
    if place < trunks:
        return p.trunk_bytes_per_s[p.narrow_trunks[place]]
    return p.port_bytes_per_s[place - trunks]


@outer
def clear_links(p: Any, s: Any) -> None:
    """Empty the links that running flows cross."""
    for n in range(s.counts[FLOWS]):
        f = s.running[n]
        s.flows[f].new_level = -1.0
        for i in range(p.flow_start[f], p.flow_start[f + 1]):
            s.link_left[p.flow_link[i]] = _capacity(p, s, p.flow_link[i])
            s.link_share[p.flow_link[i]] = 0.0


@inner
def _put(p: Any, s: Any, f: int, sign: float, level: float) -> None:
    for i in range(p.flow_start[f], p.flow_start[f + 1]):
        s.link_share[p.flow_link[i]] += sign * p.flow_share[i]
        s.link_left[p.flow_link[i]] -= p.flow_share[i] * level


@outer
def put_flows(p: Any, s: Any) -> None:
    """Count all running flows among what grows."""
    for n in range(s.counts[FLOWS]):
        _put(p, s, s.running[n], 1.0, 0.0)


@outer
def least_level(p: Any, s: Any) -> float:
    """Level at which the first flow that still grows meets a full link or its cap."""
    least = math.inf
    for n in range(s.counts[FLOWS]):
        f = s.running[n]
        flow = s.flows[f]
        if flow.new_level >= 0.0:
            continue
        flow.level = p.flows[f].cap_bytes_per_s / p.flows[f].weight
        for i in range(p.flow_start[f], p.flow_start[f + 1]):
            link = p.flow_link[i]
            flow.level = min(flow.level, max(s.link_left[link] / s.link_share[link], 0.0))
        least = min(least, flow.level)
    return least


@outer
def fix_flows(p: Any, s: Any, least: float) -> int:
    """Let flows stay whose level is the least; how many they are."""
    fixed = 0
    for n in range(s.counts[FLOWS]):
        f = s.running[n]
        flow = s.flows[f]
        if flow.new_level < 0.0 and flow.level <= least * _FULL:
            flow.new_level = least
            fixed += 1
            if least < math.inf:
                _put(p, s, f, -1.0, least)
    return fixed


@inner
def settle_flow(s: Any, f: int, now_s: float) -> None:
    """Bring what a flow has moved up to an instant."""
    flow = s.flows[f]
    if now_s > flow.since_s:
        flow.moved_bytes += flow.rate * (now_s - flow.since_s)
        flow.since_s = now_s


@outer
def rate_flows(p: Any, s: Any, now_s: float) -> float:
    """Give flows their new rates; instant at which the first one ends. Who keeps its rate keeps its end."""
    first_s = math.inf
    for n in range(s.counts[FLOWS]):
        f = s.running[n]
        flow, rate = s.flows[f], s.flows[f].new_level * p.flows[f].weight
        if rate != flow.rate:
            settle_flow(s, f, now_s)
            flow.rate, flow.since_s = rate, now_s
            left_bytes = p.flows[f].bytes - flow.moved_bytes
            if left_bytes == math.inf:
                flow.due_s = max(p.jobs[p.flows[f].job].stop_s, now_s)
            elif left_bytes <= 0.0 or rate == math.inf:
                flow.due_s = now_s
            else:
                flow.due_s = now_s + left_bytes / rate if rate > 0.0 else math.inf
        first_s = min(first_s, flow.due_s)
    return first_s
