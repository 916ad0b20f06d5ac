"""Chillers by the curves that are fitted to a manufacturer's figures.

The energy-input-ratio model of DOE-2, as EnergyPlus documents it (Engineering Reference 25.2, Chiller:Electric:EIR):
capacity and input ratio are biquadratic in the leaving chilled water and the entering condenser stream, a third
curve holds the part load. The curves take degrees Celsius, as they are published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.physics.constants import CELSIUS_ZERO_K

Array = NDArray[np.float64]
Span = tuple[float, float]

EVERYWHERE: Span = (0.0, np.inf)


class FittedChiller(NamedTuple):
    """A machine: heat and COP at its rating point, three curves, and the temperatures [K] they hold for.

    The curves are held at the ends of the spans; without spans they are used as they are.
    """

    rated_heat_w: float
    rated_cop: float
    capacity: Sequence[float]
    """Available over rated heat: six factors of 1, x, x^2, y, y^2, xy."""
    input_ratio: Sequence[float]
    """Power over heat, relative to the rating point: six factors as above."""
    part_load: Sequence[float]
    """Power over full-load power: factors of the powers of part load from the zeroth up."""
    leaving_k: Span = EVERYWHERE
    entering_k: Span = EVERYWHERE
    part_load_frac: Span = (0.0, np.inf)
    least_frac: float = 0.0
    """Part load below which the machine cycles on and off."""


def available_w(machine: FittedChiller, leaving_k: ArrayLike, entering_k: ArrayLike) -> Array:
    """Heat that a machine can take up.

    Parameters
    ----------
    machine : FittedChiller
        The machine.
    leaving_k, entering_k : array (hour)
        Leaving chilled water, and entering condenser water or outdoor air [K].

    Examples
    --------
    >>> machine = FittedChiller(1e6, 5.0, (1.0, 0, 0, -0.01, 0, 0), (1.0, 0, 0, 0, 0, 0), (0.0, 1.0))
    >>> float(available_w(machine, 280.15, 293.15).round(1))
    800000.0
    """
    x, y = _celsius(leaving_k, machine.leaving_k), _celsius(entering_k, machine.entering_k)
    return machine.rated_heat_w * _biquadratic(machine.capacity, x, y)


def power_w(machine: FittedChiller, heat_w: ArrayLike, leaving_k: ArrayLike, entering_k: ArrayLike) -> Array:
    """Electrical power of the compressor while a machine takes up heat.

    Parameters
    ----------
    machine : FittedChiller
        The machine.
    heat_w : array (hour)
        Heat taken up [W], zero to `available_w`.
    leaving_k, entering_k : array (hour)
        Leaving chilled water, and entering condenser water or outdoor air [K].

    Examples
    --------
    >>> machine = FittedChiller(1e6, 5.0, (1.0, 0, 0, 0, 0, 0), (1.0, 0, 0, 0, 0, 0), (0.1, 0.9))
    >>> power_w(machine, np.array([1e6, 5e5]), 280.15, 293.15).round(1)
    array([200000., 110000.])
    """
    x, y = _celsius(leaving_k, machine.leaving_k), _celsius(entering_k, machine.entering_k)
    most_w = machine.rated_heat_w * _biquadratic(machine.capacity, x, y)
    load = np.asarray(heat_w, dtype=float) / most_w
    running = np.minimum(load / machine.least_frac, 1.0) if machine.least_frac > 0.0 else np.ones_like(load)
    part = np.clip(np.maximum(load, machine.least_frac), *machine.part_load_frac)
    curve = np.polynomial.polynomial.polyval(part, np.asarray(machine.part_load, dtype=float))
    full_w = most_w / machine.rated_cop * _biquadratic(machine.input_ratio, x, y)
    drawn_w: Array = full_w * curve * running
    return drawn_w


def _celsius(temperature_k: ArrayLike, span_k: Span) -> Array:
    held: Array = np.clip(np.asarray(temperature_k, dtype=float), *span_k) - CELSIUS_ZERO_K
    return held


def _biquadratic(factors: Sequence[float], x: Array, y: Array) -> Array:
    a, b, c, d, e, f = factors
    return a + x * (b + c * x) + y * (d + e * y) + f * x * y
