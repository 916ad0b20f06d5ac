"""Requests that come one by one at a rate: what a run of a scenario does with them, in closed form.

A replica then holds as many sequences as :func:`arriving` finds at the rate, and who decodes meets a few more than
that mean, himself among them. Prompts come by chance: an engine of one replica starts them at the next iteration,
ranks of data-parallel attention hold them back until each has one.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.special import gammainc

from twin.perf.closed_loop import (
    CHUNK_TOKENS,
    Loop,
    accepted_tokens,
    apart,
    iteration_parts,
    iteration_s,
    served,
)
from twin.perf.configuration import Resolved

HELD_ITERATIONS = 200
"""Iterations for which ranks hold prompts back at most: long enough that each has one, except under little load."""

MOST_SEQUENCES = 2048
"""Sequences of a replica at most, for which an iteration has room beside its prompts."""

ROUNDS = 60
"""Steps towards the time of a token that goes with the sequences that it leaves in decode; they halve the change."""

FEW = 40.0
"""Sequences above which those met are counted by the limit of many."""

MOST_BATCH, LEAST_FLIGHT = 1e6, 1e-3
"""Sequences at a replica beyond which a rate counts as more than an engine can do, and the least in flight."""


class Turn(NamedTuple):
    """An iteration with prompts.

    Parameters
    ----------
    chance : float
        Share of iterations that are such.
    own, group : float
        Prompts of the replica that has most, and of all replicas of the engine.
    pieces : float
        Iterations over which they spread.
    """

    chance: float
    own: float
    group: float
    pieces: float = 1.0


def budget_tokens(isl: float) -> int:
    """Tokens of an iteration: a prompt is not cut in two, and short ones fill it as engines do.

    Examples
    --------
    >>> budget_tokens(1024), budget_tokens(20000)
    (10240, 22048)
    """
    return int(max(isl, CHUNK_TOKENS)) + MOST_SEQUENCES


def met(mean: float, lanes: int) -> float:
    """Sequences in decode that one of them meets on average, itself included.

    Parameters
    ----------
    mean : float
        Mean number at a replica over time, above 0.
    lanes : int
        Replicas among which requests that come by chance are dealt out in turn.

    Notes
    -----
    All decode for the same time ``S``. Another one ``u`` before or after shares ``1 - u / S`` of it, and the ``k``-th
    next request of a replica comes after ``k * lanes`` exponential times.

    Examples
    --------
    >>> met(0.5, 1), met(100.0, 1), met(100.0, 4)
    (1.5, 101.0, 100.25)
    >>> round(met(0.5, 1000), 3)  # by the clock: always alone
    1.0
    """
    if lanes == 1 or mean > FEW:
        return mean + 1.0 / lanes
    others = np.arange(1.0, math.ceil(2.0 * mean) + 12.0)
    shared = gammainc(others * lanes, mean * lanes) - others / mean * gammainc(
        others * lanes + 1.0, mean * lanes
    )
    return float(1.0 + 2.0 * shared.sum())


def arriving(r: Resolved, requests_per_s: float, ahead: Resolved | None = None) -> Loop:
    """Times of engines to which requests come at a rate, dealt out in turn.

    Parameters
    ----------
    r : Resolved
        The configuration; its requests in flight do not matter.
    requests_per_s : float
        Of all engines, above 0.
    ahead : Resolved, optional
        Engines that compute the prompts, where those of ``r`` do not.

    Examples
    --------
    >>> from twin.perf.configuration import Configuration, resolve
    >>> r = resolve(Configuration("dgx-h100", "llama-3.1-8b", 8, 1024, 256, 512))
    >>> arriving(r, 10.0).tpot_s < arriving(r, 100.0).tpot_s
    True
    """
    given, lanes = r.given, r.given.engines * r.given.layout.replicas
    yields = accepted_tokens(r.constant("draft_acceptance_frac"), given.drafts)
    turn, added_s, batch = Turn(0.0, 0.0, 0.0), 0.0, 0.0
    parts = iteration_parts(r, 1.0)
    step_s = sum(parts.values())
    for _ in range(ROUNDS):
        batch = min(requests_per_s / lanes * given.osl * step_s / yields, MOST_BATCH)
        parts = iteration_parts(r, met(batch, lanes))
        if ahead is None:
            times_s = sum(parts.values()), step_s, added_s
            turn = (_held if given.attention_data > 1 else _at_once)(
                r, requests_per_s / given.engines, *times_s
            )
            added_s = 0.5 * (added_s + _added_s(r, batch, turn))
            parts["prompts"] = turn.chance * added_s
        step_s = 0.5 * (step_s + sum(parts.values()))
    parts = {name: value / yields for name, value in parts.items()}
    tpot_s = sum(parts.values())
    ttft_s = _first_token_s(r, ahead, max(batch * lanes, LEAST_FLIGHT))
    return Loop(tpot_s, ttft_s, batch, 0.0 if ahead else requests_per_s / lanes * tpot_s, parts)


def _first_token_s(r: Resolved, ahead: Resolved | None, flight: float) -> float:
    """Time to first token as with so many requests in flight that come one by one [s]."""

    def lighter(side: Resolved) -> Resolved:
        return replace(side, given=replace(side.given, concurrency=flight, is_steady=True))

    return apart(lighter(ahead), lighter(r)).ttft_s if ahead else served(lighter(r)).ttft_s


def _added_s(r: Resolved, batch: float, turn: Turn) -> float:
    """What the prompts of a turn add to decode [s]."""
    mixed_s = iteration_s(r, batch, turn.own, turn.group) - iteration_s(r, batch, 0.0)
    return mixed_s + (turn.pieces - 1.0) * r.coefficients.prompt_overhead_s


def _at_once(r: Resolved, per_s: float, decode_s: float, step_s: float, added_s: float) -> Turn:
    """Prompts that start as they come: more than one where one took long."""
    after_decode = -math.expm1(-per_s * decode_s)
    chance = after_decode / (math.exp(-per_s * (decode_s + added_s)) + after_decode)
    group = per_s * step_s / chance
    lanes = r.given.layout.replicas
    own = max(group / lanes, min(group, 1.0))
    return Turn(chance, own, group, max(own * r.given.isl / budget_tokens(r.given.isl), 1.0))


def _held(r: Resolved, per_s: float, decode_s: float, step_s: float, added_s: float) -> Turn:
    """Prompts that wait until each rank has one; a rank may get another before the iteration ends."""
    given, ranks = r.given, float(r.given.layout.replicas)
    while_held = per_s * given.engines * HELD_ITERATIONS * decode_s
    late = per_s * decode_s if given.engines == 1 else 0.0
    group, second = min(ranks, 1.0 + while_held), 0.0
    if group == ranks and late > 0.0:
        group, second = ranks + 0.5 * late, 1.0 + math.expm1(-late) / late
    group = max(group, per_s * (decode_s + added_s))  # nobody waits where turns follow each other
    own = max(1.0 + second, group / ranks)
    is_split = 2.0 * given.isl > budget_tokens(given.isl)
    return Turn(per_s * step_s / group, own, group, own if is_split else 1.0)
