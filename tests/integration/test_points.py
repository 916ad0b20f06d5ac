"""A predicted point, run as a scenario: the serving models and the closed form tell the same."""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from tests.validation import points
from twin.perf import Configuration, at_load, predict, settings

POINTS = {
    "dense": Configuration("gb200-nvl72", "llama-3.1-70b", 72, 1024, 1024, 576, tensor=8),
    "long prompts": Configuration("gb200-nvl72", "llama-3.1-70b", 72, 8192, 1024, 576, tensor=4),
    "windows": Configuration("gb200-nvl72", "gpt-oss-120b", 72, 1024, 1024, 2304, precision="fp4", tensor=2),
    "latent": Configuration("gb200-nvl72", "deepseek-r1", 72, 1024, 1024, 576, tensor=8),
    "eight ranks": Configuration(
        "gb200-nvl72", "deepseek-r1", 72, 1024, 1024, 576, precision="fp4", experts=8, attention_data=8
    ),
    "wide ranks": Configuration(
        "gb200-nvl72", "deepseek-r1", 72, 1024, 1024, 576, precision="fp4", experts=36, attention_data=36
    ),
    "wide ranks, crowded": Configuration(
        "gb200-nvl72", "deepseek-r1", 72, 1024, 1024, 2304, precision="fp4", experts=36, attention_data=36
    ),
    "ranks, long prompts": Configuration(
        "gb200-nvl72", "qwen3-235b-a22b", 72, 4096, 1024, 1152, experts=4, attention_data=4
    ),
    "eighteen ranks": Configuration(
        "gb200-nvl72", "kimi-k2", 72, 2048, 512, 1152, precision="fp4", experts=18, attention_data=18
    ),
    "ranks and tensors": Configuration(
        "gb200-nvl72",
        "deepseek-r1",
        72,
        1024,
        1024,
        288,
        precision="fp4",
        tensor=4,
        experts=72,
        attention_data=18,
    ),
    "a rack of ranks, long prompts": Configuration(
        "gb200-nvl72", "deepseek-r1", 72, 8192, 1024, 2304, precision="fp4", experts=72, attention_data=72
    ),
    "wide ranks, long prompts": Configuration(
        "gb200-nvl72", "deepseek-r1", 72, 8192, 1024, 1152, precision="fp4", experts=36, attention_data=36
    ),
}
SHARE = 0.7
FRONTIERS = {1: 2, 2: 2, 9: 2, 11: 2, 13: 2, 15: 1, 17: 2}
"""Points of some cases: long prompts, latent attention, prefill apart, drafts, wide ranks, few ranks that are almost
always at prompts, long answers."""

DEFAULTS = {
    "serving.routing": "least-outstanding-tokens",
    "serving.prefill_delay": 50,
    "serving.max_batched_tokens": 8192,
}


def run_over_predicted(given: Configuration, scenarios: Path, out: Path, changes: dict[str, object]) -> float:
    """TPOT of a run at part of the load of a point over the prediction at that load."""
    found = predict(given)
    site = {"racks.nvl72.system": given.system, "time.sample": "10 s"}
    settled = settings(found, SHARE) | {"time.duration": "3 min"}
    run = twin.run(twin.load(scenarios / "one-rack.yaml", set=site | settled | changes), out=out)
    assert run.kpis()["requests_finished"] >= 10
    return float(run.kpis()["tpot_mean_s"]) / at_load(found, SHARE).tpot_s


@pytest.mark.parametrize("given", POINTS.values(), ids=POINTS)
def test_a_run_at_part_of_the_load_gives_the_predicted_time(
    scenarios: Path, tmp_path: Path, given: Configuration
) -> None:
    assert run_over_predicted(given, scenarios, tmp_path, {}) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("place", FRONTIERS, ids=lambda place: "-".join(map(str, points.CASES[place])))
def test_so_do_points_of_a_frontier(tmp_path: Path, place: int) -> None:
    """From the most tokens per megawatt to the fastest user, with layouts that the search chose."""
    for point in points.points(points.CASES[place], FRONTIERS[place]):
        assert points.run(point, tmp_path).ratio == pytest.approx(1.0, rel=0.1), point.configuration


@pytest.mark.parametrize(
    "name", ["dense", "long prompts", "latent", "eight ranks", "wide ranks", "eighteen ranks"]
)
def test_so_does_one_with_the_defaults(scenarios: Path, tmp_path: Path, name: str) -> None:
    assert run_over_predicted(POINTS[name], scenarios, tmp_path, DEFAULTS) == pytest.approx(1.0, rel=0.1)


def test_prompts_that_are_not_held_back_cost_wide_ranks_dear(scenarios: Path, tmp_path: Path) -> None:
    """Each prompt of one rank costs all 36 of them its time."""
    slower = run_over_predicted(POINTS["wide ranks"], scenarios, tmp_path, {"serving.prefill_delay": 0})
    assert slower > 1.5
