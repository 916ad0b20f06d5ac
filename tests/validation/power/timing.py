"""How long the measured servers take: the product's closed loop with constants of that engine version and those hosts.

Engine constants are a variant of the product's vLLM card, fitted to the calibration half. Three things come on top:
experts that lie on several GPUs wait for the GPU with the most touched ones, experts with block-scaled FP8 run in a
slower kernel, and images and videos are encoded. Servers with one B200 had slow hosts: a step of theirs lasts longer.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tests.validation.power.rows import Case
from twin import catalog
from twin.catalog import Card
from twin.catalog.kinds import KINDS, attribute
from twin.perf.closed_loop import served
from twin.perf.configuration import Configuration, Resolved, resolve
from twin.physics import inference

CONSTANTS = Path(__file__).parent / "constants.json"
OFTEN = 0.69
"""Prompts a step from which more than half of the steps carry one [1], so that the median shows them: ln 2."""

ENDLESS = 1 << 60
"""KV cache of a server that is known to hold what is in flight [tokens]."""

LONE_FLIGHT = 12.0
"""Requests in flight from which encoding slows the steps of a server with one B200; calibration half, 2026-11."""


@dataclass(frozen=True)
class Timing:
    """Times of a server in steady state.

    Parameters
    ----------
    resolved : Resolved
        What it computes.
    batch : float
        Sequences in decode at a replica.
    step_s : float
        Mean time of a step, prompts included: the mean inter-token latency [s].
    median_s : float
        Median inter-token latency [s].
    """

    resolved: Resolved
    batch: float
    step_s: float
    median_s: float


@dataclass(frozen=True)
class Constants:
    """Fitted constants by family of GPUs, as ``constants.json`` holds them."""

    held: dict[str, Any]
    known: dict[Configuration, Resolved] = field(default_factory=dict, compare=False)

    @cached_property
    def cards(self) -> dict[str, Card]:
        """Engine cards by family."""
        return {family: _card(family, values["engine"]) for family, values in self.held["families"].items()}

    def times(self, case: Case) -> Timing:
        """Times of a row."""
        given = replace(case.configuration, isl=self.held["prompt_tokens"][case.task])
        plain = self._resolved(replace(given, concurrency=1.0))
        values = self.held["families"][plain.family]
        found = replace(plain, given=given)
        found = replace(found, coefficients=_slower(found, case, values))
        loop = served(replace(found, room_tokens=ENDLESS) if case.is_in_flight else found)
        prompts_s = loop.parts_s["prompts"]
        step_s = loop.tpot_s - prompts_s
        encode_s = values["encode_s"].get(case.task, 0.0) * self._tiled(case)
        if plain.family == "blackwell" and given.gpus == 1:
            encode_s *= values["lone_encode_factor"] if _is_encoding(case) else 1.0
            step_s += values["lone_sequence_s"] * loop.batch
            is_slow = case.task == "gpqa" or (_is_encoding(case) and given.concurrency >= LONE_FLIGHT)
            step_s += values["lone_step_s"] * self._tiled(case) if is_slow else 0.0
        prompts_s += loop.prompts * encode_s
        often = max(loop.prompts - OFTEN, 0.0) / max(loop.prompts, 1e-9)
        return Timing(found, loop.batch, step_s + prompts_s, step_s + often * prompts_s)

    def _resolved(self, given: Configuration) -> Resolved:
        """Only the load differs between most rows of a model."""
        if given not in self.known:
            family = "hopper" if given.system.startswith("h") else "blackwell"
            self.known[given] = resolve(given, self.cards[family])
        return self.known[given]

    def _tiled(self, case: Case) -> float:
        """What a host does for a request, over what it does for one with images in tiles or without."""
        is_plain = case.task in ("image-chat", "video-chat") and not case.is_tiled
        return float(self.held["plain_encode_frac"]) if is_plain else 1.0


def _is_encoding(case: Case) -> bool:
    """Whether a row's requests keep the CPUs of a small host at work."""
    return case.task == "image-chat" or case.is_omni


@lru_cache(2)
def constants(calibration: str = "all") -> Constants:
    """Constants as shipped: fitted to ``all`` shipped rows, or to the calibration ``half``."""
    return Constants(json.loads(CONSTANTS.read_text())[calibration])


def _card(family: str, values: dict[str, float]) -> Card:
    """The vLLM card with other constants of a family."""
    card = catalog.get("engine", "vllm")
    held = dict(card.values)
    for name, si in values.items():
        key = f"{family}_{name}"
        at = attribute(key, KINDS["engine"][key])
        held[at] = replace(held[at], si=si)
    return replace(card, values=held)


def _slower(r: Resolved, case: Case, values: dict[str, Any]) -> inference.Iteration:
    """Coefficients with experts as slow as those of the slowest GPU and of the kernel."""
    c = r.coefficients
    if not c.expert_bytes:
        return c
    overhead_s = c.group_overhead_s + values["llama_4_layer_s"] * r.model.layers * case.is_llama_4
    slow = values["blocked_expert_slowness"] if case.is_blocked else 1.0
    spread = r.given.experts
    if spread > 1:
        share = r.given.concurrency / (r.given.engines * r.given.layout.replicas)
        touched = inference.expert_frac(c, share * r.given.layout.replicas)
        slow *= slowest_frac(touched, float(r.model.experts) / spread, spread) / touched
    return c._replace(group_overhead_s=overhead_s, expert_s_per_byte=c.expert_s_per_byte * slow)


def slowest_frac(touched: float, each: float, gpus: int) -> float:
    """Share of its experts that the busiest of several GPUs touches, when each touches ``touched`` on average.

    Examples
    --------
    >>> slowest_frac(1.0, 16, 8), round(slowest_frac(0.5, 16, 8), 3)
    (1.0, 0.755)
    """
    deviation = math.sqrt(touched * (1.0 - touched) / each)
    return min(1.0, touched + deviation * math.sqrt(2.0 * math.log(gpus)))
