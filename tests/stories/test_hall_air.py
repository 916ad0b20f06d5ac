"""Cold plates in a hall without facility water: units beside the racks give their heat to its air."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin import catalog
from twin.errors import ScenarioError
from twin.report import Run

ONE = {
    "time.duration": "4 min",
    "time.sample": "5 s",
    "recording": {"requests": "1 %", "gaps": "1 %"},
    "weather": {"dry_bulb": "25 degC"},
    "workload.copies": 10,
    "racks.nvl72.count": 2,
    "cooling.liquid.cdu.count": 2,
    "cooling.air.crah.count": 2,
    "cooling.air.chiller.count": 1,
}


def ran(scenarios: Path, out: Path, **setting: Any) -> Run:
    """Two racks with a unit each; all balances hold."""
    overlay = scenarios / "overlays" / "hall-air.yaml"
    run = twin.run(twin.load(scenarios / "gb200-hall.yaml", [overlay], {**ONE, **setting}), out=out)
    for name, book in run.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return run


def late(run: Run, name: str) -> float:
    """Sum over assets of a series at the end of a run."""
    return float(run[name].values[-8:].sum(axis=1).mean())


@pytest.fixture(scope="module")
def steady(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A calm run."""
    return ran(scenarios, tmp_path_factory.mktemp("hall-air"))


def test_the_air_of_the_hall_carries_all_heat(steady: Run) -> None:
    to_air_w = late(steady, "cdu.heat_w") + late(steady, "rack.air_heat_w")
    assert late(steady, "cdu.heat_w") == pytest.approx(late(steady, "rack.liquid_heat_w"), rel=0.05)
    assert late(steady, "crah.heat_w") > to_air_w, "switches, fans, pumps and losses come on top"
    assert late(steady, "crah.heat_w") < 1.5 * to_air_w
    assert not any(name.startswith(("facility_water", "dry_cooler")) for name in steady.file.series_names())


def test_coolant_stands_above_the_hall_by_what_the_coil_needs(steady: Run) -> None:
    """Heat over the effectiveness of a counterflow coil, from the card and the fans' speed, by hand."""
    card = catalog.get("cdu", "cdu-air-140kw")
    heat_w = late(steady, "cdu.heat_w") / 2.0
    above_k = (late(steady, "cdu.return_k") / 2.0) - late(steady, "hall.air_k")
    most_w = card.rated_air_flow_kg_per_s * 1006.0 * above_k
    assert 0.2 < heat_w / most_w < 0.75


def test_fans_of_the_units_are_metered_as_cooling(steady: Run, scenarios: Path, tmp_path: Path) -> None:
    hot = ran(scenarios, tmp_path, **{"cooling.air.crah.supply": "30 degC"})
    assert late(hot, "cdu.power_w") > late(steady, "cdu.power_w") + 100.0, "warmer air wants more of it"
    assert late(hot, "site.cooling_power_w") > late(hot, "cdu.power_w")
    assert late(hot, "cdu.supply_k") > late(steady, "cdu.supply_k")


def test_a_hall_whose_fans_stop_heats_the_coolant_and_throttles(scenarios: Path, tmp_path: Path) -> None:
    stop = {f"fan-{i}": {"kind": "fan-loss", "at": "1 min", "asset": f"crah-{i}"} for i in (1, 2)}
    run = ran(scenarios, tmp_path, events=stop)
    at = run["cdu.supply_k"].time_s < 60.0
    assert run["cdu.supply_k"].values[-1].min() > run["cdu.supply_k"].values[at].max() + 15.0
    assert np.isfinite(run.kpis()["fault_throttle_after_s"])


@pytest.mark.parametrize(
    ("setting", "where", "what"),
    [
        ({"cooling.liquid.cdu.unit": "cdu-800kw"}, "cooling.liquid.cdu.unit", "cdu-800kw"),
        ({"cooling.liquid.rejection": "dry-cooler"}, "cooling.liquid.facility_water", "nothing"),
        ({"cooling.liquid.facility_water": {"supply": "30 degC", "volume": "1 m3", "pump_power": "1 kW"}},
         "cooling.liquid.facility_water", "facility_water"),
        ({"cooling.air.field": {}}, "cooling.air.field", "an air field"),
    ],
)  # fmt: skip
def test_plants_that_do_not_fit_are_refused(
    scenarios: Path, tmp_path: Path, setting: dict[str, Any], where: str, what: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        ran(scenarios, tmp_path, **setting)
    assert any(fault.where.endswith(where) and what in fault.found for fault in caught.value.faults)
