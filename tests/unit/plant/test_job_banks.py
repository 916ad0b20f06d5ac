"""Nodes that share a bank: the same answers as nodes apart, no more banks than states, nothing lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import twin
from twin import plant, results, simulate
from twin.engine import Agenda, Recorder, Ticks, run_loop
from twin.plant import job_banks

JOBS = {"racks": ["batch"], "drawn": {"rate": "240 1/h", "nodes": [1, 8], "duration": ["10 s", "4 min"]},
        "profiles": {"ramped": ["20 %", "100 %", "60 %"]}, "profile": "ramped"}  # fmt: skip
TABLE = """submit_s,duration_s,nodes,gpu
0,120,6,0.9
20,60,4,0.5
30,100,8,0.5
"""
PUMP = {"pump": {"kind": "pump-trip", "at": "4 min", "asset": "cdu-1"}}


def values(**more: Any) -> dict[str, Any]:
    racks = {name: {"system": "gb200-nvl72", "count": 1} for name in ("nvl72", "batch")}
    time = {"time.duration": "12 min", "time.tick": "1 s", "time.sample": "10 s"}
    return {"jobs": JOBS, "racks": racks, "recording.gpus": "100 %", **time, **more}


def compiled(scenarios: Path, **more: Any) -> plant.Plant:
    ready = simulate.prepare(twin.load(scenarios / "one-rack.yaml", set=values(**more)))
    return plant.compile_plant(ready.graph, ready.scenario, ready.requests, ready.weather)


def test_the_same_answers_as_nodes_apart(
    scenarios: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside requests, with jobs of changing power, while pumps stop and hot GPUs slow down."""

    def run(name: str) -> results.File:
        scenario = twin.load(scenarios / "one-rack.yaml", set=values(events=PUMP))
        return results.open_file(simulate.run(scenario, out=tmp_path / name))

    joined = run("joined")
    monkeypatch.setattr(job_banks.JobBanks, "join", lambda self, p: None)
    apart = run("apart")
    assert joined.series("gpu.throttled_s").values.max() > 0.0
    for name in apart.series_names():
        found, wanted = joined.series(name).values, apart.series(name).values
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6, nan_ok=True), name
    for book in ("energy", "coolant"):
        assert abs(joined.audit()[book]["residual_rel"]) < 1e-12


def test_banks_part_with_jobs_and_join_after_them(scenarios: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text(TABLE)
    jobs = {"racks": ["batch"], "table": str(tmp_path / "jobs.csv"), "columns": {"gpu": "gpu"}}
    site = compiled(scenarios, jobs=jobs)
    nodes_w: list[list[int]] = []

    class Nowhere:
        def append_series(self, time_s: object, values: object) -> None:
            of_nodes = site.maps.node_of_gpu >= 0
            nodes_w.append(site.maps.gpus_of_bank[of_nodes].astype(int).tolist())

    def go(until_s: float) -> list[int]:
        run_loop(site, Agenda(), Ticks(1.0), Recorder(site.sample, Nowhere(), 5.0, block=1), until_s)
        return sorted(nodes_w[-1])

    assert site.maps.gpus_of_bank[site.maps.node_of_gpu >= 0].tolist() == [72]
    assert go(15.0) == [24, 48]
    assert go(10.0) == [16, 24, 32], "of four GPUs each"
    assert go(600.0) == [72]
    assert max(map(len, nodes_w)) == 3
    assert site.maps.gpus_of_bank.sum() == len(site.ids["gpu"])
