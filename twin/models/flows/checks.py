"""Faults of what is given to a network of flows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, TwinError

MOST = 20
"""Faults of one kind that are listed."""


class FlowError(TwinError):
    """Links, routes, flows or a case file that cannot be simulated."""


def require(faults: list[Fault], message: str) -> None:
    """Raise all faults.

    Raises
    ------
    FlowError
        If there are any.

    Examples
    --------
    >>> require([], "nothing wrong")
    """
    if faults:
        raise FlowError(message, faults)


def _each(wrong: NDArray[np.bool_], where: str, values: Any, expected: str, mend: str) -> list[Fault]:
    rows = np.flatnonzero(wrong)[:MOST]
    return [Fault("", 0, f"{where} {i}", f"{values[i]}", expected, mend) for i in rows]


def at_least_zero(where: str, values: NDArray[np.float64]) -> list[Fault]:
    """Faults of numbers that must be finite and at least 0.

    Examples
    --------
    >>> [f.where for f in at_least_zero("size of flow", np.array([1.0, -2.0]))]
    ['size of flow 1']
    """
    wrong = ~(np.isfinite(values) & (values >= 0.0))
    return _each(wrong, where, values, "a finite number, at least 0", "give one")


def capacities(values: NDArray[np.float64]) -> list[Fault]:
    """Faults of capacities of links.

    Examples
    --------
    >>> capacities(np.array([0.0, 1e9]))
    []
    """
    return at_least_zero("capacity_bytes_per_s of link", values)


def routes(
    first: NDArray[np.int64], links: NDArray[np.int64], parts: NDArray[np.float64],
    weights: NDArray[np.float64], caps: NDArray[np.float64], count: int,
) -> list[Fault]:  # fmt: skip
    """Faults of routes over ``count`` links.

    Examples
    --------
    >>> one = np.ones(1)
    >>> [f.found for f in routes(np.array([0, 1]), np.array([3]), one, one, one, 3)]
    ['3']
    """
    is_shaped = len(first) and first[0] == 0 and first[-1] == len(links) and np.all(np.diff(first) >= 0)
    if not is_shaped or len(parts) != len(links):
        found = f"{len(first)} offsets for {len(links)} links and {len(parts)} parts"
        return [Fault("", 0, "routes", found, "offsets that rise from 0 to the links", "mend the offsets")]
    return [
        *_each((links < 0) | (links >= count), "link of crossing", links, f"0 to {count - 1}", "name a link"),
        *_each(~(np.isfinite(parts) & (parts > 0)), "part of crossing", parts, "above 0", "leave it out"),
        *_each(~(np.isfinite(weights) & (weights > 0)), "weight of route", weights, "above 0", "give one"),
        *_each(~(caps > 0), "cap_bytes_per_s of route", caps, "above 0", "give one, or infinity"),
    ]


def flows(new: NDArray[Any], known: int, now_s: float) -> list[Fault]:
    """Faults of new flows over ``known`` routes.

    Examples
    --------
    >>> row = np.zeros(1, [("route", "i4"), ("size_bytes", "f8"), ("released_at_s", "f8"), ("delay_s", "f8")])
    >>> [f.where for f in flows(row, 1, 5.0)]
    ['start_at_s of flow 0']
    """
    starts, taken = new["released_at_s"], new["route"]
    return [
        *_each((taken < 0) | (taken >= known), "route of flow", taken, f"0 to {known - 1}", "add the route"),
        *at_least_zero("size_bytes of flow", new["size_bytes"]),
        *at_least_zero("delay_s of flow", new["delay_s"]),
        *_each(
            ~(np.isfinite(starts) & (starts >= now_s)), "start_at_s of flow", starts,
            f"an instant not before {now_s:g} s", "start it later",
        ),
    ]  # fmt: skip


def waits(first: NDArray[np.int64], after: NDArray[np.int64], count: int, end: int) -> list[Fault]:
    """Faults of what ``count`` flows wait for, all numbers being below ``end``.

    Examples
    --------
    >>> [f.found for f in waits(np.array([0, 1]), np.array([4]), 1, 3)]
    ['4']
    """
    is_shaped = len(first) == count + 1 and first[0] == 0 and first[-1] == len(after)
    if not is_shaped or np.any(np.diff(first) < 0):
        found = f"{len(first)} offsets for {count} flows and {len(after)} dependencies"
        return [Fault("", 0, "after_first", found, "offsets that rise from 0", "mend the offsets")]
    wrong = (after < 0) | (after >= end)
    return _each(wrong, "dependency", after, f"a flow, 0 to {end - 1}", "name a flow")


def changes(
    at_s: NDArray[np.float64],
    links: NDArray[np.int64],
    capacity: NDArray[np.float64],
    count: int,
    now_s: float,
) -> list[Fault]:
    """Faults of changes of capacity.

    Examples
    --------
    >>> changes(np.array([1.0]), np.array([0]), np.array([0.0]), 1, 0.0)
    []
    """
    return [
        *_each(
            ~(np.isfinite(at_s) & (at_s >= now_s)), "at_s of change", at_s, f"not before {now_s:g} s", "later"
        ),
        *_each((links < 0) | (links >= count), "link of change", links, f"0 to {count - 1}", "name a link"),
        *capacities(capacity),
    ]
