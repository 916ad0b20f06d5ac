"""Planners: the split that each wants, always within what both pools keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin import registry
from twin.errors import ScenarioError
from twin.policies.planning import Observed, Pools

PACKAGE = "twin.policies.planning"
NAMES = ("backlog", "load-proportional", "static")


@cache
def find(name: str) -> Callable[[Observed, Pools], int]:
    return registry.find(PACKAGE, name, "plan")


def pools_of(prefill: int, decode: int, **other: Any) -> Pools:
    return Pools(prefill=prefill, decode=decode, prefill_tokens_per_s=50e3, decode_tokens_per_s=5e3, **other)


def load(prefill_work: float, decode_work: float) -> Observed:
    """An interval with work for so many replicas of each pool."""
    return Observed(
        interval_s=30.0, prompt_tokens=prefill_work * 50e3 * 30, output_tokens=decode_work * 5e3 * 30
    )


WORK = st.floats(0.0, 40.0)
OBSERVED = st.builds(
    lambda p, d, waiting_p, waiting_d: Observed(
        interval_s=1.0, prompt_tokens=p, output_tokens=d, prefill_queue=waiting_p, decode_queue=waiting_d
    ),
    st.floats(0.0, 1e7), st.floats(0.0, 1e6), st.integers(0, 1000), st.integers(0, 1000),
)  # fmt: skip
POOLS = st.builds(
    lambda p, d, least_p, least_d: pools_of(p, d, least_prefill=min(least_p, p), least_decode=min(least_d, d)),
    st.integers(0, 30), st.integers(0, 30), st.integers(0, 3), st.integers(0, 3),
)  # fmt: skip


def test_names() -> None:
    assert set(NAMES) <= set(registry.names(PACKAGE))


@pytest.mark.parametrize("name", NAMES)
@given(observed=OBSERVED, pools=POOLS)
def test_both_pools_keep_their_least(name: str, observed: Observed, pools: Pools) -> None:
    prefill = find(name)(observed, pools)
    assert pools.least_prefill <= prefill <= pools.total - pools.least_decode


@settings(deadline=None)
@given(WORK, WORK, st.integers(1, 12), st.integers(1, 12))
def test_no_split_loads_the_busier_pool_less(
    prefill_work: float, decode_work: float, prefill: int, decode: int
) -> None:
    pools, observed = pools_of(prefill, decode), load(prefill_work, decode_work)

    def busier(n: int) -> float:
        return max(prefill_work / n, decode_work / (pools.total - n))

    best = min(map(busier, range(1, pools.total)))
    assert busier(find("load-proportional")(observed, pools)) == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize(
    ("prefill_work", "decode_work", "wanted"),
    [(2, 6, 2), (6, 2, 6), (0, 3, 1), (3, 0, 7), (0, 0, 4), (20, 20, 4)],
)
def test_load_proportional(prefill_work: float, decode_work: float, wanted: int) -> None:
    assert find("load-proportional")(load(prefill_work, decode_work), pools_of(4, 4)) == wanted


@pytest.mark.parametrize(("prefill", "wanted"), [(1, 1), (2, 2)])
def test_equally_good_splits_leave_things_as_they_are(prefill: int, wanted: int) -> None:
    assert find("load-proportional")(load(1.0, 1.0), pools_of(prefill, 3 - prefill)) == wanted


def test_a_pool_may_become_empty_when_it_keeps_nothing() -> None:
    pools = pools_of(4, 4, least_prefill=0, least_decode=0)
    assert find("load-proportional")(load(0.0, 1.0), pools) == 0
    assert find("load-proportional")(load(1e-6, 1.0), pools) == 1


@pytest.mark.parametrize(
    ("prefill_queue", "decode_queue", "step"),
    [
        (0, 0, 0),
        (3, 0, 0),
        (4, 0, 1),
        (8, 12, 0),
        (9, 12, 1),
        (400, 12, 1),
        (0, 12, -1),
        (0, 11, 0),
        (10, 30, 0),
    ],
)
def test_backlog_moves_one_replica_to_the_clearly_longer_queue(
    prefill_queue: int, decode_queue: int, step: int
) -> None:
    observed = Observed(interval_s=5.0, prefill_queue=prefill_queue, decode_queue=decode_queue)
    pools = pools_of(4, 12)
    assert find("backlog")(observed, pools) == 4 + step


def test_backlog_compares_queues_per_replica() -> None:
    observed = Observed(interval_s=5.0, prefill_queue=10, decode_queue=20)
    assert find("backlog")(observed, pools_of(2, 14)) == 3
    assert find("backlog")(observed, pools_of(14, 2)) == 13


def test_wrong_numbers_are_all_named() -> None:
    with pytest.raises(ScenarioError) as error:
        Observed(interval_s=0.0, prompt_tokens=-1.0, output_tokens=float("nan"))
    wrong = ["observed.interval_s", "observed.prompt_tokens", "observed.output_tokens"]
    assert [f.where for f in error.value.faults] == wrong
    with pytest.raises(ScenarioError) as error:
        Pools(prefill=1, decode=0, prefill_tokens_per_s=0.0, decode_tokens_per_s=1.0)
    wrong = ["pools.least_prefill", "pools.least_decode", "pools.prefill_tokens_per_s"]
    assert [f.where for f in error.value.faults] == wrong


def test_latencies_may_be_missing() -> None:
    assert Observed(interval_s=1.0).requests == 0.0
