"""Cached prompt KV of one replica: what prompts refer to, find and leave behind, by stretches of hashed blocks."""

from __future__ import annotations

from typing import Any

from twin.models.serving.draws import inner, outer
from twin.models.serving.layout import FREE_SLOT, SLOTS_LEFT
from twin.models.serving.prefix_holders import tell
from twin.models.serving.prefix_prompt import kv_blocks, stretches_of, tokens_in
from twin.models.serving.prefix_table import NOBODY, blocks_held, enter, fetch_entry, fetch_place, find
from twin.models.serving.prefix_tiers import enlist, evict, forget_last, unlist
from twin.models.serving.trees import NONE


@outer
def cached_at(s: Any, r: int, row: int) -> int:
    """Prompt tokens of a request that a replica holds in any tier."""
    begin, end, shift = stretches_of(s, row)
    matched = 0
    for j in range(begin, end):
        entry = find(s, r, s.stretches[j].id + shift)
        if entry == NOBODY:
            break
        here = blocks_held(s, entry)
        matched += here
        if here < s.stretches[j].blocks:
            break
    return min(matched * s.prefix_block_tokens[0], s.requests[row].prompt_tokens)


@inner
def fetch_places(s: Any, r: int, row: int) -> None:
    """Fetch where the stretches of a prompt stand in the table, for what follows soon."""
    begin, end, shift = stretches_of(s, row)
    for j in range(begin, end):
        fetch_place(s, r, s.stretches[j].id + shift)


@inner
def _fetch_entries(s: Any, r: int, row: int) -> None:
    begin, end, shift = stretches_of(s, row)
    for j in range(begin, end):
        fetch_entry(s, r, s.stretches[j].id + shift)


@inner
def _lacking(p: Any, s: Any, r: int, row: int) -> tuple[int, int, int, int, int]:
    """Leading blocks of a prompt that are cached; hashed blocks and KV blocks to be made, and to be revived."""
    begin, end, shift = stretches_of(s, row)
    new, new_kv, revived, revived_kv = 0, 0, 0, 0
    _fetch_entries(s, r, row)
    matched, place, is_leading = 0, 0, True
    for j in range(begin, end):
        many = s.stretches[j].blocks
        entry = find(s, r, s.stretches[j].id + shift)
        in_hbm, here = 0, 0
        if entry != NOBODY:
            e = s.entries[entry]
            in_hbm, here = e.held[0], blocks_held(s, entry)
            if e.references == 0:
                revived += in_hbm
                revived_kv += in_hbm * e.blocks
        new += many - in_hbm
        if in_hbm < many:
            new_kv += (many - in_hbm) * kv_blocks(p, s, r, row, place)
        if is_leading:
            matched += here
        is_leading = is_leading and here == many
        place += many
    return matched, new, new_kv, revived, revived_kv


@inner
def _refer(p: Any, s: Any, r: int, row: int, matched: int) -> None:
    """Refer to what is cached; take it out of the lower tiers, and pay for loading what matches."""
    rep, engine = s.replicas[r], p.engines[r]
    begin, end, shift = stretches_of(s, row)
    place = 0
    for j in range(begin, end):
        entry = find(s, r, s.stretches[j].id + shift)
        if entry != NOBODY:
            e = s.entries[entry]
            at = place + e.held[0]
            if e.references == 0 and e.held[0] > 0:
                unlist(s, rep, 0, entry)
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
                    rep.extra_s += tokens_in(s, row, at, held) * per_token_s
                unlist(s, rep, tier, entry)
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
    begin, end, shift = stretches_of(s, row)
    place = 0
    for j in range(begin, end):
        key, many = s.stretches[j].id + shift, s.stretches[j].blocks
        entry = find(s, r, key)
        if entry == NOBODY:
            entry = _create(s, r, key, kv_blocks(p, s, r, row, place), many)
        e = s.entries[entry]
        if e.held[0] < many:
            e.creator, e.created_from = row, e.held[0]
            e.held[0] = many
            tell(s, r, entry)
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
    fetch_places(s, r, row)
    _fetch_entries(s, r, row)
    begin, end, shift = stretches_of(s, row)
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
            forget_last(s, r, entry)
            if e.held[0] == 0:
                continue
        enlist(s, rep, 0, entry)
        rep.evictable_blocks += e.held[0] * e.blocks
        rep.evictable_entries += e.held[0]
