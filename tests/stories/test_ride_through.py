"""Sags that are borne and sags that are not, the way back to the grid, ramps of rectifiers and of the site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.report import Run

SHORT = {"time.duration": "70 s", "time.sample": "1 s", "workload.copies": 3}
UPS = {"unit": "ups-500kw", "count": 2, "battery": "5 min", "walk_in": "10 s"}


def run(path: Path, out: Path, events: dict[str, Any], **changes: Any) -> Run:
    """A run whose balances hold and whose racks never go dark."""
    found = twin.run(twin.load(path, set={**SHORT, "events": events, **changes}), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    assert found["rack.dark_s"].values.max() == 0.0
    return found


def told(found: Run, word: str) -> list[float]:
    """Instants of the events of the feed whose text has a word."""
    if not len(found.events):
        return []
    chosen = found.events[(found.events.kind == "feed") & found.events.what.str.contains(word)]
    return [round(at_s, 6) for at_s in chosen.time_s]


def total(found: Run, name: str) -> np.ndarray:
    """Sum over assets, array (time)."""
    return found[name].values.sum(axis=1, dtype=float)


@pytest.fixture(scope="module")
def rack(scenarios: Path) -> Path:
    return scenarios / "one-rack.yaml"


@pytest.fixture(scope="module")
def sags(rack: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A sag to 75 % within the curve of supplies, and one beyond it that a grid code wants to be borne."""
    sag = {"kind": "voltage-sag", "depth": "25 %"}
    events = {"a": {**sag, "at": "10 s", "duration": "400 ms"}, "b": {**sag, "at": "35 s", "duration": "1 s"}}
    words = {"leaves": "itic", "demands": "prc-024", "back": "5 s"}
    out = tmp_path_factory.mktemp("sags")
    return run(rack, out, events, **{"power.ups": UPS, "power.ride_through": words})


def test_only_the_sag_beyond_the_curve_parts_the_site_from_the_grid(sags: Run) -> None:
    assert told(sags, "leaves the grid") == [35.5]
    assert told(sags, "too early for the grid code") == [35.5], "two seconds at that depth are asked for"
    assert told(sags, "returns to the grid") == [41.0], "five seconds after the end of the sag"
    kpis = sags.kpis()
    assert (kpis["grid_left"], kpis["grid_left_early"]) == (1.0, 1.0)
    battery_w = total(sags, "ups.battery_w")
    assert battery_w[36:41].min() > 1e5


def test_the_load_comes_back_along_a_line_and_the_battery_gives_the_rest(sags: Run) -> None:
    drawn_w, battery_w = total(sags, "ups.power_w"), total(sags, "ups.battery_w")
    load_w = (drawn_w + battery_w)[41:51]
    share = drawn_w[41:51] / load_w
    np.testing.assert_allclose(share, np.arange(10) / 10.0, atol=1e-3)
    assert battery_w[52:60].max() < 0.0, "charged again, from nothing"
    np.testing.assert_allclose(np.diff(battery_w[51:60]), -1e4, rtol=1e-3)
    assert np.diff(total(sags, "site.power_w")[41:65]).max() < 3e4, "the grid sees no step"


def test_a_deviation_of_frequency_is_borne_for_its_time(rack: Path, tmp_path: Path) -> None:
    dip = {"at": "10 s", "kind": "frequency-dip", "depth": "3 %", "duration": "40 s"}
    words = {"power.ups": UPS, "power.ride_through": {"leaves": "prc-024", "back": "5 s"}}
    found = run(rack, tmp_path, {"dip": dip}, **words)
    assert told(found, "leaves the grid") == [40.0]
    assert told(found, "returns to the grid") == [55.0]


def test_a_walk_in_lets_a_generator_take_what_it_would_refuse_as_a_step(
    scenarios: Path, tmp_path: Path
) -> None:
    events = {"loss": {"at": "10 s", "kind": "feed-loss"}}
    ups = {"unit": "ups-1500kw", "count": 1, "battery": "5 min"}
    hall = {
        "racks.nvl72.count": 6, "power.pdu.count": 6, "workload.copies": 70,
        "power.generators": {"unit": "diesel-1000kw", "count": 1},
    }  # fmt: skip
    path = scenarios / "gb200-hall.yaml"
    slow = run(path, tmp_path, events, **hall, **{"power.ups": {**ups, "walk_in": "20 s"}})
    what = slow.events[slow.events.kind == "ups"].what
    assert not what.str.contains("is refused").any()
    assert what.str.contains("taken over").sum() == 1
    own_w = total(slow, "generator.power_w")
    assert own_w.max() > 5e5, "more than the generator takes at once"
    assert np.diff(own_w)[20:].max() < 7e4


def test_a_battery_holds_the_ramp_of_the_site_while_it_can(rack: Path, tmp_path: Path) -> None:
    """Power may change by 2 kW/s; requests that begin and end move it by more."""
    battery = {"energy": "3 kWh", "power": "150 kW", "keep": "50 %", "recharge": "10 kW"}
    feed = {"capacity": "1.45 MW", "ramp": "2 kW/s"}
    words = {"power.feed": feed, "power.ups": {"unit": "ups-500kw", "count": 2}}
    plain = run(rack, tmp_path / "plain", {}, **words)
    held = run(rack, tmp_path / "held", {}, **words, **{"power.storage": battery})
    assert plain.kpis()["ramp_highest_frac"] > 2.0
    assert plain.kpis()["ramp_above_s"] > 3.0
    assert held.kpis()["ramp_highest_frac"] <= 1.0 + 1e-4
    assert held.kpis()["ramp_above_s"] == 0.0
    np.testing.assert_array_equal(held.requests["done_at_s"], plain.requests["done_at_s"])
    assert held["feed.stored_frac"].values[0, 0] == pytest.approx(0.5, abs=0.05)
