"""Max-min shares, brought up to date where something changed, compiled by Numba.

Every link has a *level*: the rate per weight at which it is full when each of its routes takes no more than its other
links and its ceiling let it; infinite if it is not full then. A route runs at the lowest level it meets. Rates are
max-min fair exactly when every level fits the others, and there is one such set of rates. So an event asks its own
links only (*filling* one costs one pass over its routes), each link whose level moved asks the links that its routes
also cross, lowest level first, and all others stay as they are. A level depends on lower levels only, so this ends.

Where many links ask at once that is slow: each is filled again whenever a lower one moves. Then levels are forgotten
and found in one sweep, lowest first, every route held once; the local step proves them, and asks nobody any more if
they are right.

Sources: Bertsekas, Gallager, *Data Networks*, 2nd ed. 1992, section 6.5.2 (bottleneck condition); Charny, Clark, Jain,
*Congestion control with explicit rate indication*, ICC 1995 (levels of single links lead to max-min in any order).
"""

from __future__ import annotations

import math
from typing import Any

from twin.models.flows.heaps import due_drop, due_set, inner, pop, push
from twin.models.flows.state import NONE

NEAR = 1e-9
"""Relative distance from its capacity at which a link that limits nobody is looked at again."""

ROUND = 1e-12
"""Relative excess over a capacity that is rounding."""

TINY = 1e-300
"""Keeps a bound finite where rounding leaves no open unit."""

LAST = 2**62
"""More fillings than there will be."""

TWICE = 2
"""Fillings of each link on average after which all are filled anew."""

PATIENCE = 64
"""Fillings of each link on average after which smaller changes are no longer passed on: rounding goes in circles."""


@inner
def ask(s: Any, k: int, level: float) -> None:
    """Put a link on the list of those to be filled."""
    link = s.links[k]
    if link.is_queued == 0:
        link.is_queued = 1
        push(s.dirty_level, s.dirty_link, s.clock[0].dirty, level, k)
        s.clock[0].dirty += 1


@inner
def ask_if_full(s: Any, k: int, level: float) -> None:
    """Ask a link that has a level, or is close to getting one."""
    link = s.links[k]
    if link.level < math.inf or link.load_bytes_per_s > link.capacity_bytes_per_s * (1.0 - NEAR):
        ask(s, k, level)


@inner
def settle(s: Any, r: int) -> None:
    """Count what a route has served so far, before its rate changes."""
    route, now_s = s.routes[r], s.clock[0].now_s
    if route.level < math.inf:
        route.served_bytes += route.weight * route.level * (now_s - route.served_at_s)
    route.served_at_s = now_s


@inner
def note(s: Any, r: int) -> None:
    """Settle a route and remember that its next instant is to be found anew."""
    settle(s, r)
    if s.routes[r].is_changed == 0:
        s.routes[r].is_changed = 1
        s.changed[s.clock[0].changed] = r
        s.clock[0].changed += 1


@inner
def lowest(s: Any, r: int, without: int) -> float:
    """Lowest level that a route meets, one hop left out."""
    route = s.routes[r]
    level = route.ceiling
    for hop in range(route.first, route.last):
        if hop != without:
            level = min(level, s.links[s.hop_link[hop]].level)
    return level


@inner
def _water_level(s: Any, count: int, capacity: float, level: float) -> float:
    """Level at which ``count`` amounts, each limited, fill a capacity: Newton's method on a concave sum."""
    is_below = False
    for _ in range(count + 3):
        fixed, open_amount, highest = 0.0, 0.0, 0.0
        for i in range(count):
            limit = s.limit[i]
            if limit < level:
                fixed += s.amount[i] * limit
                highest = max(highest, limit)
            else:
                open_amount += s.amount[i]
        better = (capacity - fixed) / open_amount if open_amount > 0.0 else highest
        if is_below and better <= level:  # from below it only rises; the rest is rounding
            break
        is_below = open_amount > 0.0
        level = better
    return max(level, 0.0)


@inner
def _level_of(s: Any, k: int) -> float:
    """Level of a link; leaves the limits of its routes in ``s.limit``, their amounts in ``s.amount``."""
    link = s.links[k]
    total, whole = 0.0, 0.0
    for i in range(link.count):
        crossing = s.pool[link.first + i]
        route = s.routes[crossing.route]
        limit = route.level
        if not limit < link.level:  # this link itself may hold it
            limit = lowest(s, crossing.route, crossing.hop)
        amount = route.unit * crossing.part
        s.limit[i], s.amount[i] = limit, amount
        total += amount * limit
        whole += amount
    capacity = link.capacity_bytes_per_s
    if total <= capacity * (1.0 + ROUND):
        return math.inf
    start = link.level if link.level < math.inf else capacity / whole
    return _water_level(s, link.count, capacity, start)


@inner
def _is_near(a: float, b: float, tolerance: float) -> bool:
    return a == b or (a < math.inf and b < math.inf and abs(a - b) <= tolerance * max(a, b))


@inner
def _pass_on(s: Any, r: int, own_hop: int, level: float, tolerance: float) -> None:
    """Give a route its new level and ask the other links it crosses, if the change is more than rounding."""
    route = s.routes[r]
    old = route.level
    note(s, r)
    route.level = level
    is_near = _is_near(old, level, tolerance)
    low = min(old, level)
    more = route.unit * ((level if level < math.inf else 0.0) - (old if old < math.inf else 0.0))
    for hop in range(route.first, route.last):
        if hop == own_hop:
            continue
        m = s.hop_link[hop]
        other = s.links[m]
        other.load_bytes_per_s += more * s.hop_part[hop]
        if is_near:
            continue
        if other.level == math.inf:
            if more > 0.0:
                ask_if_full(s, m, low)
        elif other.level >= low * (1.0 - ROUND):
            ask(s, m, other.level)


