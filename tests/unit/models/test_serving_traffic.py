"""Other traffic on the links of KV transfers, by hand, in both fidelities."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin.errors import ScenarioError
from twin.models import serving
from twin.models.serving import DECODE, PREFILL, Flow, Job, make_params, with_traffic
from twin.models.serving.flows import under_way
from twin.physics.inference import Iteration
from twin.policies.routing.round_robin import choose
from twin.processes.serving import EventServing
from twin.requests import REJECTED, make

SITE = {
    "role": [PREFILL, PREFILL, DECODE, DECODE], "max_batch": 8, "max_batched_tokens": 64, "kv_blocks": 10_000,
    "kv_bytes_per_token": 1.0, "send_bytes_per_s": 8.0, "receive_bytes_per_s": 8.0,
    "place": [0, 0, 1, 1], "attached_frac": np.eye(2), "trunk_bytes_per_s": [12.0, 16.0, 16.0, 16.0],
}  # fmt: skip
NOTHING = make([], [], [])
UP = ("trunk", 0)


def site(jobs, ports=(), **more):
    params = make_params([Iteration(overhead_s=0.5)], choose, **(SITE | more))
    return with_traffic(params, jobs, ports)


def served(params, requests, steps):
    """Flows that ended, requests, and what other traffic carried; the same in both fidelities.

    Steps are (until_s, starts, is_alive).
    """
    state, event = serving.start(params, requests), EventServing(params, requests)
    idle = serving.idle_inputs(params)
    moved = []
    for until_s, starts, is_alive in steps:
        inputs = idle._replace(starts=np.array(starts), is_alive=np.array(is_alive, dtype=bool))
        fast, slow = serving.advance(params, state, inputs, until_s), event.advance(inputs, until_s)
        for name in fast.moved.dtype.names:
            np.testing.assert_allclose(fast.moved[name], slow.moved[name], atol=1e-9)
        np.testing.assert_allclose(state.traffic_bytes, event.traffic_bytes, atol=1e-9)
        moved.append(fast.moved)
    for name in ("first_token_at_s", "done_at_s"):
        np.testing.assert_allclose(state.requests[name], getattr(event, name), atol=1e-9)
    return np.concatenate(moved), state


def until(*ends_s):
    return [(end_s, [0] * 4, [1] * 4) for end_s in ends_s]


def times(moved):
    return list(zip(moved["began_s"].tolist(), moved["ended_s"].tolist(), strict=True))


def test_a_burst_shares_a_trunk_with_transfers() -> None:
    """Two transfers of 24 bytes and one of 16: 4 bytes/s each, then 6 for the two that are left."""
    burst = Job([Flow(16.0, {UP: 1.0})], start_s=0.5, stop_s=50.0)
    moved, state = served(site([burst]), make([0.0, 0.0], [24, 24], [2, 2]), until(1.0, 100.0))
    assert times(moved) == [(0.5, 4.5)]
    np.testing.assert_allclose(state.requests["done_at_s"], 4.5 + 8.0 / 6.0 + 0.5)
    np.testing.assert_allclose(state.traffic_bytes, [16.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(state.trunk_bytes, [48.0, 0.0, 0.0, 48.0])


def test_weight_counts_as_so_many_transfers() -> None:
    """Three of five shares of 12 bytes/s are 7.2 for the burst, 2.4 for each transfer."""
    burst = Job([Flow(7.2, {UP: 1.0}, weight=3.0)], start_s=0.5, stop_s=50.0)
    moved, state = served(site([burst]), make([0.0, 0.0], [24, 24], [2, 2]), until(100.0))
    np.testing.assert_allclose(times(moved), [(0.5, 1.5)])
    np.testing.assert_allclose(state.requests["done_at_s"], 1.5 + (24.0 - 2.4) / 6.0 + 0.5)


def test_a_flow_is_no_faster_than_its_cap() -> None:
    """At most 2 bytes/s of 12: transfers share the other ten."""
    steady = Job([Flow(math.inf, {UP: 0.5}, cap_bytes_per_s=4.0)], start_s=0.0, stop_s=10.0)
    moved, state = served(site([steady]), make([0.0, 0.0], [24, 24], [2, 2]), until(3.0, 30.0))
    np.testing.assert_allclose(state.requests["done_at_s"], 0.5 + 24.0 / 5.0 + 0.5)
    assert times(moved) == [(0.0, 10.0)]
    np.testing.assert_allclose(moved["bytes"], 40.0)
    np.testing.assert_allclose(state.traffic_bytes[0], 20.0)


def test_what_flows_is_booked_as_it_flows() -> None:
    steady = Job([Flow(100.0, {UP: 1.0})], start_s=1.0, stop_s=10.0)
    _, state = served(site([steady]), NOTHING, until(2.0, 3.0))
    np.testing.assert_allclose(state.traffic_bytes[0], 24.0)


def test_rounds_follow_one_another() -> None:
    """Every two seconds, but one after the other; a pause is counted from the end; none begins at the stop."""
    port = {("port", 0): 1.0}
    short, long = (Job([Flow(size, port)], stop_s=4.0, every_s=2.0) for size in (5.0, 15.0))
    assert times(served(site([short], [5.0]), NOTHING, until(20.0))[0]) == [(0.0, 1.0), (2.0, 3.0)]
    assert times(served(site([long], [5.0]), NOTHING, until(20.0))[0]) == [(0.0, 3.0), (3.0, 6.0)]
    waits = Job([Flow(5.0, port)], start_s=1.0, stop_s=6.0, pause_s=1.5)
    assert times(served(site([waits], [5.0]), NOTHING, until(20.0))[0]) == [(1.0, 2.0), (3.5, 4.5)]


def test_a_round_is_over_when_all_its_flows_are() -> None:
    flows = [Flow(5.0, {("port", 0): 1.0}), Flow(15.0, {("port", 1): 1.0})]
    moved, _ = served(site([Job(flows, stop_s=5.0, pause_s=1.0)], [5.0, 5.0]), NOTHING, until(20.0))
    assert times(moved) == [(0.0, 1.0), (0.0, 3.0), (4.0, 5.0), (4.0, 7.0)]


def loads(*replicas, size_bytes=24.0):
    links = [{("port", 0): 1.0, ("receive", replica): 1.0} for replica in replicas]
    return [Job([Flow(size_bytes, each)], replica=r) for r, each in zip(replicas, links, strict=True)]


def test_a_replica_opens_when_its_weights_have_come() -> None:
    """One is held to its adapters, 3 s; two share storage, so they take 4 s and a request between is turned away."""
    both, alive = {"role": [0] * 4}, [1] * 4
    alone, _ = served(site(loads(0), [12.0], **both), NOTHING, [(50.0, [1, 0, 0, 0], alive)])
    assert times(alone) == [(0.0, 3.0)]
    params = site(loads(0, 1), [12.0], **both | {"role": [0, 0, DECODE, DECODE]})
    moved, state = served(params, make([3.9, 4.1], [8, 8], [1, 1]), [(50.0, [1, 1, 0, 0], alive)])
    assert times(moved) == [(0.0, 4.0), (0.0, 4.0)]
    assert state.status[0] == REJECTED
    np.testing.assert_allclose(state.requests["done_at_s"][1], 4.6)


def test_weights_of_the_dead_and_of_those_who_start_again() -> None:
    """Given up at 1 s; asked for anew at 2 s and again at 3 s, which begins from nothing."""
    params, alive = site(loads(0), [12.0], role=[0] * 4), [1] * 4
    steps = [(1.0, [1, 0, 0, 0], alive), (2.0, [1, 0, 0, 0], [0, 1, 1, 1]), (3.0, [2, 0, 0, 0], alive)]
    moved, _ = served(params, NOTHING, [*steps, (20.0, [3, 0, 0, 0], alive)])
    assert times(moved) == [(0.0, 1.0), (2.0, 3.0), (3.0, 6.0)]
    np.testing.assert_allclose(moved["bytes"], [8.0, 8.0, 24.0])
    assert moved["is_whole"].tolist() == [0, 0, 1]


def test_flows_under_way_are_told() -> None:
    params = site([Job([Flow(100.0, {UP: 1.0})], start_s=1.0, stop_s=10.0)])
    state, event = serving.start(params, NOTHING), EventServing(params, NOTHING)
    inputs = serving.idle_inputs(params)
    serving.advance(params, state, inputs, 3.0)
    event.advance(inputs, 3.0)
    for found in (under_way(state), event.under_way):
        assert (found["flow"].tolist(), found["bytes"].tolist()) == ([0], [24.0])
        assert np.isnan(found["ended_s"]).all()


def test_more_flows_end_in_a_step_than_the_log_holds() -> None:
    quick = Job([Flow(1.0, {("port", 0): 1.0})], stop_s=3000.0, pause_s=0.0)
    moved, _ = served(site([quick], [1.0]), NOTHING, until(4000.0))
    assert len(moved) == 3000
    np.testing.assert_allclose(moved["ended_s"], np.arange(1, 3001))


def test_jobs_that_never_begin_change_no_bit() -> None:
    requests = make(np.linspace(0.0, 5.0, 60), [24] * 60, [5] * 60)
    plain = make_params([Iteration(overhead_s=0.5)], choose, **SITE)
    late = with_traffic(plain, [Job([Flow(9.0, {UP: 1.0})], start_s=1e6, stop_s=2e6)])
    tables = []
    for params in (plain, late):
        state = serving.start(params, requests)
        serving.advance(params, state, serving.idle_inputs(params), 500.0)
        tables.append(state.requests)
    assert tables[0].tobytes() == tables[1].tobytes()
    assert np.isfinite(tables[0]["done_at_s"]).all()


def test_faults_come_all_at_once() -> None:
    jobs = [
        Job([Flow(-1.0, {("port", 3): 1.0}), Flow(math.inf, {UP: 1.0})], stop_s=9.0),
        Job([], stop_s=math.inf),
        Job([Flow(1.0, {UP: 0.0}, weight=0.0)], replica=7),
    ]
    with pytest.raises(ScenarioError) as error:
        site(jobs, [0.0])
    assert {fault.where for fault in error.value.faults} == {
        "port_bytes_per_s[0]", "jobs[0].flows[0].bytes", "jobs[0].flows[0].shares", "jobs[0].flows[1].bytes",
        "jobs[1].flows", "jobs[1]", "jobs[2].replica", "jobs[2].flows[0].shares", "jobs[2].flows[0].weight",
    }  # fmt: skip
