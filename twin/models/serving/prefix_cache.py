"""Cached prompt KV of one replica: entries by stretch of hashed blocks, references, least recent use, lower tiers.

An entry holds the leading blocks of a stretch: some in HBM (tier 0), where requests may refer to it; the deeper ones,
unreferenced, in the host (1); the deepest in storage (2). The deepest block is always the one used least recently, so
an entry stands in the list of a tier as a whole.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving.draws import inner, outer
from twin.models.serving.layout import DIRTY, FREE_SLOT, SLOTS_LEFT
from twin.models.serving.prefix_table import NOBODY, enter, find, strike
from twin.models.serving.trees import NONE

_ONE = np.uint64(1)
_WHOLE, _PART = 0, 1


@inner
def _blocks_held(s: Any, entry: int) -> int:
    """Leading blocks of a stretch that a replica holds in any tier."""
    held = s.entries[entry].held
    return held[0] + held[1] + held[2]


@inner
def _tell(s: Any, r: int, entry: int) -> None:
    """Keep the bit sets for the router: who holds all of a stretch, and who a part of it."""
    if len(s.holders) == 1:
        return
    e, here = s.entries[entry], _blocks_held(s, entry)
    bit, word = _ONE << np.uint64(r & 63), r >> 6
    s.holders[e.id, word, _WHOLE] &= ~bit
    s.holders[e.id, word, _PART] &= ~bit
    if here > 0:
        s.holders[e.id, word, _WHOLE if here == e.stretch_blocks else _PART] |= bit
    if len(s.is_dirty) > 1 and not s.is_dirty[e.id]:
        s.is_dirty[e.id] = True
        s.dirty_ids[s.counts[DIRTY]] = e.id
        s.counts[DIRTY] += 1


@inner
def _unlist(s: Any, rep: Any, tier: int, entry: int) -> None:
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
def _list(s: Any, rep: Any, tier: int, entry: int) -> None:
    e = s.entries[entry]
    e.older[tier] = rep.newest[tier]
    e.newer[tier] = NOBODY
    if e.older[tier] == NOBODY:
        rep.oldest[tier] = entry
    else:
        s.entries[e.older[tier]].newer[tier] = entry
    rep.newest[tier] = entry


@inner
def _give_back(s: Any, entry: int) -> None:
    """Free the slot of an entry that holds nothing any more."""
    e = s.entries[entry]
    strike(s, entry)
    e.blocks = 0
    e.newer[0] = s.counts[FREE_SLOT]
    s.counts[FREE_SLOT] = entry
    s.counts[SLOTS_LEFT] += 1


@inner
def _take_last(s: Any, rep: Any, tier: int, entry: int, blocks: int) -> int:
    """Take the deepest blocks of an entry out of a tier, as many as free some KV blocks; how many these are."""
    e = s.entries[entry]
    count = min(e.held[tier], (blocks + e.blocks - 1) // e.blocks)
    e.held[tier] -= count
    if e.held[tier] == 0:
        _unlist(s, rep, tier, entry)
    return count


@inner
def _put_last(s: Any, rep: Any, tier: int, entry: int, count: int) -> None:
    """Put blocks in front of those that a lower tier holds of an entry already."""
    e = s.entries[entry]
    if e.held[tier] == 0:
        _list(s, rep, tier, entry)
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
def _forget_last(s: Any, r: int, entry: int) -> None:
    """Note that the deepest blocks of an entry are in no tier any more."""
    _tell(s, r, entry)
    if _blocks_held(s, entry) == 0:
        _give_back(s, entry)


@inner
def _to_storage(s: Any, r: int, rep: Any, entry: int, count: int, room: int) -> None:
    if s.entries[entry].blocks > room:
        _forget_last(s, r, entry)
        return
    _put_last(s, rep, 2, entry, count)
    while rep.tier_blocks[2] > room:
        _forget_last(s, r, _drop(s, rep, 2, room)[0])


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
def _stretches(s: Any, row: int) -> tuple[int, int, int]:
    """Where the stretches of a prompt begin, where they end, and what is added to their ids."""
    begin = s.prefix_start[row if len(s.prefix_start) > 1 else 0]
    count = s.prefix_stretches[row if len(s.prefix_stretches) > 1 else 0]
    return begin, begin + count, s.prefix_shift[row if len(s.prefix_shift) > 1 else 0]


@inner
def entry_blocks(p: Any, s: Any, r: int, row: int) -> int:
    """Blocks of all entries of a prompt together."""
    size = s.prefix_block_tokens[0]
    tokens = min(prompt_ids(s, row) * size, s.requests[row].prompt_tokens)
    block = p.engines[r].block_tokens
    return (tokens + block - 1) // block


@inner
def _tokens(s: Any, row: int, first: int, blocks: int) -> int:
    """Tokens of a prompt in some of its hashed blocks."""
    size = s.prefix_block_tokens[0]
    return min((first + blocks) * size, s.requests[row].prompt_tokens) - first * size


@inner
def _kv_blocks(p: Any, s: Any, r: int, row: int, place: int) -> int:
    """Blocks of the KV cache for a hashed block of a prompt."""
    block = p.engines[r].block_tokens
    return (_tokens(s, row, place, 1) + block - 1) // block


@outer
def cached_at(s: Any, r: int, row: int) -> int:
    """Prompt tokens of a request that a replica holds in any tier."""
    begin, end, shift = _stretches(s, row)
    matched = 0
    for j in range(begin, end):
        entry = find(s, r, s.stretches[j].id + shift)
        if entry == NOBODY:
            break
        here = _blocks_held(s, entry)
        matched += here
        if here < s.stretches[j].blocks:
            break
    return min(matched * s.prefix_block_tokens[0], s.requests[row].prompt_tokens)


@inner
def _note(s: Any, row: int, view: Any, field: int, word: int, who: Any, blocks: int) -> None:
    """Note for the replicas of a bit set how many leading blocks of a prompt they hold."""
    if blocks == 0:
        return
    tokens = min(blocks * s.prefix_block_tokens[0], s.requests[row].prompt_tokens)
    for r in range(64 * word, min(64 * word + 64, view.shape[1])):
        if who & (_ONE << np.uint64(r & 63)):
            view[field, r] = tokens


@outer
def look_up(s: Any, row: int, view: Any, field: int) -> None:
    """Prompt tokens of a request that each replica holds, as the router knows."""
    for r in range(view.shape[1]):
        view[field, r] = 0
    begin, end, shift = _stretches(s, row)
    for word in range(s.seen_holders.shape[1]):
        holding, blocks = ~np.uint64(0), 0
        for j in range(begin, end):
            key = s.stretches[j].id + shift
            whole = holding & s.seen_holders[key, word, _WHOLE]
            part = holding & s.seen_holders[key, word, _PART]
            _note(s, row, view, field, word, holding & ~(whole | part), blocks)
            if part != np.uint64(0):
                _note_parts(s, row, view, field, word, part, blocks, key)
            blocks += s.stretches[j].blocks
            holding = whole
            if holding == np.uint64(0):
                break
        if holding != np.uint64(0):
            _note(s, row, view, field, word, holding, blocks)


@outer
def _note_parts(s: Any, row: int, view: Any, field: int, word: int, who: Any, blocks: int, key: int) -> None:
    """Note for the replicas of a bit set what they hold of a stretch, beside the blocks before it."""
    if len(s.first_block) == 1:
        for r in range(64 * word, min(64 * word + 64, view.shape[1])):
            bit = _ONE << np.uint64(r & 63)
            if who & bit:
                _note(s, row, view, field, word, bit, blocks + _blocks_held(s, find(s, r, key)))
        return
    at = s.first_block[key]
    while who != np.uint64(0):
        still = who & s.seen_blocks[at, word]
        _note(s, row, view, field, word, who & ~still, blocks)
        who, at, blocks = still, at + 1, blocks + 1


@outer
def publish(s: Any) -> None:
    """Let the router know where blocks are now."""
    for n in range(s.counts[DIRTY]):
        key = s.dirty_ids[n]
        s.is_dirty[key] = False
        for word in range(s.holders.shape[1]):
            part = s.holders[key, word, _PART]
            s.seen_holders[key, word, _WHOLE] = s.holders[key, word, _WHOLE]
            s.seen_holders[key, word, _PART] = part
            if part != np.uint64(0):
                _publish_parts(s, key, word, part)
    s.counts[DIRTY] = 0


@outer
def _publish_parts(s: Any, key: int, word: int, who: Any) -> None:
    """Write down which blocks of a stretch the replicas of a bit set hold."""
    for r in range(64 * word, min(64 * word + 64, len(s.replicas))):
        bit = _ONE << np.uint64(r & 63)
        if who & bit:
            first, entry = s.first_block[key], find(s, r, key)
            here = _blocks_held(s, entry)
            for place in range(s.entries[entry].stretch_blocks):
                if place < here:
                    s.seen_blocks[first + place, word] |= bit
                else:
                    s.seen_blocks[first + place, word] &= ~bit


@inner
def _lacking(p: Any, s: Any, r: int, row: int) -> tuple[int, int, int, int, int]:
    """Leading blocks of a prompt that are cached; hashed blocks and KV blocks to be made, and to be revived."""
    begin, end, shift = _stretches(s, row)
    new, new_kv, revived, revived_kv = 0, 0, 0, 0
    matched, place, is_leading = 0, 0, True
    for j in range(begin, end):
        many = s.stretches[j].blocks
        entry = find(s, r, s.stretches[j].id + shift)
        in_hbm, here = 0, 0
        if entry != NOBODY:
            e = s.entries[entry]
            in_hbm, here = e.held[0], _blocks_held(s, entry)
            if e.references == 0:
                revived += in_hbm
                revived_kv += in_hbm * e.blocks
        new += many - in_hbm
        if in_hbm < many:
            new_kv += (many - in_hbm) * _kv_blocks(p, s, r, row, place)
        if is_leading:
            matched += here
        is_leading = is_leading and here == many
        place += many
    return matched, new, new_kv, revived, revived_kv


@inner
def _refer(p: Any, s: Any, r: int, row: int, matched: int) -> None:
    """Refer to what is cached; take it out of the lower tiers, and pay for loading what matches."""
    rep, engine = s.replicas[r], p.engines[r]
    begin, end, shift = _stretches(s, row)
    place = 0
    for j in range(begin, end):
        entry = find(s, r, s.stretches[j].id + shift)
        if entry != NOBODY:
            e = s.entries[entry]
            at = place + e.held[0]
            if e.references == 0 and e.held[0] > 0:
                _unlist(s, rep, 0, entry)
                rep.evictable_blocks -= e.held[0] * e.blocks
                rep.evictable_entries -= e.held[0]
            e.references += 1
            if e.creator == row:
                e.creator = NONE  # it was here before this admission
            for tier in range(1, 3):
                held = e.held[tier]
                if held == 0:
                    continue
                if at < matched:
                    per_token_s = engine.host_s_per_token if tier == 1 else engine.storage_s_per_token
                    rep.extra_s += _tokens(s, row, at, held) * per_token_s
                _unlist(s, rep, tier, entry)
                rep.tier_blocks[tier] -= held * e.blocks
                e.held[tier] = 0
                at += held
        place += s.stretches[j].blocks


@outer
def admit(p: Any, s: Any, r: int, row: int, own_blocks: int, target: int) -> bool:
    """Refer to all blocks of a prompt and take ``own_blocks`` more, if there is room.

    Sets the tokens that need no computing and adds what loading them costs.
    """
    rep, engine = s.replicas[r], p.engines[r]
    matched, new, new_kv, revived, revived_kv = _lacking(p, s, r, row)
    need = own_blocks + new_kv
    most = min(engine.cache_entries, engine.kv_blocks)
    if need > rep.free_blocks + rep.evictable_blocks - revived_kv:
        return False
    if rep.entries + new - (rep.evictable_entries - revived) > most:
        return False
    _refer(p, s, r, row, matched)
    while rep.free_blocks < need or rep.entries + new > most:
        evict(p, s, r, need - rep.free_blocks, rep.entries + new - most)
    rep.free_blocks -= need
    rep.entries += new
    _complete(p, s, r, row)
    covered = min(matched * s.prefix_block_tokens[0], s.requests[row].prompt_tokens)
    s.requests[row].cached_tokens = max(min(covered, target - 1), 0)
    rep.cached_tokens += s.requests[row].cached_tokens
    return True


@inner
def _complete(p: Any, s: Any, r: int, row: int) -> None:
    """Make in HBM what a prompt lacks there."""
    begin, end, shift = _stretches(s, row)
    place = 0
    for j in range(begin, end):
        key, many = s.stretches[j].id + shift, s.stretches[j].blocks
        entry = find(s, r, key)
        if entry == NOBODY:
            entry = _create(s, r, key, _kv_blocks(p, s, r, row, place), many)
        e = s.entries[entry]
        if e.held[0] < many:
            e.creator, e.created_from = row, e.held[0]
            e.held[0] = many
            _tell(s, r, entry)
        place += many


@inner
def _create(s: Any, r: int, key: int, blocks: int, many: int) -> int:
    """An entry that one request refers to and that holds nothing yet."""
    entry = s.counts[FREE_SLOT]
    e = s.entries[entry]
    # one never used has the next behind it
    s.counts[FREE_SLOT] = e.newer[0] if e.newer[0] != NOBODY else entry + 1
    s.counts[SLOTS_LEFT] -= 1
    e.id, e.replica, e.blocks, e.stretch_blocks, e.references = key, r, blocks, many, 1
    for tier in range(3):
        e.held[tier] = 0
    enter(s, r, key, entry)
    return int(entry)


@outer
def release(s: Any, r: int, row: int, is_complete: bool) -> None:
    """A request lets its entries go, deepest first; those that it has not finished and nobody else needs vanish."""
    rep = s.replicas[r]
    begin, end, shift = _stretches(s, row)
    for j in range(end - 1, begin - 1, -1):
        entry = find(s, r, s.stretches[j].id + shift)
        e = s.entries[entry]
        e.references -= 1
        if e.references > 0:
            continue
        if not is_complete and e.creator == row:
            lost = e.held[0] - e.created_from
            rep.free_blocks += lost * e.blocks
            rep.entries -= lost
            e.held[0] = e.created_from
            _forget_last(s, r, entry)
            if e.held[0] == 0:
                continue
        _list(s, rep, 0, entry)
        rep.evictable_blocks += e.held[0] * e.blocks
        rep.evictable_entries += e.held[0]


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
            _forget_last(s, r, entry)
        rep.tier_blocks[tier] = 0
