"""Prompts that a group holds back, by hand: iterations of one second, two replicas that wait for each other."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import serving
from twin.models.serving import PREFILL
from twin.physics.inference import Iteration
from twin.policies.queueing import first_come, priority
from twin.policies.routing import round_robin
from twin.processes.serving import EventServing
from twin.requests import make

SECOND = Iteration(overhead_s=1.0)
ROOMY = {"kv_blocks": 10_000, "max_batch": 16, "max_batched_tokens": 10_000, "group": [0, 0]}
LONG = 50


def admitted(arrived_at_s, output, steps=None, rank=first_come.rank, **limits):
    """Instants of the first admission; both fidelities must agree."""
    columns = {name: limits.pop(name) for name in ("priority",) if name in limits}
    prompt = limits.pop("prompt", 10)
    limits = ROOMY | {"prefill_delay": 4} | limits
    params = serving.make_params([SECOND], round_robin.choose, rank=rank, **limits)
    requests = make(arrived_at_s, np.broadcast_to(prompt, len(output)), output, **columns)
    steps = steps or [({}, np.inf)]
    rest = serving.idle_inputs(params)
    state, event = serving.start(params, requests), EventServing(params, requests)
    for changes, until_s in steps:
        inputs = rest._replace(**{name: np.array(value) for name, value in changes.items()})
        serving.advance(params, state, inputs, until_s)
        event.advance(inputs, until_s)
    for name in ("admitted_at_s", "first_token_at_s", "done_at_s"):
        np.testing.assert_array_equal(state.requests[name], getattr(event, name), name)
    return state.requests["admitted_at_s"].tolist()


@pytest.mark.parametrize(("delay", "starts_s"), [(0, 3.0), (1, 4.0), (4, 7.0), (90, 50.0)])
def test_a_prompt_waits_so_many_iterations(delay, starts_s):
    """The first starts at once, since nothing decodes, and so does the second at the latest when the first is done."""
    assert admitted([0.0, 2.5], [LONG, 3], prefill_delay=delay) == [0.0, starts_s]


def test_prompts_start_when_every_replica_has_one():
    assert admitted([0.0, 2.5, 4.5], [LONG, 3, 3]) == [0.0, 5.0, 5.0]


def test_what_came_in_between_starts_with_the_rest():
    """Rows 1 and 3 at one replica, row 2 at the other."""
    routed = admitted([0.0, 2.5, 5.5, 5.6], [LONG, 3, 3, 3])
    assert routed == [0.0, 6.0, 6.0, 6.0]


def test_a_group_that_decodes_nothing_holds_nothing_back():
    """The first is done at 4 s; what came at 2.5 s does not wait for anybody then."""
    assert admitted([0.0, 2.5], [4, 3]) == [0.0, 4.0]


def test_one_replica_waits_for_nobody():
    assert admitted([0.0, 2.5], [LONG, 3], group=[0, 1]) == [0.0, 2.5]


def test_a_replica_that_is_not_up_is_not_waited_for():
    steps = [({}, 4.25), ({"is_up": [False, True]}, np.inf)]
    assert admitted([0.0, 2.5], [LONG, 3], steps) == [0.0, 5.0]


def test_a_replica_that_computes_a_prompt_is_not_waited_for():
    """The third prompt takes six chunks from 5 s; the fourth joins it."""
    prompt = [10, 10, 120, 10]
    assert admitted([0.0, 2.5, 4.5, 6.5], [LONG, 3, 3, 3], prompt=prompt, max_batched_tokens=21) == [
        0.0, 5.0, 5.0, 7.0,
    ]  # fmt: skip


def test_a_full_batch_has_no_prompt_to_start():
    """Row 2 waits for the place of row 0, so row 1 waits for its four iterations."""
    assert admitted([0.0, 2.5, 2.5], [LONG, 3, 3], max_batch=1)[:2] == [0.0, 7.0]


def test_blocks_that_are_taken_let_no_prompt_start():
    """Row 2 needs the blocks of row 0."""
    assert admitted([0.0, 2.5, 2.5], [LONG, 3, 3], kv_blocks=65)[:2] == [0.0, 7.0]


def test_the_queue_policy_says_who_starts_first():
    """Rows 1 and 3 at a replica with one place: the urgent one gets it, the other is held back anew when it is done."""
    found = admitted(
        [0.0, 2.5, 2.5, 3.5], [LONG, 3, 3, 3], rank=priority.rank, priority=[0, 2, 0, 1], max_batch=1
    )
    assert found == [0.0, 14.0, 50.0, 7.0]


def test_a_death_ends_the_hold():
    """The group dies at 4.25 s and comes back a second later: nothing decodes then."""
    steps = [({}, 4.25), ({"is_alive": [False, True]}, 5.25), ({}, np.inf)]
    assert admitted([0.0, 2.5], [LONG, 3], steps, retry_s=2.0) == [0.0, 6.25]


def test_replicas_that_only_compute_prompts_hold_nothing_back():
    found = admitted([0.0, 2.5, 3.25], [LONG, 3, 3], role=[PREFILL, PREFILL, 2], group=[0, 0, 1])
    assert found == [0.0, 2.5, 3.5]
