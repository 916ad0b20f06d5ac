"""A serving configuration at a clock: what it yields and draws, and how many racks of it a feed carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from twin.perf import power
from twin.perf.closed_loop import CHUNK_TOKENS, Loop, accepted_tokens, apart, prompt_s, served
from twin.perf.configuration import Configuration, Resolved
from twin.perf.fleets import Tier
from twin.perf.max_q_feed import Feed, Rack
from twin.perf.points import written
from twin.physics import gpu_power
from twin.physics.iteration import Iteration

COMPUTE = tuple(name for name in Iteration._fields if name.endswith("_s_per_flop"))
"""Coefficients that the clock sets: what computes takes longer in proportion, memory, links and launches do not."""


@dataclass(frozen=True)
class Setting:
    """A configuration at a clock, and what racks full of it do.

    Parameters
    ----------
    configuration : Configuration
        Engines side by side; the decode side when prefill is apart.
    prefill : Configuration or None
        The prefill side.
    clock_frac, prefill_clock_frac : float
        Clock over maximum clock of each side; equal when prefill is not apart [1].
    ttft_s, tpot_s : float
        Means [s].
    gpu_power_w, prefill_gpu_power_w : float
        Of a GPU of each side; equal when prefill is not apart [W].
    rack_power_w, rack_tokens_per_s : float
        Mean power of a rack at its inlet [W], and its output tokens [tokens/s].
    rack_step : int
        Racks over which one engine lies.
    """

    configuration: Configuration
    prefill: Configuration | None
    clock_frac: float
    prefill_clock_frac: float
    ttft_s: float
    tpot_s: float
    gpu_power_w: float
    prefill_gpu_power_w: float
    rack_power_w: float
    rack_tokens_per_s: float
    rack_step: int

    @property
    def mean_gpu_w(self) -> float:
        """Mean over the GPUs of both sides [W]."""
        ahead = self.prefill.gpus if self.prefill else 0
        own = self.configuration.gpus
        return (own * self.gpu_power_w + ahead * self.prefill_gpu_power_w) / (own + ahead)

    def usd_per_hour(self, tiers: Sequence[Tier]) -> float:
        """What a rack earns when it serves the dearest tier that it is fast enough for [USD]."""
        reached = [
            t.usd_per_million_tokens for t in tiers if self.tpot_s * t.tokens_per_s_per_user <= 1.0 + 1e-9
        ]
        return self.rack_tokens_per_s * 3600.0 * max(reached, default=0.0) / 1e6

    def value(self, tiers: Sequence[Tier]) -> float:
        """What a rack is worth: tokens/s, or USD per hour where there are prices."""
        return self.usd_per_hour(tiers) if tiers else self.rack_tokens_per_s

    def row(self, feed: Feed, rack: Rack, count: int, tiers: Sequence[Tier] = ()) -> dict[str, Any]:
        """As a row of a table, units in the names, on so many racks."""
        given, ahead = self.configuration, self.prefill
        site_w = count * feed.site_w(self.rack_power_w) + feed.overhead_w
        return {
            "clock_frac": self.clock_frac, "prefill_clock_frac": self.prefill_clock_frac,
            "gpu_power_w": self.mean_gpu_w, "gpu_power_frac": self.mean_gpu_w / rack.tdp_w,
            "decode_gpu_power_w": self.gpu_power_w, "prefill_gpu_power_w": self.prefill_gpu_power_w,
            "rack_power_w": self.rack_power_w, "racks": count, "gpus": count * rack.gpus,
            "site_power_w": site_w, "feed_w": feed.feed_w,
            "site_w_per_gpu": site_w / (count * rack.gpus) if count else math.nan,
            "tokens_per_s": count * self.rack_tokens_per_s,
            "tokens_per_s_unrounded": feed.fit(self.rack_power_w) * self.rack_tokens_per_s,
            "tokens_per_s_per_gpu": self.rack_tokens_per_s / rack.gpus,
            "usd_per_hour": count * self.usd_per_hour(tiers), "tpot_s": self.tpot_s, "ttft_s": self.ttft_s,
            "concurrency_per_gpu": given.concurrency / given.gpus, "precision": given.precision,
            "layout": written(replace(given, gpus=given.layout.gpus)),
            "prefill_layout": written(replace(ahead, gpus=ahead.layout.gpus)) if ahead else "",
            "prefill_gpu_share_frac": ahead.gpus / (ahead.gpus + given.gpus) if ahead else 0.0,
        }  # fmt: skip


def clocked(r: Resolved, clock_frac: float) -> Resolved:
    """The same at another clock.

    Parameters
    ----------
    r : Resolved
        At full clock.
    clock_frac : float
        Clock over maximum clock [1], above 0 up to 1.

    Examples
    --------
    >>> from twin.perf.configuration import resolve
    >>> chat = resolve(Configuration("h100-sxm", "llama-3.1-8b", 1, 1024, 256, 8))
    >>> half = clocked(chat, 0.5)
    >>> half.coefficients.linear_s_per_flop / chat.coefficients.linear_s_per_flop
    2.0
    >>> half.coefficients.kv_s_per_byte == chat.coefficients.kv_s_per_byte
    True
    """
    slower = {name: getattr(r.coefficients, name) / clock_frac for name in COMPUTE}
    return replace(r, coefficients=r.coefficients._replace(**slower))


def price(r: Resolved, rack: Rack, clock_frac: float) -> Setting:
    """An engine that computes prompts and decodes, at a clock.

    Parameters
    ----------
    r : Resolved
        At full clock.
    rack : Rack
    clock_frac : float
        As in :func:`clocked`.

    Examples
    --------
    >>> from twin.perf.configuration import resolve
    >>> chat = resolve(Configuration("gb200-nvl72", "llama-3.1-70b", 4, 1024, 1024, 64, tensor=4))
    >>> rack = Rack.of("gb200-nvl72")
    >>> full, slow = price(chat, rack, 1.0), price(chat, rack, 0.7)
    >>> slow.gpu_power_w < 0.95 * full.gpu_power_w, slow.rack_tokens_per_s > 0.9 * full.rack_tokens_per_s
    (True, True)
    """
    given, now = r.given, clocked(r, clock_frac)
    loop = served(now)
    requests = given.concurrency / (loop.ttft_s + given.osl * loop.tpot_s)
    gpu_w = _gpu_w(now, clock_frac, power.work_of(now, loop.batch, _steps_per_s(now, loop), requests))
    return _on_racks(rack, loop, requests, [(given, clock_frac, gpu_w)])


def price_apart(
    decode: Resolved, ahead: Resolved, rack: Rack, clock_frac: float, ahead_frac: float
) -> Setting:
    """Engines for prompts beside engines for decode, each side at a clock of its own.

    Parameters
    ----------
    decode, ahead : Resolved
        At full clock.
    rack : Rack
    clock_frac, ahead_frac : float
        Clock of decode and of prefill, as in :func:`clocked`.
    """
    given = decode.given
    slow, slow_ahead = clocked(decode, clock_frac), clocked(ahead, ahead_frac)
    loop = apart(slow_ahead, slow)
    requests = given.concurrency / (loop.ttft_s + given.osl * loop.tpot_s)
    gpu_w = _gpu_w(slow, clock_frac, power.work_of(slow, loop.batch, _steps_per_s(slow, loop), 0.0))
    lanes = ahead.given.engines * ahead.given.layout.replicas
    launched_s = slow_ahead.coefficients.prompt_overhead_s * min(given.isl / CHUNK_TOKENS, 1.0)
    busy = min(requests / lanes * (prompt_s(slow_ahead, ahead.given.layout.replicas) + launched_s), 1.0)
    ahead_w = _gpu_w(slow_ahead, ahead_frac, power.work_of(slow_ahead, 0.0, 0.0, requests, busy))
    return _on_racks(rack, loop, requests, [(given, clock_frac, gpu_w), (ahead.given, ahead_frac, ahead_w)])


def _steps_per_s(r: Resolved, loop: Loop) -> float:
    return 1.0 / (loop.tpot_s * accepted_tokens(r.constant("draft_acceptance_frac"), r.given.drafts))


def _gpu_w(r: Resolved, clock_frac: float, work: gpu_power.Work) -> float:
    clock = np.array(clock_frac)
    return float(gpu_power.energy_j(power.params_of(r), work, clock, np.array(power.WARM_K), 1.0))


def _on_racks(
    rack: Rack, loop: Loop, requests_per_s: float, sides: Sequence[tuple[Configuration, float, float]]
) -> Setting:
    """Fill racks with both sides in their ratio; GPUs that no whole engine uses idle."""
    racks = sum(given.gpus / rack.used(given.layout.gpus) for given, _, _ in sides)
    working_w = sum(given.gpus * gpu_w for given, _, gpu_w in sides) / racks
    idle = rack.gpus - sum(given.gpus for given, _, _ in sides) / racks
    (given, clock_frac, gpu_w), (_, ahead_frac, ahead_w) = sides[0], sides[-1]
    return Setting(
        given, sides[1][0] if len(sides) > 1 else None, clock_frac, ahead_frac, loop.ttft_s, loop.tpot_s,
        gpu_w, ahead_w,
        rack_power_w=rack.base_w + working_w + idle * rack.idle_w,
        rack_tokens_per_s=requests_per_s * given.osl / racks,
        rack_step=max(math.ceil(side.layout.gpus / rack.gpus) for side, _, _ in sides),
    )  # fmt: skip
