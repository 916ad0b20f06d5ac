"""Events: keys that a kind needs, keys that it does not know, values that do not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from twin.errors import ScenarioError
from twin.scenario import check, load

from .conftest import SCENARIOS

CALL: dict[str, Any] = {
    "at": "10 min", "kind": "grid-call", "amount": "25 %", "ramp": "1 min", "duration": "5 min", "window": "5 min",
}  # fmt: skip
TRIP: dict[str, Any] = {"at": "1 min", "kind": "pump-trip", "asset": "cdu-1"}


def faults(event: dict[str, Any], scenario: str = "gb200-hall", **changes: Any) -> list[tuple[str, str]]:
    event = {key: value for key, value in event.items() if value is not None}
    found = check(SCENARIOS / f"{scenario}.yaml", set={"events": {"it": event}, **changes})
    return [(fault.where, fault.mend) for fault in found]


def test_a_call_is_read_in_si() -> None:
    event = load(SCENARIOS / "gb200-hall.yaml", set={"events": {"it": CALL}}).events["it"]
    assert (event.at, event.amount, event.ramp, event.duration, event.window) == (
        600.0,
        0.25,
        60.0,
        300.0,
        300.0,
    )
    assert (event.asset, event.notice, event.first, event.interval) == (None, None, None, None)


@pytest.mark.parametrize(
    ("event", "where", "mend"),
    [
        ({**CALL, "amount": None}, "events.it", "add for example amount: 25 %"),
        ({**CALL, "window": None}, "events.it", "add for example window: 5 min"),
        ({**CALL, "asset": "cdu-1"}, "events.it.asset", "remove it"),
        ({**CALL, "spare_after": "1 s"}, "events.it.spare_after", "remove it"),
        ({**CALL, "window": "11 min"}, "events.it.window", "write 600 s or less"),
        ({**CALL, "interval": "100 ms"}, "events.it.interval", "write interval: 1 s"),
        ({**CALL, "first": ["batch"]}, "events.it.first.0", "remove first, or name pools"),
        ({**TRIP, "asset": None}, "events.it", "add for example asset: cdu-1"),
        ({**TRIP, "amount": "5 %"}, "events.it.amount", "remove it"),
        ({**CALL, "amount": "120 %"}, "events.it.amount", "write for example 1 %"),
        ({**CALL, "kind": "grid-cal"}, "events.it.kind", "write grid-call"),
    ],
)
def test_what_does_not_go_is_told(event: dict[str, Any], where: str, mend: str) -> None:
    found = faults(event)
    assert [place for place, _ in found] == [where]
    assert mend in found[0][1]


def test_all_faults_of_an_event_are_told_at_once() -> None:
    found = faults({**CALL, "duration": None, "asset": "site", "window": "20 min"})
    assert [where for where, _ in found] == ["events.it", "events.it.asset", "events.it.window"]


def test_calls_do_not_overlap() -> None:
    calls = {"one": CALL, "two": {**CALL, "at": "21 min", "window": "1 min"}}
    found = check(SCENARIOS / "gb200-hall.yaml", set={"events": calls})
    assert not found
    calls["two"]["window"] = "5 min"
    found = check(SCENARIOS / "gb200-hall.yaml", set={"events": calls})
    assert [(f.where, f.mend) for f in found] == [("events.two.at", "write 1320 s or more")]


def test_a_longer_tick_needs_a_longer_interval() -> None:
    assert faults(CALL, **{"time.tick": "2 s"}) == [("events.it.interval", "write interval: 2 s")]
    assert not faults({**CALL, "interval": "2 s"}, **{"time.tick": "2 s"})


def test_a_pool_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = faults({**CALL, "first": ["token"]}, "disaggregated", **{"time.duration": "20 min"})
    assert found == [("events.it.first.0", "write tokens")]


@pytest.mark.parametrize("count", [1, 23, 25])
def test_prices_of_a_day_are_24(count: int) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(SCENARIOS / "gb200-hall.yaml", set={"economics.by_hour": ["80 USD/MWh"] * count})
    assert caught.value.faults[0].found == f"{count} prices"
    loaded = load(SCENARIOS / "gb200-hall.yaml", set={"economics.by_hour": ["72 USD/MWh"] * 24})
    assert loaded.economics.by_hour == pytest.approx([2e-8] * 24)


LOSS: dict[str, Any] = {"at": "1 min", "kind": "feed-loss"}
SAG: dict[str, Any] = {"at": "1 min", "kind": "voltage-sag", "depth": "30 %", "duration": "300 ms"}
DOWN: dict[str, Any] = {"at": "1 min", "kind": "ups-failure", "asset": "ups-1"}


@pytest.mark.parametrize(
    "event", [LOSS, {**LOSS, "duration": "5 min"}, SAG, DOWN, {**DOWN, "duration": "1 min"}]
)
def test_events_of_the_supply_take_their_keys(event: dict[str, Any]) -> None:
    assert not faults(event)


@pytest.mark.parametrize(
    ("event", "where", "mend"),
    [
        ({**LOSS, "asset": "feed"}, "events.it.asset", "remove it"),
        ({**SAG, "depth": None}, "events.it", "add for example depth: 30 %"),
        ({**SAG, "depth": "130 %"}, "events.it.depth", "write for example 1 %"),
        ({**SAG, "duration": None}, "events.it", "add for example duration: 3 h"),
        ({**DOWN, "asset": None}, "events.it", "add for example asset"),
        ({**DOWN, "depth": "5 %"}, "events.it.depth", "remove it"),
    ],
)
def test_wrong_keys_of_the_supply_are_told(event: dict[str, Any], where: str, mend: str) -> None:
    found = faults(event)
    assert [place for place, _ in found] == [where]
    assert mend in found[0][1]


def test_an_outage_may_last_while_a_grid_call_begins() -> None:
    """Only calls of the grid must come one after the other."""
    events = {"call": CALL, "loss": {**LOSS, "at": "11 min", "duration": "10 min"}}
    assert not check(SCENARIOS / "gb200-hall.yaml", set={"events": events})
