"""Who tells whom what: the one home of the coupling.

Each function takes amounts that models gathered over the tick that ends now, divides them by the tick, and sets
inputs that hold until the next tick. Nothing else moves between models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from twin.models import air_coil
from twin.physics import gpu_power
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.physics.fan_pump import drive_power_w
from twin.plant import _over_gpus, rejection
from twin.plant import constants as design
from twin.plant._over_gpus import to_air_w, to_liquid_w, total
from twin.plant._over_units import largest, part, product, smallest, whole
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
    job_w = _job_w(p)
    work = _work(p)
    gpu_w = _gpu_w(p, alive, work, job_w)
    base_w = p.base_w * alive
    p.handed = Handed()
    _clocks(p, alive, work)
    gpu_heat_w = (
        _over_gpus.by_stretch(p.nodes["gpu"].amount("heat_to_coolant_j"), p.maps.stretches) / p.tick_s
    )
    p.handed.gpu_heat_w = whole(gpu_heat_w)
    network_w = p.network_w()
    mechanical_w = {**_liquid_side(p, gpu_heat_w, base_w), **_air_side(p, gpu_heat_w, base_w, network_w)}
    _gpu_side(p, gpu_w)
    _power_side(p, gpu_w, base_w, {**network_w, **mechanical_w})


def _job_w(p: Plant) -> Array | None:
    """Jobs → power above idle of each GPU package [W] and of CPUs; before all else, because banks may part."""
    if p.jobs is None:
        return None
    gpu_w, cpu_w = p.jobs.take(p)
    p.base_w = p.chain.base_w + cpu_w
    return gpu_w


def _gpu_w(p: Plant, alive: Array, work: gpu_power.Work, job_w: Array | None) -> Array:
    """Work of replicas and jobs, clock and temperature → power of each GPU package [W]."""
    if p.pools:
        given = p.gpus.power, work, p.clock_frac, p.die_before_k, p.tick_s
        gpu_w = _over_gpus.energy_j(*given) / p.tick_s
    else:
        gpu_w = _over_gpus.static_w(p.gpus.power, p.die_before_k)
    if job_w is not None:
        gpu_w += job_w
    is_throttled = p.clock_frac is not p.full_clock_frac
    if smallest(alive) < 1.0 or (is_throttled and p.clock_frac.min() <= 0.0):
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
    is_calm = p.cool_clock_frac is p.full_clock_frac and largest(p.die_before_k) <= p.lowest_throttle_k
    if not is_calm:  # it nearly always is
        found = thermal.clock_frac(p.gpus.limits, p.die_before_k, p.cool_clock_frac, p.tick_s)
        p.cool_clock_frac = p.full_clock_frac if (found == 1.0).all() else found
    if p.pools and np.isfinite(p.inputs["pool.cap_w"]).any():
        p.capped_clock_frac = _capped_clock_frac(p, work)
        p.clock_frac = np.minimum(p.cool_clock_frac, p.capped_clock_frac)
    else:
        p.capped_clock_frac = p.full_clock_frac
        p.clock_frac = p.cool_clock_frac
    if p.pools:
        _paces(p, alive)


def _paces(p: Plant, alive: Array) -> None:
    """Clocks and pauses → replicas: the slowest GPU sets the pace; a paused replica has none."""
    now_frac = p.clock_frac if smallest(alive) >= 1.0 else p.clock_frac * alive[p.maps.rack_of_gpu]
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
    tick, cdu, pumps, upsets, maps = p.tick_s, p.nodes["cdu"], p.nodes["cdu_pump"], p.upsets, p.maps
    upsets.settle(p)
    pump_w, liquid_frac = pumps.take("energy_j", tick), p.chain.base_liquid_frac
    heat_w = to_liquid_w(gpu_heat_w, base_w, liquid_frac, pump_w, maps.cdu_of_stretch, maps.cdu_of_rack)
    p.handed.cdu_heat_w = cdu.take_all("heat_to_facility_j", tick)
    valve = upsets.valve_frac(p.controls.effort_frac("cdu", upsets.sensed_k("cdu", cdu.state.supply_k)))
    cdu.write(heat_w=heat_w, flow_kg_per_s=pumps.take("moved_kg", tick))
    pumps.write(speed_frac=p.served("cdu") * upsets.pump_frac, path_frac=upsets.path_frac)
    if "facility_water" not in p.nodes:
        return {"cdu": pump_w + _sidecars(p, valve)}
    return {"cdu": pump_w, **_facility_side(p, valve)}


def _sidecars(p: Plant, fan_frac: Array) -> Array:
    """CDU coils → hall air; returns what their fans drew."""
    cdu = p.nodes["cdu"]
    rated = cdu.params.rated_facility_flow_kg_per_s
    fan_w = drive_power_w(p.chain.cdu_fan_w, cdu.inputs.facility_flow_kg_per_s / rated)
    p.handed.sidecar_w = p.handed.cdu_heat_w + whole(fan_w)
    cdu.write(
        facility_flow_kg_per_s=fan_frac * p.served("cdu") * rated,
        facility_supply_k=p.nodes["hall"].state.cold_k,
    )
    return fan_w


def _facility_side(p: Plant, valve: Array) -> dict[str, Array]:
    """CDU → facility water → dry coolers; returns what pumps and fans draw."""
    tick, cdu, loop, upsets = p.tick_s, p.nodes["cdu"], p.nodes["facility_water"], p.upsets
    pump, coolers, kind = p.nodes["facility_pump"], p.nodes[upsets.rejector], rejection.OF[upsets.rejector]
    pump_w, flow = pump.take("energy_j", tick), pump.take_all("moved_kg", tick)
    pumped_frac = flow / whole(pump.params.rated_flow_kg_per_s)
    cdu.write(
        facility_flow_kg_per_s=np.minimum(valve, pumped_frac) * cdu.params.rated_facility_flow_kg_per_s,
        facility_supply_k=loop.state.supply_k,
    )
    pump.write(speed_frac=p.served("facility_water")[0] * max(largest(valve), design.LEAST_PUMP_SPEED_FRAC))
    fan_w, rejected_w, reused_w = (
        coolers.take(kind.energy, tick),
        coolers.take_all(kind.heat, tick),
        _reused_w(p, loop),
    )
    heat_w = p.handed.cdu_heat_w + whole(pump_w) + _doors_w(p, "facility_water") + _condensed_w(p)
    loop.write(heat_w=heat_w, removed_w=rejected_w + reused_w, flow_kg_per_s=flow)
    shown_k = upsets.sensed_k("facility_water", loop.state.supply_k)
    effort = p.served(upsets.rejector) * p.controls.effort_frac("facility_water", shown_k)[0]
    water = rejection.Told(loop.state.return_k[0], loop.state.supply_k[0], flow / len(effort), effort)
    coolers.write(**kind.tell(p, water))
    p.handed.outdoor_w += rejected_w + whole(fan_w) + reused_w
    return {"facility_water": pump_w, upsets.rejector: fan_w}


def _condensed_w(p: Plant) -> float:
    """Chillers → facility water, where there is no outdoor air to take their heat; returns it."""
    if "radiator" not in p.nodes or "chiller" not in p.nodes:
        return 0.0
    return p.nodes["chiller"].take_all("rejected_j", p.tick_s)


def _reused_w(p: Plant, loop: Node) -> float:
    """Facility return → neighbour; returns the heat given."""
    if "heat_reuse" not in p.nodes:
        return 0.0
    reuse = p.nodes["heat_reuse"]
    given_w = reuse.take_all("heat_j", p.tick_s)
    reuse.write(return_k=loop.state.return_k)
    return given_w


def _doors_w(p: Plant, loop: str = "") -> float:
    """Exhaust of racks → water; returns the heat that rear doors took, those on one loop if it is named."""
    if "rear_door" not in p.nodes or loop not in ("", _door_water(p)):
        return 0.0
    return -p.nodes["rear_door"].take_all("heat_to_air_j", p.tick_s)


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
    doors.write(
        water_in_k=loop.state.supply_k, air_in_k=_inlet_k(p)[rack] + warmed_k,
        water_kg_per_s=rated.rated_water_kg_per_s * effort_frac * pumped,
        fan_frac=p.served("rear_door"),
    )  # fmt: skip
    return {"rear_door": fan_w}


def _rack_air_w(p: Plant, gpu_heat_w: Array, base_w: Array, loss_w: Array) -> Array:
    """Heat that each rack gives to its air, with the loss of its power shelves, array (rack) [W]."""
    of_gpus = np.where(p.maps.cdu_of_stretch >= 0, 0.0, gpu_heat_w)
    behind = total(of_gpus, p.maps.rack_of_stretch, len(base_w)) + base_w * (1.0 - p.chain.base_liquid_frac)
    found: Array = behind + loss_w[p.chain.at["psu"]]
    return found


def _air_side(p: Plant, gpu_heat_w: Array, base_w: Array, network_w: dict[str, Array]) -> dict[str, Array]:
    """Racks → hall air → CRAHs → chilled water → chillers; returns what fans and compressors draw."""
    if "hall" not in p.nodes:
        return {}
    tick, hall, crah, loop = p.tick_s, p.nodes["hall"], p.nodes["crah"], p.nodes["chilled_water"]
    if "cdu" not in p.nodes:
        p.upsets.settle(p)
    fan_w, loss_j = crah.take("fan_j", tick), p.nodes["power"].amount("loss_j")
    p.handed.hall_loss_w = part(loss_j, p.chain.in_hall) / tick
    heat_w = part(gpu_heat_w, p.in_air)
    heat_w += to_air_w(base_w, p.chain.base_liquid_frac) + p.handed.hall_loss_w + whole(fan_w)
    for power_w in network_w.values():
        heat_w += whole(power_w)
    heat_w += p.handed.sidecar_w
    if "rear_door" in p.nodes:
        heat_w += p.nodes["rear_door"].take_all("fan_j", tick) - _doors_w(p)
    effort = p.controls.effort_frac("crah", p.upsets.sensed_k("hall", hall.state.cold_k))
    # fans move at least the air that the racks move, the water valve holds the temperature
    server_kg_per_s = p.chain.rack_air_kg_per_s
    if "cdu" in p.nodes and "facility_water" not in p.nodes:
        server_kg_per_s += whole(p.nodes["cdu"].inputs.facility_flow_kg_per_s)
    least = server_kg_per_s / max(whole(crah.params.rated_air_kg_per_s), 1e-12)
    crah.write(
        water_in_k=loop.state.supply_k, air_in_k=hall.state.hot_k,
        water_kg_per_s=crah.params.rated_water_kg_per_s * effort[0],
        fan_frac=p.served("crah") * min(max(least, effort[0]), 1.0),
    )  # fmt: skip
    # coils store nothing: air and water have at once what they will move over the tick, or long ticks would swing
    removed_w = -whole(air_coil.heat_to_air_w(crah.params, crah.inputs))
    moved = server_kg_per_s, product(crah.params.rated_air_kg_per_s, crah.inputs.fan_frac)
    fans_w, has_doors = {"crah": fan_w}, "rear_door" in p.nodes
    # racks whose air is told apart
    rack_w = _rack_air_w(p, gpu_heat_w, base_w, loss_j / tick) if has_doors or p.inlets is not None else None
    _tell_hall(p, rack_w, heat_w, removed_w, moved)
    if rack_w is not None and has_doors:
        fans_w |= _tell_doors(p, rack_w, effort[0])
    return {**fans_w, "chiller": _chilled_side(p, removed_w)}


def _chilled_side(p: Plant, heat_w: float) -> Array:
    """CRAHs → chilled water → chillers; returns what compressors draw."""
    tick, loop, machines = p.tick_s, p.nodes["chilled_water"], p.nodes["chiller"]
    drawn_w = machines.take("energy_j", tick)
    given_w, lifted_w = heat_w + _doors_w(p, "chilled_water"), machines.take_all("lifted_j", tick)
    loop.write(heat_w=given_w, removed_w=lifted_w)
    load = p.controls.effort_frac("chiller", p.upsets.sensed_k("chilled_water", loop.state.supply_k))
    machines.write(
        load_frac=p.served("chiller") * load[0], water_k=loop.state.supply_k,
        outdoor_k=p.nodes["facility_water"].state.supply_k if "radiator" in p.nodes else p.outdoor_k,
    )  # fmt: skip
    p.handed.outdoor_w += machines.take_all("rejected_j", tick) - _condensed_w(p)
    return drawn_w


def _tell_hall(
    p: Plant, rack_w: Array | None, heat_w: float, removed_w: float, air_kg_per_s: tuple[float, float]
) -> None:
    """Heat of the hall, and air that its racks and its CRAHs move; as one or rack by rack."""
    if p.inlets is not None and rack_w is not None:
        p.inlets.tell(p, rack_w - _door_w(p), heat_w, np.array([removed_w]), air_kg_per_s[1])
        return
    servers, crahs = air_kg_per_s
    p.nodes["hall"].write(heat_w=heat_w, removed_w=removed_w, server_kg_per_s=servers, crah_kg_per_s=crahs)


def _gpu_side(p: Plant, gpu_w: Array) -> None:
    """Power, coolant temperature and coolant flow of each GPU package."""
    air_k = _inlet_k(p) if "hall" in p.nodes else np.zeros(len(p.ids["rack"]))
    supply_k, share_frac = _NOBODY, _NOBODY
    if "cdu" in p.nodes:
        cdu = p.nodes["cdu"]
        supply_k, share_frac = cdu.state.supply_k, cdu.inputs.flow_kg_per_s / p.wanted_kg_per_s
    maps, gpu = p.maps, p.nodes["gpu"]
    owners = maps.rack_of_stretch, maps.cdu_of_stretch
    given = air_k, supply_k, share_frac, p.upsets.branch_frac
    gpu.write(power_w=gpu_w)
    _over_gpus.cool(
        p.gpus.rated_flow_kg_per_s,
        maps.stretches,
        owners,
        *given,
        gpu.inputs.inlet_k,
        gpu.inputs.flow_kg_per_s,
    )


def _power_side(p: Plant, gpu_w: Array, base_w: Array, others_w: dict[str, Array]) -> None:
    """Every load → its element of the power chain, and on to the grid."""
    maps, demand = p.maps, p.nodes["power"].inputs.demand_w  # others than these never have any
    of_racks_w = total(_over_gpus.by_stretch(gpu_w, maps.stretches), maps.rack_of_stretch, len(base_w))
    demand[p.chain.at["rack"]] = of_racks_w + base_w
    for kind, power_w in others_w.items():
        if kind in p.chain.at:
            demand[p.chain.at[kind]] = power_w
    if p.chain.supply is not None:
        p.chain.supply.solve(p)
