"""A water loop between users and rejectors of heat: facility water, or chilled water.

``C_return dTr/dt = m cp (Ts - Tr) + heat``
``C_supply dTs/dt = m cp (Tr - Ts) - removed``

Users (CDUs, CRAHs) draw from the supply volume and give heat to the return volume; rejectors (dry coolers,
chillers) draw from the return volume and cool the supply volume. A buffer tank adds to the supply volume.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.models._linear import relax_pair
from twin.models._range import within
from twin.physics.constants import CELSIUS_ZERO_K

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over loops; all above zero.

    Parameters
    ----------
    supply_j_per_k, return_j_per_k : array (loop)
        Heat capacities of the two volumes [J/K].
    water_j_per_kg_k : array (loop)
        Heat capacity of the water or mixture [J/(kg K)].
    """

    supply_j_per_k: Array
    return_j_per_k: Array
    water_j_per_kg_k: Array


class State(NamedTuple):
    """Temperatures of supply and return volume, arrays over loops [K]."""

    supply_k: Array
    return_k: Array


class Inputs(NamedTuple):
    """Heat from users and pumps [W], heat taken by rejectors [W], flow [kg/s], arrays over loops."""

    heat_w: Array
    removed_w: Array
    flow_kg_per_s: Array


class Outputs(NamedTuple):
    """Temperatures at the end of the step, arrays over loops [K]."""

    supply_k: Array
    return_k: Array


def at_rest(params: Params, temperature_k: float) -> State:
    """State in which everything has one temperature [K]."""
    uniform = np.full(params.supply_j_per_k.shape, temperature_k)
    return State(uniform, uniform.copy())


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Raises
    ------
    PhysicalRangeError
        When a temperature leaves 230 to 450 K.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(4e6 * one, 4e6 * one, 4180 * one)
    >>> _, out = step(p, at_rest(p, 313.15), Inputs(8e5 * one, 8e5 * one, 20 * one), 3600.0)
    >>> float((out.return_k - out.supply_k)[0].round(2))
    9.57
    """
    end = _advance(params, state, inputs, dt_s)
    within("water loop", end)
    supply_k, return_k = end[0], end[1]
    return State(supply_k, return_k), Outputs(supply_k, return_k)


def _relaxed(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the temperatures at the end, array (node, loop)."""
    for w in range(inputs.heat_w.size):
        carried = inputs.flow_kg_per_s[w] * params.water_j_per_kg_k[w]
        supply, back = params.supply_j_per_k[w], params.return_j_per_k[w]
        rate = (-carried / supply, carried / supply, carried / back, -carried / back)
        source = -inputs.removed_w[w] / supply, inputs.heat_w[w] / back
        end, _ = relax_pair(rate, source, (state.supply_k[w], state.return_k[w]), dt_s)
        out[0, w], out[1, w] = end


_advance = compiled(_relaxed, 2)


def stored_j(params: Params, state: State) -> Array:
    """Heat content above 0 °C, array over loops [J]."""
    return params.supply_j_per_k * (state.supply_k - CELSIUS_ZERO_K) + params.return_j_per_k * (
        state.return_k - CELSIUS_ZERO_K
    )


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over loops [J]."""
    return (inputs.heat_w - inputs.removed_w) * dt_s
