"""Drawing numbers of tokens, numbers of turns, and times between requests."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.scenario.workloads.schema import Lengths, Pause

Ints = NDArray[np.int64]
Rng = np.random.Generator
_P99 = 2.3263478740408408  # 99 % quantile of the standard normal distribution


def lognormal_of(mean: float, cv: float) -> tuple[float, float]:
    """Location and scale of the logarithm of a lognormal with this mean and standard deviation over mean.

    Examples
    --------
    >>> mu, sigma = lognormal_of(100.0, 1.0)
    >>> round(float(np.exp(mu + sigma**2 / 2)), 9)
    100.0
    """
    variance = math.log1p(cv * cv)
    return math.log(mean) - variance / 2, math.sqrt(variance)


def lengths(rng: Rng, spec: Lengths, count: int) -> Ints:
    """Draw lengths.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws.
    spec : Lengths
        Distribution; a complete one.
    count : int
        How many.

    Returns
    -------
    (count,) of int64
        Whole numbers from ``low`` to ``high``.

    Examples
    --------
    >>> lengths(np.random.default_rng(1), Lengths(shape="constant", mean=7), 3).tolist()
    [7, 7, 7]
    """
    if spec.shape == "uniform":
        return rng.integers(math.ceil(spec.low), math.floor(spec.high), count, endpoint=True)
    if spec.shape == "geometric":
        values = rng.geometric(1 / (spec.mean or 1.0), count).astype(np.float64)
    elif spec.shape == "constant":
        values = np.full(count, spec.mean)
    else:
        values = rng.lognormal(*_logarithm(spec), count)
    clipped: Ints = np.clip(np.rint(values), spec.low, spec.high).astype(np.int64)
    return clipped


def typical(spec: Lengths) -> float:
    """A length in the middle: the mean, or the median, within the limits."""
    if spec.shape == "uniform":
        return (spec.low + spec.high) / 2
    return min(max(spec.mean or spec.p50 or 1.0, spec.low), spec.high)


def pauses(rng: Rng, spec: Pause, count: int) -> NDArray[np.float64]:
    """Draw times between requests [s].

    Examples
    --------
    >>> pauses(np.random.default_rng(1), Pause(mean="4 s", cv=0), 2).tolist()
    [4.0, 4.0]
    """
    if not spec.cv:
        return np.full(count, spec.mean)
    return rng.lognormal(*lognormal_of(spec.mean, spec.cv), count)


def _logarithm(spec: Lengths) -> tuple[float, float]:
    if spec.p50 and spec.p99:
        return math.log(spec.p50), math.log(spec.p99 / spec.p50) / _P99
    return lognormal_of(spec.mean or 1.0, spec.cv or 0.0)


def missing(spec: Lengths) -> str:
    """What a distribution lacks or contradicts, in words; empty when it is complete.

    Examples
    --------
    >>> missing(Lengths(shape="constant"))
    'a mean'
    """
    if spec.low > spec.high or (spec.shape == "uniform" and math.ceil(spec.low) > math.floor(spec.high)):
        return "low no larger than high"
    if spec.shape == "uniform":
        return ""
    if spec.shape == "lognormal" and (spec.p50 or spec.p99):
        is_whole = spec.p50 and spec.p99 and spec.p50 <= spec.p99 and spec.mean is None and spec.cv is None
        return "" if is_whole else "p50 and a p99 no smaller, without mean and cv"
    if spec.mean is None:
        return "a mean"
    return "a cv" if spec.shape == "lognormal" and spec.cv is None else ""
