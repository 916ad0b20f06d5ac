"""Serving by hand: small cases whose times can be written down."""

from __future__ import annotations

import numpy as np
import pytest

from twin import registry
from twin.errors import CatalogError, PhysicalRangeError, ScenarioError
from twin.models import serving
from twin.physics.inference import Iteration
from twin.policies.routing import least_outstanding_tokens, round_robin
from twin.requests import FINISHED, REJECTED, make

SECOND = Iteration(overhead_s=1.0)
SMALL = {"kv_blocks": 1000, "max_batch": 8, "max_batched_tokens": 64}


def one(coef=SECOND, choose=round_robin.choose, **more):
    return serving.make_params([coef], choose, **(SMALL | more))


def inputs(params, clock=1.0, up=True):
    idle = serving.idle_inputs(params)
    count = len(idle.role)
    return idle._replace(clock_frac=np.full(count, float(clock)), is_up=np.full(count, up))


def served(params, requests, until_s=np.inf):
    state = serving.start(params, make(*np.array(requests, dtype=float).T))
    return state, serving.advance(params, state, serving.idle_inputs(params), until_s)


def done_s(state):
    return state.requests["done_at_s"].tolist()


def first_s(state):
    return state.requests["first_token_at_s"].tolist()


def test_alone():
    """Prompt in one iteration with the first token, then one iteration a token."""
    state, out = served(one(ingress_s=0.25, egress_s=0.5), [(10.0, 30, 4)])
    assert first_s(state) == [10.25 + 1.0 + 0.5]
    assert done_s(state) == [10.25 + 4.0 + 0.5]
    assert state.requests["admitted_at_s"].tolist() == [10.25]
    assert (out.busy_s, out.iterations, out.prefill_tokens, out.output_tokens) == (4.0, 4.0, 30.0, 4.0)
    assert out.left_rows.tolist() == [0]
    assert sum(run["steps"] * run["sequences"] for run in out.gaps) == 3
    assert set(out.gaps["first_s"]) == {1.0}


def test_joins_at_the_next_boundary():
    state, _ = served(one(), [(0.0, 10, 5), (1.5, 10, 1), (2.0, 10, 1)])
    assert done_s(state) == [5.0, 3.0, 3.0]  # ready at a boundary is in time for it


def test_prompts_share_the_budget():
    """100, 30 and 20 tokens at 64 an iteration: 64; 36 + 28; 1 decode + 2 + 20 ..."""
    state, out = served(one(), [(0.0, 100, 3), (0.0, 30, 1), (0.0, 20, 1)])
    assert first_s(state) == [2.0, 3.0, 3.0]
    assert done_s(state) == [4.0, 3.0, 3.0]
    assert out.prefill_tokens == 150.0


def test_separate_prefill_stops_decode():
    """Decode waits while a prompt is computed; a prompt above the budget runs alone."""
    state, _ = served(one(is_chunked=0), [(0.0, 10, 3), (0.5, 100, 1), (0.5, 40, 1), (0.5, 24, 2)])
    assert done_s(state) == [5.0, 2.0, 3.0, 4.0]


def test_iterations_lengthen_with_context():
    """Contexts 11, 12, 13 at a hundredth each."""
    state, out = served(one(Iteration(overhead_s=1.0, context_bytes=1.0, kv_s_per_byte=0.01)), [(0.0, 10, 4)])
    assert done_s(state)[0] == pytest.approx(4.0 + 0.36, abs=1e-12)
    assert out.hbm_bytes[0] == pytest.approx(36.0)


def test_full_cache_blocks_the_head_and_what_is_behind_it():
    """The second does not fit beside the first; the third would, but waits its turn."""
    params = one(kv_blocks=100)
    state, out = served(params, [(0.0, 50, 10), (0.0, 60, 2), (0.0, 10, 1)], until_s=5.0)
    assert (out.kv_blocks, out.batch_requests, out.queue_requests) == (60.0, 1.0, 2.0)
    serving.advance(params, state, serving.idle_inputs(params), np.inf)
    assert done_s(state) == [10.0, 12.0, 12.0]


