"""A predicted point, run as a scenario: the serving models and the closed form tell the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import twin
from twin.perf import Configuration, Prediction, predict

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
MEANT = {"serving.routing": "round-robin", "serving.prefill_delay": 200, "serving.max_batched_tokens": 16384}
"""What the closed form takes for granted where ranks wait for each other: requests are dealt out evenly, every rank has
a prompt when prompts start, and a prompt fits into one iteration beside the decode."""

SHARE = 0.7


def at_rate(given: Configuration, requests_per_s: float) -> Prediction:
    """The prediction at a rate of requests, by the number in flight that brings it."""
    low, high = 1e-3, given.concurrency
    for _ in range(40):
        middle = (low * high) ** 0.5
        is_low = predict(replace(given, concurrency=middle)).requests_per_s < requests_per_s
        low, high = (middle, high) if is_low else (low, middle)
    return predict(replace(given, concurrency=high))


def run_over_predicted(given: Configuration, scenarios: Path, out: Path, engine: dict[str, object]) -> float:
    """TPOT of a run at part of the load of a point over the prediction at that load."""
    rate = SHARE * predict(given).requests_per_s
    expected = at_rate(replace(given, is_steady=True), rate)
    requests = {
        "arrivals": {"rate": f"{rate} 1/s"},
        "prompt": {"shape": "constant", "mean": given.isl},
        "output": {"shape": "constant", "mean": given.osl},
    }
    changes = {
        "racks.nvl72.system": given.system,
        "workload": {"streams": {"one": {"synthetic": requests}}},
        "time.duration": "3 min",
        "time.sample": "10 s",
        "serving.model": given.model,
        "serving.weights": given.precision,
        "serving.tensor_parallel": given.tensor,
        "serving.expert_parallel": given.experts,
        "serving.attention_data_parallel": given.attention_data,
        "serving.pools": {"all": {"replicas": given.engines}},
        "serving.max_batch": 2048,
    }
    run = twin.run(twin.load(scenarios / "one-rack.yaml", set=changes | engine), out=out)
    assert run.kpis()["requests_finished"] > 200
    return float(run.kpis()["tpot_mean_s"]) / expected.tpot_s


@pytest.mark.parametrize("given", POINTS.values(), ids=POINTS)
def test_a_run_at_part_of_the_load_gives_the_predicted_time(
    scenarios: Path, tmp_path: Path, given: Configuration
) -> None:
    assert run_over_predicted(given, scenarios, tmp_path, MEANT) == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(
    "name", ["dense", "long prompts", "latent", "eight ranks", "wide ranks", "eighteen ranks"]
)
def test_so_does_one_with_the_defaults(scenarios: Path, tmp_path: Path, name: str) -> None:
    assert run_over_predicted(POINTS[name], scenarios, tmp_path, {}) == pytest.approx(1.0, rel=0.1)


def test_prompts_that_are_not_held_back_cost_wide_ranks_dear(scenarios: Path, tmp_path: Path) -> None:
    """Each prompt of one rank costs all 36 of them its time."""
    slower = run_over_predicted(POINTS["wide ranks"], scenarios, tmp_path, {"serving.prefill_delay": 0})
    assert slower > 1.5
