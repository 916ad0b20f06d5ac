"""Words of the power section that do not fit together."""

from __future__ import annotations

from typing import Any

import pytest

from twin.scenario import check

from ...conftest import SCENARIOS

BATTERY = {"energy": "100 kWh", "power": "50 kW"}
UPS = {"unit": "ups-1000kw", "count": 3}
UNITS = {"unit": "diesel-2000kw", "count": 2}


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"power.storage": {**BATTERY, "recharge": "80 kW"}}, "power.storage.recharge"),
        ({"power.storage": {**BATTERY, "peak": "80 MW"}}, "power.storage.peak"),
        ({"power.storage": {**BATTERY, "reserve": "100 %", "answers_calls": True}}, "power.storage.reserve"),
        ({"power.storage": {**BATTERY, "reserve": "60 %", "keep": "50 %"}}, "power.storage.reserve"),
        ({"power.storage": {**BATTERY, "keep": "0 %"}}, "power.storage.keep"),
        ({"power.storage": {**BATTERY, "ramp": "50 kW"}}, "power.storage.ramp"),
        ({"power.ups": {**UPS, "redundancy": "N+1", "switches": {}}}, "power.ups.switches"),
        ({"power.ups": {**UPS, "walk_in": "20 s"}}, "power.ups.walk_in"),
        ({"power.ride_through": {"leaves": "itic"}}, "power.ride_through"),
        ({"power.ride_through": {"leaves": "itik"}}, "power.ride_through.leaves"),
        ({"power.generators": {**UNITS, "permit": "50 h"}}, "power.generators.permit"),
        ({"power.generators": {**UNITS, "answers_calls": "maybe"}}, "power.generators.answers_calls"),
        ({"power.ring": {"open": 9}}, "power.ring.open"),
        ({"power.ring": {"open": 1, "closed": True}}, "power.ring.open"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(changes: dict[str, Any], where: str) -> None:
    (fault,) = [f for f in check(SCENARIOS / "gb200-hall.yaml", set=changes) if f.where.startswith("power")]
    assert fault.where == where or where in f"{fault.where} {fault.found} {fault.expected}"
    assert fault.found
    assert fault.expected
    assert fault.mend


def test_what_fits_is_accepted() -> None:
    changes = {
        "power.storage": {**BATTERY, "keep": "50 %", "reserve": "30 %", "ramp": "10 kW/s", "peak": "1.2 MW"},
        "power.ups": {
            **UPS, "redundancy": "catcher", "battery": "5 min", "walk_in": "20 s", "switches": {"back": "30 s"},
        },
        "power.ride_through": {"leaves": "semi-f47", "demands": "prc-024"},
        "power.ring": {"open": 2},
        "power.generators": {**UNITS, "answers_calls": True, "permit": "50 h"},
        "power.feed": {"capacity": "1.45 MW", "ramp": "2 MW/min"},
    }  # fmt: skip
    assert check(SCENARIOS / "gb200-hall.yaml", set=changes) == []
