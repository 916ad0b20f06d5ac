"""Stretches against their definition: neighbours that every prompt has together, full in all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from twin.models.serving.stretches import find_stretches
from twin.requests import Requests, make

SIZE = 4


def prompts(lists: list[list[int]], lengths: list[int], shifts: list[int]) -> Requests:
    counts = [len(ids) for ids in lists]
    return make(
        np.zeros(len(lists)),
        lengths,
        [1] * len(lists),
        prefix_start=np.cumsum([0, *counts[:-1]]),
        prefix_blocks=counts,
        prefix_shift=shifts,
        prefix_ids=[i for ids in lists for i in ids],
        prefix_block_tokens=SIZE,
    )


def parted(requests: Requests) -> list[list[list[int]]]:
    """Stretches of each prompt, as ids of their blocks."""
    found = find_stretches(requests)
    rows = []
    for start, count, shift in zip(found.start, found.count, found.shift, strict=True):
        spans = found.stretches[start : start + count]
        firsts = found.first_block[spans["id"] + shift].tolist()
        rows.append([list(range(i, i + n)) for i, n in zip(firsts, spans["blocks"].tolist(), strict=True)])
    return rows


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[int]]:
    """Prompts that branch off others, some with a partial last block, in copies."""
    lists, fresh = [], 0
    for _ in range(draw(st.integers(1, 8))):
        old = draw(st.sampled_from([[], *lists]))
        head = old[: draw(st.integers(0, len(old)))]
        new = draw(st.integers(0 if head else 1, 4))
        lists.append(head + list(range(fresh, fresh + new)))
        fresh += new
    lengths = [len(ids) * SIZE - draw(st.integers(0, SIZE - 1)) for ids in lists]
    step = draw(st.sampled_from([fresh, fresh, max(fresh // 2, 1)]))  # the last makes ids of copies meet
    copies = draw(st.integers(1, 3))
    shifts = [step * draw(st.integers(0, copies - 1)) for _ in lists]
    return lists, lengths, shifts


@given(trees())
def test_stretches_are_what_prompts_share_as_a_whole(given_prompts) -> None:
    lists, lengths, shifts = given_prompts
    rows = parted(prompts(*given_prompts))
    absolute = [[i + shift for i in ids] for ids, shift in zip(lists, shifts, strict=True)]
    renamed = [[i for stretch in row for i in stretch] for row in rows]
    names: dict[int, int] = {}
    for old, new in zip(absolute, renamed, strict=True):
        assert len(old) == len(new)
        for a, b in zip(old, new, strict=True):
            assert names.setdefault(a, b) == b  # the same block has the same name
    assert len(set(names.values())) == len(names)
    assert max(names.values(), default=-1) < find_stretches(prompts(*given_prompts)).distinct_blocks
    whole = {tuple(stretch) for row in rows for stretch in row}
    members = [i for stretch in whole for i in stretch]
    assert len(members) == len(set(members))  # no two stretches overlap
    for ids, length in zip(renamed, lengths, strict=True):
        if length < len(ids) * SIZE:
            assert (ids[-1],) in whole


def test_stretches_are_as_long_as_they_can_be() -> None:
    shared, first, second = [0, 1, 2], [3, 4], [5]
    requests = prompts([shared + first, shared + second], [5 * SIZE, 4 * SIZE], [0, 0])
    assert parted(requests) == [[[0, 1, 2], [3, 4]], [[0, 1, 2], [5]]]
    assert find_stretches(requests).distinct == 3


def test_prompts_without_hashes() -> None:
    found = find_stretches(make([0.0], [5], [1]))
    assert (found.count.tolist(), found.distinct, found.distinct_blocks) == ([0], 0, 0)
