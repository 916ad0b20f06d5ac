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
}
SHARE = 0.7


def at_rate(given: Configuration, requests_per_s: float) -> Prediction:
    """The prediction at a rate of requests, by the number in flight that brings it."""
    low, high = 1e-3, given.concurrency
    for _ in range(40):
        middle = (low * high) ** 0.5
        is_low = predict(replace(given, concurrency=middle)).requests_per_s < requests_per_s
        low, high = (middle, high) if is_low else (low, middle)
    return predict(replace(given, concurrency=high))


@pytest.mark.parametrize("given", POINTS.values(), ids=POINTS)
def test_a_run_at_part_of_the_load_gives_the_predicted_time(
    scenarios: Path, tmp_path: Path, given: Configuration
) -> None:
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
        "serving.pools": {"all": {"replicas": given.engines}},
        "serving.max_batch": 2048,
    }
    run = twin.run(twin.load(scenarios / "one-rack.yaml", set=changes), out=tmp_path)
    assert run.kpis()["requests_finished"] > 200
    assert run.kpis()["tpot_mean_s"] == pytest.approx(expected.tpot_s, rel=0.1)
