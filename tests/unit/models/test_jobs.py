"""Jobs on nodes: exact whatever the steps, no node held twice, and backfill delays no first in line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.models.jobs import Queue, Table
from twin.policies.scheduling import backfill, first_come

NODES = 8


def table(rows: list[tuple[float, int, float]], slack: float = 1.0) -> Table:
    """Jobs of (arrival, nodes, duration): steady ones, some with a profile, some with levels that repeat."""
    at, nodes, lasts = (np.array(column) for column in zip(*sorted(rows), strict=True))
    count = np.arange(len(rows))
    return Table(
        at.astype(float), nodes.astype(np.int64), lasts.astype(float), lasts * slack, 0.1 * (1 + count % 9),
        np.full(len(rows), 0.5), count % 3, ((1.0,), (0.5, 1.0, 0.0), (1.0, 0.25, 0.75)), (np.inf, np.inf, 2.7),
    )  # fmt: skip


ROWS = st.lists(
    st.tuples(st.integers(0, 50), st.integers(1, NODES), st.integers(1, 40)), min_size=1, max_size=25
)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.lists(st.floats(0.1, 400.0), max_size=20), st.sampled_from([first_come, backfill]))
def test_steps_change_nothing(
    rows: list[tuple[float, int, float]], cuts: list[float], policy: object
) -> None:
    given_jobs = table(rows)
    whole, cut = (Queue(given_jobs, NODES, policy.choose) for _ in range(2))  # type: ignore[attr-defined]
    once = whole.advance(500.0)
    outs = [cut.advance(until_s) for until_s in [*sorted(cuts), 500.0]]
    assert np.array_equal(whole.started_at_s, cut.started_at_s, equal_nan=True)
    assert np.array_equal(whole.ended_at_s, cut.ended_at_s, equal_nan=True)
    assert sum(out.gpu_s for out in outs) == pytest.approx(once.gpu_s, abs=1e-9)
    assert sum(out.cpu_s for out in outs) == pytest.approx(once.cpu_s, abs=1e-9)
    assert sum(out.used_s for out in outs) == pytest.approx(once.used_s, abs=1e-9)
    # what nodes did is what their jobs did
    of_jobs = (whole.integrals_s() * given_jobs.nodes).sum(axis=1)
    assert of_jobs == pytest.approx([once.gpu_s.sum(), once.cpu_s.sum()], abs=1e-8)


def test_levels_that_repeat_are_cut_by_the_end_of_their_job() -> None:
    one = np.ones(1)
    cycle = Table(
        2.0 * one, np.array([1]), 10.0 * one, 10.0 * one, 0.8 * one, 0.5 * one, np.array([0]), ((1.0, 0.25),), (4.0,)
    )  # fmt: skip
    queue = Queue(cycle, 1, first_come.choose)
    before, first, last = (queue.advance(until_s) for until_s in (2.0, 5.0, 20.0))
    assert before.gpu_s.tolist() == [0.0]
    assert first.gpu_s == pytest.approx(0.8 * (2.0 + 0.25))
    assert first.gpu_s + last.gpu_s == pytest.approx(0.8 * (6.0 + 0.25 * 4.0)), (
        "2 s full, 2 s at a quarter, 2.5 times"
    )
    assert last.cpu_s == pytest.approx(0.5 * (7.0 - 2.25))


def test_a_level_that_rounds_to_the_end_of_its_job_does_not_come() -> None:
    one = np.ones(1)
    late = Table(
        1e9 * one, np.array([1]), 3.0000000001 * one, 4.0 * one, one, one, np.array([0]), ((1.0, 0.5),), (1.0,)
    )  # fmt: skip
    queue = Queue(late, 1, first_come.choose)
    assert queue.advance(2e9).gpu_s == pytest.approx(3.0 * 0.75, abs=1e-6)
    assert queue.ended_at_s.tolist() == [1e9 + 3.0]


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_nodes_are_never_held_twice(rows: list[tuple[float, int, float]]) -> None:
    jobs = table(rows)
    queue = Queue(jobs, NODES, backfill.choose)
    queue.advance(5000.0)
    assert np.isfinite(queue.ended_at_s).all()
    assert queue.ended_at_s == pytest.approx(queue.started_at_s + jobs.duration_s)
    for at in queue.started_at_s:
        runs = (queue.started_at_s <= at) & (queue.ended_at_s > at)
        assert jobs.nodes[runs].sum() <= NODES


@settings(max_examples=100, deadline=None)
@given(st.integers(0, NODES), ROWS, st.lists(st.tuples(st.integers(1, 60), st.integers(1, 4)), max_size=4))
def test_backfill_delays_no_first_in_line(
    free: int, rows: list[tuple[float, int, float]], runs: list[tuple[float, int]]
) -> None:
    """With limits that hold, the first that does not fit begins as early as if nobody had gone before it."""
    asked = [(nodes, float(lasts)) for _, nodes, lasts in rows]
    running = [(float(end), nodes) for end, nodes in runs]
    in_order, picked = (policy.choose(0.0, free, asked, running) for policy in (first_come, backfill))
    assert picked[: len(in_order)] == in_order
    assert sum(asked[i][0] for i in picked) <= free
    if len(in_order) < len(asked):
        head = asked[len(in_order)][0]
        assert _fits_at(free, head, asked, picked, running) <= _fits_at(free, head, asked, in_order, running)


def _fits_at(
    free: int, head: int, asked: list[tuple[int, float]], picked: list[int], running: list[tuple[float, int]]
) -> float:
    room = free - sum(asked[i][0] for i in picked)
    for end, nodes in sorted([*running, *((asked[i][1], asked[i][0]) for i in picked)]):
        room += nodes
        if room >= head:
            return end
    return np.inf
