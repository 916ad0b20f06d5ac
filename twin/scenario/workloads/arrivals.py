"""Arrival processes: renewal processes in equilibrium, and Poisson processes that follow the day."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from twin.scenario.workloads.schema import Arrivals

Floats = NDArray[np.float64]
Rng = np.random.Generator
DAY_S = 86_400.0


def weibull_shape(cv: float) -> float:
    """Shape of a Weibull distribution with this standard deviation over mean.

    Parameters
    ----------
    cv : float
        From 0.01 to 100.

    Examples
    --------
    >>> round(weibull_shape(1.0), 9)
    1.0
    """
    low, high = math.log(0.05), math.log(200.0)
    for _ in range(80):
        middle = (low + high) / 2
        k = math.exp(middle)
        squared = math.expm1(math.lgamma(1 + 2 / k) - 2 * math.lgamma(1 + 1 / k))
        low, high = (middle, high) if squared > cv * cv else (low, middle)
    return math.exp(low)


def renewal(
    rng: Rng, shape: Floats, rate_per_s: Floats, is_weibull: NDArray[np.bool_], end_s: float
) -> tuple[Floats, NDArray[np.int64]]:
    """Arrivals of renewal processes that have run for long before 0.

    The time to the first arrival is that from a random instant, so the mean number of arrivals is rate times
    time however bursty the process is; beginning with an arrival would give more.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws.
    shape : (process,)
        Shape of the gamma or Weibull distributed intervals.
    rate_per_s : (process,)
        Mean rates [1/s].
    is_weibull : (process,)
        Weibull rather than gamma.
    end_s : float
        Arrivals lie in ``[0, end_s)`` [s].

    Returns
    -------
    arrived_at_s, process : (arrival,)
        Times [s] and whose they are; rising for each process.

    Examples
    --------
    >>> times, whose = renewal(np.random.default_rng(1), np.ones(2), np.ones(2), np.zeros(2, bool), 1e4)
    >>> bool(abs(len(times) - 20_000) < 600)
    True
    """
    scale = 1.0 / rate_per_s
    scale[is_weibull] /= np.array([math.gamma(1 + 1 / k) for k in shape[is_weibull]])
    scale[~is_weibull] /= shape[~is_weibull]
    now = _intervals(rng, shape, scale, is_weibull, is_first=True)
    here = np.flatnonzero(now < end_s)
    times, owners = [now[here]], [here]
    while len(here):
        now = now[here]
        counts = (1.1 * rate_per_s[here] * (end_s - now)).astype(np.int64) + 8
        owner = np.repeat(here, counts)
        gaps = _intervals(rng, shape[owner], scale[owner], is_weibull[owner], is_first=False)
        total = np.cumsum(np.minimum(gaps, end_s))  # longer ones would cost the others their last digits
        ends = np.cumsum(counts)
        before = np.concatenate([[0.0], total[ends[:-1] - 1]])
        reached = total + np.repeat(now - before, counts)
        inside = reached < end_s
        times.append(reached[inside])
        owners.append(owner[inside])
        now = np.full(len(shape), np.inf)
        now[here] = reached[ends - 1]
        here = np.flatnonzero(now < end_s)
    return np.concatenate(times), np.concatenate(owners)


def _intervals(
    rng: Rng, shape: Floats, scale: Floats, is_weibull: NDArray[np.bool_], is_first: bool
) -> Floats:
    """Intervals; the first is a random part of an interval drawn in proportion to its length."""
    gaps = np.empty(len(shape))
    more = 1 if is_first else 0
    gamma, weibull = ~is_weibull, is_weibull
    gaps[gamma] = rng.standard_gamma(shape[gamma] + more) if gamma.any() else 0.0
    if weibull.any():
        k = shape[weibull]
        powers = rng.standard_gamma(1 + 1 / k) if is_first else rng.standard_exponential(len(k))
        gaps[weibull] = powers ** (1 / k)
    gaps *= scale
    return gaps * rng.random(len(gaps)) if is_first else gaps


def hourly_weights(arrivals: Arrivals) -> Floats:
    """Rate over its mean at each hour of the day, of a table."""
    table = np.array(arrivals.hourly, dtype=np.float64)
    weights: Floats = table / table.mean()
    return weights


def drawn(rng: Rng, arrivals: Arrivals, end_s: float, begin_of_day_s: float = 0.0) -> Floats:
    """Arrival times of a stream.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws.
    arrivals : Arrivals
        Process and rate.
    end_s : float
        Duration [s].
    begin_of_day_s : float
        Time of day at 0, for diurnal arrivals [s].

    Returns
    -------
    (arrival,) of float64
        Sorted, in ``[0, end_s)`` [s].

    Examples
    --------
    >>> drawn(np.random.default_rng(1), Arrivals(process="constant", rate="2 1/s"), 2.0).tolist()
    [0.0, 0.5, 1.0, 1.5]
    """
    rate = arrivals.rate
    if arrivals.process == "constant":
        times = np.arange(math.ceil(end_s * rate)) / rate
        return times[times < end_s]
    if arrivals.process == "diurnal":
        return _diurnal(rng, arrivals, end_s, begin_of_day_s)
    shape, is_weibull = 1.0, False
    if arrivals.process == "gamma" and arrivals.cv:
        shape = 1 / arrivals.cv**2
    elif arrivals.process == "weibull" and arrivals.cv:
        shape, is_weibull = weibull_shape(arrivals.cv), True
    return _single(rng, shape, rate, is_weibull, end_s)


def _single(rng: Rng, shape: float, rate_per_s: float, is_weibull: bool, end_s: float) -> Floats:
    return renewal(rng, np.array([shape]), np.array([rate_per_s]), np.array([is_weibull]), end_s)[0]


def _diurnal(rng: Rng, arrivals: Arrivals, end_s: float, begin_of_day_s: float) -> Floats:
    """Poisson arrivals at the largest rate, each kept with the chance that its time of day gives."""
    if arrivals.hourly:
        weights = hourly_weights(arrivals)
        most = weights.max()
    else:
        weights, most = np.empty(0), 1.0 + arrivals.swing
    times = _single(rng, 1.0, arrivals.rate * most, False, end_s)
    of_day_s = (times + begin_of_day_s) % DAY_S
    if len(weights):
        level = weights[(of_day_s // 3600).astype(np.int64)]
    else:
        level = 1.0 + arrivals.swing * np.cos(2 * np.pi * (of_day_s - arrivals.peak) / DAY_S)
    kept: Floats = times[rng.random(len(times)) * most < level]
    return kept
