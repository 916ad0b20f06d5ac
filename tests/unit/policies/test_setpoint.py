"""Control of a temperature: what the policies do to a volume with a load, with limits, and with a broken sensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from twin.policies import setpoint
from twin.policies.setpoint import Memory, Reading
from twin.registry import find, names

SET_K, BAND_K, POWER_W, CAPACITY_J_PER_K = 313.15, 4.0, 1e6, 8e6
POLICIES = ("proportional", "pid", "staged")


def held(policy: str, load_frac: np.ndarray, start_k: float = SET_K + 2.0, units: int = 4) -> np.ndarray:
    """Temperatures of a mixed volume whose load changes second by second, cooled with the policy's effort."""
    control: Any = find("twin.policies.setpoint", policy, "control")
    now_k, memory, found = np.array([start_k]), Memory(), []
    for load in load_frac:
        reading = Reading(now_k, np.array([SET_K]), np.array([BAND_K]), units)
        effort, memory = control(memory, reading, 1.0)
        assert 0.0 <= effort[0] <= 1.0
        now_k = now_k + (load - effort) * POWER_W / CAPACITY_J_PER_K
        found.append(float(now_k[0]))
    return np.array(found)


def test_every_policy_is_here() -> None:
    assert set(POLICIES) <= set(names("twin.policies.setpoint"))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_a_steady_load_is_held_inside_the_band(policy: str, load: float) -> None:
    late_k = held(policy, np.full(3000, load))[-600:]
    assert late_k.min() > SET_K - 1.0 and late_k.max() < SET_K + BAND_K + 0.5


def test_pid_meets_the_set_point_where_proportion_stays_above() -> None:
    load = np.full(3000, 0.6)
    assert held("pid", load)[-1] == pytest.approx(SET_K, abs=0.02)
    assert held("proportional", load)[-1] == pytest.approx(SET_K + 0.6 * BAND_K, abs=0.02)


def test_pid_does_not_wind_up_while_it_is_overloaded() -> None:
    """Ten minutes beyond its means, then half load: it comes back without going far below the set-point."""
    course = held("pid", np.concatenate([np.full(600, 1.2), np.full(3000, 0.5)]))
    assert course[599] > SET_K + 5.0
    assert course[600:].min() > SET_K - 1.5
    assert course[-1] == pytest.approx(SET_K, abs=0.05)


def test_stages_are_whole_units_and_rarely_change() -> None:
    control: Any = find("twin.policies.setpoint", "staged", "control")
    memory, seen = Memory(), []
    for second in range(600):
        measured_k = np.array([SET_K + 2.0 + 0.3 * np.sin(second / 3.0)])
        effort, memory = control(memory, Reading(measured_k, np.array([SET_K]), np.array([BAND_K]), 4), 1.0)
        seen.append(float(effort[0]) * 4)
    assert set(seen) <= {0.0, 1.0, 2.0, 3.0, 4.0}
    assert np.count_nonzero(np.diff(seen)) <= 1, "ripple within the dead band moves nothing"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("reading_k", [np.nan, 0.0, 500.0])
def test_a_broken_sensor_asks_for_all_cooling_and_is_forgotten(policy: str, reading_k: float) -> None:
    control: Any = find("twin.policies.setpoint", policy, "control")
    one, memory = np.ones(1), Memory()
    for _ in range(5):
        calm, memory = control(memory, Reading((SET_K + 1.0) * one, SET_K * one, BAND_K * one, 4), 1.0)
    broken, memory = control(memory, Reading(reading_k * one, SET_K * one, BAND_K * one, 4), 1.0)
    assert broken[0] == 1.0
    for _ in range(300):
        after, memory = control(memory, Reading((SET_K + 1.0) * one, SET_K * one, BAND_K * one, 4), 1.0)
    assert np.isfinite(after[0]) and after[0] <= 1.0
    assert setpoint.safe_frac(calm, (SET_K + 1.0) * one)[0] == calm[0]
