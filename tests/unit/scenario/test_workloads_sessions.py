"""Closed loops: growing contexts, shared blocks, sub-agents, and users who wait."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from twin.rng import stream
from twin.scenario.workloads.schema import Closed, Lengths, Prefix, Session
from twin.scenario.workloads.sessions import MAX_USER_ROWS, sessions, users

draw = partial(stream, 1, "test")
BLOCK = 64


@pytest.fixture(scope="module")
def spec():
    return Session.model_validate(
        {
            "turns": {"shape": "geometric", "mean": 8},
            "new": {"mean": 300, "cv": 1},
            "tool": {"mean": "3 s", "cv": 2},
            "think": {"mean": "100 s", "cv": 0},
            "human": "25 %",
            "context": 20_000,
            "sub_agents": {
                "chance": "30 %",
                "count": {"shape": "uniform", "low": 2, "high": 4},
                "prompt": {"mean": 200, "cv": 0.5},
                "output": {"mean": 50, "cv": 0.5},
            },
        }
    )


@pytest.fixture(scope="module")
def talk(spec):
    starts = np.sort(stream(1, "starts").random(300)) * 1000
    prompt, output = Lengths(mean=1000, cv=1), Lengths(mean=100, cv=1)
    return sessions(starts, spec, prompt, output, Prefix(groups=3, tokens=200), BLOCK, draw)


def predecessors(requests):
    found = {}
    for before, after in zip(requests.follows.tolist(), requests.follower.tolist(), strict=True):
        found.setdefault(after, []).append(before)
    return found


def test_first_turns_arrive_and_the_rest_follows(talk):
    assert np.isfinite(talk.arrived_at_s[:300]).all()
    assert np.isnan(talk.arrived_at_s[300:]).all()
    assert sorted(predecessors(talk)) == list(range(300, talk.rows))
    assert (talk.session[talk.follows] == talk.session[talk.follower]).all()
    assert (talk.follows != talk.follower).all()


def test_turns_wait_for_all_sub_agents_and_read_what_they_bring(talk):
    before = predecessors(talk)
    forks = [row for row, waits in before.items() if len(waits) > 1]
    assert len(forks) > 100
    for row in forks:
        children = before[row]
        parents = {tuple(before[child]) for child in children}
        assert len(children) in {2, 3, 4}
        assert len(parents) == 1
        parent = parents.pop()[0]
        heard = talk.output_tokens[children].sum() + talk.output_tokens[parent]
        assert talk.prompt_tokens[row] > talk.prompt_tokens[parent] + heard
        assert (talk.pause_s[children] == 0).all()


def test_contexts_grow_by_output_and_stay_within_the_limit(talk, spec):
    turns = {*range(300), *(row for row in range(300, talk.rows) if talk.pause_s[row] > 0)}
    plain = [(b[0], row) for row, b in predecessors(talk).items() if row in turns and b[0] in turns]
    assert len(plain) > 500
    for before, row in plain:
        assert talk.prompt_tokens[row] > talk.prompt_tokens[before] + talk.output_tokens[before]
    assert (talk.prompt_tokens + talk.output_tokens <= spec.context).all()


def test_blocks_are_shared_from_turn_to_turn_and_within_groups(talk):
    def ids(row):
        return talk.prefix_ids[talk.prefix_start[row] :][: talk.prefix_blocks[row]]

    seen = set()
    for session in range(40):
        rows = np.flatnonzero(talk.session == session)
        longest = max((ids(r) for r in rows), key=len)
        for row in rows:
            assert np.array_equal(ids(row), longest[: talk.prefix_blocks[row]])
            assert talk.prefix_blocks[row] * BLOCK <= talk.prompt_tokens[row]
        own = set(longest[3:].tolist())  # 200 tokens of system prompt fill three blocks
        assert not own & seen
        seen |= own
    assert len({tuple(ids(r)[:3]) for r in range(300)}) == 3
    used = np.unique(talk.prefix_ids)
    assert used.tolist() == list(range(talk.distinct_prefixes))


def test_humans_take_their_share_of_the_pauses(talk):
    turns = talk.pause_s > 0
    assert (talk.pause_s[turns] == 100).mean() == pytest.approx(0.25, abs=0.04)


def test_users_wait_for_each_answer():
    answer = Lengths(shape="constant", mean=500)
    arrived, user, pause, follows, follower = users(
        Closed.model_validate({"users": 7, "think": "4 s", "cv": 0}), answer, 900.0, draw
    )
    turns = len(arrived) // 7
    assert turns == 1.2 * 900 / 4.5 + 8
    assert (np.diff(arrived[:7]) >= 0).all()
    assert arrived[:7].max() < 4.0
    assert (user[follows] == user[follower]).all()
    assert np.bincount(follower, minlength=len(arrived))[7:].tolist() == [1] * (7 * turns - 7)
    assert set(pause[7:]) == {4.0}
    many = users(Closed.model_validate({"users": 1, "think": "1 ms"}), answer, 1e6, draw)
    assert len(many[0]) == MAX_USER_ROWS
