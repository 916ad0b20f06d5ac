"""Events of flows: releases, arrivals on the links, ends, changes of capacity; compiled by Numba."""

from __future__ import annotations

import math
from typing import Any

from twin.models.flows.heaps import due_drop, inner, member_pop, member_push, pop, push
from twin.models.flows.sharing import ask, ask_if_full, lowest, note, set_due, solve
from twin.models.flows.state import DONE, NONE, SHARING

TIE = 1e-12
"""What ends later than a flow by less than this part of its life ends with it: rounding parts what is equal."""

ULPS = 4.0 * 2.0**-52


@inner
def _enter(s: Any, r: int) -> None:
    """Put the first flow of a route on its links."""
    route = s.routes[r]
    route.served_bytes, route.served_at_s = 0.0, s.clock[0].now_s
    for hop in range(route.first, route.last):
        link = s.links[s.hop_link[hop]]
        at = link.first + link.count
        s.pool[at].part, s.pool[at].route, s.pool[at].hop = s.hop_part[hop], r, hop
        s.hop_slot[hop] = link.count
        link.count += 1
    route.level = lowest(s, r, NONE)


@inner
def _leave(s: Any, r: int) -> None:
    """Take a route without flows off its links."""
    route = s.routes[r]
    for hop in range(route.first, route.last):
        link = s.links[s.hop_link[hop]]
        link.count -= 1
        last = link.first + link.count
        at = link.first + s.hop_slot[hop]
        if at != last:
            s.pool[at].part, s.pool[at].route, s.pool[at].hop = (
                s.pool[last].part, s.pool[last].route, s.pool[last].hop,
            )  # fmt: skip
            s.hop_slot[s.pool[at].hop] = s.hop_slot[hop]
        if link.count == 0:
            link.load_bytes_per_s = 0.0


@inner
def _weigh(s: Any, r: int, members: int) -> None:
    """Add flows to a route or take them away, and ask its links."""
    route = s.routes[r]
    route.members += members
    route.unit = route.members * route.weight
    is_known = route.level < math.inf
    more = members * route.weight * (route.level if is_known else 0.0)
    for hop in range(route.first, route.last):
        k = s.hop_link[hop]
        link = s.links[k]
        link.load_bytes_per_s += more * s.hop_part[hop]
        key = link.capacity_bytes_per_s / link.count if members > 0 else link.level
        if not is_known:
            ask(s, k, key)
        elif members > 0 or link.level < math.inf:
            ask_if_full(s, k, min(key, route.level))


@inner
def _join(s: Any, f: int) -> None:
    """A flow starts to load its links."""
    flow = s.flows[f]
    r = flow.route
    route = s.routes[r]
    if route.members == 0:
        _enter(s, r)
    note(s, r)
    flow.target_bytes = route.served_bytes + flow.size_bytes
    flow.status = SHARING
    route.root = member_push(s.flows, route.root, f)
    _weigh(s, r, 1)


@inner
def _release(s: Any, f: int) -> None:
    """All that a flow waits for is done: its delay begins."""
    flow = s.flows[f]
    push(s.coming_at_s, s.coming_flow, s.clock[0].coming, flow.released_at_s + flow.delay_s, f)
    s.clock[0].coming += 1


@inner
def _end(s: Any, f: int, at_s: float) -> None:
    """Write a flow down as done and release those that waited for it."""
    flow = s.flows[f]
    flow.finished_at_s, flow.status = at_s, DONE
    s.finished[s.clock[0].finished] = f
    s.clock[0].finished += 1
    edge = flow.edge
    while edge != NONE:
        waiting = s.flows[s.edges[edge].flow]
        waiting.released_at_s = max(waiting.released_at_s, at_s)
        waiting.waits_for -= 1
        if waiting.waits_for == 0:
            _release(s, s.edges[edge].flow)
        edge = s.edges[edge].next


@inner
def _complete(s: Any, r: int, at_s: float) -> None:
    """The first flow of a route ends."""
    route = s.routes[r]
    f = route.root
    note(s, r)
    route.root = member_pop(s.flows, f)
    due_drop(s, r)
    _end(s, f, at_s)
    if route.members == 1:
        _weigh(s, r, -1)
        _leave(s, r)
    else:
        _weigh(s, r, -1)
        set_due(s, r)


