"""The grid asks for less: the site gives it in time and holds it, the tiers pay in their order, the books close."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from tests.stories.fidelities import assert_same_requests
from twin.report import Run

SAMPLE_S = 5.0
AT_S, HELD_S = 180.0, 120.0
CALL = {
    "at": f"{AT_S:g} s", "kind": "grid-call", "window": "1 min", "amount": "30 %", "ramp": "10 s",
    "duration": f"{HELD_S:g} s", "first": ["batch", "reasoning"],
}  # fmt: skip
SHORT = {"time.duration": "6 min", "time.tick": "1 s", "time.sample": f"{SAMPLE_S:g} s"}


def called(scenarios: Path, out: Path, **changes: Any) -> Run:
    """Some minutes of the shipped hall with a call; without one for ``amount=None``."""
    call = {**CALL, **changes}
    events = {"call": call} if call["amount"] else {}
    path = scenarios / "grid-fast-response.yaml"
    return twin.run(twin.load(path, set={**SHORT, "events": events}), out=out)


def held(run: Run, after_s: float = 30.0) -> tuple[float, np.ndarray]:
    """Power before the call, and that of the samples held, the first seconds of which are left out [W]."""
    site = run["site.power_w"]
    is_held = (site.time_s > AT_S + after_s) & (site.time_s <= AT_S + 10.0 + HELD_S)
    return run.kpis()["grid_baseline_w"], site.values[is_held, 0].astype(float)


def closes(run: Run) -> None:
    """All balances hold, and every request is somewhere."""
    for name, book in run.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    kpis = run.kpis()
    fates = ("finished", "rejected", "shed", "cancelled", "in_flight")
    assert kpis["requests_arrived"] == sum(kpis[f"requests_{fate}"] for fate in fates)


@pytest.fixture(scope="module")
def runs(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, Run]:
    """The same minutes without a call and with calls of rising depth."""
    out = tmp_path_factory.mktemp("grid")
    return {amount: called(scenarios, out, amount=amount) for amount in (None, "10 %", "20 %", "30 %")}


def test_thirty_percent_within_half_a_minute(runs: dict[str | None, Run]) -> None:
    kpis = runs["30 %"].kpis()
    print(f"\n{kpis['grid_reached_s']:g} s to {kpis['grid_reduction_frac']:.1%} less")
    assert kpis["grid_reached_s"] <= 30.0
    before_w, power_w = held(runs["30 %"])
    assert power_w.max() <= 0.71 * before_w
    assert power_w.mean() == pytest.approx(0.7 * before_w, abs=0.003 * before_w)


@pytest.mark.parametrize("amount", ["10 %", "20 %", "30 %"])
def test_what_was_asked_for_is_held(runs: dict[str | None, Run], amount: str) -> None:
    before_w, power_w = held(runs[amount])
    limit_w = (1.0 - float(amount[:2]) / 100.0) * before_w
    assert abs(power_w - limit_w).max() < 0.01 * before_w
    closes(runs[amount])


def test_a_deeper_call_never_gives_more(runs: dict[str | None, Run]) -> None:
    kpis = [run.kpis() for run in runs.values()]
    tokens = [k["output_tokens_per_s"] + k["input_tokens_per_s"] for k in kpis]
    assert tokens == sorted(tokens, reverse=True)
    assert tokens[-1] < 0.95 * tokens[0]
    energy = [k["energy_site_j"] for k in kpis]
    assert energy == sorted(energy, reverse=True)
    assert "grid_baseline_w" not in kpis[0]
    not_drawn = [k["grid_not_drawn_j"] for k in kpis[1:]]
    assert not_drawn == sorted(not_drawn)


def test_tiers_pay_in_their_order(runs: dict[str | None, Run]) -> None:
    """Batch is held back first, chat not at all while it suffices."""
    for amount in ("10 %", "30 %"):
        called_run, calm = runs[amount].by("tier"), runs[None].by("tier")
        assert called_run.loc["chat", "ttft_p50_s"] == pytest.approx(calm.loc["chat", "ttft_p50_s"], rel=0.02)
        assert called_run.loc["batch", "e2e_p99_s"] > 1.3 * calm.loc["batch", "e2e_p99_s"]
    reasoning = [runs[a].by("tier").loc["reasoning", "tpot_p99_s"] for a in (None, "10 %", "30 %")]
    assert reasoning[1] == pytest.approx(reasoning[0], rel=0.02)


def test_payment_is_for_what_was_not_drawn(runs: dict[str | None, Run]) -> None:
    kpis = runs["30 %"].kpis()
    site = runs["30 %"]["site.power_w"]
    between = (site.time_s > AT_S) & (site.time_s <= AT_S + HELD_S + 20.0)
    less_w = kpis["grid_baseline_w"] - site.values[between, 0].astype(float)
    assert kpis["grid_not_drawn_j"] == pytest.approx(less_w.sum() * SAMPLE_S, rel=1e-6)
    assert kpis["grid_payment_usd"] == pytest.approx(200.0 / 3.6e9 * kpis["grid_not_drawn_j"], rel=1e-9)


def test_a_long_call_with_notice_and_ramps(scenarios: Path, tmp_path: Path) -> None:
    """The story of three hours in six minutes: nothing happens before the notice is over, then a ramp, a plateau."""
    run = called(
        scenarios,
        tmp_path,
        at="2 min",
        notice="30 s",
        amount="25 %",
        ramp="45 s",
        duration="90 s",
        window="30 s",
    )
    site, before_w = run["site.power_w"], run.kpis()["grid_baseline_w"]
    share = site.values[:, 0] / before_w
    assert share[(site.time_s > 120.0) & (site.time_s <= 150.0)].min() > 0.98
    ramp = (site.time_s > 150.0) & (site.time_s <= 195.0)
    expected = 1.0 - 0.25 * (site.time_s[ramp] - 2.5 - 150.0) / 45.0
    assert abs(share[ramp] - expected).max() < 0.04
    assert abs(share[(site.time_s > 210.0) & (site.time_s <= 285.0)] - 0.75).max() < 0.01
    assert share[-1] > 0.95
    closes(run)


def test_both_fidelities_tell_the_same(scenarios: Path, tmp_path: Path) -> None:
    """Caps and pauses of a whole rack, request by request and in jumps."""
    call = {
        "at": "30 s",
        "kind": "grid-call",
        "window": "20 s",
        "amount": "40 %",
        "ramp": "5 s",
        "duration": "30 s",
    }
    changes = {"time.duration": "90 s", "workload.copies": 4, "events": {"call": call}}
    scenario = twin.load(scenarios / "one-rack.yaml", set=changes)
    batch, event = (twin.run(scenario, fidelity=f, out=tmp_path / f) for f in ("batch", "event"))
    busy = batch["replica.busy_frac"].values
    assert batch["gpu.clock_frac"].values.min() < 0.5
    assert busy[(batch["site.power_w"].time_s > 40.0) & (batch["site.power_w"].time_s < 65.0)].min() < 0.9, (
        "pauses"
    )
    assert_same_requests(batch, event)
    power_w = batch["site.power_w"].values
    np.testing.assert_allclose(event["site.power_w"].values, power_w, rtol=1e-6)
    closes(event)


def test_a_site_of_halls_gives_what_each_hall_gives(scenarios: Path, tmp_path: Path) -> None:
    call = {
        "at": "40 s",
        "kind": "grid-call",
        "window": "20 s",
        "amount": "20 %",
        "ramp": "5 s",
        "duration": "30 s",
    }
    prices = {"economics.by_hour": ["36 USD/MWh"] * 24, "economics.demand_response": "360 USD/MWh"}
    charges = {"economics.demand_charge": "10 USD/kW", "economics.demand_window": "40 s"}
    charges |= {
        "economics.capacity_charge": "1 USD/kW",
        "power.feed.capacity": "1 MW",
        "economics.carbon": "36 g/kWh",
    }
    changes = {"time.duration": "2 min", "hall.count": 2, "events": {"call": call}, **prices, **charges}
    kpis = twin.run(twin.load(scenarios / "one-rack.yaml", set=changes), out=tmp_path).kpis()
    assert kpis["grid_reduction_frac"] == pytest.approx(0.2, abs=0.02)
    assert kpis["grid_payment_usd"] == pytest.approx(1e-7 * kpis["grid_not_drawn_j"])
    assert kpis["electricity_usd"] == pytest.approx(1e-8 * kpis["energy_site_j"])
    assert kpis["co2_kg"] == pytest.approx(1e-8 * kpis["energy_site_j"])
    share = 120.0 / (31 * 86400.0)  # of July
    assert kpis["power_site_mean_w"] < kpis["demand_peak_w"] <= kpis["power_site_peak_w"]
    assert kpis["demand_charge_usd"] == pytest.approx(0.01 * kpis["demand_peak_w"] * share)
    assert kpis["capacity_charge_usd"] == pytest.approx(2e6 * 0.001 * share)  # of two feeds
