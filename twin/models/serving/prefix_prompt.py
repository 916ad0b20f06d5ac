"""What a prompt brings to a prefix cache: its stretches of hashed blocks, their tokens and their KV blocks."""

from __future__ import annotations

from typing import Any

from twin.models.serving.draws import inner


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
def stretches_of(s: Any, row: int) -> tuple[int, int, int]:
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
def tokens_in(s: Any, row: int, first: int, blocks: int) -> int:
    """Tokens of a prompt in some of its hashed blocks."""
    size = s.prefix_block_tokens[0]
    return min((first + blocks) * size, s.requests[row].prompt_tokens) - first * size


@inner
def kv_blocks(p: Any, s: Any, r: int, row: int, place: int) -> int:
    """Blocks of the KV cache for a hashed block of a prompt."""
    block = p.engines[r].block_tokens
    return (tokens_in(s, row, place, 1) + block - 1) // block
