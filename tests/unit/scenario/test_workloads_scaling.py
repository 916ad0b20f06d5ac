"""What scaling does to load and bursts, and what drawn arrivals and lengths are like."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import gamma

from twin.requests import make
from twin.rng import stream
from twin.scenario.workloads import read_trace
from twin.scenario.workloads.arrivals import drawn, renewal, weibull_shape
from twin.scenario.workloads.lengths import lengths, missing
from twin.scenario.workloads.scaling import filled, period_of, scaled, spread_out
from twin.scenario.workloads.schema import Arrivals, Lengths, Scale

from .conftest import SCENARIOS

draw = partial(stream, 1, "test")


def scale(by, factor):
    return Scale(by=by, factor=factor)


def cv_of(times):
    gaps = np.diff(times)
    return gaps.std() / gaps.mean()


def dispersion(times, end_s, window_s):
    """Variance over mean of the counts in windows: 1 for Poisson arrivals."""
    counts = np.histogram(times, np.arange(0.0, end_s + window_s, window_s))[0]
    return counts.var() / counts.mean()


@pytest.fixture(scope="module")
def bursty():
    times = drawn(draw("bursty"), Arrivals(process="gamma", rate="20 1/s", cv=4), 2000.0)
    return make(times, np.arange(1, len(times) + 1), np.ones(len(times)))


def play(trace, copies=1, scaling=None, end_s=2000.0):
    return filled(trace, scaled(trace, copies, scaling, draw), end_s, False, None)


def test_time_warp_keeps_the_shape_of_bursts_exactly(bursty):
    fast = scaled(bursty, 1, scale("time-warp", 2.0), draw)
    assert fast.period_s == period_of(bursty.arrived_at_s) / 2
    assert np.array_equal(fast.arrived_at_s * 2, bursty.arrived_at_s)
    assert cv_of(fast.arrived_at_s) == pytest.approx(cv_of(bursty.arrived_at_s), rel=1e-12)


def cv_of_superposed(cv, copies):
    """Of the gaps between arrivals of independent gamma renewal processes (Cox and Smith, 1954)."""
    k = 1 / cv**2
    x = np.geomspace(1e-12, 1e4, 400_001)  # gaps of one process have mean 1
    longer = gamma.sf(x, k, scale=1 / k)
    later = np.clip(gamma.sf(x, k + 1, scale=1 / k) - x * longer, 0.0, 1.0)
    second_moment = 2 * np.trapezoid(x * longer * later ** (copies - 1), x)
    return np.sqrt(second_moment * copies**2 - 1)


@pytest.mark.parametrize("copies", [2, 4, 16])
def test_superposed_bursts_are_those_of_independent_sources(bursty, copies):
    assert cv_of_superposed(4, 1) == pytest.approx(4, rel=1e-3)
    assert cv_of(play(bursty, copies).arrived_at_s) == pytest.approx(cv_of_superposed(4, copies), rel=0.05)


def test_superposition_keeps_the_dispersion_of_counts(bursty):
    many = play(bursty, 16)
    assert many.rows == 16 * bursty.rows
    alone, together = (dispersion(r.arrived_at_s, 2000.0, 10.0) for r in (bursty, many))
    assert alone > 10.0
    assert together == pytest.approx(alone, rel=0.35)  # independent copies: variances add as means do


def test_superposition_by_a_broken_factor(bursty):
    more = scaled(bursty, 1, scale("superposition", 2.25), draw)
    assert np.bincount(more.copies)[:2].tolist() == [bursty.rows] * 2
    assert np.bincount(more.copies)[2] == pytest.approx(0.25 * bursty.rows, rel=0.05)
    whole = scaled(bursty, 2, None, draw)
    assert np.isin(whole.arrived_at_s, more.arrived_at_s).all()


def test_thinning_takes_whole_sessions():
    count = 20_000
    trace = make(np.arange(count) / 10, np.ones(count), np.ones(count), session=np.arange(count) // 4)
    kept = scaled(trace, 1, scale("thinning", 0.3), draw).rows
    assert len(kept) == pytest.approx(0.3 * count, rel=0.05)
    assert set(np.bincount(kept // 4)) == {0, 4}


def test_thinning_makes_bursts_more_like_poisson(bursty):
    thin = play(bursty, 1, scale("thinning", 0.1))
    before, after = (dispersion(r.arrived_at_s, 2000.0, 10.0) for r in (bursty, thin))
    assert after == pytest.approx(1 + 0.1 * (before - 1), rel=0.35)


def test_resampling_follows_the_rate_and_shares_no_prompts():
    trace = read_trace(SCENARIOS / "data/mooncake-synthetic.csv.gz")
    lap = scaled(trace, 1, scale("resample", 3.0), draw)
    assert len(lap.rows) == pytest.approx(3 * trace.rows, rel=0.05)
    ends = np.quantile(trace.arrived_at_s, [0.25, 0.5, 0.75])
    assert np.searchsorted(lap.arrived_at_s, ends) / len(lap.rows) == pytest.approx(
        [0.25, 0.5, 0.75], abs=0.03
    )
    pairs = set(zip(lap.rows.tolist(), lap.copies.tolist(), strict=True))
    assert len(pairs) == len(lap.rows)


def test_copies_and_laps_share_no_prefix_and_no_session():
    trace = make(
        [0.0, 1.0], [100, 100], [1, 1], session=[0, 1],
        prefix_ids=[0, 1, 0, 2], prefix_start=[0, 2], prefix_blocks=2, prefix_block_tokens=50,
    )  # fmt: skip
    got = filled(trace, scaled(trace, 2, None, draw), 6.0, True, None)
    assert got.rows == 12
    shifts, counts = np.unique(got.prefix_shift, return_counts=True)
    assert shifts.tolist() == [0, 3, 6, 9, 12, 15]
    assert set(counts.tolist()) == {2}
    assert len(np.unique(got.session)) == 12
    assert got.distinct_prefixes == 18


def test_spreading_keeps_steps_and_order():
    assert spread_out(np.array([1.0])).tolist() == [1.0]
    got = spread_out(np.array([0.0, 3.0, 3.0, 3.0, 6.0, 9.0, 9.0]))
    assert got.tolist() == [0.0, 3.0, 4.0, 5.0, 6.0, 9.0, 10.5]


@pytest.mark.parametrize(
    ("process", "cv"), [("gamma", 2.0), ("gamma", 0.5), ("weibull", 2.0), ("weibull", 0.5)]
)
def test_renewal_processes_have_their_rate_and_variation(process, cv):
    times = drawn(draw(process, str(cv)), Arrivals(process=process, rate="100 1/s", cv=cv), 2000.0)
    assert len(times) == pytest.approx(200_000, rel=4 * cv / np.sqrt(200_000))
    assert cv_of(times) == pytest.approx(cv, rel=0.03)
    assert (np.diff(times) >= 0).all()
    assert 0 <= times[0] <= times[-1] < 2000.0


@pytest.mark.parametrize("is_weibull", [False, True])
def test_short_windows_of_bursty_clients_have_the_right_mean(is_weibull):
    count, cv = 40_000, 3.0
    shape = np.full(count, weibull_shape(cv) if is_weibull else 1 / cv**2)
    times, whose = renewal(draw("w"), shape, np.full(count, 0.5), np.full(count, is_weibull), 4.0)
    assert len(times) / count == pytest.approx(2.0, rel=0.05)  # beginning with an arrival gives 4 more
    assert (np.diff(times)[np.diff(whose) == 0] >= 0).sum() > 0


def test_diurnal_arrivals_follow_the_day():
    day = Arrivals(process="diurnal", rate="2 1/s", swing="50 %", peak="15 h")
    times = drawn(draw("day"), day, 86_400.0, begin_of_day_s=6 * 3600.0)
    counts = np.histogram((times / 3600 + 6) % 24, np.arange(25))[0] / 7200
    assert counts.mean() == pytest.approx(1.0, rel=0.02)
    assert counts[14:16].mean() == pytest.approx(1.5, rel=0.06)
    assert counts[2:4].mean() == pytest.approx(0.5, rel=0.1)
    table = Arrivals(process="diurnal", rate="2 1/s", hourly=[0.0] * 12 + [2.0] * 12)
    assert drawn(draw("t"), table, 86_400.0).min() >= 12 * 3600.0


@pytest.mark.parametrize(
    ("spec", "mean", "p99"),
    [
        (Lengths(mean=1000, cv=0.5), 1000, None),
        (Lengths(p50=800, p99=6000), None, 6000),
        (Lengths(shape="uniform", low=10, high=20), 15, 20),
        (Lengths(shape="geometric", mean=8), 8, None),
        (Lengths(shape="constant", mean=42), 42, 42),
    ],
)
def test_lengths_have_their_moments(spec, mean, p99):
    assert missing(spec) == ""
    got = lengths(draw("lengths"), spec, 100_000)
    assert got.min() >= spec.low
    if mean:
        assert got.mean() == pytest.approx(mean, rel=0.01)
    if p99:
        assert np.quantile(got, 0.99) == pytest.approx(p99, rel=0.05)
    assert lengths(draw("cut"), spec.model_copy(update={"shape": spec.shape, "high": 12}), 1000).max() <= 12


@pytest.mark.parametrize(
    "given",
    [
        {"mean": 5},
        {"p50": 5},
        {"p50": 5, "p99": 4},
        {"shape": "geometric"},
        {"mean": 5, "cv": 1, "low": 9, "high": 8},
    ],
)
def test_incomplete_lengths_are_told(given):
    assert missing(Lengths(**given))
