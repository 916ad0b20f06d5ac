"""Air-cooled chillers that lift heat from chilled water to the outdoors.

The evaporator lies below the leaving water and the condenser above the outdoor air, each by a fixed approach;
between them the machine reaches a share of the Carnot limit. Start-up time and surge are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.physics.chiller import cop

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over chillers.

    Parameters
    ----------
    rated_heat_w : array (chiller)
        Heat lifted at full load [W].
    carnot_frac : array (chiller)
        Share of the Carnot limit [1], about 0.45 to 0.60.
    evaporator_approach_k, condenser_approach_k : array (chiller)
        Leaving water less evaporating, and condensing less outdoor temperature [K].
    parasitic_frac : array (chiller)
        Energy of condenser fans and pumps per heat lifted [1].
    """

    rated_heat_w: Array
    carnot_frac: Array
    evaporator_approach_k: Array
    condenser_approach_k: Array
    parasitic_frac: Array


class State(NamedTuple):
    """A chiller remembers nothing."""


class Inputs(NamedTuple):
    """Load over rated heat [1] (0 when off), leaving water [K], outdoor dry bulb [K]; over chillers."""

    load_frac: Array
    water_k: Array
    outdoor_k: Array


class Outputs(NamedTuple):
    """Heat lifted, electrical energy, and their sum to the outdoors over the step [J]; over chillers."""

    lifted_j: Array
    energy_j: Array
    rejected_j: Array


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat and energy over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(1e6 * one, 0.5 * one, 2 * one, 12 * one, 0.03 * one)
    >>> _, out = step(p, State(), Inputs(one, 291.15 * one, 308.15 * one), 1.0)
    >>> round(float(out.lifted_j[0] / out.energy_j[0]), 2)
    4.09
    """
    made = _advance(params, state, inputs, dt_s)
    return state, Outputs(made[0], made[1], made[2])


def _lifted(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the fields of the outputs."""
    lifted_j, energy_j, rejected_j = out[0], out[1], out[2]
    for c in range(inputs.load_frac.size):
        performance = cop(
            inputs.water_k[c] - params.evaporator_approach_k[c],
            inputs.outdoor_k[c] + params.condenser_approach_k[c],
            params.carnot_frac[c],
        )
        lifted_j[c] = params.rated_heat_w[c] * inputs.load_frac[c] * dt_s
        energy_j[c] = lifted_j[c] * (1.0 / performance + params.parasitic_frac[c])
        rejected_j[c] = lifted_j[c] + energy_j[c]


_advance = compiled(_lifted, 3, cop)


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """Energy that entered less energy that left over a step, array over chillers [J]."""
    return outputs.lifted_j + outputs.energy_j - outputs.rejected_j
