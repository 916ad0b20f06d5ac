"""Catcher blocks behind static switches: one loss is not felt, the next one is, and a slow switch is too slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from tests.stories.fidelities import assert_same_requests
from twin.report import Run

HALL = {
    "time.duration": "40 s", "time.sample": "1 s", "racks.nvl72.count": 4, "workload.copies": 20,
    "power.ups": {"unit": "ups-500kw", "count": 3, "redundancy": "catcher"}, "power.pdu.count": 4,
    "power.reboot": "1 min",
}  # fmt: skip
ONE = {"one": {"at": "10 s", "kind": "ups-failure", "asset": "ups-1", "duration": "8 s"}}
TWO = {
    "one": {"at": "10 s", "kind": "ups-failure", "asset": "ups-1"},
    "two": {"at": "20 s", "kind": "ups-failure", "asset": "ups-2"},
}


def run(path: Path, out: Path, **changes: Any) -> Run:
    """A run whose balances hold."""
    found = twin.run(twin.load(path, set={**HALL, **changes}), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return found


def moves(found: Run, word: str) -> list[tuple[float, str]]:
    """Instants and PDUs of the moves of switches."""
    if not len(found.events):
        return []
    chosen = found.events[(found.events.kind == "pdu") & found.events.what.str.contains(word)]
    return list(zip(chosen.time_s.round(6), chosen.asset, strict=True))


@pytest.fixture(scope="module")
def path(scenarios: Path) -> Path:
    return scenarios / "gb200-hall.yaml"


def test_the_loss_of_one_block_moves_its_pdus_and_nobody_notices(path: Path, tmp_path: Path) -> None:
    calm, one = run(path, tmp_path), run(path, tmp_path, events=ONE)
    assert moves(one, "moves") == [(10.004, "pdu-1"), (10.004, "pdu-3")]
    assert moves(one, "returns") == [(28.004, "pdu-1"), (28.004, "pdu-3")], (
        "ten seconds after the block is back"
    )
    np.testing.assert_array_equal(one.requests["done_at_s"], calm.requests["done_at_s"])
    assert one["rack.dark_s"].values.max() == 0.0
    load, before = one["ups.load_frac"].values, calm["ups.load_frac"].values
    assert before[:, 2].max() == 0.0, "the catcher stands by"
    np.testing.assert_allclose(load[12:16, 2], before[12:16, 0], rtol=1e-3)
    assert load[12:16, 0].max() == 0.0
    np.testing.assert_allclose(load[30:], before[30:], rtol=1e-3)


def test_a_second_loss_finds_the_catcher_with_a_block_already(path: Path, tmp_path: Path) -> None:
    """One block bears one; of both it stands above its rating, and its curve begins to count."""
    two = run(path, tmp_path, events=TWO, **{"racks.nvl72.count": 6, "workload.copies": 30})
    assert [name for _, name in moves(two, "moves")] == ["pdu-1", "pdu-3", "pdu-2", "pdu-4"]
    catcher = two["ups.load_frac"].values[:, 2]
    assert catcher[:10].max() == 0.0
    assert catcher[11:19].max() < 0.8
    assert catcher[22:].min() > 1.2


def test_a_switch_slower_than_the_hold_up_darkens_the_racks_of_its_block(path: Path, tmp_path: Path) -> None:
    slow = {"unit": "ups-500kw", "count": 3, "redundancy": "catcher", "switches": {"transfer": "200 ms"}}
    found = run(path, tmp_path, events=ONE, **{"power.ups": slow})
    dark = found["rack.dark_s"].values.sum(axis=0)
    assert (dark[[0, 2]] > 0.05).all(), "200 ms, less what the shelves hold; twice, as it also returns"
    assert dark[[1, 3]].max() == 0.0
    died = found.events[found.events.what == "replica dies"]
    assert 0 < len(died) < len(found["replica.busy_frac"].ids)


RACKS = {
    "power.ups": {"unit": "ups-1000kw", "count": 2, "redundancy": "2N"}, "power.rack_switches": {},
    "events": {"one": {"at": "10 s", "kind": "pdu-failure", "asset": "pdu-1", "duration": "8 s"}},
}  # fmt: skip


def test_racks_behind_switches_move_to_their_second_pdu(path: Path, tmp_path: Path) -> None:
    calm, one = run(path, tmp_path, **{**RACKS, "events": {}}), run(path, tmp_path, **RACKS)
    before, load = calm["pdu.load_frac"].values[8], one["pdu.load_frac"].values
    assert before.min() > 0.5 * before.max(), "every other rack has its first PDU on the other side"
    moved = [(e.time_s, e.asset) for e in one.events.itertuples() if "second PDU" in e.what]
    back = [(e.time_s, e.asset) for e in one.events.itertuples() if "returns to its first" in e.what]
    assert moved == [(pytest.approx(10.004), "rack-01/psu")]
    assert back == [(pytest.approx(28.004), "rack-01/psu")]
    np.testing.assert_array_equal(one.requests["done_at_s"], calm.requests["done_at_s"])
    assert one["rack.dark_s"].values.max() == 0.0
    assert load[14, 0] == 0.0
    assert load[14, 1] > 1.8 * before[1], "which carries two racks now"
    np.testing.assert_allclose(load[32:], calm["pdu.load_frac"].values[32:], rtol=1e-3)


def test_a_slow_switch_at_a_rack_darkens_that_rack_alone(path: Path, tmp_path: Path) -> None:
    slow = run(path, tmp_path, **{**RACKS, "power.rack_switches": {"transfer": "200 ms"}})
    dark_s = slow["rack.dark_s"].values.sum(axis=0, dtype=float)
    assert 0.0 < dark_s[0] < 0.4, "there and back, less what its shelf holds up"
    assert dark_s[1:].max() == 0.0


def test_both_fidelities_lose_the_same_requests_behind_a_slow_switch(path: Path, tmp_path: Path) -> None:
    changes = {**HALL, **RACKS, "power.rack_switches": {"transfer": "200 ms"}, "workload.copies": 4}
    scenario = twin.load(path, set={**changes, "serving.retry": "2 s", "power.reboot": "5 s"})
    batch, event = (twin.run(scenario, fidelity=f, out=tmp_path / f) for f in ("batch", "event"))
    assert batch.kpis()["requests_retried"] > 0
    assert_same_requests(batch, event)
    assert batch.events.what.tolist() == event.events.what.tolist()
    for name, book in event.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
