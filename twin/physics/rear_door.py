"""Rear-door exchangers: a finned coil in the exhaust of a rack, so that its air goes back into the hall cooled.

A crossflow coil (Kays and London, 1984) that server fans blow through, or fans of its own. Its water must stay above
the dew point of the hall. What a door does not take is left to the hall's own coils.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.constants import COIL_AIR_RESISTANCE_FRAC
from twin.physics.heat_exchanger import crossflow_ua_w_per_k, crossflow_w_per_k, film_w_per_k

Array = NDArray[np.float64]

EFFECTIVENESS_FRAC: Final = 0.7
"""Of a door at design [1], heat over that of air cooled to the water's inlet; textbook (2026), 0.6 to 0.8."""

MOST_W: Final = 60e3
"""Heat that one door takes [W]; textbook (2026), 50 to 75 kW by its size and fans."""

WATER_RISE_K: Final = 6.0
"""Rise of water through a door at design [K]; assumption (2026), 4 to 8."""


class Door(NamedTuple):
    """A door, arrays over racks: UA [W/K] at rated capacity flows of air and water [W/K]."""

    ua_w_per_k: Array
    air_w_per_k: Array
    water_w_per_k: Array


class DoorAir(NamedTuple):
    """What a door does, arrays over racks: heat to its water [W], air and water that leave [K]."""

    heat_w: Array
    air_k: Array
    water_k: Array


def sized(air_w_per_k: Array, heat_w: Array, effectiveness_frac: float = EFFECTIVENESS_FRAC) -> Door:
    """A door for the air of a rack.

    Parameters
    ----------
    air_w_per_k, heat_w : array (rack)
        Capacity flow of the rack's air [W/K], and its heat at design [W], above zero.
    effectiveness_frac : float
        At design [1], below 1.

    Examples
    --------
    >>> door = sized(np.array([2000.0]), np.array([30e3]))
    >>> run(door, np.array([313.15]), np.array([293.15]), np.ones(1), np.ones(1)).heat_w.round()
    array([28000.])
    """
    water = heat_w / WATER_RISE_K
    ua = crossflow_ua_w_per_k(np.full_like(air_w_per_k, effectiveness_frac), air_w_per_k, water)
    return Door(ua, air_w_per_k, water)


def run(door: Door, exhaust_k: Array, water_k: Array, air_frac: Array, water_frac: Array) -> DoorAir:
    """Cool the exhaust of racks.

    Parameters
    ----------
    door : Door
    exhaust_k, water_k : array (rack)
        Air behind the servers, and water that enters [K].
    air_frac, water_frac : array (rack)
        Flows over rated flows [1]; zero where nothing moves.

    Examples
    --------
    >>> door = sized(np.array([2000.0]), np.array([30e3]))
    >>> found = run(door, np.array([313.15]), np.array([293.15]), np.ones(1), np.ones(1))
    >>> found.air_k.round(2), found.water_k.round(2)
    (array([299.15]), array([298.75]))
    """
    air, water = door.air_w_per_k * air_frac, door.water_w_per_k * water_frac
    ua = film_w_per_k(door.ua_w_per_k, air_frac, water_frac, COIL_AIR_RESISTANCE_FRAC)
    heat = crossflow_w_per_k(ua, air, water) * (exhaust_k - water_k)
    # a standing stream carries nothing, so any positive divisor leaves its temperature as it is
    return DoorAir(
        heat,
        exhaust_k - heat / np.where(air > 0.0, air, np.inf),
        water_k + heat / np.where(water > 0.0, water, np.inf),
    )


def is_dry(water_k: Array, dew_point_k: Array, margin_k: float = 1.0) -> NDArray[np.bool_]:
    """Whether nothing condenses on a door: its water lies above the dew point of the hall by a margin.

    Parameters
    ----------
    water_k, dew_point_k : array (rack)
        Entering water, and dew point of the air [K].
    margin_k : float
        Between them [K].

    Examples
    --------
    >>> is_dry(np.array([288.15, 291.15]), np.full(2, 288.15))
    array([False,  True])
    """
    return water_k >= dew_point_k + margin_k
