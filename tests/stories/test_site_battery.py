"""The battery at the grid connection: calls of the grid, peaks, reserve and charging, with what they are worth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin import catalog
from twin.physics.storage import cycle_wear_frac
from twin.report import Run
from twin.report.storage import calls
from twin.report.tables import call_rows

AT_S, RAMP_S, HELD_S = 60.0, 10.0, 80.0
CALL = {
    "at": f"{AT_S:g} s", "kind": "grid-call", "window": "30 s", "amount": "30 %", "ramp": f"{RAMP_S:g} s",
    "duration": f"{HELD_S:g} s", "first": ["batch", "reasoning"],
}  # fmt: skip
BATTERY = {
    "energy": "2 kWh", "power": "150 kW", "answers_calls": True, "reserve": "10 %", "recharge": "20 kW",
    "ramp": "1 kW/s",
}  # fmt: skip


def run(path: Path, out: Path, **changes: Any) -> Run:
    """A run whose balances hold, the store's among them."""
    found = twin.run(twin.load(path, set={"time.sample": "1 s", **changes}), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return found


def site(found: Run, name: str) -> np.ndarray:
    """A series of the one feed or site, array (time)."""
    return found[name].values[:, 0].astype(float)


@pytest.fixture(scope="module")
def called(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A call of 30 % on a hall whose battery lasts for a part of it."""
    changes = {"time.duration": "4 min", "events": {"call": CALL}, "power.storage": BATTERY}
    return run(scenarios / "grid-fast-response.yaml", tmp_path_factory.mktemp("called"), **changes)


def test_thirty_percent_within_half_a_minute_come_from_the_battery_first(called: Run) -> None:
    kpis, grid_w, battery_w = called.kpis(), site(called, "site.power_w"), site(called, "feed.battery_w")
    assert kpis["grid_reached_s"] <= RAMP_S + 2.0
    begins, ends = int(AT_S + RAMP_S) + 2, int(AT_S + RAMP_S + HELD_S)
    limit_w = 0.7 * kpis["grid_baseline_w"]
    assert grid_w[begins:ends].max() <= limit_w * (1.0 + 1e-6), "also while the battery hands over"
    pace = called["gpu.clock_frac"].values.min(axis=1)
    lasts_s = called["feed.stored_frac"].values[:, 0] * 2.0 * 3.6e6 / battery_w.clip(1.0)
    at_work = np.flatnonzero(pace < 1.0)[0]
    assert begins + 20 < at_work < ends, "nothing throttles while the battery lasts"
    assert (battery_w[begins:at_work] > 0.2 * kpis["grid_baseline_w"]).all()
    assert lasts_s[at_work] < 40.0, "20 s above a reserve of 10 s"


def test_the_reserve_is_left_and_charging_waits_and_ramps(called: Run) -> None:
    stored, battery_w = site(called, "feed.stored_frac"), site(called, "feed.battery_w")
    assert stored.min() >= 0.1 - 1e-7
    over = int(AT_S + 2 * RAMP_S + HELD_S)
    assert battery_w[int(AT_S) : over].min() >= 0.0, "it is not charged during a call"
    charging_w = -battery_w[over + 1 :]
    assert charging_w.max() == pytest.approx(20e3, rel=1e-6)
    assert np.diff(charging_w).max() <= 1e3 * (1.0 + 1e-6)
    ((at_s, what),) = [(e.time_s, e.what) for e in called.events.itertuples() if "gives" in e.what]
    assert AT_S < at_s <= AT_S + 2.0
    assert what.endswith("kW beside the grid")


def test_the_report_says_who_gave_what_and_what_it_is_worth(called: Run) -> None:
    kpis = called.kpis()
    (one,) = calls(called.file)
    assert one["asked_w"] == pytest.approx(0.3 * kpis["grid_baseline_w"])
    assert one["given_w"] == pytest.approx(one["asked_w"], rel=0.01)
    assert 0.3 * one["not_drawn_j"] < one["battery_j"] < one["not_drawn_j"]
    assert one["battery_j"] == kpis["grid_battery_j"]
    assert one["payment_usd"] == pytest.approx(200.0 / 3.6e9 * one["not_drawn_j"])
    given, taken = kpis["storage_given_j"], kpis["storage_taken_j"]
    left = 2.0 * 3.6e6 * (called["feed.stored_frac"].values[-1, 0] - 1.0)
    card, power_w, battery_w = catalog.get("battery", "lfp-container"), 150e3, site(called, "feed.battery_w")
    idle_j = card.loss_constant_frac * power_w * 240.0
    assert kpis["storage_loss_j"] == pytest.approx(taken - given - left + idle_j)
    share = np.abs(battery_w) / power_w
    moved_j = power_w * (card.loss_linear_frac * share + card.loss_quadratic_frac * share**2).sum()
    assert kpis["storage_loss_j"] == pytest.approx(moved_j + idle_j, rel=1e-3)
    table = call_rows(called)
    assert table is not None
    assert float(table.rows[0][4]) == pytest.approx(one["battery_j"] / 3.6e6, rel=0.01)


def test_peaks_are_cut_at_the_limit_and_the_charge_is_for_the_limit(scenarios: Path, tmp_path: Path) -> None:
    """A rack that comes back after an outage charges at once; its battery keeps the site below its peak."""
    words = {
        "time.duration": "2 min", "economics.demand_charge": "12 USD/kW", "economics.demand_window": "10 s",
        "power.ups": {"unit": "ups-500kw", "count": 2},
    }  # fmt: skip
    path = scenarios / "one-rack.yaml"
    plain = run(path, tmp_path / "plain", **words)
    load_w = site(plain, "site.power_w")
    limit_w = float(np.quantile(load_w[20:], 0.5))
    battery = {"energy": "0.5 kWh", "power": "60 kW", "peak": f"{limit_w} W"}
    cut = run(path, tmp_path / "cut", **words, **{"power.storage": battery})
    grid_w = site(cut, "site.power_w")
    idle_w = 0.004 * 60e3
    np.testing.assert_allclose(grid_w + site(cut, "feed.battery_w") - idle_w, load_w, rtol=1e-6)
    assert grid_w.max() <= limit_w * (1.0 + 1e-6)
    assert load_w.max() > 1.005 * limit_w
    kpis, without = cut.kpis(), plain.kpis()
    assert kpis["demand_peak_w"] <= limit_w * (1.0 + 1e-6)
    assert kpis["demand_peak_without_w"] == pytest.approx(without["demand_peak_w"], rel=1e-6)
    saved_usd = without["demand_charge_usd"] - kpis["demand_charge_usd"]
    assert kpis["storage_demand_usd"] == pytest.approx(saved_usd, rel=1e-6)
    assert saved_usd > 0.0
    assert kpis["storage_wear_calendar_frac"] == pytest.approx(120.0 / (15 * 31557600.0))
    stored = site(cut, "feed.stored_frac")
    deepest = cycle_wear_frac(np.array([1.0 - stored.min()]), 6000.0, 0.8, 1.3)
    assert deepest < kpis["storage_wear_cycle_frac"] < 20.0 * deepest
    wear = kpis["storage_wear_cycle_frac"] + kpis["storage_wear_calendar_frac"]
    assert kpis["storage_wear_usd"] == pytest.approx(70.0 * 0.5 * wear)
    lacks_usd = (1.0 - stored[-1]) * 0.5 * 3.6e6 * kpis["electricity_price_usd_per_j"]
    worth_usd = saved_usd - kpis["storage_energy_usd"] - kpis["storage_wear_usd"] - lacks_usd
    assert kpis["storage_worth_usd"] == pytest.approx(worth_usd, rel=1e-6)
    np.testing.assert_array_equal(cut.requests["done_at_s"], plain.requests["done_at_s"])