@inner
def _arrive(s: Any, f: int, at_s: float) -> None:
    """A flow whose delay is over: most join their links; what is empty or meets no limit is done."""
    flow = s.flows[f]
    route = s.routes[flow.route]
    if flow.size_bytes <= 0.0 or (route.first == route.last and route.ceiling == math.inf):
        _end(s, f, at_s)
    else:
        _join(s, f)


@inner
def _change(s: Any, i: int) -> None:
    k = s.changes[i].link
    link = s.links[k]
    link.capacity_bytes_per_s = s.changes[i].capacity_bytes_per_s
    ask_if_full(s, k, link.level if link.level < math.inf else 0.0)


@inner
def next_event_s(s: Any) -> float:
    """Instant of the next event, infinite if none will come."""
    clock = s.clock[0]
    at_s = math.inf
    if clock.due > 0:
        at_s = s.due_at_s[0]
    if clock.coming > 0:
        at_s = min(at_s, s.coming_at_s[0])
    if clock.next_change < clock.changes:
        at_s = min(at_s, s.changes[clock.next_change].at_s)
    return at_s


@inner
def _batch_end_s(s: Any, at_s: float, until_s: float) -> float:
    """Until when events belong to the one at ``at_s``."""
    clock = s.clock[0]
    end_s = at_s * (1.0 + ULPS)
    if clock.due > 0 and s.due_at_s[0] == at_s:
        f = s.routes[s.due_route[0]].root
        end_s = max(end_s, at_s + TIE * (at_s - s.flows[f].released_at_s))
    if clock.window_s > 0.0:
        window_end_s = min(clock.solved_at_s + clock.window_s, until_s)
        if clock.next_change < clock.changes:  # what is cut must not be used a moment longer
            window_end_s = min(window_end_s, s.changes[clock.next_change].at_s)
        end_s = max(end_s, window_end_s)
    return end_s


@inner
def _handle(s: Any, at_s: float, end_s: float) -> None:
    """All events from one instant to another; in a window rates stay and arrivals wait until its end."""
    clock = s.clock[0]
    clock.now_s = at_s
    while clock.due > 0 and s.due_at_s[0] <= end_s:
        ended_s = s.due_at_s[0]
        if clock.window_s > 0.0:
            clock.now_s = ended_s
        _complete(s, s.due_route[0], ended_s)
    if clock.window_s > 0.0:
        clock.now_s = end_s
    while clock.coming > 0 and s.coming_at_s[0] <= end_s:
        begun_s, f = s.coming_at_s[0], s.coming_flow[0]
        pop(s.coming_at_s, s.coming_flow, clock.coming)
        clock.coming -= 1
        _arrive(s, f, begun_s)
    while clock.next_change < clock.changes and s.changes[clock.next_change].at_s <= end_s:
        _change(s, clock.next_change)
        clock.next_change += 1


@inner
def advance(s: Any, until_s: float) -> None:
    """Handle all events up to an instant and stand there; at infinity, stand at the last event."""
    while True:
        at_s = next_event_s(s)
        if at_s > until_s or at_s == math.inf:
            break
        _handle(s, at_s, _batch_end_s(s, at_s, until_s))
        solve(s)
        s.clock[0].solved_at_s = s.clock[0].now_s
    if until_s < math.inf:
        s.clock[0].now_s = max(s.clock[0].now_s, until_s)


@inner
def enrol(s: Any, begin: int, end: int, first: Any, after: Any, edges: int) -> int:
    """Let new flows wait for others or begin their delay; returns how many edges there are then."""
    for f in range(begin, end):
        flow = s.flows[f]
        for i in range(first[f - begin], first[f - begin + 1]):
            earlier = s.flows[after[i]]
            if earlier.status == DONE:
                flow.released_at_s = max(flow.released_at_s, earlier.finished_at_s)
            else:
                s.edges[edges].flow, s.edges[edges].next = f, earlier.edge
                earlier.edge = edges
                edges += 1
                flow.waits_for += 1
        if flow.waits_for == 0:
            _release(s, f)
    return edges
