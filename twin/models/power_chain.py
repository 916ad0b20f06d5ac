"""The power chain from loads to the grid: racks, PDUs, UPS, transformers, feed, generators.

Every element is a converter that delivers power and loses some of it; what it draws is what its feeders
deliver. Elements form a directed graph without cycles. Where an element has several feeders (dual-corded), its
draw splits by their shares, renewed over the feeders that are alive. Elements with the same feeders hang on one *bus*.
Losses use the mean power over the step; a ripple inside it would add c2 times its variance.

An element may have a store, which carries it while nothing feeds it, and a trip, which opens it under an overload.
Both answer at once and move load to the others, so they live here and not beside the chain: a step is cut wherever
a store runs empty or full or a trip is due, and between cuts all powers are constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, TopologyError
from twin.models import _power_flow
from twin.models._compiled import digest_of
from twin.models._power_buses import buses_of, loads_first
from twin.models._power_flow import Flow, advance, flow_of, next_s
from twin.models._power_orders import NO_ORDERS, NONE, Orders
from twin.physics import converter, inverse_time, storage

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
_ROWS = 13  # of what a step fills in


class Losses(NamedTuple):
    """Loss coefficients c0, c1, c2 [1], see :func:`twin.physics.converter.loss_w`, arrays (element)."""

    constant_frac: Array
    linear_frac: Array
    quadratic_frac: Array


class Store(NamedTuple):
    """Batteries of UPS and site, hold-up of power supplies; arrays (element).

    Parameters
    ----------
    capacity_j : array (element)
        Energy it holds when full [J]; 0 where there is none.
    charge_w : array (element)
        Power with which it is charged while it is not full [W].
    rating_w : array (element)
        Power to which the losses refer [W], above zero and no less than ``charge_w``.
    constant_frac, linear_frac, quadratic_frac : array (element)
        Loss coefficients of its converter and cells [1], see :func:`twin.physics.converter.loss_w`. The constant is
        drawn from the element while that is alive, the others come with what is given or taken.
    """

    capacity_j: Array
    charge_w: Array
    rating_w: Array
    constant_frac: Array
    linear_frac: Array
    quadratic_frac: Array


class Trip(NamedTuple):
    """Inverse-time trips, see :func:`twin.physics.inverse_time.trip_rate_per_s`; arrays (element)."""

    pickup_frac: Array
    scale_s: Array
    exponent: Array
    instant_frac: Array
    instant_s: Array
    reset_s: Array


class Params(NamedTuple):
    """Elements in any order, with the buses that feed them.

    Parameters
    ----------
    rating_w : array (element)
        Rated output [W], above zero.
    losses, eco_losses : Losses
        Coefficients as a converter, and while it lets its feeders through unconverted.
    order : array (element), int
        Elements from loads to sources.
    bus : array (element), int
        Bus of ``order[i]``; -1 for a source.
    is_last : array (element), bool
        Whether ``order[i]`` is the last on its bus.
    first_feed : array (bus + 1), int
        Feeds of a bus are ``first_feed[bus]`` up to ``first_feed[bus + 1]``.
    feeder : array (feed), int
        Element that feeds.
    share_frac : array (feed)
        Share of the draw while all feeders are alive [1], above zero.
    lowest_pu : array (element)
        Voltage at the input below which an element takes nothing [1].
    holds_voltage : array (element), bool
        Whether an element gives nominal voltage whatever its input has, as a UPS does.
    store : Store
    trip : Trip
    acting : array (acting), int
        Elements that store or may trip; the others bear everything.
    is_reserve : array (feed)
        1 for feeds that a switch takes in place of the others, else 0; empty where there are none.
    """

    rating_w: Array
    losses: Losses
    eco_losses: Losses
    order: Index
    bus: Index
    is_last: Mask
    first_feed: Index
    feeder: Index
    share_frac: Array
    lowest_pu: Array
    holds_voltage: Mask
    store: Store
    trip: Trip
    acting: Index
    is_reserve: Array = NONE


class State(NamedTuple):
    """Arrays over elements.

    Parameters
    ----------
    stored_j : array (element)
        Energy in the store [J].
    trip_share : array (element)
        Share of the way to the trip [1].
    tripped : array (element)
        1 where a trip has opened the element, until it is switched off (``is_up``).
    """

    stored_j: Array
    trip_share: Array
    tripped: Array


class Inputs(NamedTuple):
    """Arrays over elements.

    Parameters
    ----------
    demand_w : array (element)
        Load attached directly to an element's output, mean over the step [W], zero or larger.
    is_up : array (element), bool
        Whether the element works; an element without feeders is a source.
    is_fed : array (element), bool
        Whether its input is closed: an open one takes nothing, a dead grid gives nothing.
    is_eco : array (element), bool
        Whether it lets its feeders through unconverted; its store then does not take over.
    source_pu : array (element)
        Voltage over nominal of an element without feeders [1].
    drop_frac : array (element)
        Voltage at an element's output over that of its feeders [1].
    orders : Orders
        What stores are told; without any, a store with feeders is charged until it is full.
    on_reserve : array (element)
        1 where a switch has an element on its reserve feeds, 0 on the others; empty where none has such feeds.
    beside_w : array (element)
        What an element gives beside the other feeders of a bus while one of these is alive, as far as it is
        needed [W]; infinite where it shares the draw with them, empty where all do.
    """

    demand_w: Array
    is_up: Mask
    is_fed: Mask
    is_eco: Mask
    source_pu: Array
    drop_frac: Array
    orders: Orders = NO_ORDERS
    on_reserve: Array = NONE
    beside_w: Array = NONE


class Outputs(NamedTuple):
    """Arrays over elements.

    Parameters
    ----------
    in_j, out_j, loss_j : array (element)
        Energy drawn from feeders, delivered and lost over the step [J]; losses of the store included.
    demand_j : array (element)
        Energy that directly attached loads received [J]; 0 where the element is dead.
    given_j, taken_j : array (element)
        Energy out of and into the store, at its terminals [J].
    served_s : array (element)
        Time with power [s].
    load_frac : array (element)
        Current over its rating at the end of the step [1]; above 1 is an overload.
    voltage_pu : array (element)
        Voltage at the output over nominal at the end of the step [1]; 0 where the element is dead.
    served_frac : array (element)
        1 where the element is alive at the end of the step, else 0.
    """

    in_j: Array
    out_j: Array
    loss_j: Array
    demand_j: Array
    given_j: Array
    taken_j: Array
    served_s: Array
    load_frac: Array
    voltage_pu: Array
    served_frac: Array


def build(
    rating_w: ArrayLike,
    constant_frac: ArrayLike,
    linear_frac: ArrayLike,
    quadratic_frac: ArrayLike,
    *,
    fed: ArrayLike,
    feeder: ArrayLike,
    share_frac: ArrayLike,
    eco: Losses | None = None,
    lowest_pu: Array | None = None,
    holds_voltage: Mask | None = None,
    store: Store | None = None,
    trip: Trip | None = None,
    is_reserve: ArrayLike = (),
) -> Params:
    """Order elements and feeds for the step.

    Parameters
    ----------
    rating_w, constant_frac, linear_frac, quadratic_frac : array (element)
        As in :class:`Params` and :class:`Losses`.
    fed, feeder : array (feed), int
        The element that draws and the one that delivers.
    share_frac : array (feed)
        Share of the draw of ``fed`` over this feed [1], above zero.
    eco, lowest_pu, holds_voltage, store, trip
        As in :class:`Params`; without them losses stay the same, any voltage will do, and nothing stores or trips.
    is_reserve : array (feed), bool
        Feeds that a switch takes in place of the others; none if left out.

    Raises
    ------
    TopologyError
        When feeds form a cycle, a rating or a share is not above zero, or a feed names an unknown element.

    Examples
    --------
    >>> p = build([100e3, 150e3], [0, 0.008], [0, 0.010], [0, 0.012], fed=[0], feeder=[1], share_frac=[1.0])
    >>> _, out = step(p, full(p), calm(p)._replace(demand_w=np.array([75e3, 0.0])), 1.0)
    >>> out.in_j
    array([75000., 77400.])
    """
    rating = np.asarray(rating_w, dtype=np.float64)
    fed_at = np.asarray(fed, dtype=np.int64).reshape(-1)
    feeder_at = np.asarray(feeder, dtype=np.int64).reshape(-1)
    share = np.asarray(share_frac, dtype=np.float64).reshape(-1)
    _refuse_bad(rating, fed_at, feeder_at, share)
    order = loads_first(rating.size, fed_at, feeder_at)
    reserve = np.asarray(is_reserve, dtype=np.float64) if np.any(is_reserve) else NONE
    bus, is_last, first_feed, feeds = buses_of(order, fed_at, feeder_at, share, reserve)
    stores, trips = (
        no_store(rating.size) if store is None else store,
        no_trip(rating.size) if trip is None else trip,
    )
    acts = (stores.capacity_j > 0.0) | np.isfinite(trips.scale_s) | np.isfinite(trips.instant_frac)
    losses = Losses(*(np.asarray(c, dtype=np.float64) for c in (constant_frac, linear_frac, quadratic_frac)))
    return Params(
        rating,
        losses,
        losses if eco is None else eco,
        order,
        bus,
        is_last,
        first_feed,
        feeder_at[feeds],
        share[feeds],
        np.zeros(rating.size) if lowest_pu is None else lowest_pu,
        np.zeros(rating.size, dtype=np.bool_) if holds_voltage is None else holds_voltage,
        stores,
        trips,
        np.flatnonzero(acts),
        reserve[feeds] if reserve.size else NONE,
    )


def no_store(elements: int) -> Store:
    """Elements without stores."""
    capacity_j, charge_w, *losses = np.zeros((5, elements))
    return Store(capacity_j, charge_w, np.ones(elements), *losses)


def no_trip(elements: int) -> Trip:
    """Elements that bear everything."""
    one = np.ones(elements)
    return Trip(one, np.inf * one, one.copy(), np.inf * one, one.copy(), one.copy())


def full(params: Params) -> State:
    """State with full stores, at rest."""
    return State(
        params.store.capacity_j.copy(), np.zeros_like(params.rating_w), np.zeros_like(params.rating_w)
    )


def calm(params: Params) -> Inputs:
    """Inputs without load, everything up and at nominal voltage."""
    count = params.rating_w.size
    yes, one = np.ones(count, dtype=np.bool_), np.ones(count)
    plain = Inputs(np.zeros(count), yes, yes.copy(), np.zeros(count, dtype=np.bool_), one, one.copy())
    return plain._replace(on_reserve=np.zeros(count)) if params.is_reserve.size else plain


def _refuse_bad(rating: Array, fed: Index, feeder: Index, share: Array) -> None:
    faults = [
        Fault("", 0, f"power element {i}", f"rating {rating[i]:g} W", "above 0 W", "give it its rating")
        for i in np.flatnonzero(~(rating > 0.0))[:5]
    ]
    faults += [
        Fault("", 0, f"feed {i}", f"share {share[i]:g}", "above 0", "give it a share or drop the feed")
        for i in np.flatnonzero(~(share > 0.0))[:5]
    ]
    ends = np.concatenate([fed, feeder])
    if ends.size and (ends.min() < 0 or ends.max() >= rating.size):
        faults.append(
            Fault("", 0, "feeds", "an unknown element", f"0 to {rating.size - 1}", "mend the index")
        )
    if faults:
        raise TopologyError("the power chain cannot be built", faults)


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Energies over ``dt_s`` with constant inputs; exact for any length, also where stores run empty or trips come.

    Examples
    --------
    A UPS of 10 kW with 60 kJ behind a dead grid carries 5 kW for 12 of 20 s.

    >>> store = no_store(2)._replace(capacity_j=np.array([60e3, 0.0]))
    >>> p = build([1e4, 1e4], *np.zeros((3, 2)), fed=[0], feeder=[1], share_frac=[1.0], store=store)
    >>> dead = calm(p)._replace(demand_w=np.array([5e3, 0.0]), is_fed=np.array([True, False]))
    >>> _, out = step(p, full(p), dead, 20.0)
    >>> out.served_s, out.demand_j, out.served_frac
    (array([12.,  0.]), array([60000.,     0.]), array([0., 0.]))
    """
    out = np.empty((_ROWS, inputs.demand_w.size))
    rating_w, losses, eco_losses, *feeds, store, trip, acting, is_reserve = params
    *now, orders, on_reserve, beside_w = inputs
    told = (*state, *now, *orders, on_reserve, beside_w)
    _advance(out, dt_s, rating_w, *losses, *eco_losses, *feeds, *store, *trip, acting, is_reserve, *told)
    return State(*out[:3]), Outputs(*out[3:])


