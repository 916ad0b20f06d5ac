"""Invariants of the serving kernel."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin import rng
from twin.models import _serving_kernel as kernel
from twin.models import _serving_trees as trees
from twin.models import serving
from twin.models.serving import Inputs
from twin.physics.inference import Iteration
from twin.policies.routing import least_outstanding_tokens, round_robin

SEEDS = st.integers(0, 2**32 - 1)
REQUESTS = 200
HORIZON_S = 40.0
AMOUNTS = serving.Outputs._fields[:7]


def site(seed, choose=least_outstanding_tokens.choose):
    """Random replicas of two kinds, one with experts, and requests that press on them."""
    draw = rng.stream(seed, "serving site")
    replicas = int(draw.integers(1, 7))
    coefs = [
        Iteration(
            overhead_s=draw.uniform(1e-3, 1e-2),
            weights_bytes=draw.uniform(0.0, 5e-2),
            expert_bytes=share * draw.uniform(1e-2, 1e-1),
            expert_miss_frac=0.9,
            token_flop=draw.uniform(0.0, 2e-3),
            token_link_bytes=draw.uniform(0.0, 1e-4),
            sequence_flop=draw.uniform(0.0, 1e-4),
            context_bytes=draw.uniform(0.0, 1e-4),
            context_flop=draw.uniform(0.0, 1e-4),
            pair_flop=draw.uniform(0.0, 1e-5),
            weights_s_per_byte=1.0,
            kv_s_per_byte=1.0,
            link_s_per_byte=1.0,
            linear_s_per_flop=1.0,
            attention_s_per_flop=1.0,
        )
        for share in (0.0, 1.0)
    ]
    max_batch = draw.integers(1, 12, replicas)
    params = serving.make_params(
        coefs,
        draw.integers(0, 2, replicas),
        draw.integers(100, 600, replicas),
        max_batch,
        max_batch + draw.integers(0, 100, replicas),
        draw.random(replicas) < 0.5,
        choose,
        draw.uniform(0.0, 0.1, replicas),
        draw.uniform(0.0, 0.1, replicas),
    )
    requests = (
        np.sort(draw.uniform(0.0, 0.5 * HORIZON_S, REQUESTS)),
        draw.integers(1, 300, REQUESTS),
        np.ceil(draw.exponential(60.0, REQUESTS)),
    )
    return params, requests


def inputs_at(seed, replicas, epoch):
    """Clocks and masks of one epoch; in some a replica is halted or down."""
    draw = rng.stream(seed, "serving inputs", str(epoch))
    clock_frac = draw.choice([0.0, 0.3, 0.8, 1.0], replicas)
    return Inputs(clock_frac, draw.random(replicas) < 0.8)


def serve(params, requests, seed, cuts, epochs=1):
    """Serve with inputs that change at ``epochs`` equal times, and with further cuts; sums and state."""
    state = serving.start(params, *requests)
    replicas = len(params.max_batch)
    sums = np.zeros((len(AMOUNTS), replicas))
    ends = np.linspace(0.0, HORIZON_S, epochs + 1)[1:]
    for until_s in np.unique(np.concatenate([ends, np.asarray(cuts, dtype=float)])):
        epoch = int(np.searchsorted(ends, until_s))
        inputs = (
            Inputs(np.ones(replicas), np.ones(replicas, bool))
            if epochs == 1
            else inputs_at(seed, replicas, epoch)
        )
        out = serving.advance(params, state, inputs, float(until_s))
        sums += np.array([getattr(out, name) for name in AMOUNTS])
        in_flight = out.batch_requests.sum() + out.queue_requests.sum()
        routed, finished, rejected = state.counts[[kernel.NEXT_ROW, kernel.FINISHED, kernel.REJECTED]]
        assert routed == finished + rejected + in_flight
        assert in_flight == state.outstanding_requests.sum()
        assert np.all(out.kv_tokens <= params.kv_capacity_tokens)
        assert np.all(out.batch_requests <= params.max_batch)
        assert np.all(np.array([getattr(out, name) for name in AMOUNTS]) >= -1e-9)
    out = serving.advance(params, state, Inputs(np.ones(replicas), np.ones(replicas, bool)), np.inf)
    return state, sums + np.array([getattr(out, name) for name in AMOUNTS])


def columns(state):
    return np.array([state.first_token_at_s, state.done_at_s, state.replica, state.is_rejected])


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.lists(st.floats(0.0, HORIZON_S), max_size=30), st.integers(1, 6))
def test_cuts_change_nothing(seed, cuts, epochs):
    """Any further cuts, idle or busy, leave every request as it was to the last bit, and every sum."""
    params, requests = site(seed)
    plain, plain_sums = serve(params, requests, seed, [], epochs)
    cut, cut_sums = serve(params, requests, seed, cuts, epochs)
    np.testing.assert_array_equal(columns(cut), columns(plain))
    np.testing.assert_allclose(cut_sums, plain_sums, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_tokens_and_requests_are_conserved(seed, epochs):
    """Every token that was asked for is accounted for once, and every request ends or is refused."""
    params, requests = site(seed)
    state, sums = serve(params, requests, seed, np.arange(0.0, HORIZON_S, 0.37), epochs)
    served = ~state.is_rejected
    assert np.array_equal(np.isfinite(state.done_at_s), served)
    sums_of = dict(zip(AMOUNTS, sums, strict=True))
    for name, tokens in (("prefill_tokens", state.prompt_tokens), ("output_tokens", state.output_tokens)):
        expected = np.bincount(state.replica[served], tokens[served], minlength=len(params.max_batch))
        np.testing.assert_allclose(sums_of[name], expected, rtol=1e-9)
    assert np.all(state.first_token_at_s[served] > state.arrived_at_s[served])
    several = served & (state.output_tokens > 1)
    assert np.all(state.done_at_s[several] > state.first_token_at_s[several])
    assert not state.outstanding_tokens.any()
    assert len(set(state.finished[: served.sum()])) == served.sum()


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_index_chooses_as_the_policy_does(seed):
    """The tree of outstanding tokens and the plain scan route every request alike."""

    def scan(outstanding_tokens, outstanding_requests, is_up, cursor):
        best = -1
        for replica in range(len(outstanding_tokens)):
            if is_up[replica] and (best < 0 or outstanding_tokens[replica] < outstanding_tokens[best]):
                best = replica
        return best

    params, requests = site(seed)
    indexed, _ = serve(params, requests, seed, [], 4)
    scanned, _ = serve(params._replace(choose=SCANS.setdefault("scan", scan)), requests, seed, [], 4)
    np.testing.assert_array_equal(columns(scanned), columns(indexed))


SCANS: dict[str, object] = {}


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_a_copy_lives_on_its_own(seed):
    params, requests = site(seed, round_robin.choose)
    replicas = len(params.max_batch)
    inputs = Inputs(np.ones(replicas), np.ones(replicas, bool))
    state = serving.start(params, *requests)
    serving.advance(params, state, inputs, 5.0)
    twin_state = serving.copy(state)
    before = columns(twin_state)
    serving.advance(params, state, inputs, np.inf)
    np.testing.assert_array_equal(columns(twin_state), before)
    serving.advance(params, twin_state, inputs, np.inf)
    np.testing.assert_array_equal(columns(twin_state), columns(state))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(-5, 5)), min_size=1, max_size=60))
def test_tree_of_minima(changes):
    """After any changes the tree names the first smallest leaf."""
    leaves = [100] * 11
    tree = np.full(32, 100, dtype=np.int64)
    for index, value in changes:
        leaves[index] = value
        trees.set_leaf.py_func(tree, index, value)
        assert trees.first_smallest.py_func(tree) == leaves.index(min(leaves))
