"""The event fidelity and the kernel agree on every request, whatever an engine does."""

from __future__ import annotations

import gzip
import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin import requests as columns
from twin.models import serving
from twin.physics.inference import Engine, Gpu, Iteration, Model, coefficients, kv_capacity_tokens
from twin.policies.routing import least_outstanding_tokens, round_robin
from twin.processes.serving import EventServing

TRACE = Path(__file__).parents[2] / "scenarios/data/azure2023-conversation.csv.gz"
LLAMA_405B = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
GB200 = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
ENGINE = Engine(0.44, 0.59, 0.75, 0.90, 0.8, 29e-6, 35e-6, 5e-6)


def _sites():
    spec = importlib.util.spec_from_file_location(
        "serving_sites", Path(__file__).with_name("serving_sites.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sites = _sites()


def serve_both(features, seed, count, replicas=4):
    """A random site with some features: what differs between the fidelities, and the kernel's state."""
    rng = np.random.default_rng(seed)
    full = sites.with_needed(features)
    params = sites.make_site(full, rng, replicas)
    requests = sites.make_requests(full, rng, count)
    steps = sites.make_steps(full, rng, params, np.nanmax(requests.arrived_at_s) + 5.0)
    found, state, _ = sites.differences(params, requests, steps)
    return found, state


@pytest.mark.parametrize("feature", [None, *sites.FEATURES])
def test_each_feature_alone(feature):
    """600 requests on a crowded site with one feature (and what it needs): the same to 1e-9 s."""
    found, state = serve_both([] if feature is None else [feature], seed=7, count=600)
    assert not found
    assert np.count_nonzero(state.status == columns.FINISHED) > 400


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sets(st.sampled_from(sites.FEATURES), min_size=2, max_size=13), st.integers(0, 2**32 - 1))
def test_features_together(features, seed):
    """200 random combinations with 500 requests each."""
    found, _ = serve_both(sorted(features), seed, count=500, replicas=2 + seed % 5)
    assert not found


def azure(count, faster):
    with gzip.open(TRACE, "rt") as file:
        arrival_s, prompt, output = np.loadtxt(file, delimiter=",", skiprows=1, max_rows=count, unpack=True)
    return columns.make(arrival_s / faster, prompt.astype(int), output.astype(int))


@pytest.mark.parametrize("is_chunked", [True, False])
@pytest.mark.parametrize("is_paged", [True, False])
def test_real_requests_on_one_rack(is_chunked, is_paged):
    """5,000 real requests on nine replicas of eight GPUs, clocks that change: the same times to 1e-9 s."""
    coef = coefficients(LLAMA_405B, GB200, ENGINE, 8, 1.0, 1.0)
    capacity = kv_capacity_tokens(LLAMA_405B, GB200, 8, 1.0, 1.0, 0.9)
    hops = [[("gateway", 5e-6), ("leaf", 1e-6 * (1 + r % 3)), ("nic", 2e-6)] for r in range(9)]
    way_s = [sum(seconds for _, seconds in path) for path in hops]
    block = 16 if is_paged else 1
    params = serving.make_params(
        [coef], least_outstanding_tokens.choose, replicas=9, kv_blocks=capacity // block, block_tokens=block,
        max_batch=256, max_batched_tokens=2048, is_chunked=is_chunked, is_paged=is_paged,
        ingress_s=way_s, egress_s=way_s,
    )  # fmt: skip
    requests = azure(5000, faster=15.0)
    rest = serving.idle_inputs(params)
    steps, clock = [], np.ones(9)
    for tick in range(1, 61):
        clock = clock.copy()
        clock[tick % 9] = (1.0, 0.7, 0.45)[tick % 3]
        steps.append((rest._replace(clock_frac=clock), float(tick)))
    found, state, _ = sites.differences(params, requests, [*steps, (rest, np.inf)])
    assert not found
    assert np.all(state.status == columns.FINISHED)


def test_spans_tile_the_life_of_a_request():
    """Spans follow one another without a gap, from arrival to done, over every hop and back."""
    hops = [[("gateway", 0.25), ("leaf", 0.0), ("nic", 0.125)]]
    params = serving.make_params(
        [Iteration(overhead_s=0.5)], round_robin.choose, kv_blocks=1000, max_batch=2, max_batched_tokens=8,
        ingress_s=0.375, egress_s=0.375,
    )  # fmt: skip
    event = EventServing(params, columns.make([0.0, 1.0, 1.0], [20, 3, 4], [3, 1, 2]), paths=hops)
    event.advance(serving.idle_inputs(params), np.inf)
    for row in range(3):
        spans = [span for span in event.spans if span.row == row]
        names = [span.hop for span in spans]
        assert names == ["gateway", "leaf", "nic", "queue", "prefill", "decode", "nic", "leaf", "gateway"]
        assert spans[0].from_s == event.arrived_at_s[row]
        assert spans[-1].to_s == event.done_at_s[row]
        assert all(a.to_s == b.from_s for a, b in pairwise(spans))
