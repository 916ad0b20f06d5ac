"""Studies in processes of this machine: tables, failures, killed workers, a killed driver."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from twin.errors import MissingLibrary, StudyError
from twin.launch.table import write_table
from twin.results import is_complete

HERE = Path(__file__).parent


def _rows(table):
    return list(csv.DictReader(table.read_text().splitlines()))


def test_a_study_gives_a_table_a_manifest_and_a_file_a_run(launch, plan_of, tmp_path):
    told = []
    outcome = launch(plan_of({}, {}, {}), progress=lambda done, total: told.append((done, total)))
    outcome.raise_if_failed()
    rows = _rows(outcome.table)
    assert outcome.table == tmp_path / "tiny" / "table.csv"
    assert list(rows[0]) == ["run", "variant", "seed", "run_id", "a.b", "seed_third", "missing"]
    assert [float(row["seed_third"]) for row in rows] == [0.0, 1 / 3, 2 / 3]  # to the last digit
    assert rows[1]["run"] == "case-1 a.b=1"
    assert all(is_complete(tmp_path / "tiny" / row["run_id"]) for row in rows)
    manifest = json.loads((tmp_path / "tiny" / "manifest.json").read_text())
    assert [run["status"] for run in manifest["runs"]] == ["done"] * 3
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_second_start_runs_nothing_and_gives_the_same_table(launch, plan_of, starts):
    table = launch(plan_of({}, {})).table
    before = table.read_bytes()
    table.unlink()
    assert launch(plan_of({}, {}), workers=1).table.read_bytes() == before
    assert starts() == {"fake-000": 1, "fake-001": 1}


def test_a_torso_is_run_again(launch, plan_of, starts, tmp_path):
    launch(plan_of({}, {"melts": True}))
    assert not is_complete(tmp_path / "tiny" / "fake-001")
    assert not launch(plan_of({}, {})).failed
    assert starts() == {"fake-000": 1, "fake-001": 2}


def test_the_same_run_under_two_names_is_done_once(launch, plan_of, starts):
    plan = plan_of({}, {})
    twice = [plan.runs[0], *(type(s)(s.run_id, "again", *list(vars(s).values())[2:]) for s in plan.runs)]
    outcome = launch(type(plan)(plan.name, "1", tuple(twice)))
    assert [row["run_id"] for row in _rows(outcome.table)] == ["fake-000", "fake-001", "fake-000"]
    assert starts() == {"fake-000": 1, "fake-001": 1}


def test_faults_of_a_run_come_back_whole_and_the_others_finish(launch, plan_of):
    outcome = launch(plan_of({"melts": True}, {}, {"bug": True}))
    assert [spec.variant for spec, _ in outcome.failed] == ["case-0", "case-2"]
    with pytest.raises(StudyError, match="2 runs of the study tiny failed") as caught:
        outcome.raise_if_failed()
    melted, bug = caught.value.faults
    assert (melted.where, melted.found) == ("gpu-0 (case-0 a.b=0, seed 0)", "500 K")
    assert bug.found == "ZeroDivisionError: a bug"
    assert "twin run fake.yaml --set id=fake-002 --set bug=true --seed 2" in bug.mend
    assert [row["seed_third"] for row in _rows(outcome.table)] == ["", str(1 / 3), ""]


def test_the_manifest_says_why_a_run_failed(launch, plan_of, tmp_path):
    launch(plan_of({"melts": True}))
    (run,) = json.loads((tmp_path / "tiny" / "manifest.json").read_text())["runs"]
    assert run["status"] == "failed"
    assert "500 K" in run["error"]


def test_the_run_of_a_killed_worker_is_done_again(launch, plan_of, starts):
    outcome = launch(plan_of({}, {"dies": "once"}, {}))
    outcome.raise_if_failed()
    assert starts() == {"fake-000": 1, "fake-001": 2, "fake-002": 1}


def test_a_run_that_kills_every_worker_is_told_and_the_others_finish(launch, plan_of, starts):
    outcome = launch(plan_of({"dies": "always"}, {}, {}, {}))
    assert [spec.run_id for spec, _ in outcome.failed] == ["fake-000"]
    assert "died 3 times" in str(outcome.failed[0][1])
    assert starts() == {"fake-000": 3, "fake-001": 1, "fake-002": 1, "fake-003": 1}


def test_a_killed_driver_takes_its_workers_along_and_the_study_goes_on(launch, plan_of, starts, tmp_path):
    values = [{}, {}, {"sleep_s": 60.0}, {"sleep_s": 60.0}]
    script = f"""
        import sys
        sys.path.insert(0, {str(HERE)!r})
        from twin.launch import run_study
        from twin.study import Plan, RunSpec
        runs = [
            RunSpec(f"fake-{{i:03d}}", f"case-{{i}}", {{"a.b": i}}, "fake.yaml", (), dict(v, id=f"fake-{{i:03d}}"), i)
            for i, v in enumerate({values!r})
        ]
        options = dict(runner="fake_runs:run", summarise="fake_runs:summarise")
        run_study(Plan("tiny", "1", tuple(runs)), {str(tmp_path)!r}, **options)
    """
    driver = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    log = tmp_path / "tiny" / "log"
    _wait(lambda: log.exists() and len(log.read_text().splitlines()) == 4)
    workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
    driver.kill()
    driver.wait()
    _wait(lambda: not any(map(_lives, workers)))
    assert not launch(plan_of({}, {}, {}, {})).failed
    assert starts() == {"fake-000": 1, "fake-001": 1, "fake-002": 2, "fake-003": 2}


def test_an_interrupt_stops_the_workers(launch, plan_of, tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        launch(plan_of({}, {"sleep_s": 60.0}, {"sleep_s": 60.0}), progress=interrupt)
    assert time.monotonic() - began < 30
    log = (tmp_path / "tiny" / "log").read_text().splitlines()
    _wait(lambda: not any(_lives(int(line.split()[1])) for line in log))


@pytest.mark.parametrize(
    ("options", "mend"),
    [
        ({"on": "dusk"}, "write --on dask"),
        ({"on": "moon"}, "write --on local"),
        ({"workers": 0}, "write --workers 1"),
    ],
)
def test_refuses_a_place_that_is_none(launch, plan_of, options, mend):
    with pytest.raises(StudyError) as caught:
        launch(plan_of({}), **options)
    assert caught.value.faults[0].mend == mend


@pytest.mark.parametrize("package", ["distributed", "dask_jobqueue"])
def test_says_which_library_is_missing(launch, plan_of, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingLibrary, match=package):
        launch(plan_of({}), on="slurm")


def test_rows_are_sorted_by_name_then_by_seed_as_a_number(plan_of, tmp_path):
    spec = plan_of({}).runs[0]
    seeds = [type(spec)(f"x-{seed}", "case", {}, "x.yaml", (), {}, seed) for seed in (10, 9, 2)]
    write_table(tmp_path / "t.csv", type(plan_of())("x", "1", tuple(seeds)), {})
    assert [row["seed"] for row in _rows(tmp_path / "t.csv")] == ["2", "9", "10"]


def _wait(is_so, limit_s=40.0):
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_live_process_lives_and_a_dead_one_does_not():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    assert _lives(child.pid)
    child.send_signal(signal.SIGKILL)
    _wait(lambda: not _lives(child.pid))
    child.wait()
