"""Crowded sites in the event twin of serving: nothing is lost, nothing is left behind."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models.serving.records import (
    BOTH,
    DECODE,
    PREFILL,
)
from twin.physics.inference import Iteration
from twin.requests import CANCELLED, COMING, FINISHED, REJECTED, SHED, make

from .serving_site import (
    NAN,
    equal,
    inputs,
    next_open,
    serve,
    site,
)


def crowd(seed):
    """A small site under pressure with all that an engine can do, and requests for it."""
    rng = np.random.default_rng(seed)
    kind = Iteration(
        overhead_s=1 / 64, token_flop=1 / 256, context_bytes=1 / 2048, linear_s_per_flop=1.0,
        kv_s_per_byte=1.0, verify_tokens=float(rng.integers(1, 4)),
    )  # fmt: skip
    replicas = []
    for index in range(5):
        replicas.append({
            "group": int(rng.integers(0, 3)) if index < 3 else index,
            "role": (BOTH, BOTH, BOTH, PREFILL, DECODE)[index],
            "kv_blocks": int(rng.integers(18, 28)), "block_tokens": 4, "max_batch": int(rng.integers(1, 6)),
            "max_batched_tokens": int(rng.integers(8, 40)), "is_chunked": int(rng.integers(0, 2)),
            "is_paged": int(rng.integers(0, 2)), "victim": int(rng.integers(0, 2)), "has_prefix_cache": 1,
            "swap_s_per_token": float(rng.choice([0.0, 1 / 256])), "host_blocks": 4, "storage_blocks": 4,
            "host_s_per_token": 1 / 1024, "storage_s_per_token": 1 / 512, "adapter_slots": 2,
            "adapter_load_s": 1 / 16, "ingress_s": 1 / 32, "egress_s": 1 / 32, "handoff_s": 1 / 64,
            "kv_bytes_per_token": 1.0, "send_bytes_per_s": 64.0, "max_queue": 12, "uses_graphs": 1,
            "disaggregate_above_tokens": 6, "cache_entries": 20, "pushes": int(rng.integers(0, 2)), "layers": 4,
        })  # fmt: skip
    params = site(
        *replicas, kinds=[kind], choose=next_open, acceptance=np.array([0.7, 0.4]), graph_sizes=np.array([2, 4]),
        publish_s=float(rng.choice([0.0, 0.125])), retry_s=0.25,
    )  # fmt: skip
    count = 80
    edges = np.arange(40, 60)
    columns = make(
        np.r_[np.sort(rng.integers(0, 128, 40)) / 32, np.full(20, NAN), np.sort(rng.integers(128, 256, 20)) / 32],
        rng.integers(1, 40, count), rng.integers(1, 30, count), follows=edges - 40, follower=edges,
        patience_s=rng.choice([0.5, 4.0, np.inf, np.inf], count), adapter=rng.integers(-1, 4, count),
        prefix_ids=np.arange(60), prefix_start=rng.integers(0, 3, count) * 20, prefix_blocks=rng.integers(0, 5, count),
        prefix_block_tokens=8, pause_s=0.125,
    )  # fmt: skip
    return params, columns


@pytest.mark.parametrize("seed", range(12))
def test_a_crowd_leaves_nothing_behind(seed):
    """Deaths, halts, preemptions: all ends are accounted for, and cutting steps changes nothing."""
    params, columns = crowd(seed)
    alive = np.array([True, True, False, True, seed % 2 == 0])
    cuts = [(inputs(params), 2.0), (inputs(params, alive=alive), 3.0), (inputs(params, clock=0.5), np.inf)]
    fine = [(inputs(params), k / 16) for k in range(1, 32)] + cuts
    (once, sums), (often, sums_often) = serve(params, columns, cuts), serve(params, columns, fine)
    for name in ("admitted_at_s", "first_token_at_s", "done_at_s", "status", "replica", "cached_tokens"):
        np.testing.assert_array_equal(getattr(once, name), getattr(often, name), name)
    for name in ("flop", "busy_s", "lost_tokens", "output_tokens", "sent_bytes"):
        np.testing.assert_allclose(sums[name], sums_often[name], rtol=1e-12)
    assert sums["gaps"].keys() == sums_often["gaps"].keys()
    end = once.advance(inputs(params), once.env.now)
    for name in ("batch_requests", "queue_requests", "kv_blocks"):
        equal(getattr(end, name), np.zeros(5))
    for replica in once._replicas:
        assert (replica.outstanding_tokens, replica.outstanding_requests, replica.prompt_tokens) == (0, 0, 0)
        assert replica.adapters.users == [0, 0]
        assert (
            replica.kv.free + sum(entry.blocks for entry in replica.kv.entries.values())
            == replica.kv.capacity
        )
    is_out = np.isin(once.status, [FINISHED, SHED, REJECTED, CANCELLED])
    assert sorted(sums["left_rows"]) == np.flatnonzero(is_out).tolist()
    assert set(once.status[~is_out].tolist()) <= {COMING}
    finished = once.status == FINISHED
    assert (once.generated[finished] == columns.output_tokens[finished]).all()
    assert finished.sum() > 10
