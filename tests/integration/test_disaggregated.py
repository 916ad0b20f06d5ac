"""Prefill and decode on racks of their own: a whole run, a death, a planner; books stay in balance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.report import Run
from twin.requests import FINISHED

SHORT = {"time.duration": "1 min", "workload.copies": 4}


@pytest.fixture(scope="module")
def run(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return twin.run(
        twin.load(scenarios / "disaggregated.yaml", set=SHORT), out=tmp_path_factory.mktemp("apart")
    )


def changed(scenarios: Path, out: Path, **more: Any) -> Run:
    return twin.run(twin.load(scenarios / "disaggregated.yaml", set={**SHORT, **more}), out=out)


def balanced(run: Run) -> None:
    for name, row in run.audit.items():
        assert abs(row["residual_rel"]) < 1e-9, f"{name}: {row}"


def test_prompts_and_tokens_are_computed_apart(run: Run) -> None:
    balanced(run)
    prefill, output = run["replica.prefill_tokens"].values, run["replica.output_tokens"].values
    assert prefill[:, :18].sum() > 0.0
    assert prefill[:, 18:].sum() == 0.0
    assert output[:, 18:].sum() > 50.0 * output[:, :18].sum(), "a prefill replica yields the first token only"
    assert run["replica.sent_bytes"].values[:, :18].sum() > 1e12
    assert run["replica.cached_tokens"].values.sum() > 1e5


def test_columns_of_requests_tell_where_and_when(run: Run) -> None:
    requests = run.requests
    done = requests[(requests["status"] == FINISHED) & (requests["output_tokens"] > 1)]
    assert len(done) > 500
    assert done["entry_replica"].between(0, 17).all()
    assert done["replica"].between(18, 35).all()
    assert (done["admitted_at_s"] >= done["arrived_at_s"]).all()
    assert (done["first_token_at_s"] > done["admitted_at_s"]).all()
    assert (done["generated_tokens"] == done["output_tokens"]).all()
    assert (done["cached_tokens"] < done["input_tokens"]).all()
    assert (done["attempts"] == 1).all()


def test_attributes_name_labels_and_tiers(scenarios: Path, tmp_path: Path, run: Run) -> None:
    assert json.loads(run.attrs["tiers"])[0] == {
        "name": "standard", "ttft_s": 10.0, "tpot_s": 0.05,
        "input_usd_per_token": pytest.approx(1e-6), "output_usd_per_token": pytest.approx(3e-6),
    }  # fmt: skip
    tiers = {
        "gold": {
            "slo": {"ttft": "1 s", "tpot": "20 ms"},
            "input_tokens": "2 USD/Mtoken",
            "output_tokens": "9 USD/Mtoken",
        }
    }
    gold = changed(scenarios, tmp_path, **{"workload.tiers": tiers, "time.duration": "10 s"})
    assert json.loads(gold.attrs["labels"])["tiers"] == ["gold"]
    assert json.loads(gold.attrs["tiers"])[0]["ttft_s"] == 1.0
    assert json.loads(gold.attrs["sampling"]) == {"requests_frac": 1.0, "gaps_frac": 1.0}
    assert gold.kpis()["requests_finished"] > 0


def test_a_dead_replica_sends_its_requests_back(scenarios: Path, tmp_path: Path, run: Run) -> None:
    events = {
        "one": {"at": "20 s", "kind": "replica-death", "asset": "replica-001", "spare_after": "10 s"},
        "two": {"at": "25 s", "kind": "replica-death", "asset": "replica-020"},
    }
    hit = changed(scenarios, tmp_path, events=events)
    balanced(hit)
    assert list(hit.events["what"]) == ["replica dies", "replica dies", "replica starts"]
    requests = hit.requests
    assert (requests["attempts"] > 1).any()
    assert len(requests) == len(run.requests)
    assert hit["replica.lost_tokens"].values.sum() > 0.0
    tokens = hit["replica.output_tokens"]
    assert tokens.values[tokens.time_s > 30.0, 19].sum() == 0.0, "it never comes back"
    assert hit["replica.prefill_tokens"].values[tokens.time_s > 35.0, 0].sum() > 0.0, "its spare does"


def test_a_planner_moves_replicas_that_are_empty(scenarios: Path, tmp_path: Path) -> None:
    planner = {"policy": "load-proportional", "interval": "10 s", "start_up": "2 s"}
    moved = changed(scenarios, tmp_path, **{"serving.planner": planner, "serving.routing": "round-robin"})
    balanced(moved)
    what = list(moved.events["what"])
    opened = moved.events[moved.events["what"] == "opens, to prefill"]
    assert len(opened) >= 2, what
    name = opened["asset"].iloc[0]
    at_s = float(opened["time_s"].iloc[0])
    closed = moved.events[(moved.events["asset"] == name) & (moved.events["what"] == "closes, to prefill")]
    assert float(closed["time_s"].iloc[0]) + 2.0 <= at_s
    series = moved["replica.prefill_tokens"]
    column = series.ids.index(name)
    assert series.values[series.time_s <= at_s, column].sum() == 0.0
    assert series.values[series.time_s > at_s, column].sum() > 0.0


def test_tokens_balance_when_the_cache_is_too_small(scenarios: Path, tmp_path: Path) -> None:
    """Preempted requests are computed again; what that costs is in lost tokens, to the last one."""
    small = {
        "time.duration": "1 min",
        "workload.copies": 20,
        "serving.memory_utilization": "30 %",
        "serving.kv": {"mode": "paged"},
        "workload.limit": 4000,
    }
    run = twin.run(twin.load(scenarios / "one-rack.yaml", set=small), out=tmp_path)
    balanced(run)
    assert run["replica.preemptions"].values.sum() > 10
    assert run["replica.lost_tokens"].values.sum() > 1000
    assert np.nanmax(run["replica.kv_frac"].values) <= 1.0
