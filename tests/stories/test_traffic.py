"""What operators know of shared links: a checkpoint delays answers, restarts queue at storage, a job slows down."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import serving
from twin.models.serving import DECODE, PREFILL, Flow, Job, make_params, with_traffic
from twin.physics.inference import Iteration
from twin.policies.routing.round_robin import choose
from twin.processes.serving import EventServing
from twin.requests import REJECTED, make

PROMPT_BYTES = 24.0
APART = {
    "role": [PREFILL, DECODE], "max_batch": 4, "max_batched_tokens": 64, "kv_blocks": [24, 1000],
    "kv_bytes_per_token": 1.0, "send_bytes_per_s": 12.0, "receive_bytes_per_s": 12.0, "place": [0, 1],
    "attached_frac": np.eye(2), "trunk_bytes_per_s": [12.0] * 4,
}  # fmt: skip
UPLINK = ("trunk", 0)


def run(params, requests, fidelity, until_s=500.0, starts=None):
    """Instants of requests, and the flows that ended."""
    inputs = serving.idle_inputs(params)
    if starts is not None:
        inputs = inputs._replace(starts=np.asarray(starts))
    if fidelity == "event":
        event = EventServing(params, requests)
        out = event.advance(inputs, until_s)
        return event.first_token_at_s - event.arrived_at_s, event.done_at_s, event.status, out.moved
    state = serving.start(params, requests)
    out = serving.advance(params, state, inputs, until_s)
    return state.first_token_at_s - state.arrived_at_s, state.done_at_s, state.status, out.moved


both = pytest.mark.parametrize("fidelity", ["batch", "event"])


@both
def test_a_checkpoint_delays_first_tokens_while_it_lasts(fidelity) -> None:
    """The cache of the prompts holds one: the second waits until the KV of the first has left.

    Alone the KV takes 2 s. Beside a checkpoint of as many bytes it has half of the uplink, 4 s, so the second of the
    pair is 2 s late. Pairs after the checkpoint are as quick as those of a site without one.
    """
    requests = make([0.0, 0.0, 20.0, 20.0, 40.0, 40.0], [24] * 6, [2] * 6)
    params = make_params([Iteration(overhead_s=0.5)], choose, **APART)
    checkpoint = Job([Flow(PROMPT_BYTES, {UPLINK: 1.0})], start_s=20.5, stop_s=100.0)
    quiet_s, quiet_done_s, *_ = run(params, requests, fidelity)
    busy_s, busy_done_s, _, moved = run(with_traffic(params, [checkpoint]), requests, fidelity)
    np.testing.assert_allclose(quiet_s, [0.5, 3.0] * 3)
    np.testing.assert_allclose(busy_s - quiet_s, [0.0, 0.0, 0.0, 2.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(busy_done_s - quiet_done_s, [0.0, 0.0, 2.0, 2.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(moved["ended_s"], 20.5 + 4.0)


@both
@pytest.mark.parametrize("count", [1, 10])
def test_ten_replicas_load_ten_times_as_long_where_storage_is_the_neck(fidelity, count) -> None:
    """70 GB each at 100 GB/s of storage; adapters would carry as much for each."""
    params = make_params(
        [Iteration(overhead_s=0.5)], choose, replicas=10, max_batched_tokens=64, kv_blocks=1000,
        send_bytes_per_s=100e9, receive_bytes_per_s=100e9,
    )  # fmt: skip
    links = [{("port", 0): 1.0, ("receive", r): 1.0} for r in range(10)]
    jobs = [Job([Flow(70e9, links[r])], replica=r) for r in range(10)]
    loaded_s = 0.7 * count
    requests = make([loaded_s - 0.01, loaded_s + 0.01], [8] * 2, [1] * 2)
    starts = [1] * count + [0] * (10 - count)
    _, done_s, status, moved = run(with_traffic(params, jobs, [100e9]), requests, fidelity, starts=starts)
    np.testing.assert_allclose(moved["ended_s"] - moved["began_s"], [loaded_s] * count)
    assert (status[0] == REJECTED) == (count == 10), "nine others are open beside one that starts"
    np.testing.assert_allclose(done_s[1], loaded_s + 0.51)


@both
def test_a_training_job_slows_down_and_recovers(fidelity) -> None:
    """Steps of 1 s of computing and 1 s of gradients; while KV takes half of the uplink gradients take 2 s."""
    params = make_params([Iteration(overhead_s=0.5)], choose, **(APART | {"kv_blocks": 10_000}))
    training = Job([Flow(12.0, {UPLINK: 1.0})], start_s=0.0, stop_s=60.0, pause_s=1.0)
    requests = make([19.5], [240], [2])  # 240 bytes of KV, 20 s alone
    _, done_s, _, moved = run(with_traffic(params, [training]), requests, fidelity)
    lasted_s, began_s = moved["ended_s"] - moved["began_s"], moved["began_s"]
    kv_from_s, kv_until_s = 19.5 + 4 * 0.5, done_s[0] - 0.5
    alone = (moved["ended_s"] <= kv_from_s) | (began_s >= kv_until_s)
    within = (began_s >= kv_from_s) & (moved["ended_s"] <= kv_until_s)
    np.testing.assert_allclose(lasted_s[alone], 1.0)
    np.testing.assert_allclose(lasted_s[within], 2.0)
    assert alone.sum() >= 14
    assert within.sum() >= 8
    slowed_s = 240.0 / 12.0 + (lasted_s - 1.0).sum()
    np.testing.assert_allclose(kv_until_s - kv_from_s, slowed_s, err_msg="what one loses the other had")
