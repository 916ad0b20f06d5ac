"""GPU packages: die, cold plate and the coolant in it.

``C_die  dTd/dt = P - (Td - Tp)/R_junction``
``C_plate dTp/dt = (Td - Tp)/R_junction - G (Tp - Tc)``
``C_coolant dTc/dt = G (Tp - Tc) - m cp (Tc - T_in)``, with ``G = (m/m_rated)^0.8 / R_film``

The coolant node is the liquid in the plate, its hoses and its share of the rack manifold; it is well mixed,
so it leaves at Tc, and R_film refers to that temperature. Without flow the plate is cut off and heat stays
where it is. A package on a heat sink in air is the same with air as coolant; where a data sheet refers its
resistance to the inlet air, subtract ``1 / (m cp)`` and the junction resistance to get R_film.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._linear import relax
from twin.models._range import within
from twin.physics.constants import CELSIUS_ZERO_K, PLATE_FLOW_EXPONENT

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over GPUs; all above zero.

    Parameters
    ----------
    die_j_per_k, plate_j_per_k, coolant_j_per_k : array (gpu)
        Heat capacities of the three nodes [J/K].
    junction_k_per_w, film_k_per_w : array (gpu)
        Resistance die to plate, and plate to coolant at rated flow [K/W].
    rated_flow_kg_per_s : array (gpu)
        Coolant flow of one GPU at which the film resistance holds [kg/s].
    coolant_j_per_kg_k : array (gpu)
        Heat capacity of the coolant [J/(kg K)].
    """

    die_j_per_k: Array
    plate_j_per_k: Array
    coolant_j_per_k: Array
    junction_k_per_w: Array
    film_k_per_w: Array
    rated_flow_kg_per_s: Array
    coolant_j_per_kg_k: Array


class State(NamedTuple):
    """Temperatures of die, plate and local coolant, arrays over GPUs [K]."""

    die_k: Array
    plate_k: Array
    coolant_k: Array


class Inputs(NamedTuple):
    """Power of each package [W], its coolant inlet [K] and flow [kg/s], arrays over GPUs; zero or larger."""

    power_w: Array
    inlet_k: Array
    flow_kg_per_s: Array


class Outputs(NamedTuple):
    """Energy drawn and heat carried off by the coolant over the step [J], temperatures at its end [K], over GPUs."""

    energy_j: Array
    heat_to_coolant_j: Array
    die_k: Array
    plate_k: Array
    coolant_k: Array


def at_rest(params: Params, temperature_k: float) -> State:
    """State in which everything has one temperature [K]."""
    uniform = np.full(params.die_j_per_k.shape, temperature_k)
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
    >>> p = Params(60 * one, 190 * one, 1111 * one, 0.014 * one, 0.012 * one, 0.038 * one, 3953 * one)
    >>> _, out = step(p, at_rest(p, 318.15), Inputs(1200 * one, 318.15 * one, 0.038 * one), 3600.0)
    >>> float(out.die_k[0].round(2))
    357.34
    """
    junction = 1.0 / params.junction_k_per_w
    film = (inputs.flow_kg_per_s / params.rated_flow_kg_per_s) ** PLATE_FLOW_EXPONENT / params.film_k_per_w
    carried = inputs.flow_kg_per_s * params.coolant_j_per_kg_k
    rate = np.zeros((3, 3, junction.size))
    rate[0, 1] = junction / params.die_j_per_k
    rate[0, 0] = -rate[0, 1]
    rate[1, 0] = junction / params.plate_j_per_k
    rate[1, 2] = film / params.plate_j_per_k
    rate[1, 1] = -(rate[1, 0] + rate[1, 2])
    rate[2, 1] = film / params.coolant_j_per_k
    rate[2, 2] = -(film + carried) / params.coolant_j_per_k
    source = np.zeros((3, junction.size))
    source[0] = inputs.power_w / params.die_j_per_k
    # above the inlet, so that what flows off is not a difference of large numbers
    above, integral = relax(rate, source, np.array(state) - inputs.inlet_k, dt_s)
    end = above + inputs.inlet_k
    within("gpu", end)
    heat = carried * integral[2]
    return State(end[0], end[1], end[2]), Outputs(inputs.power_w * dt_s, heat, end[0], end[1], end[2])


def stored_j(params: Params, state: State) -> Array:
    """Heat content above 0 °C, array over GPUs [J]."""
    return (
        params.die_j_per_k * (state.die_k - CELSIUS_ZERO_K)
        + params.plate_j_per_k * (state.plate_k - CELSIUS_ZERO_K)
        + params.coolant_j_per_k * (state.coolant_k - CELSIUS_ZERO_K)
    )


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over GPUs [J]."""
    return inputs.power_w * dt_s - outputs.heat_to_coolant_j
