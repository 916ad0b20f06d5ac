"""Outages as they play out: who carries, who trips, which requests are lost; every run keeps its balances."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from tests.stories.fidelities import assert_same_requests
from twin import engine, simulate
from twin.processes.supply import BELL
from twin.report import Run

SHORT = {"time.duration": "2 min", "time.sample": "1 s", "power.reboot": "20 s"}
RACK_UPS = {"unit": "ups-500kw", "count": 2}
N_PLUS_1 = {
    "time.duration": "270 s", "time.sample": "2 s", "racks.nvl72.count": 6, "workload.copies": 70,
    "power.ups": {"unit": "ups-500kw", "count": 3, "redundancy": "N+1"}, "power.pdu.count": 6,
    "power.protection": {}, "power.reboot": "1 min",
}  # fmt: skip
ONE = {"one": {"at": "30 s", "kind": "ups-failure", "asset": "ups-1"}}
TWO = {**ONE, "two": {"at": "60 s", "kind": "ups-failure", "asset": "ups-2"}}


def run(path: Path, out: Path, events: dict[str, Any] | None = None, **changes: Any) -> Run:
    """A run whose balances hold; outages move energy, they make none."""
    found = twin.run(twin.load(path, set={"events": events or {}, **changes}), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    kpis = found.kpis()
    fates = ("finished", "rejected", "shed", "cancelled", "in_flight")
    assert kpis["requests_arrived"] == sum(kpis[f"requests_{fate}"] for fate in fates)
    return found


def told(found: Run, kind: str, word: str) -> list[tuple[float, str]]:
    """Instants and assets of the events of a kind whose text has a word."""
    events = found.events
    if not len(events):
        return []
    chosen = events[(events.kind == kind) & events.what.str.contains(word, regex=False)]
    return list(zip(chosen.time_s, chosen.asset, strict=True))


def total(found: Run, name: str) -> np.ndarray:
    """Sum over assets, array (time)."""
    return found[name].values.sum(axis=1, dtype=float)


@pytest.fixture(scope="module")
def rack(scenarios: Path) -> Path:
    return scenarios / "one-rack.yaml"


@pytest.fixture(scope="module")
def calm(rack: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same rack without any event."""
    return run(rack, tmp_path_factory.mktemp("calm"), **SHORT, **{"power.ups": RACK_UPS})


