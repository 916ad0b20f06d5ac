"""What a user types and sees."""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from twin.cli.main import run_app

ROOT = Path(__file__).parents[2]
TWIN = Path(sys.executable).with_name("twin")
WRONG = sorted((ROOT / "tests" / "wrong_scenarios").glob("*.yaml"))


def twin(*args: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([TWIN, *map(str, args)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_there_are_ten_wrong_scenarios() -> None:
    assert len(WRONG) >= 10


@pytest.mark.parametrize("file", WRONG, ids=lambda p: p.stem)
def test_wrong_scenario_gets_one_screen(file: Path) -> None:
    for command in ("check", "run"):
        said = twin(command, file, code=2).stderr
        assert "found:" in said
        assert "expected:" in said
        assert "mend:" in said
        assert re.search(r"\.yaml:\d+ ", said), "names file and line"
        assert len(said.splitlines()) <= 50


@pytest.mark.parametrize("name", ["gb200-hall", "h100-hall", "cdu-pump-trip", "one-rack"])
def test_shipped_scenarios_pass_the_check(name: str) -> None:
    assert "can run" in twin("check", f"scenarios/{name}.yaml").stdout
    assert json.loads(twin("check", f"scenarios/{name}.yaml", "--json").stdout)["ok"] is True


def test_run_report_compare_as_json(tmp_path: Path) -> None:
    runs = []
    for copies in (2, 4):
        said = twin(
            "run", "scenarios/one-rack.yaml", "--set", "time.duration=2 min", "--set", f"workload.copies={copies}",
            "--out", tmp_path, "--no-picture", "--json", "--quiet",
        )  # fmt: skip
        runs.append(json.loads(said.stdout)["run"])
    report = json.loads(twin("report", runs[0], "--json").stdout)
    assert report["kpis"]["requests_finished"] > 0
    assert abs(report["audit"]["energy"]["residual_rel"]) < 1e-9
    assert "TTFT" in twin("report", runs[0]).stdout
    assert json.loads(twin("compare", *runs, "--json").stdout)


def test_dry_run_runs_nothing(tmp_path: Path) -> None:
    plan = json.loads(
        twin("run", "scenarios/gb200-hall.yaml", "--dry-run", "--json", "--out", tmp_path).stdout
    )
    assert plan["requests"] > 1_000_000
    assert not list(tmp_path.iterdir())


def test_catalog_lists_and_shows() -> None:
    assert "gpu" in json.loads(twin("catalog", "list", "--json").stdout)
    shown = json.loads(twin("catalog", "show", "b200-gb200", "--json").stdout)[0]
    assert all(row["source"] for row in shown["values"])


@pytest.mark.parametrize(
    "args",
    [
        ("report", "no-such-run"),
        ("run", "no-such-file.yaml"),
        ("run", "scenarios/one-rack.yaml", "--set", "serving.max_batsch=3"),
        ("run", "scenarios/one-rack.yaml", "--set", "serving.max_batch"),
        ("catalog", "show", "b200-gb2"),
        ("catalog", "list", "gpus"),
        ("view", "no-such-run"),
        ("study", "no-such-study.yaml"),
        ("compare", "scenarios/one-rack.yaml", "nothing.yaml"),
    ],
)
def test_wrong_calls_say_the_mend(args: tuple[str, ...]) -> None:
    assert "mend:" in twin(*args, code=2).stderr


def test_an_interrupted_run_says_that_it_keeps_what_was_recorded(tmp_path: Path) -> None:
    args = [
        TWIN,
        "run",
        "scenarios/gb200-hall.yaml",
        "--set",
        "time.duration=12 h",
        "--out",
        tmp_path,
        "--quiet",
    ]
    # a shell gives its jobs in the background an ignored Ctrl-C, which children inherit
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        args,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heard,  # noqa: PLW1509 - no thread runs here
    ) as run:
        while not list(tmp_path.glob("*/trace.h5")):
            time.sleep(0.05)
        time.sleep(1.0)
        while run.poll() is None:  # as people do: a signal that lands inside a C library can get lost
            run.send_signal(signal.SIGINT)
            time.sleep(2.0)
        _, said = run.communicate()
    assert run.returncode == 130
    assert "what was recorded is kept" in said
    assert "incomplete" in twin("report", next(tmp_path.iterdir())).stdout


def test_ctrl_c_inside_compiled_code_is_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def app(*, standalone_mode: bool) -> None:
        raise SystemError("CPUDispatcher returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setitem(run_app.__globals__, "app", app)
    with pytest.raises(SystemExit) as end:
        run_app()
    assert end.value.code == 130


def test_a_machine_without_graphics_keeps_its_run(tmp_path: Path) -> None:
    """A missing library costs the picture, not the run; the sentence says what to install."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pyvista'] = None\n")
    args = [
        TWIN,
        "run",
        "scenarios/one-rack.yaml",
        "--set",
        "time.duration=1 min",
        "--out",
        tmp_path / "runs",
    ]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(args, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr
    assert "pip install" in done.stderr
    assert "Traceback" not in done.stderr
    assert (next((tmp_path / "runs").iterdir()) / "trace.h5").is_file()
