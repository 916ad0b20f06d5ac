"""Searches layouts, batch and the split of prefill and decode of one engine, for the page of public claims."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from twin.errors import TwinError
from twin.perf import Configuration, Prediction, predict, resolve
from twin.perf.closed_loop import prompt_s

BOARD_GPUS, MOST_GPUS = 8, 64
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Case(NamedTuple):
    """A system that serves a load; layouts, batch and split are searched.

    ``is_apart`` adds prefill engines beside decode engines; ``drafts`` are tried beside none, and
    with ``is_staged`` pipelines beside none.
    """

    system: str
    model: str
    precision: str
    isl: int = 1000
    osl: int = 2000
    is_apart: bool = False
    drafts: int = 0
    ttft_s: float = math.inf
    is_staged: bool = False


class Point(NamedTuple):
    """A predicted configuration: per user and per MW, per GPU [tokens/s], and how it is laid out."""

    user: float
    per_mw: float
    per_gpu: float
    layout: str


@lru_cache(64)
def points(case: Case) -> tuple[Point, ...]:
    """All configurations of a case that can be priced."""
    found = []
    widest = MOST_GPUS if "nvl72" in case.system else BOARD_GPUS
    sizes = [2**i for i in range(7)]
    ahead = prefill(case) if case.is_apart else None
    for tensor, ranks, pipeline in product(sizes, sizes, (1, 2, 4, 8) if case.is_staged else (1,)):
        if tensor > widest or tensor * ranks * pipeline > MOST_GPUS:
            continue
        for drafts, batch in product({0, case.drafts}, BATCHES):
            given = laid_out(case, tensor, ranks, batch * ranks * pipeline, drafts, pipeline)
            if given is None:
                break
            found += [at(given, None), *([at(*apart(given, ahead))] if ahead else [])]
    kept = [p for p in found if p is not None and p.ttft_s <= case.ttft_s]
    return tuple(
        Point(p.tokens_per_s_per_user, p.tokens_per_s_per_mw, p.tokens_per_s_per_gpu, name(p)) for p in kept
    )


def laid_out(
    case: Case, tensor: int, ranks: int, flight: float, drafts: int = 0, pipeline: int = 1
) -> Configuration | None:
    """One engine of a layout, or nothing where it cannot be; experts are spread as far as there are any."""
    for experts in (tensor * ranks, 16, 1):
        given = Configuration(
            case.system, case.model, tensor * ranks * pipeline, case.isl, case.osl, flight, precision=case.precision,
            tensor=tensor, pipeline=pipeline, attention_data=ranks, experts=experts, drafts=drafts,
        )  # fmt: skip
        if experts <= tensor * ranks and at(given, None) is not None:
            return given
    return None


def at(given: Configuration, ahead: Configuration | None) -> Prediction | None:
    """A prediction, or nothing where it is refused."""
    try:
        return predict(given, ahead)
    except TwinError:
        return None


def prefill(case: Case) -> Configuration | None:
    """The engine that computes most prompts a GPU."""
    best, most = None, 0.0
    for tensor, ranks in product((1, 2, 4, 8), (1, 2, 4, 8)):
        given = laid_out(case, tensor, ranks, 1.0)
        if given is None:
            continue
        rate = 1.0 / (prompt_s(resolve(given), ranks) * tensor)
        best, most = (given, rate) if rate > most else (best, most)
    return best


def apart(given: Configuration, ahead: Configuration) -> tuple[Configuration, Configuration]:
    """As many prefill and decode engines as keep each other busy."""
    alone_s = prompt_s(resolve(ahead), ahead.attention_data) / ahead.attention_data
    found = predict(given, times(ahead, 64))
    need = given.concurrency / (given.osl * found.tpot_s) * alone_s / 0.8
    engines = max(1, min(64, math.floor(1.0 / need)))
    many = times(given, engines)
    return many, times(ahead, max(1, math.ceil(need * engines)))


def times(given: Configuration, engines: int) -> Configuration:
    """The configuration with so many engines in place of each."""
    return Configuration(
        **{**given.__dict__, "gpus": given.gpus * engines, "concurrency": given.concurrency * engines}
    )


def name(found: Prediction) -> str:
    """Layout in short."""
    c = found.configuration
    stages = f"PP{c.pipeline} " if c.pipeline > 1 else ""
    text = f"TP{c.tensor} {stages}DP{c.attention_data} EP{c.experts}, batch {found.batch:.0f} a rank"
    if c.drafts:
        text += f", {c.drafts} drafts"
    if found.prefill:
        share = found.prefill.gpus / (found.prefill.gpus + c.gpus)
        text += f", {share:.0%} of GPUs for prefill"
    return text


def best(case: Case, user: float = 0.0) -> Point | None:
    """Most tokens/s per MW with at least so many tokens/s per user."""
    return max((p for p in points(case) if p.user >= user), key=lambda p: p.per_mw, default=None)


def knee(case: Case) -> Point:
    """Largest product of tokens/s per MW and tokens/s per user."""
    return max(points(case), key=lambda p: p.per_mw * p.user)


def fastest(case: Case) -> Point:
    """Most tokens/s for one user."""
    return max(points(case), key=lambda p: p.user)


def gain(new: Case, old: Case, user: float) -> float:
    """Tokens/s per MW over those of the other at one speed of users; infinite where the other does not reach it."""
    a, b = best(new, user), best(old, user)
    return math.inf if b is None else (a.per_mw if a else 0.0) / b.per_mw
