"""Shares of transfers, by hand and against their definition, in both fidelities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import ScenarioError
from twin.models import serving
from twin.models.serving import DECODE, PREFILL, make_params
from twin.physics.inference import Iteration
from twin.policies.routing.round_robin import choose
from twin.processes.serving import EventServing
from twin.processes.serving.transfers import fair_rates
from twin.requests import make

SITE = {
    "role": [PREFILL, PREFILL, DECODE, DECODE], "max_batch": 8, "max_batched_tokens": 64, "kv_blocks": 10_000,
    "kv_bytes_per_token": 1.0, "send_bytes_per_s": 8.0, "receive_bytes_per_s": 8.0,
}  # fmt: skip


def served(requests, **more):
    """Instants at which requests are done, in the kernel and in event fidelity, and what trunks carried."""
    params = make_params([Iteration(overhead_s=0.5)], choose, **(SITE | more))
    inputs = serving.idle_inputs(params)
    state, event = serving.start(params, requests), EventServing(params, requests)
    serving.advance(params, state, inputs, 100.0)
    event.advance(inputs, 100.0)
    np.testing.assert_allclose(state.requests["done_at_s"], event.done_at_s, atol=1e-9)
    np.testing.assert_allclose(state.trunk_bytes, event.trunk_bytes)
    return state.requests["done_at_s"], state.trunk_bytes


def test_trunk_limits_what_crosses_it() -> None:
    """Two transfers of 24 bytes from one leaf to another: 12 bytes/s for both, so 4 s in place of 3 s."""
    hung = {"place": [0, 0, 1, 1], "attached_frac": np.eye(2)}
    requests = make([0.0, 0.0], [24, 24], [2, 2])
    wide, carried = served(requests, **hung, trunk_bytes_per_s=[16.0, 16.0, 16.0, 16.0])
    np.testing.assert_allclose(wide, 0.5 + 3.0 + 0.5)
    np.testing.assert_allclose(carried, [48.0, 0.0, 0.0, 48.0])
    narrow, _ = served(requests, **hung, trunk_bytes_per_s=[12.0, 16.0, 16.0, 16.0])
    np.testing.assert_allclose(narrow, 0.5 + 4.0 + 0.5)


def test_what_stays_on_a_leaf_crosses_no_trunk() -> None:
    hung = {"place": [0, 0, 0, 0], "attached_frac": [[0.5, 0.5]], "trunk_bytes_per_s": [1.0] * 4}
    done_s, carried = served(make([0.0, 0.0], [24, 24], [2, 2]), **hung)
    np.testing.assert_allclose(done_s, 4.0)
    assert not carried.any()


def test_who_is_held_up_elsewhere_leaves_room() -> None:
    """Both senders into one receiver of 8 bytes/s; the slow one takes 2, the other 6, not half."""
    limits = {"role": [PREFILL, PREFILL, DECODE], "send_bytes_per_s": [2.0, 8.0, 8.0]}
    done_s, _ = served(make([0.0, 0.0], [12, 12], [2, 2]), **limits)
    np.testing.assert_allclose(done_s, [0.5 + 6.0 + 0.5, 0.5 + 2.0 + 0.5])


def test_trunks_need_a_place_and_a_capacity() -> None:
    with pytest.raises(ScenarioError) as error:
        make_params(
            [Iteration(overhead_s=0.5)],
            choose,
            place=2,
            attached_frac=np.eye(2),
            trunk_bytes_per_s=[1.0, 0.0],
        )
    assert {fault.where.split("[")[0] for fault in error.value.faults} == {"place", "trunk_bytes_per_s"}


links = st.dictionaries(st.integers(0, 4), st.floats(0.1, 1.0), min_size=1, max_size=4)


@given(st.lists(links, min_size=1, max_size=8), st.lists(st.floats(0.5, 50.0), min_size=5, max_size=5))
def test_rates_are_max_min_fair(used, capacities) -> None:
    """No link is over its capacity, and each transfer has a full link on which nobody is faster."""
    shares = [{("trunk", link): share for link, share in row.items()} for row in used]
    capacity = {("trunk", link): value for link, value in enumerate(capacities)}
    rates = fair_rates(shares, capacity)
    load = {k: sum(row.get(k, 0.0) * rate for row, rate in zip(shares, rates, strict=True)) for k in capacity}
    assert all(load[k] <= capacity[k] * (1.0 + 1e-9) for k in capacity)
    for row, rate in zip(shares, rates, strict=True):
        full = [k for k in row if load[k] >= capacity[k] * (1.0 - 1e-9)]
        fastest = [max(r for other, r in zip(shares, rates, strict=True) if k in other) for k in full]
        assert any(rate >= most * (1.0 - 1e-9) for most in fastest)


def test_without_limits_transfers_take_no_time() -> None:
    assert fair_rates([{("send", 0): 1.0}], {("send", 0): math.inf}) == [math.inf]