def _compiled(digest: str) -> Callable[..., None]:
    # arrays one by one, and one to fill in: unpacking tuples and making arrays costs more than the step
    @njit(cache=True)
    def entry(out: Array, dt_s: float, *arrays: Any) -> None:
        losses, eco_losses = Losses(*arrays[1:4]), Losses(*arrays[4:7])
        store, trip = Store(*arrays[15:21]), Trip(*arrays[21:27])
        params = Params(arrays[0], losses, eco_losses, *arrays[7:15], store, trip, *arrays[27:29])  # type: ignore[call-arg]
        inputs = Inputs(*arrays[32:38], Orders(*arrays[38:43]), *arrays[43:45])  # type: ignore[call-arg]
        advance(params, State(*arrays[29:32]), inputs, dt_s if digest != "" else 0.0, out)

    return entry


_advance = _compiled(digest_of(_power_flow, converter, inverse_time, storage))


def flow(params: Params, state: State, inputs: Inputs) -> Flow:
    """Powers, voltages and stores as they are at this instant."""
    return flow_of(params, inputs, state.stored_j, state.tripped)


def next_change_s(params: Params, state: State, inputs: Inputs) -> float:
    """Time until the first store runs empty or full or a trip comes, inputs constant; infinite without any [s]."""
    now = flow(params, state, inputs)
    return float(next_s(params, inputs, now, state.stored_j, state.trip_share, state.tripped))


def stored_j(params: Params, state: State) -> Array:
    """Energy in the stores [J]."""
    return state.stored_j


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> Array:
    """What elements took in and neither delivered nor lost [J]."""
    return outputs.in_j - outputs.out_j - outputs.loss_j
