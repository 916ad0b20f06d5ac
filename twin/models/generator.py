"""Standby generators: from the call to a voltage that takes load, and the fuel they burn.

Which load they may take in one step is a property of the card and judged by who connects it; this model counts time
and fuel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over generators.

    Parameters
    ----------
    rating_w : array (generator)
        Rated output [W], above zero.
    start_s : array (generator)
        From the call to a voltage that takes load: detection, cranking, run-up [s], zero or larger.
    tank_j : array (generator)
        Heat of the fuel in a full tank [J].
    idle_frac : array (generator)
        Heat of fuel that is burned without load, over the rating [1].
    fuel_per_output : array (generator)
        Heat of fuel for each unit of energy given [1].
    """

    rating_w: Array
    start_s: Array
    tank_j: Array
    idle_frac: Array
    fuel_per_output: Array


class State(NamedTuple):
    """Time since the call [s], 0 while it is not called, and heat of the fuel left [J]; arrays over generators."""

    called_s: Array
    fuel_j: Array


class Inputs(NamedTuple):
    """Whether it is called (1 or 0) and able to start (1 or 0), and its output [W]; arrays over generators."""

    is_called: Array
    can_start: Array
    load_w: Array


class Outputs(NamedTuple):
    """Arrays over generators.

    Parameters
    ----------
    burned_j : array (generator)
        Heat of the fuel burned over the step [J].
    run_s : array (generator)
        Time at voltage [s].
    is_ready : array (generator)
        1 where it has voltage at the end of the step, else 0.
    """

    burned_j: Array
    run_s: Array
    is_ready: Array


def still(params: Params) -> State:
    """State at rest with full tanks."""
    return State(np.zeros_like(params.start_s), params.tank_j.copy())


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length, also where a tank runs empty.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(1e6 * one, 10 * one, 1e9 * one, 0.15 * one, 2.6 * one)
    >>> _, out = step(p, still(p), Inputs(one, one, 5e5 * one), 30.0)
    >>> float(out.run_s[0]), float(out.burned_j[0]) / 1e6
    (20.0, 29.0)
    """
    turns = inputs.is_called * inputs.can_start
    called_s = (state.called_s + dt_s) * turns
    wait_s = np.maximum(params.start_s - state.called_s, 0.0)
    rate_w = params.idle_frac * params.rating_w + params.fuel_per_output * inputs.load_w
    wanted_s, lasts_s = np.maximum(dt_s - wait_s, 0.0) * turns, state.fuel_j / np.maximum(rate_w, 1e-300)
    run_s = np.minimum(wanted_s, lasts_s)
    burned_j = np.where(wanted_s >= lasts_s, state.fuel_j, rate_w * run_s)  # no rounding is left in a tank
    fuel_j = state.fuel_j - burned_j
    is_ready = turns * (called_s >= params.start_s * (1.0 - 1e-12)) * (fuel_j > 0.0)
    return State(called_s, fuel_j), Outputs(burned_j, run_s, is_ready)


def stored_j(params: Params, state: State) -> Array:
    """Heat of the fuel left [J]."""
    return state.fuel_j


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Fuel burned, as a loss [J]."""
    return -outputs.burned_j
