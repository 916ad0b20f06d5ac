"""Cooling from the rack to the outdoor air, in liquid and in air; every loop is closed.

Heat of UPS blocks and transformers goes to their own room, and is not part of the hall.
"""

from __future__ import annotations

import networkx as nx
import numpy as np

from twin import catalog
from twin.catalog import Card
from twin.physics.chiller import cop
from twin.physics.rear_door import MOST_W
from twin.scenario.cooling import Air, Cooling, Liquid, RearDoors
from twin.topology import constants as c
from twin.topology import rejection
from twin.topology.assets import SWITCHES, add_asset, add_link, ids, of_kind
from twin.topology.geometry import Point, overhead
from twin.topology.layout import Plan

_PIPE_GAP_M = 0.12  # between the axes of supply and return


def add_cooling(graph: nx.MultiDiGraph, plan: Plan, cooling: Cooling) -> None:
    """Add plant, pipes and air paths to a graph that has its racks and switches."""
    if cooling.liquid is not None:
        _add_liquid(graph, plan, cooling.liquid)
    if cooling.air is not None:
        _add_air(graph, plan, cooling.air, condensed_at_k(cooling))


def condensed_at_k(cooling: Cooling) -> float | None:
    """Facility water that takes the heat of chillers where there is no outdoor air, as in orbit; none elsewhere [K]."""
    liquid = cooling.liquid
    return liquid.facility_water.supply if liquid is not None and liquid.rejection == "radiator" else None


def liquid_heat_max_w(graph: nx.MultiDiGraph, rack: str) -> float:
    """Heat that a rack gives to liquid at its maximum [W]."""
    node = graph.nodes[rack]
    return float(node["demand_max_w"] * node["liquid_frac"])


def air_heat_max_w(graph: nx.MultiDiGraph) -> float:
    """Heat that racks and network boxes give to the air of the hall at their maximum [W]."""
    racks = sum(graph.nodes[r]["demand_max_w"] - liquid_heat_max_w(graph, r) for r in of_kind(graph, "rack"))
    return float(racks + sum(graph.nodes[s]["demand_max_w"] for s in of_kind(graph, *SWITCHES)))


def chilled_heat_max_w(graph: nx.MultiDiGraph) -> float:
    """Heat to air at its maximum that does not leave by doors on facility water [W]."""
    elsewhere = [d for d in of_kind(graph, "rear_door") if graph.has_edge("facility-water", d)]
    return hall_heat_max_w(graph) - sum(float(graph.nodes[door]["rated_heat_w"]) for door in elsewhere)


def hall_heat_max_w(graph: nx.MultiDiGraph) -> float:
    """Heat that goes to the air of the hall at its maximum: theirs, and that of CDUs without facility water [W]."""
    cdus = of_kind(graph, "cdu") if "facility-water" not in graph else []
    liquid_w = sum(liquid_heat_max_w(graph, r) for r in of_kind(graph, "rack")) if cdus else 0.0
    return air_heat_max_w(graph) + liquid_w + sum(float(graph.nodes[c]["demand_max_w"]) for c in cdus)


