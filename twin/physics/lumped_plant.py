"""Lumped plants under a disturbance: GPUs on a liquid loop, and servers in a room of air.

Energy balances of well-mixed volumes. GPUs slow down on a line between two temperatures; at a third the plant shuts
down and stays down. The last two quantities of a state are the heat put in and the heat rejected so far [J].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twin.physics.disturbance import Signal, steady
from twin.physics.heat_exchanger import counterflow_w_per_k, film_w_per_k

Array = NDArray[np.float64]

HOT_AISLE_RISE_LIMIT_K = 60.0
"""Most that air warms up in a server [K]: without flow the relation of a well-mixed room ends; assumption (2026)."""

_HALVINGS = 60
_LEAST_FLOW_FRAC = 1e-12


@dataclass(frozen=True)
class Throttle:
    """How GPUs answer heat: temperatures where slowing starts and ends [K], and the least power [W]."""

    start_k: float
    full_k: float
    least_w: float

    def power_w(self, wanted_w: float, hot_k: float) -> float:
        """Power left of a wanted one at a temperature [W].

        Examples
        --------
        >>> Throttle(360.0, 368.0, 300.0).power_w(1200.0, 364.0)
        750.0
        """
        share = min(max((hot_k - self.start_k) / (self.full_k - self.start_k), 0.0), 1.0)
        return wanted_w - share * max(0.0, wanted_w - self.least_w)


@dataclass(frozen=True)
class LiquidLoop:
    """GPUs under cold plates, a loop of three volumes, and an exchanger to facility water.

    State: GPU, cold plate, liquid in the racks, return and supply [K], heat put in and rejected [J]. Resistances
    [K/W] are of one GPU, capacities of one GPU and its plate and of the three volumes [J/K], flows [kg/s].
    """

    gpus: int
    gpu_w: float
    other_w: float
    throttle: Throttle
    shutdown_k: float
    die_k_per_w: float
    film_k_per_w: float
    film_exponent: float
    die_j_per_k: float
    plate_j_per_k: float
    rack_j_per_k: float
    return_j_per_k: float
    supply_j_per_k: float
    loop_kg_per_s: float
    loop_j_per_kg_k: float
    facility_kg_per_s: float
    facility_j_per_kg_k: float
    ua_w_per_k: float
    ua_exponent: float
    facility_k: Signal
    flow: Signal = field(default_factory=steady)
    facility_flow: Signal = field(default_factory=steady)
    power: Signal = field(default_factory=steady)

    @property
    def breaks_at_s(self) -> tuple[float, ...]:
        """Instants at which something outside changes its course [s]."""
        return tuple(
            at_s
            for s in (self.flow, self.facility_flow, self.power, self.facility_k)
            for at_s in s.breaks_at_s
        )

    def hot_k(self, state: Array) -> float:
        """Temperature that slows the GPUs down [K]."""
        return float(state[0])

    def limiting_k(self, state: Array) -> float:
        """Temperature that shuts the plant down [K]."""
        return float(state[0])

    def start(self) -> Array:
        """State of rest under the conditions at the start; a swing counts with its mean."""
        flow, facility_k = self.flow.at(0.0), self.facility_k.rest
        loop_w_per_k, per_k = self._exchanger_w_per_k(flow, self.facility_flow.at(0.0))
        film_k_per_w = self.film_k_per_w * flow**-self.film_exponent

        def at_power(power_w: float) -> list[float]:
            heat_w = self.gpus * power_w + self.other_w * self.power.rest
            back_k = facility_k + heat_w / per_k
            plate_k = back_k + power_w * film_k_per_w
            return [
                plate_k + power_w * self.die_k_per_w,
                plate_k,
                back_k,
                back_k,
                back_k - heat_w / loop_w_per_k,
            ]

        wanted_w = self.gpu_w * self.power.rest
        power_w = _settled_w(wanted_w, lambda w: self.throttle.power_w(wanted_w, at_power(w)[0]))
        return np.array([*at_power(power_w), 0.0, 0.0])

    def rate(self, at_s: float, state: Array, down: bool) -> Array:
        """Derivative of the state [1/s]; ``down`` once the plant has shut down."""
        die_k, plate_k, rack_k, back_k, supply_k = state[:5]
        asked = 0.0 if down else self.power.at(at_s)
        power_w = 0.0 if down else self.throttle.power_w(self.gpu_w * asked, float(die_k))
        other_w = self.other_w * asked
        flow = max(self.flow.at(at_s), _LEAST_FLOW_FRAC)
        loop_w_per_k, per_k = self._exchanger_w_per_k(flow, self.facility_flow.at(at_s))
        film_w = (plate_k - rack_k) / (self.film_k_per_w * flow**-self.film_exponent)
        through_w = (die_k - plate_k) / self.die_k_per_w
        rejected_w = per_k * (back_k - self.facility_k.at(at_s))
        return np.array(
            [
                (power_w - through_w) / self.die_j_per_k,
                (through_w - film_w) / self.plate_j_per_k,
                (self.gpus * film_w + other_w + loop_w_per_k * (supply_k - rack_k)) / self.rack_j_per_k,
                loop_w_per_k * (rack_k - back_k) / self.return_j_per_k,
                (loop_w_per_k * (back_k - supply_k) - rejected_w) / self.supply_j_per_k,
                self.gpus * power_w + other_w,
                rejected_w,
            ]
        )

    def _exchanger_w_per_k(self, flow: float, facility_flow: float) -> tuple[float, float]:
        """Capacity flow of the loop, and heat of the exchanger per kelvin between its inlets [W/K]."""
        loop_w_per_k = flow * self.loop_kg_per_s * self.loop_j_per_kg_k
        facility_w_per_k = facility_flow * self.facility_kg_per_s * self.facility_j_per_kg_k
        if min(loop_w_per_k, facility_w_per_k) <= 0.0:
            return loop_w_per_k, 0.0
        rated, first, second = (np.asarray(f) for f in (self.ua_w_per_k, flow, facility_flow))
        ua = film_w_per_k(rated, first, second, exponent=self.ua_exponent)
        return loop_w_per_k, float(
            counterflow_w_per_k(ua, np.asarray(loop_w_per_k), np.asarray(facility_w_per_k))
        )


@dataclass(frozen=True)
class AirRoom:
    """Servers that blow air through a room, a coil that cools it, walls, and a tank behind the coil.

    State: room, servers, structure, chilled water and GPU [K], heat put in and rejected [J]. Power is of one
    server, capacities of all servers, the room, its structure and the tank [J/K], the GPU's its own; the coil's
    effectiveness is that between the hot aisle and the chilled water.
    """

    servers: int
    server_w: float
    throttle: Throttle
    shutdown_k: float
    air_kg_per_s: float
    air_j_per_kg_k: float
    coil_effectiveness: float
    chilled_k: float
    server_w_per_k: float
    structure_w_per_k: float
    room_j_per_k: float
    servers_j_per_k: float
    structure_j_per_k: float
    gpu_w: float
    gpu_k_per_w: float
    gpu_j_per_k: float
    recirculated_frac: float
    tank_j_per_k: float = np.inf
    tank_from_at_s: float = np.inf
    fans: Signal = field(default_factory=steady)
    power: Signal = field(default_factory=steady)

    @property
    def breaks_at_s(self) -> tuple[float, ...]:
        """Instants at which something outside changes its course [s]."""
        return (*self.fans.breaks_at_s, *self.power.breaks_at_s, self.tank_from_at_s)

    def hot_k(self, state: Array) -> float:
        """Temperature that slows the GPUs down [K]."""
        return float(state[4])

    def limiting_k(self, state: Array) -> float:
        """Temperature that shuts the plant down [K]."""
        return float(state[0])

    def start(self) -> Array:
        """State of rest under the conditions at the start."""
        air_w_per_k = self.fans.at(0.0) * self.air_kg_per_s * self.air_j_per_kg_k

        def at_power(power_w: float) -> list[float]:
            heat_w = self.servers * power_w
            hot_k = self.chilled_k + heat_w / (self.coil_effectiveness * air_w_per_k)
            room_k = hot_k - heat_w / air_w_per_k
            inlet_k = room_k + self.recirculated_frac * (hot_k - room_k)
            gpu_k = inlet_k + self.gpu_k_per_w * self.gpu_w * power_w / self.server_w
            return [room_k, room_k + heat_w / self.server_w_per_k, room_k, self.chilled_k, gpu_k]

        wanted_w = self.server_w * self.power.rest
        power_w = _settled_w(wanted_w, lambda w: self.throttle.power_w(wanted_w, at_power(w)[4]))
        return np.array([*at_power(power_w), 0.0, 0.0])

    def rate(self, at_s: float, state: Array, down: bool) -> Array:
        """Derivative of the state [1/s]; ``down`` once the plant has shut down."""
        room_k, servers_k, structure_k, chilled_k, gpu_k = state[:5]
        wanted_w = 0.0 if down else self.server_w * self.power.at(at_s)
        power_w = self.throttle.power_w(wanted_w, float(gpu_k)) if wanted_w > 0.0 else 0.0
        heat_w = self.servers * power_w
        air_w_per_k = max(self.fans.at(at_s), _LEAST_FLOW_FRAC) * self.air_kg_per_s * self.air_j_per_kg_k
        hot_k = room_k + min(heat_w / air_w_per_k, HOT_AISLE_RISE_LIMIT_K)
        coil_w = self.coil_effectiveness * air_w_per_k * (hot_k - chilled_k)
        to_room_w = self.server_w_per_k * (servers_k - room_k)
        to_structure_w = self.structure_w_per_k * (room_k - structure_k)
        inlet_k = room_k + self.recirculated_frac * (hot_k - room_k)
        tank_w = coil_w if at_s >= self.tank_from_at_s else 0.0
        return np.array(
            [
                (to_room_w - coil_w - to_structure_w) / self.room_j_per_k,
                (heat_w - to_room_w) / self.servers_j_per_k,
                to_structure_w / self.structure_j_per_k,
                tank_w / self.tank_j_per_k,
                (self.gpu_w * power_w / self.server_w - (gpu_k - inlet_k) / self.gpu_k_per_w)
                / self.gpu_j_per_k,
                heat_w,
                coil_w,
            ]
        )


def _settled_w(wanted_w: float, left_of: Callable[[float], float]) -> float:
    """Power at which a throttled plant rests: what is left falls as power rises, so the root is between."""
    low, high = 0.0, wanted_w
    if left_of(wanted_w) >= wanted_w:
        return wanted_w
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if left_of(middle) > middle else (low, middle)
    return 0.5 * (low + high)
