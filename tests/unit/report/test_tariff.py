"""Cost, emissions and charges of energy from the grid."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from twin.report.tariff import tariff_figures

TIME_S = np.arange(10.0, 301.0, 10.0)
NONE: dict[str, np.ndarray] = {"time_s": np.empty(0), "carbon_kg_per_j": np.empty(0)}


def file(
    values: np.ndarray, tariff: dict[str, Any] = NONE, start: str = "2022-07-20 13:58", **prices: Any
) -> Any:
    economics = {"electricity_usd_per_j": 1e-6, **prices}
    series = SimpleNamespace(time_s=TIME_S[: len(values)], values=values[:, None])
    return SimpleNamespace(
        json={"economics": economics}.get,
        series=lambda name: series,
        attrs={"start": start},
        tariff=lambda: tariff,
    )


def steps(time_s: list[float], price: list[float], carbon: list[float]) -> dict[str, Any]:
    names = ("time_s", "electricity_usd_per_j", "carbon_kg_per_j")
    return dict(zip(names, map(np.array, (time_s, price, carbon)), strict=True))


def test_an_older_file_has_one_price_or_one_an_hour() -> None:
    """Two minutes before two o'clock, three after it."""
    flat = np.full(30, 1000.0)
    assert tariff_figures(file(flat))["electricity_usd"] == pytest.approx(0.3)
    hourly = [0.0] * 24
    hourly[13], hourly[14] = 1e-6, 5e-6
    found = tariff_figures(file(flat, by_hour_usd_per_j=hourly))
    assert found == pytest.approx(
        {"electricity_usd": 0.12 + 0.9, "electricity_price_usd_per_j": (0.12 + 0.9) / 3e5}
    )
    assert tariff_figures(file(flat, by_hour_usd_per_j=None))["electricity_usd"] == pytest.approx(0.3)


def test_steps_cut_samples() -> None:
    """A price that changes in the middle of a sample counts for its part, and so do emissions."""
    power = np.where(TIME_S <= 100.0, 1000.0, 2000.0)
    found = tariff_figures(file(power, steps([0.0, 105.0], [1e-6, -2e-6], [1e-7, 3e-7])))
    assert found["electricity_usd"] == pytest.approx(0.1 + 0.01 - 2e-6 * 2000.0 * 195.0)
    assert found["co2_kg"] == pytest.approx(1e-7 * 110e3 + 3e-7 * 390e3)


def test_unknown_emissions_are_not_told() -> None:
    found = tariff_figures(file(np.full(30, 1.0), steps([0.0], [1e-6], [np.nan])))
    assert set(found) == {"electricity_usd", "electricity_price_usd_per_j"}


def test_demand_is_the_highest_window_on_the_clock() -> None:
    """Windows of a minute from 13:58:30 on: those from 13:59 are whole; a peak of 30 s counts half."""
    power = np.full(30, 1000.0)
    power[6:9] = 3000.0  # 60 to 90 s from the start: 13:59:30 to 14:00
    month_s = 31 * 86400.0
    charges = {
        "demand_usd_per_w": 0.015,
        "demand_window_s": 60.0,
        "capacity_usd_per_w": 0.01,
        "capacity_w": 4e3,
    }
    found = tariff_figures(file(power, start="2022-07-20 13:58:30", **charges))
    assert found["demand_peak_w"] == pytest.approx(2000.0)
    assert found["demand_charge_usd"] == pytest.approx(2000.0 * 0.015 * 300.0 / month_s)
    assert found["capacity_charge_usd"] == pytest.approx(4000.0 * 0.01 * 300.0 / month_s)


def test_each_month_has_its_peak() -> None:
    power = np.where(TIME_S <= 120.0, 1000.0, 500.0)
    charges = {"demand_usd_per_w": 1.0, "demand_window_s": 30.0, "capacity_usd_per_w": 0.0, "capacity_w": 1.0}
    found = tariff_figures(file(power, start="2022-01-31 23:58:00", **charges))
    shares = 120.0 / (31 * 86400.0), 180.0 / (28 * 86400.0)
    assert found["demand_charge_usd"] == pytest.approx(1000.0 * shares[0] + 500.0 * shares[1])
    assert "capacity_charge_usd" not in found


def test_a_run_shorter_than_a_window_is_one() -> None:
    charges = {"demand_usd_per_w": 1.0, "demand_window_s": 900.0, "capacity_w": 1.0}
    assert tariff_figures(file(np.full(30, 700.0), **charges))["demand_peak_w"] == pytest.approx(700.0)
