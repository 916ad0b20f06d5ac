"""Turns of prompts, against turns that are drawn one after the other."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin.perf.turns import Costs, Turns, Waits, at_start, by_chance, by_the_clock, chances

DECODE_S = 0.03


def cost(ranks: int) -> object:
    """A launch, what each rank computes, and what all share."""

    def of(prompts: float) -> Costs:
        added_s = 0.08 + 0.004 * math.ceil(prompts / ranks) + 0.002 * prompts
        return Costs(added_s, added_s + DECODE_S)

    return of


def drawn(per_s: float, ranks: int, longest: float, turns: int = 5_000) -> Turns:
    """Prompts wait until each rank has one, or for so many iterations."""
    rng, of = np.random.default_rng(7), cost(ranks)
    prompts, added_s, ready = 0.0, 0.0, 0
    for _ in range(turns):
        held = 0.0
        while ready < ranks and held < longest:
            held += ready > 0
            ready += rng.poisson(per_s * DECODE_S)
        spent = of(float(ready))
        prompts, added_s = prompts + ready, added_s + spent.added_s
        ready = rng.poisson(per_s * spent.lasts_s)
    return Turns(prompts / turns, added_s / turns)


@pytest.mark.parametrize(
    ("per_s", "ranks", "longest"),
    [(2.0, 1, 200), (12.0, 1, 200), (60.0, 1, 200), (5.0, 4, 200), (30.0, 4, 200), (60.0, 4, 200), (3.0, 24, 200),
     (80.0, 24, 200), (300.0, 24, 200), (4.0, 24, 50)],
)  # fmt: skip
def test_turns_are_as_large_as_drawn_ones(per_s: float, ranks: int, longest: int) -> None:
    waits = Waits(ranks, per_s * DECODE_S, per_s * DECODE_S * longest)
    found, wanted = by_chance(per_s, waits, cost(ranks)), drawn(per_s, ranks, longest)
    assert found.prompts == pytest.approx(wanted.prompts, rel=0.02)
    assert found.added_s == pytest.approx(wanted.added_s, rel=0.02)


def test_chances_are_whole() -> None:
    found = chances(np.array([0.0, 1e-9, 0.5, 3.0, 40.0]), 12)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert (found >= 0.0).all() and found[4, 12] > 0.99


def test_a_turn_never_has_less_than_waited() -> None:
    found = at_start(Waits(5, 0.4, 2.0), 12)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found[:, 0] == pytest.approx(0.0)
    for waiting in range(1, 13):
        assert found[waiting, :waiting] == pytest.approx(0.0)
    assert found[4, 4] == pytest.approx(math.exp(-2.0))


def test_many_prompts_of_a_turn_lose_their_chance() -> None:
    """A turn of some hundred is as large as the clock would make it."""
    found = by_chance(460.0, Waits(1, 460.0 * DECODE_S), cost(100))
    even = by_the_clock(460.0, Waits(1, 460.0 * DECODE_S), cost(100))
    assert found.prompts == pytest.approx(even.prompts, rel=0.03)


def test_prompts_by_the_clock_start_with_each_rank_s_first() -> None:
    assert by_the_clock(10.0, Waits(8, 0.3, 60.0), cost(8)).prompts == 8.0
    assert by_the_clock(0.05, Waits(8, 0.0015, 0.3), cost(8)).prompts == pytest.approx(1.3)
