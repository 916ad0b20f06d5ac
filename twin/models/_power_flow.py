"""Compiled heart of the power chain: who carries what at an instant, and a step cut where that changes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.physics.converter import loss_w
from twin.physics.inverse_time import trip_rate_per_s
from twin.physics.storage import stored_rate_w

Array = NDArray[np.float64]

_loss_w = njit(cache=True, error_model="numpy")(loss_w)
_trip_rate_per_s = njit(cache=True, error_model="numpy")(trip_rate_per_s)
_stored_rate_w = njit(cache=True, error_model="numpy")(stored_rate_w)

ROUNDING = 1e-12
"""Share of the time to a change within which it counts as come [1]."""


class Flow(NamedTuple):
    """The chain at an instant; arrays (element).

    Parameters
    ----------
    in_w, out_w, loss_w : array (element)
        Power drawn from feeders, delivered, and lost, the store's loss included [W].
    given_w, taken_w : array (element)
        Power out of and into the store, at its terminals [W].
    served : array (element)
        1 where the element is alive, else 0.
    voltage_pu : array (element)
        Voltage at the output over nominal [1].
    load_frac : array (element)
        Current over its rating [1].
    """

    in_w: Array
    out_w: Array
    loss_w: Array
    given_w: Array
    taken_w: Array
    served: Array
    voltage_pu: Array
    load_frac: Array


# helpers get arrays and numbers, never all parameters: handing a table over costs more than what they do with it


@njit(cache=True, error_model="numpy")
def _shares_now(params: Any, inputs: Any) -> Array:
    """Share of each feed; 0 where a switch has its element on other feeds, and of sources beside the others [1]."""
    if not params.is_reserve.size and not inputs.beside_w.size:
        return params.share_frac
    found: Array = params.share_frac.copy()
    for f in range(found.size if inputs.beside_w.size else 0):
        if inputs.beside_w[params.feeder[f]] < np.inf:
            found[f] = 0.0
    for i in range(params.order.size if params.is_reserve.size else 0):
        bus = params.bus[i]
        if bus < 0:
            continue
        for f in range(params.first_feed[bus], params.first_feed[bus + 1]):
            if params.is_reserve[f] != inputs.on_reserve[params.order[i]]:
                found[f] = 0.0  # a bus with such feeds has one element
    return found


@njit(cache=True, error_model="numpy")
def _beside_w(
    feeds: Any, feeder: NDArray[np.int64], beside_w: Array, need_w: float, served: Array, out_w: Array
) -> float:
    """Let sources beside the others of a bus give what they are told, as far as it is needed; what is left [W]."""
    for f in feeds:
        parent = feeder[f]
        if beside_w[parent] < np.inf and served[parent] > 0.0:
            given_w = min(max(beside_w[parent] - out_w[parent], 0.0), need_w)
            out_w[parent] += given_w
            need_w -= given_w
    return need_w


@njit(cache=True, error_model="numpy")
def flow_of(params: Any, inputs: Any, stored_j: Array, tripped: Array) -> Flow:
    """Who is alive, from the sources; who carries what, from the loads."""
    elements, buses = stored_j.size, params.first_feed.size - 1
    served, voltage = np.zeros(elements), np.zeros(elements)
    alive_share, into_pu = np.full(buses, -1.0), np.empty(buses)
    is_carried = np.zeros(elements, np.bool_)
    share_frac, feeder, first_feed = _shares_now(params, inputs), params.feeder, params.first_feed
    for i in range(elements - 1, -1, -1):
        e, bus = params.order[i], params.bus[i]
        if bus < 0:
            at_pu = inputs.source_pu[e]
            is_fed = inputs.is_fed[e] and at_pu >= params.lowest_pu[e]
        else:
            if alive_share[bus] < 0.0:
                feeds = range(first_feed[bus], first_feed[bus + 1])
                alive_share[bus], into_pu[bus] = _bus_of(feeds, share_frac, feeder, served, voltage)
            at_pu = into_pu[bus]
            is_fed = inputs.is_fed[e] and alive_share[bus] > 0.0 and at_pu >= params.lowest_pu[e]
        if not inputs.is_up[e] or tripped[e] > 0.0:
            continue
        is_carried[e] = not is_fed and stored_j[e] > 0.0 and not inputs.is_eco[e]
        if is_fed or is_carried[e]:
            served[e] = 1.0
            is_held = is_carried[e] or (params.holds_voltage[e] and not inputs.is_eco[e])
            voltage[e] = 1.0 if is_held else at_pu * inputs.drop_frac[e]
    return _carry(params, inputs, stored_j, served, voltage, (alive_share, share_frac), is_carried)


@njit(cache=True, error_model="numpy")
def _bus_of(
    feeds: Any, share_frac: Array, feeder: NDArray[np.int64], served: Array, voltage: Array
) -> tuple[float, float]:
    """Shares of the feeders of a bus that are alive, and the voltage that they give it."""
    alive_share, into_pu = 0.0, 0.0
    for f in feeds:
        part = share_frac[f] * served[feeder[f]]
        alive_share += part
        into_pu += part * voltage[feeder[f]]
    return alive_share, into_pu / alive_share if alive_share > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def has_input(params: Any, inputs: Any, served: Array, voltage: Array) -> Array:
    """1 for elements that have a voltage at their input that they take, array (element); 0 for sources."""
    found, share_frac = np.zeros(served.size), _shares_now(params, inputs)
    for i in range(served.size):
        e, bus = params.order[i], params.bus[i]
        if bus >= 0 and inputs.is_fed[e]:
            feeds = range(params.first_feed[bus], params.first_feed[bus + 1])
            alive_share, into_pu = _bus_of(feeds, share_frac, params.feeder, served, voltage)
            found[e] = 1.0 if alive_share > 0.0 and into_pu >= params.lowest_pu[e] else 0.0
    return found


@njit(cache=True, error_model="numpy")
def _carry(
    params: Any,
    inputs: Any,
    stored_j: Array,
    served: Array,
    voltage: Array,
    shares: tuple[Array, Array],
    is_carried: NDArray[np.bool_],
) -> Flow:
    elements, store = stored_j.size, params.store
    alive_share, share_frac = shares
    in_w, out_w, lost_w = np.zeros(elements), np.zeros(elements), np.zeros(elements)
    given_w, taken_w, load = np.zeros(elements), np.zeros(elements), np.zeros(elements)
    bus_w = np.zeros(alive_share.size)
    for i in range(elements):
        e, bus = params.order[i], params.bus[i]
        if served[e] > 0.0:
            out_w[e] += inputs.demand_w[e]
            # current is what heats and trips: power that is held draws more of it at a lower voltage
            current_w = out_w[e] / voltage[e] if voltage[e] > 0.0 else out_w[e]
            load[e] = current_w / params.rating_w[e]
            curve = params.eco_losses if inputs.is_eco[e] else params.losses
            shape = curve.constant_frac[e], curve.linear_frac[e], curve.quadratic_frac[e]
            lost_w[e] = _loss_w(current_w, params.rating_w[e], *shape)
            if store.capacity_j[e] > 0.0:
                lost_w[e] += store.rating_w[e] * store.constant_frac[e]
            need_w = out_w[e] + lost_w[e]
            if is_carried[e]:
                given_w[e] = need_w
            else:
                if store.capacity_j[e] > 0.0:
                    room_j = store.capacity_j[e] - stored_j[e]
                    given_w[e], taken_w[e] = _store_w(
                        inputs.orders, e, store.charge_w[e], stored_j[e], room_j, need_w
                    )
                in_w[e] = need_w - given_w[e] + taken_w[e]
            if given_w[e] > 0.0 or taken_w[e] > 0.0:
                kept_w = _stored_rate_w(
                    given_w[e], taken_w[e], store.rating_w[e], store.linear_frac[e], store.quadratic_frac[e]
                )
                lost_w[e] += taken_w[e] - given_w[e] - kept_w
            if bus >= 0:
                bus_w[bus] += in_w[e]
            elif store.capacity_j[e] > 0.0:  # its store is behind the meter
                load[e] *= in_w[e] / out_w[e] if out_w[e] > 0.0 else 0.0
        if params.is_last[i] and bus_w[bus] > 0.0:
            feeds = range(params.first_feed[bus], params.first_feed[bus + 1])
            if inputs.beside_w.size:
                bus_w[bus] = _beside_w(feeds, params.feeder, inputs.beside_w, bus_w[bus], served, out_w)
            whole_w = bus_w[bus] / alive_share[bus]
            for f in feeds:
                parent = params.feeder[f]
                out_w[parent] += whole_w * share_frac[f] * served[parent]
    return Flow(in_w, out_w, lost_w, given_w, taken_w, served, voltage, load)


@njit(cache=True, error_model="numpy")
def _store_w(
    orders: Any, e: int, charge_w: float, stored_j: float, room_j: float, need_w: float
) -> tuple[float, float]:
    """What the store of an element with feeders gives and takes: it is charged, unless it has orders [W]."""
    if not orders.most_w.size:
        return 0.0, charge_w if room_j > 0.0 else 0.0
    over_w = need_w - orders.most_w[e]
    if over_w > 0.0:
        return (min(over_w, orders.give_w[e], need_w) if stored_j > orders.reserve_j[e] else 0.0), 0.0
    wanted_w = max(min(charge_w, orders.take_w[e]), min(charge_w, orders.least_w[e] - need_w))
    return 0.0, (min(wanted_w, -over_w) if room_j > 0.0 else 0.0)


@njit(cache=True, error_model="numpy")
def _rates(
    acting: NDArray[np.int64],
    store: Any,
    trip: Any,
    orders: Any,
    powers: tuple[Array, Array, Array],
    state: tuple[Array, Array, Array],
) -> Array:
    """How stores [W] and trips [1/s] move on, how long until they get to their ends [s], and what is then stored [J].

    A store that falls is looked at again where its reserve begins. Array (5, acting).
    """
    given_w, taken_w, load_frac = powers
    stored_j, share, tripped = state
    rates = np.full((5, acting.size), np.inf)
    for i in range(acting.size):
        e = acting[i]
        rates[0, i] = _stored_rate_w(
            given_w[e],
            taken_w[e],
            store.rating_w[e],
            store.linear_frac[e],
            store.quadratic_frac[e],
        )
        rates[1, i] = 0.0
        if trip.scale_s[e] < np.inf or trip.instant_frac[e] < np.inf:
            rates[1, i] = _trip_rate_per_s(
                load_frac[e],
                trip.pickup_frac[e],
                trip.scale_s[e],
                trip.exponent[e],
                trip.instant_frac[e],
                trip.instant_s[e],
                trip.reset_s[e],
            )
        if rates[0, i] < 0.0:
            keeps = orders.most_w.size > 0 and stored_j[e] > orders.reserve_j[e]
            rates[4, i] = orders.reserve_j[e] if keeps else 0.0
            rates[2, i] = (stored_j[e] - rates[4, i]) / -rates[0, i]
        elif rates[0, i] > 0.0:
            rates[4, i] = store.capacity_j[e]
            rates[2, i] = (store.capacity_j[e] - stored_j[e]) / rates[0, i]
        if rates[1, i] > 0.0 and tripped[e] == 0.0:
            rates[3, i] = (1.0 - share[e]) / rates[1, i]
    return rates


@njit(cache=True, error_model="numpy")
def _soonest_s(rates: Array) -> float:
    soonest = np.inf
    for i in range(rates.shape[1]):
        soonest = min(soonest, rates[2, i], rates[3, i])
    return soonest


@njit(cache=True, error_model="numpy")
def next_s(params: Any, inputs: Any, flow: Any, stored_j: Array, share: Array, tripped: Array) -> float:
    """Time until the first store is full or empty or the first trip comes [s]."""
    powers = flow.given_w, flow.taken_w, flow.load_frac
    told = params.acting, params.store, params.trip, inputs.orders
    return _soonest_s(_rates(*told, powers, (stored_j, share, tripped)))


@njit(cache=True, error_model="numpy")
def _move(
    acting: NDArray[np.int64], rates: Array, stored_j: Array, share: Array, tripped: Array, took_s: float
) -> bool:
    """Let stores and trips move on while nothing changes; say whether something does at the end."""
    has_changed = False
    reach_s = took_s * (1.0 + ROUNDING)
    for i in range(acting.size):
        e = acting[i]
        if rates[2, i] <= reach_s:
            stored_j[e] = rates[4, i]
            has_changed = True
        else:
            stored_j[e] += rates[0, i] * took_s
        share[e] = min(max(share[e] + rates[1, i] * took_s, 0.0), 1.0)
        if rates[3, i] <= reach_s:
            share[e], tripped[e] = 1.0, 1.0
            has_changed = True
    return has_changed


@njit(cache=True, error_model="numpy")
def _add(sums: Array, flow: Any, demand_w: Array, took_s: float) -> None:
    """Add a time of constant powers; element by element, because array expressions compile for seconds."""
    for e in range(demand_w.size):
        sums[0, e] += flow.in_w[e] * took_s
        sums[1, e] += flow.out_w[e] * took_s
        sums[2, e] += flow.loss_w[e] * took_s
        sums[3, e] += demand_w[e] * flow.served[e] * took_s
        sums[4, e] += flow.given_w[e] * took_s
        sums[5, e] += flow.taken_w[e] * took_s
        sums[6, e] += flow.served[e] * took_s


@njit(cache=True, error_model="numpy")
def advance(params: Any, state: Any, inputs: Any, dt_s: float, out: Array) -> None:
    """Fill in stores and trips at the end of a step, sums over it, and load, voltage and who is alive at its end."""
    stored_j, share, tripped, sums = out[0], out[1], out[2], out[3:10]
    sums[:] = 0.0
    for e in range(tripped.size):
        stored_j[e], share[e] = state.stored_j[e], state.trip_share[e]
        tripped[e] = state.tripped[e] if inputs.is_up[e] else 0.0
    left_s = dt_s
    flow = flow_of(params, inputs, stored_j, tripped)
    while left_s > 0.0:
        rates = _rates(
            params.acting, params.store, params.trip, inputs.orders,
            (flow.given_w, flow.taken_w, flow.load_frac), (stored_j, share, tripped),
        )  # fmt: skip
        took_s = min(left_s, _soonest_s(rates))
        _add(sums, flow, inputs.demand_w, took_s)
        left_s -= took_s
        if _move(params.acting, rates, stored_j, share, tripped, took_s):
            flow = flow_of(params, inputs, stored_j, tripped)
    for e in range(tripped.size):
        out[10, e], out[11, e], out[12, e] = flow.load_frac[e], flow.voltage_pu[e], flow.served[e]
