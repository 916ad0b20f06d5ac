"""How a small system of temperatures goes on in time: steps of chosen size, events to the instant.

Dormand and Prince, "A family of embedded Runge-Kutta formulae" (1980), order 5 with an error of order 4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, PhysicalRangeError

Array = NDArray[np.float64]
Rate = Callable[[float, Array], Array]
Watch = Callable[[float, Array], float]

RELATIVE, ABSOLUTE = 1e-11, 1e-10
"""Error of a step that is let pass, over the state and in its unit; far below a hundredth of a kelvin."""

_NODES = (0.0, 0.2, 0.3, 0.8, 8 / 9, 1.0, 1.0)
_STAGES = (
    (),
    (0.2,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = np.array([71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])
_MOST_STEPS = 10_000
_HALVINGS = 48


class Arrival(NamedTuple):
    """Where a stretch ended: instant [s], state, and the place of the watch that ended it, or None."""

    at_s: float
    state: Array
    watch: int | None


def until(
    rate: Rate, start_at_s: float, state: Array, end_at_s: float, watches: Sequence[Watch] = ()
) -> Arrival:
    """Follow a system to an instant, or to the first rise of a watched value through zero.

    Parameters
    ----------
    rate : callable
        Derivative of the state [unit/s] for an instant [s] and a state; smooth inside the stretch.
    start_at_s, end_at_s : float
        Stretch [s].
    state : array (quantity)
        State at the start.
    watches : sequence of callable
        Values for an instant and a state; one that is below zero and rises to zero or more ends the stretch.

    Raises
    ------
    PhysicalRangeError
        When the system is too stiff to be followed.

    Examples
    --------
    >>> found = until(lambda t, y: -y, 0.0, np.array([1.0]), 5.0, [lambda t, y: 0.5 - y[0]])
    >>> round(found.at_s, 6), found.watch
    (0.693147, 0)
    """
    at_s, step_s = start_at_s, end_at_s - start_at_s
    seen = [watch(at_s, state) for watch in watches]
    for _ in range(_MOST_STEPS):
        if at_s >= end_at_s:
            return Arrival(end_at_s, state, None)
        step_s = min(step_s, end_at_s - at_s)
        ahead, error = _step(rate, at_s, state, step_s)
        if error <= 1.0:
            now = [watch(at_s + step_s, ahead) for watch in watches]
            crossed = [n for n, (old, new) in enumerate(zip(seen, now, strict=True)) if old < 0.0 <= new]
            if crossed:
                found = [_located(rate, at_s, state, step_s, watches[n], n) for n in crossed]
                return min(found, key=lambda arrival: arrival.at_s)
            at_s = end_at_s if step_s >= end_at_s - at_s else at_s + step_s
            state, seen = ahead, now
        step_s *= min(5.0, max(0.2, 0.9 * max(error, 1e-10) ** -0.2))
    wrong = f"a step of {step_s:.3g} s at {at_s:.6g} s"
    fault = Fault(
        "", 0, "time constants", wrong, "a system that a few steps a second follow", "make it coarser"
    )
    raise PhysicalRangeError("the transient cannot be followed", [fault])


def _step(rate: Rate, at_s: float, state: Array, step_s: float) -> tuple[Array, float]:
    """State after a step, and its error over what is let pass."""
    slopes = np.empty((7, state.size))
    ahead = state
    for n, (node, weights) in enumerate(zip(_NODES, _STAGES, strict=True)):
        ahead = state + step_s * (np.array(weights) @ slopes[:n]) if n else state
        slopes[n] = rate(at_s + node * step_s, ahead)
    allowed = ABSOLUTE + RELATIVE * np.maximum(np.abs(state), np.abs(ahead))
    return ahead, float(np.max(np.abs(step_s * (_ERROR @ slopes)) / allowed))


def _located(rate: Rate, at_s: float, state: Array, step_s: float, watch: Watch, place: int) -> Arrival:
    low, high = 0.0, step_s
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = watch(at_s + middle, _step(rate, at_s, state, middle)[0]) < 0.0
        low, high = (middle, high) if below else (low, middle)
    return Arrival(at_s + high, _step(rate, at_s, state, high)[0], place)
