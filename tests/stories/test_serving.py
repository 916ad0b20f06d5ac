"""What operators know of serving: full caches recover, prefixes pay, a death is survived. Figures are printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin import rng
from twin.models import serving
from twin.physics.inference import Engine, Gpu, Model, coefficients, kv_capacity_tokens
from twin.policies.routing import kv_aware, least_outstanding_tokens, round_robin
from twin.requests import FINISHED, Requests, make
from twin.scenario.workloads.formats import read_trace

LLAMA_70B = Model(80, 8192, 64, 128256, 70.55e9, 69.5e9, kv_heads=8, head_dim=128)
GB200 = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
ENGINE = Engine(0.44, 0.59, 0.75, 0.90, 0.8, 29e-6, 35e-6, 5e-6)
GPUS, BLOCK = 4, 32
CAPACITY = int(kv_capacity_tokens(LLAMA_70B, GB200, GPUS, 1.0, 1.0, 0.9)) // BLOCK


def replicas(choose=least_outstanding_tokens.choose, **limits):
    """Llama 3.1 70B in FP8 on four GB200 each, with a paged cache."""
    defaults = {"kv_blocks": CAPACITY, "block_tokens": BLOCK, "is_paged": 1, "max_batch": 128}
    coef = coefficients(LLAMA_70B, GB200, ENGINE, GPUS, 1.0, 1.0)
    return serving.make_params([coef], choose, **(defaults | {"max_batched_tokens": 8192} | limits))


def serve(params, requests, steps=None):
    """Columns of all requests, and sums over the steps."""
    state = serving.start(params, requests)
    outs = [
        serving.advance(params, state, *step) for step in steps or [(serving.idle_inputs(params), np.inf)]
    ]
    sums = {name: sum(getattr(out, name) for out in outs) for name in serving.AMOUNTS}
    left = np.concatenate([out.left_rows for out in outs])
    assert sorted(left) == list(range(requests.rows)), "each leaves once"
    return state, sums


def ttft_s(state):
    return state.requests["first_token_at_s"] - state.requests["arrived_at_s"]


# a KV cache that is too small


@pytest.mark.parametrize("policy", ["computed again", "swapped"])
def test_exhausted_cache_recovers(policy):
    """5,000 requests in a cache for a dozen of them: preempted over and over, all are served to the last token."""
    draw = rng.stream(5, "exhaustion")
    count = 5000
    prompts, outputs = draw.integers(100, 2000, count), draw.integers(50, 1000, count)
    requests = make(np.cumsum(draw.exponential(0.05, count)), prompts, outputs)
    swap_s = 2.0e-6 if policy == "swapped" else 0.0
    cramped, roomy = replicas(kv_blocks=500, swap_s_per_token=swap_s), replicas()
    state, sums = serve(cramped, requests)
    free, free_sums = serve(roomy, requests)
    preempted, lost = float(sums["preemptions"][0]), float(sums["lost_tokens"][0])
    ends_s = [float(np.nanmax(s.requests["done_at_s"])) for s in (state, free)]
    print(f"\nvictims {policy}: {preempted:.0f} preemptions, {lost / 1e6:.2f} M tokens lost,"
          f" {ends_s[0]:.0f} s against {ends_s[1]:.0f} s with a cache of {CAPACITY} blocks")  # fmt: skip
    assert np.all(state.requests["status"] == FINISHED)
    assert np.array_equal(state.requests["generated"], outputs)
    assert preempted > 500
    assert free_sums["preemptions"] == 0
    assert (lost > 0) == (policy == "computed again")
    computed = sums["prefill_tokens"] + sums["output_tokens"]
    assert computed[0] == pytest.approx(prompts.sum() + outputs.sum() + lost, rel=1e-9)
    assert state.replicas["free_blocks"][0] == 500
    assert ends_s[0] > ends_s[1]


# shared prefixes


def mooncake(scenarios: Path, name: str) -> Requests:
    return read_trace(scenarios / f"data/mooncake-{name}.csv.gz")


def ideal_share(requests: Requests) -> float:
    """Share of the blocks that lead their prompt in an unbroken row of blocks seen before."""
    seen: set[int] = set()
    found = total = 0
    starts, counts, ids = (
        requests.prefix_start.tolist(),
        requests.prefix_blocks.tolist(),
        requests.prefix_ids.tolist(),
    )
    for begin, blocks in zip(starts, counts, strict=True):
        prompt = ids[begin : begin + blocks]
        total += blocks
        for ident in prompt:
            if ident not in seen:
                break
            found += 1
        seen.update(prompt)
    return found / total


@pytest.mark.parametrize(("name", "expected_pct"), [("conversation", 34.0903), ("synthetic", 32.9346)])
def test_unlimited_cache_finds_all_there_is(scenarios, name, expected_pct):
    """One replica that forgets nothing; of each prompt at least the last token is computed."""
    trace = mooncake(scenarios, name)
    params = replicas(has_prefix_cache=1, kv_blocks=1 << 40)
    state, sums = serve(params, trace)
    blocks = np.ceil(state.requests["cached_tokens"] / trace.prefix_block_tokens).sum()
    share, ideal = blocks / trace.prefix_blocks.sum(), ideal_share(trace)
    print(f"\n{name}: {100 * share:.4f} % of the blocks found, {100 * ideal:.4f} % in the trace,"
          f" {sums['cached_tokens'][0] / 1e6:.2f} M of {trace.prompt_tokens.sum() / 1e6:.2f} M tokens")  # fmt: skip
    assert 100 * ideal == pytest.approx(expected_pct, abs=5e-5)
    assert share == ideal


def test_routing_by_cached_prefixes_pays(scenarios):
    """Eight replicas, 6 times the recorded rate: less to compute, sooner to the first token."""
    trace = mooncake(scenarios, "conversation")
    trace = trace._replace(arrived_at_s=trace.arrived_at_s / 6.0)
    found = {}
    for name, choose in (("round robin", round_robin.choose), ("kv-aware", kv_aware.choose)):
        state, sums = serve(replicas(choose, replicas=8, has_prefix_cache=1), trace)
        p90_s = float(np.quantile(ttft_s(state), 0.9))
        hit = float(sums["cached_tokens"].sum() / trace.prompt_tokens.sum())
        found[name] = (p90_s, hit)
        print(f"\n{name}: TTFT p90 {p90_s:.3f} s, hit {100 * hit:.2f} % of the prompt tokens", end="")
    assert found["kv-aware"][0] < found["round robin"][0]
    assert found["kv-aware"][1] > 1.2 * found["round robin"][1]


# a death


def test_a_replica_dies_in_the_middle_of_its_decodes():
    """Its requests are served by the others with what they had, and each is counted once."""
    draw = rng.stream(5, "death")
    count, dies_s, back_s = 2000, 20.0, 40.0
    outputs = draw.integers(100, 800, count)
    requests = make(np.sort(draw.uniform(0.0, 60.0, count)), draw.integers(100, 3000, count), outputs)
    params = replicas(replicas=4, retry_s=0.5)
    idle = serving.idle_inputs(params)
    dead = idle._replace(is_alive=np.array([True, False, True, True]))
    calm, _ = serve(params, requests)
    state, sums = serve(params, requests, [(idle, dies_s), (dead, back_s), (idle, np.inf)])
    rows = state.requests
    retried = rows["attempts"] == 2
    decoding = retried & (rows["first_token_at_s"] < dies_s)
    later_s = float(np.mean(rows["done_at_s"][retried] - calm.done_at_s[retried]))
    print(f"\n{retried.sum()} requests came again, {decoding.sum()} of them after their first token;"
          f" {sums['lost_tokens'][1]:.0f} tokens lost; last token {later_s:.2f} s later than unharmed")  # fmt: skip
    assert np.all(rows["status"] == FINISHED)
    assert np.array_equal(rows["generated"], outputs)
    assert decoding.sum() > 10
    assert rows["attempts"].max() == 2
    in_between = (rows["arrived_at_s"] > dies_s) & (rows["done_at_s"] < back_s)
    assert not np.any(rows["replica"][retried & (rows["done_at_s"] < back_s)] == 1)
    assert not np.any(rows["replica"][in_between] == 1)
    was_there = (calm.replica == 1) & (calm.arrived_at_s < dies_s) & (calm.done_at_s > dies_s)
    assert np.array_equal(retried, was_there), "only those that were there came again"
    # first tokens are not taken back, last tokens come later
    assert np.array_equal(rows["first_token_at_s"][decoding], calm.first_token_at_s[decoding])
    assert np.all(rows["done_at_s"][retried] > dies_s + 0.5)
    assert sums["output_tokens"].sum() == pytest.approx(outputs.sum(), abs=128)
