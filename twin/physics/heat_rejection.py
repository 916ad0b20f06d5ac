"""Heat to outdoor air at a set-point: dry coolers and towers whose fans change between speeds.

A fan that cycles runs a share of the time at one of two neighbouring speeds, the lowest being standstill, so that
the mean outlet is the set-point; as EnergyPlus documents it (Engineering Reference 25.2, CoolingTower, FluidCooler).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics import psychrometrics
from twin.physics.cooling_tower import TowerAir, tower_heat_w
from twin.physics.heat_exchanger import crossflow_w_per_k

Array = NDArray[np.float64]


class Speed(NamedTuple):
    """A speed of the fans: air flow [m3/s], UA [W/K] and power [W]."""

    air_m3_per_s: float
    ua_w_per_k: float
    fan_w: float


class Rejection(NamedTuple):
    """Means over a step, arrays (step): water out [K], fan power [W], air flow [m3/s]."""

    outlet_k: Array
    fan_w: Array
    air_m3_per_s: Array


def dry_cooler(
    inlet_k: Array, water_w_per_k: Array, set_k: float, speeds: Sequence[Speed], outdoor: TowerAir
) -> Rejection:
    """Water through a dry cooler of crossflow, unmixed streams.

    Parameters
    ----------
    inlet_k, water_w_per_k : array (step)
        Entering water [K] and its capacity flow [W/K], above zero.
    set_k : float
        Temperature of the water that the fans hold where they can [K].
    speeds : sequence of Speed
        Speeds from slow to fast.
    outdoor : TowerAir
        Entering air, arrays (step).

    Examples
    --------
    >>> outdoor = TowerAir(np.array([288.15]), np.array([283.15]), np.array([101325.0]))
    >>> speeds = (Speed(55.0, 132e3, 4160.0), Speed(110.0, 220e3, 26e3))
    >>> found = dry_cooler(np.array([323.15]), np.array([100.8e3]), 313.15, speeds, outdoor)
    >>> found.outlet_k.round(2), found.fan_w.round(-1)
    (array([313.15]), array([2570.]))
    """
    humidity = psychrometrics.humidity_at_wet_bulb(
        outdoor.dry_bulb_k, outdoor.wet_bulb_k, outdoor.pressure_pa
    )
    density = psychrometrics.dry_density_kg_per_m3(outdoor.dry_bulb_k, humidity, outdoor.pressure_pa)
    capacity = psychrometrics.DRY_AIR_J_PER_KG_K + humidity * psychrometrics.VAPOUR_J_PER_KG_K

    def outlet_k(speed: Speed) -> Array:
        per_k = crossflow_w_per_k(
            np.asarray(speed.ua_w_per_k), water_w_per_k, speed.air_m3_per_s * density * capacity
        )
        return inlet_k - np.maximum(per_k * (inlet_k - outdoor.dry_bulb_k), 0.0) / water_w_per_k

    return _held(inlet_k, set_k, speeds, [outlet_k(speed) for speed in speeds])


def wet_tower(
    inlet_k: Array, water_w_per_k: Array, set_k: float, speeds: Sequence[Speed], outdoor: TowerAir
) -> Rejection:
    """Water through an open cooling tower.

    Parameters
    ----------
    inlet_k, water_w_per_k : array (step)
        Entering water [K] and its capacity flow [W/K], above zero.
    set_k : float
        Temperature of the water that the fans hold where they can [K].
    speeds : sequence of Speed
        Speeds from slow to fast, UA for sensible heat.
    outdoor : TowerAir
        Entering air, arrays (step).

    Examples
    --------
    >>> outdoor = TowerAir(np.array([288.15]), np.array([283.15]), np.array([101325.0]))
    >>> found = wet_tower(np.array([299.0]), np.array([250e3]), 294.15, (Speed(40.5, 225e3, 15750.0),), outdoor)
    >>> found.outlet_k.round(2), found.fan_w.round(-1)
    (array([294.15]), array([8520.]))
    """
    outlets = [
        inlet_k
        - tower_heat_w(inlet_k, water_w_per_k, speed.air_m3_per_s, speed.ua_w_per_k, outdoor) / water_w_per_k
        for speed in speeds
    ]
    return _held(inlet_k, set_k, speeds, outlets)


def _held(inlet_k: Array, set_k: float, speeds: Sequence[Speed], outlets_k: Sequence[Array]) -> Rejection:
    """Shares of time at two neighbouring speeds; standstill where the water enters cool enough."""
    outlet_k, fan_w, air = inlet_k, np.zeros_like(inlet_k), np.zeros_like(inlet_k)
    before_k, before = inlet_k, Speed(0.0, 0.0, 0.0)
    for speed, reached_k in zip(speeds, outlets_k, strict=True):
        fall_k = np.maximum(before_k - reached_k, 1e-12)
        share = np.clip((before_k - set_k) / fall_k, 0.0, 1.0)
        needed = before_k > set_k
        outlet_k = np.where(needed, before_k - share * fall_k, outlet_k)
        fan_w = np.where(needed, before.fan_w + share * (speed.fan_w - before.fan_w), fan_w)
        air = np.where(needed, before.air_m3_per_s + share * (speed.air_m3_per_s - before.air_m3_per_s), air)
        before_k, before = reached_k, speed
    return Rejection(outlet_k, fan_w, air)
