"""Who tells whom what: the one home of the coupling.

Each function takes amounts that models gathered over the tick that ends now, divides them by the tick, and sets
inputs that hold until the next tick. Nothing else moves between models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.physics import gpu_power
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.physics.fan_pump import drive_power_w
from twin.plant import _over_gpus, rejection
from twin.plant import constants as design
from twin.plant._over_gpus import total
from twin.policies.capping import pausing, thermal
from twin.policies.capping import power as capping

if TYPE_CHECKING:
    from twin.plant.node import Array, Node
    from twin.plant.plant import Plant


_NOBODY = np.zeros(0)


@dataclass
class Handed:
    """What is under way over the coming tick: given up by one store, not yet received by the next [W].

    ``outdoor_w`` leaves the site over the coming tick; ``sidecar_w`` is what CDUs with coils, with their fans, give to
    the hall over it.
    """

    gpu_heat_w: float = 0.0
    cdu_heat_w: float = 0.0
    hall_loss_w: float = 0.0
    outdoor_w: float = 0.0
    sidecar_w: float = 0.0


def exchange(p: Plant) -> None:
    """Set the inputs of all models for the tick to come."""
    p.outdoor_k = p.weather.at(p.now_s)
    alive = p.served("rack")
    work = _work(p)
    gpu_w = _gpu_w(p, alive, work)
    base_w = p.base_w * alive
    p.handed = Handed()
    _clocks(p, alive, work)
    gpu_heat_w = p.nodes["gpu"].take("heat_to_coolant_j", p.tick_s)
    p.handed.gpu_heat_w = float(gpu_heat_w.sum())
    network_w = p.network_w()
    mechanical_w = {**_liquid_side(p, gpu_heat_w, base_w), **_air_side(p, gpu_heat_w, base_w, network_w)}
    _gpu_side(p, gpu_w)
    _power_side(p, gpu_w, base_w, {**network_w, **mechanical_w})


def _gpu_w(p: Plant, alive: Array, work: gpu_power.Work) -> Array:
    """Work of replicas and jobs, clock and temperature → power of each GPU package [W]."""
    if p.pools:
        given = p.gpus.power, work, p.clock_frac, p.die_before_k, p.tick_s
        gpu_w = _over_gpus.energy_j(*given) / p.tick_s
    else:
        gpu_w = _over_gpus.static_w(p.gpus.power, p.die_before_k)
    if p.jobs is not None:
        job_w, cpu_w = p.jobs.take(p.tick_s)
        gpu_w += job_w
        p.base_w = p.chain.base_w + cpu_w
    is_throttled = p.clock_frac is not p.full_clock_frac
    if alive.min() < 1.0 or (is_throttled and p.clock_frac.min() <= 0.0):
        gpu_w *= alive[p.maps.rack_of_gpu] * (p.clock_frac > 0.0)  # a tripped GPU is off
    return gpu_w


def _work(p: Plant) -> gpu_power.Work:
    """Serving → GPU: the work of the tick, which becomes the power of the next."""
    if not p.pools:
        return p.no_work
    maps = p.maps
    made = _over_gpus.of_teams(p.work, maps.team_of_replica, maps.lanes_of_team, maps.team_of_gpu)
    p.work[:] = 0.0
    return gpu_power.Work(*made)


def _clocks(p: Plant, alive: Array, work: gpu_power.Work) -> None:
    """GPU temperature and power cap → clock."""
    p.die_before_k = p.nodes["gpu"].state.die_k
    is_calm = p.cool_clock_frac is p.full_clock_frac and p.die_before_k.max() <= p.lowest_throttle_k
    if not is_calm:  # as it is nearly always
        found = thermal.clock_frac(p.gpus.limits, p.die_before_k, p.cool_clock_frac, p.tick_s)
        p.cool_clock_frac = p.full_clock_frac if (found == 1.0).all() else found
    if np.isfinite(p.inputs["pool.cap_w"]).any():
        p.capped_clock_frac = _capped_clock_frac(p, work)
        p.clock_frac = np.minimum(p.cool_clock_frac, p.capped_clock_frac)
    else:
        p.capped_clock_frac = p.full_clock_frac
        p.clock_frac = p.cool_clock_frac
    if p.pools:
        _paces(p, alive)


def _paces(p: Plant, alive: Array) -> None:
    """Clocks and pauses → replicas: the slowest GPU sets the pace; a paused replica has none."""
    now_frac = p.clock_frac if alive.min() >= 1.0 else p.clock_frac * alive[p.maps.rack_of_gpu]
    of_team = _over_gpus.slowest(now_frac, p.maps.team_of_gpu, len(p.maps.lanes_of_team))
    pace = of_team[p.maps.team_of_replica]
    if p.inputs["pool.pause_frac"].any():
        works, p.turns = pausing.works(p.turns, p.inputs["pool.pause_frac"][p.maps.pool_of_replica])
        pace *= works
    p.serving.inputs = p.serving.inputs._replace(clock_frac=pace)


def _capped_clock_frac(p: Plant, work: gpu_power.Work) -> Array:
    """Cap of a pool → clocks of its GPUs, which share it by their TDP."""
    tdp_w = p.gpus.power.tdp_w
    cap_w = tdp_w * np.append(p.inputs["pool.cap_w"] / p.of_pool(tdp_w), 1.0)[p.maps.pool_of_gpu]
    return capping.clock_frac(
        p.gpus.power, work, p.clock_frac, p.capped_clock_frac, p.die_before_k, cap_w, p.tick_s
    )


def _liquid_side(p: Plant, gpu_heat_w: Array, base_w: Array) -> dict[str, Array]:
    """Cold plates → CDU → facility water or hall air; returns what pumps and fans draw."""
    if "cdu" not in p.nodes:
        return {}
    tick, cdu = p.tick_s, p.nodes["cdu"]
    cdus = len(p.ids["cdu"])
    pump_w = p.nodes["cdu_pump"].take("energy_j", tick)
    heat_w = total(gpu_heat_w, p.maps.cdu_of_gpu, cdus) + pump_w
    heat_w += total(base_w * p.chain.base_liquid_frac, p.maps.cdu_of_rack, cdus)
    upsets = p.upsets
    upsets.settle(p)
    valve = upsets.valve_frac(p.controls.effort_frac("cdu", upsets.sensed_k("cdu", cdu.state.supply_k)))
    given_w = cdu.take("heat_to_facility_j", tick)
    p.handed.cdu_heat_w = float(given_w.sum())
    cdu.tell(heat_w=heat_w, flow_kg_per_s=p.nodes["cdu_pump"].take("moved_kg", tick))
    p.nodes["cdu_pump"].tell(
        speed_frac=p.served("cdu") * upsets.can_pump * upsets.speed_frac, path_frac=upsets.path_frac
    )
    if "facility_water" not in p.nodes:
        return {"cdu": pump_w + _sidecars(p, valve, p.handed.cdu_heat_w)}
    return {"cdu": pump_w, **_facility_side(p, valve, given_w)}


def _sidecars(p: Plant, fan_frac: Array, given_w: float) -> Array:
    """CDU coils → hall air; returns what their fans drew."""
    cdu = p.nodes["cdu"]
    rated = cdu.params.rated_facility_flow_kg_per_s
    fan_w = drive_power_w(p.chain.cdu_fan_w, cdu.inputs.facility_flow_kg_per_s / rated)
    p.handed.sidecar_w = given_w + float(fan_w.sum())
    cdu.tell(
        facility_flow_kg_per_s=fan_frac * p.served("cdu") * rated,
        facility_supply_k=p.nodes["hall"].state.cold_k.repeat(len(rated)),
    )
    return fan_w


def _facility_side(p: Plant, valve: Array, given_w: Array) -> dict[str, Array]:
    """CDU → facility water → dry coolers; returns what pumps and fans draw."""
    tick, cdu, loop, upsets = p.tick_s, p.nodes["cdu"], p.nodes["facility_water"], p.upsets
    facility_pump, coolers = p.nodes["facility_pump"], p.nodes[upsets.rejector]
    facility_pump_w, flow = facility_pump.take("energy_j", tick), facility_pump.take("moved_kg", tick)
    cdu.tell(
        facility_flow_kg_per_s=np.minimum(valve, flow / facility_pump.params.rated_flow_kg_per_s)
        * cdu.params.rated_facility_flow_kg_per_s,
        facility_supply_k=loop.state.supply_k.repeat(len(p.ids["cdu"])),
    )
    speed = np.array([max(valve.max(), design.LEAST_PUMP_SPEED_FRAC)])
    facility_pump.tell(speed_frac=speed * p.served("facility_water"))
    kind = rejection.OF[upsets.rejector]
    rejected_w, fan_w = coolers.take(kind.heat, tick), coolers.take(kind.energy, tick)
    reused_w = _reused_w(p, loop)
    loop.tell(
        heat_w=given_w.sum() + facility_pump_w + _doors_w(p, "facility_water") + _condensed_w(p),
        removed_w=rejected_w.sum(keepdims=True) + reused_w,
        flow_kg_per_s=flow,
    )  # fmt: skip
    shown_k = upsets.sensed_k("facility_water", loop.state.supply_k)
    effort = p.controls.effort_frac("facility_water", shown_k)[0]
    each = np.ones(len(rejected_w))
    water = rejection.Told(
        loop.state.return_k[0], loop.state.supply_k[0], each * flow[0] / len(each),
        p.served(upsets.rejector) * effort,
    )  # fmt: skip
    coolers.tell(**kind.tell(p, water))
    p.handed.outdoor_w += float(rejected_w.sum() + fan_w.sum() + reused_w)
    return {"facility_water": facility_pump_w, upsets.rejector: fan_w}


def _condensed_w(p: Plant) -> float:
    """Chillers → facility water, where there is no outdoor air to take their heat; returns it."""
    if "radiator" not in p.nodes or "chiller" not in p.nodes:
        return 0.0
    return float(p.nodes["chiller"].take("rejected_j", p.tick_s).sum())


def _reused_w(p: Plant, loop: Node) -> float:
    """Facility return → neighbour; returns the heat given."""
    if "heat_reuse" not in p.nodes:
        return 0.0
    reuse = p.nodes["heat_reuse"]
    given_w = float(reuse.take("heat_j", p.tick_s)[0])
    reuse.tell(return_k=loop.state.return_k.copy())
    return given_w


def _doors_w(p: Plant, loop: str = "") -> float:
    """Exhaust of racks → water; returns the heat that rear doors took, those on one loop if it is named."""
    if "rear_door" not in p.nodes or loop not in ("", _door_water(p)):
        return 0.0
    return -float(p.nodes["rear_door"].take("heat_to_air_j", p.tick_s).sum())


def _door_w(p: Plant) -> Array:
    """Heat that the door of each rack took, array (rack) [W]."""
    found = np.zeros(len(p.ids["rack"]))
    if "rear_door" in p.nodes:
        found[p.maps.rack_of_door] = -p.nodes["rear_door"].take("heat_to_air_j", p.tick_s)
    return found


def _inlet_k(p: Plant) -> Array:
    """Air that racks take, array (rack) [K]."""
    hall, racks = p.nodes["hall"], len(p.ids["rack"])
    return hall.state.cold_k.repeat(racks) if p.inlets is None else p.inlets.of_racks_k(hall)


def _door_water(p: Plant) -> str:
    """Loop of the rear doors."""
    return p.scenario.cooling.air.rear_door.water.replace("-", "_")  # type: ignore[union-attr]


def _tell_doors(p: Plant, rack_w: Array, effort_frac: float) -> dict[str, Array]:
    """Air behind the servers, water and fans of rear doors; returns what their fans draw."""
    doors, loop, rack = p.nodes["rear_door"], p.nodes[_door_water(p)], p.maps.rack_of_door
    fan_w, rated = doors.take("fan_j", p.tick_s), doors.params
    warmed_k = rack_w[rack] / (rated.rated_air_kg_per_s * AIR_HEAT_CAPACITY_J_PER_KG_K)
    pumped = 1.0
    if "facility_pump" in p.nodes and loop is p.nodes["facility_water"]:
        pump = p.nodes["facility_pump"]
        pumped = float((loop.inputs.flow_kg_per_s / pump.params.rated_flow_kg_per_s)[0])
    doors.tell(
        water_in_k=loop.state.supply_k.repeat(len(rack)), air_in_k=_inlet_k(p)[rack] + warmed_k,
        water_kg_per_s=rated.rated_water_kg_per_s * effort_frac * pumped,
        fan_frac=p.served("rear_door"),
    )  # fmt: skip
    return {"rear_door": fan_w}


def _rack_air_w(p: Plant, gpu_heat_w: Array, base_w: Array, loss_w: Array) -> Array:
    """Heat that each rack gives to its air, with the loss of its power shelves, array (rack) [W]."""
    of_gpus = np.where(p.gpus.is_liquid, 0.0, gpu_heat_w)
    behind = total(of_gpus, p.maps.rack_of_gpu, len(base_w)) + base_w * (1.0 - p.chain.base_liquid_frac)
    found: Array = behind + loss_w[p.chain.at["psu"]]
    return found


def _air_side(p: Plant, gpu_heat_w: Array, base_w: Array, network_w: dict[str, Array]) -> dict[str, Array]:
    """Racks → hall air → CRAHs → chilled water → chillers; returns what fans and compressors draw."""
    if "hall" not in p.nodes:
        return {}
    tick, hall, crah, loop, machines = (
        p.tick_s,
        *(p.nodes[n] for n in ("hall", "crah", "chilled_water", "chiller")),
    )
    fan_w, loss_w = crah.take("fan_j", tick), p.nodes["power"].take("loss_j", tick)
    p.handed.hall_loss_w = float(loss_w[p.chain.in_hall].sum())
    air_gpus_w = 0.0 if isinstance(p.liquid, slice) else gpu_heat_w[~p.liquid].sum()
    heat_w = air_gpus_w + (base_w * (1.0 - p.chain.base_liquid_frac)).sum()
    heat_w += sum(w.sum() for w in network_w.values()) + p.handed.hall_loss_w + fan_w.sum()
    heat_w += p.handed.sidecar_w
    if "rear_door" in p.nodes:
        heat_w += p.nodes["rear_door"].take("fan_j", tick).sum() - _doors_w(p)
    fans_w, one = {"crah": fan_w}, np.ones(len(fan_w))
    if "cdu" not in p.nodes:
        p.upsets.settle(p)
    shown_k = p.upsets.sensed_k("hall", hall.state.cold_k)
    effort = p.controls.effort_frac("crah", shown_k)[0]
    # fans move at least the air that the racks move, the water valve holds the temperature
    server_kg_per_s = p.chain.rack_air_kg_per_s
    if "cdu" in p.nodes and "facility_water" not in p.nodes:
        server_kg_per_s += float(p.nodes["cdu"].inputs.facility_flow_kg_per_s.sum())
    least = server_kg_per_s / max(crah.params.rated_air_kg_per_s.sum(), 1e-12)
    fans = one * min(max(least, effort), 1.0) * p.served("crah")
    crah.tell(
        water_in_k=one * loop.state.supply_k[0],
        air_in_k=one * hall.state.hot_k[0],
        water_kg_per_s=crah.params.rated_water_kg_per_s * effort,
        fan_frac=fans,
    )
    # coils store nothing: air and water have at once what they will move over the tick, or long ticks would swing
    coming = crah.step(crah.params, crah.state, crah.inputs, 1.0)[1]
    removed_w = -coming.heat_to_air_j.sum(keepdims=True)
    crah_kg_per_s = float((crah.params.rated_air_kg_per_s * fans).sum())
    has_racks = p.inlets is not None or "rear_door" in p.nodes  # whose air is told apart
    rack_w = _rack_air_w(p, gpu_heat_w, base_w, loss_w) if has_racks else None
    _tell_hall(p, rack_w, heat_w, removed_w, (server_kg_per_s, crah_kg_per_s))
    if rack_w is not None and "rear_door" in p.nodes:
        fans_w |= _tell_doors(p, rack_w, effort)
    lifted_w, chiller_w = machines.take("lifted_j", tick), machines.take("energy_j", tick)
    loop.tell(heat_w=removed_w + _doors_w(p, "chilled_water"), removed_w=lifted_w.sum(keepdims=True))
    shown_k = p.upsets.sensed_k("chilled_water", loop.state.supply_k)
    load = p.controls.effort_frac("chiller", shown_k)[0]
    each = np.ones(len(lifted_w))
    machines.tell(
        load_frac=each * load * p.served("chiller"),
        water_k=each * loop.state.supply_k[0],
        outdoor_k=each
        * (p.nodes["facility_water"].state.supply_k[0] if "radiator" in p.nodes else p.outdoor_k),
    )
    p.handed.outdoor_w += float(machines.take("rejected_j", tick).sum()) - _condensed_w(p)
    return {**fans_w, "chiller": chiller_w}


def _tell_hall(
    p: Plant, rack_w: Array | None, heat_w: float, removed_w: Array, air_kg_per_s: tuple[float, float]
) -> None:
    """Heat of the hall, and air that its racks and its CRAHs move; as one or rack by rack."""
    server_kg_per_s, crah_kg_per_s = air_kg_per_s
    if p.inlets is not None and rack_w is not None:
        p.inlets.tell(p, rack_w - _door_w(p), heat_w, removed_w, crah_kg_per_s)
        return
    p.nodes["hall"].tell(
        heat_w=np.array([heat_w]),
        removed_w=removed_w,
        server_kg_per_s=np.array([server_kg_per_s]),
        crah_kg_per_s=np.array([crah_kg_per_s]),
    )


def _gpu_side(p: Plant, gpu_w: Array) -> None:
    """Power, coolant temperature and coolant flow of each GPU package."""
    air_k = _inlet_k(p) if "hall" in p.nodes else np.zeros(len(p.ids["rack"]))
    supply_k, share_frac = _NOBODY, _NOBODY
    if "cdu" in p.nodes:
        cdu = p.nodes["cdu"]
        supply_k, share_frac = cdu.state.supply_k, cdu.inputs.flow_kg_per_s / p.wanted_kg_per_s
    owners = p.maps.rack_of_gpu, p.maps.cdu_of_gpu
    given = air_k, supply_k, share_frac, p.upsets.branch_frac
    inlet_k, flow = _over_gpus.coolant(p.gpus.rated_flow_kg_per_s, p.maps.stretches, owners, *given)
    p.nodes["gpu"].tell(power_w=gpu_w, inlet_k=inlet_k, flow_kg_per_s=flow)


def _power_side(p: Plant, gpu_w: Array, base_w: Array, others_w: dict[str, Array]) -> None:
    """Every load → its element of the power chain, and on to the grid."""
    demand = np.zeros(len(p.nodes["power"].inputs.demand_w))
    demand[p.chain.at["rack"]] = total(gpu_w, p.maps.rack_of_gpu, len(base_w)) + base_w
    for kind, power_w in others_w.items():
        if kind in p.chain.at:
            demand[p.chain.at[kind]] = power_w
    p.nodes["power"].tell(demand_w=demand)
    if p.chain.supply is not None:
        p.chain.supply.solve(p)
