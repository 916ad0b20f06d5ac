"""Clocks from power caps, and turns of pauses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import gpu_power
from twin.policies.capping.pausing import first_turns, works
from twin.policies.capping.power import clock_frac

ONE = np.ones(1)
DIE_K = 320.0 * ONE
GPU = gpu_power.Params(
    100 * ONE, 700 * ONE, 0.2 * ONE, 0.1 * ONE, 2.0 * ONE, 0.8 * ONE, 1e15 * ONE, 4e12 * ONE
)


def work(busy_s: float = 1.0, compute: float = 0.2, memory: float = 0.1) -> gpu_power.Work:
    """A second at shares of the peak rates."""
    return gpu_power.Work(busy_s * ONE, compute * 1e15 * ONE, memory * 4e12 * ONE, 0.0 * ONE)


def clock(done: gpu_power.Work, cap_w: float, now: float = 1.0, previous: float = 1.0) -> float:
    return float(clock_frac(GPU, done, now * ONE, previous * ONE, DIE_K, cap_w * ONE, 1.0)[0])


@pytest.mark.parametrize("cap_w", [250.0, 350.0, 450.0])
def test_work_that_follows_the_clock_lands_on_the_cap(cap_w: float) -> None:
    """At the new clock the cores do in proportion less: the power is the cap."""
    found = clock(work(), cap_w)
    slower = work(compute=0.2 * found)
    assert 0.2 < found < 1.0
    assert gpu_power.energy_j(GPU, slower, found * ONE, DIE_K, 1.0)[0] == pytest.approx(cap_w, rel=2e-4)


@pytest.mark.parametrize("follows", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("cap_w", [330.0, 400.0])
def test_the_cap_is_reached_whatever_sets_the_pace(cap_w: float, follows: float) -> None:
    """Arithmetic that does not slow down with the clock, or half, or fully: some ticks, no swing."""
    now, power_w = 1.0, []
    for _ in range(30):
        rate = 0.2 * (1.0 - follows + follows * now)
        done = work(compute=rate)
        power_w.append(float(gpu_power.energy_j(GPU, done, now * ONE, DIE_K, 1.0)[0]))
        now = clock(done, cap_w, now, now)
    assert power_w[-1] == pytest.approx(cap_w, rel=1e-3)
    assert min(power_w) > 0.97 * cap_w
    assert abs(power_w[3] - cap_w) < 0.35 * (power_w[0] - cap_w)


def test_without_a_cap_or_above_the_tdp_nothing_happens() -> None:
    assert clock(work(compute=1.0, memory=1.0), np.inf) == 1.0
    assert clock(work(compute=1.0, memory=1.0), 700.0) == 1.0
    assert clock(work(), 690.0) == 1.0


def test_a_cap_below_the_floor_is_not_kept() -> None:
    assert clock(work(), 120.0) == pytest.approx(0.2, abs=1e-6)


def test_an_idle_gpu_keeps_its_clock_until_the_cap_is_lifted() -> None:
    idle = work(0.0, 0.0, 0.0)
    assert clock(idle, 300.0, previous=0.6) == 0.6
    assert clock(idle, 700.0, previous=0.6) == 1.0


@given(
    st.floats(100, 720),
    st.floats(0, 200),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.0, 0.2, 0.7, 1.0]),
)
def test_a_lower_cap_never_gives_a_higher_clock(
    cap_w: float, less_w: float, compute: float, memory: float, now: float
) -> None:
    done = work(compute=compute, memory=memory)
    low, high = clock(done, cap_w - less_w, now, 0.5), clock(done, cap_w, now, 0.5)
    assert 0.2 - 1e-12 <= low <= high <= 1.0


@given(st.floats(0, 1), st.integers(1, 40), st.integers(1, 60))
def test_pauses_take_their_share(pause_frac: float, groups: int, ticks: int) -> None:
    turns, worked = first_turns(np.arange(groups)), np.zeros(groups)
    for _ in range(ticks):
        now, turns = works(turns, np.full(groups, pause_frac))
        worked += now
        assert np.all((turns >= 0.0) & (turns <= 1.0))
    assert np.all(abs(worked - ticks * (1.0 - pause_frac)) <= 1.0 + 1e-9)


def test_without_pauses_all_work_at_once_and_half_of_them_in_turns() -> None:
    turns = first_turns(np.arange(100))
    now, _ = works(turns, np.zeros(100))
    assert now.all()
    for _ in range(10):
        now, turns = works(turns, np.full(100, 0.5))
        assert 45 <= now.sum() <= 55
    now, turns = works(turns, np.ones(100))
    assert not works(turns, np.ones(100))[0].any()
