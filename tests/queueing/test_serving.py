"""Queueing theory as an oracle: degenerate engines turn a replica into a textbook queue."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin import rng
from twin.models import serving
from twin.models.serving import Inputs
from twin.physics.inference import Iteration
from twin.policies.routing.round_robin import choose

BATCHES = 50
T_99 = 2.680  # Student's t, 49 degrees of freedom, two-sided 99 %
NO_LIMIT = 1 << 40


def serve(params, arrived_at_s, prompt_tokens, output_tokens):
    state = serving.start(params, arrived_at_s, prompt_tokens, output_tokens)
    serving.advance(params, state, Inputs(np.ones(1), np.ones(1, bool)), np.inf)
    return state


def interval(waits_s, warm_up=0.1):
    """Mean and half width of its 99 % interval from batch means, without the warm-up."""
    waits_s = waits_s[int(warm_up * len(waits_s)) :]
    means = waits_s[: len(waits_s) // BATCHES * BATCHES].reshape(BATCHES, -1).mean(axis=1)
    return means.mean(), T_99 * means.std(ddof=1) / math.sqrt(BATCHES)


def arrivals(name, count, per_s):
    return np.cumsum(rng.stream(7, "queueing", name).exponential(1.0 / per_s, count))


def one_at_a_time(prompt_tokens, token_s, arrived_at_s):
    """Prefill only, one request a time, service in proportion to the prompt: M/G/1. Returns waits."""
    coef = Iteration(token_flop=1.0, linear_s_per_flop=token_s)
    params = serving.make_params([coef], [0], NO_LIMIT, 1, 1, False, choose)
    state = serve(params, arrived_at_s, prompt_tokens, np.ones_like(prompt_tokens))
    return state.done_at_s - arrived_at_s - prompt_tokens * token_s


def many_at_a_time(servers, service_steps, step_s, arrived_at_s):
    """``servers`` places in the batch; a request holds one for its number of iterations: M/G/c. Waits."""
    params = serving.make_params(
        [Iteration(overhead_s=step_s)], [0], NO_LIMIT, servers, servers, True, choose
    )
    state = serve(params, arrived_at_s, np.ones_like(service_steps), service_steps)
    return state.done_at_s - arrived_at_s - service_steps * step_s


def crommelin_wait_s(servers, load, service_s):
    """Mean wait of M/D/c (Crommelin, Post Office Electrical Engineers Journal 25, 1932), ``load`` in servers."""

    def tail(mean, first):  # P(Poisson >= first)
        below = sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(first))
        return 1.0 - below

    terms = (
        tail(i * load, i * servers) - servers / load * tail(i * load, i * servers + 1) for i in range(1, 400)
    )
    return service_s * sum(terms)


def erlang_wait_s(servers, load, service_s):
    """Mean wait of M/M/c (Erlang C)."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    wait_share = last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)
    return wait_share * service_s / (servers - load)


def test_oracles_agree_for_one_server():
    assert crommelin_wait_s(1, 0.7, 2.0) == pytest.approx(2.0 * 0.7 / (2 * 0.3), rel=1e-6)
    assert erlang_wait_s(1, 0.7, 2.0) == pytest.approx(2.0 * 0.7 / 0.3, rel=1e-12)


@pytest.mark.parametrize("load", [0.3, 0.7, 0.85])
def test_m_m_1(load):
    """Exponential prompts, to a millionth of their mean."""
    count, token_s = 400_000, 1e-6
    prompts = np.ceil(rng.stream(7, "m-m-1", str(load)).exponential(1.0, count) / token_s).astype(np.int64)
    waits_s = one_at_a_time(prompts, token_s, arrivals(f"m-m-1 {load}", count, load))
    mean_s, half_s = interval(waits_s)
    assert half_s < 0.2 * mean_s
    assert abs(mean_s - erlang_wait_s(1, load, 1.0)) < half_s
    waited = waits_s > 1e-6  # and the chance of waiting at all is the load
    assert waited.mean() == pytest.approx(load, abs=0.01)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_m_d_1(load):
    """Equal prompts: Pollaczek and Khinchine."""
    count = 300_000
    waits_s = one_at_a_time(np.full(count, 1000), 1e-3, arrivals(f"m-d-1 {load}", count, load))
    mean_s, half_s = interval(waits_s)
    assert half_s < 0.1 * mean_s
    assert abs(mean_s - load / (2.0 * (1.0 - load))) < half_s


@pytest.mark.parametrize(("servers", "share"), [(2, 0.7), (4, 0.8), (16, 0.9)])
def test_m_d_c(servers, share):
    """Equal answers; a request waits for a boundary too, which adds less than one iteration."""
    count, steps, step_s = 300_000, 500, 2e-3
    arrived_at_s = arrivals(f"m-d-{servers}", count, share * servers)
    waits_s = many_at_a_time(servers, np.full(count, steps), step_s, arrived_at_s)
    mean_s, half_s = interval(waits_s)
    assert half_s < 0.15 * mean_s
    assert -half_s < mean_s - crommelin_wait_s(servers, share * servers, steps * step_s) < half_s + step_s


def test_m_m_c():
    """Exponential answers, rounded up to iterations, which adds at most half of one to the service."""
    count, servers, share, step_s = 300_000, 4, 0.75, 1e-3
    steps = np.ceil(rng.stream(7, "m-m-c").exponential(1.0, count) / step_s).astype(np.int64)
    waits_s = many_at_a_time(servers, steps, step_s, arrivals("m-m-c", count, share * servers))
    mean_s, half_s = interval(waits_s)
    expected_s = erlang_wait_s(servers, share * servers, 1.0)
    longer_s = erlang_wait_s(servers, share * servers * (1 + step_s / 2), 1.0 + step_s / 2) + step_s
    assert half_s < 0.15 * expected_s
    assert expected_s - half_s < mean_s < longer_s + half_s
