"""Engines for prompts beside engines for decode: which are worth it, and how many keep up."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from twin.perf.closed_loop import CHUNK_TOKENS, accepted_tokens, first_pass_s, iteration_parts, prompt_s
from twin.perf.configuration import Configuration, Resolved, resolve

BUSY_FRACS = (0.9, 0.6)
"""Share of their capacity at which prompt engines are asked to work: close to the limit, and with short queues."""

MOST_ENGINES = 8
"""Engines of the smaller side at most: finer ratios gain little."""

NEAR_FRAC = 0.8
"""Decode that yields less than this share of the best at its speed is not fed: prompts add the same to all."""

T = TypeVar("T")
Split = tuple[Configuration, Configuration]


def splits(engines: Sequence[Configuration], loads: Sequence[Configuration]) -> list[Split]:
    """Decode engines that are worth it, each beside prompt engines that keep up.

    Parameters
    ----------
    engines : sequence of Configuration
        Layouts that may compute prompts, not empty.
    loads : sequence of Configuration
        Decode engines, each alone under its load.

    Returns
    -------
    list of (Configuration, Configuration)
        Decode and prefill.
    """
    ahead = _prompt_engines([resolve(replace(one, drafts=0)) for one in engines])
    rates: dict[Configuration, float] = {}
    for one in loads:
        rates[one] = decode_tokens_per_s(one)
    spots = {one: (rate / one.concurrency, rate / one.gpus) for one, rate in rates.items()}
    worth = near(loads, lambda one: spots[one], NEAR_FRAC)
    return [
        split(one, rates[one], prompts, busy) for one in worth for prompts in ahead for busy in BUSY_FRACS
    ]


def split(one: Configuration, tokens_per_s: float, ahead: Resolved, busy_frac: float) -> Split:
    """Copies of a decode engine and of a prompt engine, in a ratio that keeps prompt engines so busy at most."""
    wanted = tokens_per_s / one.osl / (busy_frac * prompts_per_s(ahead))
    prompts, decodes = ratio(wanted)
    flight = one.concurrency * decodes
    return (
        replace(one, gpus=one.gpus * decodes, concurrency=flight),
        replace(ahead.given, gpus=ahead.given.gpus * prompts, concurrency=flight),
    )


def decode_tokens_per_s(one: Configuration) -> float:
    """Tokens of one engine that decodes and never waits for prompts [1/s]."""
    r = resolve(one)
    parts = iteration_parts(r, one.concurrency / one.layout.replicas)
    yields = accepted_tokens(r.constant("draft_acceptance_frac"), one.drafts)
    return one.concurrency * yields / sum(parts.values())


def prompts_per_s(r: Resolved) -> float:
    """Prompts that an engine computes when it does nothing else [1/s]."""
    lanes, c = r.given.layout.replicas, r.coefficients
    return lanes / (prompt_s(r, lanes) + c.prompt_overhead_s * min(r.given.isl / CHUNK_TOKENS, 1.0))


def ratio(wanted: float) -> tuple[int, int]:
    """Small numbers of prompt and decode engines, with a few more prompt engines than wanted.

    Examples
    --------
    >>> ratio(0.3), ratio(2.5), ratio(0.001)
    ((3, 10), (5, 2), (1, 64))
    """
    if wanted < 1.0:
        pairs = [(n, min(int(n / wanted), 8 * MOST_ENGINES)) for n in range(1, MOST_ENGINES + 1)]
    else:
        pairs = [(math.ceil(n * wanted), n) for n in range(1, MOST_ENGINES + 1)]
    return min(pairs, key=lambda pair: (round(pair[0] / pair[1], 1 if wanted > 1.0 else 2), pair[1]))


def near(things: Sequence[T], where: Callable[[T], tuple[float, float]], share: float = 1.0) -> list[T]:
    """Return the things that yield at least a share of the best at their speed or above.

    Parameters
    ----------
    things : sequence
    where : callable
        Speed and yield of a thing.
    share : float
        In (0, 1]; 1 leaves those that no other beats.

    Examples
    --------
    >>> near([(1, 10), (2, 9), (1, 8), (1, 2)], lambda at: at, 0.8)
    [(2, 9), (1, 10), (1, 8)]
    """
    kept: list[T] = []
    best = 0.0
    for thing in sorted(things, key=where, reverse=True):
        best = max(best, where(thing)[1])
        if where(thing)[1] >= share * best:
            kept.append(thing)
    return kept


def _prompt_engines(engines: Sequence[Resolved]) -> list[Resolved]:
    """The engine that computes most prompts a GPU, and the one of the best product with how soon a prompt is done."""

    def where(r: Resolved) -> tuple[float, float]:
        return 1.0 / (first_pass_s(r) + r.coefficients.prompt_overhead_s), prompts_per_s(r) / r.given.gpus

    most = max(engines, key=lambda r: where(r)[1])
    product = max(engines, key=lambda r: where(r)[0] * where(r)[1])
    return [most] if most is product else [most, product]
