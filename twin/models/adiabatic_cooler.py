"""Dry coolers behind wetted pads: little air, then water, then all air.

Wet pads bring the air to ``T_dry - e (T_dry - T_wet)`` along the line of its wet bulb; the water that this takes is the
rise of the air's humidity (ASHRAE Systems and Equipment 2020, chapter 41). With rising effort the fans go up to their
dry limit, then the pads are wetted section by section, then the fans go up to full speed. Pads dry out without make-up.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models import air_coil
from twin.physics.wet_tower import Air

Array = NDArray[np.float64]

DRY_EFFORT_FRAC: Final = 0.5
WET_EFFORT_FRAC: Final = 0.75
"""Effort from which on pads are wetted, and at which all are [1]; choice of this product (2026)."""


class Params(NamedTuple):
    """Arrays over coolers.

    Parameters
    ----------
    pad_frac : array (cooler)
        Effectiveness of wet pads [1], 0.7 to 0.95.
    dry_speed_frac : array (cooler)
        Fan speed from which on pads are wetted [1].
    cycles : array (cooler)
        Cycles of concentration of the pad water [1], above 1.
    coil : air_coil.Params
        Coil and fans, with the fan power that the pads cost.
    """

    pad_frac: Array
    dry_speed_frac: Array
    cycles: Array
    coil: air_coil.Params


class State(NamedTuple):
    """A cooler remembers nothing."""


class Inputs(NamedTuple):
    """Arrays over coolers.

    Parameters
    ----------
    water_in_k, water_kg_per_s : array (cooler)
        Entering water [K] and its flow [kg/s].
    air_in_k, wet_bulb_k : array (cooler)
        Dry and wet bulb of outdoor air [K].
    effort_frac : array (cooler)
        From standstill to all air through wet pads [1].
    make_up_frac : array (cooler)
        Fresh water that is there, over what is wanted [1]; 0 keeps the pads dry.
    """

    water_in_k: Array
    water_kg_per_s: Array
    air_in_k: Array
    wet_bulb_k: Array
    effort_frac: Array
    make_up_frac: Array


class Outputs(NamedTuple):
    """Heat from water to air and energy of the fans [J], vapour and fresh water [kg], over the step; fan speed [1]."""

    heat_j: Array
    energy_j: Array
    evaporated_kg: Array
    make_up_kg: Array
    fan_frac: Array


def derated(params: Params, fans_frac: Array, conductance_frac: Array) -> Params:
    """Coolers with a share of their fans, and fouled; as :func:`twin.models.air_coil.derated`."""
    return params._replace(coil=air_coil.derated(params.coil, fans_frac, conductance_frac))


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat, energy and water over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> coil = air_coil.Params(112e3 * one, 83 * one, 25 * one, 20e3 * one, 0.02 * one, 3900 * one)
    >>> p = Params(0.85 * one, 0.7 * one, 3 * one, coil)
    >>> dry, wet = (Inputs(322 * one, 25 * one, 313 * one, 297 * one, e * one, one) for e in (0.5, 0.75))
    >>> [int(step(p, State(), i, 1.0)[1].heat_j[0] // 1000) for i in (dry, wet)]
    [346, 870]
    """
    effort, dry = inputs.effort_frac, params.dry_speed_frac
    wetted = np.clip((effort - DRY_EFFORT_FRAC) / (WET_EFFORT_FRAC - DRY_EFFORT_FRAC), 0.0, 1.0)
    wetted = wetted * np.minimum(inputs.make_up_frac, 1.0)
    last = np.clip((effort - WET_EFFORT_FRAC) / (1.0 - WET_EFFORT_FRAC), 0.0, 1.0)
    speed = dry * np.minimum(effort / DRY_EFFORT_FRAC, 1.0) + (1.0 - dry) * last
    entering_k = inputs.air_in_k - wetted * params.pad_frac * (inputs.air_in_k - inputs.wet_bulb_k)
    told = air_coil.Inputs(inputs.water_in_k, entering_k, inputs.water_kg_per_s, speed)
    _, coil = air_coil.step(params.coil, air_coil.State(), told, dt_s)
    rise = (
        Air.of(entering_k, inputs.wet_bulb_k).humidity - Air.of(inputs.air_in_k, inputs.wet_bulb_k).humidity
    )
    vapour = coil.air_kg_per_s * np.maximum(rise, 0.0) * (wetted > 0.0) * dt_s
    fresh = vapour * params.cycles / (params.cycles - 1.0)
    return state, Outputs(coil.heat_to_air_j, coil.fan_j, vapour, fresh, speed)
