"""A fault on the medium-voltage ring: half of it is dead until switches have moved; batteries carry meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import twin


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
