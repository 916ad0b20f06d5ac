"""Tokens per second and megawatt against tokens per second and user: the Pareto frontier of a fleet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from twin.errors import Fault, ScenarioError, TwinError
from twin.perf.configuration import Configuration, gpu_of
from twin.perf.feeding import splits
from twin.perf.prediction import Prediction, predict
from twin.perf.search import STAGES, layouts, loaded, unfit

MOST_DOMAINS = 4
"""NVLink domains over which an engine may lie when none holds the model."""


@dataclass(frozen=True)
class Frontier:
    """What a system can do with a model at best.

    Parameters
    ----------
    system : str
        As asked.
    points : tuple of Prediction
        From most tokens per megawatt to most tokens per user; none is dominated.
    tried : int
        Configurations that were priced.
    """

    system: str
    points: tuple[Prediction, ...]
    tried: int

    @property
    def area(self) -> float:
        """Area under the frontier over the logarithm of tokens/s per user [tokens/s per MW]: how much it does
        over all speeds of answering alike."""
        total = 0.0
        for a, b in zip(self.points, self.points[1:], strict=False):
            total += b.tokens_per_s_per_mw * math.log(b.tokens_per_s_per_user / a.tokens_per_s_per_user)
        return total

    @property
    def knee(self) -> Prediction:
        """The point of the largest product of both axes: max-Q, beyond which one costs more than the other gives."""
        return max(self.points, key=lambda p: p.tokens_per_s_per_mw * p.tokens_per_s_per_user)

    def at_least(self, tokens_per_s_per_user: float) -> Prediction | None:
        """The most tokens per megawatt at a speed or faster; None when nothing is that fast."""
        return next((p for p in self.points if p.tokens_per_s_per_user >= tokens_per_s_per_user), None)


def frontier(
    given: Configuration,
    *,
    precisions: Sequence[str] = (),
    drafts: Sequence[int] = (),
    is_apart: bool = False,
    most_ttft_s: float = math.inf,
    most_tpot_s: float = math.inf,
) -> Frontier:
    """Search layouts, loads, precisions, drafts and prefill:decode splits of one system and model.

    Parameters
    ----------
    given : Configuration
        System, model, lengths and engine; layout, GPUs and load are searched.
    precisions, drafts : sequence
        Those to try; that of ``given`` if left out.
    is_apart : bool
        Prefill on engines of its own as well.
    most_ttft_s, most_tpot_s : float
        Limits [s].

    Raises
    ------
    TwinError
        When nothing can be priced, or nothing keeps the limits.

    Examples
    --------
    >>> chat = Configuration("h100-sxm", "llama-3.1-8b", 1, 1024, 256, 1)
    >>> found = frontier(chat)
    >>> ends = found.points[0], found.points[-1]
    >>> ends[0].tokens_per_s_per_mw > ends[1].tokens_per_s_per_mw, len(found.points) > 4
    (True, True)
    """
    domain, tried, kept = gpu_of(given.system)[1], 0, []
    fastest: Prediction | None = None
    refused: TwinError | None = None
    for precision in precisions or (given.precision,):
        asked = replace(given, precision=precision)
        engines = list(layouts(asked, domain)) or list(layouts(asked, MOST_DOMAINS * domain, STAGES))
        if not engines:
            refused = unfit(replace(asked, gpus=MOST_DOMAINS * domain))
            continue
        for count in drafts or (given.drafts,):
            for priced in _priced([replace(e, drafts=count) for e in engines], is_apart):
                tried += 1
                if fastest is None or priced.tpot_s < fastest.tpot_s:
                    fastest = priced
                if priced.ttft_s <= most_ttft_s and priced.tpot_s <= most_tpot_s:
                    kept.append(priced)
    if fastest is None:
        raise refused or unfit(given)
    if not kept:
        found = f"TPOT of {fastest.tpot_s * 1e3:.3g} ms at best, TTFT there {fastest.ttft_s * 1e3:.3g} ms"
        raise ScenarioError(
            "no configuration keeps the limits", [_limit_fault(found, most_ttft_s, most_tpot_s)]
        )
    return Frontier(given.system, tuple(undominated(kept)), tried)


def _limit_fault(found: str, ttft_s: float, tpot_s: float) -> Fault:
    shown = (("TTFT", ttft_s), ("TPOT", tpot_s))
    expected = " and ".join(f"{name} up to {x * 1e3:g} ms" for name, x in shown if math.isfinite(x))
    return Fault(
        "", 0, "limits", found, expected, "loosen a limit, or try --drafts, another precision or system"
    )


def _priced(engines: list[Configuration], is_apart: bool) -> list[Prediction]:
    """Every engine under every load; with prefill apart, those as well that are worth feeding."""
    found = [predict(load) for engine in engines for load in loaded(engine)]
    if is_apart:
        loads = [load for engine in engines for load in loaded(engine)]
        found += [predict(decode, prefill) for decode, prefill in splits(engines, loads)]
    return found


def undominated(points: Sequence[Prediction]) -> list[Prediction]:
    """Points that no other beats on both axes, the slowest first."""
    found: list[Prediction] = []
    for point in sorted(points, key=lambda p: (-p.tokens_per_s_per_user, -p.tokens_per_s_per_mw)):
        if not found or point.tokens_per_s_per_mw > found[-1].tokens_per_s_per_mw:
            found.append(point)
    return found[::-1]
