"""Queue policies: their order, what they keep, and the same when compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin import registry
from twin.errors import ScenarioError
from twin.policies.admission import token_bucket
from twin.policies.queueing import (
    OUTPUT,
    OWN,
    PRIORITY,
    PROMPT,
    REQUEST_FIELDS,
    TENANT_FIELDS,
    fair_share,
    limits_of,
    priority,
)

PACKAGE = "twin.policies.queueing"
NAMES = ("fair-share", "first-come", "priority", "shortest-prompt-first")
FLOATS = nb.float64[::1]
SIGNATURE = nb.float64(nb.int64[::1], FLOATS, FLOATS, FLOATS, nb.float64)


@cache
def find(name: str) -> Callable[..., float]:
    return registry.find(PACKAGE, name, "rank")


def request_of(prompt: int = 1, output: int = 1, urgency: int = 0) -> Any:
    request = np.zeros(REQUEST_FIELDS, np.int64)
    request[[PROMPT, OUTPUT, PRIORITY]] = prompt, output, urgency
    return request


def kept() -> Any:
    return np.zeros(TENANT_FIELDS)


REQUESTS = st.builds(request_of, st.integers(1, 10**6), st.integers(1, 10**5), st.integers(-128, 127))
INSTANTS = st.floats(0.0, priority.SPAN_S)


def test_names() -> None:
    assert set(NAMES) <= set(registry.names(PACKAGE))


@pytest.mark.parametrize("name", NAMES)
def test_same_when_compiled_and_the_admission_policy_keeps_its_own(name: str) -> None:
    rank = find(name)
    compiled = nb.cfunc(SIGNATURE)(rank)
    call = nb.njit(
        lambda f, request, tenant, common, limits, now_s: f(request, tenant, common, limits, now_s)
    )
    limits = limits_of((), registry.find(PACKAGE, name, "LIMITS"), {})

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(REQUESTS, INSTANTS, st.integers(0, 1)), max_size=8))
    def every_sequence(calls: list[tuple[Any, float, int]]) -> None:
        plain, fast = np.zeros((2, 3, TENANT_FIELDS))
        for request, now_s, tenant in sorted(calls, key=lambda c: c[1]):
            one = rank(request, plain[tenant], plain[2], limits, now_s)
            assert one == call(compiled, request, fast[tenant], fast[2], limits, now_s)
            assert np.isfinite(one)
        assert np.array_equal(plain, fast)
        assert not plain[:, :OWN].any()

    every_sequence()


def test_first_come_is_the_instant() -> None:
    assert find("first-come")(request_of(), kept(), kept(), kept(), 3.25) == 3.25


@given(REQUESTS, REQUESTS, INSTANTS, INSTANTS)
def test_priority_then_instant(one: Any, other: Any, one_s: float, other_s: float) -> None:
    ranks = [
        find("priority")(r, kept(), kept(), kept(), t)
        for r, t in sorted(((one, one_s), (other, other_s)), key=_order)
    ]
    assert ranks[0] <= ranks[1]


def _order(pair: tuple[Any, float]) -> tuple[int, float]:
    return int(pair[0][PRIORITY]), pair[1]


@pytest.mark.parametrize(
    ("urgency", "apart_s"), [(0, 1e-7), (1, 1e-7), (-2, 1e-7), (127, 1e-5), (-128, 1e-5)]
)
def test_priority_keeps_instants_apart(urgency: int, apart_s: float) -> None:
    year_s = 86400.0 * 365
    early, late = (
        find("priority")(request_of(urgency=urgency), kept(), kept(), kept(), t)
        for t in (year_s, year_s + apart_s)
    )
    assert early < late


def test_shortest_prompt_first() -> None:
    rank = find("shortest-prompt-first")
    early_long = rank(request_of(prompt=900), kept(), kept(), kept(), 0.0)
    late_short = rank(request_of(prompt=20), kept(), kept(), kept(), 99.0)
    assert late_short < early_long


def share(tokens_per_s: float) -> Any:
    return limits_of((), fair_share.LIMITS, {"share_tokens_per_s": tokens_per_s})


def test_fair_share_alternates_between_a_burst_and_a_late_comer() -> None:
    greedy, modest, common, limits = kept(), kept(), kept(), share(0.0)
    request = request_of(60, 40)
    burst = [fair_share.rank(request, greedy, common, limits, 0.0) for _ in range(5)]
    late = [fair_share.rank(request, modest, common, limits, 1.0) for _ in range(5)]
    assert burst == late == [0.0, 100.0, 200.0, 300.0, 400.0]


def test_fair_share_forgets_an_idle_time_and_forgives_an_excess() -> None:
    idle, greedy, common, limits = kept(), kept(), kept(), share(100.0)
    for _ in range(10):
        fair_share.rank(request_of(60, 40), greedy, common, limits, 0.0)
    idle_rank = fair_share.rank(request_of(), idle, common, limits, 5.0)
    assert idle_rank == 500.0  # no credit for the time in which it asked for nothing
    assert fair_share.rank(request_of(), greedy, common, limits, 5.0) == 1000.0
    assert fair_share.rank(request_of(), greedy, common, limits, 50.0) == 5000.0


def test_limits_are_laid_out_for_both_policies() -> None:
    limits = limits_of(
        token_bucket.LIMITS, fair_share.LIMITS, {"burst_tokens": 5.0, "share_tokens_per_s": 7.0}
    )
    assert limits[token_bucket.BURST_TOKENS] == 5.0
    assert limits[token_bucket.TOKENS_PER_S] == token_bucket.LIMITS[0][2]
    assert limits[fair_share.SHARE_TOKENS_PER_S] == 7.0
    assert limits.shape == (TENANT_FIELDS,)


def test_wrong_limits_are_all_named() -> None:
    with pytest.raises(ScenarioError) as error:
        limits_of(token_bucket.LIMITS, (), {"burst": 1.0, "tokens_per_s": -1.0, "burst_tokens": float("nan")})
    assert [f.where for f in error.value.faults] == [
        "limits.burst",
        "limits.tokens_per_s",
        "limits.burst_tokens",
    ]
    assert "burst_tokens" in error.value.faults[0].expected
