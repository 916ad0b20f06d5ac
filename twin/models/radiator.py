"""Radiator panels in orbit: coolant cools along panels of two faces that emit, under sun, albedo and infrared.

The coolant's temperature falls along the panel by ``m cp dT = -flux(T) dA``; what leaves is the root of the closed form
of :func:`twin.physics.radiator.area_m2`. In the planet's shadow neither sun nor albedo shines. Panels hold no heat of
their own: some kilograms a square metre answer within a minute or two, an orbit takes ninety.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.fan_pump import drive_power_w
from twin.physics.radiator import SPACE_K, STEFAN_BOLTZMANN_W_PER_M2_K4, reach_per_k3

Array = NDArray[np.float64]

_ROUNDS = 60
_ENOUGH_K = 1e-11


class Params(NamedTuple):
    """Arrays over radiators; all above zero but the two last.

    Parameters
    ----------
    area_m2 : array (radiator)
        Area of panel; one panel of two faces counts once [m2].
    emissivity_frac, fin_frac, sides : array (radiator)
        Emissivity, fin efficiency and emitting faces [1].
    water_j_per_kg_k : array (radiator)
        Heat capacity of the coolant [J/(kg K)].
    pump_power_w : array (radiator)
        Pump of the panels at full speed [W].
    absorptivity_frac : array (radiator)
        Share of sunlight that is absorbed [1].
    """

    area_m2: Array
    emissivity_frac: Array
    fin_frac: Array
    sides: Array
    water_j_per_kg_k: Array
    pump_power_w: Array
    absorptivity_frac: Array


class State(NamedTuple):
    """A radiator remembers nothing."""


class Inputs(NamedTuple):
    """Arrays over radiators.

    Parameters
    ----------
    water_in_k, water_kg_per_s : array (radiator)
        Entering coolant [K] and the loop's flow [kg/s].
    effort_frac : array (radiator)
        Share of the loop's flow that goes through the panels; the rest by-passes them [1].
    sunlight_w_per_m2 : array (radiator)
        Sun and albedo on an area of panel, before absorption [W/m2]; 0 in the shadow.
    infrared_w_per_m2 : array (radiator)
        The planet's infrared on it [W/m2].
    """

    water_in_k: Array
    water_kg_per_s: Array
    effort_frac: Array
    sunlight_w_per_m2: Array
    infrared_w_per_m2: Array


class Outputs(NamedTuple):
    """Heat to space less what shines in, and energy of pumps, over the step [J]; coolant behind the panels [K]."""

    heat_j: Array
    energy_j: Array
    water_out_k: Array


def derated(params: Params, fans_frac: Array, conductance_frac: Array) -> Params:
    """Radiators with a share of their panels left, and with aged coating or torn fins."""
    return params._replace(
        area_m2=params.area_m2 * fans_frac, emissivity_frac=params.emissivity_frac * conductance_frac
    )


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Heat and energy over ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(929.956 * one, 0.91 * one, 0.95 * one, 2 * one, 4000 * one, 0 * one, 0.09 * one)
    >>> around = Inputs(333.15 * one, 1e6 / 15 / 4000 * one, one, 0.03 * 1361 * one, 23.7 * one)
    >>> _, out = step(p, State(), around, 1.0)
    >>> out.heat_j.round(-1), out.water_out_k.round(2)
    (array([1000000.]), array([318.15]))
    """
    per_k4 = params.sides * params.emissivity_frac * STEFAN_BOLTZMANN_W_PER_M2_K4 * params.fin_frac
    absorbed = (
        params.absorptivity_frac * inputs.sunlight_w_per_m2
        + params.emissivity_frac * inputs.infrared_w_per_m2
    )
    balance_k = np.maximum(SPACE_K**4 + absorbed / per_k4, 0.0) ** 0.25
    flow_w_per_k = inputs.water_kg_per_s * inputs.effort_frac * params.water_j_per_kg_k
    reach = (
        params.area_m2 * per_k4 / np.maximum(flow_w_per_k, 1e-9)
    )  # what the integral of dT/(T^4 - balance^4) is
    out_k = _outlet_k(inputs.water_in_k, balance_k, reach)
    heat = flow_w_per_k * (inputs.water_in_k - out_k) * dt_s
    energy = drive_power_w(params.pump_power_w, inputs.effort_frac) * dt_s
    return state, Outputs(heat, energy, out_k)


def _outlet_k(inlet_k: Array, balance_k: Array, reach_per_k3_: Array) -> Array:
    """Coolant behind the panels, by Newton inside a bracket; a panel colder than its balance is by-passed."""
    emits = inlet_k > balance_k * (1.0 + 1e-9)
    inlet = np.where(emits, inlet_k, balance_k + 1.0)
    begin = reach_per_k3(inlet, balance_k)
    low, high = balance_k.copy(), inlet.copy()
    out = 0.5 * (low + high)
    for _ in range(_ROUNDS):
        short = reach_per_k3(out, balance_k) - begin - reach_per_k3_
        low, high = np.where(short > 0.0, out, low), np.where(short > 0.0, high, out)
        guess = out + short * (out**4 - balance_k**4)
        before, out = out, np.where((guess > low) & (guess < high), guess, 0.5 * (low + high))
        if np.all(np.abs(out - before) <= _ENOUGH_K):
            break
    return np.where(emits, out, inlet_k)
