"""Trees of minima, heaps and chains of the serving kernel, in flat arrays, compiled by Numba."""

from __future__ import annotations

from typing import Any

from twin.models.serving.draws import inner

NONE = -1


@inner
def set_leaf(tree: Any, index: int, value: Any) -> None:
    """Change a leaf of a tree of minima and what stands above it."""
    node, low = len(tree) // 2 + index, value
    tree[node] = low
    while node > 1:
        low = min(low, tree[node ^ 1])
        node >>= 1
        if tree[node] == low:
            return
        tree[node] = low


@inner
def first_smallest(tree: Any) -> int:
    """Index of the smallest leaf, the first one on a tie."""
    low = tree[1]
    half = len(tree) // 2
    node = 1
    while node < half:
        node = 2 * node + (tree[2 * node] != low)
    return node - half


@inner
def push(heap: Any, start: int, size: int, item: int) -> None:
    """Add an item to the heap of ``size`` items that begins at ``start``."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        if heap[start + parent] <= item:
            break
        heap[start + i] = heap[start + parent]
        i = parent
    heap[start + i] = item


@inner
def _sink(heap: Any, start: int, size: int, i: int, item: int) -> None:
    """Put an item at place ``i`` of the heap or below it."""
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and heap[start + child + 1] < heap[start + child]:
            child += 1
        if heap[start + child] >= item:
            break
        heap[start + i] = heap[start + child]
        i = child
    heap[start + i] = item


@inner
def pop(heap: Any, start: int, size: int) -> None:
    """Remove the top of the heap of ``size`` items that begins at ``start``."""
    _sink(heap, start, size - 1, 0, heap[start + size - 1])


@inner
def swap_out(heap: Any, start: int, size: int, index: int) -> None:
    """Remove the item at ``index`` of the heap of ``size`` items that begins at ``start``."""
    last = heap[start + size - 1]
    i = index
    while i > 0 and heap[start + ((i - 1) >> 1)] > last:
        heap[start + i] = heap[start + ((i - 1) >> 1)]
        i = (i - 1) >> 1
    if i < size - 1:
        _sink(heap, start, size - 1, i, last)


@inner
def goes_first(requests: Any, a: int, b: int) -> bool:
    """Whether row ``a`` stands before row ``b``: smaller rank, then smaller row."""
    left, right = requests[a].rank, requests[b].rank
    return left < right or (left == right and a < b)


@inner
def _meld(requests: Any, a: int, b: int) -> int:
    if goes_first(requests, b, a):
        a, b = b, a
    requests[b].link = requests[a].child
    requests[a].child = b
    return a


@inner
def queue_push(requests: Any, root: int, row: int) -> int:
    """Add a row to a pairing heap by rank; returns the new root.

    Source: Fredman, Sedgewick, Sleator, Tarjan, *The pairing heap*, Algorithmica 1986.
    """
    requests[row].child = NONE
    requests[row].link = NONE
    if root == NONE:
        return row
    return _meld(requests, root, row)


@inner
def queue_pop(requests: Any, root: int) -> int:
    """Remove the root of a pairing heap; returns the new root."""
    pairs, child = NONE, requests[root].child
    while child != NONE:  # from left to right in pairs, kept in reverse
        second = requests[child].link
        if second == NONE:
            requests[child].link = pairs
            pairs = child
            break
        rest = requests[second].link
        child = _meld(requests, child, second)
        requests[child].link = pairs
        pairs = child
        child = rest
    if pairs == NONE:
        return NONE
    root = pairs
    rest = requests[pairs].link
    requests[root].link = NONE
    while rest != NONE:
        following = requests[rest].link
        root = _meld(requests, root, rest)
        requests[root].link = NONE
        rest = following
    return root


@inner
def chain_append(requests: Any, first: int, last: int, row: int) -> int:
    """Append a row behind ``last``; returns the first row of the chain."""
    requests[row].link = NONE
    if first == NONE:
        return row
    requests[last].link = row
    return first


@inner
def timer_push(at_s: Any, rows: Any, size: int, when_s: float, row: int) -> None:
    """Add an alarm to a heap by (time, row) of ``size`` alarms."""
    i = size
    while i > 0:
        parent = (i - 1) >> 1
        if at_s[parent] < when_s or (at_s[parent] == when_s and rows[parent] < row):
            break
        at_s[i], rows[i] = at_s[parent], rows[parent]
        i = parent
    at_s[i], rows[i] = when_s, row


@inner
def timer_pop(at_s: Any, rows: Any, size: int) -> None:
    """Remove the first alarm of a heap of ``size`` alarms."""
    size -= 1
    when_s, row = at_s[size], rows[size]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= size:
            break
        if child + 1 < size and (
            at_s[child + 1] < at_s[child]
            or (at_s[child + 1] == at_s[child] and rows[child + 1] < rows[child])
        ):
            child += 1
        if at_s[child] > when_s or (at_s[child] == when_s and rows[child] >= row):
            break
        at_s[i], rows[i] = at_s[child], rows[child]
        i = child
    at_s[i], rows[i] = when_s, row
