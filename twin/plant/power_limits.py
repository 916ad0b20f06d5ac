"""What power elements bear and hold: stores, inverse-time trips, lowest voltages; every figure with its source."""

from __future__ import annotations

from typing import Final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.models._power_orders import NO_ORDERS, Orders, free
from twin.models.power_chain import Losses, Store, Trip, no_store, no_trip
from twin.physics.converter import loss_w
from twin.scenario.power import PowerChain

Array = NDArray[np.float64]
Slices = dict[str, slice]

PICKUP_FRAC: Final = 1.05
"""Current over that of its breaker that a breaker bears for ever [1]; IEC 60898/60947-2: no trip at 1.05 (2016)."""

BREAKER_S: Final = 180.0
"""K of ``t = K / (m^2 - 1)`` of moulded-case breakers [s]: 1 min at twice the current; textbook form, K an assumption
(2026), range 60 to 400."""

MAGNETIC_FRAC: Final = 8.0
"""Current over that of its breaker at which the magnet opens it at once [1]; textbook (2026), range 5 to 10."""

MAGNETIC_S: Final = 0.02
"""Time of that opening [s]: one period; textbook (2026)."""

RELAY_S: Final = 80.0
"""K of the relays of a medium-voltage ring [s]: extremely inverse, ``t = 80 s / (m^2 - 1)`` at a time multiplier of 1;
IEC 60255-151:2009, table A.1. Range of multipliers 0.05 to 1."""

RESET_S: Final = 600.0
"""From the brink of a trip back to cold without load [s]; assumption (2026), range 300 to 1200."""

UPS_CURVE: Final = (1.10, 43.5, 2.13, 2.0, 0.2)
"""Overload curve of a UPS as pickup [1], K [s], exponent, load [1] and time [s] of the instant trip: 110 % for ever,
125 % for 10 min, 150 % for 1 min, 200 % for 0.2 s, as data sheets of double-conversion blocks have it; assumption
(2026)."""

GENERATOR_CURVE: Final = (1.10, 60.0, 1.0, 1.5, 2.0)
"""The same of a generator: 10 % overload for ever, at half as much again it stalls within 2 s; assumption (2026)."""

LOADING_S: Final = 20.0
"""From no load to the rating of a generator beside the grid whose card says nothing [s]: soft loading by its
controller; assumption (2026), range 5 to 60."""

LEAST_LOAD_FRAC: Final = 0.30
"""Lowest load of a generator beside the grid over its rating where the card says nothing [1]: below it diesel engines
foul (wet stacking); textbook (2026), range 0.25 to 0.4."""

UPS_BATTERY: Final = (0.0, 0.02, 0.03)
"""Losses c0, c1, c2 of the battery of a UPS block over its rating [1]: cells and charger, as the inverter is in the
block; 5 % at the rating, 2 % of what is charged with a tenth of it; assumption (2026), range 3 to 8 % at the rating."""

BATTERY_CHARGE_FRAC: Final = 0.10
"""Charging power of a UPS battery over the rating of its block [1]; assumption (2026), range 0.05 to 0.15."""

HOLD_UP_S: Final = 0.010
"""Hold-up of a power supply whose card gives none [s]: 10 ms at full load, as CRPS units have it; textbook (2026)."""

SMOOTHING: Final = (0.0, 0.005, 0.01)
"""Losses c0, c1, c2 of the storage of power shelves over their rating [1], where it smooths: capacitors and their
converter, 1.5 % each way at the rating; assumption (2026), range 1 to 3 %."""

SMOOTHING_FILL_FRAC: Final = 0.5
"""Charge at which that storage is held [1]: room for peaks as for valleys."""

HOLD_UP_CHARGE_FRAC: Final = 0.10
"""Power that refills the hold-up capacitors over the rating [1]; assumption (2026)."""

LOWEST_PU: Final = {
    "feed": 0.30, "ups": 0.85, "psu": 0.80,
    "chiller": 0.70, "crah": 0.70, "rear_door": 0.70, "dry_cooler": 0.70, "facility_water": 0.70, "cdu": 0.70,
}  # fmt: skip
"""Voltage at the input below which nothing is taken [1]: rectifiers 85 % and supplies 180 V of 230 V (data sheets),
contactors and drives 70 % (SEMI F47 asks for that over 0.2 to 0.5 s), below 30 % the grid counts as gone;
assumptions (2026)."""

HOLDS_VOLTAGE: Final = ("ups", "psu")


