"""Admission policies: whom they turn away, what they keep, and the same when compiled."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba as nb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin import registry, units
from twin.policies.admission import (
    OUTPUT,
    OWNED,
    PROMPT,
    REQUEST_FIELDS,
    TENANT_FIELDS,
    TIER,
    TOTAL_REPLICAS,
    TOTAL_REQUESTS,
    TOTAL_WAITING,
)
from twin.policies.queueing import limits_of

PACKAGE = "twin.policies.admission"
NAMES = ("everyone", "queue-limit", "tier-shedding", "token-bucket")
FLOATS = nb.float64[::1]
SIGNATURE = nb.boolean(nb.int64[::1], nb.int64[::1], FLOATS, FLOATS, FLOATS, nb.float64)


@cache
def find(name: str) -> Callable[..., bool]:
    return registry.find(PACKAGE, name, "admit")


def totals_of(waiting: int = 0, requests: int = 0, replicas: int = 1) -> Any:
    totals = np.zeros(4, np.int64)
    totals[[TOTAL_WAITING, TOTAL_REQUESTS, TOTAL_REPLICAS]] = waiting, requests, replicas
    return totals


def request_of(prompt: int = 1, output: int = 1, tier: int = 0) -> Any:
    request = np.zeros(REQUEST_FIELDS, np.int64)
    request[[PROMPT, OUTPUT, TIER]] = prompt, output, tier
    return request


def ask(name: str, totals: Any, request: Any, *limits: float) -> bool:
    return find(name)(totals, request, np.zeros(8), np.zeros(8), np.array(limits), 0.0)


TOTALS = st.builds(totals_of, st.integers(0, 300), st.integers(0, 900), st.integers(0, 9))
REQUESTS = st.builds(request_of, st.integers(1, 10**6), st.integers(1, 10**5), st.integers(0, 2))


def test_names_and_their_limits() -> None:
    assert set(NAMES) <= set(registry.names(PACKAGE))
    for name in NAMES:
        limits = registry.find(PACKAGE, name, "LIMITS")
        assert len(limits) <= OWNED
        assert all(unit in (*units.DIMENSIONS, "number") for _, unit, _, _ in limits)


@pytest.mark.parametrize("name", NAMES)
def test_same_when_compiled_and_the_queue_policy_keeps_its_own(name: str) -> None:
    admit = find(name)
    compiled = nb.cfunc(SIGNATURE)(admit)
    call = nb.njit(
        lambda f, totals, r, tenant, common, limits, now_s: f(totals, r, tenant, common, limits, now_s)
    )
    limits = limits_of(registry.find(PACKAGE, name, "LIMITS"), (), {})

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(TOTALS, REQUESTS, st.floats(0.0, 1e6), st.integers(0, 1)), max_size=8))
    def every_sequence(calls: list[tuple[Any, Any, float, int]]) -> None:
        plain, fast = np.zeros((2, 3, TENANT_FIELDS))
        for totals, request, now_s, tenant in sorted(calls, key=lambda c: c[2]):
            one = admit(totals, request, plain[tenant], plain[2], limits, now_s)
            assert one is call(compiled, totals, request, fast[tenant], fast[2], limits, now_s)
        assert np.array_equal(plain, fast)
        assert not plain[:, OWNED:].any()

    every_sequence()


def test_everyone() -> None:
    assert ask("everyone", totals_of(10**9, 10**9, 0), request_of(tier=9))


@pytest.mark.parametrize(("waiting", "replicas", "is_in"), [(31, 2, True), (32, 2, False), (0, 0, False)])
def test_queue_limit(waiting: int, replicas: int, is_in: bool) -> None:
    assert ask("queue-limit", totals_of(waiting, 0, replicas), request_of(), 16.0) is is_in


@pytest.mark.parametrize(
    ("requests", "tier", "is_in"), [(128, 1, True), (129, 1, False), (129, 0, True), (129, 2, False)]
)
def test_tier_shedding(requests: int, tier: int, is_in: bool) -> None:
    assert ask("tier-shedding", totals_of(0, requests, 2), request_of(tier=tier), 64.0) is is_in


class Bucket:
    """A tenant of 10 tokens/s and a burst of 100."""

    def __init__(self) -> None:
        self.tenant = np.zeros(TENANT_FIELDS)

    def ask(self, tokens: int, now_s: float) -> bool:
        request = request_of(tokens - 1, 1)
        limits = np.array([10.0, 100.0])
        return find("token-bucket")(totals_of(), request, self.tenant, np.zeros(8), limits, now_s)


def test_a_bucket_is_full_at_first_and_fills_at_its_rate() -> None:
    bucket = Bucket()
    assert [bucket.ask(50, 7.0) for _ in range(3)] == [True, True, False]
    assert not bucket.ask(50, 11.9)  # what is turned away costs nothing
    assert bucket.ask(50, 12.0)


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket()
    assert bucket.ask(2, 0.0)
    assert [bucket.ask(50, 1e6) for _ in range(3)] == [True, True, False]


def test_a_request_larger_than_the_bucket_leaves_a_debt() -> None:
    bucket = Bucket()
    assert bucket.ask(300, 0.0)
    assert not bucket.ask(2, 20.0)
    assert bucket.ask(2, 20.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(2, 100), st.floats(0.0, 30.0)), max_size=20))
def test_a_bucket_lets_no_more_in_than_rate_and_burst_allow(asked: list[tuple[int, float]]) -> None:
    bucket, now_s, used = Bucket(), 0.0, 0
    for tokens, pause_s in asked:
        now_s += pause_s
        used += tokens * bucket.ask(tokens, now_s)
        assert used <= 100.0 + 10.0 * now_s + 1e-6
