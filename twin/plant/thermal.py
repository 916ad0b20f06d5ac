"""From graph and catalog to the thermal models: GPUs, liquid loops, hall air, chilled water."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from twin import catalog
from twin.catalog import Card
from twin.errors import ScenarioError
from twin.models import air_coil, cdu, chiller, gpu, hall_air, hall_racks, heat_reuse, pump, water_loop
from twin.physics import coolant, gpu_power, rear_door
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.physics.coolant import air_density_kg_per_m3
from twin.physics.heat_exchanger import crossflow_ua_w_per_k
from twin.plant import constants as design
from twin.plant import rejection
from twin.plant.inlets import Inlets
from twin.plant.maps import Maps
from twin.plant.node import Array, Node
from twin.policies.capping.thermal import Limits
from twin.scenario import Scenario
from twin.scenario.cooling import Reuse
from twin.units import to

START_RISE_K = 0.5 * design.SUPPLY_BAND_K  # a run starts warm: at half effort of what holds a set-point


@dataclass(frozen=True)
class Gpus:
    """What exchange needs to know of GPU packages, arrays over GPUs."""

    power: gpu_power.Params
    limits: Limits
    rated_flow_kg_per_s: Array
    is_liquid: np.ndarray


def columns(graph: nx.MultiDiGraph, ids: Sequence[str], kind: str, *names: str) -> list[Array]:
    """Catalog values of assets as arrays, in the order of the ids."""
    cards = {c: catalog.get(kind, c) for c in {graph.nodes[i]["catalog"] for i in ids}}
    return [np.array([float(getattr(cards[graph.nodes[i]["catalog"]], n)) for i in ids]) for n in names]


def build_gpus(
    graph: nx.MultiDiGraph, maps: Maps, rates: tuple[Array, Array, Array], start_k: Array
) -> tuple[Gpus, Node]:
    """GPU packages: power figures, and the thermal model of die, plate and coolant.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    maps : Maps
        Ids and owners.
    rates : three arrays (gpu)
        As :func:`~twin.plant.replicas.gpu_rates` gives them.
    start_k : array (gpu)
        Temperature at the start [K].
    """
    ids = maps.ids["gpu"]
    names = [graph.nodes[g]["catalog"] for g in ids]
    cards: dict[str, Card] = {n: catalog.get("gpu", n) for n in dict.fromkeys(names)}

    def spread(of: Any) -> Array:
        values = {n: float(of(card)) for n, card in cards.items()}
        return np.array([values[n] for n in names])

    active, compute, memory, link = (
        spread(lambda c, s=s: getattr(c, f"{s}_power_share_frac"))
        for s in ("active", "compute", "memory", "link")
    )
    flop_per_s, hbm_bytes_per_s, together = rates
    power = gpu_power.Params(
        spread(lambda c: c.idle_power_w), spread(lambda c: c.tdp_w), active, link * together, compute, memory,
        flop_per_s, hbm_bytes_per_s,
    )  # fmt: skip
    gpu_power.check(power)
    is_liquid = maps.cdu_of_gpu >= 0
    flow = spread(lambda c: c.rated_flow_kg_per_s)
    liquid = coolant.heat_capacity_j_per_kg_k(coolant.find("pg25"), float(start_k.max()))
    heat_capacity = np.where(is_liquid, liquid, AIR_HEAT_CAPACITY_J_PER_KG_K)
    held_kg = np.where(is_liquid, design.COLD_PLATE_COOLANT_KG, design.HEAT_SINK_AIR_KG)
    plate = spread(lambda c: c.plate_resistance_k_per_w)
    # a heat sink's resistance is quoted to the inlet air; the model wants it to the mixed air
    film = np.where(is_liquid, plate, plate - 1.0 / (flow * heat_capacity))
    params = gpu.Params(
        spread(lambda c: c.die_heat_capacity_j_per_k), spread(lambda c: c.cold_plate_heat_capacity_j_per_k),
        held_kg * heat_capacity, spread(lambda c: c.junction_resistance_k_per_w), film, flow, heat_capacity,
    )  # fmt: skip
    state = gpu.State(start_k.copy(), start_k.copy(), start_k.copy())
    node = Node(
        gpu.step, params, state, gpu.Inputs(power.idle_w.copy(), start_k.copy(), flow.copy()), gpu.stored_j
    )
    limits = Limits(
        *(spread(lambda c, n=n: getattr(c, n.replace("_k", "_temperature_k"))) for n in Limits._fields)
    )
    return Gpus(power, limits, flow, is_liquid), node


def build_liquid(
    graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, gpus: Gpus, rack_air_kg_per_s: Array
) -> dict[str, Node]:
    """CDUs with their pumps, the facility loop with its pump, and the dry coolers."""
    wanted = scenario.cooling.liquid
    if wanted is None:
        return {}
    ids = maps.ids["cdu"]
    air = wanted.is_to_air
    flow, facility_flow, ua, duty, unit_w, down_s, volume = columns(
        graph, ids, "cdu", "rated_flow_kg_per_s", "rated_air_flow_kg_per_s" if air else "facility_flow_kg_per_s",
        "rated_conductance_w_per_k", "pumps_on_duty", "pump_power_w", "pump_coast_down_s", "volume_m3",
    )  # fmt: skip
    needed = np.bincount(maps.cdu_of_gpu[gpus.is_liquid], gpus.rated_flow_kg_per_s[gpus.is_liquid], len(ids))
    running = duty if wanted.cdu.running is None else np.full(len(ids), float(wanted.cdu.running))
    share = np.clip(needed / flow, 0.0, 1.0)  # of a full loop: so many racks, each at its rated flow and head
    full = np.ones(len(ids))
    pg25 = coolant.find("pg25")
    cp = coolant.heat_capacity_j_per_kg_k(pg25, wanted.cdu.supply)
    loop_j_per_k = volume * coolant.density_kg_per_m3(pg25, wanted.cdu.supply) * cp
    cool_k = scenario.cooling.air.crah.supply if air else wanted.facility_water.supply  # type: ignore[union-attr]
    facility_cp = AIR_HEAT_CAPACITY_J_PER_KG_K if air else coolant.heat_capacity_j_per_kg_k(pg25, cool_k)
    units = cdu.Params(
        design.LOOP_SUPPLY_FRAC * loop_j_per_k, design.LOOP_RETURN_FRAC * loop_j_per_k, ua, flow, facility_flow,
        full * cp, full * facility_cp,
    )  # fmt: skip
    return {
        "cdu_pump": Node(
            pump.step, pump.Params(flow * share, duty, unit_w * share, down_s, full * design.BUOYANT_FLOW_FRAC),
            pump.State(full.copy()), pump.Inputs(running.copy(), full.copy(), full.copy()),
        ),
        "cdu": Node(
            cdu.step, units, cdu.at_rest(units, wanted.cdu.supply + START_RISE_K),
            cdu.Inputs(np.zeros(len(ids)), flow * share, np.zeros(len(ids)), full * cool_k),
            cdu.stored_j,
        ),
        **({} if air else _behind(graph, scenario, maps, facility_flow, rack_air_kg_per_s)),
    }  # fmt: skip


def _behind(
    graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, cdu_kg_per_s: Array, rack_air_kg_per_s: Array
) -> dict[str, Node]:
    """What stands behind the CDUs: facility water with its pump, what takes its heat away, and a neighbour."""
    wanted, flow = scenario.cooling.liquid, float(cdu_kg_per_s.sum())
    assert wanted is not None
    if _door_water(scenario) == "facility-water":
        doors = _doors(graph, scenario, maps, rack_air_kg_per_s)["rear_door"]
        flow += float(doors.params.rated_water_kg_per_s.sum())
    cp = coolant.heat_capacity_j_per_kg_k(coolant.find("pg25"), wanted.facility_water.supply)
    return {
        **_facility_water(scenario, flow, cp),
        **rejection.build(graph, scenario, maps, flow, cp),
        **_reuse(wanted.reuse),
    }


def _facility_water(scenario: Scenario, flow: float, cp: float) -> dict[str, Node]:
    wanted = scenario.cooling.liquid.facility_water  # type: ignore[union-attr]
    one = np.ones(1)
    per_m3 = coolant.density_kg_per_m3(coolant.find("pg25"), wanted.supply) * cp
    half, tank = 0.5 * wanted.volume * per_m3 * one, (wanted.tank or 0.0) * per_m3
    bank = pump.Params(
        flow * one, one, wanted.pump_power * one, design.FACILITY_PUMP_RUN_DOWN_S * one, 0.0 * one
    )
    loop = water_loop.Params(half + tank, half, cp * one)
    return {
        "facility_pump": Node(
            pump.step, bank, pump.State(one.copy()), pump.Inputs(one.copy(), one.copy(), one.copy())
        ),
        "facility_water": Node(
            water_loop.step, loop, water_loop.at_rest(loop, wanted.supply + START_RISE_K),
            water_loop.Inputs(0.0 * one, 0.0 * one, flow * one), water_loop.stored_j,
        ),
    }  # fmt: skip


def _reuse(wanted: Reuse | None) -> dict[str, Node]:
    if wanted is None:
        return {}
    one = np.ones(1)
    params = heat_reuse.Params(one * wanted.power / design.REUSE_APPROACH_K, one * wanted.power)
    inputs = heat_reuse.Inputs(one * wanted.at, one * wanted.at)
    return {"heat_reuse": Node(heat_reuse.step, params, heat_reuse.State(), inputs)}


def build_air(
    graph: nx.MultiDiGraph,
    scenario: Scenario,
    maps: Maps,
    rack_air_kg_per_s: Array,
    inlets: Inlets | None = None,
) -> dict[str, Node]:
    """Hall air, CRAHs, the chilled-water loop and the chillers."""
    wanted = scenario.cooling.air
    if wanted is None:
        return {}
    ids = maps.ids["crah"]
    heat, air, fan_w, effectiveness = columns(
        graph, ids, "crah", "rated_heat_w", "rated_air_flow_kg_per_s", "fan_power_w", "effectiveness_frac"
    )
    one = np.ones(len(ids))
    cp = coolant.heat_capacity_j_per_kg_k(coolant.find("water"), wanted.chiller.supply)
    water = heat / (cp * design.CHILLED_WATER_RISE_K)
    ua = crossflow_ua_w_per_k(effectiveness, air * AIR_HEAT_CAPACITY_J_PER_KG_K, water * cp)
    coils = air_coil.Params(ua, air, water, fan_w, 0.0 * one, cp * one)
    supply, chilled = wanted.crah.supply, wanted.chiller.supply
    crah = Node(
        air_coil.step,
        coils,
        air_coil.State(),
        air_coil.Inputs(one * chilled, one * supply, water, one.copy()),
    )
    doors = _doors(graph, scenario, maps, rack_air_kg_per_s)
    if _door_water(scenario) == "chilled-water":
        water = np.append(water, doors["rear_door"].params.rated_water_kg_per_s)
    return {
        "hall": _hall(graph, maps, supply) if inlets is None else _hall_racks(graph, maps, supply, inlets),
        "crah": crah,
        **_chilled_water(graph, maps, chilled, float(water.sum()), cp),
        **doors,
    }


def _door_water(scenario: Scenario) -> str:
    """Loop that takes the heat of rear doors; empty without doors."""
    air = scenario.cooling.air
    return air.rear_door.water if air is not None and air.rear_door is not None else ""


def _doors(
    graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, rack_air_kg_per_s: Array
) -> dict[str, Node]:
    """Rear doors: coils of their racks' air, on chilled or on facility water."""
    water = _door_water(scenario)
    if not water:
        return {}
    cooling, doors = scenario.cooling, [graph.nodes[door] for door in maps.ids["rear_door"]]
    air_w_per_k = rack_air_kg_per_s[maps.rack_of_door] * AIR_HEAT_CAPACITY_J_PER_KG_K
    if water == "chilled-water":
        fluid, inlet_k = "water", cooling.air.chiller.supply  # type: ignore[union-attr]
    else:
        fluid, inlet_k = "pg25", cooling.liquid.facility_water.supply  # type: ignore[union-attr]
    cp = coolant.heat_capacity_j_per_kg_k(coolant.find(fluid), inlet_k)
    _check_doors(scenario, inlet_k)
    one = np.ones(len(doors))
    sized = rear_door.sized(air_w_per_k, air_w_per_k * design.AIR_RISE_K, doors[0]["effectiveness_frac"])
    params = air_coil.Params(
        sized.ua_w_per_k, sized.air_w_per_k / AIR_HEAT_CAPACITY_J_PER_KG_K, sized.water_w_per_k / cp,
        np.array([door["demand_max_w"] for door in doors]), one, one * cp,
    )  # fmt: skip
    inputs = air_coil.Inputs(one * inlet_k, one * inlet_k, 0.0 * one, one.copy())
    return {"rear_door": Node(air_coil.step, params, air_coil.State(), inputs)}