def test_blocks_are_whole():
    """21 tokens in blocks of 8 take three blocks, 24 as well; a fourth token block is one too many."""
    params = one(kv_blocks=3, block_tokens=8)
    state, out = served(params, [(0.0, 20, 1), (0.0, 23, 1), (0.0, 24, 1)], until_s=0.5)
    assert state.requests["status"].tolist()[2] == REJECTED
    assert out.kv_blocks == 3.0
    serving.advance(params, state, serving.idle_inputs(params), np.inf)
    assert done_s(state)[:2] == [1.0, 2.0]


def test_too_large_is_rejected_and_counted():
    state, out = served(one(kv_blocks=100), [(0.0, 50, 10), (1.0, 99, 2), (2.0, 99, 1)])
    assert state.requests["status"].tolist() == [FINISHED, REJECTED, FINISHED]
    assert state.counts[serving.ARRIVED] == 3
    assert out.left_rows.tolist()[0] == 1
    assert np.isnan(state.requests["done_at_s"][1])


def test_no_replica_up_is_rejected_and_down_drains():
    """A replica that goes down takes nothing new and finishes what it has."""
    params = one()
    state = serving.start(params, make([0.0, 2.5], [10, 10], [5, 5]))
    serving.advance(params, state, inputs(params), 2.0)
    out = serving.advance(params, state, inputs(params, up=False), np.inf)
    assert out.left_rows.tolist() == [1, 0]
    assert state.requests["status"].tolist() == [FINISHED, REJECTED]
    assert done_s(state)[0] == 5.0


def test_clock_is_read_when_an_iteration_starts():
    """Compute doubles at half clock from the first boundary after the change."""
    params = one(Iteration(token_flop=1.0, linear_s_per_flop=0.1, overhead_s=0.9))
    state = serving.start(params, make([0.0], [1], [5]))
    serving.advance(params, state, inputs(params), 1.5)
    serving.advance(params, state, inputs(params, clock=0.5), 3.0)
    serving.advance(params, state, inputs(params), np.inf)
    assert done_s(state)[0] == pytest.approx(2.0 + 1.1 + 2.0, abs=1e-12)


def test_halt_and_resume():
    """At clock 0 the running iteration ends, none starts; it goes on at the step that frees it."""
    params = one()
    state = serving.start(params, make([0.0, 1.2], [10, 10], [3, 1]))
    serving.advance(params, state, inputs(params), 0.5)
    out = serving.advance(params, state, inputs(params, clock=0.0), 7.0)
    assert (out.busy_s, out.batch_requests, out.queue_requests) == (0.5, 1.0, 1.0)
    serving.advance(params, state, inputs(params), np.inf)
    assert done_s(state) == [9.0, 8.0]


def test_running_iteration_counts_by_its_share():
    params = one()
    state = serving.start(params, make([0.0], [20], [2]))
    parts = [serving.advance(params, state, inputs(params), until_s) for until_s in (0.25, 1.5, 9.0)]
    assert [part.prefill_tokens[0] for part in parts] == [5.0, 15.0, 0.0]
    assert [part.output_tokens[0] for part in parts] == [0.25, 1.25, 0.5]
    assert [part.busy_s[0] for part in parts] == [0.25, 1.25, 0.5]


def test_least_outstanding_tokens_sees_what_is_done():
    params = one(choose=least_outstanding_tokens.choose, replicas=2)
    requests = [(0.0, 50, 2), (0.0, 10, 2), (0.0, 10, 2), (2.5, 10, 2)]
    state, _ = served(params, requests)
    assert state.requests["replica"].tolist() == [0, 1, 1, 0]  # by 2.5 s all are done, so the first again


def test_an_event_at_the_end_belongs_to_the_next_step():
    params = one()
    state = serving.start(params, make([0.0, 2.0], [10, 10], [2, 1]))
    steps = [serving.advance(params, state, inputs(params), until_s) for until_s in (2.0, 2.0, 3.5)]
    assert [out.left_rows.tolist() for out in steps] == [[], [], [0, 1]]


def test_a_copy_lives_on_its_own():
    params = one()
    state = serving.start(params, make([0.0], [10], [5]))
    serving.advance(params, state, inputs(params), 2.5)
    other = serving.copy(state)
    serving.advance(params, state, inputs(params), np.inf)
    assert np.isnan(done_s(other)[0])
    serving.advance(params, other, inputs(params), np.inf)
    assert done_s(other) == done_s(state) == [5.0]


# refusals


