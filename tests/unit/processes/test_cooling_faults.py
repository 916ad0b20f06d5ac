"""Faults of the cooling: inputs move as the event says, come back when it is over, and wrong events are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simpy

import twin
from twin.engine import Context
from twin.errors import ScenarioError
from twin.registry import find
from twin.simulate import prepare

IDS = {
    "cdu": ("cdu-1", "cdu-2"),
    "facility_water": ("facility-water",),
    "dry_cooler": ("dry-cooler-1",),
    "crah": ("crah-1",),
    "rack": ("rack-01", "rack-02", "rack-03"),
    "hall": ("hall",),
    "replica": ("replica-001", "replica-002"),
}
START = {
    "cdu.free_frac": 1.0, "cdu.conductance_frac": 1.0, "cdu.sensor_k": 0.0, "cdu.valve_frac": -1.0,
    "cdu.pumps_up": 1.0, "facility_water.pumps_up": 1.0, "dry_cooler.fans_frac": 1.0, "crah.fans_frac": 1.0,
    "rack.valve_frac": 1.0, "rack.leak_kg_per_s": 0.0, "rack.is_up": 1.0, "replica.is_alive": 1.0, "hall.sensor_k": 0.0,
}  # fmt: skip
KNOWN = {"rack.row": np.array([0, 0, 1]), "replica.in_rack": np.array([[1, 1, 0], [0, 0, 1]], dtype=bool)}


class Site:
    """Inputs of a small site and an agenda."""

    def __init__(self, kind: str, **event: Any) -> None:
        self.inputs = {
            name: np.full(len(IDS[name.partition(".")[0]]), value) for name, value in START.items()
        }
        self.ctx = Context(simpy.Environment(), self.inputs, IDS, KNOWN.__getitem__, 1)
        fields = dict.fromkeys(
            ("amount", "ramp", "duration", "spare_after", "detected_after", "drift", "opening", "rate")
        )
        full = type("Event", (), {**fields, "at": 10.0, "kind": kind, **event})
        self.ctx.env.process(find("twin.processes", kind, "occur")(self.ctx, full, "fault"))

    def at(self, name: str, instant_s: float) -> list[float]:
        """An input just after an instant."""
        if self.ctx.env.now < instant_s:
            self.ctx.env.run(until=instant_s + 1e-6)
        return [float(v) for v in self.inputs[name]]


@pytest.mark.parametrize(
    ("kind", "event", "name", "during", "after"),
    [
        ("fan-loss", {"asset": "dry-cooler-1", "duration": 60.0}, "dry_cooler.fans_frac", 0.0, 1.0),
        ("fan-loss", {"asset": "crah-1", "duration": 60.0, "amount": 0.25}, "crah.fans_frac", 0.75, 1.0),
        ("fouling", {"asset": "cdu-1", "duration": 60.0, "amount": 0.4}, "cdu.conductance_frac", 0.6, 1.0),
        ("filter-clog", {"asset": "cdu-1", "duration": 60.0, "amount": 0.7}, "cdu.free_frac", 0.3, 1.0),
        ("sensor-drift", {"asset": "hall", "duration": 60.0, "drift": -3.0}, "hall.sensor_k", -3.0, 0.0),
        ("valve-stuck", {"asset": "cdu-1", "duration": 60.0, "opening": 0.0}, "cdu.valve_frac", 0.0, -1.0),
        ("valve-stuck", {"asset": "rack-01", "duration": 60.0, "opening": 0.3}, "rack.valve_frac", 0.3, 1.0),
        ("pump-trip", {"asset": "facility-water", "spare_after": 60.0}, "facility_water.pumps_up", 0.0, 1.0),
    ],
)  # fmt: skip
def test_a_fault_comes_and_goes(
    kind: str, event: dict[str, Any], name: str, during: float, after: float
) -> None:
    site = Site(kind, **event)
    before = site.at(name, 9.0)[0]
    assert before == START[name]
    assert site.at(name, 40.0)[0] == pytest.approx(during)
    assert site.at(name, 71.0)[0] == after
    assert len(site.ctx.events) == 2
    assert site.at(name, 71.0)[1:] == [START[name]] * (len(IDS[name.partition(".")[0]]) - 1), "no other asset"


def test_fouling_grows_along_a_line() -> None:
    site = Site("fouling", asset="cdu-2", amount=0.4, ramp=600.0)
    seen = [site.at("cdu.conductance_frac", t)[1] for t in (10.0, 160.0, 310.0, 610.0, 5000.0)]
    np.testing.assert_allclose(seen, [1.0, 0.9, 0.8, 0.6, 0.6], atol=1e-9)


def test_a_leak_shuts_off_its_row_and_no_other() -> None:
    site = Site("leak", asset="rack-02", rate=0.2, detected_after=30.0, duration=600.0)
    assert site.at("rack.leak_kg_per_s", 20.0) == [0.0, 0.2, 0.0]
    assert site.at("rack.valve_frac", 39.0) == [1.0, 1.0, 1.0]
    for name, value in (
        ("rack.valve_frac", [0, 0, 1]),
        ("rack.is_up", [0, 0, 1]),
        ("replica.is_alive", [0, 1]),
    ):
        assert site.at(name, 41.0) == value, name
    for name in ("rack.valve_frac", "rack.is_up", "replica.is_alive"):
        assert set(site.at(name, 611.0)) == {1.0}
    assert site.at("rack.leak_kg_per_s", 611.0) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("event", "where", "told"),
    [
        ({"kind": "leak", "asset": "rack-99", "rate": "0.1 kg/s"}, "asset", "a rack of the site"),
        ({"kind": "leak", "asset": "rack-01"}, "", "rate of a leak"),
        ({"kind": "fan-loss", "asset": "cdu-1"}, "asset", "dry cooler or "),
        ({"kind": "fouling", "asset": "cdu-1", "amount": "30 %", "opening": "3 %"}, "opening", "only at, kind"),
        ({"kind": "valve-stuck", "asset": "rack-01", "opening": "130 %"}, "opening", "fraction"),
        ({"kind": "sensor-drift", "asset": "cdu-1", "drift": "3"}, "drift", "unit"),
    ],
)  # fmt: skip
def test_a_wrong_event_is_told(scenarios: Path, event: dict[str, Any], where: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario = twin.load(scenarios / "one-rack.yaml", set={"events": {"fault": {"at": "1 min", **event}}})
        prepare(scenario)
    (fault,) = caught.value.faults
    assert fault.where == ".".join(part for part in ("events.fault", where) if part)
    assert told in f"{fault.expected} {fault.mend} {fault.found}"
