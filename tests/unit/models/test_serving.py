"""Serving by hand: small cases whose times can be written down."""

from __future__ import annotations

import numpy as np
import pytest

from twin import registry
from twin.errors import CatalogError, PhysicalRangeError, ScenarioError
from twin.models import serving
from twin.models.serving import Inputs
from twin.physics.inference import Iteration
from twin.policies.routing import least_outstanding_tokens, round_robin

SECOND = Iteration(overhead_s=1.0)
UP = Inputs(np.ones(1), np.ones(1, bool))


def one(coef=SECOND, capacity=1000, max_batch=8, budget=64, is_chunked=True, **more):
    return serving.make_params(
        [coef], [0], capacity, max_batch, budget, is_chunked, round_robin.choose, **more
    )


def served(params, requests, inputs=UP, until_s=np.inf):
    state = serving.start(params, *np.array(requests, dtype=float).T)
    return state, serving.advance(params, state, inputs, until_s)


def test_alone():
    """Prompt in one iteration with the first token, then one iteration a token."""
    state, out = served(one(ingress_s=0.25, egress_s=0.5), [(10.0, 30, 4)])
    assert state.first_token_at_s[0] == 10.25 + 1.0 + 0.5
    assert state.done_at_s[0] == 10.25 + 4.0 + 0.5
    assert (out.busy_s, out.iterations, out.prefill_tokens, out.output_tokens) == (4.0, 4.0, 30.0, 4.0)
    assert out.finished_rows.tolist() == [0]


def test_joins_at_the_next_boundary():
    state, _ = served(one(), [(0.0, 10, 5), (1.5, 10, 1), (2.0, 10, 1)])
    assert state.done_at_s.tolist() == [5.0, 3.0, 3.0]  # ready at a boundary is in time for it


def test_prompts_share_the_budget():
    """100, 30 and 20 tokens at 64 an iteration: 64; 36 + 28; 1 decode + 2 + 20 ..."""
    state, out = served(one(), [(0.0, 100, 3), (0.0, 30, 1), (0.0, 20, 1)])
    assert state.first_token_at_s.tolist() == [2.0, 3.0, 3.0]
    assert state.done_at_s.tolist() == [4.0, 3.0, 3.0]
    assert out.prefill_tokens == 150.0


def test_separate_prefill_stops_decode():
    """Decode waits while a prompt is computed; a prompt above the budget runs alone."""
    state, _ = served(one(is_chunked=False), [(0.0, 10, 3), (0.5, 100, 1), (0.5, 40, 1), (0.5, 24, 2)])
    assert state.done_at_s.tolist() == [5.0, 2.0, 3.0, 4.0]


def test_iterations_lengthen_with_context():
    """Contexts 11, 12, 13 at a hundredth each."""
    coef = Iteration(overhead_s=1.0, context_bytes=1.0, kv_s_per_byte=0.01)
    state, out = served(one(coef), [(0.0, 10, 4)])
    assert state.done_at_s[0] == pytest.approx(4.0 + 0.36, abs=1e-12)
    assert out.hbm_bytes[0] == pytest.approx(36.0)


def test_full_cache_blocks_the_head_and_what_is_behind_it():
    """The second does not fit beside the first; the third would, but waits its turn."""
    state, out = served(one(capacity=100), [(0.0, 50, 10), (0.0, 60, 2), (0.0, 10, 1)], until_s=5.0)
    assert (out.kv_tokens, out.batch_requests, out.queue_requests) == (60.0, 1.0, 2.0)
    out = serving.advance(one(capacity=100), state, UP, np.inf)
    assert state.done_at_s.tolist() == [10.0, 12.0, 12.0]


def test_too_large_is_rejected_and_counted():
    state, out = served(one(capacity=100), [(0.0, 50, 10), (1.0, 99, 2), (2.0, 99, 1)])
    assert state.is_rejected.tolist() == [False, True, False]
    assert out.rejected_rows.tolist() == [1]
    assert state.replica.tolist() == [0, -1, 0]
    assert np.isnan(state.done_at_s[1])


def test_no_replica_up_is_rejected_and_down_drains():
    """A replica that goes down takes nothing new and finishes what it has."""
    params = one()
    state = serving.start(params, [0.0, 2.5], [10, 10], [5, 5])
    serving.advance(params, state, UP, 2.0)
    out = serving.advance(params, state, Inputs(np.ones(1), np.zeros(1, bool)), np.inf)
    assert out.rejected_rows.tolist() == [1]
    assert state.done_at_s[0] == 5.0


def test_clock_is_read_when_an_iteration_starts():
    """Compute doubles at half clock from the first boundary after the change."""
    params = one(Iteration(token_flop=1.0, linear_s_per_flop=0.1, overhead_s=0.9))
    state = serving.start(params, [0.0], [1], [5])
    half = Inputs(np.full(1, 0.5), np.ones(1, bool))
    serving.advance(params, state, UP, 1.5)
    serving.advance(params, state, half, 3.0)
    serving.advance(params, state, UP, np.inf)
    assert state.done_at_s[0] == pytest.approx(2.0 + 1.1 + 2.0, abs=1e-12)


