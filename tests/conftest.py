"""Shared fixtures: the shipped scenarios, and one short run that many tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from twin.report import Run

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "scenarios"


@pytest.fixture(scope="session")
def scenarios() -> Path:
    """Folder of the shipped scenarios."""
    return SCENARIOS


@pytest.fixture(scope="session")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four minutes of one rack."""
    scenario = twin.load(SCENARIOS / "one-rack.yaml", set={"time.duration": "4 min"})
    return twin.run(scenario, out=tmp_path_factory.mktemp("short"))
