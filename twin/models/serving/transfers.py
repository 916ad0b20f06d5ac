"""KV on its way from where a prompt was computed to where it decodes: shares of what it crosses, and its end.

A transfer crosses the adapters of its source and of its target and, where these hang on different leaves, the trunks
of those leaves: all cables from a leaf to the spines together, as packets are sprayed over them. Rates are max-min
fair: all grow alike until something is full, its transfers stay, the others grow on. Flows of other traffic grow
with them.
"""

from __future__ import annotations

import math
from typing import Any

from twin.models.serving.draws import inner, outer
from twin.models.serving.flow_rates import clear_links, fix_flows, least_level, put_flows, rate_flows
from twin.models.serving.layout import FLOWS, IS_LOADING, NEXT_ROUND, NEXT_TRANSFER, TRANSFERS

_FULL = 1.0 + 1e-12
"""What is full up to rounding is full."""


@inner
def start_transfer(p: Any, s: Any, r: int, row: int, now_s: float) -> None:
    """Begin to pull the KV of an admitted request from where its prompt was computed."""
    req = s.requests[row]
    source = req.entry_replica
    sender = p.engines[source]
    total = (req.prompt_tokens + req.generated - 1) * sender.kv_bytes_per_token
    left = total
    if sender.pushes:
        rate = min(sender.send_bytes_per_s, p.engines[r].receive_bytes_per_s)
        sent = rate * (req.stalled_s - req.started_s) if req.stalled_s > req.started_s else 0.0
        left = max(total / sender.layers, total - sent)
    n = s.counts[TRANSFERS]
    s.counts[TRANSFERS] += 1
    t = s.transfers[n]
    t.row, t.source, t.target = row, source, r
    t.left_bytes, t.bytes, t.rate, t.since_s = left, total, -1.0, now_s
    req.flags |= IS_LOADING
    share_links(p, s, now_s)


@inner
def _crosses(p: Any, source: int, target: int, trunk: int) -> float:
    """Share of a transfer that crosses a trunk: what the other end cannot take on the same leaf."""
    leaves = p.attached_frac.shape[1]
    leaf = trunk if trunk < leaves else trunk - leaves
    here = p.attached_frac[p.engines[source].place, leaf]
    there = p.attached_frac[p.engines[target].place, leaf]
    return max(here - there, 0.0) if trunk < leaves else max(there - here, 0.0)


@inner
def _trunk_share(p: Any, s: Any, n: int, k: int) -> float:
    """Share of a transfer that crosses the ``k``-th of the trunks that can be full."""
    return _crosses(p, s.transfers[n].source, s.transfers[n].target, p.narrow_trunks[k])


@inner
def _lay_out(p: Any, s: Any) -> None:
    """Put the shares of all transfers on what they cross: senders, receivers, trunks."""
    replicas, trunks = len(s.replicas), len(p.narrow_trunks)
    for n in range(s.counts[TRANSFERS]):
        t = s.transfers[n]
        s.link_left[t.source] = p.engines[t.source].send_bytes_per_s
        s.link_left[replicas + t.target] = p.engines[t.target].receive_bytes_per_s
        s.link_share[t.source], s.link_share[replicas + t.target] = 0.0, 0.0
    for k in range(trunks):
        s.link_left[2 * replicas + k] = p.trunk_bytes_per_s[p.narrow_trunks[k]]
        s.link_share[2 * replicas + k] = 0.0
    if s.counts[FLOWS] > 0:
        clear_links(p, s)
        put_flows(p, s)
    for n in range(s.counts[TRANSFERS]):
        _put(p, s, n, 1.0, 0.0)
        s.new_rate[n] = -1.0


@inner
def _put(p: Any, s: Any, n: int, sign: float, rate: float) -> None:
    """Count a transfer among those that grow, or fix it at a rate and count it no longer."""
    replicas = len(s.replicas)
    t = s.transfers[n]
    s.link_share[t.source] += sign
    s.link_left[t.source] -= rate
    s.link_share[replicas + t.target] += sign
    s.link_left[replicas + t.target] -= rate
    for k in range(len(p.narrow_trunks)):
        share = _trunk_share(p, s, n, k)
        s.link_share[2 * replicas + k] += sign * share
        s.link_left[2 * replicas + k] -= share * rate


