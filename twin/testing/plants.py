"""Checks that hold for every cooling plant of a year: balance, monotony, purity, each hour by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from twin.facility.plant_parts import Answer, Duty, Outdoor, Plant
from twin.physics import psychrometrics
from twin.physics.constants import CELSIUS_ZERO_K
from twin.plant.constants import LEAST_PUMP_SPEED_FRAC

Array = NDArray[np.float64]

EXACT = 1e-9
_HOURS = 48


class Around(NamedTuple):
    """What a plant gives its heat to, and how it is made warmer.

    Parameters
    ----------
    draw : callable
        ``draw(rng, hours)`` gives a NamedTuple of arrays (hour), as the plant takes it.
    warmer : callable
        ``warmer(rng, around)`` gives the same, warmer in every hour.
    """

    draw: Callable[[np.random.Generator, int], Any]
    warmer: Callable[[np.random.Generator, Any], Any]


def land_air(rng: np.random.Generator, hours: int) -> Outdoor:
    """Air of any place on land: -30 to 48 °C, dry to saturated, sea level to 2,500 m."""
    dry_k = rng.uniform(-30.0, 48.0, hours) + CELSIUS_ZERO_K
    pressure_pa = rng.uniform(75e3, 103e3, hours)
    # the sultriest air measured has a dew point of 35 °C
    most_pa = np.minimum(psychrometrics.saturation_pa(dry_k), psychrometrics.saturation_pa(np.array(308.15)))
    humidity = psychrometrics.humidity_ratio(rng.uniform(0.02, 1.0, hours) * most_pa, pressure_pa)
    return Outdoor.at(dry_k, humidity, pressure_pa)


def warmer_air(rng: np.random.Generator, air: Outdoor) -> Outdoor:
    """The same air up to 6 K warmer, with its vapour."""
    by_k = rng.uniform(0.01, 6.0, air.dry_bulb_k.size)
    return Outdoor.at(air.dry_bulb_k + by_k, air.humidity_ratio, air.pressure_pa)


LAND = Around(land_air, warmer_air)


def check_plant(
    plant: Plant,
    water_w_per_k: float,
    *,
    around: Around = LAND,
    set_points_c: tuple[float, float] = (5.0, 50.0),
    examples: int = 8,
) -> None:
    """Draw hours, loads and set-points and check what every plant must keep.

    Parameters
    ----------
    plant : Plant
        Of any kind, sized.
    water_w_per_k : float
        Capacity flow of its water at design [W/K].
    around : Around
        Air on land where left out.
    set_points_c : tuple of float
        Between which set-points are drawn [°C].
    examples : int
        Draws of 48 hours.

    Raises
    ------
    AssertionError
        Saying what was not kept, with the seed in hypothesis' report: heat out is heat in with compressors and pumps
        to 1e-9; warmer surroundings or more load never lower power or outlet; a higher set-point never needs more;
        an hour without heat draws nothing; hours do not see each other; inputs stay as they are.

    Examples
    --------
    >>> from twin.facility.plant_sizing import build
    >>> check_plant(build("dry-cooler", 1e6, 1e5), 1e5, examples=2)
    """
    low_c, high_c = set_points_c

    # a smaller seed is no simpler case, so nothing is shrunk
    @settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.integers(0, 2**32 - 1), st.floats(low_c, high_c), st.floats(0.01, 8.0))
    def every_draw(seed: int, set_c: float, more_k: float) -> None:
        rng = np.random.default_rng(seed)
        outdoor = around.draw(rng, _HOURS)
        heat_w = plant.capacity_w * rng.uniform(0.0, 1.0, _HOURS) * (rng.random(_HOURS) > 0.1)
        wanted = _duty(plant, water_w_per_k, heat_w, set_c + CELSIUS_ZERO_K)
        base = plant.run(wanted, outdoor)
        _check_balance(plant, wanted, base)
        _check_purity(plant, wanted, outdoor, base)
        _check_hours(plant, wanted, outdoor, base, rng)
        _never_less(plant, "warmer surroundings", plant.run(wanted, around.warmer(rng, outdoor)), base)
        more_w = np.minimum(heat_w * rng.uniform(1.0, 1.5, _HOURS) + 1.0, plant.capacity_w)
        _check_load(plant, wanted, _duty(plant, water_w_per_k, more_w, wanted.set_k), outdoor, base)
        relaxed = plant.run(wanted._replace(set_k=wanted.set_k + more_k), outdoor)
        assert (relaxed.power_w <= base.power_w + EXACT * plant.capacity_w).all(), (
            "a higher set-point needs more"
        )

    every_draw()


def _duty(plant: Plant, water_w_per_k: float, heat_w: Array, set_k: float) -> Duty:
    frac = np.maximum(heat_w / plant.capacity_w, LEAST_PUMP_SPEED_FRAC)
    return Duty(heat_w, water_w_per_k * frac, frac, set_k)


def _check_balance(plant: Plant, duty: Duty, answer: Answer) -> None:
    slack = EXACT * plant.capacity_w
    residual_w = answer.to_air_w - duty.heat_w - answer.compressor_w - answer.pump_w
    assert (np.abs(residual_w) <= slack).all(), f"energy residual {np.abs(residual_w).max()} W"
    assert (answer.free_w <= duty.heat_w + slack).all() and (answer.free_w >= -slack).all(), "free heat"
    vapour, fresh = answer.evaporated_kg_per_s, answer.make_up_kg_per_s
    assert (vapour >= 0.0).all() and (fresh >= vapour).all(), "more vapour than fresh water"
    assert (answer.outlet_k >= duty.set_k - EXACT * 300.0).all(), "water below its set-point"
    idle = duty.heat_w == 0.0
    assert not answer.power_w[idle].any() and not fresh[idle].any(), "power or water without heat"


def _check_purity(plant: Plant, duty: Duty, outdoor: Any, base: Answer) -> None:
    before = [np.array(v, copy=True) for v in (*duty, *outdoor)]
    again = plant.run(duty, outdoor)
    for was, now in zip(before, (*duty, *outdoor), strict=True):
        assert np.array_equal(was, now), "run changed what it was given"
    for name, a, b in zip(base._fields, base, again, strict=True):
        assert np.array_equal(a, b), f"a second call differs: {name}"


def _check_hours(plant: Plant, duty: Duty, outdoor: Any, base: Answer, rng: np.random.Generator) -> None:
    order = rng.permutation(_HOURS)[: _HOURS // 2]
    some = Duty(duty.heat_w[order], duty.water_w_per_k[order], duty.flow_frac[order], duty.set_k)
    found = plant.run(some, type(outdoor)(*(v[order] for v in outdoor)))
    for name, a, b in zip(base._fields, found, base, strict=True):
        slack = EXACT * max(1.0, float(np.abs(b).max()))
        assert (np.abs(a - b[order]) <= slack).all(), f"hours see each other: {name}"


def _check_load(plant: Plant, duty: Duty, more: Duty, outdoor: Any, base: Answer) -> None:
    loaded = plant.run(more, outdoor)
    _never_less(plant, "more load", loaded, base)
    back = [a.outlet_k + d.heat_w / d.water_w_per_k for a, d in ((base, duty), (loaded, more))]
    assert (back[1] >= back[0] - EXACT * 300.0).all(), "more load lowered the water that comes back"


def _never_less(plant: Plant, what: str, more: Answer, base: Answer) -> None:
    assert (more.power_w >= base.power_w - EXACT * plant.capacity_w).all(), f"{what} needs less power"
    assert (more.outlet_k >= base.outlet_k - EXACT * 300.0).all(), f"{what} lowered the outlet"
