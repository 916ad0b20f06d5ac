"""Generators beside the grid: a call costs fuel and no requests, and what goes wrong with them is made good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.report import Run
from twin.report.storage import calls

AT_S, NOTICE_S, RAMP_S, HELD_S = 60.0, 60.0, 20.0, 80.0
CALL = {
    "at": f"{AT_S:g} s", "kind": "grid-call", "window": "30 s", "amount": "25 %", "ramp": f"{RAMP_S:g} s",
    "notice": f"{NOTICE_S:g} s", "duration": f"{HELD_S:g} s", "first": ["batch", "reasoning"],
}  # fmt: skip
UNITS = {"unit": "diesel-250kw", "count": 2, "answers_calls": True}
BATTERY = {"energy": "1 kWh", "power": "150 kW", "answers_calls": True, "recharge": "20 kW"}
FUEL_USD_PER_J = 100.0 / 3.6e9


def run(scenarios: Path, out: Path, lasts: str = "255 s", **changes: Any) -> Run:
    """A run whose balances hold."""
    words = {"time.duration": lasts, "time.sample": "1 s", "economics.fuel": "100 USD/MWh", **changes}
    found = twin.run(twin.load(scenarios / "grid-fast-response.yaml", set=words), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return found


def total_w(found: Run, name: str) -> np.ndarray:
    """Sum over assets, array (time)."""
    return found[name].values.sum(axis=1, dtype=float)


def said(found: Run, word: str) -> list[tuple[float, str]]:
    """Instants and generators of the events whose text has a word."""
    return [
        (e.time_s, e.asset) for e in found.events.itertuples() if e.kind == "generator" and word in e.what
    ]


@pytest.fixture(scope="module")
def met(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A call with notice, with generators and without."""
    out, events = tmp_path_factory.mktemp("met"), {"events": {"call": CALL}}
    with_ = run(scenarios, out, **events, **{"power.generators": UNITS})
    return {"with": with_, "without": run(scenarios, out, **events)}


def test_a_call_costs_fuel_in_place_of_requests(met: dict[str, Run]) -> None:
    grid_w, made_w = total_w(met["with"], "site.power_w"), total_w(met["with"], "generator.power_w")
    kpis = met["with"].kpis()
    held = slice(int(AT_S + NOTICE_S + RAMP_S) + 1, int(AT_S + NOTICE_S + RAMP_S + HELD_S))
    assert grid_w[held].max() <= 0.75 * kpis["grid_baseline_w"] * (1.0 + 1e-6)
    assert made_w[held].min() > 0.2 * kpis["grid_baseline_w"]
    assert met["with"]["gpu.clock_frac"].values.min() == 1.0, "nothing is held back at any instant"
    tiers, paid = met["with"].by("tier"), met["without"].by("tier")
    assert (tiers["good_frac"] == 1.0).all()
    assert met["without"]["gpu.clock_frac"].values.min() < 0.5
    assert paid.loc["batch", "e2e_p99_s"] > 1.3 * tiers.loc["batch", "e2e_p99_s"]
    assert kpis["grid_not_drawn_j"] > met["without"].kpis()["grid_not_drawn_j"]


def test_one_unit_starts_in_the_notice_is_loaded_by_its_ramp_and_stops(met: dict[str, Run]) -> None:
    found = met["with"]
    ((called_s, unit),) = said(found, "is called")
    ((joins_s, _),) = said(found, "runs beside")
    ((stops_s, _),) = said(found, "stops")
    assert unit == "generator-1", "one suffices"
    assert AT_S < called_s < AT_S + NOTICE_S
    assert joins_s - called_s == pytest.approx(15.0), "10 s to a voltage, 5 s to the grid"
    made_w = found["generator.power_w"].values[:, 0].astype(float)
    assert made_w[: int(joins_s)].max() == 0.0
    assert np.abs(np.diff(made_w)).max() <= 250e3 / 20.0 * (1.0 + 1e-6)
    loaded = made_w[int(joins_s) + 8 : int(AT_S + NOTICE_S + RAMP_S + HELD_S)]
    assert loaded.min() >= 0.3 * 250e3 * (1.0 - 1e-6), "its least load, also before the call"
    assert made_w[int(stops_s) :].max() == 0.0
    run_s = found["generator.run_s"].values.sum(axis=0, dtype=float)
    assert run_s == pytest.approx([stops_s - called_s - 10.0, 0.0])


def test_fuel_is_booked_and_priced(met: dict[str, Run]) -> None:
    kpis = met["with"].kpis()
    made_j = kpis["energy_generator_j"]
    assert kpis["fuel_j"] == pytest.approx(0.15 * 250e3 * kpis["generator_run_s"] + 2.63 * made_j, rel=1e-3)
    assert kpis["fuel_usd"] == pytest.approx(FUEL_USD_PER_J * kpis["fuel_j"])
    assert kpis["fuel_co2_kg"] == pytest.approx(7.41e-8 * kpis["fuel_j"])
    tank_j = 2 * 250e3 * (0.15 + 2.63) * 86400.0
    left = met["with"]["generator.fuel_frac"].values[-1].astype(float).mean()
    assert (1.0 - left) * tank_j == pytest.approx(kpis["fuel_j"], rel=1e-3)
    (one,) = calls(met["with"].file)
    assert 0.0 < one["generators_j"] == kpis["grid_generator_j"] < made_j
    assert one["generators_j"] < one["not_drawn_j"], "as the load falls by itself too"
    assert "grid_generator_j" not in met["without"].kpis()


