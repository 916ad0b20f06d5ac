"""The site of a year: from a scenario, or from its IT power alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import networkx as nx
import numpy as np

from twin import catalog, topology
from twin.errors import Fault, ScenarioError
from twin.facility import plant_sizing as sizing
from twin.facility import rear_doors
from twin.facility.annual_electrical import Bank, Chain, stated_share
from twin.facility.annual_plant import AIR, LIQUID, Circuit, Site
from twin.facility.plant_parts import Plant
from twin.physics import coolant
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K, CELSIUS_ZERO_K
from twin.physics.heat_exchanger import crossflow_ua_w_per_k
from twin.plant.constants import AIR_RISE_K, CHILLED_WATER_RISE_K, LEAST_PUMP_SPEED_FRAC
from twin.scenario import Scenario
from twin.scenario.cooling import Air, Liquid

CDU, CRAH = "cdu-1300kw", "crah-150kw"
"""Cards that a site without a scenario is scaled from."""

CDU_APPROACH_K: Final = 4.0
"""Technology supply above facility water [K]; textbook (2026), 3 to 5."""

CRAH_APPROACH_K: Final = 10.0
"""Air supply above chilled water [K]; as the shipped scenarios have it, assumption (2026), 6 to 12."""

LIQUID_FRAC: Final = 0.87
"""Share of heat to liquid of a GB200 NVL72 [1]; its card (2026-11)."""

PLANT_MARGIN_FRAC: Final = 1.3
"""Capacity of a plant over the heat of its circuit at design, spare units and warm days [1]; assumption (2026): the
shipped site of 1 GW has 1.33, range 1.1 to 1.5."""

CHAIN_LOSS_FRAC: Final = 0.05
"""Loss of a power chain over what it delivers [1]; own load flow of an 18.4 MW site (2026): 4.7 %, range 4 to 8."""


REJECTION: Final = {
    "dry-cooler": ("dry-cooler", "none"),
    "adiabatic": ("adiabatic-cooler", "none"),
    "tower": ("tower", "none"),
    "chiller": ("water-chiller", "none"),
    "economiser": ("air-chiller", "partial"),
}
"""Plant and economiser by ``cooling.liquid.rejection``; radiators have no year of weather."""


@dataclass(frozen=True)
class Choice:
    """What a user changes on the cooling of a site; None keeps what is there.

    Parameters
    ----------
    plant, economiser : str or None
        Kind of the first circuit's plant, and its economiser.
    air_plant, air_economiser : str or None
        The same of the air circuit beside a liquid one.
    supply_k, air_supply_k : float or None
        Inner supplies [K]; facility water moves with them.
    reuse_w, reuse_k : float
        Heat for a neighbour from the first circuit's return water where it is this warm [W, K].
    rear_doors : bool
        Whether exchangers in the doors of the racks stand in place of air handlers.
    """

    plant: str | None = None
    economiser: str | None = None
    air_plant: str | None = None
    air_economiser: str | None = None
    supply_k: float | None = None
    air_supply_k: float | None = None
    reuse_w: float = 0.0
    reuse_k: float = 0.0
    rear_doors: bool = False


def design(
    it_w: float,
    liquid_frac: float = LIQUID_FRAC,
    supply_k: float = 45.0 + CELSIUS_ZERO_K,
    air_supply_k: float = 24.0 + CELSIUS_ZERO_K,
    choice: Choice = Choice(),
) -> Site:
    """A site sized for its IT power, with a dry cooler and air-cooled chillers where nothing else is chosen.

    Parameters
    ----------
    it_w : float
        IT power at design [W], above zero.
    liquid_frac : float
        Share of its heat that goes to liquid [1], 0 to 1; 1 leaves out the air.
    supply_k, air_supply_k : float
        Set-points of technology coolant and air [K].
    choice : Choice
        Plants and economisers.

    Raises
    ------
    ScenarioError
        When the share is outside 0 to 1, or a plant unknown.

    Examples
    --------
    >>> site = design(20e6, choice=Choice(plant="adiabatic-cooler"))
    >>> [(c.name, c.plant.kind) for c in site.circuits]
    [('liquid', 'adiabatic-cooler'), ('air', 'air-chiller')]
    """
    if not 0.0 <= liquid_frac <= 1.0 or not it_w > 0.0:
        found = f"{it_w:g} W, {liquid_frac:g} of it to liquid"
        fault = Fault("", 0, "site", found, "IT power above 0 and a share of 0 to 1", "mend them")
        raise ScenarioError("no such site", [fault])
    circuits = []
    if liquid_frac > 0.0:
        heat_w = liquid_frac * it_w
        units = heat_w / float(catalog.get("cdu", CDU).rated_heat_w)
        circuits.append(_liquid(CDU, units, supply_k, supply_k - CDU_APPROACH_K, None))
    if liquid_frac < 1.0:
        units = (1.0 - liquid_frac) * it_w / _air(CRAH, 1.0, air_supply_k, air_supply_k, None).capacity_w
        circuits.append(_air(CRAH, units, air_supply_k, air_supply_k - CRAH_APPROACH_K, None))
    chain = Chain(service=(stated_share(CHAIN_LOSS_FRAC),))
    site = Site(it_w, liquid_frac, tuple(circuits), chain)
    return chosen(site, replace(choice, supply_k=None, air_supply_k=None))


def of_scenario(
    scenario: Scenario,
    it_w: float | None = None,
    choice: Choice = Choice(),
    graph: nx.MultiDiGraph | None = None,
) -> Site:
    """The site of a scenario, all halls together.

    Parameters
    ----------
    scenario : Scenario
    it_w : float or None
        IT power to which everything is scaled [W]; that of racks and switches at their most where left out.
    choice : Choice
        What is changed.
    graph : networkx.MultiDiGraph or None
        Its graph where it was built already.

    Examples
    --------
    >>> site = of_scenario(twin.load("scenarios/gb200-hall.yaml"), 20e6)
    >>> [(c.name, c.plant.kind, round(c.plant.capacity_w / 1e6, 1)) for c in site.circuits]
    [('liquid', 'dry-cooler', 37.1), ('air', 'air-chiller', 9.3)]
    """
    _refuse_orbit(scenario, choice)
    graph = topology.build(scenario) if graph is None else graph
    racks_w, liquid_w, network_w, ratings_w = 0.0, 0.0, 0.0, dict.fromkeys(("pdu", "ups", "transformer"), 0.0)
    for _, data in graph.nodes(data=True):
        kind, most_w = data["kind"], float(data.get("demand_max_w") or 0.0)
        if kind == "rack":
            racks_w, liquid_w = racks_w + most_w, liquid_w + most_w * float(data["liquid_frac"])
        elif kind in topology.SWITCHES:
            network_w += most_w
        elif kind in ratings_w:
            ratings_w[kind] += float(data["rating_w"])
    hall_w = racks_w + network_w
    halls = float(scenario.hall.count) if it_w is None else it_w / hall_w
    cooling = scenario.cooling
    circuits = [] if cooling.liquid is None else [_liquid_section(cooling.liquid, halls, liquid_w)]
    circuits += [] if cooling.air is None else [_air_section(cooling.air, halls)]
    units = {"pdu": scenario.power.pdu, "ups": scenario.power.ups, "transformer": scenario.power.transformer}
    banks = {k: _bank(k, str(units[k].unit), halls * ratings_w[k]) for k in units}
    chain = Chain((banks["pdu"],), (banks["ups"],), (banks["transformer"],))
    if choice.rear_doors:
        rear_doors.check(graph)
    return chosen(Site(halls * hall_w, liquid_w / hall_w, tuple(circuits), chain), choice)


def chosen(site: Site, choice: Choice) -> Site:
    """A site with other plants, set-points or reuse of heat; a new plant is as large as the one it replaces.

    Raises
    ------
    ScenarioError
        When a plant or economiser is unknown, or something is chosen for an air loop that is not there.
    """
    _refuse_absent(site, choice)
    circuits = []
    for i, circuit in enumerate(site.circuits):
        if i == 0:
            wanted = (choice.plant, choice.economiser, choice.supply_k)
        else:
            wanted = (choice.air_plant, choice.air_economiser, choice.air_supply_k)
        if circuit.name == AIR and wanted[2] is None:
            wanted = (*wanted[:2], choice.air_supply_k)
        doored = rear_doors.in_place_of_coils(circuit) if choice.rear_doors else circuit
        circuits.append(_changed(doored, *wanted))
    return replace(site, circuits=tuple(circuits), reuse_w=choice.reuse_w, reuse_k=choice.reuse_k)


def _refuse_absent(site: Site, choice: Choice) -> None:
    second = {"--air-plant": choice.air_plant, "--air-economiser": choice.air_economiser}
    if len(site.circuits) > 1:
        return
    only = site.circuits[0].name
    if only == LIQUID:
        second["--air-supply"] = None if choice.air_supply_k is None else f"{choice.air_supply_k:g} K"
        second["--rear-doors"] = "rear doors" if choice.rear_doors else None
    faults = [
        Fault(
            "",
            0,
            name,
            value,
            f"nothing: the site has its {only} loop alone",
            f"write --{name[6:]}, or leave it out" if name.startswith("--air") else "leave it out",
        )
        for name, value in second.items()
        if value is not None
    ]
    if faults:
        raise ScenarioError("no air loop beside a liquid one", faults)


def _changed(circuit: Circuit, kind: str | None, economiser: str | None, supply_k: float | None) -> Circuit:
    if supply_k is not None:
        water_k = circuit.water_set_k + supply_k - circuit.supply_k
        circuit = replace(circuit, supply_k=supply_k, water_set_k=water_k)
    if not (kind or economiser):
        return circuit
    name = kind or circuit.plant.kind
    pump_w = _pumps_w(circuit, name)
    heat_w = circuit.plant.capacity_w + pump_w - circuit.pump_w
    plant = sizing.build(name, heat_w, circuit.water_w_per_k, economiser or "none")
    return replace(circuit, plant=plant, pump_w=pump_w)


def _pumps_w(circuit: Circuit, kind: str) -> float:
    """Facility pumps; cards of air-cooled chillers count them with the condenser fans."""
    if kind == "air-chiller" and circuit.name == AIR:
        return 0.0
    return circuit.pump_w or sizing.pump_power_w(circuit.water_w_per_k)


def _liquid_section(section: Liquid, halls: float, racks_w: float) -> Circuit:
    """The liquid loop of a scenario; technology pumps hold the flow of all racks at any load, as in a run."""
    units = halls * section.cdu.count
    pump_w = halls * section.facility_water.pump_power
    circuit = _liquid(section.cdu.unit, units, section.cdu.supply, section.facility_water.supply, pump_w)
    share = min(halls * racks_w / circuit.capacity_w, 1.0)
    least = max(share, LEAST_PUMP_SPEED_FRAC)
    # so many racks, each at its own flow and head: power goes with their number, not with its cube
    drive_w = circuit.drive_w * share / least**3
    card: Any = catalog.get("dry_cooler", section.dry_cooler.unit)
    rated_w = halls * section.dry_cooler.count * card.rated_heat_w
    plant: Plant = sizing.dry_cooler(rated_w, section.dry_cooler.unit)
    kind, economiser = REJECTION.get(section.rejection, REJECTION["dry-cooler"])
    if kind != plant.kind:
        plant = sizing.build(kind, rated_w, circuit.water_w_per_k, economiser)
    return replace(circuit, plant=plant, drive_w=drive_w, least_flow_frac=least)


def _refuse_orbit(scenario: Scenario, choice: Choice) -> None:
    liquid = scenario.cooling.liquid
    if liquid is not None and liquid.is_to_air:
        found, expected = "CDUs that give their heat to the hall", "a loop of facility water"
        mend = "ask for a run, or write another rejection"
        fault = scenario.source.fault("cooling.liquid.rejection", found, expected, mend)
        raise ScenarioError("no year without facility water", [fault])
    if liquid is None or liquid.rejection in REJECTION or choice.plant is not None:
        return
    spot, mend = "cooling.liquid.rejection", "choose one with --plant, for example --plant dry-cooler"
    fault = scenario.source.fault(spot, liquid.rejection, "a plant under weather", mend)
    raise ScenarioError("no year of weather in orbit", [fault])


def _air_section(section: Air, halls: float) -> Circuit:
    circuit = _air(
        section.crah.unit, halls * section.crah.count, section.crah.supply, section.chiller.supply, 0.0
    )
    card: Any = catalog.get("chiller", section.chiller.unit)
    rated_w = halls * section.chiller.count * card.rated_heat_w
    return replace(circuit, plant=sizing.air_chiller(rated_w, section.chiller.unit))


def _liquid(unit: str, units: float, supply_k: float, water_k: float, pump_w: float | None) -> Circuit:
    """CDUs, facility pumps and a dry cooler for their heat."""
    card: Any = catalog.get("cdu", unit)
    j_per_kg_k = coolant.heat_capacity_j_per_kg_k(coolant.find("pg25"), supply_k)
    water = units * card.facility_flow_kg_per_s * j_per_kg_k
    heat_w, drive_w = units * card.rated_heat_w, units * card.pumps_on_duty * card.pump_power_w
    pumps_w = sizing.pump_power_w(water) if pump_w is None else pump_w
    plant = sizing.dry_cooler(PLANT_MARGIN_FRAC * (heat_w + drive_w + pumps_w))
    inner, ua = units * card.rated_flow_kg_per_s * j_per_kg_k, units * card.rated_conductance_w_per_k
    return Circuit(LIQUID, heat_w, inner, water, ua, supply_k, water_k, drive_w, pumps_w, plant)


def _air(unit: str, units: float, supply_k: float, water_k: float, pump_w: float | None) -> Circuit:
    """CRAHs, chilled water and air-cooled chillers for what they carry at the rise of air through racks."""
    card: Any = catalog.get("crah", unit)
    inner = units * card.rated_air_flow_kg_per_s * AIR_HEAT_CAPACITY_J_PER_KG_K
    heat_w, drive_w = inner * AIR_RISE_K, units * card.fan_power_w
    water = units * card.rated_heat_w / CHILLED_WATER_RISE_K
    ua = float(crossflow_ua_w_per_k(*(np.array(v) for v in (card.effectiveness_frac, inner, water))))
    plant = sizing.air_chiller(PLANT_MARGIN_FRAC * (heat_w + drive_w))
    return Circuit(AIR, heat_w, inner, water, ua, supply_k, water_k, drive_w, pump_w or 0.0, plant)


def _bank(kind: str, unit: str, rating_w: float) -> Bank:
    card: Any = catalog.get(kind, unit)
    shares = (card.loss_constant_frac, card.loss_linear_frac, card.loss_quadratic_frac)
    return Bank(kind, rating_w, *(float(share) for share in shares))
