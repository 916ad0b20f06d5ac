"""Tables of the prefix cache: cached stretches of all replicas, how an id finds them, and room for more.

Entries of all replicas share one table, which grows between two boundaries when the next one might fill it: what
caches could hold in all tiers is often far more than a run ever puts there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.models.serving.records import Params
from twin.models.serving.stretches import Stretches

ENTRY = np.dtype(
    [
        ("id", "i4"),  # number of the stretch
        ("replica", "i4"),
        ("references", "i4"),
        ("blocks", "i4"),  # of the KV cache for each hashed block; none while the slot is free
        ("creator", "i4"),  # the request that computes the blocks ...
        ("created_from", "i4"),  # ... from here on
        ("held", "i4", (3,)),  # hashed blocks in HBM, then in the host, the deepest in storage
        ("older", "i4", (3,)),
        ("newer", "i4", (3,)),  # the first is also the chain of slots that are free again
        ("stretch_blocks", "i4"),  # hashed blocks of the whole stretch
    ],
    align=True,
)
"""A cached stretch of prompt KV: as large as a line of the cache of a CPU."""

SLOT = np.dtype([("mixed", "u4"), ("entry", "i4")])
"""A place of the table from ids to entries: what id and replica are mixed to; entry 0 is nobody."""

_LINE_BYTES = 64

LEAST_ENTRIES = 1 << 12


def looks_up(params: Params, found: Stretches, choose: Any) -> bool:
    """Whether a policy asks where the prompt is cached, and anything can be."""
    return _caches(params, found) and bool(getattr(choose, "reads_cached_tokens", False))


def _caches(params: Params, found: Stretches) -> bool:
    return bool((params.engines["has_prefix_cache"] > 0).any()) and found.distinct > 0


def tables(params: Params, found: Stretches) -> dict[str, NDArray[Any]]:
    """Tables of a state in which nothing is cached yet."""
    distinct = found.distinct
    words = (len(params.engines) + 63) // 64
    looks = any(looks_up(params, found, policy) for policy in (params.choose, params.choose_decode))
    holders = np.zeros((distinct + 1, words, 2) if looks else (1, 1, 2), dtype=np.uint64)
    is_stale = looks and params.publish_s > 0.0
    return {
        **_room(max(distinct, LEAST_ENTRIES) if _caches(params, found) else 0),
        "holders": holders,
        "seen_holders": np.zeros_like(holders) if is_stale else holders,
        "seen_blocks": np.zeros((found.distinct_blocks if is_stale else 1, words), dtype=np.uint64),
        "first_block": found.first_block if is_stale else np.zeros(1, dtype=np.int32),
        "dirty_ids": np.zeros(distinct + 1 if is_stale else 1, dtype=np.int32),
        "is_dirty": np.zeros(distinct + 1 if is_stale else 1, dtype=np.bool_),
    }


def _room(entries: int) -> dict[str, NDArray[Any]]:
    """Empty tables for a number of entries; at most half of the places of the table are taken."""
    return {
        "entries": _on_lines(1 + entries),
        "table": np.zeros(max(8, 2 << max(entries - 1, 0).bit_length()), dtype=SLOT),
    }


def _on_lines(entries: int) -> NDArray[Any]:
    """Empty entries, each on a cache line of its own."""
    raw = np.zeros((entries + 1) * _LINE_BYTES, dtype=np.uint8)
    begin = -raw.ctypes.data % _LINE_BYTES
    return raw[begin : begin + entries * _LINE_BYTES].view(ENTRY)


def larger(entries: NDArray[Any], least: int) -> dict[str, NDArray[Any]]:
    """Tables with the same entries and room for more, twice as many at least; the table from ids is still empty.

    Parameters
    ----------
    entries : (entry,) of ENTRY
        As they are.
    least : int
        More entries that there must be room for.
    """
    held = len(entries) - 1
    room = _room(held + max(held, least))
    room["entries"][: held + 1] = entries
    return room
