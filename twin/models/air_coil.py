"""A finned coil with its fans between water and air: a dry cooler (warms air) or a CRAH (cools air).

Heat is the effectiveness of an unmixed crossflow coil times the smaller capacity flow times the difference
of the inlets. The coil holds no heat of its own: its few hundred kilograms answer within seconds, the loop
and the hall that it joins within minutes. Dry: condensation and frost are left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.models._linear import is_alike
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K, COIL_AIR_RESISTANCE_FRAC
from twin.physics.fan_pump import drive_power_w
from twin.physics.heat_exchanger import crossflow_w_per_k, film_w_per_k

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over coils; all above zero.

    Parameters
    ----------
    coil_w_per_k : array (coil)
        UA at rated flows [W/K].
    rated_air_kg_per_s, rated_water_kg_per_s : array (coil)
        Flows at which that UA holds [kg/s].
    fan_power_w : array (coil)
        Electrical power of the fans at full speed [W].
    natural_frac : array (coil)
        Air flow with fans off, by draught, over rated flow [1], 0 to about 0.05.
    water_j_per_kg_k : array (coil)
        Heat capacity of the water or mixture [J/(kg K)].
    """

    coil_w_per_k: Array
    rated_air_kg_per_s: Array
    rated_water_kg_per_s: Array
    fan_power_w: Array
    natural_frac: Array
    water_j_per_kg_k: Array


def derated(params: Params, fans_frac: Array, conductance_frac: Array) -> Params:
    """Coils with a share of their fans, and fouled.

    Parameters
    ----------
    params : Params
        Clean coils with all fans.
    fans_frac : array (coil)
        Fans that turn over all fans [1]; the part of the coil behind the others has its draught alone.
    conductance_frac : array (coil)
        UA over that of a clean coil [1].

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = derated(Params(120e3 * one, 200 * one, 20 * one, 30e3 * one, 0.03 * one, 3850 * one), 0.5 * one, 0.9 * one)
    >>> p.coil_w_per_k, p.rated_air_kg_per_s, p.fan_power_w
    (array([54000.]), array([100.]), array([15000.]))
    """
    blown = np.maximum(fans_frac, params.natural_frac)
    return params._replace(
        coil_w_per_k=params.coil_w_per_k * blown * conductance_frac,
        rated_air_kg_per_s=params.rated_air_kg_per_s * blown,
        fan_power_w=params.fan_power_w * fans_frac,
    )


class State(NamedTuple):
    """A coil remembers nothing."""


class Inputs(NamedTuple):
    """Inlets [K], water flow [kg/s] and fan speed over full speed [1] (0 when off), arrays over coils."""

    water_in_k: Array
    air_in_k: Array
    water_kg_per_s: Array
    fan_frac: Array


class Outputs(NamedTuple):
    """Arrays over coils.

    Parameters
    ----------
    heat_to_air_j : array (coil)
        Heat from water to air over the step [J]; negative when the coil cools air.
    fan_j : array (coil)
        Electrical energy of the fans [J]; it ends as heat in the air behind them, beside ``heat_to_air_j``.
    water_out_k : array (coil)
        Leaving water [K].
    air_kg_per_s : array (coil)
        Air flow [kg/s].
    """

    heat_to_air_j: Array
    fan_j: Array
    water_out_k: Array
    air_kg_per_s: Array


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat and fan energy over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(120e3 * one, 200 * one, 20 * one, 30e3 * one, 0.03 * one, 3850 * one)
    >>> _, out = step(p, State(), Inputs(321.15 * one, 268.15 * one, 20 * one, one), 1.0)
    >>> int(out.heat_to_air_j[0].round(-3)), int(out.fan_j[0])
    (2856000, 30000)
    """
    made = _advance(params, state, inputs, dt_s)
    return state, Outputs(made[0], made[1], made[2], made[3])


def heat_to_air_w(params: Params, inputs: Inputs) -> Array:
    """Heat from water to air while the inputs stay as they are, array (coil) [W].

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(120e3 * one, 200 * one, 20 * one, 30e3 * one, 0.03 * one, 3850 * one)
    >>> heat_to_air_w(p, Inputs(321.15 * one, 268.15 * one, 20 * one, one)).round(-3)
    array([2856000.])
    """
    found: Array = _advance(params, State(), inputs, 1.0)[0]
    return found


def _blown(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the fields of the outputs."""
    heat_j, fan_j, water_out, air = out[0], out[1], out[2], out[3]
    for c in range(inputs.fan_frac.size):
        if is_alike(inputs, c) and is_alike(params, c):  # coils of a bank mostly are, and told the same
            heat_j[c], fan_j[c], water_out[c], air[c] = (
                heat_j[c - 1],
                fan_j[c - 1],
                water_out[c - 1],
                air[c - 1],
            )
            continue
        air_frac = max(inputs.fan_frac[c], params.natural_frac[c])
        air[c] = params.rated_air_kg_per_s[c] * air_frac
        water_w_per_k = inputs.water_kg_per_s[c] * params.water_j_per_kg_k[c]
        ua = film_w_per_k(
            params.coil_w_per_k[c],
            air_frac,
            inputs.water_kg_per_s[c] / params.rated_water_kg_per_s[c],
            COIL_AIR_RESISTANCE_FRAC,
        )
        passed = crossflow_w_per_k(ua, air[c] * AIR_HEAT_CAPACITY_J_PER_KG_K, water_w_per_k)
        heat_w = passed * (inputs.water_in_k[c] - inputs.air_in_k[c])
        # a standing stream carries nothing, so any positive divisor leaves its temperature as it is
        water_out[c] = inputs.water_in_k[c] - heat_w / (water_w_per_k if water_w_per_k > 0.0 else np.inf)
        heat_j[c] = heat_w * dt_s
        fan_j[c] = drive_power_w(params.fan_power_w[c], inputs.fan_frac[c]) * dt_s


_advance = compiled(_blown, 4, film_w_per_k, drive_power_w)
