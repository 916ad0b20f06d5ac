"""The event fidelity and the kernel agree on every request."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.models import serving
from twin.models.serving import Inputs
from twin.physics.inference import Engine, Gpu, Iteration, Model, coefficients, kv_capacity_tokens
from twin.policies.routing import least_outstanding_tokens, round_robin
from twin.processes.requests import EventServing

TRACE = Path(__file__).parents[2] / "scenarios/data/azure2023-conversation.csv.gz"
LLAMA_405B = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
GB200 = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
ENGINE = Engine(0.44, 0.59, 0.75, 0.90, 0.8, 29e-6, 35e-6, 5e-6)
LEVELS = ("batch_requests", "queue_requests", "kv_tokens")
AMOUNTS = ("busy_s", "flop", "hbm_bytes", "link_bytes", "iterations", "prefill_tokens", "output_tokens")


def both(params, requests, steps, paths=None):
    """Serve with both; compare outputs of every step; return both for a look at the requests."""
    state = serving.start(params, *requests)
    event = EventServing(params, *requests, paths=paths)
    for inputs, until_s in steps:
        fast, slow = serving.advance(params, state, inputs, until_s), event.advance(inputs, until_s)
        for name in LEVELS:
            np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), name)
        for name in AMOUNTS:
            np.testing.assert_allclose(
                getattr(fast, name), getattr(slow, name), rtol=1e-7, atol=1e-7, err_msg=name
            )
        assert sorted(fast.finished_rows) == sorted(slow.finished_rows)
        assert list(fast.rejected_rows) == list(slow.rejected_rows)
    np.testing.assert_array_equal(state.replica, event.replica)
    np.testing.assert_array_equal(state.is_rejected, event.is_rejected)
    return state, event


def azure(count, faster):
    with gzip.open(TRACE, "rt") as file:
        arrival_s, prompt, output = np.loadtxt(file, delimiter=",", skiprows=1, max_rows=count, unpack=True)
    return arrival_s / faster, prompt.astype(int), output.astype(int)


@pytest.mark.parametrize("is_chunked", [True, False])
def test_real_requests_on_one_rack(is_chunked):
    """3,000 real requests on nine replicas of eight GPUs: the same times to 1e-9 s, tick by tick."""
    coef = coefficients(LLAMA_405B, GB200, ENGINE, 8, 1.0, 1.0)
    capacity = kv_capacity_tokens(LLAMA_405B, GB200, 8, 1.0, 1.0, 0.9)
    requests = azure(3000, faster=15.0)
    hops = [[("gateway", 5e-6), ("leaf", 1e-6 * (1 + r % 3)), ("nic", 2e-6)] for r in range(9)]
    way_s = [sum(seconds for _, seconds in path) for path in hops]
    params = serving.make_params(
        [coef],
        np.zeros(9, int),
        capacity,
        256,
        2048,
        is_chunked,
        least_outstanding_tokens.choose,
        way_s,
        way_s,
    )
    clock = np.ones(9)
    steps = []
    for tick in range(1, 61):
        clock = clock.copy()
        clock[tick % 9] = (1.0, 0.7, 0.45)[tick % 3]
        steps.append((Inputs(clock, np.ones(9, bool)), float(tick)))
    steps.append((Inputs(np.ones(9), np.ones(9, bool)), np.inf))
    state, event = both(params, requests, steps, hops)
    assert requests[0][-1] > 30.0
    assert not state.is_rejected.any()
    assert np.isfinite(state.done_at_s).all()
    np.testing.assert_allclose(state.first_token_at_s, event.first_token_at_s, rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(state.done_at_s, event.done_at_s, rtol=0.0, atol=1e-9)


def test_spans_tile_the_life_of_a_request():
    """Spans follow one another without a gap, from arrival to done, over every hop and back."""
    hops = [[("gateway", 0.25), ("leaf", 0.0), ("nic", 0.125)]]
    params = serving.make_params(
        [Iteration(overhead_s=0.5)], [0], 1000, 2, 8, True, round_robin.choose, [0.375], [0.375]
    )
    event = EventServing(params, [0.0, 1.0, 1.0], [20, 3, 4], [3, 1, 2], paths=hops)
    event.advance(Inputs(np.ones(1), np.ones(1, bool)), np.inf)
    for row in range(3):
        spans = [span for span in event.spans if span.row == row]
        names = [span.hop for span in spans]
        assert names == ["gateway", "leaf", "nic", "queue", "prefill", "decode", "nic", "leaf", "gateway"]
        assert spans[0].from_s == event.arrived_at_s[row]
        assert spans[-1].to_s == event.done_at_s[row]
        assert all(a.to_s == b.from_s for a, b in pairwise(spans))


@st.composite
def small_sites(draw):
    """Small replicas under pressure; all times are sums of powers of two, so equal instants are equal."""
    replicas = draw(st.integers(1, 3))
    coef = Iteration(
        overhead_s=draw(st.integers(1, 8)) / 2**6,
        token_flop=draw(st.integers(0, 4)) / 2**8,
        sequence_flop=draw(st.integers(0, 4)) / 2**8,
        context_bytes=draw(st.integers(0, 4)) / 2**10,
        context_flop=draw(st.integers(0, 2)) / 2**10,
        pair_flop=draw(st.integers(0, 4)) / 2**12,
        weights_bytes=draw(st.integers(0, 4)) / 2**5,
        token_link_bytes=draw(st.integers(0, 2)) / 2**8,
        weights_s_per_byte=1.0,
        kv_s_per_byte=1.0,
        link_s_per_byte=1.0,
        linear_s_per_flop=1.0,
        attention_s_per_flop=1.0,
    )
    max_batch = draw(st.lists(st.integers(1, 5), min_size=replicas, max_size=replicas))
    per_replica = {"min_size": replicas, "max_size": replicas}
    params = serving.make_params(
        [coef, Iteration(overhead_s=0.125)],
        draw(st.lists(st.integers(0, 1), **per_replica)),
        draw(st.lists(st.integers(20, 120), **per_replica)),
        max_batch,
        [size + draw(st.integers(0, 20)) for size in max_batch],
        draw(st.lists(st.booleans(), **per_replica)),
        draw(st.sampled_from([least_outstanding_tokens.choose, round_robin.choose])),
        [draw(st.integers(0, 8)) / 2**5 for _ in range(replicas)],
        [draw(st.integers(0, 8)) / 2**5 for _ in range(replicas)],
    )
    count = draw(st.integers(1, 40))
    gaps = draw(st.lists(st.integers(0, 24), min_size=count, max_size=count))
    requests = (
        np.cumsum(gaps) / 2**5,
        draw(st.lists(st.integers(1, 70), min_size=count, max_size=count)),
        draw(st.lists(st.sampled_from([1, 1, 2, 3, 8, 30, 60]), min_size=count, max_size=count)),
    )
    steps, now_s = [], 0.0
    for _ in range(draw(st.integers(0, 12))):
        now_s += draw(st.integers(0, 48)) / 2**4
        clock = np.array(draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.0]), **per_replica)))
        is_up = np.array(draw(st.lists(st.sampled_from([True, True, True, False]), **per_replica)))
        steps.append((Inputs(clock, is_up), now_s))
    steps.append((Inputs(np.ones(replicas), np.ones(replicas, bool)), np.inf))
    return params, requests, steps


@settings(max_examples=300, deadline=None)
@given(small_sites())
def test_random_sites_agree_to_the_last_bit(site):
    """Chunked and separate, full caches, full batches, halts, ties, one-token answers, rejections."""
    params, requests, steps = site
    state, event = both(params, requests, steps)
    np.testing.assert_array_equal(state.first_token_at_s, event.first_token_at_s)
    np.testing.assert_array_equal(state.done_at_s, event.done_at_s)
    assert np.isfinite(state.done_at_s).sum() + state.is_rejected.sum() == len(state.done_at_s)
