"""From scenario to replicas: pools, groups, limits, capacities, and faults with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin import catalog, topology
from twin.errors import ScenarioError, TwinError
from twin.models.serving import DECODE, PREFILL, Params
from twin.plant import cards, replicas
from twin.plant._over_gpus import of_teams
from twin.plant.capacity import capacities_tokens_per_s
from twin.plant.maps import Maps, build_maps
from twin.requests import make


def placed(path: Path, **changes: Any) -> tuple[Params, Maps]:
    scenario = twin.load(path, set=changes)
    graph = topology.build(scenario)
    maps = build_maps(graph, scenario)
    return replicas.build(graph, scenario, maps, replicas.paths(graph, maps)), maps


def test_pools_have_their_racks_roles_and_limits(scenarios: Path) -> None:
    params, maps = placed(scenarios / "disaggregated.yaml")
    engines = params.engines
    prefill = engines["role"] == PREFILL
    assert (prefill.sum(), (engines["role"] == DECODE).sum()) == (18, 18)
    assert set(engines["max_batch"][prefill]) == {32}
    assert set(engines["max_batch"][~prefill]) == {256}
    assert engines["kv_blocks"][~prefill].min() > engines["kv_blocks"][prefill].max(), "more HBM"
    assert len(params.coefficients) == 2
    # 80 layers, 8 heads of 128, keys and values, one byte each; four adapters of 400 Gbit/s
    assert set(engines["kv_bytes_per_token"]) == {80 * 8 * 128 * 2.0}
    assert set(engines["send_bytes_per_s"]) == {4 * 50e9}
    assert np.all((engines["handoff_s"] > 1e-6) & (engines["handoff_s"] < 1e-5))
    assert engines["host_blocks"][0] == int(1e12 // (80 * 8 * 128 * 2 * 32))
    racks = maps.rack_of_gpu[replicas.first_member(maps)]
    assert set(racks[prefill]) == {0}
    assert set(racks[~prefill]) == {1}


def test_a_pool_can_be_given_a_rate_a_number_and_what_is_left(scenarios: Path) -> None:
    pools = "{a: {role: prefill, replicas: 2, kv_transfer: 123 GB/s}, b: {role: decode, tensor_parallel: 4}}"
    params, maps = placed(scenarios / "one-rack.yaml", **{"serving.pools": pools})
    assert params.engines["send_bytes_per_s"][:3].tolist() == [123e9, 123e9, 4 * 50e9]
    assert np.bincount(maps.pool_of_replica).tolist() == [2, 14]
    assert np.bincount(maps.team_of_gpu).tolist() == [8] * 2 + [4] * 14


def test_lanes_share_their_gpus_and_ranks_do_not(scenarios: Path) -> None:
    split = {"serving.tensor_parallel": 2, "serving.pipeline_parallel": 3, "serving.attention_data_parallel": 2,
             "serving.model": "deepseek-v3"}  # fmt: skip
    params, maps = placed(scenarios / "one-rack.yaml", **split)
    assert len(params.engines) == 6 * 3 * 2, "six groups of twelve GPUs"
    assert params.engines["group"].tolist() == [g for g in range(6) for _ in range(6)]
    assert maps.lanes_of_team.tolist() == [3] * 12
    assert maps.team_of_replica[:6].tolist() == [0, 0, 0, 1, 1, 1]
    amounts = np.array([np.full(36, 0.5), np.arange(36.0)])
    busy_s, flop = of_teams(amounts, maps.team_of_replica, maps.lanes_of_team, maps.team_of_gpu)
    assert flop[:6].tolist() == [0.0 + 1.0 + 2.0] * 6
    assert flop[6:12].tolist() == [3.0 + 4.0 + 5.0] * 6
    assert set(busy_s.tolist()) == {0.5}


def test_a_group_across_nodes_talks_through_its_adapters(scenarios: Path) -> None:
    wide = {"serving.model": "deepseek-v3", "serving.tensor_parallel": 1, "serving.attention_data_parallel": 16,
            "serving.expert_parallel": 16, "serving.max_batch": 64}  # fmt: skip
    nodes, _ = placed(scenarios / "h100-hall.yaml", **wide)
    rack, _ = placed(scenarios / "one-rack.yaml", **wide)
    slow, fast = (p.coefficients["group_link_s_per_byte"][0] for p in (nodes, rack))
    reached = catalog.get("engine", "trtllm").hopper_link_efficiency_frac
    assert slow == pytest.approx(1.0 / (50e9 * reached), rel=1e-9)
    assert slow > 10.0 * fast


def test_routed_experts_run_apart_from_dense_layers() -> None:
    card, gpu = catalog.get("llm", "deepseek-v3"), catalog.get("gpu", "b200-gb200")
    engine = cards.engine_of(catalog.get("engine", "trtllm"), gpu, card, "fp8")
    dense = cards.engine_of(catalog.get("engine", "trtllm"), gpu, catalog.get("llm", "llama-3.1-8b"), "fp8")
    assert engine.compute_efficiency_frac == dense.compute_efficiency_frac
    assert 0.0 < engine.expert_compute_efficiency_frac < engine.compute_efficiency_frac
    assert (dense.expert_compute_efficiency_frac, dense.expert_layer_overhead_s) == (0.0, 0.0)
    assert cards.model_of(card).dense_layers == 3
    oss = cards.model_of(catalog.get("llm", "gpt-oss-120b"))
    assert (oss.window_tokens, oss.windowed_layers) == (128, 18)


def test_parts_of_a_model_have_precisions_of_their_own() -> None:
    sparse, dense = (catalog.get("llm", name) for name in ("deepseek-v3", "llama-3.1-70b"))
    assert cards.stored(sparse, "fp4") == ("bf16", "fp4", "bf16")
    assert cards.stored(dense, "fp4") == ("fp4", "fp4", "bf16")
    gpu = cards.gpu_of(catalog.get("gpu", "b200-gb200"), sparse, "fp4")
    assert (gpu.flop_per_s, gpu.expert_flop_per_s, gpu.head_flop_per_s) == (2.5e15, 10e15, 2.5e15)
    hopper = cards.gpu_of(catalog.get("gpu", "h100-sxm"), sparse, "fp4")
    assert hopper.expert_flop_per_s == hopper.flop_per_s  # no four-bit arithmetic: unpacked to bf16


def test_layers_with_a_state_keep_no_kv() -> None:
    card = catalog.get("llm", "qwen3.5-397b-a17b")
    model = cards.model_of(card)
    assert (model.kv_layers, model.plain_layers) == (15, 45)
    assert model.state_bytes == 45 * card.state_bytes_per_layer
    assert cards.kv_bytes_per_token(card, "bf16") == 15 * card.kv_bytes_per_token_per_layer


@pytest.mark.parametrize(
    ("changes", "where", "found"),
    [
        ({"serving.tensor_parallel": 7}, "serving.tensor_parallel", "7"),
        ({"serving.weights": "bf16", "serving.tensor_parallel": 2}, "serving.tensor_parallel", "GB are missing"),
        ({"serving.expert_parallel": 8}, "serving.expert_parallel", "8"),
        ({"serving.feed_forward": "{gpu: b200-gb200, gpus: 1, link: 1 TB/s}"}, "serving.feed_forward.gpus", "GB"),
        ({"serving.pools": "{a: {tensor_parallel: 6}}"}, "serving.pools.a.tensor_parallel", "6"),
        ({"serving.pools": "{a: {replicas: 1}, b: {tensor_parallel: 66}}"}, "serving.pools.b.tensor_parallel", "66"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_place(
    scenarios: Path, changes: dict[str, Any], where: str, found: str
) -> None:
    with pytest.raises(TwinError) as caught:
        placed(scenarios / "one-rack.yaml", **changes)
    fault = caught.value.faults[0]
    assert (fault.where, fault.file) == (where, "--set")
    assert found in fault.found


def test_faults_of_two_pools_come_together(scenarios: Path) -> None:
    pools = "{a: {replicas: 2, tensor_parallel: 6}, b: {weights: bf16, tensor_parallel: 2}}"
    with pytest.raises(ScenarioError) as caught:
        placed(scenarios / "one-rack.yaml", **{"serving.pools": pools})
    assert [f.where.split(".")[2] for f in caught.value.faults] == ["a", "b"]


def test_capacities_are_those_of_the_roofline(scenarios: Path) -> None:
    params, _ = placed(scenarios / "disaggregated.yaml")
    prefill, decode = capacities_tokens_per_s(params, make([0.0, 1.0], [8000, 12000], [300, 500]))
    assert 2e4 < prefill < 2e5
    assert 1e3 < decode < prefill
    longer, _ = capacities_tokens_per_s(params, make([0.0], [100_000], [300]))
    assert longer < prefill, "attention grows with the prompt"
