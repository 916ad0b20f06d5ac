"""Technology loop of a coolant distribution unit, with its exchanger to facility water.

``C_return dTr/dt = m cp (Ts - Tr) + heat``
``C_supply dTs/dt = m cp (Tr - Ts) - K (Tr - T_facility)``

Two well-mixed volumes, because the delay between them is what a pump trip and a load step show; K is the
effectiveness times the smaller capacity flow of a counterflow exchanger whose UA follows both flows. Coolant
in the racks belongs to the GPUs that it cools. Flows and the valve on the facility side are inputs, so the
block stays linear and the step exact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.models._linear import relax_pair
from twin.models._range import within
from twin.physics.constants import CELSIUS_ZERO_K
from twin.physics.heat_exchanger import counterflow_w_per_k, film_w_per_k

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over CDUs; all above zero.

    Parameters
    ----------
    supply_j_per_k, return_j_per_k : array (cdu)
        Heat capacities of the two volumes [J/K].
    exchanger_w_per_k : array (cdu)
        UA of the exchanger at rated flows [W/K].
    rated_flow_kg_per_s, rated_facility_flow_kg_per_s : array (cdu)
        Flows at which that UA holds [kg/s].
    coolant_j_per_kg_k, facility_j_per_kg_k : array (cdu)
        Heat capacities of technology coolant and facility water [J/(kg K)].
    """

    supply_j_per_k: Array
    return_j_per_k: Array
    exchanger_w_per_k: Array
    rated_flow_kg_per_s: Array
    rated_facility_flow_kg_per_s: Array
    coolant_j_per_kg_k: Array
    facility_j_per_kg_k: Array


def fouled(params: Params, conductance_frac: Array) -> Params:
    """CDUs whose exchangers have so much of their clean UA left [1]."""
    return params._replace(exchanger_w_per_k=params.exchanger_w_per_k * conductance_frac)


class State(NamedTuple):
    """Temperatures of supply and return volume, arrays over CDUs [K]."""

    supply_k: Array
    return_k: Array


class Inputs(NamedTuple):
    """Arrays over CDUs.

    Parameters
    ----------
    heat_w : array (cdu)
        Heat into the return volume: from GPUs, other liquid-cooled parts and pumps [W].
    flow_kg_per_s, facility_flow_kg_per_s : array (cdu)
        Technology flow, and facility flow through the exchanger after the valve [kg/s], zero or larger.
    facility_supply_k : array (cdu)
        Facility water into the exchanger [K].
    """

    heat_w: Array
    flow_kg_per_s: Array
    facility_flow_kg_per_s: Array
    facility_supply_k: Array


class Outputs(NamedTuple):
    """Heat to facility water over the step [J] and temperatures at its end [K], arrays over CDUs."""

    heat_to_facility_j: Array
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
    >>> p = Params(160e3 * one, 120e3 * one, 26e3 * one, 2.75 * one, 3.2 * one, 3953 * one, 4180 * one)
    >>> inputs = Inputs(106.4e3 * one, 2.75 * one, 3.2 * one, 313.15 * one)
    >>> _, out = step(p, at_rest(p, 313.15), inputs, 3600.0)
    >>> float(out.supply_k[0].round(2)), float(out.return_k[0].round(2))
    (316.39, 326.18)
    """
    end = _advance(params, state, inputs, dt_s)
    supply_k, return_k, heat_j = end[0], end[1], end[2]
    within("cdu", end[:2])
    return State(supply_k, return_k), Outputs(heat_j, supply_k, return_k)


def _relaxed(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the temperatures at the end, and the heat to facility water."""
    for c in range(inputs.heat_w.size):
        flow, facility_flow = inputs.flow_kg_per_s[c], inputs.facility_flow_kg_per_s[c]
        carried = flow * params.coolant_j_per_kg_k[c]
        ua = film_w_per_k(
            params.exchanger_w_per_k[c],
            flow / params.rated_flow_kg_per_s[c],
            facility_flow / params.rated_facility_flow_kg_per_s[c],
        )
        passed = counterflow_w_per_k(ua, carried, facility_flow * params.facility_j_per_kg_k[c])
        supply, back, cool_k = params.supply_j_per_k[c], params.return_j_per_k[c], inputs.facility_supply_k[c]
        rate = (-carried / supply, (carried - passed) / supply, carried / back, -carried / back)
        # above the facility supply, so that the heat passed is not a difference of large numbers
        above = state.supply_k[c] - cool_k, state.return_k[c] - cool_k
        end, integral = relax_pair(rate, (0.0, inputs.heat_w[c] / back), above, dt_s)
        out[0, c], out[1, c], out[2, c] = end[0] + cool_k, end[1] + cool_k, passed * integral[1]


_advance = compiled(_relaxed, 3, film_w_per_k)


def stored_j(params: Params, state: State) -> Array:
    """Heat content above 0 °C, array over CDUs [J]."""
    return params.supply_j_per_k * (state.supply_k - CELSIUS_ZERO_K) + params.return_j_per_k * (
        state.return_k - CELSIUS_ZERO_K
    )


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over CDUs [J]."""
    return inputs.heat_w * dt_s - outputs.heat_to_facility_j
