"""Trees of minima and heaps of the serving kernel, in flat arrays, compiled by Numba."""

from __future__ import annotations

from typing import Any

import numba as nb

# no function of the kernel makes or keeps an array; counting references would cost four times its work
inner = nb.njit(_nrt=False, forceinline=True)  # type: ignore[call-overload]


@inner
def set_leaf(tree: Any, index: int, value: Any) -> None:
    """Change a leaf of a tree of minima and what stands above it."""
    node = len(tree) // 2 + index
    tree[node] = value
    while node > 1:
        node >>= 1
        low = min(tree[2 * node], tree[2 * node + 1])
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
        node *= 2
        if tree[node] != low:
            node += 1
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
def pop(heap: Any, start: int, size: int) -> None:
    """Remove the top of the heap of ``size`` items that begins at ``start``."""
    size -= 1
    item = heap[start + size]
    i = 0
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