def test_halt_and_resume():
    """At clock 0 the running iteration ends, none starts; it goes on at the tick that frees it."""
    params = one()
    state = serving.start(params, [0.0, 1.2], [10, 10], [3, 1])
    serving.advance(params, state, UP, 0.5)
    out = serving.advance(params, state, Inputs(np.zeros(1), np.ones(1, bool)), 7.0)
    assert (out.busy_s, out.batch_requests, out.queue_requests) == (0.5, 1.0, 1.0)
    serving.advance(params, state, UP, np.inf)
    assert state.done_at_s.tolist() == [9.0, 8.0]


def test_running_iteration_counts_by_its_share():
    params = one()
    state = serving.start(params, [0.0], [20], [2])
    parts = [serving.advance(params, state, UP, until_s) for until_s in (0.25, 1.5, 9.0)]
    assert [part.prefill_tokens[0] for part in parts] == [5.0, 15.0, 0.0]
    assert [part.output_tokens[0] for part in parts] == [0.25, 1.25, 0.5]
    assert [part.busy_s[0] for part in parts] == [0.25, 1.25, 0.5]


def test_least_outstanding_tokens_sees_what_is_done():
    params = serving.make_params([SECOND], [0, 0], 1000, 8, 64, True, least_outstanding_tokens.choose)
    state = serving.start(params, [0.0, 0.0, 0.0, 2.5], [50, 10, 10, 10], [2, 2, 2, 2])
    serving.advance(params, state, Inputs(np.ones(2), np.ones(2, bool)), np.inf)
    assert state.replica.tolist() == [0, 1, 1, 0]  # by 2.5 s all are done, so the first again


def test_an_event_at_the_end_belongs_to_the_next_step():
    params = one()
    state = serving.start(params, [0.0, 2.0], [10, 10], [2, 1])
    assert serving.advance(params, state, UP, 2.0).finished_rows.tolist() == []
    assert serving.advance(params, state, UP, 2.0).finished_rows.tolist() == []
    assert serving.advance(params, state, UP, 3.5).finished_rows.tolist() == [0, 1]


def test_registry_finds_policies():
    assert {"least-outstanding-tokens", "round-robin"} <= set(registry.names("twin.policies.routing"))
    assert registry.find("twin.policies.routing", "round-robin", "choose") is round_robin.choose


def test_refuses_limits_all_at_once():
    with pytest.raises(ScenarioError) as caught:
        serving.make_params([Iteration(overhead_s=-1.0)], [0], 0, 100, 10, True, round_robin.choose)
    wrong = {fault.where.split("[")[0] for fault in caught.value.faults}
    assert wrong == {"coefficients", "kv_capacity_tokens", "max_batched_tokens"}


@pytest.mark.parametrize(
    ("requests", "where"),
    [
        (([1.0, 0.5], [1, 1], [1, 1]), "arrived_at_s[1]"),
        (([-1.0, 0.5], [1, 1], [1, 1]), "arrived_at_s[0]"),
        (([np.nan, 0.5], [1, 1], [1, 1]), "arrived_at_s[0]"),
        (([0.0, 0.5], [1, 0], [1, 1]), "prompt_tokens[1]"),
        (([0.0, 0.5], [1, 1], [1, 1 << 40]), "output_tokens[1]"),
        (([0.0, 0.5], [1, 1], [1]), "requests"),
    ],
)
def test_refuses_requests(requests, where):
    with pytest.raises(ScenarioError) as caught:
        serving.start(one(), *requests)
    assert where in [fault.where for fault in caught.value.faults]


@pytest.mark.parametrize("clock_frac", [-0.1, 1.1, np.nan])
def test_refuses_a_clock_out_of_range(clock_frac):
    state = serving.start(one(), [0.0], [1], [1])
    with pytest.raises(PhysicalRangeError, match="replica 0"):
        serving.advance(one(), state, Inputs(np.full(1, clock_frac), np.ones(1, bool)), 1.0)


def test_refuses_to_step_backwards():
    state = serving.start(one(), [0.0], [1], [1], now_s=0.0)
    serving.advance(one(), state, UP, 5.0)
    with pytest.raises(PhysicalRangeError, match="not before 5"):
        serving.advance(one(), state, UP, 4.0)


def test_refuses_a_policy_that_names_no_replica():
    def choose(outstanding_tokens, outstanding_requests, is_up, cursor):
        return 5

    state = serving.start(one(), [1.0], [1], [1])
    with pytest.raises(PhysicalRangeError, match="request 0"):
        serving.advance(one()._replace(choose=choose), state, UP, 2.0)


def test_refuses_a_policy_that_cannot_be_compiled():
    def choose(outstanding_tokens, outstanding_requests, is_up, cursor):
        return open(cursor)  # noqa: PTH123

    state = serving.start(one(), [1.0], [1], [1])
    with pytest.raises(CatalogError, match="cannot be compiled"):
        serving.advance(one()._replace(choose=choose), state, UP, 2.0)
