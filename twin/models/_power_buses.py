"""Order of a power chain, from loads to sources, and the buses on which its elements hang."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, TopologyError

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


def loads_first(elements: int, fed: Index, feeder: Index) -> Index:
    """Elements so that each comes before its feeders (Kahn's algorithm)."""
    waiting = np.bincount(feeder, minlength=elements)
    feeds_of: list[list[int]] = [[] for _ in range(elements)]
    for child, parent in zip(fed.tolist(), feeder.tolist(), strict=True):
        feeds_of[child].append(parent)
    ready = np.flatnonzero(waiting == 0).tolist()
    for element in ready:
        for parent in feeds_of[element]:
            waiting[parent] -= 1
            if waiting[parent] == 0:
                ready.append(parent)
    if len(ready) < elements:
        stuck = sorted(set(range(elements)) - set(ready))[:5]
        fault = Fault(
            "", 0, f"power elements {stuck}", "a cycle of feeds", "feeds from grid to load", "cut one feed"
        )
        raise TopologyError("the power chain has a cycle", [fault])
    return np.array(ready, dtype=np.int64)


def buses_of(
    order: Index, fed: Index, feeder: Index, share: Array, is_reserve: Array
) -> tuple[Index, Mask, Index, Index]:
    """Bus of each element in order and whether it is the last on it; first feed of each bus, and all their feeds.

    An element behind a switch has a bus of its own.
    """
    feeds_of: dict[int, list[int]] = {}
    for feed, element in enumerate(fed.tolist()):
        feeds_of.setdefault(element, []).append(feed)
    known: dict[bytes, int] = {}
    bus, firsts, feeds = np.full(order.size, -1), [0], list[int]()
    for i, element in enumerate(order.tolist()):
        if not (own := feeds_of.get(element)):
            continue
        key = feeder[own].tobytes() + share[own].tobytes()
        if is_reserve.size and is_reserve[own].any():
            key += element.to_bytes(8, "big")
        if key not in known:
            known[key] = len(known)
            feeds += own
            firsts.append(len(feeds))
        bus[i] = known[key]
    last = np.array(sorted({b: i for i, b in enumerate(bus.tolist()) if b >= 0}.values()), dtype=np.int64)
    is_last = np.zeros(order.size, dtype=np.bool_)
    is_last[last] = True
    return bus, is_last, np.array(firsts, dtype=np.int64), np.array(feeds, dtype=np.int64)
