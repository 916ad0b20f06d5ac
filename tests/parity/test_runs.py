"""Whole runs in both fidelities: the same instants and tokens for every request, the same watts and kelvins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.report import Run


@pytest.fixture(scope="module")
def runs(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """One rack with its cooling and a pump trip that throttles it, once in each fidelity."""
    trip = {"at": "1 min", "kind": "pump-trip", "asset": "cdu-1", "spare_after": "40 s"}
    scenario = twin.load(
        scenarios / "one-rack.yaml", set={"time.duration": "4 min", "events": {"trip": trip}}
    )
    out = tmp_path_factory.mktemp("parity")
    return twin.run(scenario, fidelity="event", out=out), twin.run(scenario, fidelity="batch", out=out)


DEATH = {"at": "20.3 s", "kind": "replica-death", "asset": "replica-001", "spare_after": "9 s"}
FEATURES: dict[str, tuple[str, dict[str, Any]]] = {
    "prefill and decode apart, a death": ("disaggregated", {"workload.copies": 3, "events": {"death": DEATH}}),
    "planner": ("disaggregated", {
        "workload.copies": 3,
        "serving.planner": {"policy": "load-proportional", "interval": "10 s", "start_up": "3 s"},
    }),
    "lanes of a pipeline": ("one-rack", {"serving.tensor_parallel": 4, "serving.pipeline_parallel": 2}),
    "experts over 32 ranks, drafts": ("one-rack", {
        "serving.model": "deepseek-v3", "serving.tensor_parallel": 1, "serving.attention_data_parallel": 32,
        "serving.expert_parallel": 32, "serving.max_batch": 64,
        "serving.speculation": {"drafts": 2, "acceptance": [0.8, 0.5]},
    }),
    "paged, swapped, ranked, shed": ("one-rack", {
        "serving.kv": {"mode": "paged", "preemption": "swap"}, "serving.memory_utilization": "31.5 %",
        "serving.queueing": "shortest-prompt-first", "serving.max_queue": 40, "serving.publish": "100 ms",
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", FEATURES)
def test_every_request_of_every_feature_is_the_same(name: str, scenarios: Path, tmp_path: Path) -> None:
    base, changes = FEATURES[name]
    scenario = twin.load(scenarios / f"{base}.yaml", set={"time.duration": "40 s", **changes})
    event, batch = (twin.run(scenario, fidelity=kind, out=tmp_path / kind) for kind in ("event", "batch"))
    one, two = (run.requests.sort_index() for run in (event, batch))
    assert len(one) == len(two) > 100
    for column in one.columns:
        if one[column].dtype.kind == "f":
            np.testing.assert_allclose(one[column], two[column], rtol=0, atol=1e-9, equal_nan=True)
        else:
            np.testing.assert_array_equal(one[column], two[column], column)
    for series in ("site.power_w", "replica.kv_frac", "replica.lost_tokens", "replica.sent_bytes"):
        np.testing.assert_allclose(event[series].values, batch[series].values, rtol=1e-6, atol=1e-6)
    for run in (event, batch):
        assert max(abs(row["residual_rel"]) for row in run.audit.values()) < 1e-9


def test_every_request_is_the_same(runs: tuple[Run, Run]) -> None:
    event, batch = (run.requests for run in runs)
    assert len(event) == len(batch) > 2000
    for column in ("arrived_at_s", "first_token_at_s", "done_at_s"):
        np.testing.assert_allclose(event[column], batch[column], rtol=0, atol=1e-9, equal_nan=True)
    for column in ("input_tokens", "output_tokens", "replica", "status"):
        np.testing.assert_array_equal(event[column], batch[column])


def test_the_coupling_acted(runs: tuple[Run, Run]) -> None:
    for run in runs:
        assert run["gpu.clock_frac"].values.min() < 1.0


@pytest.mark.parametrize(
    "name", ["site.power_w", "gpu.temperature_k", "cdu.return_k", "replica.output_tokens"]
)
def test_watts_kelvins_and_tokens_are_the_same(runs: tuple[Run, Run], name: str) -> None:
    event, batch = (run[name].values for run in runs)
    np.testing.assert_allclose(event, batch, rtol=1e-6)


def test_spans_tile_the_life_of_a_request(runs: tuple[Run, Run]) -> None:
    event = runs[0]
    spans, requests = event.spans, event.requests
    row = int(requests.index[requests["done_at_s"].notna()][100])
    mine = spans[spans["request"] == row].sort_values("from_s", kind="stable")
    assert mine["from_s"].iloc[0] == pytest.approx(requests.loc[row, "arrived_at_s"], abs=1e-9)
    assert mine["to_s"].iloc[-1] == pytest.approx(requests.loc[row, "done_at_s"], abs=1e-9)
    np.testing.assert_allclose(mine["from_s"].to_numpy()[1:], mine["to_s"].to_numpy()[:-1], atol=1e-9)
    assert {"queue", "prefill", "decode", "gateway"} <= set(mine["hop"])
