"""A lumped plant through a disturbance: states at chosen instants, the events on the way, and the peak."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.physics.course import Arrival, Watch, until
from twin.physics.lumped_plant import Throttle

Array = NDArray[np.float64]

_ASIDE_S = 1e-9
_FALL_K_PER_S = 1e-7
_TIE_K = 1e-8
_SHUTDOWN, _SLOWED = 0, 1


class Plant(Protocol):
    """What can be followed; `twin.physics.lumped_plant` has two."""

    @property
    def throttle(self) -> Throttle: ...
    @property
    def shutdown_k(self) -> float: ...
    @property
    def breaks_at_s(self) -> tuple[float, ...]: ...
    def start(self) -> Array:
        """State at rest."""

    def rate(self, at_s: float, state: Array, down: bool) -> Array:
        """Derivative of the state."""

    def hot_k(self, state: Array) -> float:
        """Temperature that slows the GPUs down."""

    def limiting_k(self, state: Array) -> float:
        """Temperature that shuts the plant down."""


class Transient(NamedTuple):
    """What came of it: instants of events are None where they did not come, the peak is of the hot temperature."""

    states: Array
    throttled_at_s: float | None
    shut_down_at_s: float | None
    peak_k: float
    peak_at_s: float


def play(plant: Plant, at_s: ArrayLike) -> Transient:
    """Follow a plant from rest.

    Parameters
    ----------
    plant : Plant
        A plant with its disturbances.
    at_s : array (instant)
        Rising instants from zero on [s]; the last one ends the run.

    Returns
    -------
    Transient
        States are an array (instant, quantity).

    Raises
    ------
    PhysicalRangeError
        When the plant is too stiff.

    Examples
    --------
    >>> from twin.physics import disturbance
    >>> from twin.physics.lumped_plant import LiquidLoop
    >>> loop = LiquidLoop(
    ...     gpus=72, gpu_w=1200.0, other_w=20e3, throttle=Throttle(360.15, 368.15, 300.0), shutdown_k=378.15,
    ...     die_k_per_w=0.014, film_k_per_w=0.012, film_exponent=0.8, die_j_per_k=60.0, plate_j_per_k=190.0,
    ...     rack_j_per_k=8e4, return_j_per_k=1.2e5, supply_j_per_k=1.6e5, loop_kg_per_s=2.75,
    ...     loop_j_per_kg_k=3953.0, facility_kg_per_s=3.2, facility_j_per_kg_k=4180.0, ua_w_per_k=26e3,
    ...     ua_exponent=0.6, facility_k=disturbance.steady(313.15), flow=disturbance.trip(10.0, 1.0, 0.004),
    ... )
    >>> found = play(loop, [0.0, 60.0])
    >>> round(found.throttled_at_s, 2), round(found.shut_down_at_s, 1)
    (12.37, 52.4)
    """
    return _Run(plant, np.asarray(at_s, dtype=float)).through()


class _Run:
    def __init__(self, plant: Plant, at_s: Array) -> None:
        self.plant, self.wanted_at_s = plant, at_s
        self.state, self.down = plant.start(), False
        self.throttled_at_s: float | None = None
        self.shut_down_at_s: float | None = None
        self.peak = (plant.hot_k(self.state), 0.0)

    def through(self) -> Transient:
        end_at_s = float(self.wanted_at_s[-1])
        breaks = {at_s for at_s in self.plant.breaks_at_s if 0.0 < at_s < end_at_s}
        self._note(0.0)
        found, now_at_s = [self.state], 0.0
        wanted = set(self.wanted_at_s[1:].tolist())
        for stop_at_s in sorted(breaks | wanted):
            self._stretch(now_at_s, stop_at_s)
            now_at_s = stop_at_s
            if stop_at_s in wanted:
                found.append(self.state)
        return Transient(np.array(found), self.throttled_at_s, self.shut_down_at_s, *self.peak)

    def _stretch(self, from_at_s: float, to_at_s: float) -> None:
        """Between two kinks of what is outside; each event inside starts a new stretch."""
        aside_s = min(_ASIDE_S, 0.25 * (to_at_s - from_at_s))

        def rate(at_s: float, state: Array) -> Array:
            # a value that jumps at an end of the stretch is taken from the inside
            held_at_s = min(max(at_s, from_at_s + aside_s), to_at_s - aside_s)
            return self.plant.rate(held_at_s, state, self.down)

        now_at_s = from_at_s
        while now_at_s < to_at_s:
            arrival: Arrival = until(rate, now_at_s, self.state, to_at_s, self._watches(rate))
            now_at_s, self.state = arrival.at_s, arrival.state
            if arrival.watch == _SHUTDOWN and not self.down:
                self.down, self.shut_down_at_s = True, now_at_s
            self._note(now_at_s)
            if arrival.watch == _SLOWED and self.throttled_at_s is None:
                self.throttled_at_s = now_at_s

    def _watches(self, rate: Callable[[float, Array], Array]) -> list[Watch]:
        plant, throttle = self.plant, self.plant.throttle

        def falling(at_s: float, state: Array) -> float:
            rise_s = 1e-3
            return (
                plant.hot_k(state) - plant.hot_k(state + rise_s * rate(at_s, state))
            ) / rise_s - _FALL_K_PER_S

        return [
            lambda at_s, state: plant.limiting_k(state) - plant.shutdown_k,
            lambda at_s, state: plant.hot_k(state) - throttle.start_k,
            lambda at_s, state: throttle.start_k - plant.hot_k(state),
            lambda at_s, state: plant.hot_k(state) - throttle.full_k,
            lambda at_s, state: throttle.full_k - plant.hot_k(state),
            falling,
        ]

    def _note(self, at_s: float) -> None:
        hot_k = self.plant.hot_k(self.state)
        if hot_k > self.peak[0] + _TIE_K:
            self.peak = (hot_k, at_s)
        if hot_k >= self.plant.throttle.start_k and self.throttled_at_s is None:
            self.throttled_at_s = at_s
        if self.plant.limiting_k(self.state) >= self.plant.shutdown_k and not self.down:
            self.down, self.shut_down_at_s = True, at_s
