"""From a recorded trace to a run: more or less load, and repetition until the run is full."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.requests import Requests, make
from twin.scenario.workloads.halls import ONLY, Hall
from twin.scenario.workloads.schema import Scale

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Draw = Callable[..., np.random.Generator]
_LARGEST = np.iinfo(np.int32).max


def spread_out(arrived_at_s: Floats) -> Floats:
    """Spread equal times evenly up to the next distinct one, the last ones over the step before.

    Recorders that write times in coarse steps make bursts that never were.

    Parameters
    ----------
    arrived_at_s : (request,)
        Sorted [s].

    Examples
    --------
    >>> spread_out(np.array([0.0, 0.0, 3.0, 3.0])).tolist()
    [0.0, 1.5, 3.0, 4.5]
    """
    times, begins, counts = np.unique(arrived_at_s, return_index=True, return_counts=True)
    if len(times) < 2:
        return arrived_at_s
    gaps = np.append(np.diff(times), times[-1] - times[-2])
    place = np.arange(len(arrived_at_s)) - np.repeat(begins, counts)
    spread: Floats = arrived_at_s + place * np.repeat(gaps / counts, counts)
    return spread


def period_of(arrived_at_s: Floats) -> float:
    """Period with which a trace repeats: the next whole second after its last arrival [s]."""
    return math.floor(float(arrived_at_s[-1])) + 1.0


class Lap(NamedTuple):
    """One lap of a scaled trace.

    Parameters
    ----------
    period_s : float
        Time after which it repeats [s].
    arrived_at_s : (request,)
        Sorted, below the period [s].
    rows : (request,)
        Row of the trace.
    copies : (request,)
        Copies share no prefix and no session.
    """

    period_s: float
    arrived_at_s: Floats
    rows: Rows
    copies: NDArray[np.int32]


def scaled(
    trace: Requests,
    copies: int,
    scale: Scale | None,
    draw: Draw,
    end_s: float = math.inf,
    hall: Hall = ONLY,
) -> Lap:
    """One lap of the trace with more or less load.

    Superposition lays copies over each other, each turned around the period by an amount of its own, the
    last one thinned where the factor has a fraction: bursts average out as those of independent clients do.
    Thinning keeps each request, or each whole session, with the chance ``factor``, the same ones in every
    lap. Time-warp divides all
    times: the shape of bursts stays, the rate changes. Resampling draws requests with replacement and places
    each between its recorded arrival and the next: the rate over time stays, bursts within it do not.

    Parameters
    ----------
    trace : Requests
        As read.
    copies : int
        Superposed copies, 1 or more.
    scale : Scale, optional
        Instead of copies.
    draw : callable
        Gives the random stream of a name.
    end_s : float
        End of the run; what comes later may be left out [s].
    hall : Hall
        Takes every so many-th of the copies laid over each other.

    Examples
    --------
    >>> trace = make([0.0, 1.0, 5.5], [10, 20, 30], [1, 1, 1])
    >>> scaled(trace, 1, Scale(by="time-warp", factor=2.0), np.random.default_rng).arrived_at_s.tolist()
    [0.0, 0.5, 2.75]
    """
    times, period_s = trace.arrived_at_s, period_of(trace.arrived_at_s)
    everything = np.arange(trace.rows)
    if scale is None:
        return _laid_over(times, period_s, [everything] * copies, draw, end_s, hall)
    if scale.by == "time-warp":
        return _laid_over(times / scale.factor, period_s / scale.factor, [everything], draw, end_s)
    if scale.by == "resample":
        return _resampled(times, period_s, scale.factor, draw)
    whole, part = divmod(scale.factor, 1.0)
    rows = [everything] * int(whole)
    if part:
        rows.append(_thinned(trace, part, draw))
    return _laid_over(times, period_s, rows, draw, end_s, hall)


def _thinned(trace: Requests, chance: float, draw: Draw) -> Rows:
    """Rows that are left; a session stays or goes as one."""
    chances = draw("thinning").random(trace.rows)
    first = np.arange(trace.rows)
    _, begins, inverse = np.unique(trace.session, return_index=True, return_inverse=True)
    in_session = trace.session >= 0
    first[in_session] = begins[inverse][in_session]
    return np.flatnonzero(chances[first] < chance)


def _laid_over(
    times: Floats, period_s: float, rows: list[Rows], draw: Draw, end_s: float, hall: Hall = ONLY
) -> Lap:
    """Copies of the trace, all but the first turned around the period; those of one hall, up to the end."""
    found, kept = [np.empty(0)], [np.empty(0, np.int64)]
    mine = range(len(rows))[hall.index :: hall.count]
    for i in mine:
        turned = times[rows[i]]
        if i > 0:
            turned = turned + period_s * draw("shift", str(i)).random()
            turned = np.where(turned >= period_s, turned - period_s, turned)
        is_in_time = turned < end_s
        found.append(turned[is_in_time])
        kept.append(rows[i][is_in_time])
    flat = np.concatenate(found)
    order = np.argsort(flat, kind="stable")
    copies = np.repeat(np.arange(len(mine), dtype=np.int32), [len(f) for f in found[1:]])
    return Lap(period_s, flat[order], np.concatenate(kept)[order], copies[order])


def _resampled(times: Floats, period_s: float, factor: float, draw: Draw) -> Lap:
    rng = draw("resample")
    rows = rng.integers(0, len(times), rng.poisson(factor * len(times)))
    gaps = np.append(np.diff(times), period_s - times[-1])
    arrived = times[rows] + gaps[rows] * rng.random(len(rows))
    order = np.argsort(arrived, kind="stable")
    rows = rows[order]
    # the n-th draw of a row belongs to the n-th copy, so that no request finds its own prompt in the cache
    by_row = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=len(times))
    copies = np.empty(len(rows), dtype=np.int32)
    copies[by_row] = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Lap(period_s, arrived[order], rows, copies)


def filled(trace: Requests, lap: Lap, end_s: float, repeat: bool, limit: int | None) -> Requests:
    """Play a lap until the run is full.

    Prefixes and sessions of one copy and lap are shared with no other.

    Parameters
    ----------
    trace : Requests
        What the rows of the lap stand for.
    lap : Lap
        From :func:`scaled`.
    end_s : float
        Duration of the run [s]; requests arrive before it.
    repeat : bool
        Whether to play it more than once.
    limit : int, optional
        Largest number of requests.

    Examples
    --------
    >>> trace = make([0.0, 2.5], [10, 20], [1, 1])
    >>> lap = Lap(3.0, trace.arrived_at_s, np.arange(2), np.zeros(2, np.int32))
    >>> filled(trace, lap, 6.0, True, None).arrived_at_s.tolist()
    [0.0, 2.5, 3.0, 5.5]
    """
    laps = math.ceil(end_s / lap.period_s) if repeat else 1
    arrived = (np.arange(laps)[:, None] * lap.period_s + lap.arrived_at_s).ravel()
    count = int(np.searchsorted(arrived, end_s, "left"))
    count = min(count, limit or count)

    def over(column: NDArray[Any]) -> NDArray[Any]:
        return np.resize(column[lap.rows], count)

    more: dict[str, NDArray[Any]] = {}
    if len(trace.prefix_ids) or (trace.session >= 0).any():
        copies = int(lap.copies.max(initial=0)) + 1
        turn = np.repeat(np.arange(laps, dtype=np.int64), len(lap.rows))[:count]
        instance = np.resize(lap.copies, count) + turn * copies
        more = _told_apart(trace, over, instance)
    if trace.tenant.any():
        more["tenant"] = over(trace.tenant)
    return make(
        arrived[:count], over(trace.prompt_tokens), over(trace.output_tokens),
        prefix_block_tokens=trace.prefix_block_tokens, names={"tenants": trace.tenants}, **more,
    )  # fmt: skip


def _told_apart(
    trace: Requests, over: Callable[[NDArray[Any]], NDArray[Any]], instance: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Sessions and prefixes of each instance of the trace, numbered past those of the others."""
    shift = instance * trace.distinct_prefixes
    session = over(trace.session).astype(np.int64)
    session[session >= 0] += (instance * (int(trace.session.max(initial=-1)) + 1))[session >= 0]
    most = max(int(shift.max(initial=0)) + trace.distinct_prefixes, int(session.max(initial=0)))
    if most > _LARGEST:
        found, expected = f"{most:,} different prefix blocks or sessions", f"at most {_LARGEST:,}"
        fault = Fault(
            "", 0, "workload", found, expected, "take fewer copies, a shorter run, or a larger prefix_block"
        )
        raise ScenarioError("too many prefixes to tell apart", [fault])
    return {
        "session": session,
        "prefix_ids": trace.prefix_ids,
        "prefix_start": over(trace.prefix_start),
        "prefix_blocks": over(trace.prefix_blocks),
        "prefix_shift": shift,
    }
