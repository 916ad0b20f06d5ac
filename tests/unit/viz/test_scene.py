"""What is left out of a picture is what nobody could see in it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from viz.scene import hidden

STRETCHES = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(0, 1), st.integers(0, 9), st.integers(1, 9)),
    min_size=1, max_size=30,
)  # fmt: skip


def stretch(axis: int, a: int, b: int, start: int, length: int) -> list[int]:
    """Both ends of a stretch along an axis."""
    low, high = [a, b], [a, b]
    low.insert(axis, start)
    high.insert(axis, start + length)
    return [*low, *high]


@given(STRETCHES, st.data())
def test_what_is_hidden_lies_in_what_is_drawn_and_nothing_else_does(drawn, data):
    ends = np.unique(np.array([stretch(*each) for each in drawn], dtype=float), axis=0)
    wide = np.array(
        data.draw(st.lists(st.sampled_from([1.0, 1.2, 1.6]), min_size=len(ends), max_size=len(ends)))
    )
    found = hidden(ends, wide)

    def lies_in(i: int, j: int) -> bool:
        inside = (ends[j, :3] <= ends[i, :3]).all() and (ends[i, 3:] <= ends[j, 3:]).all()
        return bool(i != j and inside and wide[j] >= wide[i])

    every = range(len(ends))
    assert found.tolist() == [any(lies_in(i, j) for j in every) for i in every]
    assert all(any(lies_in(i, j) for j in np.flatnonzero(~found)) for i in np.flatnonzero(found))
