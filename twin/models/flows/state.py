"""What the flow kernels keep: one row a link, a route, a flow, a crossing of a link by a route."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NONE = -1
WAITING, SHARING, DONE = range(3)
"""Status of a flow: not yet on its links, on them, finished."""

LINK = np.dtype(
    [
        ("capacity_bytes_per_s", "f8"),
        ("level", "f8"),  # rate per weight at which it fills; infinite while it limits nobody
        ("load_bytes_per_s", "f8"),
        ("first", "i8"),  # its crossings in the pool
        ("count", "i4"),
        ("is_queued", "i4"),
        ("held_bytes_per_s", "f8"),  # while all is filled anew: load of routes that have their level,
        ("open_unit", "f8"),  # units of the others times their parts,
        ("open", "i4"),  # and how many these are
    ],
    align=True,
)

ROUTE = np.dtype(
    [
        ("level", "f8"),  # rate per weight of each of its flows: lowest level of its links and its ceiling
        ("unit", "f8"),  # weight times flows on it
        ("weight", "f8"),
        ("ceiling", "f8"),  # rate cap per weight
        ("served_bytes", "f8"),  # to each of its flows since it last was empty
        ("served_at_s", "f8"),
        ("first", "i8"),  # its hops
        ("last", "i8"),
        ("root", "i4"),  # of its flows by what they need of served_bytes
        ("place", "i4"),  # in the heap of instants
        ("is_changed", "i4"),
        ("members", "i4"),
    ],
    align=True,
)

FLOW = np.dtype(
    [
        ("size_bytes", "f8"),
        ("released_at_s", "f8"),  # earliest start until all it waits for is done
        ("delay_s", "f8"),  # from its release until it loads its links
        ("finished_at_s", "f8"),
        ("target_bytes", "f8"),  # served_bytes of its route at which it ends
        ("route", "i4"),
        ("waits_for", "i4"),
        ("child", "i4"),  # pairing heap of its route
        ("link", "i4"),
        ("edge", "i4"),  # flows that wait for it
        ("status", "i4"),
    ],
    align=True,
)

CROSSING = np.dtype([("part", "f8"), ("route", "i4"), ("hop", "i4")], align=True)
EDGE = np.dtype([("flow", "i4"), ("next", "i4")], align=True)
CHANGE = np.dtype([("at_s", "f8"), ("capacity_bytes_per_s", "f8"), ("link", "i8")], align=True)

CLOCK = np.dtype(
    [
        ("now_s", "f8"),
        ("solved_at_s", "f8"),
        ("window_s", "f8"),
        ("tolerance", "f8"),
        ("due", "i8"),  # lengths of the lists of the state
        ("coming", "i8"),
        ("dirty", "i8"),
        ("many", "i8"),  # links on the list from which on all are filled anew
        ("changed", "i8"),
        ("finished", "i8"),
        ("next_change", "i8"),
        ("changes", "i8"),
        ("solves", "i8"),
        ("fillings", "i8"),
    ],
    align=True,
)

TOLERANCE = 1e-12
"""Relative change of a level that is passed on to other links."""


MANY, MANY_FRAC = 64, 0.125
"""Links that ask at once, at least and of all, from which on all are filled anew."""


class State(NamedTuple):
    """All arrays of a network; lists are as long as :data:`CLOCK` says, the arrays may be longer."""

    clock: NDArray[Any]
    links: NDArray[Any]
    routes: NDArray[Any]
    flows: NDArray[Any]
    hop_link: NDArray[np.int32]
    hop_part: NDArray[np.float64]
    hop_slot: NDArray[np.int32]
    pool: NDArray[Any]
    due_at_s: NDArray[np.float64]
    due_route: NDArray[np.int32]
    coming_at_s: NDArray[np.float64]
    coming_flow: NDArray[np.int32]
    dirty_level: NDArray[np.float64]
    dirty_link: NDArray[np.int32]
    changed: NDArray[np.int32]
    finished: NDArray[np.int32]
    edges: NDArray[Any]
    changes: NDArray[Any]
    limit: NDArray[np.float64]
    amount: NDArray[np.float64]


def make(capacity_bytes_per_s: NDArray[np.float64], window_s: float) -> State:
    """An empty network.

    Parameters
    ----------
    capacity_bytes_per_s : array (link)
        At least 0.
    window_s : float
        Least time between two times that rates are found; 0 is exact.

    Examples
    --------
    >>> make(np.array([1e9, 2e9]), 0.0).links["level"]
    array([inf, inf])
    """
    count = len(capacity_bytes_per_s)
    clock = np.zeros(1, CLOCK)
    clock["window_s"], clock["tolerance"], clock["solved_at_s"] = window_s, TOLERANCE, -np.inf
    clock["many"] = max(MANY, int(MANY_FRAC * count))
    links = np.zeros(count, LINK)
    links["capacity_bytes_per_s"], links["level"] = capacity_bytes_per_s, np.inf
    ints, floats = np.zeros(0, np.int32), np.zeros(0)
    return State(
        clock, links, np.zeros(0, ROUTE), np.zeros(0, FLOW), ints, floats, ints.copy(), np.zeros(0, CROSSING),
        floats.copy(), ints.copy(), floats.copy(), ints.copy(), np.zeros(count), np.zeros(count, np.int32),
        ints.copy(), ints.copy(), np.zeros(0, EDGE), np.zeros(0, CHANGE), floats.copy(), floats.copy(),
    )  # fmt: skip


def grown(array: NDArray[Any], count: int) -> NDArray[Any]:
    """The array itself, or a copy with room for ``count`` and half as many again.

    Examples
    --------
    >>> grown(np.ones(2), 4)
    array([1., 1., 0., 0., 0., 0.])
    """
    if count <= len(array):
        return array
    longer = np.zeros(count + count // 2, array.dtype)
    longer[: len(array)] = array
    return longer
