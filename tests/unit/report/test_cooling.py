"""Times from a fault of the cooling to throttling and shutdown, read off series."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from twin.report.cooling import cooling_figures, faults, figures_of

TIME_S = np.arange(10.0, 61.0, 10.0)


def file(told: list[dict[str, Any]], throttled_s: np.ndarray, clock: np.ndarray) -> Any:
    series = {"gpu.throttled_s": throttled_s, "gpu.clock_frac": clock}
    return SimpleNamespace(
        json={"cooling_faults": told}.get,
        series_names=lambda: tuple(series),
        series=lambda name: SimpleNamespace(time_s=TIME_S, values=series[name]),
    )


def test_who_throttled_before_does_not_count() -> None:
    hot = np.zeros((6, 2))
    hot[:, 0] = 10.0
    hot[4:, 1] = 3.0, 10.0
    found = figures_of({"at_s": 30.0}, TIME_S, hot, np.ones((6, 2)))
    assert found["throttle_after_s"] == 50.0 - 3.0 - 30.0
    assert found["throttled_gpus"] == 1.0
    assert math.isnan(found["shutdown_after_s"])


def test_a_gpu_without_power_did_not_shut_down_for_heat() -> None:
    off = np.ones((6, 2))
    off[3:, 0] = 0.0
    assert figures_of({"at_s": 30.0}, TIME_S, np.zeros((6, 2)), off)["shut_down_gpus"] == 0.0


def test_of_several_faults_the_shortest_time_counts() -> None:
    hot, clock = np.zeros((6, 1)), np.ones((6, 1))
    hot[3:], clock[5:] = 10.0, 0.0
    told = [{"name": "b", "at_s": 55.0}, {"name": "a", "at_s": 10.0}]
    given = file(told, hot, clock)
    assert [one["name"] for one in faults(given)] == ["a", "b"]
    found = cooling_figures(given)
    assert found["fault_throttle_after_s"] == 20.0
    assert found["fault_shutdown_after_s"] == 5.0, "the second fault is nearer to it"
    assert cooling_figures(file([], hot, clock)) == {}
