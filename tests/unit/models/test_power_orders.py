"""Stores with orders, by hand: limits of what is drawn, reserves, charging, and switches of feeds."""

from __future__ import annotations

import numpy as np
import pytest

from twin.models import power_chain as chain
from twin.models._power_orders import free

LOAD, FEED = 0, 1


def site(stored_j: float = 1e6, charge_w: float = 40e3, lost_frac: float = 0.0) -> chain.Params:
    """A load on a feed of 200 kW with a battery."""
    own = np.array([0.0, 1.0])
    none = np.zeros(2)
    store = chain.Store(stored_j * own, charge_w * own, np.full(2, 100e3), none, np.full(2, lost_frac), none)
    return chain.build([200e3, 200e3], *np.zeros((3, 2)), fed=[0], feeder=[1], share_frac=[1.0], store=store)


def told(params: chain.Params, load_w: float, **orders: float) -> chain.Inputs:
    """A load, and orders to the battery."""
    found = free(2)
    for name, value in orders.items():
        getattr(found, name)[FEED] = value
    return chain.calm(params)._replace(demand_w=np.array([load_w, 0.0]), orders=found)


def test_the_store_gives_what_is_above_the_limit_and_the_meter_shows_the_rest() -> None:
    params = site(lost_frac=0.25)
    state, out = chain.step(params, chain.full(params), told(params, 100e3, most_w=70e3), 10.0)
    assert out.in_j[FEED] == pytest.approx(700e3)
    assert out.given_j[FEED] == pytest.approx(300e3)
    assert state.stored_j[FEED] == pytest.approx(1e6 - 300e3 * 1.25)
    assert out.loss_j[FEED] == pytest.approx(300e3 * 0.25)
    assert out.load_frac[FEED] == pytest.approx(0.35), "the connection carries what the meter shows"
    assert out.load_frac[LOAD] == pytest.approx(0.5)


def test_its_power_is_a_limit_too() -> None:
    params = site()
    flow = chain.flow(params, chain.full(params), told(params, 100e3, most_w=0.0, give_w=25e3))
    assert flow.in_w[FEED] == pytest.approx(75e3)


def test_the_reserve_is_kept_for_outages() -> None:
    """60 kJ above the reserve last 2 s at 30 kW; without the grid the rest lasts 9.4 s at 100 kW."""
    params = site()
    inputs = told(params, 100e3, most_w=70e3, reserve_j=940e3)
    assert chain.next_change_s(params, chain.full(params), inputs) == pytest.approx(2.0)
    state, out = chain.step(params, chain.full(params), inputs, 10.0)
    assert out.given_j[FEED] == pytest.approx(60e3)
    assert out.taken_j[FEED] == 0.0, "it does not charge above the limit"
    assert state.stored_j[FEED] == 940e3
    dead = inputs._replace(is_fed=np.array([True, False]))
    _, out = chain.step(params, state, dead, 20.0)
    assert out.served_s[LOAD] == pytest.approx(9.4)


def test_it_is_charged_with_what_the_limit_leaves() -> None:
    params = site()
    empty = chain.full(params)._replace(stored_j=np.zeros(2))
    for most_w, take_w, taken_w in (
        (np.inf, np.inf, 40e3),
        (np.inf, 15e3, 15e3),
        (110e3, 40e3, 10e3),
        (100e3, 40e3, 0.0),
    ):
        flow = chain.flow(params, empty, told(params, 100e3, most_w=most_w, take_w=take_w))
        assert flow.taken_w[FEED] == pytest.approx(taken_w)
        assert flow.in_w[FEED] == pytest.approx(100e3 + taken_w)


def test_the_least_that_is_drawn_goes_into_the_store_until_it_is_full() -> None:
    params = site()
    low = told(params, 20e3, least_w=50e3, take_w=0.0)
    state = chain.full(params)._replace(stored_j=np.array([0.0, 940e3]))
    assert chain.flow(params, state, low).in_w[FEED] == pytest.approx(50e3)
    state, out = chain.step(params, state, low, 10.0)
    assert out.taken_j[FEED] == pytest.approx(60e3)
    assert chain.flow(params, state, low).in_w[FEED] == pytest.approx(20e3)
    deep = chain.flow(
        params, state._replace(stored_j=np.zeros(2)), told(params, 0.0, least_w=1e6, take_w=0.0)
    )
    assert deep.in_w[FEED] == pytest.approx(40e3), "its power is the limit"


def test_orders_that_ask_for_nothing_change_nothing() -> None:
    params = site(lost_frac=0.1)
    half = chain.full(params)._replace(stored_j=np.array([0.0, 5e5]))
    plain = chain.calm(params)._replace(demand_w=np.array([90e3, 0.0]))
    for inputs in (plain, plain._replace(is_fed=np.array([True, False]))):
        first = chain.step(params, half, inputs, 7.0)
        second = chain.step(params, half, inputs._replace(orders=free(2)), 7.0)
        for part, other in zip((*first[0], *first[1]), (*second[0], *second[1]), strict=True):
            np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize(
    ("told_w", "made_w", "drawn_w"), [(0.0, 0.0, 80e3), (30e3, 30e3, 50e3), (500e3, 80e3, 0.0)]
)
def test_a_source_beside_another_gives_what_it_is_told(told_w: float, made_w: float, drawn_w: float) -> None:
    """Two loads on one bus with a feed and a generator; without the feed the bus is dead, whatever is told."""
    params = chain.build(
        [100e3] * 4, *np.zeros((3, 4)), fed=[0, 0, 1, 1], feeder=[2, 3, 2, 3], share_frac=[1.0, 0.5, 1.0, 0.5]
    )
    inputs = chain.calm(params)._replace(demand_w=np.array([60e3, 20e3, 0.0, 0.0]))
    inputs = inputs._replace(beside_w=np.array([np.inf, np.inf, np.inf, told_w]))
    flow = chain.flow(params, chain.full(params), inputs)
    assert flow.out_w.tolist() == [60e3, 20e3, drawn_w, made_w]
    sags = inputs._replace(source_pu=np.array([1.0, 1.0, 0.9, 1.0]))
    assert chain.flow(params, chain.full(params), sags).voltage_pu[0] == 0.9, "the grid holds the voltage"
    dead = inputs._replace(is_fed=np.array([True, True, False, True]))
    assert chain.flow(params, chain.full(params), dead).served.tolist() == [0.0, 0.0, 0.0, 1.0]


def test_a_switch_takes_one_feed_or_the_other() -> None:
    none = np.zeros((3, 3))
    params = chain.build(
        [100e3] * 3, *none, fed=[0, 0], feeder=[1, 2], share_frac=[1.0, 1.0], is_reserve=[False, True]
    )
    inputs = chain.calm(params)._replace(demand_w=np.array([80e3, 0.0, 0.0]))
    on_reserve = inputs._replace(on_reserve=np.array([1.0, 0.0, 0.0]))
    for told_, out_w in ((inputs, [80e3, 80e3, 0.0]), (on_reserve, [80e3, 0.0, 80e3])):
        assert chain.flow(params, chain.full(params), told_).out_w.tolist() == out_w
        broken = told_._replace(is_up=np.array([True, False, True]))
        assert chain.flow(params, chain.full(params), broken).served[0] == (told_ is on_reserve)
