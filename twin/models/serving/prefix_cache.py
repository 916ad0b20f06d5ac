"""Cached prompt KV of one replica: entries by hash id, references, least recent use, lower tiers.

An entry lives in HBM (tier 0), where requests may refer to it, or unreferenced in the host (1) or in storage (2).
Each replica has a region of ``entries`` and of an open-addressing ``table`` from id to entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving.draws import inner, outer
from twin.models.serving.state import DIRTY
from twin.models.serving.trees import NONE

_HASH = np.uint64(0x9E3779B97F4A7C15)
_ONE = np.uint64(1)


@inner
def _home(s: Any, r: int, key: int) -> int:
    """Place in the table where the search for an id begins."""
    size = s.table_start[r + 1] - s.table_start[r]
    return np.int64((np.uint64(key) * _HASH) >> np.uint64(32)) & (size - 1)


@inner
def find(s: Any, r: int, key: int) -> int:
    """Entry of an id at a replica, or -1."""
    begin = s.table_start[r]
    mask = s.table_start[r + 1] - begin - 1
    at = _home(s, r, key)
    while True:
        entry = s.table[begin + at]
        if entry == NONE or s.entries[entry].id == key:
            return entry
        at = (at + 1) & mask


@inner
def _enter(s: Any, r: int, key: int, entry: int) -> None:
    begin = s.table_start[r]
    mask = s.table_start[r + 1] - begin - 1
    at = _home(s, r, key)
    while s.table[begin + at] != NONE:
        at = (at + 1) & mask
    s.table[begin + at] = entry


@inner
def _strike(s: Any, r: int, key: int) -> None:
    """Take an id out of the table; what was pushed on by it moves back."""
    begin = s.table_start[r]
    mask = s.table_start[r + 1] - begin - 1
    hole = _home(s, r, key)
    while s.entries[s.table[begin + hole]].id != key:
        hole = (hole + 1) & mask
    at = (hole + 1) & mask
    while s.table[begin + at] != NONE:
        home = _home(s, r, s.entries[s.table[begin + at]].id)
        if (at - home) & mask >= (at - hole) & mask:
            s.table[begin + hole] = s.table[begin + at]
            hole = at
        at = (at + 1) & mask
    s.table[begin + hole] = NONE


@inner
def _tell(s: Any, r: int, key: int, is_held: bool) -> None:
    """Keep the bit set for the router."""
    if len(s.holders) == 1:
        return
    bit = _ONE << np.uint64(r & 63)
    if is_held:
        s.holders[key, r >> 6] |= bit
    else:
        s.holders[key, r >> 6] &= ~bit
    if len(s.is_dirty) > 1 and not s.is_dirty[key]:
        s.is_dirty[key] = True
        s.dirty_ids[s.counts[DIRTY]] = key
        s.counts[DIRTY] += 1


@inner
def _unlist(s: Any, rep: Any, tier: int, entry: int) -> None:
    e = s.entries[entry]
    if e.older == NONE:
        rep.oldest[tier] = e.newer
    else:
        s.entries[e.older].newer = e.newer
    if e.newer == NONE:
        rep.newest[tier] = e.older
    else:
        s.entries[e.newer].older = e.older


@inner
def _list(s: Any, rep: Any, tier: int, entry: int) -> None:
    e = s.entries[entry]
    e.older = rep.newest[tier]
    e.newer = NONE
    if e.older == NONE:
        rep.oldest[tier] = entry
    else:
        s.entries[e.older].newer = entry
    rep.newest[tier] = entry


@inner
def _drop(s: Any, r: int, rep: Any, entry: int) -> None:
    """Forget an entry that stands in no list any more."""
    e = s.entries[entry]
    _strike(s, r, e.id)
    _tell(s, r, e.id, False)
    e.newer = rep.free_slot
    rep.free_slot = entry


@inner
def _to_storage(s: Any, r: int, rep: Any, entry: int, room: int) -> None:
    blocks = s.entries[entry].blocks
    if blocks > room:
        _drop(s, r, rep, entry)
        return
    s.entries[entry].tier = 2
    _list(s, rep, 2, entry)
    rep.tier_blocks[2] += blocks
    while rep.tier_blocks[2] > room:
        old = rep.oldest[2]
        _unlist(s, rep, 2, old)
        rep.tier_blocks[2] -= s.entries[old].blocks
        _drop(s, r, rep, old)


@outer
def evict(p: Any, s: Any, r: int) -> None:
    """Move the least recently used entry out of HBM; the caller knows that there is one."""
    rep = s.replicas[r]
    entry = rep.oldest[0]
    blocks = s.entries[entry].blocks
    _unlist(s, rep, 0, entry)
    rep.free_blocks += blocks
    rep.evictable_blocks -= blocks
    rep.evictable_entries -= 1
    rep.entries -= 1
    host = p.engines[r].host_blocks
    if blocks > host:
        _to_storage(s, r, rep, entry, p.engines[r].storage_blocks)
        return
    s.entries[entry].tier = 1
    _list(s, rep, 1, entry)
    rep.tier_blocks[1] += blocks
    while rep.tier_blocks[1] > host:
        old = rep.oldest[1]
        _unlist(s, rep, 1, old)
        rep.tier_blocks[1] -= s.entries[old].blocks
        _to_storage(s, r, rep, old, p.engines[r].storage_blocks)


@inner
def prompt_ids(s: Any, row: int) -> int:
    """How many hashed blocks the prompt of a request has."""
    count = s.prefix_blocks[row if len(s.prefix_blocks) > 1 else 0]
    size = s.prefix_block_tokens[0]
    return min(count, (s.requests[row].prompt_tokens + size - 1) // size)


@inner
def caches(p: Any, s: Any, r: int, row: int) -> bool:
    """Whether a replica keeps the prompt of a request: it has hashes, and no more than there may be entries."""
    count = prompt_ids(s, row) if p.engines[r].has_prefix_cache else 0
    return 0 < count <= p.engines[r].cache_entries


@inner
def _first_id(s: Any, row: int) -> int:
    return s.prefix_start[row if len(s.prefix_start) > 1 else 0]


@inner
def _shift(s: Any, row: int) -> int:
    return s.prefix_shift[row if len(s.prefix_shift) > 1 else 0]


@inner
def entry_blocks(p: Any, s: Any, r: int, row: int) -> int:
    """Blocks of all entries of a prompt together."""
    size = s.prefix_block_tokens[0]
    tokens = min(prompt_ids(s, row) * size, s.requests[row].prompt_tokens)
    block = p.engines[r].block_tokens
    return (tokens + block - 1) // block


@inner
def _tokens_at(s: Any, row: int, i: int) -> int:
    """Tokens of a prompt in its hashed block ``i``."""
    size = s.prefix_block_tokens[0]
    return min(size, s.requests[row].prompt_tokens - i * size)


@outer
def cached_at(s: Any, r: int, row: int) -> int:
    """Prompt tokens of a request that a replica holds in any tier."""
    begin, shift, count = _first_id(s, row), _shift(s, row), prompt_ids(s, row)
    i = 0
    while i < count and find(s, r, s.prefix_ids[begin + i] + shift) != NONE:
        i += 1
    return min(i * s.prefix_block_tokens[0], s.requests[row].prompt_tokens)


@outer
def look_up(s: Any, row: int, view: Any, field: int) -> None:
    """Prompt tokens of a request that each replica holds, as the router knows."""
    replicas, words = view.shape[1], s.holders.shape[1]
    for r in range(replicas):
        view[field, r] = 0
    begin, shift, count = _first_id(s, row), _shift(s, row), prompt_ids(s, row)
    size = s.prefix_block_tokens[0]
    for word in range(words):
        holding = ~np.uint64(0)
        i = 0
        while True:
            still = (
                holding & s.seen_holders[s.prefix_ids[begin + i] + shift, word] if i < count else np.uint64(0)
            )
            gone = holding & ~still
            if i > 0 and gone != np.uint64(0):
                tokens = min(i * size, s.requests[row].prompt_tokens)
                for r in range(64 * word, min(64 * word + 64, replicas)):
                    if gone & (_ONE << np.uint64(r & 63)):
                        view[field, r] = tokens
            holding = still
            if holding == np.uint64(0):
                break
            i += 1


@outer
def publish(s: Any) -> None:
    """Let the router know where blocks are now."""
    for n in range(s.counts[DIRTY]):
        key = s.dirty_ids[n]
        for word in range(s.holders.shape[1]):
            s.seen_holders[key, word] = s.holders[key, word]
        s.is_dirty[key] = False
    s.counts[DIRTY] = 0


@inner
def _lacking(p: Any, s: Any, r: int, row: int) -> tuple[int, int, int, int, int]:
    """Leading blocks of a prompt that are cached; entries and blocks to be made, and to be revived."""
    begin, shift, count = _first_id(s, row), _shift(s, row), prompt_ids(s, row)
    block = p.engines[r].block_tokens
    new_blocks, new_entries, revived_blocks, revived_entries = 0, 0, 0, 0
    matched, is_leading = 0, True
    for i in range(count):
        entry = find(s, r, s.prefix_ids[begin + i] + shift)
        is_leading = is_leading and entry != NONE
        matched += is_leading
        if entry == NONE or s.entries[entry].tier > 0:
            new_blocks += (_tokens_at(s, row, i) + block - 1) // block
            new_entries += 1
        elif s.entries[entry].references == 0:
            revived_blocks += s.entries[entry].blocks
            revived_entries += 1
    return matched, new_entries, new_blocks, revived_entries, revived_blocks


@inner
def _refer(p: Any, s: Any, r: int, row: int, matched: int, last: int) -> None:
    """Refer to what is in HBM; take out of the lower tiers what is there, and pay for loading what matches.

    Looks at the first ``last`` blocks of the prompt.
    """
    rep, engine = s.replicas[r], p.engines[r]
    begin, shift = _first_id(s, row), _shift(s, row)
    for i in range(last):
        entry = find(s, r, s.prefix_ids[begin + i] + shift)
        if entry == NONE:
            continue
        e = s.entries[entry]
        if e.tier == 0:
            if e.references == 0:
                _unlist(s, rep, 0, entry)
                rep.evictable_blocks -= e.blocks
                rep.evictable_entries -= 1
            e.references += 1
            if e.creator == row:
                e.creator = NONE  # it was here before this admission
            continue
        if i < matched:
            per_token_s = engine.host_s_per_token if e.tier == 1 else engine.storage_s_per_token
            rep.extra_s += _tokens_at(s, row, i) * per_token_s
        _unlist(s, rep, e.tier, entry)
        rep.tier_blocks[e.tier] -= e.blocks
        _strike(s, r, e.id)
        e.newer = rep.free_slot
        rep.free_slot = entry


@outer
def admit(p: Any, s: Any, r: int, row: int, own_blocks: int, target: int) -> bool:
    """Refer to all blocks of a prompt and take ``own_blocks`` more, if there is room.

    Sets the tokens that need no computing and adds what loading them costs.
    """
    rep, engine = s.replicas[r], p.engines[r]
    matched, new_entries, new_blocks, revived_entries, revived_blocks = _lacking(p, s, r, row)
    need = own_blocks + new_blocks
    most = min(engine.cache_entries, engine.kv_blocks)
    if need > rep.free_blocks + rep.evictable_blocks - revived_blocks:
        return False
    if rep.entries + new_entries - (rep.evictable_entries - revived_entries) > most:
        return False
    count = prompt_ids(s, row)
    # mostly what is there is what leads, and the rest is new: then neither has to be looked for again
    is_plain = matched == count - new_entries and engine.host_blocks + engine.storage_blocks == 0
    _refer(p, s, r, row, matched, matched if is_plain else count)
    while rep.free_blocks < need or rep.entries + new_entries > most:
        evict(p, s, r)
    rep.free_blocks -= need
    rep.entries += new_entries
    begin, shift = _first_id(s, row), _shift(s, row)
    for i in range(matched if is_plain else 0, count):
        key = s.prefix_ids[begin + i] + shift
        if is_plain or find(s, r, key) == NONE:
            blocks = (_tokens_at(s, row, i) + engine.block_tokens - 1) // engine.block_tokens
            _create(s, r, rep, row, key, blocks)
    covered = min(matched * s.prefix_block_tokens[0], s.requests[row].prompt_tokens)
    s.requests[row].cached_tokens = max(min(covered, target - 1), 0)
    rep.cached_tokens += s.requests[row].cached_tokens
    return True


@inner
def _create(s: Any, r: int, rep: Any, row: int, key: int, blocks: int) -> None:
    entry = rep.free_slot
    e = s.entries[entry]
    rep.free_slot = e.newer
    e.id, e.blocks, e.creator, e.references, e.tier = key, blocks, row, 1, 0
    _enter(s, r, key, entry)
    _tell(s, r, key, True)


@outer
def release(s: Any, r: int, row: int, is_complete: bool) -> None:
    """A request lets its entries go, deepest first; those that it has not finished and nobody else needs vanish."""
    rep = s.replicas[r]
    begin, shift = _first_id(s, row), _shift(s, row)
    for i in range(prompt_ids(s, row) - 1, -1, -1):
        entry = find(s, r, s.prefix_ids[begin + i] + shift)
        e = s.entries[entry]
        e.references -= 1
        if e.references > 0:
            continue
        if is_complete or e.creator != row:
            _list(s, rep, 0, entry)
            rep.evictable_blocks += e.blocks
            rep.evictable_entries += 1
        else:
            rep.free_blocks += e.blocks
            rep.entries -= 1
            _drop(s, r, rep, entry)


@outer
def forget(s: Any, r: int) -> None:
    """Lose everything that is cached at a replica and that nobody refers to."""
    rep = s.replicas[r]
    for tier in range(3):
        while rep.oldest[tier] != NONE:
            entry = rep.oldest[tier]
            _unlist(s, rep, tier, entry)
            _drop(s, r, rep, entry)
        rep.tier_blocks[tier] = 0
    rep.free_blocks += rep.evictable_blocks
    rep.entries -= rep.evictable_entries
    rep.evictable_blocks, rep.evictable_entries = 0, 0
