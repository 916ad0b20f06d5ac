"""Requests that come one by one at a rate: what a run of a scenario does with them, in closed form.

A replica holds on average as many sequences as come while one is served. Who decodes meets more than that mean,
himself among them, and more still where sequences slow each other down: those that come in a slow stretch make it
slower, :func:`clumping`. Prompts come by chance: an engine of one replica starts them at the next iteration, ranks of
data-parallel attention hold them back until each has one, see :mod:`twin.perf.turns`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
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
from twin.perf.turns import Costs, Turns, Waits, by_chance, by_the_clock

HELD_ITERATIONS = 200
"""Iterations for which ranks hold prompts back at most: long enough that each has one, except under little load."""

MOST_SEQUENCES = 2048
"""Sequences of a replica at most, for which an iteration has room beside its prompts."""

FEW = 40.0
"""Sequences above which those met are counted by the limit of many."""

LEAST_FLIGHT = 1e-3
"""Requests in flight at least."""

MOST_FEEDBACK, NUDGE = 0.95, 0.01
"""Share of an iteration that grows with load, at most: beyond it is more load than an engine can do. And the share of
load or decode by which is seen how much that is."""

EXACT = 1e-9
"""Relative error of the mean iteration that is looked for."""


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


def clumping(grown: float, bunched: float = 0.0) -> float:
    """Variance of the sequences in decode over their mean, 1 where they do not slow each other down.

    Parameters
    ----------
    grown : float
        Share of the mean iteration that grows with the sequences in decode, what it does to prompts included; below 1.
    bunched : float
        Relative growth of the mean iteration with the rate of prompts, at the same sequences in decode.

    Notes
    -----
    Requests that come by chance and stay for as many iterations each are Poisson. Where a sequence makes the
    iterations longer, more others come during each: a population with immigration whose members have offspring for as
    long as they live. Its number is negative binomial whatever the law of lives is (Kendall, Biometrika 35, 1948;
    Lambert, J. Math. Biol. 63, 2011). A prompt brings others only while it is computed, so those come in bunches.

    Examples
    --------
    >>> clumping(0.0), clumping(0.5), clumping(0.5, 1.0)
    (1.0, 2.0, 8.0)
    """
    return (1.0 + bunched) ** 2 / (1.0 - grown)


class Mean(NamedTuple):
    """What lasts at a rate.

    Parameters
    ----------
    batch : float
        Sequences in decode at a replica, mean over iterations.
    decode_s, step_s : float
        Mean iteration without and with prompts [s].
    """

    batch: float
    decode_s: float
    step_s: float


def arriving(r: Resolved, requests_per_s: float, ahead: Resolved | None = None) -> Loop:
    """Times of engines to which requests come at a rate, dealt out in turn.

    Parameters
    ----------
    r : Resolved
        The configuration; its requests in flight do not matter.
    requests_per_s : float
        Of all engines, above 0; more than they can do fills them.
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
    stays = max(given.osl - 1.0, LEAST_FLIGHT) / yields  # the first token is that of the prompt
    prompts_per_s = 0.0 if ahead else requests_per_s / given.engines
    mean = _mean(r, requests_per_s / lanes * stays, prompts_per_s)
    decode_s = (1.0 + NUDGE) * mean.decode_s
    slope = (_step_s(r, prompts_per_s, mean.batch, decode_s) - mean.step_s) / (decode_s - mean.decode_s)
    parts = iteration_parts(r, _met(r, mean, slope, prompts_per_s))
    if ahead is None:
        parts["prompts"] = mean.step_s - mean.decode_s + (slope - 1.0) * (sum(parts.values()) - mean.decode_s)
    parts = {name: value / yields for name, value in parts.items()}
    tpot_s = sum(parts.values())
    batch = min(requests_per_s / lanes * given.osl * tpot_s, _room(r))
    ttft_s = _first_token_s(r, ahead, max(batch * lanes, LEAST_FLIGHT))
    return Loop(tpot_s, ttft_s, batch, 0.0 if ahead else requests_per_s / lanes * tpot_s, parts)