def test_registry_finds_policies():
    assert {"least-outstanding-tokens", "round-robin"} <= set(registry.names("twin.policies.routing"))
    assert registry.find("twin.policies.routing", "round-robin", "choose") is round_robin.choose


def wheres(caught):
    return {fault.where.split("[")[0] for fault in caught.value.faults}


def test_refuses_limits_all_at_once():
    with pytest.raises(ScenarioError) as caught:
        one(Iteration(overhead_s=-1.0), kv_blocks=0, max_batch=100, max_batched_tokens=10, publish_s=-1.0)
    assert wheres(caught) == {"coefficients", "kv_blocks", "max_batched_tokens", "publish_s"}
    assert all(fault.expected and fault.mend for fault in caught.value.faults)


def test_refuses_unknown_limits():
    with pytest.raises(ScenarioError, match="an unknown limit") as caught:
        one(kv_capacity=1, batch=2)
    assert wheres(caught) == {"batch", "kv_capacity"}


@pytest.mark.parametrize(
    ("limits", "where"),
    [
        ({"kind": 1}, "kind"),
        ({"kind": -1}, "kind"),
        ({"role": 3}, "role"),
        ({"group": [0, 2]}, "group"),
        ({"replicas": 0}, "replicas"),
        ({"swap_s_per_token": np.nan}, "swap_s_per_token"),
        ({"ingress_s": np.inf}, "ingress_s"),
        ({"send_bytes_per_s": -1.0}, "send_bytes_per_s"),
        ({"retry_s": np.inf}, "retry_s"),
        ({"acceptance": [0.5, 0.7]}, "acceptance"),
    ],
)
def test_refuses_a_limit(limits, where):
    with pytest.raises(ScenarioError) as caught:
        one(**limits)
    assert where in wheres(caught)


def test_refuses_speculation_without_thresholds():
    with pytest.raises(ScenarioError) as caught:
        one(Iteration(overhead_s=1.0, verify_tokens=3.0), acceptance=[0.5])
    assert wheres(caught) == {"verify_tokens"}


@pytest.mark.parametrize(
    ("requests", "where"),
    [
        (([1.0, 0.5], [1, 1], [1, 1]), "arrived_at_s of those that follow none[1]"),
        (([np.nan, 0.5], [1, 1], [1, 1]), "arrived_at_s[0]"),
        (([0.0, 0.5], [1, 0], [1, 1]), "prompt_tokens[1]"),
        (([0.0, 0.5], [1, 1], [1, 1 << 40]), "output_tokens[1]"),
        (([0.0, 0.5], [1, 1], [1]), "requests"),
    ],
)
def test_refuses_requests(requests, where):
    with pytest.raises(ScenarioError) as caught:
        make(*requests)
    assert where in [fault.where for fault in caught.value.faults]


@pytest.mark.parametrize("clock_frac", [-0.1, 1.1, np.nan])
def test_refuses_a_clock_out_of_range(clock_frac):
    params = one()
    state = serving.start(params, make([0.0], [1], [1]))
    with pytest.raises(PhysicalRangeError, match="replica 0"):
        serving.advance(params, state, inputs(params, clock=clock_frac), 1.0)


def test_refuses_to_step_backwards():
    params = one()
    state = serving.start(params, make([0.0], [1], [1]))
    serving.advance(params, state, inputs(params), 5.0)
    with pytest.raises(PhysicalRangeError, match="not before 5"):
        serving.advance(params, state, inputs(params), 4.0)


def test_refuses_a_new_role_where_requests_are():
    params = one(replicas=2, role=serving.BOTH)
    state = serving.start(params, make([0.0], [1], [5]))
    serving.advance(params, state, inputs(params), 1.5)
    moved = inputs(params)._replace(role=np.array([serving.PREFILL, serving.DECODE]))
    with pytest.raises(PhysicalRangeError, match="replica 0"):
        serving.advance(params, state, moved, 2.0)


def nobody_there(view, is_open, request):
    return 5


def not_numbers(view, is_open, request):
    return open(request)  # noqa: PTH123


def test_refuses_a_policy_that_names_no_replica():
    with pytest.raises(PhysicalRangeError, match="request 0"):
        served(one(choose=nobody_there), [(1.0, 1, 1)])


def test_refuses_a_policy_that_cannot_be_compiled():
    with pytest.raises(CatalogError, match="cannot be compiled"):
        served(one(choose=not_numbers), [(1.0, 1, 1)])
