"""The serving section: what stands in it, how pools take from it, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from twin.scenario import check, load, resolved_text
from twin.scenario.limits import policy_limits
from twin.scenario.serving import placed, racks_of

from .conftest import SCENARIOS

RACK = SCENARIOS / "one-rack.yaml"
SITE = SCENARIOS / "disaggregated.yaml"
EVERYTHING = {
    "serving.pipeline_parallel": 2,
    "serving.tensor_parallel": 4,
    "serving.kv": "{mode: paged, preemption: swap, victim: largest-rank, prefix_cache: true, "
    "host: {capacity: 1 TB, bandwidth: 50 GB/s}, storage: {capacity: 10 TB, bandwidth: 5 GB/s}}",
    "serving.queueing": "fair-share",
    "serving.admission": "token-bucket",
    "serving.limits": "{tokens_per_s: 20000 tokens/s, burst_tokens: 5000, share_tokens_per_s: 7 tokens/s}",
    "serving.max_queue": 12,
    "serving.publish": "100 ms",
    "serving.cuda_graphs": "[8, 1, 4]",
    "serving.speculation": "{drafts: 3, acceptance: 0.7, draft_time: 1 ms}",
    "serving.adapters": "{slots: 4, load: 100 ms}",
    "serving.overheads": "{admission: 1 ms, per_sequence: 10 us}",
    "serving.retry": "2 s",
    "serving.placement": "spread",
    "serving.pools": "{a: {role: prefill, replicas: 3}, b: {role: decode, kv_transfer: 100 GB/s, max_batch: 64}}",
    "serving.disaggregate_above": 512,
    "serving.push": "at-end",
    "serving.decode_routing": "round-robin",
    "serving.planner": "{policy: backlog, interval: 10 s, start_up: 5 s}",
}


def test_all_keys_are_read_in_si_and_written_out_again(tmp_path) -> None:
    scenario = load(RACK, set={k: v for k, v in EVERYTHING.items() if k != "serving.pipeline_parallel"})
    serving = scenario.serving
    assert (serving.kv.host.capacity, serving.kv.storage.bandwidth) == (1e12, 5e9)
    assert serving.cuda_graphs == [1, 4, 8]
    assert serving.speculation.chances == pytest.approx([0.7, 0.49, 0.343])
    assert policy_limits(scenario).tolist() == [20000.0, 5000.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0]
    text = yaml.safe_load(resolved_text(scenario))
    for name in ("weather", "workload"):
        text[name] = yaml.safe_load(RACK.with_name("gb200-hall.yaml").read_text())[name]
    text["weather"]["file"] = str(SCENARIOS / text["weather"]["file"])
    text["workload"]["trace"] = str(SCENARIOS / text["workload"]["trace"])
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    assert load(tmp_path / "again.yaml").serving == serving


def test_what_is_left_out_is_as_it_always_was() -> None:
    serving = load(RACK).serving
    assert [p.name for p in placed(serving)] == [""]
    assert (serving.kv.mode, serving.publish, serving.pools, serving.speculation) == (
        "reserved",
        0.0,
        {},
        None,
    )


def test_pools_take_what_they_do_not_say() -> None:
    scenario = load(SITE)
    prompts, tokens = placed(scenario.serving)
    assert (prompts.pool.role, prompts.keys.max_batch, prompts.keys.max_batched_tokens) == (
        "prefill",
        32,
        16384,
    )
    assert (tokens.pool.role, tokens.keys.max_batch, tokens.keys.kv.mode) == ("decode", 256, "paged")
    assert prompts.path("max_batch") == "serving.pools.prompts.max_batch"
    assert tokens.path("max_batch") == "serving.max_batch"
    assert racks_of(scenario.serving, "prompts", list(scenario.racks)) == ["gb200"]


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"max_batched_tokens": 100}, "serving.max_batched_tokens", "write 256 or more"),
    ({"max_batched_tokens": 600, "speculation": "{drafts: 3, acceptance: 0.7}"}, "serving.max_batched_tokens",
     "write 1024 or more"),
    ({"speculation": "{drafts: 3, acceptance: [0.5, 0.7, 0.2]}"}, "serving.speculation.acceptance", "write 0.7"),
    ({"speculation": "{drafts: 3, acceptance: [0.5, 0.4]}"}, "serving.speculation", "write drafts: 2"),
    ({"cuda_graphs": "[0]"}, "serving.cuda_graphs", "write true"),
    ({"cuda_graphs": "maybe"}, "serving.cuda_graphs", "write true"),
    ({"limits": "{waiting_per_replica: 3}"}, "serving.limits.waiting_per_replica", "correct the name"),
    ({"limits": "[3]"}, "serving.limits", "write for example"),
    ({"admission": "token-bucket", "limits": "{tokens_per_s: 3}"}, "serving.limits.tokens_per_s",
     "write 3 tokens/s"),
    ({"admission": "queue-limit", "limits": "{waiting_per_replica: many}"}, "serving.limits.waiting_per_replica",
     "write a number"),
    ({"kv": "{prefix_cache: true, block: 24}"}, "serving.kv.block", "write 16"),
    ({"kv": "{host: {capacity: 1 TB, bandwidth: 1 GB/s}}"}, "serving.kv.host", "switch it on"),
    ({"pools": "{a: {role: prefill}}"}, "serving.pools.a.role", "add one"),
    ({"pools": "{a: {role: decode}}"}, "serving.pools.a.role", "add one"),
    ({"pools": "{a: {role: prefill}, b: {role: decode}}"}, "serving.pools.a.replicas", "write for example 4"),
    ({"pools": "{a: {racks: [nvl]}}"}, "serving.pools.a.racks.0", "write nvl72"),
    ({"pools": "{a: {racks: [nvl72], replicas: 1}, b: {}}"}, "serving.pools.b", "name racks"),
    ({"pools": "{a: {max_batched_tokens: 8}}"}, "serving.pools.a.max_batched_tokens", "write 256"),
    ({"planner": "{}"}, "serving.planner", "add these pools"),
    ({"placement": "spred"}, "serving.placement", "write spread"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "where", "mend"), FAULTS, ids=lambda v: v if isinstance(v, str) else None
)
def test_what_cannot_be_is_a_fault_with_its_place(changes: dict[str, Any], where: str, mend: str) -> None:
    faults = check(RACK, set={f"serving.{key}": value for key, value in changes.items()})
    assert [f.where for f in faults] == [where], faults
    assert faults[0].mend.startswith(mend)
