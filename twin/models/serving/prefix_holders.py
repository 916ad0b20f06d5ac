"""Which replicas hold which prompts: bit sets over the replicas, as they are and as the router knows them."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.models.serving.draws import inner, outer
from twin.models.serving.fetching import fetch
from twin.models.serving.layout import DIRTY
from twin.models.serving.prefix_prompt import stretches_of
from twin.models.serving.prefix_table import blocks_held, find

_ONE = np.uint64(1)
_WHOLE, _PART = 0, 1


@inner
def tell(s: Any, r: int, entry: int) -> None:
    """Keep the bit sets for the router: who holds all of a stretch, and who a part of it."""
    if len(s.holders) == 1:
        return
    e, here = s.entries[entry], blocks_held(s, entry)
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
def fetch_holders(s: Any, row: int) -> None:
    """Fetch what :func:`look_up` will want to know for a request."""
    begin, end, shift = stretches_of(s, row)
    for j in range(begin, end):
        fetch(s.seen_holders, (s.stretches[j].id + shift) * s.seen_holders.shape[1] * 2)


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
    begin, end, shift = stretches_of(s, row)
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
                _note(s, row, view, field, word, bit, blocks + blocks_held(s, find(s, r, key)))
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
            here = blocks_held(s, entry)
            for place in range(s.entries[entry].stretch_blocks):
                if place < here:
                    s.seen_blocks[first + place, word] |= bit
                else:
                    s.seen_blocks[first + place, word] &= ~bit
