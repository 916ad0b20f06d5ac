"""Heat given to a neighbour: an exchanger in the return of facility water, ahead of its rejection.

``heat = min(demand, K (T_return - T_neighbour))``, and nothing while the return is colder than the neighbour's water.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over exchangers.

    Parameters
    ----------
    conductance_w_per_k : array (exchanger)
        Heat per kelvin between facility return and the neighbour's water [W/K].
    demand_w : array (exchanger)
        Most that the neighbour takes [W].
    """

    conductance_w_per_k: Array
    demand_w: Array


class State(NamedTuple):
    """An exchanger remembers nothing."""


class Inputs(NamedTuple):
    """Return of facility water and the neighbour's water [K], arrays over exchangers."""

    return_k: Array
    neighbour_k: Array


class Outputs(NamedTuple):
    """Heat given over the step [J], array over exchangers."""

    heat_j: Array


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(50e3 * one, 200e3 * one)
    >>> [float(step(p, State(), Inputs(t * one, 313.0 * one), 1.0)[1].heat_j[0]) for t in (310.0, 315.0, 320.0)]
    [0.0, 100000.0, 200000.0]
    """
    wanted_w = params.conductance_w_per_k * np.maximum(inputs.return_k - inputs.neighbour_k, 0.0)
    return state, Outputs(np.minimum(wanted_w, params.demand_w) * dt_s)
