"""Routing policies: what each prefers, never a closed replica, and the same when compiled."""

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
from twin.policies import routing
from twin.policies.routing import (
    CACHED_TOKENS,
    CURSOR,
    DRAW_A,
    DRAW_B,
    LAST_REPLICA,
    OUTSTANDING_REQUESTS,
    OUTSTANDING_TOKENS,
    POOL,
    PROMPT,
    PROMPT_TOKENS,
    REQUEST_FIELDS,
    STAGE,
    VIEW_FIELDS,
)

PACKAGE = "twin.policies.routing"
NAMES = (
    "kv-aware",
    "least-outstanding-requests",
    "least-outstanding-tokens",
    "length-bucketed",
    "power-of-two-choices",
    "round-robin",
    "session-affinity",
    "slo-aware",
    "tier-aware",
)
SIGNATURE = nb.int64(nb.int64[:, ::1], nb.boolean[::1], nb.int64[::1])


@cache
def find(name: str) -> Callable[..., int]:
    return registry.find(PACKAGE, name, "choose")


def ask(name: str, rows: dict[int, Any], is_open: Any = None, **of_request: int) -> int:
    """Choice for a view with these rows; ``of_request`` by the name of its index constant."""
    count = len(next(iter(rows.values())))
    view, request = np.zeros((VIEW_FIELDS, count), np.int64), np.zeros(REQUEST_FIELDS, np.int64)
    request[LAST_REPLICA] = -1
    for row, values in rows.items():
        view[row] = values
    for field, value in of_request.items():
        request[getattr(routing, field)] = value
    return find(name)(view, np.array([True] * count if is_open is None else is_open), request)


@st.composite
def situations(draw: Any) -> tuple[Any, Any, Any]:
    """Any view, with few values so that ties are common."""
    count = draw(st.integers(1, 6))
    numbers = st.integers(0, 4)
    view = np.array([[draw(numbers) for _ in range(count)] for _ in range(VIEW_FIELDS)], np.int64)
    is_open = np.array([draw(st.booleans()) for _ in range(count)])
    request = np.array([draw(numbers) for _ in range(REQUEST_FIELDS)], np.int64)
    request[PROMPT] = draw(st.sampled_from([1, 4096, 4097, 100_000]))
    request[LAST_REPLICA] = draw(st.integers(-1, count - 1))
    request[CURSOR] = draw(st.integers(0, count))
    request[[DRAW_A, DRAW_B]] = draw(st.integers(0, 2**31 - 1)), draw(st.integers(0, 2**31 - 1))
    request[STAGE] = draw(st.sampled_from([1, 2]))
    return view, is_open, request


@pytest.fixture(scope="module")
def call() -> Any:
    """Calls any compiled policy; one compilation serves all, as they have one type."""
    return nb.njit(lambda choose, view, is_open, request: choose(view, is_open, request))


def test_names() -> None:
    assert set(NAMES) <= set(registry.names(PACKAGE))


@pytest.mark.parametrize("name", NAMES)
def test_open_or_nothing_and_the_same_compiled(name: str, call: Any) -> None:
    choose = find(name)
    compiled = nb.cfunc(SIGNATURE)(choose)

    @settings(max_examples=100, deadline=None)
    @given(situations())
    def every_situation(situation: tuple[Any, Any, Any]) -> None:
        before = [a.copy() for a in situation]
        replica = choose(*situation)
        assert all(map(np.array_equal, before, situation)), "a policy must not change what it reads"
        assert call(compiled, *situation) == replica
        is_open = situation[1]
        assert (0 <= replica < len(is_open) and is_open[replica]) if is_open.any() else replica == -1

    every_situation()


@pytest.mark.parametrize(("cursor", "replica"), [(0, 0), (1, 2), (2, 2), (3, 0)])
def test_round_robin_goes_on_from_the_cursor(cursor: int, replica: int) -> None:
    assert ask("round-robin", {POOL: [0, 0, 0]}, [True, False, True], CURSOR=cursor) == replica


@pytest.mark.parametrize(
    ("name", "row"),
    [("least-outstanding-tokens", OUTSTANDING_TOKENS), ("least-outstanding-requests", OUTSTANDING_REQUESTS)],
)
def test_least_of_its_own_row_and_the_lowest_on_a_tie(name: str, row: int) -> None:
    other = OUTSTANDING_TOKENS + OUTSTANDING_REQUESTS - row
    assert ask(name, {row: [5, 3, 3], other: [0, 9, 1]}) == 1
    assert ask(name, {row: [5, 3, 4]}, [True, False, True]) == 2


