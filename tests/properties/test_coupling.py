"""The loop's promises: unrelated events change nothing, and the tick is the only coupling error."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import twin
from twin import engine, simulate


def idle_events(ctx: engine.Context) -> None:
    """Four thousand events at odd instants that do nothing."""

    def ticker() -> Generator[Any, Any, None]:
        draw = ctx.random("idle")
        for _ in range(4000):
            yield ctx.env.timeout(float(draw.exponential(0.05)))

    ctx.env.process(ticker())


def test_idle_events_change_no_kpi(scenarios: Path, tmp_path: Path) -> None:
    scenario = twin.load(scenarios / "one-rack.yaml", set={"time.duration": "4 min", "time.tick": "1 s"})
    calm = twin.open_run(simulate.run(scenario, out=tmp_path / "calm")).kpis()
    busy = twin.open_run(simulate.run(scenario, out=tmp_path / "busy", extra=idle_events)).kpis()
    assert calm.keys() == busy.keys()
    for name, value in calm.items():
        if isinstance(value, int | float):
            assert busy[name] == pytest.approx(value, rel=1e-9, nan_ok=True), name


def _hall_of_jobs(scenarios: Path, out: Path) -> Path:
    """The hall with batch jobs, whose power is linear, and a pump that trips."""
    hall = yaml.safe_load((scenarios / "gb200-hall.yaml").read_text().replace("data/", f"{scenarios}/data/"))
    del hall["workload"], hall["serving"]
    drawn = {"rate": "600 1/h", "nodes": [1, 36], "duration": ["20 s", "3 min"]}
    hall["jobs"] = {"policy": "backfill", "drawn": drawn, "gpu": "80 %", "cpu": "50 %"}
    trip = {"at": "2 min", "kind": "pump-trip", "asset": "cdu-1", "spare_after": "8 s"}
    hall["events"] = {"pump-trip": trip}
    file = out / "jobs.yaml"
    file.write_text(yaml.safe_dump(hall, sort_keys=False))
    return file


def test_halving_the_tick_halves_the_coupling_error(scenarios: Path, tmp_path: Path) -> None:
    """First order: the error against a fine tick falls by about two at each halving.

    Shown with jobs: the power of served models follows mean rates of a tick, so that its relation sees other bursts at
    another tick.
    """
    hall = _hall_of_jobs(scenarios, tmp_path)

    def trace(tick: str) -> np.ndarray:
        overrides = {"time.duration": "4 min", "time.tick": tick, "time.sample": "2 s"}
        run = twin.run(twin.load(hall, set=overrides), out=tmp_path / tick.replace(" ", ""))
        return run["cdu.return_k"].values[:, 0].astype(float)

    fine = trace("0.0625 s")
    errors = [np.abs(trace(tick) - fine).mean() for tick in ("2 s", "1 s", "0.5 s")]
    ratios = [errors[0] / errors[1], errors[1] / errors[2]]
    assert all(1.7 < r < 2.5 for r in ratios), (errors, ratios)
