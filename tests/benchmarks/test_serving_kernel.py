"""Speed of serving, as ratios to kernels timed in the same session; absolute figures are printed."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import simpy

from twin.models import serving
from twin.models.serving.layout import BOUNDARIES
from twin.physics.inference import Engine, Gpu, Model, coefficients, kv_capacity_tokens
from twin.policies.routing import kv_aware
from twin.policies.routing.least_outstanding_tokens import choose
from twin.processes.serving import EventServing
from twin.requests import FINISHED, make
from twin.scenario.workloads.formats import read_trace

DATA = Path(__file__).parents[2] / "scenarios/data"
LLAMA_405B = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
LLAMA_70B = Model(80, 8192, 64, 128256, 70.55e9, 69.5e9, kv_heads=8, head_dim=128)
GB200 = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
ENGINE = Engine(0.44, 0.59, 0.75, 0.90, 0.8, 29e-6, 35e-6, 5e-6)
COPIES_PER_REPLICA = 1.1  # about two thirds of what a replica can serve
TRACE_S = 1800.0

# limits in steps of the chase (15.6 ns) or bare timeouts (1 us) on an AMD EPYC of 2026, which is told after "for"
CHASES_PER_REQUEST = 80  # bare kernel; 40 to 60 are seen, 1.2 to 1.6 M requests/s
TIMEOUTS_PER_ITERATION = 160  # event fidelity; 110 are seen, 9,000 iterations/s
CHASES_PER_PREFIX_REQUEST = 640  # prefixes, disaggregation, transfers; 430 are 150,000 requests/s


def superposed(copies: int, hours: float):
    """The trace as a circle, in time-shifted copies on top of one another, for some hours."""
    with gzip.open(DATA / "azure2023-conversation.csv.gz", "rt") as file:
        arrival_s, prompt, output = np.loadtxt(file, delimiter=",", skiprows=1, unpack=True)
    laps = round(hours * 3600.0 / TRACE_S)
    shift_s = np.arange(copies)[:, None] * (TRACE_S / copies)
    lap_s = np.arange(laps)[:, None, None] * TRACE_S
    arrived_at_s = ((arrival_s + shift_s) % TRACE_S + lap_s).ravel()
    order = np.argsort(arrived_at_s, kind="stable")
    rows = np.tile(np.arange(len(arrival_s)), copies * laps)[order]
    return make(arrived_at_s[order], prompt[rows].astype(int), output[rows].astype(int))


def first_rows(requests, count):
    return make(*(column[:count] for column in requests[:3]))


def replicas(count: int):
    coef = coefficients(LLAMA_405B, GB200, ENGINE, 8, 1.0, 1.0)
    capacity = int(kv_capacity_tokens(LLAMA_405B, GB200, 8, 1.0, 1.0, 0.9))
    return serving.make_params(
        [coef], choose, replicas=count, kv_blocks=capacity, max_batch=256, max_batched_tokens=2048,
        ingress_s=1e-5, egress_s=1e-5,
    )  # fmt: skip


def run(params, state, ends_s):
    inputs = serving.idle_inputs(params)
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
    run(params, serving.start(params, first_rows(requests, 100)), [np.inf])
    states = []

    def setup():
        states[:] = [serving.start(params, requests)]
        return (params, states[0], [np.inf]), {}

    benchmark.pedantic(run, setup=setup, rounds=3)
    rows, best_s = requests.rows, benchmark.stats.stats.min
    benchmark.extra_info.update(requests=rows, requests_per_s=rows / best_s)
    print(f"\n{count} replicas, {rows} requests: {rows / best_s / 1e6:.2f} M requests/s,"
          f" {best_s / rows / chase_s:.0f} chases a request")  # fmt: skip
    assert np.all(states[0].status == FINISHED)
    assert states[0].counts[BOUNDARIES] <= 3 * rows  # joins, yields its first token, leaves
    assert best_s / rows < CHASES_PER_REQUEST * chase_s


@pytest.mark.benchmark(group="serving", timer=time.process_time)
def test_ticks(benchmark, chase_s):
    """An hour of one-second ticks: the same visits, and within twice the bare kernel's allowance."""
    params, requests = replicas(72), superposed(80, 1.0)
    rows, ends_s = requests.rows, [*np.arange(1.0, 3601.0), np.inf]
    whole = serving.start(params, requests)
    run(params, whole, [np.inf])
    ticked = serving.start(params, requests)
    outs = benchmark.pedantic(run, args=(params, ticked, ends_s), rounds=1)
    best_s = benchmark.stats.stats.min
    print(
        f"\n72 replicas, 3,600 ticks, {rows} requests: {best_s:.2f} s, {rows / best_s / 1e6:.2f} M requests/s"
    )
    np.testing.assert_array_equal(ticked.done_at_s, whole.done_at_s)
    assert ticked.counts[BOUNDARIES] == whole.counts[BOUNDARIES]
    assert sum(len(out.left_rows) for out in outs) == rows
    assert best_s / rows < 2 * CHASES_PER_REQUEST * chase_s


def test_state_of_a_request():
    """At most 120 bytes of columns a request, however many replicas it passes."""
    state = serving.start(replicas(1), superposed(10, 0.5))
    rows = len(state.requests)
    per_request = sum(a.nbytes for a in state.arrays.values() if len(a) == rows) / rows
    print(f"\n{per_request:.0f} bytes of state a request")
    assert per_request <= 120


