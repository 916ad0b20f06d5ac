"""How replicas are split between prefill and decode: one file a policy, each with ``plan(observed, pools)``.

A planner is called once a measurement interval and returns how many replicas should compute prompts; the rest
decode. It is plain Python, never compiled. A replica changes its role only when it is empty, so what is wanted
comes true some time after.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TypeAlias

from twin.errors import Fault, ScenarioError


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What was measured over the last interval.

    Parameters
    ----------
    interval_s : float
        Length of the interval [s], above zero.
    requests : float
        Requests that arrived.
    prompt_tokens : float
        Their prompt tokens that no cache held [tokens].
    output_tokens : float
        Output tokens that were generated [tokens].
    ttft_mean_s, itl_mean_s : float
        Mean time to first token and mean gap between tokens [s]; NaN where there was none.
    prefill_queue, decode_queue : float
        Requests that wait for admission at the end of the interval, over all replicas of the pool.
    prefill_busy_frac, decode_busy_frac : float
        Share of the time in which a replica of the pool computed [1], 0 to 1.

    Raises
    ------
    ScenarioError
        With every value out of range.

    Examples
    --------
    >>> Observed(interval_s=10.0, prompt_tokens=4e5).prompt_tokens_per_s
    40000.0
    """

    interval_s: float
    requests: float = 0.0
    prompt_tokens: float = 0.0
    output_tokens: float = 0.0
    ttft_mean_s: float = math.nan
    itl_mean_s: float = math.nan
    prefill_queue: float = 0.0
    decode_queue: float = 0.0
    prefill_busy_frac: float = 0.0
    decode_busy_frac: float = 0.0

    def __post_init__(self) -> None:
        may_miss = ("ttft_mean_s", "itl_mean_s")
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        is_wrong = {
            name: not (value >= 0.0 or (name in may_miss and math.isnan(value)))
            for name, value in values.items()
        }
        is_wrong["interval_s"] = not self.interval_s > 0.0
        _refuse("observed", values, is_wrong, "zero or larger; the interval above zero")

    @property
    def prompt_tokens_per_s(self) -> float:
        """Uncached prompt tokens that arrive [tokens/s]."""
        return self.prompt_tokens / self.interval_s

    @property
    def output_tokens_per_s(self) -> float:
        """Output tokens that are generated [tokens/s]."""
        return self.output_tokens / self.interval_s


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The replicas that are split, and what one of them can do.

    Parameters
    ----------
    prefill, decode : int
        Replicas of each role now.
    least_prefill, least_decode : int
        Replicas that a pool keeps in any case; together no more than there are.
    prefill_tokens_per_s, decode_tokens_per_s : float
        Capacity of one replica in its role, prompt or output tokens [tokens/s], above zero.

    Raises
    ------
    ScenarioError
        With every value out of range.

    Examples
    --------
    >>> pools = Pools(prefill=2, decode=6, prefill_tokens_per_s=5e4, decode_tokens_per_s=1e4)
    >>> pools.total, pools.bounded(0), pools.bounded(8)
    (8, 1, 7)
    """

    prefill: int
    decode: int
    least_prefill: int = 1
    least_decode: int = 1
    prefill_tokens_per_s: float
    decode_tokens_per_s: float

    def __post_init__(self) -> None:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        is_wrong = {name: not value >= 0 for name, value in values.items()}
        for name in ("prefill_tokens_per_s", "decode_tokens_per_s"):
            is_wrong[name] = not values[name] > 0.0
        if self.least_prefill + self.least_decode > self.total:
            is_wrong["least_prefill"] = is_wrong["least_decode"] = True
        expected = f"zero or larger; capacities above zero; least of both within {self.total} replicas"
        _refuse("pools", values, is_wrong, expected)

    @property
    def total(self) -> int:
        """Replicas of both roles."""
        return self.prefill + self.decode

    def bounded(self, prefill: int) -> int:
        """The number of prefill replicas that is nearest and leaves both pools what they keep."""
        return min(max(prefill, self.least_prefill), self.total - self.least_decode)


Plan: TypeAlias = Callable[[Observed, Pools], int]


def _refuse(where: str, values: dict[str, float], is_wrong: dict[str, bool], expected: str) -> None:
    faults = [
        Fault("", 0, f"{where}.{name}", f"{value}", expected, "correct the value")
        for name, value in values.items()
        if is_wrong[name]
    ]
    if faults:
        raise ScenarioError("replicas cannot be split with these numbers", faults)