def _check_doors(scenario: Scenario, water_k: float) -> None:
    """Refuse water that is warmer than the exhaust of racks at full load."""
    exhaust_k = scenario.cooling.air.crah.supply + design.AIR_RISE_K  # type: ignore[union-attr]
    if water_k >= exhaust_k:
        water, exhaust = (f"{to(k, 'degC', 'temperature'):g} degC" for k in (water_k, exhaust_k))
        fault = scenario.source.fault(
            "cooling.air.rear_door.water", f"water at {water}", f"below the exhaust of racks at {exhaust}",
            "write chilled-water, or lower the set-point of that water",
        )  # fmt: skip
        raise ScenarioError("rear doors that cannot cool", [fault])


def _hall(graph: nx.MultiDiGraph, maps: Maps, supply_k: float) -> Node:
    width, depth, _ = graph.nodes[maps.ids["hall"][0]]["size"]
    area = width * depth * np.ones(1)
    volume_j_per_k = (
        area
        * design.HALL_AIR_HEIGHT_M
        * float(air_density_kg_per_m3(np.array(supply_k)))
        * AIR_HEAT_CAPACITY_J_PER_KG_K
    )
    half = 0.5 * volume_j_per_k
    params = hall_air.Params(
        half, half, area * design.STRUCTURE_J_PER_M2_K, area * design.STRUCTURE_W_PER_M2_K
    )
    zero = np.zeros(1)
    inputs = hall_air.Inputs(zero, zero, zero, zero)
    return Node(
        hall_air.step, params, hall_air.at_rest(params, supply_k + START_RISE_K), inputs, hall_air.stored_j
    )