@inner
def _fill(s: Any, k: int, tolerance: float) -> None:
    """Bring the level of a link up to date, unless another link on the list may come first."""
    link = s.links[k]
    level = _level_of(s, k)
    low = min(link.level, level)
    if s.clock[0].dirty > 0 and low < math.inf and low > s.dirty_level[0] * (1.0 + NEAR):
        ask(s, k, low)
        return
    if not _is_near(link.level, level, tolerance):
        link.level = level
    load = 0.0
    for i in range(link.count):
        crossing = s.pool[link.first + i]
        level = min(s.limit[i], link.level)
        if s.routes[crossing.route].level != level:
            _pass_on(s, crossing.route, crossing.hop, level, tolerance)
        if level < math.inf:
            load += s.amount[i] * level
    link.load_bytes_per_s = load


@inner
def _open_all(s: Any) -> None:
    """Forget all levels, and list every link that carries a route by the least level it can have."""
    clock = s.clock[0]
    for i in range(clock.dirty):
        s.links[s.dirty_link[i]].is_queued = 0
    clock.dirty = 0
    for k in range(len(s.links)):
        link = s.links[k]
        link.held_bytes_per_s, link.open_unit, link.open = 0.0, 0.0, link.count
        if link.count == 0:
            continue
        link.level = math.inf
        for i in range(link.count):
            crossing = s.pool[link.first + i]
            note(s, crossing.route)
            s.routes[crossing.route].level = math.inf
            link.open_unit += s.routes[crossing.route].unit * crossing.part
        ask(s, k, link.capacity_bytes_per_s / link.open_unit)


@inner
def _hold(s: Any, k: int) -> None:
    """Give the routes of a link that have no level yet that of the link, or their ceiling."""
    link = s.links[k]
    for i in range(link.count):
        r = s.pool[link.first + i].route
        route = s.routes[r]
        if route.level < math.inf:
            continue
        route.level = min(s.limit[i], link.level)
        for hop in range(route.first, route.last):
            other = s.links[s.hop_link[hop]]
            unit = route.unit * s.hop_part[hop]
            other.held_bytes_per_s += unit * route.level
            other.open_unit -= unit
            other.open -= 1


@inner
def _refill(s: Any) -> None:
    """Fill all links anew, lowest first: progressive filling, quick when nearly all is new.

    A link's level is at least what its open routes would share now, so the lowest such bound that is true is next.
    """
    clock = s.clock[0]
    _open_all(s)
    while clock.dirty > 0:
        k = s.dirty_link[0]
        pop(s.dirty_level, s.dirty_link, clock.dirty)
        clock.dirty -= 1
        link = s.links[k]
        link.is_queued = 0
        if link.open <= 0:
            continue
        next_level = s.dirty_level[0] * (1.0 + NEAR) if clock.dirty > 0 else math.inf
        level = (link.capacity_bytes_per_s - link.held_bytes_per_s) / max(link.open_unit, TINY * link.open)
        if level <= next_level:
            level = _level_of(s, k)
            if level <= next_level and level < math.inf:
                link.level = level
                _hold(s, k)
                continue
        if level < math.inf:
            ask(s, k, level)


@inner
def _list_all(s: Any) -> None:
    """Put every link that carries a route on the list, so that its level is proved."""
    for k in range(len(s.links)):
        link = s.links[k]
        load = 0.0
        for i in range(link.count):
            crossing = s.pool[link.first + i]
            route = s.routes[crossing.route]
            if route.level == math.inf:
                route.level = route.ceiling
            load += route.unit * crossing.part * route.level
        link.load_bytes_per_s = load
        if link.count > 0:
            ask(s, k, link.level)


@inner
def _prove(s: Any, most: int) -> int:
    """Fill links until every level fits the others, at most so often; returns how often."""
    clock = s.clock[0]
    tolerance, left, done = clock.tolerance, PATIENCE * len(s.links), 0
    while clock.dirty > 0 and done < most:
        k = s.dirty_link[0]
        pop(s.dirty_level, s.dirty_link, clock.dirty)
        clock.dirty -= 1
        s.links[k].is_queued = 0
        _fill(s, k, tolerance)
        done += 1
        left -= 1
        if left == 0:
            tolerance, left = 10.0 * tolerance, PATIENCE * len(s.links)
    return done


@inner
def solve(s: Any) -> None:
    """Bring all levels up to date, then find the next instants of the routes that changed.

    Few links ask: they and whom they touch. Many ask, or it goes round and round: all anew, and proved the same way.
    """
    clock = s.clock[0]
    if clock.dirty < clock.many:
        clock.fillings += _prove(s, TWICE * len(s.links))
    if clock.dirty > 0:
        _refill(s)
        _list_all(s)
        clock.fillings += _prove(s, LAST)
    for i in range(clock.changed):
        r = s.changed[i]
        s.routes[r].is_changed = 0
        set_due(s, r)
    clock.changed = 0
    clock.solves += 1


@inner
def set_due(s: Any, r: int) -> None:
    """Next instant at which a flow of a route ends."""
    route = s.routes[r]
    rate = route.weight * route.level
    if route.root == NONE or rate <= 0.0:
        due_drop(s, r)
        return
    left_bytes = s.flows[route.root].target_bytes - route.served_bytes
    due_set(s, r, route.served_at_s + max(left_bytes, 0.0) / rate)
