"""Speed of serving, as ratios to kernels timed in the same session; absolute figures are printed."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import numpy as np
import pytest
import simpy

from twin.models import _serving_kernel as kernel
from twin.models import serving
from twin.models.serving import Inputs
from twin.physics.inference import Engine, Gpu, Model, coefficients, kv_capacity_tokens
from twin.policies.routing.least_outstanding_tokens import choose
from twin.processes.requests import EventServing

TRACE = Path(__file__).parents[2] / "scenarios/data/azure2023-conversation.csv.gz"
LLAMA_405B = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
GB200 = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
ENGINE = Engine(0.44, 0.59, 0.75, 0.90, 0.8, 29e-6, 35e-6, 5e-6)
COPIES_PER_REPLICA = 1.1  # about two thirds of what a replica can serve
TRACE_S = 1800.0

# 2 M requests/s is 500 ns a request where a step of the chase takes 15.6 ns (an AMD EPYC of 2026)
CHASES_PER_REQUEST = 32
# 20,000 iterations/s is 50 us an iteration where a SimPy timeout takes 1 us (the same machine)
TIMEOUTS_PER_ITERATION = 50


def superposed(copies: int, hours: float):
    """The trace as a circle, in time-shifted copies on top of one another, for some hours."""
    with gzip.open(TRACE, "rt") as file:
        arrival_s, prompt, output = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
    laps = round(hours * 3600.0 / TRACE_S)
    shift_s = np.arange(copies)[:, None] * (TRACE_S / copies)
    lap_s = np.arange(laps)[:, None, None] * TRACE_S
    arrived_at_s = ((arrival_s + shift_s) % TRACE_S + lap_s).ravel()
    order = np.argsort(arrived_at_s, kind="stable")
    rows = np.tile(np.arange(len(arrival_s)), copies * laps)[order]
    return arrived_at_s[order], prompt[rows].astype(int), output[rows].astype(int)


def replicas(count: int):
    coef = coefficients(LLAMA_405B, GB200, ENGINE, 8, 1.0, 1.0)
    capacity = kv_capacity_tokens(LLAMA_405B, GB200, 8, 1.0, 1.0, 0.9)
    return serving.make_params([coef], np.zeros(count, int), capacity, 256, 2048, True, choose, 1e-5, 1e-5)


def run(params, state, ends_s):
    count = len(params.max_batch)
    inputs = Inputs(np.ones(count), np.ones(count, bool))
    return [serving.advance(params, state, inputs, until_s) for until_s in ends_s]


@pytest.fixture(scope="session")
def timeout_s(timed) -> float:
    """Seconds a bare SimPy timeout."""

    def ticking(env):
        while True:
            yield env.timeout(1.0)

    def ten_thousand():
        env = simpy.Environment()
        env.process(ticking(env))
        env.run(until=1e4)

    return min(timed(ten_thousand) for _ in range(3)) / 1e4


@pytest.mark.benchmark(group="serving", timer=time.process_time)
@pytest.mark.parametrize(("count", "hours"), [(1, 10.0), (16, 1.0), (72, 1.0)])
def test_kernel(benchmark, chase_s, count, hours):
    """At least two million requests a second on one core, on the Azure trace."""
    params = replicas(count)
    requests = superposed(max(1, round(count * COPIES_PER_REPLICA)), hours)
    rows = len(requests[0])
    run(params, serving.start(params, *(column[:100] for column in requests)), [np.inf])
    states = []

    def setup():
        states[:] = [serving.start(params, *requests)]
        return (params, states[0], [np.inf]), {}

    benchmark.pedantic(run, setup=setup, rounds=3)
    best_s = benchmark.stats.stats.min
    benchmark.extra_info.update(requests=rows, requests_per_s=rows / best_s)
    print(f"\n{count} replicas, {rows} requests: {rows / best_s / 1e6:.2f} M requests/s,"
          f" {best_s / rows / chase_s:.0f} chases a request")  # fmt: skip
    counts = states[0].counts
    assert counts[kernel.FINISHED] == rows
    assert counts[kernel.BOUNDARIES] <= 3 * rows  # joins, yields its first token, leaves
    assert best_s / rows < CHASES_PER_REQUEST * chase_s


@pytest.mark.benchmark(group="serving", timer=time.process_time)
def test_ticks(benchmark, chase_s):
    """An hour of one-second ticks: the same visits, and within twice the bare kernel's allowance."""
    params, requests = replicas(72), superposed(80, 1.0)
    rows, ends_s = len(requests[0]), [*np.arange(1.0, 3601.0), np.inf]
    whole = serving.start(params, *requests)
    run(params, whole, [np.inf])
    ticked = serving.start(params, *requests)
    outs = benchmark.pedantic(run, args=(params, ticked, ends_s), rounds=1)
    best_s = benchmark.stats.stats.min
    print(
        f"\n72 replicas, 3,600 ticks, {rows} requests: {best_s:.2f} s, {rows / best_s / 1e6:.2f} M requests/s"
    )
    np.testing.assert_array_equal(ticked.done_at_s, whole.done_at_s)
    assert ticked.counts[kernel.BOUNDARIES] == whole.counts[kernel.BOUNDARIES]
    assert sum(len(out.finished_rows) for out in outs) == rows
    assert best_s / rows < 2 * CHASES_PER_REQUEST * chase_s


def test_memory():
    """At most 100 bytes a request, however many replicas it passes."""
    state = serving.start(replicas(1), *superposed(10, 0.5))
    rows = len(state.arrived_at_s)
    assert sum(column.nbytes for column in state if len(column) == rows) <= 100 * rows


@pytest.mark.benchmark(group="serving", timer=time.process_time)
def test_event(benchmark, timeout_s):
    """At least 20,000 iterations a second in event fidelity, and as many iterations as the kernel counts."""
    params, requests = replicas(9), superposed(10, 0.5)
    requests = tuple(column[:5000] for column in requests)
    (fast,) = run(params, serving.start(params, *requests), [np.inf])
    inputs = Inputs(np.ones(9), np.ones(9, bool))
    made = []

    def setup():
        made[:] = [EventServing(params, *requests)]
        return (made[0], inputs, np.inf), {}

    benchmark.pedantic(EventServing.advance, setup=setup, rounds=2)
    best_s, iterations = benchmark.stats.stats.min, made[0].iterations
    benchmark.extra_info.update(iterations=iterations, iterations_per_s=iterations / best_s)
    print(f"\n{iterations} iterations: {iterations / best_s:.0f} iterations/s,"
          f" {best_s / iterations / timeout_s:.0f} timeouts an iteration")  # fmt: skip
    assert iterations == round(fast.iterations.sum())
    assert best_s / iterations < TIMEOUTS_PER_ITERATION * timeout_s
