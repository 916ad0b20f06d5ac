"""Stores and trips of the power chain by hand: autonomy, hold-up, charging, cascades, eco, sags."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import power_chain as chain

# a load on two UPS on one feed, dual-corded
LOAD, LEFT, RIGHT, FEED = range(4)
RATING = [200e3, 100e3, 100e3, 400e3]


def ups(
    stored_j: float = 6e6,
    lost: tuple[float, float, float] = (0.0, 0.0, 0.0),
    trips_s: float = np.inf,
    **more: object,
) -> chain.Params:
    one = np.ones(4)
    is_ups = np.array([0.0, 1.0, 1.0, 0.0])
    store = chain.Store(stored_j * is_ups, 10e3 * is_ups, 100e3 * one, *(share * one for share in lost))
    trip = chain.no_trip(4)._replace(scale_s=np.where(is_ups > 0, trips_s, np.inf), reset_s=100.0 * one)
    return chain.build(
        RATING, *np.zeros((3, 4)), fed=[0, 0, 1, 2], feeder=[1, 2, 3, 3], share_frac=[0.5, 0.5, 1.0, 1.0],
        holds_voltage=is_ups > 0, store=store, trip=trip, **more,  # type: ignore[arg-type]
    )  # fmt: skip


def loaded(params: chain.Params, power_w: float, **changes: list[int]) -> chain.Inputs:
    """A load, and for each input the elements where it is switched over."""
    inputs = chain.calm(params)._replace(demand_w=np.array([power_w, 0.0, 0.0, 0.0]))
    for name, elements in changes.items():
        column = getattr(inputs, name).copy()
        column[elements] = ~column[elements]
        inputs = inputs._replace(**{name: column})
    return inputs


@pytest.mark.parametrize(("load_w", "loss_w"), [(100e3, 3e3), (40e3, 0.72e3), (200e3, 10e3)])
def test_autonomy_is_energy_over_power_with_the_loss_of_the_battery_at_it(
    load_w: float, loss_w: float
) -> None:
    """At half of 100 kW the way costs 0.02 + 0.08 / 2 of what is given."""
    params, half_w = ups(lost=(0.0, 0.02, 0.08)), load_w / 2.0
    dead = loaded(params, load_w, is_fed=[FEED])
    lasts_s = 6e6 / (half_w + loss_w)
    assert chain.next_change_s(params, chain.full(params), dead) == pytest.approx(lasts_s)
    state, out = chain.step(params, chain.full(params), dead, 400.0)
    assert out.served_s[LOAD] == pytest.approx(lasts_s)
    assert out.demand_j[LOAD] == pytest.approx(load_w * lasts_s)
    assert out.given_j[[LEFT, RIGHT]] == pytest.approx(half_w * lasts_s)
    assert out.loss_j[[LEFT, RIGHT]] == pytest.approx(loss_w * lasts_s)
    assert state.stored_j.tolist() == [0.0] * 4
    assert out.in_j[FEED] == 0.0


def test_when_one_battery_is_empty_the_other_carries_all() -> None:
    params = ups()
    state = chain.full(params)._replace(stored_j=np.array([0.0, 1e6, 6e6, 0.0]))
    _, out = chain.step(params, state, loaded(params, 100e3, is_fed=[FEED]), 300.0)
    # 20 s at half the load each, then 5 MJ at the whole load
    assert out.served_s[[LOAD, LEFT, RIGHT]] == pytest.approx([70.0, 20.0, 70.0])


def test_a_battery_is_charged_until_it_is_full() -> None:
    params = ups(lost=(0.0, 0.2, 0.0))
    state = chain.full(params)._replace(stored_j=np.array([0.0, 5.2e6, 6e6, 0.0]))
    end, out = chain.step(params, state, loaded(params, 100e3), 300.0)
    assert end.stored_j[LEFT] == 6e6
    assert out.taken_j[[LEFT, RIGHT]] == pytest.approx([1e6, 0.0])
    assert out.loss_j[LEFT] == pytest.approx(0.2e6)
    assert out.in_j[FEED] == pytest.approx(100e3 * 300.0 + 1e6)


def test_its_converter_draws_power_without_load() -> None:
    params = ups(lost=(0.005, 0.02, 0.08))
    flow = chain.flow(params, chain.full(params), loaded(params, 100e3))
    assert flow.loss_w[[LEFT, RIGHT]] == pytest.approx(500.0)
    assert flow.in_w[FEED] == pytest.approx(101e3)
    dead = chain.flow(params, chain.full(params), loaded(params, 100e3, is_fed=[FEED]))
    assert dead.given_w[[LEFT, RIGHT]] == pytest.approx(50.5e3)


def test_a_cascade_inside_a_step_comes_out_in_its_order() -> None:
    """One UPS is out; the other trips on the load of both, with all of it counted up to that instant."""
    params = ups(trips_s=30.0)
    alone = loaded(params, 150e3, is_up=[LEFT])
    due_s = 30.0 / (1.5**2 - 1.0)
    state, out = chain.step(params, chain.full(params), alone, 60.0)
    assert state.tripped.tolist() == [0.0, 0.0, 1.0, 0.0]
    assert out.served_s[LOAD] == pytest.approx(due_s)
    assert out.demand_j[LOAD] == pytest.approx(150e3 * due_s)
    # switched off it forgets that it has tripped, not how hot it is
    off = alone._replace(is_up=np.array([True, False, False, True]))
    state, _ = chain.step(params, state, off, 10.0)
    assert state.tripped[RIGHT] == 0.0
    # it cools from the trip on, the rest of the step and these ten seconds
    assert state.trip_share[RIGHT] == pytest.approx(1.0 - (60.0 - due_s + 10.0) / 100.0)


def test_eco_lets_a_dead_grid_through_until_it_is_left() -> None:
    params = ups(eco=chain.Losses(*np.zeros((3, 4))))
    eco = loaded(params, 100e3, is_fed=[FEED], is_eco=[LEFT, RIGHT])
    _, out = chain.step(params, chain.full(params), eco, 1.0)
    assert out.served_s[LOAD] == 0.0
    _, out = chain.step(params, chain.full(params), loaded(params, 100e3, is_fed=[FEED]), 1.0)
    assert out.served_s[LOAD] == 1.0


def test_eco_passes_a_sag_and_has_losses_of_its_own() -> None:
    eco_losses = chain.Losses(np.array([0.0, 0.004, 0.004, 0.0]), np.zeros(4), np.zeros(4))
    params = ups(eco=eco_losses)
    sag = loaded(params, 100e3, is_eco=[LEFT, RIGHT])._replace(source_pu=np.full(4, 0.9))
    _, out = chain.step(params, chain.full(params), sag, 1.0)
    assert out.voltage_pu[[LEFT, RIGHT]] == pytest.approx(0.9)
    assert out.loss_j[[LEFT, RIGHT]] == pytest.approx(400.0)
    held = sag._replace(is_eco=np.zeros(4, dtype=bool))
    assert chain.flow(params, chain.full(params), held).voltage_pu[[LEFT, RIGHT]].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("voltage", "carried"), [(0.86, False), (0.84, True)])
def test_below_its_lowest_voltage_an_input_lets_go(voltage: float, carried: bool) -> None:
    params = ups(lowest_pu=np.array([0.0, 0.85, 0.85, 0.0]))
    sag = loaded(params, 100e3)._replace(source_pu=np.full(4, voltage))
    flow = chain.flow(params, chain.full(params), sag)
    assert (flow.given_w[[LEFT, RIGHT]] > 0.0).tolist() == [carried] * 2
    assert flow.served[LOAD] == 1.0


def test_current_rises_as_voltage_falls_and_losses_with_its_square() -> None:
    params = chain.build([1e6], [0.0], [0.0], [0.01], fed=[], feeder=[], share_frac=[])
    inputs = chain.calm(params)._replace(demand_w=np.array([5e5]))
    calm = chain.flow(params, chain.full(params), inputs)
    sag = chain.flow(params, chain.full(params), inputs._replace(source_pu=np.array([0.8])))
    assert sag.load_frac[0] == pytest.approx(calm.load_frac[0] / 0.8)
    assert sag.loss_w[0] == pytest.approx(calm.loss_w[0] / 0.64)
