"""The throttle law."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.policies.capping.thermal import Limits, clock_frac

LIMITS = Limits(np.array(360.0), np.array(368.0), np.array(378.0))


def _clock(die_k: float, previous: float = 1.0, tick_s: float = 1.0) -> float:
    return float(clock_frac(LIMITS, np.array([die_k]), np.array([previous]), tick_s)[0])


@pytest.mark.parametrize(
    ("die_k", "clock"), [(300.0, 1.0), (360.0, 1.0), (362.0, 0.8), (368.0, 0.2), (377.9, 0.2), (378.0, 0.0)]
)
def test_the_law_from_full_clock(die_k: float, clock: float) -> None:
    assert _clock(die_k) == pytest.approx(clock)


def test_it_rises_slowly() -> None:
    assert _clock(320.0, previous=0.5) == pytest.approx(0.55)
    assert _clock(320.0, previous=0.5, tick_s=5.0) == pytest.approx(0.75)
    assert _clock(320.0, previous=0.99) == 1.0


def test_a_shut_down_gpu_waits_until_it_is_cool() -> None:
    assert _clock(351.0, previous=0.0) == 0.0
    assert _clock(349.0, previous=0.0) == pytest.approx(0.2)


@given(st.floats(250, 450), st.floats(0, 20), st.sampled_from([0.0, 0.2, 0.6, 1.0]))
def test_a_hotter_die_never_runs_faster(die_k: float, rise_k: float, previous: float) -> None:
    assert 0.0 <= _clock(die_k + rise_k, previous) <= _clock(die_k, previous) <= 1.0