@pytest.fixture(scope="module")
def hall(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Six racks on three blocks that all stay, of which one fails, of which two fail."""
    out = tmp_path_factory.mktemp("hall")
    path, short = scenarios / "gb200-hall.yaml", {**N_PLUS_1, "time.duration": "90 s"}
    return {
        "calm": run(path, out, **short),
        "one": run(path, out, ONE, **short),
        "two": run(path, out, TWO, **N_PLUS_1),
    }


def test_losing_one_ups_of_n_plus_1_is_unnoticed(hall: dict[str, Run]) -> None:
    calm, one = hall["calm"], hall["one"]
    for column in ("arrived_at_s", "first_token_at_s", "done_at_s", "replica", "status"):
        np.testing.assert_array_equal(one.requests[column], calm.requests[column], err_msg=column)
    assert one["rack.dark_s"].values.max() == 0.0
    blocks = one["ups.load_frac"].values[20:]
    assert blocks[:, 0].max() == 0.0
    assert blocks[:, 1:].min() > 1.4 * calm["ups.load_frac"].values[20:, 1:].min()
    assert blocks.max() <= 1.0
    assert total(one, "ups.loss_w")[20:].mean() != total(calm, "ups.loss_w")[20:].mean()


def test_losing_two_of_n_plus_1_trips_the_third_and_loses_requests(hall: dict[str, Run]) -> None:
    two = hall["two"]
    ((at_s, block),) = told(two, "ups", "trips on overload")
    assert block == "ups-3"
    load = two["ups.load_frac"].of("ups-3")[31 : int(at_s / 2)].astype(float)
    # the overload curve, load by load: its shares add up to one at the trip
    way = (((load / 1.10) ** 2 - 1.0) ** 2.13 / 43.5 * 2.0).sum()
    assert way == pytest.approx(1.0, abs=0.03)
    dark = two["rack.dark_s"]
    assert dark.values[dark.time_s < at_s].max() == 0.0
    np.testing.assert_allclose(dark.values[dark.time_s > at_s + 3.0], 2.0)
    dead = told(two, "replica", "replica dies")
    assert len(dead) == len(two["replica.busy_frac"].ids)
    # hold-up of the shelves: at part load somewhat longer than the 20 ms of full load
    assert all(0.015 < t - at_s < 0.2 for t, _ in dead)
    lost = two.kpis()["requests_retried"]
    in_house = int(two["replica.batch_requests"].values[int(at_s / 2) - 1].sum())
    assert 0.5 * in_house < lost < 30 * in_house, (lost, in_house)
    assert total(two, "replica.lost_tokens").sum() > 0.0
    done_s = two.requests.done_at_s
    assert done_s.max() < at_s + 0.2, "nothing is finished in the dark"
    power = two["site.power_w"]
    assert power.values[power.time_s > at_s + 10.0].max() < 0.2 * power.values[50:90].min()


def test_a_feed_loss_plays_out_second_by_second(rack: Path, calm: Run, tmp_path: Path) -> None:
    """Batteries at once, generators 10 s later and load by steps, the grid after its time."""
    found = run(
        rack, tmp_path, {"loss": {"at": "30 s", "kind": "feed-loss", "duration": "40 s"}},
        **SHORT, **{
            "power.ups": {**RACK_UPS, "battery": "5 min"}, "power.protection": {}, "power.voltages": "solved",
            "power.generators": {"unit": "diesel-1000kw", "count": 1, "start": "10 s", "retransfer": "20 s"},
        },
    )  # fmt: skip
    np.testing.assert_array_equal(found.requests["done_at_s"], calm.requests["done_at_s"])
    assert found["rack.dark_s"].values.max() == 0.0
    grid, own, battery = (total(found, f"{n}_w") for n in ("site.power", "generator.power", "ups.battery"))
    assert grid[1:30].min() > 1e5
    assert grid[30:90].max() == 0.0
    assert grid[91:].min() > 1e5
    assert own[30:40].max() == 0.0
    assert 0.0 < own[40:48].max() < 3e4, "boards first"
    assert own[52:90].min() > 1e5
    assert (battery[30:40] > 1e5).all()
    assert battery[52:60].max() < 0.0, "charged again"
    steps = [t for t, _ in told(found, "ups", "taken over")]
    assert steps == [48.0, 50.0]
    assert told(found, "generator", "has voltage") == [(40.0, "generator-1")]
    assert told(found, "feed", "load returns") == [(90.0, "feed")]
    fuel = found["generator.fuel_frac"].values[:, 0]
    assert fuel[0] == 1.0
    assert fuel[-1] < 1.0


def test_without_generators_the_autonomy_is_what_it_is(rack: Path, tmp_path: Path) -> None:
    """The battery lasts as long as its energy over its load, then racks go dark and come back with the grid."""
    found = run(
        rack, tmp_path, {"loss": {"at": "10 s", "kind": "feed-loss", "duration": "70 s"}},
        **SHORT, **{"power.ups": {**RACK_UPS, "battery": "8 s"}},
    )  # fmt: skip
    empty = [t for t, _ in told(found, "ups", "empty")]
    assert len(empty) == 2
    left = found["ups.stored_frac"].values[:, 0].astype(float)
    before = int(empty[0]) - 2
    assert left[before] > 0.0 == left[-41]
    slope = (left[before - 10] - left[before]) / 10.0
    assert found["ups.stored_frac"].time_s[before] + left[before] / slope == pytest.approx(empty[0], abs=1.0)
    ((dark_s, _),) = told(found, "rack", "without power")
    assert 0.0 < dark_s - empty[0] < 0.2
    assert told(found, "rack", "power is back") == [(80.0, "rack-01")]
    starts = [t for t, _ in told(found, "replica", "starts")]
    assert set(starts) == {100.0}
    assert len(starts) == len(told(found, "replica", "dies")) == 9
    assert found["rack.dark_s"].values.sum() == pytest.approx(80.0 - dark_s, abs=1e-3)
    tokens = total(found, "replica.output_tokens")
    assert tokens[int(dark_s) + 1 : 99].max() == 0.0
    assert tokens[105:].max() > 0.0


@pytest.mark.parametrize("battery", ["20.3 s", "20.573 s"])
def test_a_step_beyond_the_generator_is_refused(scenarios: Path, tmp_path: Path, battery: str) -> None:
    """The block stays on its battery until that is empty; then racks are dark, and what is left is taken over.

    The second battery is empty so shortly before a tick that racks still hold on when generators look.
    """
    found = run(
        scenarios / "gb200-hall.yaml", tmp_path, {"loss": {"at": "60 s", "kind": "feed-loss"}},
        **{
            "time.duration": "4 min", "time.sample": "1 s", "racks.nvl72.count": 6, "workload.copies": 70,
            "power.ups": {"unit": "ups-1500kw", "count": 1, "battery": battery}, "power.pdu.count": 6,
            "power.generators": {"unit": "diesel-1000kw", "count": 1}, "power.reboot": "5 min",
        },
    )  # fmt: skip
    ((refused_s, _),) = told(found, "ups", "is refused")
    assert 70.0 <= refused_s < 80.0
    ((empty_s, _),) = told(found, "ups", "empty")
    taken = told(found, "ups", "taken over")
    assert len(taken) == 1
    assert 0.0 < taken[0][0] - empty_s <= 2.1
    assert len(told(found, "rack", "without power")) == 6
    own = total(found, "generator.power_w")
    assert own.max() < 1e6
    assert own[int(refused_s) + 2 : int(empty_s) - 1].max() < 3e5, "pumps, fans and chillers alone"
    assert found.kpis()["requests_retried"] > 0


def test_a_generator_that_fails_to_start_leaves_it_to_the_others(rack: Path, tmp_path: Path) -> None:
    fails = {"at": "1 s", "kind": "generator-fails-to-start", "asset": "generator-1"}
    events = {"loss": {"at": "10 s", "kind": "feed-loss"}, "fails": fails}
    words = {"unit": "diesel-1000kw", "start": "10 s"}
    ups = {"power.ups": {**RACK_UPS, "battery": "5 min"}}
    two = run(rack, tmp_path, events, **SHORT, **ups, **{"power.generators": {**words, "count": 2}})
    assert told(two, "generator", "does not start") == [(20.0, "generator-1")]
    own = two["generator.power_w"].values
    assert own[:, 0].max() == 0.0
    assert own[-1, 1] > 1e5
    one = run(rack, tmp_path / "one", events, **SHORT, **ups, **{"power.generators": {**words, "count": 1}})
    assert one["generator.power_w"].values.max() == 0.0
    assert (np.diff(one["ups.stored_frac"].values[12:, 0]) < 0.0).all()


def test_behind_an_open_main_breaker_the_site_stays_on_its_generators(rack: Path, tmp_path: Path) -> None:
    def opens(ctx: engine.Context) -> None:
        def occur() -> Generator[Any, Any, None]:
            yield ctx.env.timeout(10.0)
            ctx.write("feed.is_up", "feed", False)
            ctx.ring(BELL, "breaker")

        ctx.env.process(occur())

    words = {"unit": "diesel-1000kw", "count": 1, "start": "5 s", "retransfer": "1 s"}
    changes = {
        **SHORT,
        "time.duration": "60 s",
        "power.generators": words,
        "power.ups": {**RACK_UPS, "battery": "5 min"},
    }
    found = twin.open_run(simulate.run(twin.load(rack, set=changes), out=tmp_path, extra=opens))
    assert told(found, "generator", "has voltage") == [(15.0, "generator-1")]
    assert total(found, "site.power_w")[10:].max() == 0.0
    assert total(found, "generator.power_w")[30:].min() > 1e5
    assert found["rack.dark_s"].values.max() == 0.0


def test_eco_drops_out_on_a_sag_and_loses_more(rack: Path, calm: Run, tmp_path: Path) -> None:
    """4 ms to the inverter is less than the shelves hold; 200 ms is not."""
    sag = {"sag": {"at": "30.3 s", "kind": "voltage-sag", "depth": "30 %", "duration": "300 ms"}}
    eco = {**RACK_UPS, "battery": "5 min", "mode": "eco"}
    found = run(rack, tmp_path, sag, **SHORT, **{"power.ups": eco})
    assert [t for t, _ in told(found, "ups", "leaves eco")] == [pytest.approx(30.304)] * 2
    assert [t for t, _ in told(found, "ups", "returns to eco")] == [pytest.approx(90.6)] * 2
    loss = total(found, "ups.loss_w")
    assert loss[10:30].max() < 0.6 * loss[40:85].min()
    assert loss[95:].max() < 0.6 * loss[40:85].min()
    assert loss[40:85].mean() == pytest.approx(total(calm, "ups.loss_w")[40:85].mean(), rel=0.02)
    assert found["rack.dark_s"].values.max() == 0.0
    np.testing.assert_array_equal(found.requests["done_at_s"], calm.requests["done_at_s"])
    slow = run(rack, tmp_path / "slow", sag, **SHORT, **{"power.ups": {**eco, "transfer": "200 ms"}})
    assert len(told(slow, "replica", "replica dies")) == 9
    assert 0.1 < slow["rack.dark_s"].values.sum() < 0.2


def test_a_frequency_dip_ends_eco_and_a_deep_one_calls_the_batteries(rack: Path, tmp_path: Path) -> None:
    eco = {"power.ups": {**RACK_UPS, "battery": "5 min", "mode": "eco"}}
    dip = {"at": "30 s", "kind": "frequency-dip", "duration": "5 s"}
    mild = run(rack, tmp_path, {"dip": {**dip, "depth": "3 %"}}, **SHORT, **eco)
    deep = run(rack, tmp_path / "deep", {"dip": {**dip, "depth": "10 %"}}, **SHORT, **eco)
    assert len(told(mild, "ups", "leaves eco")) == len(told(deep, "ups", "leaves eco")) == 2
    assert total(mild, "ups.battery_w").max() == 0.0
    assert total(deep, "ups.battery_w")[31:34].min() > 1e5
    assert deep["rack.dark_s"].values.max() == mild["rack.dark_s"].values.max() == 0.0


def test_a_sag_raises_the_current_of_loads_that_hold_their_power(rack: Path, tmp_path: Path) -> None:
    sag = {"sag": {"at": "30 s", "kind": "voltage-sag", "depth": "12 %", "duration": "30 s"}}
    changes = {**SHORT, "power.voltages": "solved", "power.ups": RACK_UPS}
    found, calm = run(rack, tmp_path, sag, **changes), run(rack, tmp_path / "calm", **changes)
    inside = slice(31, 59)
    ratio = {
        name: total(found, name)[inside] / total(calm, name)[inside]
        for name in (
            "feed.current_a",
            "transformer.current_a",
            "site.power_w",
            "transformer.loss_w",
            "pdu.current_a",
        )
    }
    np.testing.assert_allclose(ratio["feed.current_a"], 1.0 / 0.88, rtol=2e-3)
    assert (ratio["transformer.current_a"] > 1.0 / 0.88).all(), "and the drop before it grows as well"
    assert (ratio["transformer.current_a"] < 1.0 / 0.87).all()
    assert (ratio["transformer.loss_w"] > 1.0).all()
    np.testing.assert_allclose(ratio["site.power_w"], 1.0, rtol=1e-3)
    np.testing.assert_allclose(ratio["pdu.current_a"], 1.0, rtol=1e-9)  # the UPS holds their voltage
    low = found["transformer.voltage_pu"].values[inside, 0]
    assert (low < 0.88).all()
    assert (low > 0.87).all()


def test_a_battery_at_the_grid_connection_carries_the_site_while_it_can(rack: Path, tmp_path: Path) -> None:
    loss = {"loss": {"at": "30 s", "kind": "feed-loss", "duration": "20 s"}}
    strong = {"power.storage": {"energy": "2 kWh", "power": "400 kW"}, "power.ups": RACK_UPS}
    found = run(rack, tmp_path, loss, **SHORT, **strong)
    assert found["rack.dark_s"].values.max() == 0.0
    assert total(found, "feed.battery_w")[30:50].min() > 1e5
    assert found["chiller.power_w"].values[30:50].min() > 0.0, "what no UPS carries goes on too"
    weak = {**strong, "power.storage": {"energy": "2 kWh", "power": "50 kW"}}
    found = run(rack, tmp_path / "weak", loss, **SHORT, **weak)
    assert len(told(found, "feed", "lets go")) == 1
    assert found["rack.dark_s"].values.sum() == pytest.approx(20.0, abs=0.2)


def test_both_fidelities_lose_the_same_requests(rack: Path, tmp_path: Path) -> None:
    events = {"loss": {"at": "20 s", "kind": "feed-loss", "duration": "10 s"}}
    changes = {
        **SHORT,
        "time.duration": "60 s",
        "workload.copies": 2,
        "power.ups": {**RACK_UPS, "battery": "1 s"},
    }
    scenario = twin.load(rack, set={**changes, "events": events})
    batch, event = (twin.run(scenario, fidelity=f, out=tmp_path / f) for f in ("batch", "event"))
    assert batch.kpis()["requests_retried"] > 0
    assert_same_requests(batch, event)
    assert batch.events.what.tolist() == event.events.what.tolist()
