"""What takes heat from facility water keeps split, balance, permutation, purity and monotony, each of its kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from twin.models import (
    adiabatic_cooler,
    air_coil,
    chiller,
    cooling_tower,
    economiser,
    heat_reuse,
    radiator,
    water_chiller,
)
from twin.physics import wet_tower
from twin.physics.radiator import Panel, Surroundings, area_m2
from twin.testing import Case, check_model, check_monotone

UNITS = 3
WATER_K, DRY_K = (283.0, 333.0), (273.0, 318.0)


def _array(low: float, high: float, may_be_zero: bool = False) -> SearchStrategy[np.ndarray]:
    value = st.floats(low, high)
    value = st.one_of(st.just(0.0), value) if may_be_zero else value
    return st.lists(value, min_size=UNITS, max_size=UNITS).map(np.array)


def _share() -> SearchStrategy[np.ndarray]:
    return _array(0.05, 1.0, may_be_zero=True)


COIL = st.builds(
    air_coil.Params, _array(1e4, 2e5), _array(20, 300), _array(5, 50), _array(1e3, 5e4), _array(0.001, 0.05),
    _array(3800, 4200),
)  # fmt: skip
CELLS = st.builds(
    lambda heat_w: [np.concatenate(c) for c in zip(*map(wet_tower.sized, heat_w.tolist()), strict=True)],
    _array(1e5, 3e6),
)
OUTDOOR = st.tuples(_array(*DRY_K), _array(0.0, 15.0)).map(lambda a: (a[0], a[0] - a[1]))
WATER = {"water_in_k": _array(*WATER_K), "water_kg_per_s": _array(1.0, 60.0, may_be_zero=True)}


def _inputs(kind: type, is_wet: bool, **fields: SearchStrategy[np.ndarray]) -> SearchStrategy[Any]:
    def build(air: tuple[np.ndarray, np.ndarray], told: dict[str, np.ndarray]) -> Any:
        outdoor = {"air_in_k": air[0], "wet_bulb_k": air[1]} if is_wet else {"air_in_k": air[0]}
        return kind(**told, **outdoor)

    wet = {"make_up_frac": _share()} if is_wet else {}
    return st.builds(build, OUTDOOR, st.fixed_dictionaries({**fields, **wet, "effort_frac": _share()}))


ADIABATIC = st.builds(
    Case,
    st.builds(adiabatic_cooler.Params, _array(0.7, 0.95), _array(0.5, 0.9), _array(2, 6), COIL),
    st.just(adiabatic_cooler.State()),
    _inputs(adiabatic_cooler.Inputs, True, **WATER),
)
TOWER = st.builds(
    Case,
    st.builds(
        lambda cells, *rest: cooling_tower.Params(*cells, *rest),
        CELLS, _array(1e5, 1e6), _array(10, 60), _array(3800, 4200), _array(1e3, 3e4), _array(1e3, 3e4),
        _array(50, 5000), _array(0.05, 3.0), _array(2, 7), _array(5e-6, 5e-5),
    ),
    st.builds(cooling_tower.State, _array(1.0, 50.0, may_be_zero=True)),
    _inputs(cooling_tower.Inputs, True, **WATER),
)  # fmt: skip
WATER_CHILLER = st.builds(
    Case,
    st.builds(
        lambda heat, carnot, near, far, cells, *rest: water_chiller.Params(heat, carnot, near, far, *cells, *rest),
        _array(1e5, 1e6), _array(0.5, 0.6), _array(1, 3), _array(1, 3), CELLS, _array(1e3, 3e4), _array(1e3, 3e4),
        _array(2, 7),
    ),
    st.just(water_chiller.State()),
    _inputs(water_chiller.Inputs, True, water_k=_array(280, 305)),
)  # fmt: skip
ECONOMISER = st.builds(
    Case,
    st.builds(
        economiser.Params,
        _array(0.3, 0.7),
        COIL,
        st.builds(
            chiller.Params, _array(1e5, 3e6), _array(0.4, 0.6), _array(1, 4), _array(8, 15), _array(0, 0.05)
        ),
    ),
    st.just(economiser.State()),
    _inputs(economiser.Inputs, False, **WATER, water_k=_array(280, 305)),
)
RADIATOR = st.builds(
    Case,
    st.builds(
        radiator.Params, _array(10, 2000), _array(0.7, 0.95), _array(0.8, 1.0), _array(1, 2), _array(3800, 4200),
        _array(100, 1e4), _array(0.05, 0.3),
    ),
    st.just(radiator.State()),
    st.builds(
        radiator.Inputs, _array(280, 360), _array(1, 60, may_be_zero=True), _share(), _array(0, 800), _array(0, 120)
    ),
)  # fmt: skip

HEAT_REUSE = st.builds(
    Case,
    st.builds(heat_reuse.Params, _array(1e3, 1e5), _array(1e3, 1e6)),
    st.just(heat_reuse.State()),
    st.builds(heat_reuse.Inputs, _array(*WATER_K), _array(*WATER_K)),
)


def _reordered(part: Any, order: np.ndarray) -> Any:
    """A NamedTuple of arrays, or of such, with its units in another order."""
    return type(part)(*(_reordered(a, order) if isinstance(a, tuple) else a[order] for a in part))


def _reorder(case: Case, order: np.ndarray) -> Case:
    return Case(*(_reordered(part, order) for part in case))


@pytest.mark.parametrize(
    ("model", "cases"),
    [
        (adiabatic_cooler, ADIABATIC),
        (cooling_tower, TOWER),
        (water_chiller, WATER_CHILLER),
        (economiser, ECONOMISER),
        (radiator, RADIATOR),
        (heat_reuse, HEAT_REUSE),
    ],
    ids=["adiabatic cooler", "cooling tower", "water chiller", "economiser", "radiator", "heat reuse"],
)
def test_conformance(model: Any, cases: SearchStrategy[Case]) -> None:
    check_model(model, cases, reorder=_reorder, longest_s=7200.0, examples=25)


@pytest.mark.parametrize(
    ("model", "cases", "more_of", "gives", "falls"),
    [
        (adiabatic_cooler, ADIABATIC, "effort_frac", "energy_j", False),
        (adiabatic_cooler, ADIABATIC, "water_in_k", "heat_j", False),
        (cooling_tower, TOWER, "effort_frac", "energy_j", False),
        (cooling_tower, TOWER, "make_up_frac", "make_up_kg", False),
        (cooling_tower, TOWER, "make_up_frac", "heat_j", False),
        (water_chiller, WATER_CHILLER, "effort_frac", "heat_j", False),
        (water_chiller, WATER_CHILLER, "effort_frac", "make_up_kg", False),
        (economiser, ECONOMISER, "effort_frac", "energy_j", False),
        (radiator, RADIATOR, "effort_frac", "heat_j", False),
        (radiator, RADIATOR, "water_in_k", "water_out_k", False),
        (heat_reuse, HEAT_REUSE, "return_k", "heat_j", False),
        (radiator, RADIATOR, "sunlight_w_per_m2", "heat_j", True),
    ],
)
def test_more_gives_more(
    model: Any, cases: SearchStrategy[Case], more_of: str, gives: str, falls: bool
) -> None:
    raised_by = 0.02 if more_of.endswith("_k") else 0.1
    check_monotone(model, cases, more_of, gives, falls=falls, raised_by=raised_by, examples=25)


@settings(max_examples=40, deadline=None)
@given(TOWER, st.floats(1.0, 7200.0))
def test_water_of_a_basin_adds_up(case: Case, dt_s: float) -> None:
    state, out = cooling_tower.step(case.params, case.state, case.inputs, dt_s)
    change = state.held_kg - case.state.held_kg
    np.testing.assert_allclose(change, out.make_up_kg - out.lost_kg, rtol=1e-9, atol=1e-6)
    assert np.all(out.lost_kg >= out.evaporated_kg * (1.0 - 1e-9))
    assert np.all(state.held_kg >= 0.0)


AIR_K = np.arange(270.0, 312.0, 0.5)


def _many(*figures: float) -> list[np.ndarray]:
    return [np.full(AIR_K.size, figure) for figure in figures]


def _needed_w(model: Any, params: Any, told: dict[str, np.ndarray], heat_w: float) -> np.ndarray:
    """Power with which units carry a heat, each with its least effort, by bisection; infinity where none does."""

    def run(effort: np.ndarray) -> Any:
        return model.step(params, model.State(), model.Inputs(**told, effort_frac=effort), 1.0)[1]

    low, high = _many(0.0, 1.0)
    suffices = run(high).heat_j >= heat_w
    for _ in range(40):
        middle = 0.5 * (low + high)
        short = run(middle).heat_j < heat_w
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(suffices, run(high).energy_j, np.inf)


@pytest.mark.parametrize("name", ["adiabatic", "economiser", "chiller"])
def test_warmer_air_never_needs_less_power_for_the_same_heat(name: str) -> None:
    """Each unit of the array sees air that is half a kelvin warmer than its neighbour's."""
    coil = air_coil.Params(*_many(111.5e3, 82.8, 26.0, 18e3, 0.02, 3900.0))
    water = dict(zip(("water_in_k", "water_kg_per_s"), _many(308.15, 26.0), strict=True))
    outdoor = {"air_in_k": AIR_K, "wet_bulb_k": AIR_K - 4.0, "make_up_frac": np.ones(AIR_K.size)}
    model: Any = {"adiabatic": adiabatic_cooler, "economiser": economiser, "chiller": water_chiller}[name]
    told = {**water, **outdoor}
    if name == "adiabatic":
        params: Any = adiabatic_cooler.Params(*_many(0.85, 0.7, 3.0), coil)
    elif name == "economiser":
        machine = chiller.Params(*_many(1e6, 0.5, 2.0, 12.0, 0.03))
        params = economiser.Params(*_many(0.5), coil, machine)
        told = {**water, "water_k": _many(300.15)[0], "air_in_k": AIR_K}
    else:
        cells = (np.full(AIR_K.size, column[0]) for column in wet_tower.sized(1.2e6))
        params = water_chiller.Params(*_many(1e6, 0.55, 2.0, 2.0), *cells, *_many(15e3, 15e3, 5.0))
        told = {"water_k": _many(291.15)[0], **outdoor}
    power_w = _needed_w(model, params, told, 6e5)
    power_w = power_w[np.isfinite(power_w)]
    assert len(power_w) > 40
    assert np.diff(power_w).min() > -1e-3 * power_w.max()


