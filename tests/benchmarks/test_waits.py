"""What a person waits for at a prompt: halls, workloads, searches, fields, as ratios to a chase timed beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import twin
from twin import perf, scenario, topology
from twin.facility.air_field import solve
from twin.facility.air_site import air_hall

MILLION = 1e6
"""Limits are millions of steps of the chase (15.6 ns on an AMD EPYC of 2026): 64 are a second."""


def millions(timed: Any, chase_s: float, work: Callable[[], object]) -> float:
    """Steps of the chase that the quicker of two calls takes."""
    return float(min(timed(work) for _ in range(2)) / chase_s / MILLION)


def test_building_a_hall(scenarios: Path, timed: Any, chase_s: float) -> None:
    given = twin.load(scenarios / "gb200-hall.yaml")
    assert millions(timed, chase_s, lambda: topology.build(given)) < 64


def test_drawing_a_million_requests(scenarios: Path, timed: Any, chase_s: float) -> None:
    drawn = {"streams": {"a": {"kind": "chat", "synthetic": {"arrivals": {"rate": "280 1/s"}}}}}
    given = twin.load(scenarios / "gb200-hall.yaml", set={"workload": drawn})
    assert scenario.requests(given, given.seed).rows > MILLION
    assert millions(timed, chase_s, lambda: scenario.requests(given, given.seed)) < 128


def test_searching_a_frontier(timed: Any, chase_s: float) -> None:
    given = perf.Configuration("gb200-nvl72", "deepseek-r1", 1, 1024, 1024, 1)
    assert millions(timed, chase_s, lambda: perf.frontier(given, is_apart=True)) < 320


def test_air_of_200_racks(scenarios: Path, timed: Any, chase_s: float) -> None:
    given = twin.load(scenarios / "gigawatt.yaml", set={"hall.count": 1})
    hall = air_hall(topology.build(given), 297.15)
    assert millions(timed, chase_s, lambda: solve(hall)) < 320
