"""Tables of a state in which no request has come and nobody works."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.models.serving.layout import GROUP, REPLICA, REQUEST
from twin.models.serving.records import Ints, Params
from twin.models.serving.trees import NONE
from twin.requests import COMING, Requests


def request_table(requests: Requests) -> NDArray[Any]:
    """Rows of requests that have not come; laid out row by row, which is faster than field by field."""
    blank = np.zeros(1, dtype=REQUEST)
    for name in ("admitted_at_s", "first_token_at_s", "done_at_s", "stalled_s", "started_s"):
        blank[name] = np.nan
    for name in ("link", "child", "replica", "entry_replica"):
        blank[name] = NONE
    blank["ready_s"] = -np.inf  # of what follows others: when the last of them was done
    blank["status"] = COMING
    table = np.empty(requests.rows, dtype=REQUEST)
    table.view(np.uint8).reshape(-1, REQUEST.itemsize)[:] = blank.view(np.uint8)
    for name in ("arrived_at_s", "prompt_tokens", "output_tokens"):
        table[name] = getattr(requests, name)
    return table


def column(values: NDArray[Any]) -> NDArray[Any]:
    """The column, or its one value where all rows share it."""
    if len(values) == 0:
        return np.zeros(1, dtype=values.dtype)
    if values.strides == (0,) or len(values) == 1 or np.all(values == values[0]):
        return values[:1].copy()
    return np.ascontiguousarray(values)


def starts(sizes: Ints) -> Ints:
    return np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int64)


def follower_tables(requests: Requests) -> dict[str, NDArray[np.int32]]:
    rows = requests.rows
    if not len(requests.follows):
        none = np.zeros(1, dtype=np.int32)
        return {"follower_start": none, "followers": none, "waits_for": np.zeros(max(rows, 1), np.int32)}
    order = np.lexsort((requests.follower, requests.follows))
    counts = np.bincount(requests.follows, minlength=rows)
    return {
        "follower_start": np.concatenate(([0], np.cumsum(counts))).astype(np.int32),
        "followers": requests.follower[order].astype(np.int32),
        "waits_for": np.bincount(requests.follower, minlength=rows).astype(np.int32),
    }


def bins(engines: NDArray[np.void]) -> int:
    paged = engines["is_paged"] > 0
    return int(engines["block_tokens"][paged].max(initial=1))


def replica_table(params: Params) -> NDArray[Any]:
    states = np.zeros(len(params.engines), dtype=REPLICA)
    for name in ("way_first", "way_last", "queue_root", "queue_last", "prefill_first",
                 "prefill_last", "joining", "stalled"):  # fmt: skip
        states[name] = NONE
    states["free_blocks"] = params.engines["kv_blocks"]
    states["role"] = params.engines["role"]
    states["clock_frac"] = 1.0
    states["is_alive"] = 1
    return states


def group_table(engines: NDArray[np.void], count: int) -> NDArray[Any]:
    groups = np.zeros(count, dtype=GROUP)
    groups["due_s"] = np.inf
    groups["clock_frac"] = 1.0
    groups["is_alive"] = 1
    groups["hold_left"] = NONE
    groups["count"] = np.bincount(engines["group"], minlength=count)
    groups["start"] = np.searchsorted(engines["group"], np.arange(count))
    return groups


def adapter_tables(engines: NDArray[np.void]) -> dict[str, NDArray[Any]]:
    total = int(engines["adapter_slots"].sum())
    return {
        "adapter_id": np.full(total, NONE, dtype=np.int32),
        "adapter_users": np.zeros(total, dtype=np.int32),
        "adapter_used_s": np.zeros(total),
        "adapter_start": starts(engines["adapter_slots"]),
    }