@pytest.mark.parametrize("supply_k", [318.15, 333.15])
def test_a_radiator_of_the_stated_area_rejects_the_heat(supply_k: float) -> None:
    """The model against the closed form of the area: 1 MW needs about 1,000 m2 at 60 to 45 °C."""
    panel, around = Panel(0.9, 0.2, 2.0, 0.95), Surroundings(planet_view=0.516)
    area = float(area_m2(1e6, supply_k + 15.0, supply_k, panel, around))
    print(f"\n{area:.0f} m2 for 1 MW from {supply_k + 15.0 - 273.15:.0f} to {supply_k - 273.15:.0f} °C")
    one = np.ones(1)
    params = radiator.Params(
        *(
            v * one
            for v in (
                area,
                panel.emissivity,
                panel.fin_efficiency,
                panel.sides,
                4000.0,
                0.0,
                panel.absorptivity,
            )
        )
    )
    sun = around.solar_w_per_m2 * around.albedo * around.planet_view
    infrared = around.planet_w_per_m2 * around.planet_view
    told = (supply_k + 15.0, 1e6 / 15.0 / 4000.0, 1.0, sun, infrared)
    _, out = radiator.step(params, radiator.State(), radiator.Inputs(*(v * one for v in told)), 1.0)
    assert out.heat_j[0] == pytest.approx(1e6, rel=1e-9)
    if supply_k == 318.15:
        assert 930.0 < area < 1089.0, "between edge-on without a planet, and low orbit in partial sun"


def test_a_tower_at_its_rating_point() -> None:
    """CTI's point: 35.0 °C in, 29.4 °C out at 25.6 °C wet bulb; air that enters warmer than it leaves adds vapour."""
    air = wet_tower.Air.of(np.array([308.15]), np.array([298.71]))
    found = wet_tower.at_heat(wet_tower.sized(2e6), air, np.ones(1), np.ones(1), np.array([2e6]))
    assert found.entering_k[0] == pytest.approx(308.15, abs=1e-6)
    litres_per_kwh = found.evaporated_kg_per_s[0] / 2e6 * 3.6e6
    assert 1.47 < litres_per_kwh < 1.7