def _add_liquid(graph: nx.MultiDiGraph, plan: Plan, liquid: Liquid) -> None:
    cdu_card = catalog.get("cdu", liquid.cdu.unit)
    cdus = ids("cdu", liquid.cdu.count)
    for name in cdus:
        box = plan.boxes[name]
        add_asset(
            graph,
            name,
            "cdu",
            box,
            "hall",
            catalog=cdu_card.name,
            row=plan.row_of[name],
            facing=box.facing,
            rated_heat_w=float(cdu_card.rated_heat_w),
            mass_kg=float(cdu_card.get("mass_kg", c.UNIT_KG["cdu"])),
            demand_max_w=float(cdu_card.pump_power_w) * int(cdu_card.pumps)
            + float(cdu_card.get("fan_power_w", 0.0)),
        )
        if liquid.is_to_air:
            add_link(graph, "hall", name, "air")
            add_link(graph, name, "hall", "air")
    if not liquid.is_to_air:
        _add_facility_water(graph, plan, liquid, cdus)
    racks = [r for r in of_kind(graph, "rack") if graph.nodes[r]["liquid_frac"] > 0]
    for i, rack in enumerate(racks):
        _coolant(graph, plan, cdus[i * len(cdus) // len(racks)], rack)


def _add_facility_water(graph: nx.MultiDiGraph, plan: Plan, liquid: Liquid, cdus: list[str]) -> None:
    """Add the loop behind the CDUs, and what takes its heat away."""
    card, kind = catalog.get("dry_cooler", liquid.dry_cooler.unit), rejection.kind_of(liquid)
    cooler_w, name = rejection.power_max_w(liquid, card), "facility-water"
    pump_w = liquid.facility_water.pump_power
    add_asset(graph, name, "facility_water", plan.boxes[name], "outdoor", demand_max_w=pump_w)
    for cdu in cdus:
        _water(graph, plan, name, cdu)
    for unit in ids(kind.replace("_", "-"), liquid.dry_cooler.count):
        _add_outside(graph, plan, unit, kind, card, cooler_w)
        _water(graph, plan, unit, name)


def _add_air(graph: nx.MultiDiGraph, plan: Plan, air: Air, condensed_k: float | None) -> None:
    crah_card, chiller_card = catalog.get("crah", air.crah.unit), catalog.get("chiller", air.chiller.unit)
    chillers = ids("chiller", air.chiller.count)
    add_asset(graph, "chilled-water", "chilled_water", plan.boxes["chilled-water"], "outdoor")
    for name in ids("crah", air.crah.count):
        add_asset(
            graph,
            name,
            "crah",
            plan.boxes[name],
            "hall",
            catalog=crah_card.name,
            facing=plan.boxes[name].facing,
            rated_heat_w=float(crah_card.rated_heat_w),
            demand_max_w=float(crah_card.fan_power_w),
            mass_kg=float(crah_card.get("mass_kg", 0.0)),
        )
        _water(graph, plan, "chilled-water", name)
        add_link(graph, "hall", name, "air")
        add_link(graph, name, "hall", "air")
    if air.rear_door is not None:
        _add_doors(graph, plan, air, air.rear_door)
    fans_w = sum(float(graph.nodes[n]["demand_max_w"]) for n in of_kind(graph, "crah", "rear_door"))
    each_w = (chilled_heat_max_w(graph) + fans_w) / len(chillers)
    demand_w = chiller_w(chiller_card, air.chiller.supply, each_w, condensed_k)
    for name in chillers:
        _add_outside(graph, plan, name, "chiller", chiller_card, demand_w)
        _water(graph, plan, name, "chilled-water")
        if condensed_k is not None:  # no air takes their heat
            graph.remove_edges_from([("outdoor", name, "air"), (name, "outdoor", "air")])
            _water(graph, plan, "facility-water", name)
    for box in of_kind(graph, "rack", "network_rack"):
        if graph.nodes[box].get("liquid_frac", 0.0) < 1.0:
            add_link(graph, "hall", box, "air")
            add_link(graph, box, "hall", "air")


def _add_doors(graph: nx.MultiDiGraph, plan: Plan, air: Air, wanted: RearDoors) -> None:
    """Hang a coil into the back of every rack that gives heat to air, in the space of cables and manifolds."""
    loop = wanted.water
    for rack in of_kind(graph, "rack"):
        heat_w = graph.nodes[rack]["demand_max_w"] - liquid_heat_max_w(graph, rack)
        if heat_w <= 0.0 or loop not in plan.boxes:
            continue
        body, name = plan.boxes[rack], f"{rack}/rear-door"
        depth_m = c.REAR_DOOR_M
        box = body.part(0.0, body.size[1] - depth_m, 0.0, (body.size[0], depth_m, body.size[2]))
        add_asset(
            graph, name, "rear_door", box, rack, rated_heat_w=min(heat_w, MOST_W), demand_max_w=wanted.fan_power or 0.0,
            effectiveness_frac=wanted.effectiveness,
        )  # fmt: skip
        _water(graph, plan, loop, name)
        add_link(graph, "hall", name, "air")
        add_link(graph, name, "hall", "air")


def chiller_w(card: Card, supply_k: float, heat_w: float, outdoor_k: float | None = None) -> float:
    """Power of a chiller that lifts a heat on a day as hot as its rating, or into what takes its heat there [W].

    Examples
    --------
    >>> round(chiller_w(catalog.get("chiller", "chiller-500kw-air"), 287.15, 100e3))
    26548
    """
    evaporating_k = supply_k - float(card.evaporator_approach_k)
    outdoor_k = float(card.get("rated_outdoor_k", c.DESIGN_OUTDOOR_K)) if outdoor_k is None else outdoor_k
    condensing_k = outdoor_k + float(card.condenser_approach_k)
    ratio = cop(np.asarray(evaporating_k), np.asarray(condensing_k), np.asarray(float(card.carnot_frac)))
    return float(heat_w / ratio + heat_w * float(card.parasitic_frac))


def _add_outside(
    graph: nx.MultiDiGraph, plan: Plan, name: str, kind: str, card: Card, demand_w: float
) -> None:
    """Add a unit of the yard that gives its heat to the outdoor air."""
    add_asset(
        graph,
        name,
        kind,
        plan.boxes[name],
        "outdoor",
        catalog=card.name,
        rated_heat_w=float(card.rated_heat_w),
        demand_max_w=demand_w,
    )
    add_link(graph, "outdoor", name, "air")
    add_link(graph, name, "outdoor", "air")


def _coolant(graph: nx.MultiDiGraph, plan: Plan, cdu: str, rack: str) -> None:
    """Lay supply and return of the technology loop behind the racks."""
    for source, target, aside_m in ((cdu, rack, 0.0), (rack, cdu, _PIPE_GAP_M)):
        ends = [(_aside(plan.boxes[n].top, aside_m), plan.row_of[n]) for n in (source, target)]
        route = plan.along_rows(
            *ends, above_m=c.COOLANT_PIPE_M, cross_x_m=plan.left_x_m + aside_m, forward_m=-0.25 - aside_m
        )
        add_link(graph, source, target, "coolant", route=route)


def _water(graph: nx.MultiDiGraph, plan: Plan, source: str, target: str) -> None:
    """Lay supply and return between plant."""
    for aside_m, (a, b) in zip((0.0, _PIPE_GAP_M), ((source, target), (target, source)), strict=True):
        start, end = (_aside(plan.boxes[n.split("/")[0]].top, aside_m) for n in (a, b))
        corner = (start[0], end[1]) if (a, b) == (source, target) else (end[0], start[1])
        route = overhead(start, end, plan.ceiling_m + c.WATER_PIPE_M, corner)
        add_link(graph, a, b, "coolant", route=route)


def _aside(point: Point, aside_m: float) -> Point:
    return (point[0] + aside_m, point[1] + aside_m, point[2])
