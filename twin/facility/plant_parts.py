"""What the cooling plants of a year have in common: outdoor air, what the water asks, the answer hour by hour.

Every hour is at rest. Fans and pumps follow the affinity laws; fan power is that of air at its rating point, so it
does not fall as air thins. Where several ways to hold the set-point exist, each hour takes the one of least power:
the least of functions that rise with the weather rises with it, so a hotter hour never needs less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from twin.physics import chiller, psychrometrics
from twin.physics.cooling_tower import TowerAir
from twin.physics.fan_pump import drive_power_w
from twin.scenario.weather_year import WeatherYear

Array = NDArray[np.float64]

FREE, PARTIAL, MECHANICAL = 0, 1, 2
MODES = ("free", "partial", "mechanical")
"""How an hour is cooled: without compressors, with outdoor air and compressors, with compressors alone."""

ECONOMISERS = ("none", "full", "partial")
"""No economiser; one that carries all heat or none; one that also cools ahead of the compressors."""

LEAST_FAN_SPEED_FRAC: Final = 0.2
"""Lowest speed of fans outdoors while there is heat [1]; below it a valve by-passes; assumption (2026), 0.1 to 0.3."""

RATED_DENSITY_KG_PER_M3: Final = 1.146
"""Dry air at which air flows of coils are rated [kg/m3]: 35 °C at sea level, ideal gas; as the cards' rating point."""

LEAST_CONDENSING_K: Final = 293.15
"""Condensing temperature below which head pressure is held [K]; assumption (2026), 288 to 303: expansion valves
need a pressure to work with. Chilled water of 12 °C and more meets the least lift of a run first."""

FINE_SPEEDS: Final = np.geomspace(LEAST_FAN_SPEED_FRAC, 1.0, 25)
COARSE_SPEEDS: Final = np.linspace(LEAST_FAN_SPEED_FRAC, 1.0, 7)
"""Speeds at which a plant is looked at [1]: to hold a set-point, and beside compressors."""

TRIFLE: Final = 1e-3
"""Share of the heat that does not count as free cooling, or as mechanical [1]."""


class Outdoor(NamedTuple):
    """Air by hour, arrays (hour): temperatures [K], humidity ratio [1], pressure [Pa]."""

    dry_bulb_k: Array
    wet_bulb_k: Array
    humidity_ratio: Array
    pressure_pa: Array

    @classmethod
    def of(cls, year: WeatherYear) -> Outdoor:
        """Air of a weather file.

        Parameters
        ----------
        year : WeatherYear
            From :func:`twin.scenario.weather_year.read_year`.

        Examples
        --------
        >>> one = np.ones(1)
        >>> found = Outdoor.of(WeatherYear(308.15 * one, 292.53 * one, 0.4 * one, 101325.0 * one))
        >>> found.wet_bulb_k.round(2)
        array([297.08])
        """
        vapour_pa = year.relative_humidity_frac * psychrometrics.saturation_pa(year.dry_bulb_k)
        humidity = psychrometrics.humidity_ratio(vapour_pa, year.pressure_pa)
        return cls.at(year.dry_bulb_k, humidity, year.pressure_pa)

    @classmethod
    def at(cls, dry_bulb_k: Array, humidity: Array, pressure_pa: Array) -> Outdoor:
        """Air of a temperature [K], humidity ratio [1] and pressure [Pa], arrays (hour)."""
        return cls(
            dry_bulb_k, psychrometrics.wet_bulb_k(dry_bulb_k, humidity, pressure_pa), humidity, pressure_pa
        )

    @property
    def tower(self) -> TowerAir:
        """The same as the relations of towers take it."""
        return TowerAir(self.dry_bulb_k, self.wet_bulb_k, self.pressure_pa)


class Duty(NamedTuple):
    """What a water loop asks of its plant; arrays (hour) but for the set-point.

    Parameters
    ----------
    heat_w : array (hour)
        Heat to take from the water [W], zero or larger.
    water_w_per_k : array (hour)
        Capacity flow of the water [W/K], above zero.
    flow_frac : array (hour)
        Flow over design flow [1].
    set_k : float
        Set-point of the water that leaves the plant [K].
    """

    heat_w: Array
    water_w_per_k: Array
    flow_frac: Array
    set_k: float

    @property
    def return_k(self) -> Array:
        """Water that comes back while the set-point is held [K]."""
        return self.set_k + self.heat_w / self.water_w_per_k


