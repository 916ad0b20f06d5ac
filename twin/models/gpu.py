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
from twin.models._linear import fill_propagators
from twin.models._range import within
from twin.physics.constants import CELSIUS_ZERO_K, PLATE_FLOW_EXPONENT

Array = NDArray[np.float64]

_ROUNDING = 1e-12


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


def differs(params: Params) -> NDArray[np.bool_]:
    """Whether a GPU warms and cools otherwise than the one before it, array (gpu); for those who step them often.

    Time constants are compared, to rounding: several GPUs as one body have those of each.
    """
    carried = params.rated_flow_kg_per_s * params.coolant_j_per_kg_k
    times_s = np.stack(
        [
            params.die_j_per_k * params.junction_k_per_w,
            params.plate_j_per_k * params.junction_k_per_w,
            params.plate_j_per_k * params.film_k_per_w,
            params.coolant_j_per_k * params.film_k_per_w,
            params.coolant_j_per_k / carried,
        ]
    )
    is_near = np.abs(np.diff(times_s)) <= _ROUNDING * times_s[:, 1:]
    return np.append([False], ~is_near.all(axis=0))


def step(
    params: Params, state: State, inputs: Inputs, dt_s: float, other: NDArray[np.bool_] | None = None
) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Parameters
    ----------
    params, state, inputs, dt_s
        As of every model.
    other : array (gpu), optional
        What :func:`differs` says of these figures.

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
    other = differs(params) if other is None else other
    *temperatures, energy_j, heat_j, received_kg = end = _advance(params, state, inputs, dt_s, other)
    within("gpu", end[:3])
    return State(*temperatures), Outputs(energy_j, heat_j, received_kg, *temperatures)


def _relaxed(
    params: Params, state: State, inputs: Inputs, dt_s: float, out: Array, other: NDArray[np.bool_]
) -> None:
    """Fill in the temperatures at the end and the amounts of the outputs."""
    gpus = inputs.power_w.size
    rate, ways = np.zeros((3, 3)), np.empty((5, 3, 3))
    first = 0
    while first < gpus:
        last = _end_of_alike(inputs.flow_kg_per_s, params.rated_flow_kg_per_s, other, first)
        _fill_in(rate, params, inputs.flow_kg_per_s[first], first)
        fill_propagators(rate, dt_s, ways)
        alike = slice(first, last)
        ends = out[0, alike], out[1, alike], out[2, alike], out[3, alike], out[4, alike], out[5, alike]
        flow, heat_j_per_kg_k = inputs.flow_kg_per_s[alike], params.coolant_j_per_kg_k[alike]
        nodes = state.die_k[alike], state.plate_k[alike], state.coolant_k[alike]
        _warm(inputs.power_w[alike], params.die_j_per_k[alike], ends[3])
        _follow(nodes, inputs.inlet_k[alike], _shares(ways), ends)
        _carry_off(inputs.power_w[alike], flow, heat_j_per_kg_k, dt_s, ends)
        first = last


@njit(cache=True, error_model="numpy")
def _end_of_alike(flow: Array, rated: Array, other: NDArray[np.bool_], first: int) -> int:
    """First GPU after one that has other time constants or another share of its rated flow; in strides for vectors."""
    last, stride = first + 1, 32
    while last + stride <= flow.size:
        found = False
        for a in range(last, last + stride):
            found |= other[a] | _is_other_share(flow[a], rated[a], flow[first], rated[first])
        if found:
            break
        last += stride
    while last < flow.size and not other[last]:
        if _is_other_share(flow[last], rated[last], flow[first], rated[first]):
            break
        last += 1
    return last


@njit(cache=True, error_model="numpy")
def _is_other_share(flow: float, rated: float, first_flow: float, first_rated: float) -> bool:
    return abs(flow * first_rated - first_flow * rated) > _ROUNDING * first_flow * rated


Shares = tuple[float, float, float, float]
"""Of die, plate and coolant above the inlet, and of what the power warms the die by [K/s], in what a step adds."""


@njit(cache=True, error_model="numpy")
def _shares(ways: Array) -> tuple[Shares, Shares, Shares, Shares]:
    """Shares in the three temperatures, and in the integral of the coolant's, from what a step does to a node."""
    once, twice, rise = ways[0], ways[1], ways[2]
    return (
        (rise[0, 0], rise[0, 1], rise[0, 2], once[0, 0]),
        (rise[1, 0], rise[1, 1], rise[1, 2], once[1, 0]),
        (rise[2, 0], rise[2, 1], rise[2, 2], once[2, 0]),
        (once[2, 0], once[2, 1], once[2, 2], twice[2, 0]),
    )


Rows = tuple[Array, Array, Array, Array, Array, Array]
"""Rows of the outputs."""


@njit(cache=True, error_model="numpy")
def _warm(power_w: Array, die_j_per_k: Array, warming: Array) -> None:
    """Fill in what the power warms a die by [K/s], for now where the energy will stand."""
    for a in range(power_w.size):
        warming[a] = power_w[a] / die_j_per_k[a]


@njit(cache=True, error_model="numpy")
def _follow(
    nodes: tuple[Array, Array, Array],
    inlet_k: Array,
    shares: tuple[Shares, Shares, Shares, Shares],
    ends: Rows,
) -> None:
    """Fill in the temperatures of alike GPUs, and the integral of the coolant's; a loop that compiles to vectors."""
    die_k, plate_k, coolant_k = nodes
    to_die, to_plate, to_coolant, to_heat = shares
    die_end_k, plate_end_k, coolant_end_k, warming, heat, _ = ends
    for a in range(inlet_k.size):
        inlet, warms = inlet_k[a], warming[a]
        # above the inlet, so that what flows off is not a difference of large numbers
        die, plate, coolant = die_k[a] - inlet, plate_k[a] - inlet, coolant_k[a] - inlet
        die_end_k[a] = die_k[a] + _sum_up(to_die, die, plate, coolant, warms)
        plate_end_k[a] = plate_k[a] + _sum_up(to_plate, die, plate, coolant, warms)
        coolant_end_k[a] = coolant_k[a] + _sum_up(to_coolant, die, plate, coolant, warms)
        heat[a] = _sum_up(to_heat, die, plate, coolant, warms)


@njit(cache=True, error_model="numpy")
def _carry_off(power_w: Array, flow: Array, heat_j_per_kg_k: Array, dt_s: float, ends: Rows) -> None:
    """Fill in energy drawn, heat carried off, and coolant."""
    energy_j, heat_j, received_kg = ends[3], ends[4], ends[5]
    for a in range(power_w.size):
        energy_j[a] = power_w[a] * dt_s
        heat_j[a] *= flow[a] * heat_j_per_kg_k[a]
        received_kg[a] = flow[a] * dt_s


@njit(cache=True, error_model="numpy")
def _sum_up(shares: Shares, die: float, plate: float, coolant: float, warming: float) -> float:
    return shares[0] * die + shares[1] * plate + shares[2] * coolant + shares[3] * warming


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
