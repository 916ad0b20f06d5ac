"""What is recorded over a sample follows from what is recorded at every tick, whatever its kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin import results, simulate
from twin.quantities import QUANTITIES

GATHER = {
    "mean": lambda rows: rows.mean(axis=1),
    "sum": lambda rows: rows.sum(axis=1),
    "max": lambda rows: rows.max(axis=1),
    "min": lambda rows: rows.min(axis=1),
    "point": lambda rows: rows[:, -1],
}


@pytest.mark.parametrize(("hall", "copies"), [("gb200-hall", 40), ("disaggregated", 1)])
def test_a_sample_gathers_its_ticks(scenarios: Path, tmp_path: Path, hall: str, copies: int) -> None:
    def run(sample: str) -> results.File:
        wanted = {"time.duration": "40 s", "time.tick": "1 s", "time.sample": sample}
        scenario = twin.load(scenarios / f"{hall}.yaml", set=wanted | {"workload.copies": copies})
        return results.open_file(simulate.run(scenario, out=tmp_path))

    fine, coarse = run("1 s"), run("10 s")
    for name in fine.series_names():
        rows = fine.series(name).values.astype(np.float64)
        gathered = GATHER[QUANTITIES[name].kind](rows.reshape(4, 10, -1))
        assert coarse.series(name).values == pytest.approx(gathered, rel=1e-5, abs=1e-6, nan_ok=True), name
