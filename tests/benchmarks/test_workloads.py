"""Speed of making requests, as a ratio to a sort timed in the same session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import twin
from twin.scenario import requests

SORTS_PER_WORKLOAD = 3.0  # 0.5 were seen


def test_millions_of_requests_take_a_few_sorts(scenarios: Path, timed: Any) -> None:
    """Copies of a trace, laid over each other: sorting them is most of the work that must be."""
    scenario = twin.load(scenarios / "gb200-hall.yaml", set={"workload.copies": 140})
    rows = requests(scenario).rows
    assert rows > 2_800_000
    numbers = np.random.default_rng(1).random(rows)
    sort_s = min(timed(lambda: np.argsort(numbers, kind="stable")) for _ in range(3))
    made_s = min(timed(lambda: requests(scenario)) for _ in range(2))
    print(f"\n{rows} requests: {made_s:.2f} CPU s, {made_s / sort_s:.1f} sorts")
    assert made_s < SORTS_PER_WORKLOAD * sort_s
