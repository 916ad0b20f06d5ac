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
from numba import njit
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.models._linear import fill_propagators, mark_other
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
    """Arrays over GPUs.

    Parameters
    ----------
    energy_j, heat_to_coolant_j : array (gpu)
        Energy drawn, and heat carried off by the coolant, over the step [J].
    received_kg : array (gpu)
        Coolant that flowed through over the step [kg].
    die_k, plate_k, coolant_k : array (gpu)
        Temperatures at its end [K].
    """

    energy_j: Array
    heat_to_coolant_j: Array
    received_kg: Array
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
    *temperatures, energy_j, heat_j, received_kg = end = _advance(params, state, inputs, dt_s)
    within("gpu", end[:3])
    return State(*temperatures), Outputs(energy_j, heat_j, received_kg, *temperatures)


def _relaxed(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the temperatures at the end and the amounts of the outputs."""
    gpus = inputs.power_w.size
    rate, ways = np.zeros((3, 3)), np.empty((5, 3, 3))
    is_other = np.zeros(gpus, np.bool_)  # GPUs of a rack share flow and type
    mark_other(inputs.flow_kg_per_s, is_other)
    for values in params:
        mark_other(values, is_other)
    first = 0
    while first < gpus:
        last = first + 1
        while last < gpus and not is_other[last]:
            last += 1
        _fill_in(rate, params, inputs.flow_kg_per_s[first], first)
        fill_propagators(rate, dt_s, ways)
        _follow(params, state, inputs, ways, first, last, out)
        first = last
    for a in range(gpus):
        out[3, a], out[5, a] = inputs.power_w[a] * dt_s, inputs.flow_kg_per_s[a] * dt_s


@njit(cache=True, error_model="numpy")
def _follow(
    params: Params, state: State, inputs: Inputs, ways: Array, first: int, last: int, out: Array
) -> None:
    """Temperatures and heat carried off of alike GPUs, from what a step does to a node."""
    alike = slice(first, last)
    nodes = state.die_k[alike], state.plate_k[alike], state.coolant_k[alike]
    inlet_k, power_w = inputs.inlet_k[alike], inputs.power_w[alike]
    source = 1.0 / params.die_j_per_k[first]
    for n in range(3):
        shares = ways[2, n, 0], ways[2, n, 1], ways[2, n, 2], ways[0, n, 0] * source
        _sum_up(nodes[n], nodes, inlet_k, power_w, shares, out[n, alike])
    carried = inputs.flow_kg_per_s[first] * params.coolant_j_per_kg_k[first]
    shares = ways[0, 2, 0], ways[0, 2, 1], ways[0, 2, 2], ways[1, 2, 0] * source
    _sum_up(np.zeros(last - first), nodes, inlet_k, power_w, shares, out[4, alike])
    out[4, alike] *= carried


@njit(cache=True, error_model="numpy")
def _sum_up(
    before: Array,
    nodes: tuple[Array, Array, Array],
    inlet_k: Array,
    power_w: Array,
    shares: tuple[float, float, float, float],
    into: Array,
) -> None:
    """Add to a row the shares of its nodes and of the power; a loop that compiles to vectors."""
    die_k, plate_k, coolant_k = nodes
    of_die, of_plate, of_coolant, of_power = shares
    for a in range(into.size):
        inlet = inlet_k[a]  # above it, so that what flows off is not a difference of large numbers
        into[a] = before[a] + (
            of_die * (die_k[a] - inlet) + of_plate * (plate_k[a] - inlet)
            + of_coolant * (coolant_k[a] - inlet) + of_power * power_w[a]
        )  # fmt: skip


@njit(cache=True, error_model="numpy")
def _fill_in(rate: Array, params: Params, flow_kg_per_s: float, a: int) -> None:
    """Coefficients of a GPU [1/s]."""
    junction = 1.0 / params.junction_k_per_w[a]
    film = (flow_kg_per_s / params.rated_flow_kg_per_s[a]) ** PLATE_FLOW_EXPONENT / params.film_k_per_w[a]
    carried = flow_kg_per_s * params.coolant_j_per_kg_k[a]
    rate[0, 1] = junction / params.die_j_per_k[a]
    rate[0, 0] = -rate[0, 1]
    rate[1, 0] = junction / params.plate_j_per_k[a]
    rate[1, 2] = film / params.plate_j_per_k[a]
    rate[1, 1] = -(rate[1, 0] + rate[1, 2])
    rate[2, 1] = film / params.coolant_j_per_k[a]
    rate[2, 2] = -(film + carried) / params.coolant_j_per_k[a]


_advance = compiled(_relaxed, 6)


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