class Answer(NamedTuple):
    """What a plant does, arrays (hour).

    Parameters
    ----------
    outlet_k : array (hour)
        Water that leaves [K], the set-point where it is held.
    fan_w, compressor_w, pump_w : array (hour)
        Electrical power of fans outdoors, compressors and the plant's own pumps [W].
    free_w : array (hour)
        Heat that left without a compressor [W].
    to_air_w : array (hour)
        Heat that outdoor air takes up, without the fans' own [W].
    speed_frac : array (hour)
        Speed of the fans outdoors [1], 0 at standstill.
    evaporated_kg_per_s, make_up_kg_per_s : array (hour)
        Water that leaves as vapour, and fresh water [kg/s].
    """

    outlet_k: Array
    fan_w: Array
    compressor_w: Array
    pump_w: Array
    free_w: Array
    to_air_w: Array
    speed_frac: Array
    evaporated_kg_per_s: Array
    make_up_kg_per_s: Array

    @property
    def power_w(self) -> Array:
        """All that the plant draws [W]."""
        return self.fan_w + self.compressor_w + self.pump_w

    def mode(self, heat_w: Array) -> NDArray[np.int64]:
        """`FREE`, `PARTIAL` or `MECHANICAL` of each hour; an hour without heat is free."""
        share = np.where(heat_w > 0.0, self.free_w / np.maximum(heat_w, 1e-9), 1.0)
        lifted = np.where(self.compressor_w > 0.0, PARTIAL, FREE)
        return np.where((share < TRIFLE) & (self.compressor_w > 0.0), MECHANICAL, lifted)


class Plant(Protocol):
    """A kind of plant, sized."""

    @property
    def kind(self) -> str:
        """Name of the kind."""

    @property
    def capacity_w(self) -> float:
        """Heat that the plant is sized for [W]."""

    def run(self, duty: Duty, outdoor: Outdoor) -> Answer:
        """Answer to a duty, hour by hour, each by itself."""


class Compressor(NamedTuple):
    """Chillers as a share of the Carnot limit, as in a run: approaches [K] of the two exchangers, share [1]."""

    carnot_frac: float
    evaporator_approach_k: float
    condenser_approach_k: float

    def per_heat(self, water_k: float, sink_k: Array) -> Array:
        """Electrical power over heat lifted [1], from leaving water to a sink [K].

        Examples
        --------
        >>> Compressor(0.5, 2.0, 12.0).per_heat(291.15, np.array([308.15])).round(4)
        array([0.2144])
        """
        condensing_k = np.maximum(sink_k + self.condenser_approach_k, LEAST_CONDENSING_K)
        evaporating_k = np.full_like(condensing_k, water_k - self.evaporator_approach_k)
        return 1.0 / chiller.cop(evaporating_k, condensing_k, np.array(self.carnot_frac))


class Held(NamedTuple):
    """Where on a path of operating points the set-point is held, arrays (hour)."""

    below: NDArray[np.int64]
    above: NDArray[np.int64]
    share: Array
    outlet_k: Array

    def along(self, path: Array) -> Array:
        """Value of a quantity that the path's points have, array (hour)."""
        return path[self.below] + self.share * (path[self.above] - path[self.below])


def hold(outlets_k: Sequence[Array], set_k: float) -> Held:
    """Find the operating points between which water is at its set-point.

    Parameters
    ----------
    outlets_k : sequence of array (hour)
        Water that leaves at each point of a path along which it gets colder [K].
    set_k : float
        Set-point [K]; below the first point a by-pass holds it, past the last the water is as warm as it is.

    Examples
    --------
    >>> held = hold([np.array([310.0, 300.0]), np.array([306.0, 298.0])], 308.0)
    >>> held.along(np.array([0.5, 1.0])), held.outlet_k
    (array([0.75, 0.5 ]), array([308., 308.]))
    """
    outlets = np.stack(list(outlets_k))
    enough = outlets <= set_k
    reached = enough.any(axis=0)
    above = np.where(reached, np.argmax(enough, axis=0), len(outlets) - 1)
    below = np.where(reached, np.maximum(above - 1, 0), above)
    hour = np.arange(outlets.shape[1])
    before, after = outlets[below, hour], outlets[above, hour]
    share = np.clip((before - set_k) / np.maximum(before - after, 1e-12), 0.0, 1.0)
    return Held(below, above, share, np.where(reached, set_k, outlets[-1]))


def fan_power_w(rated_w: float, speed_frac: Array | float) -> Array:
    """Power of fans by the affinity law [W]."""
    return drive_power_w(np.asarray(rated_w), np.asarray(speed_frac))


def least_power(answers: Sequence[Answer], set_k: float) -> Answer:
    """Of several answers the one of least power in each hour; those that miss the set-point count last.

    Examples
    --------
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> dear, cheap = (Answer(280.0 * one, w * one, *[zero] * 7) for w in (5.0, 3.0))
    >>> least_power([dear, cheap], 280.0).fan_w
    array([3.])
    """
    costs = np.stack([np.where(a.outlet_k > set_k + 1e-9, np.inf, a.power_w) for a in answers])
    best = np.argmin(costs, axis=0)
    hour = np.arange(best.size)
    columns = (
        np.stack([np.broadcast_to(v, best.shape) for v in field]) for field in zip(*answers, strict=True)
    )
    return Answer(*(column[best, hour] for column in columns))
