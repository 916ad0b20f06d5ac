"""Queueing theory as an oracle: degenerate engines turn replicas into textbook queues.

Each figure is the mean of independent replications with a Student interval of 99.9 %, and is printed with its oracle.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin import rng
from twin.models import serving
from twin.models.serving import DECODE, PREFILL
from twin.physics.inference import Iteration
from twin.policies.routing import DRAW_A, OUTSTANDING_REQUESTS
from twin.policies.routing.round_robin import choose
from twin.requests import SHED, make

REPLICATIONS = 20
T_999 = 3.883  # Student's t, 19 degrees of freedom, two-sided 99.9 %
WARM_UP = 0.1
VAST = {"kv_blocks": 1 << 40}


def serve(params, arrived_at_s, prompt_tokens, output_tokens):
    state = serving.start(params, make(arrived_at_s, prompt_tokens, output_tokens))
    serving.advance(params, state, serving.idle_inputs(params), np.inf)
    return state.requests


def replicated(name, measure):
    """Mean of a measure over independent replications, and half its interval."""
    values = np.array([measure(rng.stream(7, "queueing", name, str(k))) for k in range(REPLICATIONS)])
    return values.mean(axis=0), T_999 * values.std(axis=0, ddof=1) / math.sqrt(REPLICATIONS)


def steady(values):
    """Mean without the warm-up."""
    return float(values[int(WARM_UP * len(values)) :].mean())


def show(name, mean, half, expected):
    print(f"\n{name}: {mean:.5f} +- {half:.5f}, theory {expected:.5f}", end="")


def arrivals(draw, count, per_s):
    return np.cumsum(draw.exponential(1.0 / per_s, count))


def exponential_steps(draw, count, step_s, mean_s=1.0):
    """Geometric numbers of iterations: the discrete twin of an exponential time."""
    return draw.geometric(step_s / mean_s, count)


def erlang_b(servers, load):
    """Share of arrivals that find all servers busy when nobody waits."""
    blocked = 1.0
    for k in range(1, servers + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_wait_s(servers, load, service_s=1.0):
    """Mean wait of M/M/c (Erlang C)."""
    blocked = erlang_b(servers, load)
    waits = servers * blocked / (servers - load * (1.0 - blocked))
    return waits * service_s / (servers - load)


def crommelin_wait_s(servers, load, service_s):
    """Mean wait of M/D/c (Crommelin, Post Office Electrical Engineers Journal 25, 1932), ``load`` in servers."""

    def tail(mean, first):  # P(Poisson >= first)
        below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(first))
        return 1.0 - below

    terms = (
        tail(i * load, i * servers) - servers / load * tail(i * load, i * servers + 1) for i in range(1, 400)
    )
    return service_s * sum(terms)


def test_oracles_agree_where_they_must():
    assert crommelin_wait_s(1, 0.7, 2.0) == pytest.approx(2.0 * 0.7 / (2 * 0.3), rel=1e-6)
    assert erlang_wait_s(1, 0.7, 2.0) == pytest.approx(2.0 * 0.7 / 0.3, rel=1e-12)
    assert erlang_b(2, 1.0) == pytest.approx(0.2)
    assert blocked_of_a_finite_queue(3, 2.0, 0) == pytest.approx(erlang_b(3, 2.0))


# one shared queue


def batch_waits_s(servers, steps, step_s, arrived_at_s):
    """``servers`` places in the batch, one iteration time whatever the batch: waits before admission."""
    params = serving.make_params(
        [Iteration(overhead_s=step_s)], choose, max_batch=servers, max_batched_tokens=servers, **VAST
    )
    columns = serve(params, arrived_at_s, np.ones_like(steps), steps)
    return columns["done_at_s"] - arrived_at_s - steps * step_s


@pytest.mark.parametrize("share", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("servers", [1, 2, 8])
def test_m_m_c(servers, share):
    """Exponential answers. With several places a request waits for a boundary too: below one iteration."""
    step_s, count = 1e-3, 60_000 if share > 0.8 else 20_000

    def measure(draw):
        arrived_at_s = arrivals(draw, count, share * servers)
        return steady(batch_waits_s(servers, exponential_steps(draw, count, step_s), step_s, arrived_at_s))

    mean_s, half_s = replicated(f"m-m-c {servers} {share}", measure)
    expected_s = erlang_wait_s(servers, share * servers)
    boundary_s = step_s if servers > 1 else 0.0
    show(f"M/M/{servers} at {share}: wait [s]", mean_s, half_s, expected_s)
    assert half_s < 0.25 * expected_s
    assert mean_s > expected_s - half_s, "optimistic"
    assert mean_s < expected_s + half_s + 2.0 * boundary_s


@pytest.mark.parametrize("load", [0.5, 0.7, 0.9])
def test_m_d_1(load):
    """Equal answers, one at a time: Pollaczek and Khinchine."""
    count, steps, step_s = 20_000, 100, 0.01

    def measure(draw):
        return steady(batch_waits_s(1, np.full(count, steps), step_s, arrivals(draw, count, load)))

    mean_s, half_s = replicated(f"m-d-1 {load}", measure)
    expected_s = load / (2.0 * (1.0 - load))
    show(f"M/D/1 at {load}: wait [s]", mean_s, half_s, expected_s)
    assert half_s < 0.2 * expected_s
    assert abs(mean_s - expected_s) < half_s


def test_m_g_1():
    """One answer in ten is long: the second moment makes the wait."""
    load, count, step_s = 0.6, 30_000, 0.01

    def measure(draw):
        steps = np.where(draw.random(count) < 0.1, 550, 50)
        return steady(batch_waits_s(1, steps, step_s, arrivals(draw, count, load)))

    mean_s, half_s = replicated("m-g-1", measure)
    expected_s = load * (0.1 * 5.5**2 + 0.9 * 0.5**2) / (2.0 * (1.0 - load))
    show("M/G/1 at 0.6: wait [s]", mean_s, half_s, expected_s)
    assert half_s < 0.1 * expected_s
    assert abs(mean_s - expected_s) < half_s


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_m_m_1_of_prompts(load):
    """Only prompts, one at a time, each in one iteration: exponential to a millionth of the mean."""
    count, token_s = 30_000, 1e-6
    coef = Iteration(token_flop=1.0, linear_s_per_flop=token_s)
    params = serving.make_params([coef], choose, is_chunked=0, max_batch=1, max_batched_tokens=1, **VAST)

    def measure(draw):
        arrived_at_s = arrivals(draw, count, load)
        prompts = np.ceil(draw.exponential(1.0, count) / token_s).astype(np.int64)
        columns = serve(params, arrived_at_s, prompts, np.ones_like(prompts))
        return steady(columns["done_at_s"] - arrived_at_s - prompts * token_s)

    mean_s, half_s = replicated(f"prompts {load}", measure)
    show(f"M/M/1 of prompts at {load}: wait [s]", mean_s, half_s, erlang_wait_s(1, load))
    assert abs(mean_s - erlang_wait_s(1, load)) < half_s


@pytest.mark.parametrize(("servers", "share"), [(2, 0.7), (4, 0.8), (16, 0.9)])
def test_m_d_c(servers, share):
    """Equal answers; a request waits for a boundary too, which adds less than one iteration."""
    count, steps, step_s = 20_000, 500, 2e-3

    def measure(draw):
        arrived_at_s = arrivals(draw, count, share * servers)
        return steady(batch_waits_s(servers, np.full(count, steps), step_s, arrived_at_s))

    mean_s, half_s = replicated(f"m-d-{servers}", measure)
    expected_s = crommelin_wait_s(servers, share * servers, steps * step_s)
    show(f"M/D/{servers} at {share}: wait [s]", mean_s, half_s, expected_s)
    assert half_s < 0.2 * expected_s
    assert -half_s < mean_s - expected_s < half_s + step_s


# processor sharing

LENGTHS = {
    "equal": lambda draw, count: np.full(count, 1000),
    "exponential": lambda draw, count: draw.geometric(1e-3, count),
    "two kinds": lambda draw, count: np.where(draw.random(count) < 0.1, 5500, 500),
}


def sharing(name, load, count, kinds=None):
    """Sojourns where an iteration lasts a millisecond a sequence: each gets its share of the replica."""
    step_s = 1e-3
    limits = {"max_batch": 5000, "max_batched_tokens": 5000}
    params = serving.make_params([Iteration(sequence_s=step_s)], choose, **limits, **VAST)

    def measure(draw):
        arrived_at_s = arrivals(draw, count, load)
        steps = LENGTHS[name](draw, count)
        sojourn_s = serve(params, arrived_at_s, np.ones(count), steps)["done_at_s"] - arrived_at_s
        if kinds is None:
            return steady(sojourn_s)
        return [steady(sojourn_s[steps == kind]) for kind in kinds]

    # an arrival waits for the boundary of an iteration that lasts as long as there are sequences
    return *replicated(f"sharing {name} {load}", measure), 2.0 * step_s * (1.0 + load) / (1.0 - load)


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("name", list(LENGTHS))
def test_decode_shares_the_memory(name, load):
    """M/G/1 processor sharing: the mean sojourn does not depend on the distribution of lengths."""
    mean_s, half_s, boundary_s = sharing(name, load, 30_000)
    expected_s = 1.0 / (1.0 - load)
    show(f"M/G/1-PS at {load}, {name}: sojourn [s]", mean_s, half_s, expected_s)
    assert half_s < 0.1 * expected_s
    assert -half_s < mean_s - expected_s < half_s + boundary_s


def test_each_pays_in_proportion_to_its_length():
    """Sojourn of a given length: the length over what is left of the replica."""
    load, kinds = 0.7, (500, 5500)
    means_s, halves_s, boundary_s = sharing("two kinds", load, 30_000, kinds)
    for steps, mean_s, half_s in zip(kinds, means_s, halves_s, strict=True):
        expected_s = steps * 1e-3 / (1.0 - load)
        show(f"PS at {load}, {steps} tokens: sojourn [s]", mean_s, half_s, expected_s)
        assert -half_s < mean_s - expected_s < half_s + boundary_s


# loss


def free_one(view, is_open, request):
    """The first replica without work, or none."""
    for replica in range(len(is_open)):
        if is_open[replica] and view[OUTSTANDING_REQUESTS, replica] == 0:
            return replica
    return -1


@pytest.mark.parametrize("lengths", ["equal", "exponential"])
@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 3.0), (10, 12.0)])
def test_erlang_loss(servers, load, lengths):
    """Replicas that serve one each, and a router that sends nobody to wait: insensitive to lengths."""
    count, step_s = 10_000, 1e-3
    params = serving.make_params(
        [Iteration(overhead_s=step_s)], free_one, replicas=servers, max_batch=1, max_batched_tokens=1, **VAST
    )

    def measure(draw):
        steps = LENGTHS[lengths](draw, count)
        columns = serve(params, arrivals(draw, count, load), np.ones(count), steps)
        return steady(columns["status"] == SHED)

    mean, half = replicated(f"loss {servers} {lengths}", measure)
    show(f"M/G/{servers}/{servers} of {load} erlang, {lengths}: shed", mean, half, erlang_b(servers, load))
    assert half < 0.1 * erlang_b(servers, load)
    assert abs(mean - erlang_b(servers, load)) < half


def blocked_of_a_finite_queue(servers, load, places):
    """Share of arrivals turned away by M/M/c with so many places to wait."""
    weights = [load**k / math.factorial(k) for k in range(servers + 1)]
    weights += [weights[-1] * (load / servers) ** k for k in range(1, places + 1)]
    return weights[-1] / sum(weights)


@pytest.mark.parametrize("places", [0, 1, 5])
def test_finite_queue(places):
    """A limit on the queue; none at all is Erlang's loss. Who leaves does so at a boundary, a little late."""
    servers, load, count, step_s = 4, 4.0, 20_000, 1e-4
    limits = {"max_batch": servers, "max_batched_tokens": servers, "max_queue": places}
    params = serving.make_params([Iteration(overhead_s=step_s)], choose, **limits, **VAST)

    def measure(draw):
        steps = exponential_steps(draw, count, step_s)
        columns = serve(params, arrivals(draw, count, load), np.ones(count), steps)
        return steady(columns["status"] == SHED)

    mean, half = replicated(f"finite {places}", measure)
    expected = blocked_of_a_finite_queue(servers, load, places)
    show(f"M/M/4/{4 + places} of 4 erlang: shed", mean, half, expected)
    assert half < 0.1 * expected
    assert -half < mean - expected < half + load * step_s


