"""Heaps of the flow kernels in flat arrays, compiled by Numba."""

from __future__ import annotations

from typing import Any

import numba as nb

from twin.models.flows.state import NONE

inner = nb.njit(_nrt=False)  # type: ignore[call-overload]
"""No kernel makes or keeps an array, so none counts references."""


@inner
def push(keys: Any, items: Any, count: int, key: float, item: int) -> None:
    """Add an item to a heap of ``count`` items with the smallest key on top."""
    i = count
    while i > 0:
        parent = (i - 1) >> 1
        if keys[parent] <= key:
            break
        keys[i], items[i] = keys[parent], items[parent]
        i = parent
    keys[i], items[i] = key, item


@inner
def pop(keys: Any, items: Any, count: int) -> None:
    """Remove the top of a heap of ``count`` items."""
    last = count - 1
    key, item, i = keys[last], items[last], 0
    while True:
        child = 2 * i + 1
        if child >= last:
            break
        if child + 1 < last and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[i], items[i] = keys[child], items[child]
        i = child
    keys[i], items[i] = key, item


@inner
def _stand(s: Any, i: int, at_s: float, r: int) -> None:
    s.due_at_s[i], s.due_route[i] = at_s, r
    s.routes[r].place = i


@inner
def due_set(s: Any, r: int, at_s: float) -> None:
    """Put a route into the heap of instants, or move it there."""
    count, i = s.clock[0].due, s.routes[r].place
    if i == NONE:
        i = count
        count += 1
        s.clock[0].due = count
    while i > 0 and s.due_at_s[(i - 1) >> 1] > at_s:
        parent = (i - 1) >> 1
        _stand(s, i, s.due_at_s[parent], s.due_route[parent])
        i = parent
    while True:
        child = 2 * i + 1
        if child >= count:
            break
        if child + 1 < count and s.due_at_s[child + 1] < s.due_at_s[child]:
            child += 1
        if s.due_at_s[child] >= at_s:
            break
        _stand(s, i, s.due_at_s[child], s.due_route[child])
        i = child
    _stand(s, i, at_s, r)


@inner
def due_drop(s: Any, r: int) -> None:
    """Take a route out of the heap of instants."""
    i = s.routes[r].place
    if i == NONE:
        return
    last = s.clock[0].due - 1
    s.clock[0].due = last
    s.routes[r].place = NONE
    if i < last:
        moved, at_s = s.due_route[last], s.due_at_s[last]
        s.routes[moved].place = i
        due_set(s, moved, at_s)


@inner
def _meld(flows: Any, a: int, b: int) -> int:
    left, right = flows[a].target_bytes, flows[b].target_bytes
    if right < left or (right == left and b < a):
        a, b = b, a
    flows[b].link = flows[a].child
    flows[a].child = b
    return a


@inner
def member_push(flows: Any, root: int, f: int) -> int:
    """Add a flow to a pairing heap by what it needs; returns the new root.

    Source: Fredman, Sedgewick, Sleator, Tarjan, *The pairing heap*, Algorithmica 1986.
    """
    flows[f].child = NONE
    flows[f].link = NONE
    if root == NONE:
        return f
    return _meld(flows, root, f)


@inner
def member_pop(flows: Any, root: int) -> int:
    """Remove the root of a pairing heap; returns the new root."""
    pairs, child = NONE, flows[root].child
    while child != NONE:  # from left to right in pairs, kept in reverse
        second = flows[child].link
        if second == NONE:
            flows[child].link = pairs
            pairs = child
            break
        after = flows[second].link
        pair = _meld(flows, child, second)
        flows[pair].link = pairs
        pairs, child = pair, after
    root = pairs
    if root != NONE:
        pairs = flows[root].link
        flows[root].link = NONE
        while pairs != NONE:
            after = flows[pairs].link
            root = _meld(flows, root, pairs)
            pairs = after
        flows[root].link = NONE
    return root
