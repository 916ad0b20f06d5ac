"""Closed loops: agents whose turns wait for each other, and users who wait for their answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.requests import Requests, make
from twin.scenario.workloads.lengths import lengths, pauses, typical
from twin.scenario.workloads.schema import Closed, Lengths, Pause, Prefix, Session

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Draw = Callable[..., np.random.Generator]
FASTEST_S_PER_TOKEN = 1e-3
"""No answer comes faster than this for each output token: what bounds the requests of a user [s]."""
MAX_USER_ROWS = 10_000
"""Largest number of requests of one user."""


class _Turns(NamedTuple):
    """All turns of all sessions, one session after the other."""

    owner: Ints
    is_first: NDArray[np.bool_]
    prompt: Ints
    output: Ints
    is_kept: NDArray[np.bool_]


class _Children(NamedTuple):
    """Sub-agents, by the turn that sends them off."""

    parent: Ints
    prompt: Ints
    output: Ints


def sessions(
    starts_s: Floats, spec: Session, prompt: Lengths, output: Lengths, prefix: Prefix | None,
    block_tokens: int, draw: Draw,
) -> Requests:  # fmt: skip
    """Draw sessions: chains of turns whose context grows.

    The prompt of a turn is the prompt and the output of the one before, what sub-agents brought, and new
    tokens. Whole blocks of the context are shared from turn to turn, those of a system prompt with the other
    sessions of its group; blocks that nobody else has carry no id. A turn that sends off sub-agents is
    followed by them at once, and they by the next turn.

    Parameters
    ----------
    starts_s : (session,)
        Arrivals of first turns, sorted [s].
    spec : Session
        Turns, tools, humans, sub-agents.
    prompt, output : Lengths
        Tokens of the first prompt and of every output.
    prefix : Prefix, optional
        System prompts in front of all contexts.
    block_tokens : int
        Tokens of a block of shared prefixes.
    draw : callable
        Gives the random stream of a name.

    Returns
    -------
    Requests
        First turns in order of arrival, then later turns session by session, then sub-agents.

    Examples
    --------
    >>> from functools import partial
    >>> from twin.rng import stream
    >>> def const(n):
    ...     return Lengths(shape="constant", mean=n)
    >>> spec = Session(turns=const(3), new=const(10), tool={"mean": "2 s", "cv": 0})
    >>> r = sessions(np.zeros(1), spec, const(100), const(5), None, 50, partial(stream, 1))
    >>> r.prompt_tokens.tolist(), r.follower.tolist(), r.follows.tolist(), r.prefix_blocks.tolist()
    ([100, 115, 130], [1, 2], [0, 1], [2, 2, 2])
    """
    count, system = len(starts_s), prefix.tokens if prefix else 0
    group = draw("group").integers(0, prefix.groups if prefix else 1, count)
    turns, children = _talk(count, spec, prompt, output, system, draw)
    later = np.flatnonzero(turns.is_kept & ~turns.is_first)
    row = np.full(len(turns.owner), -1)
    row[turns.is_first] = np.arange(count)
    row[later] = count + np.arange(len(later))
    sent = row[children.parent]
    child_rows = count + len(later) + np.arange(len(sent))
    follows, follower = _edges(row, later, children, child_rows)
    turn_rows = np.concatenate([np.flatnonzero(turns.is_first), later])
    owner = np.concatenate([turns.owner[turn_rows], turns.owner[children.parent]])
    start, ids = _blocks(turns, group, prefix, block_tokens)
    shared = turns.prompt[turn_rows] // block_tokens
    breaks = _breaks(spec, len(turns.owner), draw)[later]
    return make(
        np.concatenate([starts_s, np.full(len(later) + len(sent), np.nan)]),
        np.concatenate([turns.prompt[turn_rows], children.prompt]),
        np.concatenate([turns.output[turn_rows], children.output]),
        prefix_block_tokens=block_tokens,
        session=owner,
        pause_s=np.concatenate([np.zeros(count), breaks, np.zeros(len(sent))]),
        prefix_start=start[owner],
        prefix_blocks=np.concatenate([shared, np.full(len(sent), system // block_tokens)]),
        prefix_ids=ids,
        follows=follows,
        follower=follower,
    )


def _talk(
    count: int, spec: Session, prompt: Lengths, output: Lengths, system: int, draw: Draw
) -> tuple[_Turns, _Children]:
    """Draw all turns, and cut sessions whose context is full."""
    number = lengths(draw("turns"), spec.turns, count)
    total = int(number.sum())
    owner = np.repeat(np.arange(count), number)
    is_first = np.zeros(total, dtype=bool)
    is_first[np.cumsum(number) - number] = True
    answers = np.minimum(lengths(draw("output"), output, total), max(1, spec.context - system - 1))
    new = lengths(draw("new"), spec.new, total)
    room = np.maximum(spec.context - system - answers[is_first], 1)
    new[is_first] = np.minimum(lengths(draw("prompt"), prompt, count), room)
    children = _sent_off(spec, np.append(~is_first[1:], False), system, draw)
    heard = answers + np.bincount(children.parent, children.output, total).astype(np.int64)
    new[1:] += np.where(is_first[1:], 0, heard[:-1])
    whole = np.cumsum(new)
    prompts = system + whole - np.repeat((whole - new)[is_first], number)
    is_kept = prompts + answers <= spec.context
    goes_on = np.append(is_kept[1:] & ~is_first[1:], False)[children.parent]
    kept = _Children(children.parent[goes_on], children.prompt[goes_on], children.output[goes_on])
    return _Turns(owner, is_first, prompts, answers, is_kept), kept


def _sent_off(spec: Session, goes_on: NDArray[np.bool_], system: int, draw: Draw) -> _Children:
    """Sub-agents of the turns that another one follows."""
    sub = spec.sub_agents
    none = np.empty(0, dtype=np.int64)
    if sub is None:
        return _Children(none, none, none)
    parents = np.flatnonzero((draw("fork").random(len(goes_on)) < sub.chance) & goes_on)
    parent = np.repeat(parents, lengths(draw("children"), sub.count, len(parents)))
    prompts = system + lengths(draw("child-prompt"), sub.prompt, len(parent))
    return _Children(parent, prompts, lengths(draw("child-output"), sub.output, len(parent)))


def _edges(row: Ints, later: Ints, children: _Children, child_rows: Ints) -> tuple[Ints, Ints]:
    """Who waits for whom: children for their turn, the next turn for them, or for the turn itself."""
    has_children = np.zeros(len(row), dtype=bool)
    has_children[children.parent] = True
    plain = later[~has_children[later - 1]]
    follows = np.concatenate([row[plain - 1], row[children.parent], child_rows])
    follower = np.concatenate([row[plain], child_rows, row[children.parent + 1]])
    return follows, follower


def _breaks(spec: Session, count: int, draw: Draw) -> Floats:
    """Time before each turn [s]: of a tool, or of a human."""
    tool = pauses(draw("tool"), spec.tool, count)
    think = pauses(draw("think"), spec.think or spec.tool, count)
    return np.where(draw("human").random(count) < spec.human, think, tool)


def _blocks(turns: _Turns, group: Ints, prefix: Prefix | None, block_tokens: int) -> tuple[Ints, Ints]:
    """Where the blocks of each session begin, and the blocks of its whole context."""
    system = (prefix.tokens if prefix else 0) // block_tokens
    groups = prefix.groups if prefix else 0
    longest = np.zeros(len(group), dtype=np.int64)
    np.maximum.at(
        longest, turns.owner, np.where(turns.is_kept | turns.is_first, turns.prompt // block_tokens, 0)
    )
    start = np.cumsum(longest) - longest
    own = longest - system
    place = np.arange(int(longest.sum())) - np.repeat(start, longest)
    shared = np.repeat(group * system, longest) + place
    alone = groups * system + np.repeat(np.cumsum(own) - own - system, longest) + place
    return start, np.where(place < system, shared, alone)


def users(
    closed: Closed, output: Lengths, end_s: float, draw: Draw
) -> tuple[Floats, Ints, Floats, Ints, Ints]:
    """Lay out the requests of a fixed population, enough of them for the whole run.

    Everyone sends the first request within the first think time. A user gets 1.2 times the requests that
    would fit if every answer took :data:`FASTEST_S_PER_TOKEN` for each output token, and eight more, at most
    :data:`MAX_USER_ROWS`.

    Parameters
    ----------
    closed : Closed
        Users and think time.
    output : Lengths
        Of the answers.
    end_s : float
        Duration of the run [s].
    draw : callable
        Gives the random stream of a name.

    Returns
    -------
    arrived_at_s, session, pause_s : (request,)
        Arrivals, NaN behind the first of a user [s]; the user; think time before each request [s].
    follows, follower : (edge,)
        Each request and the next one of the same user.

    Examples
    --------
    >>> from functools import partial
    >>> from twin.rng import stream
    >>> always = Lengths(shape="constant", mean=1000)
    >>> arrived, user, *_ = users(Closed(users=2, think="9 s"), always, 100.0, partial(stream, 1))
    >>> len(arrived), user[:4].tolist()
    (40, [0, 1, 0, 1])
    """
    turns = rows_of_user(closed, typical(output), end_s)
    firsts = np.sort(draw("first").random(closed.users)) * min(closed.think, end_s)
    rows = closed.users * turns
    arrived = np.full(rows, np.nan)
    arrived[: closed.users] = firsts
    pause = _thinking(closed, rows, draw)
    pause[: closed.users] = 0.0
    follower = np.arange(closed.users, rows)
    return arrived, np.arange(rows) % closed.users, pause, follower - closed.users, follower


def rows_of_user(closed: Closed, output_tokens: float, end_s: float) -> int:
    """How many requests of one user are laid out, see :func:`users`."""
    least_s = closed.think + output_tokens * FASTEST_S_PER_TOKEN
    return min(math.ceil(1.2 * end_s / least_s) + 8, MAX_USER_ROWS)


def _thinking(closed: Closed, count: int, draw: Draw) -> Floats:
    """Think times of all requests [s]."""
    spec = Pause.model_construct(mean=closed.think, cv=closed.cv)
    return pauses(draw("think"), spec, count)
