"""Every setting of a rack worth knowing: layouts, loads and clocks within the limits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.closed_loop import accepted_tokens, iteration_parts
from twin.perf.configuration import Configuration, resolve
from twin.perf.feeding import BUSY_FRACS, split, splits
from twin.perf.frontier import MOST_DOMAINS
from twin.perf.max_q_feed import Rack
from twin.perf.max_q_setting import Setting, clocked, price, price_apart
from twin.perf.search import STAGES, layouts, loaded, unfit
from twin.physics.constants import CLOCK_FLOOR_FRAC

CLOCKS = tuple(float(x) for x in np.round(np.linspace(1.0, CLOCK_FLOOR_FRAC, 33), 4))
"""Clocks of the curve, from the highest to the floor [1]."""

PHASE_CLOCKS = tuple(float(x) for x in np.round(np.linspace(1.0, CLOCK_FLOOR_FRAC, 9), 4))
"""Clocks that are tried of either side when prefill is apart [1]."""

NEAR_FRAC = 0.85
"""A layout that at full clock gives less than this share of the best per watt is not tried at lower ones."""

MOST_PAIRS = 10
"""Pairs of decode and prefill that are tried at lower clocks: the best at full clock."""

HALVINGS = 6
"""Steps towards the largest load within the limits, in the logarithm."""

Worth = Callable[[Setting], float]


class Limits(NamedTuple):
    """What users wait for at most [s]."""

    ttft_s: float = math.inf
    tpot_s: float = math.inf

    def reaching(self, tokens_per_s: float) -> Limits:
        """The same where users also get tokens so fast [tokens/s]."""
        return self._replace(tpot_s=min(self.tpot_s, 1.0 / max(tokens_per_s, 1e-9)))

    def keep(self, s: Setting) -> bool:
        """Whether a setting is within."""
        return s.ttft_s <= self.ttft_s and s.tpot_s <= self.tpot_s


def explored(
    given: Configuration, rack: Rack, limits: Limits, worth: Worth, is_apart: bool = False
) -> list[Setting]:
    """Settings within the limits, at all clocks of :data:`CLOCKS`.

    Parameters
    ----------
    given : Configuration
        System, model, lengths, engine and precision; layout, GPUs and load are searched.
    rack : Rack
    limits : Limits
    worth : callable
        Value per watt of a setting, by which layouts are told from each other.
    is_apart : bool
        Prefill on engines of its own as well, with its own clock.

    Raises
    ------
    ScenarioError
        When nothing holds the model, or nothing keeps the limits at full clock.
    """
    engines = list(layouts(given, rack.gpus)) or list(layouts(given, MOST_DOMAINS * rack.gpus, STAGES))
    if not engines:
        raise unfit(replace(given, gpus=MOST_DOMAINS * rack.gpus))
    full = {one: list(_served(one, rack, 1.0, limits)) for one in engines}
    pairs = _pairs(engines, rack, limits, worth) if is_apart else []
    kept = [s for found in full.values() for s in found]
    best = max((worth(s) for s in kept), default=0.0)
    near = [one for one, found in full.items() if found and max(map(worth, found)) >= NEAR_FRAC * best]
    kept += [s for one in near for clock in CLOCKS[1:] for s in _served(one, rack, clock, limits)]
    for at in ((d, p) for d in PHASE_CLOCKS for p in PHASE_CLOCKS):
        kept += _apart_at(pairs, rack, limits, *at)
    if not kept:
        raise _infeasible(engines, rack, limits)
    return kept


def refined(around: Setting, rack: Rack, limits: Limits) -> list[Setting]:
    """Settings near one, with clocks and load in finer steps."""
    if around.prefill:
        step = PHASE_CLOCKS[0] - PHASE_CLOCKS[1]
        clocks = [_between(c, step, 7) for c in (around.clock_frac, around.prefill_clock_frac)]
        pair = _single(around.configuration), _single(around.prefill)
        return [s for d in clocks[0] for p in clocks[1] for s in _apart_at([pair], rack, limits, d, p)]
    one = _single(around.configuration)
    fine = _between(around.clock_frac, CLOCKS[0] - CLOCKS[1], 11)
    return [s for clock in fine for s in _served(one, rack, clock, limits)]


def _between(clock: float, step: float, count: int) -> list[float]:
    ends = max(clock - step, CLOCK_FLOOR_FRAC), min(clock + step, 1.0)
    return [float(x) for x in np.round(np.linspace(*ends, count), 4)]


def _single(given: Configuration) -> Configuration:
    """One of the engines side by side, with its share of the load."""
    return replace(given, gpus=given.layout.gpus, concurrency=given.concurrency / given.engines)


def _served(engine: Configuration, rack: Rack, clock: float, limits: Limits) -> Iterator[Setting]:
    """One engine under growing load as far as the limits allow, and at the largest load that they do."""
    r = resolve(engine)

    def at(concurrency: float) -> Setting:
        return price(replace(r, given=replace(engine, concurrency=concurrency)), rack, clock)

    last = 0.0
    for load in loaded(engine):
        found = at(load.concurrency)
        if limits.keep(found):
            last = load.concurrency
            yield found
        elif last:
            low, high = last, load.concurrency
            for _ in range(HALVINGS):
                middle = math.sqrt(low * high)
                low, high = (middle, high) if limits.keep(at(middle)) else (low, middle)
            if low > last:
                yield at(low)
            return


def _pairs(
    engines: Sequence[Configuration], rack: Rack, limits: Limits, worth: Worth
) -> list[tuple[Configuration, Configuration]]:
    """Decode and prefill engines that do best at full clock."""
    loads = [load for engine in engines for load in loaded(engine)]
    found: dict[tuple[Configuration, Configuration], float] = {}
    for decode, ahead in splits(engines, loads):
        try:
            priced = price_apart(resolve(decode), resolve(ahead), rack, 1.0, 1.0)
        except TwinError:
            continue
        if limits.keep(priced):
            pair = _single(decode), replace(_single(ahead), concurrency=1.0)
            found[pair] = max(worth(priced), found.get(pair, 0.0))
    return sorted(found, key=lambda pair: -found[pair])[:MOST_PAIRS]


def _apart_at(
    pairs: Sequence[tuple[Configuration, Configuration]],
    rack: Rack,
    limits: Limits,
    clock: float,
    ahead_clock: float,
) -> Iterator[Setting]:
    """Pairs at two clocks, with as many prefill engines as keep up at theirs."""
    for one, ahead in pairs:
        decode, prompts = resolve(one), resolve(ahead)
        slow = clocked(decode, clock)
        yields = accepted_tokens(slow.constant("draft_acceptance_frac"), one.drafts)
        step_s = sum(iteration_parts(slow, one.concurrency / one.layout.replicas).values())
        for busy in BUSY_FRACS:
            many, few = split(one, one.concurrency * yields / step_s, clocked(prompts, ahead_clock), busy)
            priced = price_apart(
                replace(decode, given=many), replace(prompts, given=few), rack, clock, ahead_clock
            )
            if limits.keep(priced):
                yield priced


def _infeasible(engines: Sequence[Configuration], rack: Rack, limits: Limits) -> TwinError:
    """Why nothing keeps the limits: the fastest that there is."""
    fastest = min((price(resolve(one), rack, 1.0) for one in engines), key=lambda s: s.tpot_s)
    shown = [
        f"{name} up to {value * 1e3:g} ms"
        for name, value in (("TTFT", limits.ttft_s), ("TPOT", limits.tpot_s))
        if math.isfinite(value)
    ]
    found = f"TPOT of {fastest.tpot_s * 1e3:.3g} ms at best, at full clock, TTFT there {fastest.ttft_s * 1e3:.3g} ms"
    mend = "loosen a limit, or choose a smaller model or precision"
    fault = Fault("", 0, "limits", found, " and ".join(shown), mend)
    return ScenarioError("no setting keeps the limits", [fault])
