"""The table of a prefix cache: from the id of a stretch and a replica to its entry, by open addressing."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving.draws import inner, outer
from twin.models.serving.fetching import fetch
from twin.models.serving.layout import IS_UNTABLED, MOST_STRETCHES

_HASH = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0xD6E8FEB86659FD93)

NOBODY = 0
"""The entry that is none, in the table and in lists, so that both begin as zeros."""


@inner
def _mix(r: int, key: int) -> int:
    """A number of 32 bits for an id at a replica; its last bits are where a search in the table begins."""
    return int(np.int64((np.uint64(key) * _HASH + np.uint64(r) * _STEP) >> np.uint64(32)))


@inner
def place_of(s: Any, r: int, key: int) -> int:
    """Place in the table where the search for an id begins."""
    return _mix(r, key) & (len(s.table) - 1)


@inner
def fetch_place(s: Any, r: int, key: int) -> None:
    """Fetch where the search for an id begins."""
    fetch(s.table, place_of(s, r, key))


@inner
def fetch_entry(s: Any, r: int, key: int) -> None:
    """Fetch what is probably the entry of an id."""
    fetch(s.entries, s.table[place_of(s, r, key)].entry)


@inner
def blocks_held(s: Any, entry: int) -> int:
    """Leading blocks of a stretch that a replica holds in any tier."""
    held = s.entries[entry].held
    return held[0] + held[1] + held[2]


@inner
def find(s: Any, r: int, key: int) -> int:
    """Entry of a stretch at a replica by its id, or nobody."""
    mask, mixed = len(s.table) - 1, _mix(r, key)
    at = mixed & mask
    while True:
        entry = s.table[at].entry
        if entry == NOBODY:
            return NOBODY
        if s.table[at].mixed == mixed and s.entries[entry].id == key and s.entries[entry].replica == r:
            return entry
        at = (at + 1) & mask


@inner
def enter(s: Any, r: int, key: int, entry: int) -> None:
    mask, mixed = len(s.table) - 1, _mix(r, key)
    at = mixed & mask
    while s.table[at].entry != NOBODY:
        at = (at + 1) & mask
    slot = s.table[at]
    slot.mixed, slot.entry = mixed, entry


@inner
def strike(s: Any, entry: int) -> None:
    """Take an entry out of the table; what was pushed on by it moves back."""
    mask = len(s.table) - 1
    hole = _mix(s.entries[entry].replica, s.entries[entry].id) & mask
    while s.table[hole].entry != entry:
        hole = (hole + 1) & mask
    at = (hole + 1) & mask
    while s.table[at].entry != NOBODY:
        slot = s.table[at]
        if (at - np.int64(slot.mixed)) & mask >= (at - hole) & mask:
            gap = s.table[hole]
            gap.mixed, gap.entry = slot.mixed, slot.entry
            hole = at
        at = (at + 1) & mask
    s.table[hole].entry = NOBODY


@inner
def slots_wanted(p: Any, s: Any, g: int) -> int:
    """Most entries that a boundary of a group may add: those of each prompt, and all of them in HBM."""
    grp, most = s.groups[g], 0
    for r in range(grp.start, grp.start + grp.count):
        if p.engines[r].has_prefix_cache:
            in_hbm = min(p.engines[r].cache_entries, p.engines[r].kv_blocks)
            most += min((s.replicas[r].queued + s.replicas[r].batch) * s.counts[MOST_STRETCHES], 2 * in_hbm)
    return most


@outer
def fill_table(s: Any) -> None:
    """Enter all that is cached into the table, if it is a new one."""
    if not s.counts[IS_UNTABLED]:
        return
    for entry in range(1, len(s.entries)):
        e = s.entries[entry]
        if e.blocks > 0:
            enter(s, e.replica, e.id, entry)
    s.counts[IS_UNTABLED] = 0
