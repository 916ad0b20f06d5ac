"""Air of a hall: cold side in front of the racks, hot side behind them, and the structure.

``C_hot dTh/dt = M cp (Tc - Th) + heat``
``C_cold dTc/dt = M cp (Th - Tc) - removed - G (Tc - Tw)``
``C_structure dTw/dt = G (Tc - Tw)``

M is the larger of what server fans and CRAH fans move: the difference recirculates over the racks when the
servers move more, and bypasses them when the CRAHs do. The hall exchanges no heat with the outdoors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.models._linear import relax
from twin.models._range import within
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K, CELSIUS_ZERO_K

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over halls; all above zero.

    Parameters
    ----------
    cold_j_per_k, hot_j_per_k, structure_j_per_k : array (hall)
        Heat capacities of the air on the two sides, and of slab, racks and walls [J/K].
    structure_w_per_k : array (hall)
        Conductance from cold-side air to the structure [W/K].
    """

    cold_j_per_k: Array
    hot_j_per_k: Array
    structure_j_per_k: Array
    structure_w_per_k: Array


class State(NamedTuple):
    """Temperatures of cold side, hot side and structure, arrays over halls [K]."""

    cold_k: Array
    hot_k: Array
    structure_k: Array


class Inputs(NamedTuple):
    """Heat of racks and fans [W], heat taken by coils [W], air moved by servers and CRAHs [kg/s]."""

    heat_w: Array
    removed_w: Array
    server_kg_per_s: Array
    crah_kg_per_s: Array


class Outputs(NamedTuple):
    """Temperatures at the end of the step, arrays over halls [K]."""

    cold_k: Array
    hot_k: Array
    structure_k: Array


def at_rest(params: Params, temperature_k: float) -> State:
    """State in which everything has one temperature [K]."""
    uniform = np.full(params.cold_j_per_k.shape, temperature_k)
    return State(uniform, uniform.copy(), uniform.copy())


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Raises
    ------
    PhysicalRangeError
        When a temperature leaves 230 to 450 K.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(1e6 * one, 1e6 * one, 5e7 * one, 5e3 * one)
    >>> _, out = step(p, at_rest(p, 297.15), Inputs(5e5 * one, 5e5 * one, 40 * one, 45 * one), 3600.0)
    >>> float((out.hot_k - out.cold_k)[0].round(2))
    11.04
    """
    end = _advance(params, state, inputs, dt_s)
    within("hall air", end)
    cold_k, hot_k, structure_k = end[0], end[1], end[2]
    return State(cold_k, hot_k, structure_k), Outputs(cold_k, hot_k, structure_k)


def _relaxed(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the temperatures at the end, array (node, hall)."""
    halls = inputs.heat_w.size
    rate, source, start = np.zeros((3, 3, halls)), np.zeros((3, halls)), np.empty((3, halls))
    for h in range(halls):
        air = max(inputs.server_kg_per_s[h], inputs.crah_kg_per_s[h])
        carried = air * AIR_HEAT_CAPACITY_J_PER_KG_K
        rate[0, 1, h] = carried / params.cold_j_per_k[h]
        rate[0, 2, h] = params.structure_w_per_k[h] / params.cold_j_per_k[h]
        rate[0, 0, h] = -(rate[0, 1, h] + rate[0, 2, h])
        rate[1, 0, h] = carried / params.hot_j_per_k[h]
        rate[1, 1, h] = -rate[1, 0, h]
        rate[2, 0, h] = params.structure_w_per_k[h] / params.structure_j_per_k[h]
        rate[2, 2, h] = -rate[2, 0, h]
        source[0, h] = -inputs.removed_w[h] / params.cold_j_per_k[h]
        source[1, h] = inputs.heat_w[h] / params.hot_j_per_k[h]
        start[0, h], start[1, h], start[2, h] = state.cold_k[h], state.hot_k[h], state.structure_k[h]
    end_k, _ = relax(rate, source, start, dt_s)
    for h in range(halls):
        out[0, h], out[1, h], out[2, h] = end_k[0, h], end_k[1, h], end_k[2, h]


_advance = compiled(_relaxed, 3)


def stored_j(params: Params, state: State) -> Array:
    """Heat content above 0 °C, array over halls [J]."""
    return (
        params.cold_j_per_k * (state.cold_k - CELSIUS_ZERO_K)
        + params.hot_j_per_k * (state.hot_k - CELSIUS_ZERO_K)
        + params.structure_j_per_k * (state.structure_k - CELSIUS_ZERO_K)
    )


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over halls [J]."""
    return (inputs.heat_w - inputs.removed_w) * dt_s
