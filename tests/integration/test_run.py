"""A whole run, from scenario file to what a user reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import simpy

import twin
from twin import engine, simulate
from twin.errors import PhysicalRangeError, TwinError
from twin.report import Run


def test_run_is_complete_and_balanced(short_run: Run) -> None:
    assert short_run.complete
    audit = short_run.audit
    assert {"energy", "tokens", "requests"} <= set(audit)
    for name, row in audit.items():
        assert abs(row["residual_rel"]) < 1e-9, f"{name}: {row}"


def test_requests_are_counted_once(short_run: Run) -> None:
    requests = short_run.requests
    kpis = short_run.kpis()
    arrived = int(kpis["requests_arrived"])
    assert arrived == len(requests)
    done = requests["done_at_s"].notna()
    assert int(kpis["requests_finished"]) == int(done.sum()) > 100
    ok = requests[done]
    assert (ok["first_token_at_s"] > ok["arrived_at_s"]).all()
    assert (ok["done_at_s"] >= ok["first_token_at_s"]).all()


def test_power_adds_up_from_chip_to_grid(short_run: Run) -> None:
    site = short_run["site.power_w"].values[:, 0]
    parts = sum(short_run[f"site.{p}_w"].values[:, 0] for p in ("it_power", "cooling_power", "loss"))
    np.testing.assert_allclose(site, parts, rtol=1e-5)
    assert (short_run["site.pue"].values > 1.0).all()
    racks = short_run["rack.power_w"].values.sum(axis=1)
    assert (racks <= short_run["site.it_power_w"].values[:, 0] * (1 + 1e-6)).all()


def test_load_moves_power_and_temperature(short_run: Run) -> None:
    gpu_k = short_run["gpu.temperature_k"].values
    gpu_w = short_run["gpu.power_w"].values
    assert gpu_w.max() > 1.2 * gpu_w[0].min() > 2.0 * 175.0  # a GB200 package draws 175 W without work
    assert gpu_k.max() > gpu_k[0].min() + 1.0


def test_failure_keeps_what_was_recorded(scenarios: Path, tmp_path: Path) -> None:
    scenario = twin.load(scenarios / "one-rack.yaml", set={"time.duration": "20 min"})

    def sabotage(ctx: engine.Context) -> None:
        def breaks(env: simpy.Environment):  # type: ignore[no-untyped-def]
            yield env.timeout(600.0)
            raise PhysicalRangeError("a part left its physical range")

        ctx.env.process(breaks(ctx.env))

    with pytest.raises(TwinError):
        simulate.run(scenario, out=tmp_path, extra=sabotage)
    run = twin.open_run(next(tmp_path.iterdir()))
    assert not run.complete
    assert run["rack.power_w"].time_s[-1] >= 590.0
    assert len(run.requests) > 0


def test_same_seed_same_numbers(scenarios: Path, tmp_path: Path) -> None:
    scenario = twin.load(scenarios / "one-rack.yaml", set={"time.duration": "2 min"})
    a = twin.run(scenario, out=tmp_path / "a")
    b = twin.run(scenario, out=tmp_path / "b")
    assert json.dumps(a.kpis()) == json.dumps(b.kpis())
    assert a.requests.equals(b.requests)


def test_pump_trip_throttles_and_recovers(scenarios: Path, tmp_path: Path) -> None:
    """The whole circle: pump, coolant, chip, clock, latency; and back."""
    overrides = {"time.duration": "10 min", "events.pump-trip.at": "5 min", "time.sample": "1 s"}
    run = twin.run(twin.load(scenarios / "cdu-pump-trip.yaml", set=overrides), out=tmp_path)
    clock = run["gpu.clock_frac"]
    before, during = clock.time_s < 300.0, (clock.time_s > 300.0) & (clock.time_s < 360.0)
    assert clock.values[before].min() == 1.0
    assert clock.values[during].min() < 0.9, "the trip throttles"
    assert clock.values[-30:].min() == 1.0, "throttling ends"
    requests = run.requests.dropna()
    tpot = (requests.done_at_s - requests.first_token_at_s) / (requests.output_tokens - 1).clip(lower=1)
    hit = (requests.arrived_at_s > 318.0) & (requests.arrived_at_s < 332.0) & (requests.output_tokens > 20)
    calm = (requests.arrived_at_s > 200.0) & (requests.arrived_at_s < 270.0) & (requests.output_tokens > 20)
    assert tpot[hit].quantile(0.9) > 1.5 * tpot[calm].quantile(0.9), "and tokens are late"
    assert [e for e in run.events["what"] if "pump" in e]
