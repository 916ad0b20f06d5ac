"""Hashed blocks that prompts share or lack together.

Two neighbouring blocks belong to one stretch if every prompt that has one of them has both, in this order, and if
each is full in all of them. Caches then keep one entry for a stretch: a long prompt is a few stretches (what a
system prompt, an earlier turn, a new question brought), but dozens of blocks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twin.requests import Requests

STRETCH = np.dtype([("id", "i4"), ("blocks", "i4")])
"""The number of a stretch, and how many blocks it has."""

Ints = NDArray[np.int64]
_END = -1


@dataclass(frozen=True)
class Stretches:
    """Stretches of all prompts.

    Parameters
    ----------
    stretches : (n,) of STRETCH
        Prompt after prompt; copies of a trace share what is theirs.
    start, count : (request,)
        Where those of a prompt begin, and how many they are.
    shift : (request,)
        What is added to the numbers of a prompt, so that copies of a trace share none.
    first_block : (stretch,)
        By shifted number: the first block of each stretch, where different blocks are counted through.
    distinct_blocks : int
        How many different blocks there are.
    """

    stretches: NDArray[np.void]
    start: Ints
    count: NDArray[np.int32]
    shift: NDArray[np.int32]
    first_block: NDArray[np.int32]
    distinct_blocks: int

    @property
    def distinct(self) -> int:
        """How many different stretches there are."""
        return len(self.first_block)


def find_stretches(requests: Requests) -> Stretches:
    """Part the prompts of a run into stretches.

    Examples
    --------
    >>> from twin.requests import make
    >>> both = make([0.0, 1.0], [1100, 1100], [1, 1], prefix_start=[0, 3], prefix_blocks=3,
    ...             prefix_ids=[4, 5, 6, 4, 5, 7], prefix_block_tokens=400)
    >>> found = find_stretches(both)
    >>> found.stretches[["id", "blocks"]].tolist(), found.count.tolist()
    ([(0, 2), (1, 1), (0, 2), (2, 1)], [2, 2])
    """
    size = requests.prefix_block_tokens
    prompts = requests.prompt_tokens.astype(np.int64)
    blocks = np.minimum(requests.prefix_blocks, -(-prompts // size))
    has = blocks > 0
    if not has.any() or not len(requests.prefix_ids):
        none = np.zeros(requests.rows, dtype=np.int64)
        zeros = none.astype(np.int32)
        return Stretches(np.zeros(1, STRETCH), none, zeros, zeros, zeros[:0], 0)
    copies, copy_of, shift = _copies(requests, has)
    is_cut = prompts < blocks * size
    # prompts that begin at the same place and are as long, to the last token or none, have the same list
    alike = 2 * (requests.prefix_start * (blocks.max() + 1) + blocks) + is_cut
    rows = np.flatnonzero(has)
    examples, list_of = np.unique(alike[rows] if copies else rows, return_index=True, return_inverse=True)[1:]
    lists = rows[examples]
    ids, begins = _ids(requests.prefix_ids, requests.prefix_start[lists], blocks[lists], shift[lists])
    number, opens = _joined(ids, begins, is_cut[lists])
    places = np.flatnonzero(opens)
    found = np.zeros(len(places), dtype=STRETCH)
    first_block, found["id"] = np.unique(number[places], return_inverse=True)
    found["blocks"] = np.diff(places, append=len(ids))
    first = np.searchsorted(places, begins)
    counts = np.diff(first, append=len(places))
    start, count = np.zeros(requests.rows, np.int64), np.zeros(requests.rows, np.int32)
    start[rows], count[rows] = first[list_of], counts[list_of]
    each, copies = int(number.max()) + 1, max(copies, 1)
    blocks = (each * np.arange(copies)[:, None] + first_block).ravel().astype(np.int32)
    offset: NDArray[np.int32] = (copy_of * len(first_block)).astype(np.int32)
    return Stretches(found, start, count, offset, blocks, each * copies)


def _copies(requests: Requests, has: NDArray[np.bool_]) -> tuple[int, Ints, Ints]:
    """How many copies of the same ids there are, to which each prompt belongs, and what else shifts its ids.

    Shifts that lie so close that ids of two copies could meet make none; then all ids are told apart.
    """
    shift = requests.prefix_shift.astype(np.int64)
    nothing = np.zeros_like(shift)
    shifts = np.unique(shift[has])
    if np.any(np.diff(shifts) <= int(requests.prefix_ids.max())):
        return 0, nothing, shift
    return len(shifts), np.where(has, np.searchsorted(shifts, shift), 0), nothing


def _ids(prefix_ids: NDArray[np.int32], start: Ints, length: Ints, shift: Ints) -> tuple[Ints, Ints]:
    """Ids of all lists one behind the other, as dense numbers, and where each list begins."""
    begins = np.concatenate(([0], np.cumsum(length)[:-1]))
    within = np.arange(length.sum()) - np.repeat(begins, length)
    ids = prefix_ids[np.repeat(start, length) + within] + np.repeat(shift, length)
    return np.unique(ids, return_inverse=True)[1], begins


def _joined(ids: Ints, begins: Ints, is_cut: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
    """New numbers of ids, consecutive in a stretch, and where stretches begin."""
    opens = np.zeros(len(ids), dtype=np.bool_)
    opens[begins] = True
    before = np.where(opens, _END, np.roll(ids, 1))
    after = np.where(np.roll(opens, -1), _END, np.roll(ids, -1))
    many = int(ids.max()) + 1
    partial = np.zeros(many, dtype=np.bool_)
    ends = np.concatenate((begins[1:], [len(ids)])) - 1
    partial[ids[ends[is_cut]]] = True
    always_before, always_after = _always(ids, before, many), _always(ids, after, many)
    # a block goes on from the one before if each is all that ever stands beside the other
    previous = np.maximum(before, 0)
    opens |= (always_before[ids] != before) | (always_after[previous] != ids) | partial[ids]
    first_seen = np.unique(ids, return_index=True)[1]
    number = np.empty(many, dtype=np.int64)
    number[np.argsort(first_seen)] = np.arange(many)
    return number[ids], opens


def _always(ids: Ints, beside: Ints, many: int) -> Ints:
    """What stands beside an id wherever it occurs; the end if that differs."""
    least, most = np.full(many, np.iinfo(np.int64).max), np.full(many, _END)
    np.minimum.at(least, ids, beside)
    np.maximum.at(most, ids, beside)
    return np.where(least == most, most, _END)
