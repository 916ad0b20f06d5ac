"""Cooling fails: how long a loop carries its racks, what a spare buys, who goes on serving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.report import Run
from twin.units import to

TICK_S = 0.25
TRIP_AT_S = 60.0
LOADED = {
    "time.duration": "2 min",
    "time.tick": f"{TICK_S} s",
    "time.sample": f"{TICK_S} s",
    "recording": {"requests": "1 %", "gaps": "1 %"},
}


def tripped(scenarios: Path, out: Path, supply_c: float, **changes: Any) -> Run:
    """One loaded rack whose only running pump stops, at a supply temperature."""
    setting = {
        **LOADED,
        "weather": {"dry_bulb": f"{min(supply_c - 20.0, 25.0)} degC"},
        "cooling.liquid.cdu.supply": f"{supply_c} degC",
        "cooling.liquid.facility_water.supply": f"{supply_c - 4.0} degC",
        "events": {"trip": {"at": f"{TRIP_AT_S:g} s", "kind": "pump-trip", "asset": "cdu-1", **changes}},
    }
    return twin.run(twin.load(scenarios / "one-rack.yaml", set=setting), out=out)


def first_s(run: Run, name: str, where: Any) -> float:
    """Seconds from the trip until a series first meets a condition in any asset; infinity if it never does."""
    series = run[name]
    after = (series.time_s > TRIP_AT_S) & where(series.values).any(axis=1)
    return float(series.time_s[after][0] - TRIP_AT_S) if after.any() else np.inf


def closes(run: Run) -> None:
    """All balances hold."""
    for name, book in run.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name


@pytest.fixture(scope="module")
def trips(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[float, Run]:
    """The same trip on a warm and on a cold loop."""
    out = tmp_path_factory.mktemp("cooling")
    return {supply_c: tripped(scenarios, out, supply_c) for supply_c in (45.0, 20.0, 12.0)}


def test_a_warm_loop_throttles_in_seconds_and_a_cold_one_in_tens_of_seconds(trips: dict[float, Run]) -> None:
    throttled = {c: first_s(run, "gpu.throttled_s", lambda v: v > 0.0) for c, run in trips.items()}
    off = {c: first_s(run, "gpu.clock_frac", lambda v: v <= 0.0) for c, run in trips.items()}
    print(f"\nthrottle {throttled}, shutdown {off}")
    # at full power the reference takes 2.4 s and 42 s with 45 °C, 9.6 s and 58 s with 20 °C water
    assert 2.0 < throttled[45.0] < 8.0
    assert 9.0 < throttled[20.0] < throttled[12.0]
    assert 15.0 < throttled[12.0] < 40.0
    assert off[45.0] < off[20.0] < off[12.0]
    for supply_c, run in trips.items():
        assert off[supply_c] > throttled[supply_c] + 10.0, "throttling buys time"
        closes(run)


def test_without_flow_the_dies_and_plates_take_up_the_heat(trips: dict[float, Run]) -> None:
    """Energy balance of the packages by hand: power over the heat capacities of die and plate, once flow has gone."""
    card = twin.catalog.get("gpu", "b200-gb200")
    held_j_per_k = card.die_heat_capacity_j_per_k + card.cold_plate_heat_capacity_j_per_k
    run = trips[12.0]
    dies, power = run["gpu.temperature_k"], run["gpu.power_w"]
    window = (dies.time_s >= TRIP_AT_S + 8.0) & (dies.time_s <= TRIP_AT_S + 14.0)
    rise = np.polyfit(dies.time_s[window], dies.values[window].mean(axis=1).astype(float), 1)[0]
    most = float(power.values[window].mean()) / held_j_per_k
    assert 0.6 * most < rise < most, "what little flow is left takes the rest"


def test_a_spare_pump_three_seconds_later_saves_a_warm_loop(scenarios: Path, tmp_path: Path) -> None:
    run = tripped(scenarios, tmp_path, 45.0, spare_after="3 s")
    peak_c = to(float(run["gpu.temperature_k"].values.max()), "degC", "temperature")
    assert 80.0 < peak_c < 95.0
    assert first_s(run, "gpu.clock_frac", lambda v: v <= 0.0) == np.inf
    late = run["gpu.clock_frac"].time_s > TRIP_AT_S + 40.0
    assert run["gpu.clock_frac"].values[late].min() == 1.0
    closes(run)