# networks


def at_random(view, is_open, request):
    """Any replica of the pool, by the draw of the request."""
    which = request[DRAW_A] % is_open.sum()
    for replica in range(len(is_open)):
        if is_open[replica]:
            if which == 0:
                return replica
            which -= 1
    return -1


def test_prefill_and_decode_are_a_jackson_network():
    """Two M/M/1 of prompts, chosen at random, feed one M/M/3: times add up as if each stood alone (Burke)."""
    count, token_s, step_s, per_s, decode_s = 20_000, 1e-6, 1e-3, 1.4, 1.5
    prompts_kind = Iteration(token_flop=1.0, linear_s_per_flop=token_s)
    params = serving.make_params(
        [prompts_kind, Iteration(overhead_s=step_s)], at_random, kind=[0, 0, 1],
        role=[PREFILL, PREFILL, DECODE], is_chunked=[0, 0, 1], max_batch=[1, 1, 3], max_batched_tokens=[1, 1, 3],
        **VAST,
    )  # fmt: skip

    def measure(draw):
        arrived_at_s = arrivals(draw, count, per_s)
        prompts = np.ceil(draw.exponential(1.0, count) / token_s).astype(np.int64)
        columns = serve(params, arrived_at_s, prompts, 1 + exponential_steps(draw, count, step_s, decode_s))
        first_s = columns["first_token_at_s"] - arrived_at_s
        return [steady(first_s), steady(columns["done_at_s"] - columns["first_token_at_s"])]

    means_s, halves_s = replicated("jackson", measure)
    expected_s = (1.0 + erlang_wait_s(1, per_s / 2), decode_s + erlang_wait_s(3, per_s * decode_s, decode_s))
    for stage, mean_s, half_s, theory_s in zip(
        ("prefill", "decode"), means_s, halves_s, expected_s, strict=True
    ):
        show(f"tandem, {stage}: sojourn [s]", mean_s, half_s, theory_s)
        assert half_s < 0.1 * theory_s
        assert -half_s < mean_s - theory_s < half_s + 2.0 * step_s
