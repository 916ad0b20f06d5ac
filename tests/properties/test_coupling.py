"""The loop's promises: unrelated events change nothing, and the tick is the only coupling error."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def _peak_trace(scenarios: Path, out: Path, tick: str) -> np.ndarray:
    overrides = {
        "time.duration": "4 min", "time.tick": tick, "time.sample": "2 s",
        "events.pump-trip.at": "2 min", "events.pump-trip.spare_after": "8 s",
    }  # fmt: skip
    run = twin.run(
        twin.load(scenarios / "cdu-pump-trip.yaml", set=overrides), out=out / tick.replace(" ", "")
    )
    return run["cdu.return_k"].values[:, 0].astype(float)


def test_halving_the_tick_halves_the_coupling_error(scenarios: Path, tmp_path: Path) -> None:
    """First order: the error against a fine tick falls by about two at each halving."""
    fine = _peak_trace(scenarios, tmp_path, "0.0625 s")
    errors = [np.abs(_peak_trace(scenarios, tmp_path, t) - fine).mean() for t in ("2 s", "1 s", "0.5 s")]
    ratios = [errors[0] / errors[1], errors[1] / errors[2]]
    assert all(1.5 < r < 2.8 for r in ratios), (errors, ratios)