def eco_losses(graph: nx.MultiDiGraph, elements: dict[str, int], losses: Array) -> Losses:
    """Loss coefficients while UPS let the grid through; those of a card without any stay the same."""
    found = losses.copy()
    for name, e in elements.items():
        if graph.nodes[name]["kind"] == "ups":
            card = catalog.get("ups", graph.nodes[name]["catalog"])
            for k, part in enumerate(("constant", "linear", "quadratic")):
                found[k, e] = card.get(f"eco_loss_{part}_frac", losses[k, e])
    return Losses(*found)


def stores(power: PowerChain, rating_w: Array, losses: Array, at: Slices, hold_up_s: float) -> Store:
    """Batteries of UPS blocks and site, and hold-up of power shelves."""
    store = no_store(len(rating_w))
    shelves = at["psu"]
    store.capacity_j[shelves] = rating_w[shelves] * (hold_up_s if power.hold_up is None else power.hold_up)
    store.charge_w[shelves] = rating_w[shelves] * HOLD_UP_CHARGE_FRAC
    if power.smoothing is not None:
        store.capacity_j[shelves] += power.smoothing.energy
        store.charge_w[shelves] = rating_w[shelves]
        _losses(store, shelves, rating_w[shelves], SMOOTHING)
    if power.ups.battery is not None:
        ups = at["ups"]
        drawn_w = rating_w[ups] + loss_w(rating_w[ups], rating_w[ups], *losses[:, ups])
        empties_w = drawn_w + loss_w(drawn_w, rating_w[ups], *np.array(UPS_BATTERY))
        store.capacity_j[ups] = empties_w * power.ups.battery
        store.charge_w[ups] = rating_w[ups] * BATTERY_CHARGE_FRAC
        _losses(store, ups, rating_w[ups], UPS_BATTERY)
    if power.storage is not None:
        feed = at["feed"]
        store.capacity_j[feed], store.charge_w[feed] = power.storage.energy, power.storage.power
        card = catalog.get("battery", power.storage.unit)
        shares = (card.loss_constant_frac, card.loss_linear_frac, card.loss_quadratic_frac)
        _losses(store, feed, power.storage.power, shares)
    return store


def _losses(store: Store, where: slice, rating_w: Array | float, shares: tuple[float, ...]) -> None:
    store.rating_w[where] = rating_w
    for column, share in zip(store[-3:], shares, strict=True):
        column[where] = share


def orders(power: PowerChain, store: Store, at: Slices) -> Orders:
    """What stores are told at the begin of a run; nothing where the scenario has no words for it."""
    battery = power.storage
    has_battery = battery is not None and (battery.is_told or power.feed.ramp is not None)
    if not has_battery and power.ups.walk_in is None and power.smoothing is None:
        return NO_ORDERS
    found, feed = free(len(store.capacity_j)), at["feed"]
    if power.smoothing is not None:
        shelves = at["psu"]
        found.take_w[shelves] = 0.0
        found.reserve_j[shelves] = store.capacity_j[shelves] - power.smoothing.energy
    if battery is not None:
        found.most_w[feed] = np.inf if battery.peak is None else battery.peak
        found.give_w[feed] = battery.power
        found.take_w[feed] = battery.power if battery.recharge is None else battery.recharge
        found.reserve_j[feed] = battery.energy * battery.reserve
    return found


def trips(power: PowerChain, elements: int, at: Slices) -> Trip:
    """Breakers and overload curves where the scenario has protection; generators always guard themselves."""
    trip = no_trip(elements)
    trip.reset_s[:] = RESET_S
    if "generator" in at:
        _curve(trip, at["generator"], GENERATOR_CURVE)
    if power.protection is not None:
        _curve(trip, at["ups"], UPS_CURVE)
        for kind in ("feed", "transformer", "pdu"):
            size = getattr(power.protection, kind)
            _curve(trip, at[kind], (size * PICKUP_FRAC, BREAKER_S, 1.0, size * MAGNETIC_FRAC, MAGNETIC_S))
    return trip


def _curve(trip: Trip, where: slice, figures: tuple[float, ...]) -> None:
    for column, figure in zip(trip, figures, strict=False):
        column[where] = figure


def per_kind(elements: int, at: Slices) -> tuple[Array, NDArray[np.bool_]]:
    """Lowest voltage at the input, and whether an element holds its voltage."""
    lowest_pu, holds = np.zeros(elements), np.zeros(elements, dtype=np.bool_)
    for kind, where in at.items():
        lowest_pu[where] = LOWEST_PU.get(kind, 0.0)
        holds[where] = kind in HOLDS_VOLTAGE
    return lowest_pu, holds