def test_without_notice_the_battery_bridges_until_they_are_up(scenarios: Path, tmp_path: Path) -> None:
    call = CALL | {"notice": "0 s", "ramp": "4 s", "amount": "30 %"}
    words = {"events": {"call": call}, "power.generators": UNITS, "power.storage": BATTERY}
    found = run(scenarios, tmp_path, lasts="140 s", **words)
    grid_w, made_w = total_w(found, "site.power_w"), total_w(found, "generator.power_w")
    given_w, limit_w = total_w(found, "feed.battery_w"), 0.7 * found.kpis()["grid_baseline_w"]
    assert grid_w[66:138].max() <= limit_w * (1.0 + 1e-6)
    assert given_w[66:74].min() > 0.25 * limit_w
    assert made_w[66:74].max() == 0.0
    assert given_w[110:].max() < 0.05 * limit_w, "then the generators give it"
    assert made_w[110:].min() > 0.3 * limit_w
    assert found["gpu.clock_frac"].values.min() == 1.0


def test_without_battery_pools_bridge_and_let_go(scenarios: Path, tmp_path: Path) -> None:
    call = CALL | {"notice": "0 s", "ramp": "4 s"}
    found = run(scenarios, tmp_path, lasts="140 s", events={"call": call}, **{"power.generators": UNITS})
    pace, made_w = found["gpu.clock_frac"].values.min(axis=1), total_w(found, "generator.power_w")
    assert pace[68:76].max() < 1.0
    assert made_w[68:74].max() == 0.0
    assert pace[100:].min() == 1.0
    grid_w, limit_w = total_w(found, "site.power_w"), 0.75 * found.kpis()["grid_baseline_w"]
    assert grid_w[75:138].max() <= limit_w * 1.01


def test_the_second_starts_where_the_first_does_not_or_its_permit_is_used_up(
    scenarios: Path, tmp_path: Path
) -> None:
    events = {"call": CALL, "no": {"at": "1 s", "kind": "generator-fails-to-start", "asset": "generator-1"}}
    words = {"power.generators": {**UNITS, "count": 3, "permit": "60 s"}}
    found = run(scenarios, tmp_path, events=events, **words)
    assert [unit for _, unit in said(found, "does not start")] == ["generator-1"]
    ((used_s, unit),) = said(found, "permit")
    assert unit == "generator-2"
    assert [unit for _, unit in said(found, "runs beside")] == ["generator-2", "generator-3"]
    made_w = found["generator.power_w"].values.astype(float)
    assert made_w[int(used_s) + 25 :, 1].max() == 0.0
    assert made_w[int(used_s) + 25 : int(AT_S + NOTICE_S + RAMP_S + HELD_S), 2].min() > 0.0
    assert made_w[:, 0].max() == 0.0


def test_the_grid_is_lost_in_a_call(scenarios: Path, tmp_path: Path) -> None:
    """No unit carries the site alone by chance: breakers open, then it is an outage like any other."""
    events = {"call": CALL, "loss": {"at": "140.3 s", "kind": "feed-loss", "duration": "15 s"}}
    ups = {"unit": "ups-500kw", "count": 2, "battery": "2 min"}
    words = {"power.generators": {**UNITS, "retransfer": "5 s"}, "power.ups": ups}
    found = run(scenarios, tmp_path, lasts="200 s", events=events, **words)
    assert said(found, "leaves the grid, which is gone") == [(140.3, "generator-1")]
    assert found["rack.dark_s"].values.max() == 0.0
    assert [unit for at_s, unit in said(found, "has voltage") if at_s > 140.0] == [
        "generator-1",
        "generator-2",
    ]
    grid_w, made_w = total_w(found, "site.power_w"), total_w(found, "generator.power_w")
    assert grid_w[141:155].max() == 0.0
    assert made_w[141:150].max() == 0.0
    assert made_w[152:160].min() > 0.0
    assert [at_s for at_s, _ in said(found, "runs beside")][-1] > 160.0, "the call goes on"


def test_a_unit_that_is_too_large_stays_off_and_pools_answer(scenarios: Path, tmp_path: Path) -> None:
    call = CALL | {"at": "20 s", "window": "15 s", "notice": "0 s", "ramp": "4 s", "duration": "20 s"}
    large = {**UNITS, "unit": "diesel-2000kw"}
    found = run(scenarios, tmp_path, lasts="50 s", events={"call": call}, **{"power.generators": large})
    assert len(said(found, "stays off")) == 1
    assert total_w(found, "generator.power_w").max() == 0.0
    assert found["gpu.clock_frac"].values.min() < 1.0
