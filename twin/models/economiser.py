"""Air-cooled chillers with a free-cooling coil ahead of them: outdoor air first, compressors for the rest.

With rising effort the fans of the coil go up to full speed, then compressors come on behind it; where outdoor air is
warmer than the water, a valve by-passes the coil and compressors carry all. The switch follows the weather by itself:
a mild day needs no effort beyond the coil.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models import air_coil, chiller

Array = NDArray[np.float64]


WORTHWHILE_K: Final = 3.0
"""Water less outdoor air from which on the coil is used in full [K]; assumption (2026), 2 to 4."""


class Params(NamedTuple):
    """Arrays over units.

    Parameters
    ----------
    free_effort_frac : array (unit)
        Effort at which the coil's fans run at full speed and from which on compressors help [1], between 0 and 1.
    coil : air_coil.Params
    machine : chiller.Params
        Free-cooling coils and compressors.
    """

    free_effort_frac: Array
    coil: air_coil.Params
    machine: chiller.Params


class State(NamedTuple):
    """A unit remembers nothing."""


class Inputs(NamedTuple):
    """Arrays over units.

    Parameters
    ----------
    water_in_k, water_kg_per_s : array (unit)
        Entering water [K] and its flow [kg/s].
    water_k : array (unit)
        Leaving water, held by the machine [K].
    air_in_k : array (unit)
        Outdoor air [K].
    effort_frac : array (unit)
        From standstill to full coil and full compressors [1].
    """

    water_in_k: Array
    water_kg_per_s: Array
    water_k: Array
    air_in_k: Array
    effort_frac: Array


class Outputs(NamedTuple):
    """Heat from the water, that without a compressor among it, electrical energy, all to the outdoors [J]."""

    heat_j: Array
    free_j: Array
    energy_j: Array
    rejected_j: Array


def derated(params: Params, fans_frac: Array, conductance_frac: Array) -> Params:
    """Units whose coils have a share of their fans, and are fouled."""
    return params._replace(coil=air_coil.derated(params.coil, fans_frac, conductance_frac))


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat and energy over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> coil = air_coil.Params(112e3 * one, 83 * one, 25 * one, 18e3 * one, 0.02 * one, 3900 * one)
    >>> p = Params(0.5 * one, coil, chiller.Params(1e6 * one, 0.5 * one, 2 * one, 12 * one, 0.03 * one))
    >>> cold, hot = (Inputs(303 * one, 25 * one, 293 * one, air * one, 0.5 * one) for air in (275.0, 308.0))
    >>> [int(step(p, State(), i, 1.0)[1].free_j[0] // 1000) for i in (cold, hot)]
    [1309, 0]
    """
    effort = inputs.effort_frac
    # near its limit the coil gives way by degrees, or its fans would cost more than they save
    helps = np.clip((inputs.water_in_k - inputs.air_in_k) / WORTHWHILE_K, 0.0, 1.0)
    blown = helps * np.minimum(effort / params.free_effort_frac, 1.0)
    told = air_coil.Inputs(inputs.water_in_k, inputs.air_in_k, inputs.water_kg_per_s, blown)
    _, coil = air_coil.step(params.coil, air_coil.State(), told, dt_s)
    free = np.where(helps > 0.0, coil.heat_to_air_j, 0.0)
    shared = np.clip((effort - params.free_effort_frac) / (1.0 - params.free_effort_frac), 0.0, 1.0)
    # by-passed, the coil leaves the whole range of effort to the compressors
    load = shared + (1.0 - helps) * (effort - shared)
    _, lifted = chiller.step(
        params.machine, chiller.State(), chiller.Inputs(load, inputs.water_k, inputs.air_in_k), dt_s
    )
    heat, energy = free + lifted.lifted_j, coil.fan_j + lifted.energy_j
    return state, Outputs(heat, free, energy, heat + energy)


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over units [J]."""
    return outputs.heat_j + outputs.energy_j - outputs.rejected_j