@pytest.mark.benchmark(group="serving", timer=time.process_time)
def test_event(benchmark, timeout_s):
    """At least 20,000 iterations a second in event fidelity, and as many iterations as the kernel counts."""
    params, requests = replicas(9), first_rows(superposed(10, 0.5), 5000)
    (fast,) = run(params, serving.start(params, requests), [np.inf])
    made = []

    def setup():
        made[:] = [EventServing(params, requests)]
        return (made[0], serving.idle_inputs(params), np.inf), {}

    benchmark.pedantic(EventServing.advance, setup=setup, rounds=2)
    best_s, iterations = benchmark.stats.stats.min, made[0].iterations
    benchmark.extra_info.update(iterations=iterations, iterations_per_s=iterations / best_s)
    print(f"\n{iterations} iterations: {iterations / best_s:.0f} iterations/s,"
          f" {best_s / iterations / timeout_s:.0f} timeouts an iteration")  # fmt: skip
    assert iterations == round(fast.iterations.sum())
    assert best_s / iterations < TIMEOUTS_PER_ITERATION * timeout_s


def conversation(copies: int, faster: float):
    """The Mooncake trace in copies that share nothing, in turn, arrivals interleaved."""
    trace = read_trace(DATA / "mooncake-conversation.csv.gz")
    distinct = int(trace.prefix_ids.max()) + 1
    shift_s = np.arange(copies)[:, None] * (TRACE_S / copies)
    arrived_at_s = ((trace.arrived_at_s + shift_s) % TRACE_S).ravel() / faster
    order = np.argsort(arrived_at_s, kind="stable")
    rows = np.tile(np.arange(trace.rows), copies)[order]
    shift = np.repeat(np.arange(copies) * distinct, trace.rows)[order]
    columns = {name: getattr(trace, name)[rows] for name in ("prefix_start", "prefix_blocks")}
    return make(
        arrived_at_s[order], trace.prompt_tokens[rows], trace.output_tokens[rows], prefix_shift=shift,
        prefix_ids=trace.prefix_ids, **columns,
    )  # fmt: skip


@pytest.mark.benchmark(group="serving", timer=time.process_time)
def test_prefixes_apart(benchmark, chase_s):
    """At least 150,000 requests a second with prefix cache, KV-aware routing, disaggregation and transfers."""
    coef = coefficients(LLAMA_70B, GB200, ENGINE, 4, 1.0, 1.0)
    prefill, decode, block = 16, 8, 32
    params = serving.make_params(
        [coef], kv_aware.choose, choose_decode=choose, replicas=prefill + decode,
        role=[serving.PREFILL] * prefill + [serving.DECODE] * decode, is_paged=1, has_prefix_cache=1,
        kv_blocks=int(kv_capacity_tokens(LLAMA_70B, GB200, 4, 1.0, 1.0, 0.9)) // block, block_tokens=block,
        max_batch=128, max_batched_tokens=16384, ingress_s=1e-5, egress_s=1e-5, handoff_s=1e-4, pushes=1, layers=80,
        kv_bytes_per_token=163840.0, send_bytes_per_s=200e9, receive_bytes_per_s=200e9,
    )  # fmt: skip
    requests = conversation(copies=8, faster=1.0)
    rows = requests.rows
    run(params, serving.start(params, first_rows(requests, 100)), [np.inf])
    states, outs = [], []

    def setup():
        states[:] = [serving.start(params, requests)]
        return (), {}

    benchmark.pedantic(lambda: outs.append(run(params, states[0], [np.inf])[0]), setup=setup, rounds=3)
    best_s = benchmark.stats.stats.min
    hit = outs[0].cached_tokens.sum() / requests.prompt_tokens.sum()
    print(f"\nprefixes apart, {rows} requests: {rows / best_s / 1e3:.0f} k requests/s,"
          f" {best_s / rows / chase_s:.0f} chases a request; hit {100 * hit:.1f} %,"
          f" {outs[0].sent_bytes.sum() / 1e12:.0f} TB sent")  # fmt: skip
    assert np.all(states[0].status == FINISHED)
    assert hit > 0.1
    assert best_s / rows < CHASES_PER_PREFIX_REQUEST * chase_s


GROWTH = """
import pathlib, sys
import numpy as np
sys.path.insert(0, {folder!r})
import test_serving_kernel as bench
from twin.models import serving
def peak():
    lines = pathlib.Path('/proc/self/status').read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith('VmHWM'))
params = bench.replicas(16)
base = bench.superposed(1, 0.5)
bench.run(params, serving.start(params, base), [np.inf])
count = 2_000_000
before = peak()
rows = np.arange(count) % base.rows
requests = bench.make(np.arange(count) * 0.02, base.prompt_tokens[rows], base.output_tokens[rows])
made = peak()
state, inputs = serving.start(params, requests), serving.idle_inputs(params)
for until_s in [*np.arange(60.0, count * 0.02, 60.0), np.inf]:
    serving.advance(params, state, inputs, until_s)  # what it reports goes to the file of a run
print(count, made - before, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak of a process is read from /proc")
def test_memory_of_a_long_run():
    """Peak growth of a process by 2 M requests, given and served: at most 150 bytes each and 100 MB."""
    code = GROWTH.format(folder=str(Path(__file__).parent))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    count, given, grown = (int(word) for word in done.stdout.split())
    print(f"\n{count} requests: {grown / 1e6:.0f} MB more at the peak, {grown / count:.0f} bytes each,"
          f" {given / 1e6:.0f} MB of it to lay them out")  # fmt: skip
    assert grown <= 150 * count + 100e6
