"""A fault on the medium-voltage ring: half of it is dead until switches have moved; batteries carry meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.report import Run


def test_a_ring_is_fed_again_from_its_other_side(scenarios: Path, tmp_path: Path) -> None:
    changes = {
        "time.duration": "70 s", "time.sample": "1 s", "racks.nvl72.count": 3, "workload.copies": 15,
        "power.transformer.count": 3, "power.pdu.count": 6, "power.ring": {"switching": "20 s"},
        "power.ups": {"unit": "ups-500kw", "count": 3, "redundancy": "N+1", "battery": "2 min"},
        "events": {
            "first": {"at": "10 s", "kind": "ring-fault", "asset": "ring-4", "duration": "45 s"},
            "second": {"at": "40 s", "kind": "ring-fault", "asset": "ring-3", "duration": "25 s"},
        },
    }  # fmt: skip
    found = twin.run(twin.load(scenarios / "gb200-hall.yaml", set=changes), out=tmp_path)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    fed = found["transformer.load_frac"].values > 0.0
    assert fed[:10].all()
    np.testing.assert_array_equal(fed[11:29], np.tile([True, False, False], (18, 1)))
    assert fed[31:39].all(), "the open point is closed"
    assert not fed[41:54].any(), "the one side that is left carries all, and trips"
    assert not fed[41:59, 1:].any(), "mending the other helps only what the open point parts from the fault"
    assert fed[61:].all()
    battery_w = found["ups.battery_w"].values
    assert (battery_w[12:28, 1:] > 5e4).all()
    assert battery_w[12:28, 0].max() <= 0.0
    assert found["rack.dark_s"].values.max() == 0.0


SMALL = {
    "time.sample": "1 s", "racks.nvl72.count": 3, "workload.copies": 15, "power.transformer.count": 3,
    "power.pdu.count": 6, "power.protection": {}, "power.reboot": "10 min",
    "power.ups": {"unit": "ups-500kw", "count": 3, "redundancy": "N+1", "battery": "5 s"},
}  # fmt: skip
FAULT = {"first": {"at": "10 s", "kind": "ring-fault", "asset": "ring-4"}}


def small(scenarios: Path, out: Path, **changes: Any) -> Run:
    """Three racks on three transformers of a ring, whose balances hold."""
    found = twin.run(twin.load(scenarios / "gb200-hall.yaml", set={**SMALL, **changes}), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return found


def trips(found: Run) -> list[tuple[float, str]]:
    """Instants and sections."""
    return [(e.time_s, e.asset) for e in found.events.itertuples() if "trips on overload" in e.what]


def test_the_healthy_side_carries_all_and_trips_where_its_curve_says(scenarios: Path, tmp_path: Path) -> None:
    ring = {"rating": "11 A", "switching": "4 s"}
    found = small(scenarios, tmp_path, **{"time.duration": "75 s", "power.ring": ring, "events": FAULT})
    ((at_s, section),) = trips(found)
    assert section == "ring-1", "next to the feed, where most is carried"
    load = found["ring.load_frac"].of("ring-1")[14 : int(at_s)].astype(float)
    assert load.min() > 1.5
    # extremely inverse: the seconds over 80 s / (m^2 - 1) add up to one
    assert (((load / 1.1) ** 2 - 1.0) / 80.0).sum() == pytest.approx(1.0, abs=0.04)
    amps = found["ring.current_a"].values.astype(float)
    np.testing.assert_allclose(
        amps[26 : int(at_s), 0], found["feed.current_a"].values[26 : int(at_s), 0], rtol=1e-5
    )
    drawn_w = found["transformer.power_w"].values[:9].astype(float)
    np.testing.assert_allclose(amps[:9, 0], drawn_w[:, 0] / (np.sqrt(3.0) * 11e3 * 0.95), rtol=1e-5)
    np.testing.assert_allclose(
        amps[:9, 3], drawn_w[:, 1:].sum(axis=1) / (np.sqrt(3.0) * 11e3 * 0.95), rtol=1e-5
    )
    assert amps[:9, 1].max() == 0.0, "the open point"
    assert found["transformer.load_frac"].values[int(at_s) + 2 :].max() == 0.0
    dark = found["rack.dark_s"]
    assert dark.values[dark.time_s < at_s].max() == 0.0
    assert dark.values[-1].min() == pytest.approx(1.0), "batteries are empty"
    assert found.kpis()["load_highest_frac"] > 1.5


def test_a_closed_ring_parts_the_section_that_is_overloaded(scenarios: Path, tmp_path: Path) -> None:
    """A fault opens it; then one half carries all, and what is left of the ring behind a trip is dead."""
    ring = {"rating": "10 A", "closed": True, "switching": "1 s"}
    found = small(scenarios, tmp_path, **{"time.duration": "40 s", "power.ring": ring, "events": FAULT})
    amps, drawn_w = found["ring.current_a"].values[5].astype(float), found["transformer.power_w"].values[5]
    fed = drawn_w.astype(float) / (np.sqrt(3.0) * 11e3 * 0.95)
    assert amps[[0, 3]].sum() == pytest.approx(fed.sum(), rel=1e-5), "both ends feed"
    assert amps[0] == pytest.approx(fed @ [0.75, 0.5, 0.25], rel=1e-5)
    (first,) = trips(found)
    assert first[1] == "ring-1"
    assert found["transformer.load_frac"].values[int(first[0]) + 2 :].max() == 0.0


def test_without_protection_nothing_trips(scenarios: Path, tmp_path: Path) -> None:
    words = {"time.duration": "40 s", "power.ring": {"rating": "5 A"}, "power.protection": None}
    found = small(scenarios, tmp_path, **words)
    assert found["ring.load_frac"].values.max() > 2.0
    assert trips(found) == []