@inner
def _level(p: Any, s: Any, n: int) -> float:
    """Rate at which the first of what a transfer crosses is full."""
    replicas = len(s.replicas)
    i, j = s.transfers[n].source, replicas + s.transfers[n].target
    level = min(s.link_left[i] / s.link_share[i], s.link_left[j] / s.link_share[j])
    for k in range(len(p.narrow_trunks)):
        if _trunk_share(p, s, n, k) > 0.0:
            i = 2 * replicas + k
            level = min(level, s.link_left[i] / s.link_share[i])
    return max(level, 0.0)


@inner
def _solve(p: Any, s: Any) -> None:
    """Max-min fair rates of all transfers, by filling up: into ``new_rate``."""
    _lay_out(p, s)
    growing = s.counts[TRANSFERS] + s.counts[FLOWS]
    while growing > 0:
        least = math.inf
        for n in range(s.counts[TRANSFERS]):
            if s.new_rate[n] < 0.0:
                s.levels[n] = _level(p, s, n)
                least = min(least, s.levels[n])
        if s.counts[FLOWS] > 0:
            least = min(least, least_level(p, s))
        for n in range(s.counts[TRANSFERS]):
            if s.new_rate[n] < 0.0 and s.levels[n] <= least * _FULL:
                s.new_rate[n] = least
                growing -= 1
                if least < math.inf:
                    _put(p, s, n, -1.0, least)
        if s.counts[FLOWS] > 0:
            growing -= fix_flows(p, s, least)


@outer
def share_links(p: Any, s: Any, now_s: float) -> None:
    """Rates of all transfers after a change, and the next one to end; who keeps its rate keeps its end."""
    _solve(p, s)
    first_s = math.inf
    for n in range(s.counts[TRANSFERS]):
        t, rate = s.transfers[n], s.new_rate[n]
        if rate != t.rate:
            if now_s > t.since_s:
                t.left_bytes = max(t.left_bytes - t.rate * (now_s - t.since_s), 0.0)
            t.rate, t.since_s = rate, now_s
            if t.left_bytes <= 0.0 or rate == math.inf:
                t.due_s = now_s
            else:
                t.due_s = now_s + t.left_bytes / rate if rate > 0.0 else math.inf
        first_s = min(first_s, t.due_s)
    if s.counts[FLOWS] > 0:
        first_s = min(first_s, rate_flows(p, s, now_s))
    s.clock[NEXT_TRANSFER] = min(first_s, s.clock[NEXT_ROUND])


@outer
def remove_transfer(p: Any, s: Any, n: int, now_s: float) -> None:
    """Forget a transfer that has arrived or was given up."""
    t = s.transfers[n]
    s.requests[t.row].flags &= ~IS_LOADING
    s.counts[TRANSFERS] -= 1
    last = s.transfers[s.counts[TRANSFERS]]
    t.row, t.source, t.target, t.left_bytes = last.row, last.source, last.target, last.left_bytes
    t.rate, t.since_s, t.due_s, t.bytes = last.rate, last.since_s, last.due_s, last.bytes
    share_links(p, s, now_s)


@inner
def count_bytes(p: Any, s: Any, n: int) -> None:
    """Book what a transfer that has arrived carried over its source and over trunks."""
    t = s.transfers[n]
    s.replicas[t.source].sent_bytes += t.bytes
    here, there = p.engines[t.source].place, p.engines[t.target].place
    leaves = len(s.trunk_bytes) // 2
    for leaf in range(leaves if here != there else 0):
        more = p.attached_frac[here, leaf] - p.attached_frac[there, leaf]
        s.trunk_bytes[leaf] += t.bytes * max(more, 0.0)
        s.trunk_bytes[leaves + leaf] += t.bytes * max(-more, 0.0)
