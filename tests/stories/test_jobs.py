"""Batch jobs on the nodes of a site: power follows them, books close, and the tick does not matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import twin
from twin import simulate
from twin.errors import ScenarioError

JOBS = """submit_s,duration_s,nodes,gpu,kind
0,120,6,0.9,hpl
0,60,14,0.5,steady
10,30,4,0.8,steady
30,100,12,1.0,steady
"""
# of 18 nodes: the second job waits for the first, the third goes before it, the fourth waits for the second
COLUMNS = {"gpu": "gpu", "profile": "kind"}


def site(scenarios: Path, folder: Path, **changes: Any) -> Path:
    """One rack of 18 nodes that runs jobs alone."""
    whole = yaml.safe_load((scenarios / "gb200-hall.yaml").read_text())
    del whole["workload"], whole["serving"]
    (folder / "jobs.csv").write_text(JOBS)
    whole |= {
        "scenario": "jobs-on-a-rack", "weather": {"dry_bulb": "30 degC"},
        "time": {"start": "2022-07-20 13:00", "duration": "5 min", "tick": "1 s", "sample": "5 s"},
        "jobs": {"table": "jobs.csv", "columns": COLUMNS, "cpu": "50 %", "profiles": {"hpl": ["50 %", "100 %"]}},
        "racks": {"nvl72": {"system": "gb200-nvl72", "count": 1}},
    }  # fmt: skip
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(whole | changes, sort_keys=False))
    return path


def test_jobs_wait_run_and_draw_power(scenarios: Path, tmp_path: Path) -> None:
    run = twin.open_run(simulate.run(twin.load(site(scenarios, tmp_path)), out=tmp_path))
    table, kpis = run.file.jobs(), run.kpis()
    assert table["started_at_s"].tolist() == [0.0, 120.0, 10.0, 180.0]
    assert table["ended_at_s"].tolist() == [120.0, 180.0, 40.0, 280.0]
    assert kpis["job_node_utilisation_frac"] == pytest.approx(
        (6 * 120 + 14 * 60 + 4 * 30 + 12 * 100) / (18 * 300)
    )
    assert kpis["job_wait_mean_s"] == pytest.approx((0 + 120 + 0 + 150) / 4)
    power_w = run["gpu.power_w"].values.sum(axis=1)
    idle_w, range_w = 72 * 175.0, 4 * (1200.0 - 175.0)  # GPUs of the site; of a node
    assert power_w[3] == pytest.approx(idle_w + range_w * (6 * 0.45 + 4 * 0.8), rel=0.01)  # 15 to 20 s
    assert power_w[45] == pytest.approx(idle_w + range_w * 12 * 1.0, rel=0.02)
    assert power_w[-1] == pytest.approx(idle_w, rel=0.01)
    assert abs(run.audit["energy"]["residual_rel"]) < 1e-9
    gpu_j = power_w.sum() * 5.0 - idle_w * 300.0
    work_s = 6 * 0.9 * 0.75 * 120 + 14 * 0.5 * 60 + 4 * 0.8 * 30 + 12 * 100
    assert 1.0 <= gpu_j / (work_s * range_w) < 1.02  # leakage of warm dies comes on top


def test_the_tick_does_not_matter(scenarios: Path, tmp_path: Path) -> None:
    found = {}
    for tick in ("1 s", "2 s"):
        scenario = twin.load(site(scenarios, tmp_path), set={"time.tick": tick, "time.sample": "10 s"})
        found[tick] = twin.open_run(simulate.run(scenario, out=tmp_path / tick.replace(" ", ""))).kpis()
    names = [n for n in found["1 s"] if n.startswith(("job", "energy_site", "energy_it"))]
    assert len(names) >= 9
    for name in names:
        assert found["2 s"][name] == pytest.approx(
            found["1 s"][name], rel=3e-3 if "energy_" in name else 1e-9
        ), name


def test_wrong_jobs_are_told_with_their_rows(scenarios: Path, tmp_path: Path) -> None:
    path = site(scenarios, tmp_path)
    (tmp_path / "jobs.csv").write_text(JOBS + "5,-1,2.5,0.5,linpack\n")
    with pytest.raises(ScenarioError) as caught:
        twin.load(path)
    told = [(f.line, f.where) for f in caught.value.faults]
    assert {(6, "duration_s"), (6, "nodes"), (6, "kind")} <= set(told)


def test_jobs_beside_requests_need_racks_of_their_own(scenarios: Path) -> None:
    beside = {"jobs": {"drawn": {"rate": "60 1/h", "nodes": [1, 4], "duration": ["1 min", "5 min"]}}}
    with pytest.raises(ScenarioError, match="one fault") as caught:
        twin.load(scenarios / "one-rack.yaml", set=beside)
    assert caught.value.faults[0].where == "jobs.racks"
    with pytest.raises(ScenarioError) as caught:
        twin.load(scenarios / "one-rack.yaml", set={"jobs": {"policy": "backfill"}})
    assert any("table" in f.mend for f in caught.value.faults)


def test_jobs_and_requests_share_a_hall(scenarios: Path, tmp_path: Path) -> None:
    jobs = {"racks": ["batch"], "drawn": {"rate": "600 1/h", "nodes": [1, 8], "duration": ["10 s", "60 s"]}}
    values = {
        "jobs": jobs, "time.duration": "1 min",
        "racks": {name: {"system": "gb200-nvl72", "count": 1} for name in ("nvl72", "batch")},
    }  # fmt: skip
    run = twin.open_run(simulate.run(twin.load(scenarios / "one-rack.yaml", set=values), out=tmp_path))
    kpis = run.kpis()
    assert kpis["jobs_started"] > 3
    assert kpis["requests_finished"] > 100
    assert len(run.file.asset("replica")["id"]) == 9  # those of the other rack alone
    assert abs(run.audit["energy"]["residual_rel"]) < 1e-9
    assert np.isfinite(kpis["job_wait_mean_s"])