def test_two_choices_are_different_replicas_and_every_pair_is_drawn() -> None:
    seen = set()
    for a in range(4):
        for b in range(3):
            loads = np.full(4, 9)
            first = ask("power-of-two-choices", {OUTSTANDING_REQUESTS: loads}, DRAW_A=a, DRAW_B=b)
            loads[first] = 10
            second = ask("power-of-two-choices", {OUTSTANDING_REQUESTS: loads}, DRAW_A=a, DRAW_B=b)
            seen.add((first, second))
    assert seen == {(i, j) for i in range(4) for j in range(4) if i != j}


def test_two_choices_with_one_open_replica() -> None:
    rows = {OUTSTANDING_REQUESTS: [0, 7, 0]}
    assert ask("power-of-two-choices", rows, [False, True, False], DRAW_A=2**31 - 1, DRAW_B=5) == 1


def test_a_session_stays_whatever_the_load_and_moves_when_it_must() -> None:
    rows = {OUTSTANDING_TOKENS: [10, 2, 900]}
    assert ask("session-affinity", rows, LAST_REPLICA=2) == 2
    assert ask("session-affinity", rows, [True, True, False], LAST_REPLICA=2) == 1
    assert ask("session-affinity", rows, LAST_REPLICA=-1) == 1


def test_kv_aware_weighs_the_cache_against_load() -> None:
    idle_or_cached = {CACHED_TOKENS: [0, 3000]}
    assert ask("kv-aware", {**idle_or_cached, OUTSTANDING_TOKENS: [0, 2999]}, PROMPT=4000) == 1
    assert ask("kv-aware", {**idle_or_cached, OUTSTANDING_TOKENS: [0, 3001]}, PROMPT=4000) == 0
    assert ask("kv-aware", {**idle_or_cached, PROMPT_TOKENS: [0, 3001]}, PROMPT=4000) == 0


@pytest.mark.parametrize(("prompt", "replica"), [(4096, 1), (4097, 2)])
def test_length_decides_the_pool(prompt: int, replica: int) -> None:
    rows = {POOL: [2, 0, 1, 1, 0], OUTSTANDING_TOKENS: [0, 5, 5, 6, 6]}
    assert ask("length-bucketed", rows, PROMPT=prompt) == replica


def test_tier_decides_the_pool_if_that_is_open() -> None:
    rows = {POOL: [0, 1, 0, 1], OUTSTANDING_TOKENS: [1, 9, 0, 8]}
    assert ask("tier-aware", rows, TIER=0) == 2
    assert ask("tier-aware", rows, TIER=1) == 3
    assert ask("tier-aware", rows, [True, True, True, False], TIER=1) == 1
    assert ask("tier-aware", rows, [True, False, True, False], TIER=1) == 2
    assert ask("tier-aware", rows, TIER=7) == 2


def test_slo_aware_looks_at_prompts_first() -> None:
    assert ask("slo-aware", {PROMPT_TOKENS: [9, 8, 8], OUTSTANDING_TOKENS: [0, 70, 60]}) == 2
    assert ask("slo-aware", {PROMPT_TOKENS: [8, 8, 9], OUTSTANDING_TOKENS: [60, 60, 0]}) == 0


@pytest.mark.parametrize(
    ("marker", "value", "marked"),
    [
        ("smallest", "outstanding_tokens", {"least-outstanding-tokens"}),
        ("reads_cached_tokens", True, {"kv-aware"}),
        ("reads_sessions", True, {"session-affinity"}),
    ],
)
def test_markers(marker: str, value: Any, marked: set[str]) -> None:
    assert {name for name in NAMES if getattr(find(name), marker, None) == value} == marked


@pytest.mark.parametrize(
    ("row", "marker", "own"),
    [(CACHED_TOKENS, "reads_cached_tokens", None), (None, "reads_sessions", LAST_REPLICA)],
)
@settings(max_examples=60, deadline=None)
@given(situations())
def test_what_is_not_announced_is_not_read(row: Any, marker: str, own: Any, situation: Any) -> None:
    view, is_open, request = situation
    bare_view, bare = view.copy(), request.copy()
    if row is not None:
        bare_view[row] = 0
    if own is not None:
        bare[own] = -1
    for choose in map(find, NAMES):
        if not hasattr(choose, marker):
            assert choose(view, is_open, request) == choose(bare_view, is_open, bare)
