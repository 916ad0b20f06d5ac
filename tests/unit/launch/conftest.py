"""Studies of fake runs, and the one way to run them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from twin.launch import Outcome, run_study
from twin.study import Plan, RunSpec

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _workers_find_the_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    """A plan with one run for each mapping of values; seeds count up."""

    def _plan(*values: dict[str, Any]) -> Plan:
        runs = [
            RunSpec(
                f"fake-{i:03d}", f"case-{i}", {"a.b": i}, "fake.yaml", (), {"id": f"fake-{i:03d}", **v}, i
            )
            for i, v in enumerate(values)
        ]
        return Plan("tiny", "1", tuple(runs))

    return _plan


@pytest.fixture
def launch(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a plan with the fake runner."""

    def _launch(plan: Plan, **options: Any) -> Outcome:
        out = options.pop("out", tmp_path)
        return run_study(plan, out, runner="fake_runs:run", summarise="fake_runs:summarise", **options)

    return _launch


@pytest.fixture
def starts(tmp_path: Path) -> Callable[[], Counter[str]]:
    """How often each run was started."""
    return lambda: Counter(line.split()[0] for line in (tmp_path / "tiny" / "log").read_text().splitlines())
