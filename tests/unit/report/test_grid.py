"""Figures of grid calls."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from twin.report.grid import figures_of, grid_figures

CALL = {
    "at_s": 60.0,
    "window_s": 40.0,
    "notice_s": 20.0,
    "ramp_s": 20.0,
    "duration_s": 100.0,
    "amount_frac": 0.2,
}
TIME_S = np.arange(10.0, 301.0, 10.0)


def power_w(depth: float = 0.2) -> np.ndarray:
    """The course that the call asks for, as means of samples, with a peak before the window."""
    course = np.interp(TIME_S - 5.0, [80.0, 100.0, 200.0, 220.0], [0.0, depth, depth, 0.0])
    return 1000.0 * (1.0 - course) + 500.0 * (TIME_S <= 20.0)


def file(values: np.ndarray, calls: list[dict[str, float]], **prices: Any) -> Any:
    texts = {"grid_calls": calls, "economics": {"electricity_usd_per_j": 1e-6, **prices}}
    series = SimpleNamespace(time_s=TIME_S[: len(values)], values=values[:, None])
    return SimpleNamespace(json=texts.get, series=lambda name: series, attrs={"start": "2022-07-20 13:58"})


def test_a_course_as_asked_for() -> None:
    found = figures_of(CALL, TIME_S, power_w())
    assert found == pytest.approx({
        "grid_baseline_w": 1000.0, "grid_reduction_frac": 0.2, "grid_excess_frac": 0.0, "grid_reached_s": 30.0,
        "grid_not_drawn_j": 200.0 * 120.0,
    })  # fmt: skip


def test_too_little_is_told() -> None:
    found = figures_of(CALL, TIME_S, power_w(0.15))
    assert found["grid_excess_frac"] == pytest.approx(0.05)
    assert found["grid_reduction_frac"] == pytest.approx(0.15)
    assert math.isnan(found["grid_reached_s"])


def test_parts_of_samples_count_in_part() -> None:
    shifted = {**CALL, "at_s": 65.0, "window_s": 10.0, "notice_s": 15.0}
    assert figures_of(shifted, TIME_S, power_w()) == pytest.approx(figures_of(CALL, TIME_S, power_w()))


def test_a_record_that_ends_too_early_says_nothing_of_what_it_lacks() -> None:
    found = figures_of(CALL, TIME_S[:15], power_w()[:15])
    assert found["grid_baseline_w"] == 1000.0
    assert math.isnan(found["grid_reduction_frac"]) and math.isnan(found["grid_not_drawn_j"])
    assert all(math.isnan(v) for v in figures_of(CALL, TIME_S[:0], power_w()[:0]).values())


def test_calls_add_up_and_are_paid() -> None:
    second = {**CALL, "amount_frac": 0.1}
    found = grid_figures(file(power_w(), [CALL, second], demand_response_usd_per_j=1e-3))
    assert found["grid_not_drawn_j"] == pytest.approx(48_000.0)
    assert found["grid_payment_usd"] == pytest.approx(48.0)
    assert found["grid_reached_s"] == 30.0
    assert grid_figures(file(power_w(), [])) == {}
