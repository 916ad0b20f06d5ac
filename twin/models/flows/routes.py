"""Routes of a network: equal ones are kept once, links crossed twice become one hop; compiled by Numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.flows.heaps import inner
from twin.models.flows.state import NONE

_PRIME, _OFFSET, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xCBF29CE484222325), np.uint64(29)


@inner
def _mixed(digest: Any, value: float) -> Any:
    digest = (digest ^ np.uint64(np.float64(value).view(np.uint64))) * _PRIME
    return digest ^ (digest >> _SHIFT)


@inner
def _digest(s: Any, r: int) -> Any:
    route = s.routes[r]
    digest = _mixed(_mixed(_OFFSET, route.weight), route.ceiling)
    for hop in range(route.first, route.last):
        digest = _mixed(_mixed(digest, np.float64(s.hop_link[hop])), s.hop_part[hop])
    return digest


@inner
def _is_same(s: Any, a: int, b: int) -> bool:
    left, right = s.routes[a], s.routes[b]
    hops = left.last - left.first
    if hops != right.last - right.first or left.weight != right.weight or left.ceiling != right.ceiling:
        return False
    for i in range(hops):
        if s.hop_link[left.first + i] != s.hop_link[right.first + i]:
            return False
        if s.hop_part[left.first + i] != s.hop_part[right.first + i]:
            return False
    return True


@inner
def place(s: Any, table: Any, r: int) -> int:
    """Number of the route equal to ``r`` in the table of routes, ``r`` itself if it is new."""
    mask = len(table) - 1
    at = np.int64(_digest(s, r) >> np.uint64(1)) & mask
    while table[at] != NONE:
        if _is_same(s, table[at], r):
            return table[at]
        at = (at + 1) & mask
    table[at] = r
    return r


@inner
def _write(s: Any, r: int, hops: int, links: Any, parts: Any, spot: Any) -> int:
    """Hops of a route from what it crosses; returns where they end. ``spot`` is -1 everywhere, before and after."""
    end = hops
    for i in range(len(links)):
        k = links[i]
        if spot[k] == NONE:
            spot[k] = end
            s.hop_link[end], s.hop_part[end] = k, parts[i]
            end += 1
        else:
            s.hop_part[spot[k]] += parts[i]
    for hop in range(hops, end):
        spot[s.hop_link[hop]] = NONE
    s.routes[r].first, s.routes[r].last = hops, end
    return end


@inner
def add(
    s: Any, table: Any, counts: Any, routes: int, hops: int, first: Any, links: Any, parts: Any, weight: Any,
    ceiling: Any, spot: Any, numbers: Any,
) -> int:  # fmt: skip
    """Add routes behind the ``routes`` that are there and write their numbers; returns how many are there then."""
    for i in range(len(weight)):
        route = s.routes[routes]
        route.weight, route.ceiling = weight[i], ceiling[i]
        route.level, route.unit, route.served_bytes, route.served_at_s = 0.0, 0.0, 0.0, 0.0
        route.root, route.place, route.is_changed, route.members = NONE, NONE, 0, 0
        end = _write(s, routes, hops, links[first[i] : first[i + 1]], parts[first[i] : first[i + 1]], spot)
        numbers[i] = place(s, table, routes)
        if numbers[i] == routes:
            for hop in range(hops, end):
                counts[s.hop_link[hop]] += 1
            routes += 1
            hops = end
    return routes


@inner
def rehash(s: Any, table: Any, routes: int) -> None:
    """Fill an empty table."""
    for r in range(routes):
        place(s, table, r)


@inner
def move_pool(s: Any, pool: Any, first: Any) -> None:
    """Copy the crossings of every link to another pool."""
    for k in range(len(s.links)):
        link = s.links[k]
        for i in range(link.count):
            old = s.pool[link.first + i]
            at = first[k] + i
            pool[at].part, pool[at].route, pool[at].hop = old.part, old.route, old.hop
        link.first = first[k]
