"""What processes set of the cooling, and what follows for flows, exchangers, fans and sensors.

All of it stands in one buffer, so that a tick in which nothing was set costs one comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from twin.models import air_coil, cdu, loop_fill
from twin.physics import loop_flow
from twin.plant import constants as design
from twin.plant import rejection
from twin.plant._over_gpus import total
from twin.plant.node import Array, Node

if TYPE_CHECKING:
    from twin.plant.plant import Plant

FREE: Final = -1.0
"""Opening of a valve that its controller moves as it likes."""

OF_KIND: Final = {
    "cdu": {"free_frac": 1.0, "conductance_frac": 1.0, "sensor_k": 0.0, "valve_frac": FREE, "fill_kg_per_s": 0.0},
    "rack": {"valve_frac": 1.0, "leak_kg_per_s": 0.0},
    "facility_water": {"sensor_k": 0.0},
    "crah": {"fans_frac": 1.0, "conductance_frac": 1.0},
    "hall": {"sensor_k": 0.0},
    "chilled_water": {"sensor_k": 0.0},
    **{kind: {"fans_frac": 1.0, "conductance_frac": 1.0} for kind in rejection.OF},
}  # fmt: skip
for _kind in rejection.WET_KINDS:
    OF_KIND[_kind]["make_up_frac"] = 1.0
"""Inputs by kind of asset with their value while all is well."""


BLOWN: Final = ("fans_frac", "conductance_frac")
DERATE: Final[dict[str, tuple[Callable[..., Any], tuple[str, ...]]]] = {
    "cdu": (cdu.fouled, ("conductance_frac",)), "crah": (air_coil.derated, BLOWN),
    **{kind: (found.model.derated, BLOWN) for kind, found in rejection.OF.items()},
}  # fmt: skip
"""What a model makes of its figures when inputs of its kind are below one."""


class Upsets:
    """Inputs of the cooling that processes own, and the state of its loops that hangs on them.

    Parameters
    ----------
    p : Plant
        The plant, with its nodes.

    Attributes
    ----------
    inputs : dict of str to array
        Writable inputs, ``kind.quantity``.
    pump_frac : array (cdu)
        Speed of the technology pumps that holds the pressure over the racks [1]; 0 in a loop that lost too much.
    branch_frac : array (rack)
        A rack's share of its loop's flow over its rated share [1].
    rejector : str
        Kind of what takes the heat of facility water away; empty without liquid cooling.
    """

    def __init__(self, p: Plant) -> None:
        kinds = {kind: wanted for kind, wanted in OF_KIND.items() if p.ids.get(kind)}
        kinds["rack"] = dict(OF_KIND["rack"]) if "cdu" in p.nodes else {}
        if (air := p.scenario.cooling.air) is not None and air.field is not None:
            kinds["rack"]["gap_frac"] = 0.0  # of the blanking panels that may go missing
        sizes = [(f"{k}.{n}", len(p.ids[k]), v) for k, names in kinds.items() for n, v in names.items()]
        self._buffer = np.concatenate([np.full(size, value) for _, size, value in sizes] or [np.zeros(0)])
        ends = np.cumsum([size for _, size, _ in sizes])
        self.inputs: dict[str, Array] = {
            name: self._buffer[end - size : end] for (name, size, _), end in zip(sizes, ends, strict=True)
        }
        self.rejector = next((kind for kind in rejection.OF if kind in p.nodes), "")
        self._rated = {kind: node.params for kind, node in p.nodes.items() if kind in DERATE}
        self._sensor_k = {
            name.removesuffix(".sensor_k"): off
            for name, off in self.inputs.items()
            if name.endswith(".sensor_k")
        }
        self._is_leaking = self._is_stuck = self._is_drifting = False
        self._pumps_up = p.nodes["cdu_pump"].inputs.units_up if "cdu_pump" in p.nodes else np.zeros(0)
        self._seen = self._state()
        if "cdu_pump" in p.nodes and (self._pumps_up != p.nodes["cdu_pump"].params.units_needed).any():
            self._seen = (b"", b"")  # more pumps than needed share the work from the start
        self.branch_frac = np.ones(len(p.ids["rack"]))
        if "cdu" in p.nodes:
            self._start_loops(p)

    def _start_loops(self, p: Plant) -> None:
        cdus = len(p.ids["cdu"])
        self._rack_kg_per_s = total(
            np.where(p.gpus.is_liquid, p.gpus.rated_flow_kg_per_s, 0.0),
            p.maps.rack_of_gpu,
            len(p.ids["rack"]),
        )
        self._speed_frac, self.path_frac = np.ones(cdus), np.ones(cdus)
        volumes = p.nodes["cdu"].params
        held_j_per_k = (volumes.supply_j_per_k + volumes.return_j_per_k) / (
            design.LOOP_SUPPLY_FRAC + design.LOOP_RETURN_FRAC
        )
        params = loop_fill.Params(held_j_per_k / volumes.coolant_j_per_kg_k)
        zero = np.zeros(cdus)
        self.fill = Node(loop_fill.step, params, loop_fill.full(params), loop_fill.Inputs(zero, zero))
        self.pump_frac = self._speed_frac

    def _state(self) -> tuple[bytes, bytes]:
        """Everything that the derived figures hang on."""
        return self._buffer.tobytes(), self._pumps_up.tobytes()

    def settle(self, p: Plant) -> None:
        """Follow what was set since the last tick; called at each tick, before the sides exchange."""
        if (now := self._state()) != self._seen:
            self._seen = now
            for kind, rated in self._rated.items():
                shares = (self.inputs[f"{kind}.{name}"] for name in DERATE[kind][1])
                p.nodes[kind].params = DERATE[kind][0](rated, *shares)
            self._is_drifting = any(off.any() for off in self._sensor_k.values())
            if "cdu" in p.nodes:
                self._flows(p)
                names = ("rack.leak_kg_per_s", "cdu.fill_kg_per_s")
                self._is_leaking = any(self.inputs[name].any() for name in names)
                self._is_stuck = bool((self.inputs["cdu.valve_frac"] >= 0.0).any())
        if self._is_leaking:
            self._drain(p)

    def _flows(self, p: Plant) -> None:
        pumps = p.nodes["cdu_pump"]
        needed, running = pumps.params.units_needed, pumps.inputs.units_up
        found = loop_flow.split(
            loop_flow.Loops(
                running, needed, self.inputs["cdu.free_frac"], self.inputs["rack.valve_frac"],
                self._rack_kg_per_s, p.maps.cdu_of_rack,
            )
        )  # fmt: skip
        self._speed_frac, self.branch_frac = found.speed_frac, found.branch_frac
        self._set_pumps()
        driven = np.minimum(running / needed, 1.0)
        self.path_frac = np.where(driven > 0.0, found.full_frac / np.maximum(driven, 1e-12), 1.0)

    def _drain(self, p: Plant) -> None:
        """Leaks at the pressure of the tick; a loop that lost too much can no longer be pumped."""
        leak, fresh = self.inputs["rack.leak_kg_per_s"], self.inputs["cdu.fill_kg_per_s"]
        flow = p.nodes["cdu_pump"].state.flow_frac
        is_open = loop_flow.valve_frac(self.inputs["rack.valve_frac"]) > loop_flow.SEAT_LEAKAGE_FRAC
        # through a hole goes the root of the pressure: of the filled loop, and of the pumps by the square of flow
        pressed = np.sqrt(design.STATIC_PRESSURE_FRAC + (1.0 - design.STATIC_PRESSURE_FRAC) * flow**2)
        each = leak * is_open * pressed[p.maps.cdu_of_rack] * (p.maps.cdu_of_rack >= 0)
        cdus = len(self._speed_frac)
        self.fill.tell(leak_kg_per_s=total(each, p.maps.cdu_of_rack, cdus), make_up_kg_per_s=fresh)
        self.fill.advance(p.tick_s)
        self.fill.made.clear()
        self._set_pumps()

    def units(self, p: Plant) -> dict[str, int]:
        """Units that share the work of each control loop but the CDUs', which have a valve each."""
        kinds = {"facility_water": self.rejector, "crah": "crah", "chiller": "chiller"}
        return {name: max(len(p.ids.get(kind, ())), 1) for name, kind in kinds.items()}

    def _set_pumps(self) -> None:
        self.pump_frac = (self.level_frac >= design.LEAST_LEVEL_FRAC) * self._speed_frac

    @property
    def level_frac(self) -> Array:
        """Coolant in each loop over that of a full one [1], array (cdu)."""
        found: Array = self.fill.state.held_kg / self.fill.params.full_kg
        return found

    def valve_frac(self, wanted_frac: Array) -> Array:
        """Opening of the facility valves of CDUs: as wanted, or where they are stuck [1]."""
        if not self._is_stuck:
            return wanted_frac
        stuck = self.inputs["cdu.valve_frac"]
        return np.where(stuck >= 0.0, stuck, wanted_frac)

    def sensed_k(self, kind: str, true_k: Array) -> Array:
        """What the sensors of a kind show [K]."""
        return true_k + self._sensor_k[kind] if self._is_drifting else true_k
