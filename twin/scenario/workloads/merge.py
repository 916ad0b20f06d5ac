"""Streams laid together, and cut to a number of requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.requests import Requests, make

_NAMED = {"tenant": "tenants", "tier": "tiers", "kind": "kinds"}
_COLUMNS = (
    "arrived_at_s", "prompt_tokens", "output_tokens", "priority", "adapter", "patience_s", "prefix_blocks", "pause_s",
)  # fmt: skip


def merged(streams: Sequence[Requests]) -> Requests:
    """Lay streams together.

    Requests that follow none come first, sorted by arrival, ties in the order of the streams; then those
    that follow others, stream by stream. Sessions and prefixes of different streams stay different.

    Parameters
    ----------
    streams : sequence of Requests
        At least one; all with the same ``prefix_block_tokens``.

    Raises
    ------
    ScenarioError
        With more tenants, sessions or prefixes than can be numbered.

    Examples
    --------
    >>> a = make([0.0, 2.0], [1, 1], [1, 1], names={"tenants": ("a",)})
    >>> b = make([1.0], [2], [1], names={"tenants": ("b",)})
    >>> both = merged([a, b])
    >>> both.prompt_tokens.tolist(), both.tenant.tolist(), both.tenants
    ([1, 2, 1], [0, 1, 0], ('a', 'b'))
    """
    if len(streams) == 1:
        return streams[0]
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(s, name) for s in streams]) for name in _COLUMNS
    }
    names = {plural: _union([getattr(s, plural) for s in streams]) for plural in _NAMED.values()}
    for single, plural in _NAMED.items():
        place = {name: i for i, name in enumerate(names[plural])}
        maps = [np.array([place[n] for n in getattr(s, plural)])[getattr(s, single)] for s in streams]
        columns[single] = np.concatenate(maps)
    columns |= _renumbered(streams)
    rows = _before([s.rows for s in streams])
    follows, follower = (
        np.concatenate([getattr(s, name) + base for s, base in zip(streams, rows, strict=True)])
        for name in ("follows", "follower")
    )
    _check({"sessions": columns["session"], "prefix blocks": columns["prefix_shift"]}, len(names["tenants"]))
    waits = np.zeros(len(columns["session"]), dtype=bool)
    waits[follower] = True
    order = np.argsort(np.where(waits, np.inf, columns["arrived_at_s"]), kind="stable")
    now = np.empty_like(order)
    now[order] = np.arange(len(order))
    ordered = {name: column[order] for name, column in columns.items()}
    return make(
        **ordered, prefix_ids=np.concatenate([s.prefix_ids for s in streams]),
        prefix_block_tokens=streams[0].prefix_block_tokens, names=names,
        follows=now[follows], follower=now[follower],
    )  # fmt: skip


def _union(names: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for some in names for name in some))


def _before(counts: Sequence[int]) -> list[int]:
    """Sum of the counts before each."""
    return [0, *np.cumsum(counts, dtype=np.int64).tolist()[:-1]]


def _renumbered(streams: Sequence[Requests]) -> dict[str, NDArray[Any]]:
    """Sessions and prefixes numbered past those of the streams before."""
    talks = _before([int(s.session.max(initial=-1)) + 1 for s in streams])
    blocks = _before([s.distinct_prefixes for s in streams])
    places = _before([len(s.prefix_ids) for s in streams])
    session = [
        np.where(s.session >= 0, s.session.astype(np.int64) + n, -1)
        for s, n in zip(streams, talks, strict=True)
    ]
    return {
        "session": np.concatenate(session),
        "prefix_shift": np.concatenate(
            [s.prefix_shift.astype(np.int64) + n for s, n in zip(streams, blocks, strict=True)]
        ),
        "prefix_start": np.concatenate([s.prefix_start + n for s, n in zip(streams, places, strict=True)]),
    }


def _check(numbers: dict[str, NDArray[Any]], tenants: int) -> None:
    most = {name: int(column.max(initial=0)) for name, column in numbers.items()} | {"tenants": tenants}
    for name, number in most.items():
        limit = 2**15 - 1 if name == "tenants" else 2**31 - 1
        if number > limit:
            fault = Fault("", 0, "workload", f"{number:,} {name}", f"at most {limit:,}", "shorten the run")
            raise ScenarioError(f"too many {name} to tell apart", [fault])


def first_requests(requests: Requests, limit: int | None) -> Requests:
    """The first so many requests by arrival; a session stays whole, the first one in any case.

    Examples
    --------
    >>> first_requests(make([0.0, 1.0, 2.0], [1, 2, 3], [1, 1, 1]), 2).prompt_tokens.tolist()
    [1, 2]
    """
    if limit is None or requests.rows <= limit:
        return requests
    root = roots(requests)
    firsts = np.flatnonzero(root == np.arange(requests.rows))
    sizes = np.bincount(root, minlength=requests.rows)[firsts]
    number = max(int(np.searchsorted(np.cumsum(sizes), limit, "right")), 1)
    is_kept = np.zeros(requests.rows, dtype=bool)
    is_kept[firsts[:number]] = True
    return chosen(requests, is_kept[root])


def roots(requests: Requests) -> NDArray[np.int64]:
    """Row of the request with which each one's session begins; its own where it follows none."""
    root = np.arange(requests.rows)
    if not len(requests.follower):
        return root
    waits = np.zeros(requests.rows, dtype=bool)
    waits[requests.follower] = True
    begins = np.zeros(int(requests.session.max()) + 1, dtype=np.int64)
    opens = np.flatnonzero(~waits & (requests.session >= 0))
    begins[requests.session[opens]] = opens
    root[waits] = begins[requests.session[waits]]
    return root


def chosen(requests: Requests, is_kept: NDArray[np.bool_]) -> Requests:
    """Only these requests; sessions are to be whole."""
    rows = np.flatnonzero(is_kept)
    now = np.full(requests.rows, -1, dtype=np.int32)
    now[rows] = np.arange(len(rows))
    edges = is_kept[requests.follows] & is_kept[requests.follower]
    by_row = (*_COLUMNS, *_NAMED, "session", "prefix_start", "prefix_shift")
    return requests._replace(
        **{name: getattr(requests, name)[rows] for name in by_row},
        follows=now[requests.follows[edges]],
        follower=now[requests.follower[edges]],
    )
