"""Invariants of the serving kernel on random sites with any mix of features."""

from __future__ import annotations

import faulthandler
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.models import serving
from twin.models.serving import trees
from twin.models.serving.layout import BOUNDARIES, SLOTS_LEFT, TRANSFERS
from twin.policies.routing import OUTSTANDING_TOKENS, least_outstanding_tokens
from twin.requests import CANCELLED, COMING, FINISHED, INSIDE, REJECTED, SHED

PARITY = Path(__file__).parents[1] / "parity/serving_sites.py"
spec = importlib.util.spec_from_file_location("serving_sites", PARITY)
sites = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sites)

REQUESTS = 150
STUCK_S = 300.0  # far above what any test here takes, compilation included
SEEDS = st.integers(0, 2**32 - 1)
MIXES = st.sets(st.sampled_from(sites.FEATURES), max_size=6).map(sorted).map(sites.with_needed)
STEADY = tuple(f for f in sites.FEATURES if f not in ("clocks", "deaths", "closing"))
STEADY_MIXES = st.sets(st.sampled_from(STEADY), max_size=6).map(sorted).map(sites.with_needed)
OUTCOMES = ("arrived_at_s", "admitted_at_s", "first_token_at_s", "done_at_s", "status", "replica",
            "entry_replica", "generated", "cached_tokens", "attempts")  # fmt: skip
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@pytest.fixture(autouse=True)
def _never_hangs():
    """The process ends with a trace of where it stands if a test takes much too long."""
    faulthandler.dump_traceback_later(STUCK_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


def made(seed, features):
    rng = np.random.default_rng(seed)
    params = sites.make_site(features, rng, int(rng.integers(1, 6)))
    requests = sites.make_requests(features, rng, REQUESTS)
    return params, requests, sites.make_steps(features, rng, params, 12.0)


def serve(params, requests, steps):
    """State and sums at the end; the books are checked after every step."""
    state = serving.start(params, requests)
    sums = np.zeros((len(serving.AMOUNTS), len(params.engines)))
    left = []
    for inputs, until_s in steps:
        out = serving.advance(params, state, inputs, until_s)
        amounts = np.array([getattr(out, name) for name in serving.AMOUNTS])
        assert np.all(amounts >= -1e-7), dict(zip(serving.AMOUNTS, amounts.min(axis=1), strict=True))
        sums += amounts
        left += out.left_rows.tolist()
        balanced(params, state, out, left)
    return state, dict(zip(serving.AMOUNTS, sums, strict=True))


def balanced(params, state, out, left):
    """Whoever arrived is somewhere, exactly once, and no replica holds more than it can."""
    counts = np.bincount(state.status, minlength=COMING + 1)
    assert state.counts[serving.ARRIVED] == counts[[FINISHED, REJECTED, SHED, CANCELLED, INSIDE]].sum()
    assert (
        sorted(left) == np.flatnonzero(np.isin(state.status, [FINISHED, REJECTED, SHED, CANCELLED])).tolist()
    )
    assert np.all(out.kv_blocks <= params.engines["kv_blocks"])
    assert np.all(out.batch_requests <= params.engines["max_batch"])
    # between prefill and decode a request is held by two replicas
    assert out.batch_requests.sum() + out.queue_requests.sum() <= 2 * counts[INSIDE]


def same(one, other, names=OUTCOMES):
    for name in names:
        np.testing.assert_array_equal(one.requests[name], other.requests[name], name)


@quick
@given(SEEDS, STEADY_MIXES)
def test_ticks_of_any_length_give_the_same_requests(seed, features):
    """Ticks of 1 s, of 10 s and one step: bit for bit."""
    params, requests, _ = made(seed, features)
    rest = serving.idle_inputs(params)
    whole, _ = serve(params, requests, [(rest, np.inf)])
    for tick_s in (1.0, 10.0):
        ends = [*np.arange(tick_s, 30.0 + tick_s, tick_s), np.inf]
        ticked, _ = serve(params, requests, [(rest, float(end)) for end in ends])
        same(whole, ticked)
        assert ticked.counts[serving.LEFT] == whole.counts[serving.LEFT]


@quick
@given(SEEDS, MIXES, st.lists(st.floats(0.0, 12.0), max_size=20))
def test_cuts_change_nothing(seed, features, cuts):
    """Clocks, deaths and closings at their instants: any further cut leaves requests and sums as they were."""
    params, requests, steps = made(seed, features)
    finer, begin_s = [], 0.0
    for inputs, until_s in steps:
        inner = sorted(cut for cut in cuts if begin_s < cut < until_s)
        finer += [(inputs, float(cut)) for cut in [*inner, until_s]]
        begin_s = until_s
    plain, plain_sums = serve(params, requests, steps)
    cut, cut_sums = serve(params, requests, finer)
    same(plain, cut)
    for name in serving.AMOUNTS:
        np.testing.assert_allclose(cut_sums[name], plain_sums[name], rtol=1e-9, atol=1e-7, err_msg=name)


@quick
@given(SEEDS, MIXES)
def test_tokens_and_blocks_are_conserved(seed, features):
    """Every token is computed, found or lost; an empty house holds nothing but what can be evicted."""
    params, requests, steps = made(seed, features)
    state, sums = serve(params, requests, steps)
    rows = state.requests
    finished = rows["status"] == FINISHED
    inside = np.flatnonzero(rows["status"] == INSIDE)
    assert inside.size == 0, inside
    assert np.array_equal(rows["generated"][finished], rows["output_tokens"][finished])
    asked = (rows["prompt_tokens"] + rows["output_tokens"] - rows["cached_tokens"])[finished].sum()
    computed = sums["prefill_tokens"].sum() + sums["output_tokens"].sum()
    assert computed == pytest.approx(asked + sums["lost_tokens"].sum(), rel=1e-9)
    replicas = state.replicas
    free = replicas["free_blocks"] + replicas["evictable_blocks"]
    np.testing.assert_array_equal(free, params.engines["kv_blocks"])
    for name in ("batch", "decode", "queued", "context", "decode_blocks"):
        assert not replicas[name].any(), name
    assert state.counts[TRANSFERS] == 0
    assert not state.loads[:4].any()
    assert not state.adapter_users.any()


@quick
@given(SEEDS, MIXES)
def test_times_are_in_order(seed, features):
    params, requests, steps = made(seed, features)
    state, _ = serve(params, requests, steps)
    rows = state.requests[state.status == FINISHED]
    assert np.all(rows["admitted_at_s"] >= rows["arrived_at_s"])
    assert np.all(rows["first_token_at_s"] > rows["admitted_at_s"])
    assert np.all(rows["done_at_s"] >= rows["first_token_at_s"])
    assert np.all(rows["attempts"] >= 1)
    if len(requests.follower):
        before, after = state.requests[requests.follows], state.requests[requests.follower]
        came = after["status"] != COMING
        assert np.all(after["arrived_at_s"][came] >= before["done_at_s"][came])


@quick
@given(SEEDS, MIXES)
def test_the_same_seed_gives_the_same_run(seed, features):
    one, one_sums = serve(*made(seed, features))
    other, other_sums = serve(*made(seed, features))
    assert one.requests.tobytes() == other.requests.tobytes()
    for name in serving.AMOUNTS:
        assert one_sums[name].tobytes() == other_sums[name].tobytes()
    assert one.counts[BOUNDARIES] == other.counts[BOUNDARIES]


def plain_scan(view, is_open, request):
    best = -1
    for replica in range(len(is_open)):
        is_less = best < 0 or view[OUTSTANDING_TOKENS, replica] < view[OUTSTANDING_TOKENS, best]
        if is_open[replica] and is_less:
            best = replica
    return best


@quick
@given(SEEDS, MIXES)
def test_index_chooses_as_the_policy_does(seed, features):
    """The tree of outstanding tokens and the plain scan route every request alike."""
    params, requests, steps = made(seed, features)
    choose = least_outstanding_tokens.choose
    indexed, _ = serve(params._replace(choose=choose, choose_decode=choose), requests, steps)
    scanned, _ = serve(params._replace(choose=plain_scan, choose_decode=plain_scan), requests, steps)
    same(indexed, scanned)


@quick
@given(SEEDS, STEADY_MIXES)
def test_a_copy_lives_on_its_own(seed, features):
    params, requests, _ = made(seed, features)
    rest = serving.idle_inputs(params)
    state = serving.start(params, requests)
    serving.advance(params, state, rest, 3.0)
    other = serving.copy(state)
    before = other.requests.tobytes()
    serving.advance(params, state, rest, np.inf)
    assert other.requests.tobytes() == before
    serving.advance(params, other, rest, np.inf)
    same(state, other)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(-5, 5)), min_size=1, max_size=60))
def test_tree_of_minima(changes):
    """After any changes the tree names the first smallest leaf."""
    leaves = [100] * 11
    tree = np.full(32, 100, dtype=np.int64)
    for index, value in changes:
        leaves[index] = value
        trees.set_leaf.py_func(tree, index, value)
        assert trees.first_smallest.py_func(tree) == leaves.index(min(leaves))


@quick
@given(SEEDS, st.sets(st.sampled_from(sites.FEATURES), max_size=3))
def test_room_of_the_prefix_cache_is_of_no_concern(seed, features):
    """A table of cached blocks that begins with room for one and grows gives the same as one with room for all."""
    params, requests, steps = made(seed, sites.with_needed(sorted(features | {"prefix"})))
    ample, scanty = serving.start(params, requests), serving.start(params, requests)
    scanty.replace({"entries": scanty.entries[:2].copy(), "table": scanty.table[:8].copy()})
    scanty.counts[SLOTS_LEFT] = 1
    for inputs, until_s in steps:
        serving.advance(params, ample, inputs, until_s)
        serving.advance(params, scanty, inputs, until_s)
    assert len(scanty.entries) > 2
    for name in OUTCOMES:
        assert np.array_equal(ample.requests[name], scanty.requests[name], equal_nan=True), name
