"""What happens to a plant: flows that trip and come back, levels that step, ramp or swing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

Rounds = tuple[float, ...]


class Signal(NamedTuple):
    """A value in time: its function [unit of the value, s], the instants where it has a kink, and its mean at rest."""

    at: Callable[[float], float]
    breaks_at_s: Rounds = ()
    rest: float = 1.0


def steady(value: float = 1.0) -> Signal:
    """A value that does not change.

    Parameters
    ----------
    value : float
        The value.

    Examples
    --------
    >>> steady(0.5).at(10.0)
    0.5
    """
    return Signal(lambda at_s: value, (), value)


def trip(
    at_s: float,
    halving_s: float,
    floor_frac: float = 0.0,
    restart_after_s: float = math.inf,
    ramp_s: float = 0.0,
    restart_frac: float = 1.0,
) -> Signal:
    """Flow of a pump or fan that loses its drive, and may come back on a ramp.

    Parameters
    ----------
    at_s : float
        Instant of the trip [s].
    halving_s : float
        Time after which half of the flow above the floor is left [s], above zero.
    floor_frac : float
        What natural circulation holds, over rated flow [1].
    restart_after_s, ramp_s, restart_frac : float
        Time from the trip to the restart [s], time of its ramp [s], and flow behind it [1].

    Returns
    -------
    Signal
        ``floor + (1 - floor) / (1 + (t - trip) / halving)``: friction torque goes with the square of the flow.

    Examples
    --------
    >>> pump = trip(10.0, 2.0, restart_after_s=6.0, ramp_s=4.0)
    >>> pump.at(12.0), pump.at(18.0), pump.at(30.0)
    (0.5, 0.625, 1.0)
    """
    back_at_s = at_s + restart_after_s

    def down(instant_s: float) -> float:
        return floor_frac + (1.0 - floor_frac) / (1.0 + (instant_s - at_s) / halving_s)

    def value(instant_s: float) -> float:
        if instant_s <= at_s:
            return 1.0
        if instant_s <= back_at_s:
            return down(instant_s)
        if instant_s >= back_at_s + ramp_s:
            return restart_frac
        left = down(back_at_s)
        return left + (restart_frac - left) * (instant_s - back_at_s) / ramp_s

    breaks = (at_s,) if math.isinf(back_at_s) else (at_s, back_at_s, back_at_s + ramp_s)
    return Signal(value, breaks, 1.0 if at_s >= 0.0 else value(0.0))


def change(at_s: float, before: float, after: float, ramp_s: float = 0.0) -> Signal:
    """A value that goes from one level to another, at once or on a line.

    Parameters
    ----------
    at_s, ramp_s : float
        Begin of the change and how long it takes [s].
    before, after : float
        Levels.

    Examples
    --------
    >>> change(10.0, 0.2, 1.0).at(10.0), change(10.0, 0.25, 0.75, 4.0).at(12.0)
    (1.0, 0.5)
    """

    def value(instant_s: float) -> float:
        if instant_s < at_s:
            return before
        if instant_s >= at_s + ramp_s:
            return after
        return before + (after - before) * (instant_s - at_s) / ramp_s

    return Signal(value, tuple(dict.fromkeys((at_s, at_s + ramp_s))), before)


def swing(period_s: float, duty_frac: float, high: float, low: float, end_at_s: float) -> Signal:
    """A square wave, high first, as synchronous training draws power.

    Parameters
    ----------
    period_s, duty_frac : float
        Period [s] and the share of it that is high [1].
    high, low : float
        Levels.
    end_at_s : float
        Instant up to which its edges are listed [s].

    Returns
    -------
    Signal
        At rest it is its mean.

    Examples
    --------
    >>> wave = swing(4.0, 0.25, 1.0, 0.2, 8.0)
    >>> wave.at(0.5), wave.at(2.0), wave.breaks_at_s, round(wave.rest, 3)
    (1.0, 0.2, (0.0, 1.0, 4.0, 5.0), 0.4)
    """
    rounds = math.ceil(end_at_s / period_s)
    edges = tuple(period_s * (n + share) for n in range(rounds) for share in (0.0, duty_frac))
    mean = duty_frac * high + (1.0 - duty_frac) * low
    return Signal(lambda at_s: high if (at_s % period_s) / period_s < duty_frac else low, edges, mean)