def _mean(r: Resolved, iterations_per_s: float, prompts_per_s: float) -> Mean:
    """What lasts when so many iterations of one sequence are asked of a replica, and prompts of an engine [1/s]."""

    def after(step_s: float) -> Mean:
        batch = min(iterations_per_s * step_s, _room(r))
        decode_s = _decode_s(r, batch)
        return Mean(batch, decode_s, _step_s(r, prompts_per_s, batch, decode_s))

    after = lru_cache(256)(after)
    least_s, most_s = _decode_s(r, 0.0), _decode_s(r, _room(r)) / (1.0 - MOST_FEEDBACK)
    return after(
        brentq(lambda step_s: after(step_s).step_s - step_s, 0.5 * least_s, 2.0 * most_s, rtol=EXACT)
    )


def _step_s(r: Resolved, prompts_per_s: float, batch: float, decode_s: float) -> float:
    """Mean iteration when so many prompts come to an engine [s]."""
    if prompts_per_s == 0.0:
        return decode_s
    turns = _turns(r, prompts_per_s, batch, decode_s)
    return decode_s / (1.0 - min(prompts_per_s * turns.added_s / turns.prompts, MOST_FEEDBACK))


def _met(r: Resolved, mean: Mean, slope: float, prompts_per_s: float) -> float:
    """Sequences that those in decode meet at a replica, where an iteration grows so much more than its decode."""
    growth_s = _decode_s(r, mean.batch + 0.5) - _decode_s(r, max(mean.batch - 0.5, 0.0))
    grown = min(mean.batch * slope * growth_s / mean.step_s, MOST_FEEDBACK)
    busier_s = _step_s(r, (1.0 + NUDGE) * prompts_per_s, mean.batch, mean.decode_s)
    bunched = (busier_s / mean.step_s - 1.0) / NUDGE
    lanes = r.given.engines * r.given.layout.replicas
    more = mean.batch + (met(mean.batch, lanes) - mean.batch) * clumping(grown, bunched)
    return min(more, max(_room(r), mean.batch))


def _room(r: Resolved) -> float:
    """Sequences of a replica for which there is room."""
    return min(max(r.room_tokens / (r.given.isl + 0.5 * r.given.osl), 1.0), MOST_SEQUENCES)


def _decode_s(r: Resolved, batch: float) -> float:
    """An iteration without prompts [s]; an engine without sequences does none."""
    return sum(iteration_parts(r, max(batch, 1.0 / r.given.layout.replicas)).values())


def _first_token_s(r: Resolved, ahead: Resolved | None, flight: float) -> float:
    """Time to first token as with so many requests in flight that come one by one [s]."""

    def lighter(side: Resolved) -> Resolved:
        return replace(side, given=replace(side.given, concurrency=flight, is_steady=True))

    return apart(lighter(ahead), lighter(r)).ttft_s if ahead else served(lighter(r)).ttft_s


def _turns(r: Resolved, per_s: float, batch: float, decode_s: float) -> Turns:
    """Turns of prompts of an engine."""
    given, c = r.given, r.coefficients
    lanes, is_held = given.layout.replicas, given.attention_data > 1
    room = budget_tokens(given.isl) + MOST_SEQUENCES * given.drafts - batch * c.verify_tokens
    alone_s = iteration_s(r, batch, 0.0)

    def cost(prompts: float) -> Costs:
        own = float(math.ceil(prompts / lanes))
        pieces = max(math.ceil(own * given.isl / room), 1)
        mixed_s = iteration_s(r, batch, own, prompts)
        added_s = mixed_s - alone_s + (pieces - 1.0) * c.prompt_overhead_s
        return Costs(added_s, added_s + pieces * decode_s)

    if is_held and given.engines > 1:  # dealt out in turn, all prompts of a turn come one behind the other
        patience = per_s * given.engines * HELD_ITERATIONS * decode_s
        return by_the_clock(per_s, Waits(lanes, per_s * decode_s, patience), cost)
    patience = per_s * HELD_ITERATIONS * decode_s
    return by_chance(per_s, Waits(lanes if is_held else 1, per_s * decode_s, patience), cost)
