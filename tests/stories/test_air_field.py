"""Every rack has an inlet of its own: who recirculates, what a missing panel does, and what happens when fans stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.errors import ScenarioError
from twin.report import Run

SETTING = {
    "time.duration": "4 min",
    "time.sample": "5 s",
    "recording": {"requests": "1 %", "gaps": "1 %"},
    "weather": {"dry_bulb": "25 degC"},
    "power.feed.capacity": "1.6 MW",
    "cooling.air.field": {"cell": "0.6 m"},
}
WARM = {"cooling.air.crah.supply": "39.0 degC", "cooling.air.chiller.supply": "29 degC"}
"""So warm that the hottest GPUs are just below the temperature at which they throttle."""
GAP = {"gap": {"kind": "panel-gap", "at": "2 min", "asset": "rack-14"}}


def ran(scenarios: Path, out: Path, **setting: Any) -> Run:
    """A run of the H100 hall with an air field; all its balances hold."""
    run = twin.run(twin.load(scenarios / "h100-hall.yaml", set={**SETTING, **setting}), out=out)
    for name, book in run.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return run


@pytest.fixture(scope="module")
def runs(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The warm hall with all its panels, and with those of a rack gone after two minutes."""
    out = tmp_path_factory.mktemp("air")
    return ran(scenarios, out, **WARM), ran(scenarios, out, **WARM, events=GAP)


def test_racks_take_back_some_of_their_air_and_the_report_says_how_much(runs: tuple[Run, Run]) -> None:
    whole, _ = runs
    rise = whole["rack.inlet_k"].values[-1] - whole["hall.air_k"].values[-1]
    assert 0.3 < rise.min() < rise.max() < 3.0
    assert np.ptp(rise) > 0.3, "each rack has its own"
    kpis = whole.kpis()
    assert kpis["hall_air_max_k"] == whole["rack.inlet_k"].values.max()
    assert 0.03 < kpis["recirculation_frac"] < 0.12
    cold = whole["rack.cold_capture_frac"].values[-1]
    assert cold.argmin() in np.argsort(-rise)[:6], "who captures least cold air is among the warmest"


def test_a_missing_panel_warms_its_own_rack_and_throttles_its_gpus(runs: tuple[Run, Run]) -> None:
    whole, gap = runs
    racks = list(gap["rack.inlet_k"].ids)
    more = gap["rack.inlet_k"].values - whole["rack.inlet_k"].values
    before = gap["rack.inlet_k"].time_s < 120.0
    assert np.abs(more[before]).max() == 0.0
    assert racks[int(more[-1].argmax())] == "rack-14"
    assert more[-1].max() > 0.4
    assert np.sort(np.abs(more[-1]))[-2] < 0.5 * more[-1].max()
    throttled = [np.array([i.split("/")[0] for i in r["gpu.throttled_s"].ids])[
        r["gpu.throttled_s"].values.sum(axis=0) > 0.0] for r in runs]  # fmt: skip
    assert set(throttled[0]) == set()
    assert set(throttled[1]) == {"rack-14"}
    assert gap.kpis()["fault_throttle_after_s"] > 5.0


def test_without_fans_all_racks_take_their_own_air(scenarios: Path, tmp_path: Path) -> None:
    stop = {f"fan-{i}": {"kind": "fan-loss", "at": "2 min", "asset": f"crah-{i}"} for i in range(1, 10)}
    run = ran(scenarios, tmp_path, events=stop, **{"time.duration": "170 s"})
    rise = run["rack.inlet_k"].values - run["hall.air_k"].values
    late = run["rack.inlet_k"].time_s > 150.0
    assert rise[late].min() > 10.0
    assert run["hall.recirculation_frac"].values[-1, 0] > 0.9


def test_rear_doors_leave_less_to_recirculate(runs: tuple[Run, Run], scenarios: Path, tmp_path: Path) -> None:
    doors = ran(scenarios, tmp_path, **WARM, **{"cooling.air.rear_door": {}})
    rise = [(r["rack.inlet_k"].values[-1] - r["hall.air_k"].values[-1]).mean() for r in (runs[0], doors)]
    assert rise[1] < 0.75 * rise[0]


@pytest.mark.parametrize(
    ("setting", "where", "what"),
    [
        ({"cooling.air.field": None, "events": GAP}, "events.gap.kind", "panel-gap"),
        ({"cooling.air.field": {"gaps": ["rack-99"]}}, "cooling.air.field", "rack-99"),
        (
            {"cooling.air.field": {"containment": "cold", "supply": "wall"}},
            "cooling.air.field",
            "cold aisles",
        ),
    ],
)
def test_fields_that_cannot_be_are_refused(
    scenarios: Path, tmp_path: Path, setting: dict[str, Any], where: str, what: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        ran(scenarios, tmp_path, **setting)
    (fault,) = caught.value.faults
    assert fault.where.endswith(where)
    assert what in fault.found
