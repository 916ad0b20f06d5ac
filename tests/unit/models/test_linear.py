"""The exact linear step against SciPy's matrix exponential."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from twin.models._linear import relax, relax_pair


def _network(seed: int, isolated: bool, leak_per_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.0, 2.0, (3, 3))
    np.fill_diagonal(rate, 0.0)
    if isolated:
        rate[0] = rate[:, 0] = 0.0
    rate -= np.diag(rate.sum(axis=1))
    rate[2, 2] -= leak_per_s
    return rate, rng.normal(0.0, 5.0, 3), rng.uniform(280.0, 360.0, 3)


def _oracle(
    rate: np.ndarray, source: np.ndarray, start: np.ndarray, dt_s: float
) -> tuple[np.ndarray, np.ndarray]:
    n = rate.shape[0]
    block = np.zeros((3 * n, 3 * n))
    block[:n, :n], block[:n, n : 2 * n], block[n : 2 * n, 2 * n :] = (
        rate * dt_s,
        np.eye(n) * dt_s,
        np.eye(n) * dt_s,
    )
    power, slope = expm(block), rate @ start + source
    return start + power[:n, n : 2 * n] @ slope, start * dt_s + power[:n, 2 * n :] @ slope


def _relax(
    rate: np.ndarray, source: np.ndarray, start: np.ndarray, dt_s: float
) -> tuple[np.ndarray, np.ndarray]:
    end, total = relax(rate[..., None].copy(), source[:, None].copy(), start[:, None].copy(), dt_s)
    return end[:, 0], total[:, 0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 999), st.booleans(), st.sampled_from([0.0, 0.3]), st.floats(1e-6, 50.0))
def test_against_the_matrix_exponential(seed: int, isolated: bool, leak: float, dt_s: float) -> None:
    case = _network(seed, isolated, leak)
    for found, want in zip(_relax(*case, dt_s), _oracle(*case, dt_s), strict=True):
        # a node may come to lie near zero while its neighbours do not
        assert found == pytest.approx(want, rel=1e-11, abs=1e-12 * np.abs(want).max())


@pytest.mark.parametrize("dt_s", [1e-9, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("isolated", [False, True])
def test_balance_closes_for_any_step(dt_s: float, isolated: bool) -> None:
    rate, source, start = _network(7, isolated, 0.1)
    end, total = _relax(rate, source, start, dt_s)
    scale = np.abs(rate) @ np.abs(total) + np.abs(source) * dt_s + np.abs(end)
    assert np.all(np.abs(end - start - rate @ total - source * dt_s) <= 1e-12 * scale)


def test_nothing_happens_in_no_time() -> None:
    rate, source, start = _network(3, False, 0.1)
    end, total = _relax(rate, source, start, 0.0)
    assert np.array_equal(end, start)
    assert np.array_equal(total, np.zeros(3))


def test_a_neighbour_with_other_coefficients_gets_its_own_propagator() -> None:
    cases = [_network(seed, False, 0.1) for seed in (1, 1, 2, 1)]
    rate, source, start = (np.stack([c[k] for c in cases], axis=-1) for k in range(3))
    end, _ = relax(rate, source, start, 2.0)
    for asset, case in enumerate(cases):
        assert np.array_equal(end[:, asset], _relax(*case, 2.0)[0])


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(*[st.floats(0.0, 2.0)] * 3),
    st.tuples(*[st.floats(-5.0, 5.0)] * 2),
    st.tuples(*[st.floats(280.0, 360.0)] * 2),
    st.floats(0.0, 1e4),
)
def test_two_nodes_in_numbers_go_as_in_arrays(
    flows: tuple[float, ...], source: tuple[float, ...], start: tuple[float, ...], dt_s: float
) -> None:
    forth, back, leak = flows
    rate = (-forth, forth, back, -back - leak)
    end, total = relax_pair(rate, source, start, dt_s)
    wanted = _relax(np.array(rate).reshape(2, 2), np.array(source), np.array(start), dt_s)
    for found, want in zip((end, total), wanted, strict=True):
        assert found == pytest.approx(want, rel=1e-11, abs=1e-12 * np.abs(want).max())
    rise = np.array(end) - start - np.array(source) * dt_s
    carried = np.array(rate).reshape(2, 2) @ total
    scale = (np.abs(rate).max() * max(start) + np.abs(source).max()) * dt_s + np.abs(end).max()
    assert np.abs(rise - carried).max() <= 1e-12 * scale
