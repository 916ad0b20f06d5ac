"""Pooled gaps against the same gaps written out token by token."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import ResultsError
from twin.report.itl import Gaps

SHARES = [0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]

run = st.tuples(
    st.integers(0, 5),
    st.integers(0, 40),
    st.sampled_from([0.0, 0.02, 0.02 + 2**-57, 0.1 + 0.2, 0.3, 1e-3, 5.0]) | st.floats(0.0, 10.0),
    # below the rounding of a gap, of its size, and well above
    st.sampled_from([0.0, 1e-25, 1e-19, -1e-19, 3.5e-18, 1e-6, 0.1, -1e-6]) | st.floats(0.0, 0.5),
)


def columns(runs: list[tuple[int, int, float, float]]) -> dict[str, np.ndarray]:
    sequences, steps, first, growth = (np.array(c) for c in zip(*runs, strict=True))
    falls = first + np.maximum(steps - 1, 0) * growth < 0.0
    return {
        "sequences": sequences,
        "steps": steps,
        "first_s": first,
        "growth_s": np.where(falls, 0.0, growth),
    }


def expanded(table: dict[str, np.ndarray]) -> np.ndarray:
    rows = zip(*(table[k] for k in ("sequences", "steps", "first_s", "growth_s")), strict=True)
    return np.concatenate([np.repeat(f + np.arange(n) * g, w) for w, n, f, g in rows])


@settings(max_examples=100, deadline=None)
@given(st.lists(run, min_size=1, max_size=6))
def test_pooled_gaps_equal_the_tokens_written_out(runs: list[tuple[int, int, float, float]]) -> None:
    table = columns(runs)
    tokens, gaps = expanded(table), Gaps(table)
    assert gaps.count == len(tokens)
    if not len(tokens):
        assert np.isnan([gaps.mean_s, gaps.std_s, *gaps.quantiles_s(SHARES)]).all()
        return
    exact = np.quantile(tokens, SHARES, method="inverted_cdf")
    assert gaps.quantiles_s(SHARES).tolist() == exact.tolist()
    assert gaps.mean_s == pytest.approx(tokens.mean(), rel=1e-12, abs=1e-15)
    assert gaps.std_s == pytest.approx(tokens.std(), rel=1e-6, abs=1e-9)


def test_a_pool_of_billions_takes_no_memory() -> None:
    gaps = Gaps(
        {"sequences": [1000, 1], "steps": [10**9, 1], "first_s": [0.02, 9.0], "growth_s": [1e-12, 0.0]}
    )
    assert gaps.count == 10**12 + 1
    low, middle, high = gaps.quantiles_s([0.0, 0.5, 1.0])
    assert (low, high) == (0.02, 9.0)
    assert middle == pytest.approx(0.0205, abs=1e-11)


def test_a_growth_lost_in_rounding_is_counted_exactly() -> None:
    table = {"sequences": [3], "steps": [500], "first_s": [0.02], "growth_s": [1.1e-20]}
    tokens = expanded({k: np.array(v) for k, v in table.items()})
    assert len(np.unique(tokens)) < 10
    exact = np.quantile(tokens, SHARES, method="inverted_cdf")
    assert Gaps(table).quantiles_s(SHARES).tolist() == exact.tolist()


def test_all_wrong_columns_are_named_at_once() -> None:
    with pytest.raises(ResultsError) as caught:
        Gaps({"sequences": [1, -1], "steps": [1, 1], "first_s": [np.nan, 0.1], "growth_s": [0.0, np.inf]})
    named = [fault.where for fault in caught.value.faults]
    assert any("sequences[1]" in w for w in named) and any("first_s[0]" in w for w in named)
