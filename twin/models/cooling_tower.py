"""Cooling towers behind plates, with their basins: evaporation, drift, blow-down, make-up.

The loop's heat passes plates into tower water and leaves with saturated air (:mod:`twin.physics.wet_tower`). What
evaporates, drifts and is blown down leaves the basin; make-up fills it again, as fast as its supply can. An empty basin
cools only as far as fresh water comes in. Plates and tower hold no heat of their own: their water turns over within a
minute or two, the loop that they cool within many.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models import loop_fill
from twin.physics import wet_tower
from twin.physics.fan_pump import drive_power_w
from twin.physics.heat_exchanger import counterflow_w_per_k, film_w_per_k

Array = NDArray[np.float64]

FULL_FLOW_EFFORT_FRAC: Final = 0.25
"""Effort from which on tower pumps run at full speed [1]; choice of this product (2026): pumps first, then fans."""

DRAUGHT_FRAC: Final = 0.05
"""Air through a tower with its fans off over rated air [1]; assumption (2026), 0.02 to 0.1."""


class Params(NamedTuple):
    """Arrays over cells; all above zero.

    Parameters
    ----------
    tower_w_per_k, ua_w_per_k, air_kg_per_s
        As :class:`twin.physics.wet_tower.Cells`.
    plate_w_per_k : array (cell)
        UA of the plates at rated flows [W/K].
    rated_water_kg_per_s, water_j_per_kg_k : array (cell)
        Loop water through the plates at which that UA holds [kg/s], and its heat capacity [J/(kg K)].
    fan_power_w, pump_power_w : array (cell)
        Fans and tower pump at full speed [W].
    basin_kg, supply_kg_per_s : array (cell)
        Water in a full basin [kg], and the most that make-up brings [kg/s].
    cycles, drift_frac : array (cell)
        Cycles of concentration above 1, and drops over water moved [1].
    """

    tower_w_per_k: Array
    ua_w_per_k: Array
    air_kg_per_s: Array
    plate_w_per_k: Array
    rated_water_kg_per_s: Array
    water_j_per_kg_k: Array
    fan_power_w: Array
    pump_power_w: Array
    basin_kg: Array
    supply_kg_per_s: Array
    cycles: Array
    drift_frac: Array


class State(NamedTuple):
    """Water in the basins, array over cells [kg]."""

    held_kg: Array


class Inputs(NamedTuple):
    """Arrays over cells.

    Parameters
    ----------
    water_in_k, water_kg_per_s : array (cell)
        Loop water into the plates [K] and its flow [kg/s].
    air_in_k, wet_bulb_k : array (cell)
        Dry and wet bulb of outdoor air [K].
    effort_frac : array (cell)
        From standstill to full speed [1].
    make_up_frac : array (cell)
        Make-up that is there, over all that the supply brings [1].
    """

    water_in_k: Array
    water_kg_per_s: Array
    air_in_k: Array
    wet_bulb_k: Array
    effort_frac: Array
    make_up_frac: Array


class Outputs(NamedTuple):
    """Arrays over cells.

    Parameters
    ----------
    heat_j, energy_j : array (cell)
        Heat taken from the loop, and energy of fans and pump, over the step [J].
    evaporated_kg, lost_kg, make_up_kg : array (cell)
        Vapour; vapour, drops and blow-down together; fresh water, over the step [kg].
    level_frac, fan_frac : array (cell)
        Water in the basin over a full one, and fan speed [1].
    """

    heat_j: Array
    energy_j: Array
    evaporated_kg: Array
    lost_kg: Array
    make_up_kg: Array
    level_frac: Array
    fan_frac: Array


def derated(params: Params, fans_frac: Array, conductance_frac: Array) -> Params:
    """Cells with a share of their fans, and with fouled plates."""
    return params._replace(
        ua_w_per_k=params.ua_w_per_k * np.maximum(fans_frac, DRAUGHT_FRAC),
        air_kg_per_s=params.air_kg_per_s * np.maximum(fans_frac, DRAUGHT_FRAC),
        plate_w_per_k=params.plate_w_per_k * conductance_frac,
        fan_power_w=params.fan_power_w * fans_frac,
    )


def full(params: Params) -> State:
    """State of full basins."""
    return State(params.basin_kg.copy())


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> cell = wet_tower.sized(1e6)
    >>> rest = (600e3, 24.0, 3900.0, 12600.0, 13e3, 2e3, 2.0, 5.0, 2e-5)
    >>> p = Params(*cell, *(figure * one for figure in rest))
    >>> _, out = step(p, full(p), Inputs(309 * one, 24 * one, 303 * one, 295 * one, one, one), 3600.0)
    >>> int(out.heat_j[0] / 3.6e6), round(float(out.make_up_kg[0] / out.heat_j[0] * 3.6e6), 2)
    (877, 1.94)
    """
    effort = inputs.effort_frac
    flow = np.minimum(effort / FULL_FLOW_EFFORT_FRAC, 1.0)
    cells = wet_tower.Cells(params.tower_w_per_k, params.ua_w_per_k, params.air_kg_per_s)
    air = wet_tower.Air.of(inputs.air_in_k, inputs.wet_bulb_k)
    loop_w_per_k = inputs.water_kg_per_s * params.water_j_per_kg_k
    ua = film_w_per_k(params.plate_w_per_k, inputs.water_kg_per_s / params.rated_water_kg_per_s, flow)
    plate = counterflow_w_per_k(ua, loop_w_per_k, params.tower_w_per_k * flow)
    air_frac = np.maximum(effort, DRAUGHT_FRAC)
    found = wet_tower.behind_plates(cells, air, air_frac, np.maximum(flow, 1e-6), inputs.water_in_k, plate)
    vapour = found.evaporated_kg_per_s
    drops = params.drift_frac * params.tower_w_per_k * flow / wet_tower.WATER_J_PER_KG_K * (vapour > 0.0)
    leaving = vapour + np.maximum(vapour / (params.cycles - 1.0), drops)
    fill = loop_fill.Inputs(leaving, params.supply_kg_per_s * inputs.make_up_frac)
    end, basin = loop_fill.step(loop_fill.Params(params.basin_kg), loop_fill.State(state.held_kg), fill, dt_s)
    # a basin that runs dry within the step cools for as long as it had water
    wanted = leaving * dt_s
    share = np.divide(basin.lost_kg, wanted, out=np.ones_like(wanted), where=wanted > 0.0)
    energy = drive_power_w(params.fan_power_w, effort) + drive_power_w(params.pump_power_w, flow)
    return State(end.held_kg), Outputs(
        found.heat_w * dt_s * share, energy * dt_s, vapour * dt_s * share, basin.lost_kg, basin.brought_kg,
        basin.level_frac, effort + 0.0,
    )  # fmt: skip
