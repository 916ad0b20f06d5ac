"""Water-cooled chillers with their towers: heat lifted from a loop, rejected by evaporation.

The machine reaches a share of the Carnot limit between the leaving water and the condenser, which lies above the water
that its tower needs for the heat; the tower runs with its fans and pump in step with the load. Start-up and surge are
left out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics import chiller, wet_tower
from twin.physics.fan_pump import drive_power_w

Array = NDArray[np.float64]

LEAST_FRAC: Final = 0.2
"""Lowest speed of tower fans and pump while a machine runs [1]; assumption (2026), 0.15 to 0.3."""

_ROUNDS = 8


class Params(NamedTuple):
    """Arrays over chillers; all above zero.

    Parameters
    ----------
    rated_heat_w : array (chiller)
        Heat lifted at full load [W].
    carnot_frac, evaporator_approach_k, condenser_approach_k : array (chiller)
        Share of the Carnot limit [1]; leaving water less evaporating, and condensing less leaving condenser water [K].
    tower_w_per_k, ua_w_per_k, air_kg_per_s : array (chiller)
        As :class:`twin.physics.wet_tower.Cells`.
    fan_power_w, pump_power_w : array (chiller)
        Tower fans and condenser pump at full speed [W].
    cycles : array (chiller)
        Cycles of concentration [1], above 1.
    """

    rated_heat_w: Array
    carnot_frac: Array
    evaporator_approach_k: Array
    condenser_approach_k: Array
    tower_w_per_k: Array
    ua_w_per_k: Array
    air_kg_per_s: Array
    fan_power_w: Array
    pump_power_w: Array
    cycles: Array


class State(NamedTuple):
    """A chiller remembers nothing."""


class Inputs(NamedTuple):
    """Arrays over chillers.

    Parameters
    ----------
    water_k : array (chiller)
        Leaving water, held by the machine [K].
    air_in_k, wet_bulb_k : array (chiller)
        Dry and wet bulb of outdoor air [K].
    effort_frac : array (chiller)
        Load over rated heat [1].
    make_up_frac : array (chiller)
        Fresh water that is there, over what is wanted [1]; without any the condenser trips the machine.
    """

    water_k: Array
    air_in_k: Array
    wet_bulb_k: Array
    effort_frac: Array
    make_up_frac: Array


class Outputs(NamedTuple):
    """Heat lifted, electrical energy and their sum to the outdoors [J], vapour and fresh water [kg], over the step."""

    heat_j: Array
    energy_j: Array
    rejected_j: Array
    evaporated_kg: Array
    make_up_kg: Array


def derated(params: Params, fans_frac: Array, conductance_frac: Array) -> Params:
    """Chillers whose towers have a share of their fans, and whose condensers are fouled."""
    blown = np.maximum(fans_frac, 0.05)
    return params._replace(
        ua_w_per_k=params.ua_w_per_k * blown,
        air_kg_per_s=params.air_kg_per_s * blown,
        fan_power_w=params.fan_power_w * fans_frac,
        condenser_approach_k=params.condenser_approach_k / np.maximum(conductance_frac, 0.05),
    )


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat, energy and water over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(1e6 * one, 0.55 * one, 2 * one, 2 * one, *wet_tower.sized(1.2e6), 15e3 * one, 15e3 * one, 5 * one)
    >>> _, out = step(p, State(), Inputs(291.15 * one, 305.0 * one, 296.0 * one, one, one), 1.0)
    >>> round(float(out.heat_j[0] / out.energy_j[0]), 1), round(float(out.make_up_kg[0]), 2)
    (6.9, 0.62)
    """
    load = inputs.effort_frac * np.minimum(inputs.make_up_frac, 1.0)
    heat_w = params.rated_heat_w * load
    speed = np.clip(load, LEAST_FRAC, 1.0) * (load > 0.0)
    towers_w = drive_power_w(params.fan_power_w, speed) + drive_power_w(params.pump_power_w, speed)
    cells = wet_tower.Cells(params.tower_w_per_k, params.ua_w_per_k, params.air_kg_per_s)
    air = wet_tower.Air.of(inputs.air_in_k, inputs.wet_bulb_k)
    turning = np.maximum(speed, LEAST_FRAC)
    drawn_w = 0.2 * heat_w
    for _ in range(_ROUNDS):  # the compressor's heat warms its own condenser a little
        tower = wet_tower.at_heat(cells, air, turning, turning, heat_w + drawn_w)
        condensing_k = tower.entering_k + params.condenser_approach_k
        ratio = chiller.cop(inputs.water_k - params.evaporator_approach_k, condensing_k, params.carnot_frac)
        before_w, drawn_w = drawn_w, heat_w / ratio
        if np.all(np.abs(drawn_w - before_w) <= 1e-12 * params.rated_heat_w):
            break
    energy = (drawn_w + towers_w) * dt_s
    lifted, vapour = heat_w * dt_s, tower.evaporated_kg_per_s * dt_s
    return state, Outputs(
        lifted, energy, lifted + energy, vapour, vapour * params.cycles / (params.cycles - 1.0)
    )


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over chillers [J]."""
    return outputs.heat_j + outputs.energy_j - outputs.rejected_j
