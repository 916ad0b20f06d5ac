"""Tiers of a prefix cache: what was used least recently goes from HBM to the host, to storage, and is forgotten.

An entry holds the leading blocks of a stretch: some in HBM (tier 0), where requests may refer to it; the deeper ones,
unreferenced, in the host (1); the deepest in storage (2). The deepest block is always the one used least recently, so
an entry stands in the list of a tier as a whole.
"""

from __future__ import annotations

from typing import Any

from twin.models.serving.draws import inner, outer
from twin.models.serving.fetching import fetch
from twin.models.serving.layout import FREE_SLOT, SLOTS_LEFT
from twin.models.serving.prefix_holders import tell
from twin.models.serving.prefix_table import NOBODY, blocks_held, place_of, strike


@inner
def unlist(s: Any, rep: Any, tier: int, entry: int) -> None:
    e = s.entries[entry]
    if e.older[tier] == NOBODY:
        rep.oldest[tier] = e.newer[tier]
    else:
        s.entries[e.older[tier]].newer[tier] = e.newer[tier]
    if e.newer[tier] == NOBODY:
        rep.newest[tier] = e.older[tier]
    else:
        s.entries[e.newer[tier]].older[tier] = e.older[tier]


@inner
def enlist(s: Any, rep: Any, tier: int, entry: int) -> None:
    e = s.entries[entry]
    e.older[tier] = rep.newest[tier]
    e.newer[tier] = NOBODY
    if e.older[tier] == NOBODY:
        rep.oldest[tier] = entry
    else:
        s.entries[e.older[tier]].newer[tier] = entry
    rep.newest[tier] = entry


@inner
def give_back(s: Any, entry: int) -> None:
    """Free the slot of an entry that holds nothing any more."""
    e = s.entries[entry]
    strike(s, entry)
    e.blocks = 0
    e.newer[0] = s.counts[FREE_SLOT]
    s.counts[FREE_SLOT] = entry
    s.counts[SLOTS_LEFT] += 1


@inner
def _fetch_oldest(s: Any, rep: Any, tier: int) -> None:
    """Fetch what will be touched when the oldest entry of a tier goes too, and the entry after it."""
    e = s.entries[rep.oldest[tier]]
    fetch(s.entries, e.newer[tier])
    fetch(s.table, place_of(s, e.replica, e.id))
    if len(s.holders) > 1:
        fetch(s.holders, e.id * s.holders.shape[1] * 2)


@inner
def _take_last(s: Any, rep: Any, tier: int, entry: int, blocks: int) -> int:
    """Take the deepest blocks of an entry out of a tier, as many as free some KV blocks; how many these are."""
    e = s.entries[entry]
    count = min(e.held[tier], (blocks + e.blocks - 1) // e.blocks)
    e.held[tier] -= count
    if e.held[tier] == 0:
        unlist(s, rep, tier, entry)
        _fetch_oldest(s, rep, tier)
    return count


@inner
def _put_last(s: Any, rep: Any, tier: int, entry: int, count: int) -> None:
    """Put blocks in front of those that a lower tier holds of an entry already."""
    e = s.entries[entry]
    if e.held[tier] == 0:
        enlist(s, rep, tier, entry)
    e.held[tier] += count
    rep.tier_blocks[tier] += count * e.blocks


@inner
def _drop(s: Any, rep: Any, tier: int, room: int) -> tuple[int, int]:
    """Take the least recently used blocks of one entry out of a lower tier with too many; entry and count."""
    old = rep.oldest[tier]
    count = _take_last(s, rep, tier, old, rep.tier_blocks[tier] - room)
    rep.tier_blocks[tier] -= count * s.entries[old].blocks
    return old, count


@inner
def forget_last(s: Any, r: int, entry: int) -> None:
    """Note that the deepest blocks of an entry are in no tier any more."""
    tell(s, r, entry)
    if blocks_held(s, entry) == 0:
        give_back(s, entry)


@inner
def _to_storage(s: Any, r: int, rep: Any, entry: int, count: int, room: int) -> None:
    if s.entries[entry].blocks > room:
        forget_last(s, r, entry)
        return
    _put_last(s, rep, 2, entry, count)
    while rep.tier_blocks[2] > room:
        forget_last(s, r, _drop(s, rep, 2, room)[0])


@outer
def evict(p: Any, s: Any, r: int, blocks: int, hashed: int) -> None:
    """Move the least recently used blocks of one entry out of HBM, as far as some or some hashed ones are wanted.

    The caller knows that there is one.
    """
    rep = s.replicas[r]
    entry = rep.oldest[0]
    size = s.entries[entry].blocks
    count = _take_last(s, rep, 0, entry, max(blocks, hashed * size))
    rep.free_blocks += count * size
    rep.evictable_blocks -= count * size
    rep.evictable_entries -= count
    rep.entries -= count
    host, storage = p.engines[r].host_blocks, p.engines[r].storage_blocks
    if size > host:
        _to_storage(s, r, rep, entry, count, storage)
        return
    _put_last(s, rep, 1, entry, count)
    while rep.tier_blocks[1] > host:
        old, dropped = _drop(s, rep, 1, host)
        _to_storage(s, r, rep, old, dropped, storage)


@outer
def forget(s: Any, r: int) -> None:
    """Lose everything that is cached at a replica and that nobody refers to."""
    rep = s.replicas[r]
    rep.free_blocks += rep.evictable_blocks
    rep.entries -= rep.evictable_entries
    rep.evictable_blocks, rep.evictable_entries = 0, 0
    for tier in range(2, -1, -1):
        while rep.oldest[tier] != NOBODY:
            entry = rep.oldest[tier]
            _take_last(s, rep, tier, entry, s.entries[entry].held[tier] * s.entries[entry].blocks)
            forget_last(s, r, entry)
        rep.tier_blocks[tier] = 0
