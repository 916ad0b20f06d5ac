"""Every model keeps split, balance, permutation, purity and monotony."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from twin.models import (
    air_coil,
    cdu,
    chiller,
    generator,
    gpu,
    hall_air,
    loop_fill,
    power_chain,
    pump,
    water_loop,
)
from twin.testing import Case, check_model, check_monotone

ASSETS = 3
AIR_K, WATER_K = (255.0, 318.0), (283.0, 333.0)


def _array(low: float, high: float, may_be_zero: bool = False) -> SearchStrategy[np.ndarray]:
    value = st.floats(low, high)
    value = st.one_of(st.just(0.0), value) if may_be_zero else value
    return st.lists(value, min_size=ASSETS, max_size=ASSETS).map(np.array)


def _flow(low: float, high: float) -> SearchStrategy[np.ndarray]:
    return _array(low, high, may_be_zero=True)


def _build(kind: type, **fields: SearchStrategy[np.ndarray]) -> SearchStrategy[Any]:
    return st.builds(kind, **fields)


GPU = st.builds(
    Case,
    _build(
        gpu.Params,
        die_j_per_k=_array(30, 200),
        plate_j_per_k=_array(100, 2000),
        coolant_j_per_k=_array(5, 3000),
        junction_k_per_w=_array(0.005, 0.05),
        film_k_per_w=_array(0.005, 0.05),
        rated_flow_kg_per_s=_array(0.02, 0.1),
        coolant_j_per_kg_k=_array(1000, 4200),
    ),
    _build(gpu.State, die_k=_array(*WATER_K), plate_k=_array(*WATER_K), coolant_k=_array(*WATER_K)),
    _build(gpu.Inputs, power_w=_flow(1, 100), inlet_k=_array(*WATER_K), flow_kg_per_s=_array(0.02, 0.1)),
)
STANDING_GPU = st.builds(
    lambda case: case._replace(inputs=case.inputs._replace(flow_kg_per_s=np.zeros(ASSETS))), GPU
)
PUMP = st.builds(
    Case,
    _build(
        pump.Params,
        rated_flow_kg_per_s=_array(1, 100),
        units_needed=st.sampled_from([1.0, 2.0, 3.0]).map(lambda n: np.full(ASSETS, n)),
        unit_power_w=_array(100, 1e4),
        run_down_s=_array(0.2, 20),
        natural_frac=_flow(0.001, 0.01),
    ),
    _build(pump.State, flow_frac=_flow(0.001, 1.2)),
    _build(
        pump.Inputs,
        units_up=st.sampled_from([0.0, 1.0, 2.0, 4.0]).map(lambda n: np.full(ASSETS, n)),
        speed_frac=_flow(0.1, 1.0),
        path_frac=_flow(0.1, 1.5),
    ),
)
CDU = st.builds(
    Case,
    _build(
        cdu.Params,
        supply_j_per_k=_array(1e5, 4e6),
        return_j_per_k=_array(1e5, 4e6),
        exchanger_w_per_k=_array(1e4, 5e5),
        rated_flow_kg_per_s=_array(2, 60),
        rated_facility_flow_kg_per_s=_array(2, 60),
        coolant_j_per_kg_k=_array(3800, 4200),
        facility_j_per_kg_k=_array(3800, 4200),
    ),
    _build(cdu.State, supply_k=_array(*WATER_K), return_k=_array(*WATER_K)),
    _build(
        cdu.Inputs,
        heat_w=_flow(1, 3e3),
        flow_kg_per_s=_flow(0.01, 60),
        facility_flow_kg_per_s=_flow(0.01, 60),
        facility_supply_k=_array(*WATER_K),
    ),
)
LOOP_FILL = st.builds(
    lambda full, share, *flows: Case(
        loop_fill.Params(full), loop_fill.State(full * share), loop_fill.Inputs(*flows)
    ),
    _array(10, 2000),
    _flow(0.01, 1.0),
    _flow(0.001, 10),
    _flow(0.001, 10),
)
WATER_LOOP = st.builds(
    Case,
    _build(
        water_loop.Params,
        supply_j_per_k=_array(1e6, 4e7),
        return_j_per_k=_array(1e6, 4e7),
        water_j_per_kg_k=_array(3800, 4200),
    ),
    _build(water_loop.State, supply_k=_array(*WATER_K), return_k=_array(*WATER_K)),
    _build(water_loop.Inputs, heat_w=_flow(1, 1e4), removed_w=_flow(1, 1e4), flow_kg_per_s=_flow(0.01, 100)),
)
AIR_COIL = st.builds(
    Case,
    _build(
        air_coil.Params,
        coil_w_per_k=_array(1e3, 2e5),
        rated_air_kg_per_s=_array(5, 300),
        rated_water_kg_per_s=_array(1, 50),
        fan_power_w=_array(1e3, 5e4),
        natural_frac=_flow(0.001, 0.05),
        water_j_per_kg_k=_array(3800, 4200),
    ),
    st.just(air_coil.State()),
    _build(
        air_coil.Inputs,
        water_in_k=_array(*WATER_K),
        air_in_k=_array(*AIR_K),
        water_kg_per_s=_flow(0.01, 50),
        fan_frac=_flow(0.1, 1.0),
    ),
)
HALL_AIR = st.builds(
    Case,
    _build(
        hall_air.Params,
        cold_j_per_k=_array(1e5, 4e6),
        hot_j_per_k=_array(1e5, 4e6),
        structure_j_per_k=_array(1e6, 1e8),
        structure_w_per_k=_array(100, 1e4),
    ),
    _build(hall_air.State, cold_k=_array(*AIR_K), hot_k=_array(*AIR_K), structure_k=_array(*AIR_K)),
    _build(
        hall_air.Inputs,
        heat_w=_flow(1, 3e3),
        removed_w=_flow(1, 1e3),
        server_kg_per_s=_flow(1, 100),
        crah_kg_per_s=_flow(1, 100),
    ),
)
CHILLER = st.builds(
    Case,
    _build(
        chiller.Params,
        rated_heat_w=_array(1e5, 3e6),
        carnot_frac=_array(0.4, 0.6),
        evaporator_approach_k=_array(1, 4),
        condenser_approach_k=_array(8, 15),
        parasitic_frac=_array(0.0, 0.05),
    ),
    st.just(chiller.State()),
    _build(chiller.Inputs, load_frac=_flow(0.1, 1), water_k=_array(280, 300), outdoor_k=_array(*AIR_K)),
)

GENERATOR = st.builds(
    Case,
    _build(
        generator.Params,
        rating_w=_array(1e5, 3e6),
        start_s=_flow(1, 30),
        tank_j=_array(1e8, 1e10),
        idle_frac=_array(0.05, 0.3),
        fuel_per_output=_array(2, 4),
    ),
    _build(generator.State, called_s=_flow(0.1, 60), fuel_j=_flow(1, 1e8)),
    _build(
        generator.Inputs,
        is_called=st.sampled_from([0.0, 1.0]).map(lambda n: np.full(ASSETS, n)),
        can_start=st.sampled_from([0.0, 1.0]).map(lambda n: np.full(ASSETS, n)),
        load_w=_flow(1, 3e6),
    ),
)

# two loads on two PDUs on one source, dual-corded; element 5 is a spare that feeds nothing
FED, FEEDER = np.array([0, 0, 1, 1, 2, 3]), np.array([2, 3, 2, 3, 4, 4])


def _chain(order: np.ndarray, arrays: dict[str, Any], share: list[float]) -> Any:
    place = np.empty(6, dtype=np.int64)
    place[order] = np.arange(6)
    sorted_ = {name: [np.array(column)[order] for column in columns] for name, columns in arrays.items()}
    return power_chain.build(
        *sorted_["rating"],
        *sorted_["loss"],
        fed=place[FED],
        feeder=place[FEEDER],
        share_frac=share,
        eco=power_chain.Losses(*sorted_["eco"]),
        lowest_pu=sorted_["lowest"][0],
        holds_voltage=sorted_["holds"][0],
        store=power_chain.Store(*sorted_["store"]),
        trip=power_chain.Trip(*sorted_["trip"]),
    )


def _six(low: float, high: float) -> SearchStrategy[list[float]]:
    return st.lists(st.floats(low, high), min_size=6, max_size=6)


def _yes(draw: Any) -> np.ndarray:
    return np.array(draw(st.lists(st.booleans(), min_size=6, max_size=6)))


@st.composite
def _power_cases(draw: Any, is_plain: bool = False) -> tuple[Case, Any]:
    """Chains in any state: dead elements, open inputs, sags, stores half full, trips on their way."""
    has_store, has_trip = _yes(draw) & (not is_plain), _yes(draw) & (not is_plain)
    never = np.where(has_trip, 1.0, np.inf)
    arrays = {
        "rating": [draw(_six(1e4, 1e6))],
        "loss": [draw(_six(0, 0.02)) for _ in range(3)],
        "eco": [draw(_six(0, 0.01)) for _ in range(3)],
        "lowest": [draw(_six(0.0, 0.9))],
        "holds": [_yes(draw)],
        "store": [
            draw(_six(1e4, 1e8)) * has_store,
            draw(_six(0, 1e5)),
            draw(_six(1e5, 1e6)),
            *(draw(_six(0, 0.1)) for _ in range(3)),
        ],
        "trip": [
            draw(_six(0.01, 0.2)),
            np.array(draw(_six(1, 600))) * never,
            draw(_six(1, 2)),
            np.array(draw(_six(0.5, 5))) * never,
            draw(_six(0.02, 1)),
            draw(_six(10, 600)),
        ],
    }
    share = draw(_six(0.1, 1.0))
    stored = np.array(draw(_six(0, 1))) * arrays["store"][0]
    state = (stored, np.array(draw(_six(0, 1))) * has_trip, np.zeros(6))
    inputs = (np.array(draw(_six(0, 1e5))), _yes(draw), _yes(draw), _yes(draw),
              np.array(draw(_six(0.5, 1.1))), np.array(draw(_six(0.9, 1.0))))  # fmt: skip

    def case(order: np.ndarray) -> Case:
        return Case(
            _chain(order, arrays, share),
            power_chain.State(*(part[order] for part in state)),
            power_chain.Inputs(*(part[order] for part in inputs)),
        )

    class Situation(Case):
        """A case that knows how to build its chain in another order."""

        __slots__ = ()
        in_order = staticmethod(case)

    return Situation(*case(np.arange(6)))


@pytest.mark.parametrize(
    ("model", "cases", "longest_s"),
    [
        (gpu, GPU, 1e5),
        (gpu, STANDING_GPU, 60.0),
        (pump, PUMP, 1e5),
        (cdu, CDU, 1e3),
        (water_loop, WATER_LOOP, 3600.0),
        (air_coil, AIR_COIL, 1e5),
        (hall_air, HALL_AIR, 600.0),
        (chiller, CHILLER, 1e5),
        (generator, GENERATOR, 3600.0),
        (loop_fill, LOOP_FILL, 1e5),
    ],
    ids=[
        "gpu",
        "standing gpu",
        "pump",
        "cdu",
        "water loop",
        "air coil",
        "hall air",
        "chiller",
        "generator",
        "loop fill",
    ],
)
def test_conformance(model: Any, cases: SearchStrategy[Case], longest_s: float) -> None:
    check_model(model, cases, longest_s=longest_s)


def test_power_chain_conforms() -> None:
    check_model(power_chain, _power_cases(), reorder=lambda case, order: case.in_order(order))


@pytest.mark.parametrize(
    ("model", "cases", "more_of", "gives_more"),
    [
        (gpu, GPU, "power_w", "die_k"),
        (gpu, GPU, "power_w", "heat_to_coolant_j"),
        (cdu, CDU, "heat_w", "return_k"),
        (cdu, CDU, "heat_w", "supply_k"),
        (cdu, CDU, "heat_w", "heat_to_facility_j"),
        (cdu, CDU, "facility_supply_k", "supply_k"),
        (pump, PUMP, "speed_frac", "moved_kg"),
        (pump, PUMP, "speed_frac", "energy_j"),
        (pump, PUMP, "path_frac", "moved_kg"),
        (air_coil, AIR_COIL, "fan_frac", "air_kg_per_s"),
        (air_coil, AIR_COIL, "air_in_k", "water_out_k"),
        (air_coil, AIR_COIL, "water_in_k", "water_out_k"),
        (hall_air, HALL_AIR, "heat_w", "hot_k"),
        (hall_air, HALL_AIR, "heat_w", "cold_k"),
        (water_loop, WATER_LOOP, "heat_w", "return_k"),
        (water_loop, WATER_LOOP, "heat_w", "supply_k"),
        (chiller, CHILLER, "load_frac", "energy_j"),
        (generator, GENERATOR, "load_w", "burned_j"),
        (loop_fill, LOOP_FILL, "leak_kg_per_s", "lost_kg"),
    ],
)
def test_more_gives_more(model: Any, cases: SearchStrategy[Case], more_of: str, gives_more: str) -> None:
    raised_by = 0.02 if more_of.endswith("_k") else 0.1
    check_monotone(model, cases, more_of, gives_more, raised_by=raised_by)


@given(LOOP_FILL, st.floats(1e-3, 1e5))
def test_coolant_of_a_leaking_loop_adds_up(case: Case, dt_s: float) -> None:
    state, out = loop_fill.step(case.params, case.state, case.inputs, dt_s)
    change = out.brought_kg - out.lost_kg
    np.testing.assert_allclose(state.held_kg - case.state.held_kg, change, rtol=1e-9, atol=1e-6)
    assert np.all(out.lost_kg >= 0.0)


@pytest.mark.parametrize(
    ("model", "cases", "more_of", "gives_less"),
    [
        (water_loop, WATER_LOOP, "removed_w", "supply_k"),
        (hall_air, HALL_AIR, "removed_w", "cold_k"),
        (hall_air, HALL_AIR, "removed_w", "hot_k"),
        (air_coil, AIR_COIL, "air_in_k", "heat_to_air_j"),
        (chiller, CHILLER, "water_k", "energy_j"),
    ],
)
def test_more_gives_less(model: Any, cases: SearchStrategy[Case], more_of: str, gives_less: str) -> None:
    raised_by = 0.02 if more_of.endswith("_k") else 0.1
    check_monotone(model, cases, more_of, gives_less, falls=True, raised_by=raised_by)


def test_more_outdoor_heat_makes_chillers_work_harder() -> None:
    check_monotone(chiller, CHILLER, "outdoor_k", "energy_j", raised_by=0.02)


def test_more_load_never_lowers_what_the_source_draws() -> None:
    check_monotone(power_chain, _power_cases(is_plain=True), "demand_w", "in_j")


class _Leaky:
    """Forgets a thousandth of the heat: the kit must see it."""

    net_in_j, stored_j = staticmethod(gpu.net_in_j), staticmethod(gpu.stored_j)

    @staticmethod
    def step(params: gpu.Params, state: gpu.State, inputs: gpu.Inputs, dt_s: float) -> Any:
        end, out = gpu.step(params, state, inputs, dt_s)
        return end, out._replace(heat_to_coolant_j=out.heat_to_coolant_j * 0.999)


class _Coarse:
    """Steps by Euler: the kit must see that two halves differ from the whole."""

    @staticmethod
    def step(params: pump.Params, state: pump.State, inputs: pump.Inputs, dt_s: float) -> Any:
        flow = state.flow_frac + (inputs.speed_frac - state.flow_frac) * min(dt_s / 100.0, 1.0)
        return pump.State(flow), pump.Outputs(flow * dt_s, flow * dt_s, flow)


class _Careless:
    """Writes into its state: the kit must see it."""

    @staticmethod
    def step(params: pump.Params, state: pump.State, inputs: pump.Inputs, dt_s: float) -> Any:
        state.flow_frac[:] += 1.0
        return pump.step(params, state, inputs, dt_s)


class _Neighbourly:
    """Lets assets see each other's place: the kit must see it."""

    @staticmethod
    def step(params: pump.Params, state: pump.State, inputs: pump.Inputs, dt_s: float) -> Any:
        end, out = pump.step(params, state, inputs, dt_s)
        return end, out._replace(energy_j=np.arange(1.0, ASSETS + 1.0) * dt_s)


@pytest.mark.parametrize(
    ("model", "cases", "message"),
    [
        (_Leaky, GPU, "energy residual"),
        (_Coarse, PUMP, "two steps against one"),
        (_Careless, PUMP, "changed what it was given"),
        (_Neighbourly, PUMP, "another order"),
    ],
)
def test_the_kit_catches_a_bad_model(model: Any, cases: SearchStrategy[Case], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_model(model, cases, examples=40, shrink=False)