def _hall_racks(graph: nx.MultiDiGraph, maps: Maps, supply_k: float, inlets: Inlets) -> Node:
    """The same hall with its air rack by rack."""
    whole: hall_air.Params = _hall(graph, maps, supply_k).params
    air_j_per_k, flow = whole.cold_j_per_k + whole.hot_j_per_k, inlets.flow_kg_per_s
    back_frac = 1.0 - design.FIELD_SUPPLY_FRAC - design.FIELD_RACKS_FRAC
    params = hall_racks.Params(
        design.FIELD_RACKS_FRAC * air_j_per_k * flow / flow.sum(), flow, design.FIELD_SUPPLY_FRAC * air_j_per_k,
        back_frac * air_j_per_k, whole.structure_j_per_k, whole.structure_w_per_k,
    )  # fmt: skip
    zero = np.zeros(1)
    inputs = hall_racks.Inputs(0.0 * flow, zero, zero, flow.sum(keepdims=True), inlets.shares.share_frac)
    state = hall_racks.at_rest(params, supply_k + START_RISE_K)
    return Node(hall_racks.step, params, state, inputs, hall_racks.stored_j)


def _chilled_water(
    graph: nx.MultiDiGraph, maps: Maps, supply_k: float, flow: float, cp: float
) -> dict[str, Node]:
    ids = maps.ids["chiller"]
    heat, carnot, evaporator, condenser, parasitic = columns(
        graph,
        ids,
        "chiller",
        "rated_heat_w",
        "carnot_frac",
        "evaporator_approach_k",
        "condenser_approach_k",
        "parasitic_frac",
    )
    one, loop_one = np.ones(len(ids)), np.ones(1)
    volume = heat.sum() * design.CHILLED_WATER_M3_PER_W
    half = 0.5 * volume * coolant.density_kg_per_m3(coolant.find("water"), supply_k) * cp * loop_one
    loop = water_loop.Params(half, half, cp * loop_one)
    machines = chiller.Params(heat, carnot, evaporator, condenser, parasitic)
    return {
        "chilled_water": Node(
            water_loop.step, loop, water_loop.at_rest(loop, supply_k + START_RISE_K),
            water_loop.Inputs(0.0 * loop_one, 0.0 * loop_one, flow * loop_one), water_loop.stored_j,
        ),
        "chiller": Node(
            chiller.step, machines, chiller.State(), chiller.Inputs(0.0 * one, one * supply_k, one * supply_k)
        ),
    }  # fmt: skip
