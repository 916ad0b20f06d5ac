"""How long the measured servers take: the product's closed loop with constants of that engine version and those hosts.

Engine constants are a variant of the product's vLLM card. What comes on top: experts that lie on several GPUs wait for
the GPU with the most touched ones; experts in tiles that do not suit them, or with block-scaled FP8, take longer; ranks
of data-parallel attention wait for each other's prompts; images and videos are encoded; servers with one B200 had slow
hosts.
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

TUNED = {(128, 768), (64, 768)}
"""Experts on a GPU and their width for which vLLM ships tiles in BF16, of the models that the rows name. This and the
rule of :func:`is_wide`: vllm/model_executor/layers/fused_moe (configs, get_default_config), 2026-11."""

STATE_FRAC = 0.5
"""Bytes of recurrent state over those of the model card: this engine keeps it in 16 bits unless told otherwise
(mamba_ssm_cache_dtype auto), the cards of the makers ask for 32; 2026-11."""

OVERLAP = 1.5
"""How times of a host and of its GPU join: 1 adds them, a large number takes the longer; chosen with all rows in view,
2026-11."""

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
        heard = self.held["heard_video_factor"] if case.is_omni and case.task == "video-chat" else 1.0
        given = replace(case.configuration, isl=self.held["prompt_tokens"][case.task] * heard)
        plain = self._resolved(replace(given, concurrency=1.0, osl=1.0))
        values = self.held["families"][plain.family]
        found = replace(plain, given=given)
        found = replace(found, coefficients=_slower(found, case, values))
        loop = served(replace(found, room_tokens=ENDLESS) if case.is_in_flight else found)
        prompts_s, ranks = loop.parts_s["prompts"], given.layout.replicas
        step_s = loop.tpot_s - prompts_s
        if ranks > 1:
            step_s += self.held["rank_step_s"]
            prompts_s *= math.expm1(-ranks * loop.prompts) / math.expm1(-loop.prompts)
        is_lone = plain.family == "blackwell" and given.gpus == 1
        encode_s = values["lone_encode_s" if is_lone else "encode_s"].get(case.task, 0.0) * heard
        prompts_s += loop.prompts * encode_s * self._tiled(case)
        if is_lone:
            step_s = self._lone_s(case, step_s, loop.batch, values)
        often = max(loop.prompts - OFTEN, 0.0) / max(loop.prompts, 1e-9)
        return Timing(found, loop.batch, step_s + prompts_s, step_s + often * prompts_s)

    def _lone_s(self, case: Case, step_s: float, batch: float, values: dict[str, Any]) -> float:
        """Step on a slow host: it streams to each sequence, and what it does for a step runs beside the GPU."""
        sequences_s = float(values["lone_sequence_s"]) * batch
        is_busy = _is_encoding(case) and case.configuration.concurrency >= LONE_FLIGHT
        if case.task != "gpqa" and not is_busy:
            return step_s + sequences_s
        host_s = float(values["lone_step_s"]) * self._tiled(case) + sequences_s
        return float((step_s**OVERLAP + host_s**OVERLAP) ** (1.0 / OVERLAP))

    def _resolved(self, given: Configuration) -> Resolved:
        """Only load and length of answers differ between most rows of a model."""
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


@lru_cache(3)
def constants(calibration: str = "all") -> Constants:
    """Constants as shipped: fitted to ``all`` shipped rows, to the ``half`` of groups or to that of ``rows``."""
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
    if r.model.get("state_layers"):
        c = c._replace(window_bytes=STATE_FRAC * c.window_bytes)
    if not c.expert_bytes:
        return c
    tokens = r.given.concurrency / r.given.engines
    layer_s = values["llama_4_layer_s"] * case.is_llama_4 + values["blocked_layer_s"] * case.is_blocked
    slow = values["blocked_expert_slowness"] if case.is_blocked else 1.0
    if is_wide(r, tokens):
        slow *= values["wide_tile_slowness"]
    if (spread := r.given.experts) > 1:
        touched = inference.expert_frac(c, tokens)
        slow *= slowest_frac(touched, float(r.model.experts) / spread, spread) / touched
    return c._replace(
        group_overhead_s=c.group_overhead_s + layer_s * r.model.layers,
        expert_s_per_byte=c.expert_s_per_byte * slow,
    )


def is_wide(r: Resolved, tokens: float) -> bool:
    """Whether experts in BF16 run in tiles of 64 rows, which hold few tokens each.

    The kernel takes them for more tokens than experts on the GPU, where it ships no table of better tiles.

    Parameters
    ----------
    r : Resolved
    tokens : float
        Tokens of a step.

    Examples
    --------
    >>> given = Configuration("h100-sxm", "qwen3-235b-a22b", 8, 1, 1, 8, "vllm", "bf16", tensor=8, experts=8)
    >>> [is_wide(resolve(given), tokens) for tokens in (16.0, 17.0)]
    [False, True]
    """
    local = r.model.experts / r.given.experts
    has_table = (local, r.model.moe_ffn) in TUNED
    return r.given.precision == "bf16" and not has_table and math.ceil(tokens - 1e-3) > local


def slowest_frac(touched: float, each: float, gpus: int) -> float:
    """Share of its experts that the busiest of several GPUs touches, when each touches ``touched`` on average.

    Examples
    --------
    >>> slowest_frac(1.0, 16, 8), round(slowest_frac(0.5, 16, 8), 3)
    (1.0, 0.755)
    """
    deviation = math.sqrt(touched * (1.0 - touched) / each)
    return min(1.0, touched + deviation * math.sqrt(2.0 * math.log(gpus)))
