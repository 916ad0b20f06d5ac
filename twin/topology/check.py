"""Whether a site can run: all faults at once, each with the place in the scenario and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from math import ceil

import networkx as nx

from twin import catalog
from twin.errors import Fault
from twin.physics.rear_door import MOST_W
from twin.scenario.jobs import racks_of_jobs
from twin.scenario.schema import Scenario
from twin.scenario.serving import placed, racks_of
from twin.topology import constants as c
from twin.topology.assets import edges_of, of_kind
from twin.topology.cooling import chilled_heat_max_w, hall_heat_max_w, liquid_heat_max_w
from twin.topology.network_check import network_faults
from twin.topology.placement import domains
from twin.topology.power import CHAIN, PowerTree
from twin.topology.redundancy import redundancy_faults
from twin.topology.rejection import KINDS
from twin.units import to


def check(graph: nx.MultiDiGraph, scenario: Scenario) -> list[Fault]:
    """Find everything that keeps a site from running at its full load.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`, or changed since.
    scenario : Scenario
        The scenario it was built from, for file and line.

    Returns
    -------
    list of Fault
        Empty when every load is fed within the ratings of all that feeds it, every loop is closed and
        carries its heat, every cable has a port and the reach, and the floor holds. Redundancy is not
        checked here: :func:`twin.topology.summary` tells it.

    Examples
    --------
    >>> from twin.scenario import load
    >>> from twin.topology import build
    >>> scenario = load("scenarios/gb200-hall.yaml")
    >>> check(build(scenario), scenario)
    []
    """
    return [fault for look in _LOOKS for fault in look(graph, scenario)]


def _feeds(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Unknown PDUs, and racks without a feed."""
    pdus = of_kind(graph, "pdu")
    for group, racks in scenario.racks.items():
        for i, name in enumerate(racks.fed_by or ()):
            if name not in pdus:
                near = difflib.get_close_matches(name, pdus, 1)
                mend = f"write {near[0] if near else pdus[0]}"
                yield scenario.source.fault(f"racks.{group}.fed_by[{i}]", name, f"one of {_span(pdus)}", mend)
    unfed: dict[str, list[str]] = {}
    tree = PowerTree.of(graph)
    dead = tree.dead()
    for rack in of_kind(graph, "rack"):
        if rack not in tree.below or rack in dead or not tree.above(f"{rack}/psu"):
            unfed.setdefault(graph.nodes[rack]["group"], []).append(rack)
    for group, names in unfed.items():
        yield scenario.source.fault(
            f"racks.{group}.fed_by",
            f"nothing feeds {_span(names)}",
            "a PDU for every rack",
            f"write fed_by: [{', '.join(pdus[:2])}], or leave it out for one PDU of each UPS block",
        )


def _ratings(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Elements of the power chain that full load passes."""
    tree = PowerTree.of(graph)
    out_w = tree.out_w()
    for kind in CHAIN:
        names = [n for n in of_kind(graph, kind) if n in out_w]
        worst = max(names, key=lambda n: out_w[n] / graph.nodes[n]["rating_w"], default="")
        if not worst or out_w[worst] <= graph.nodes[worst]["rating_w"]:
            continue
        load_w, rating_w = out_w[worst], graph.nodes[worst]["rating_w"]
        racks = len(of_kind(graph, "rack"))
        fit = _racks_that_fit(tree, kind, racks)
        fewer = f"at most {fit} of the {racks} racks" if fit else "less load beside the racks"
        path, more = f"power.{kind}", f"a larger unit or a count of {ceil(len(names) * load_w / rating_w)}"
        if kind == "feed":
            path, more = "power.feed.capacity", f"write {ceil(to(load_w, 'kW', 'power'))} kW"
        elif kind == "psu":
            more = "a larger power shelf"
        found = f"{_power(load_w)} through {worst} at full load, losses included"
        yield scenario.source.fault(path, found, f"at most its {_power(rating_w)}", f"{more}, or {fewer}")


def _racks_that_fit(tree: PowerTree, kind: str, racks: int) -> int:
    """Largest number of racks at which no element of a kind is overloaded."""
    names = of_kind(tree.graph, kind)
    low, high = 0, racks
    while high - low > 1:
        middle = (low + high) // 2
        out_w = tree.out_w(middle / racks)
        if all(out_w.get(n, 0.0) <= tree.graph.nodes[n]["rating_w"] for n in names):
            low = middle
        else:
            high = middle
    return low


def _loops(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Coolant that does not come back, and liquid racks without a loop."""
    pipes = nx.DiGraph((u, v) for u, v, _ in edges_of(graph, "coolant"))
    for part in nx.weakly_connected_components(pipes):
        if not nx.is_strongly_connected(pipes.subgraph(part)):
            halves = min(nx.strongly_connected_components(pipes.subgraph(part)), key=len)
            path = "cooling.air" if "chilled-water" in part else "cooling.liquid"
            found = f"an open loop at {_span(sorted(halves))}"
            yield scenario.source.fault(path, found, "a supply and a return", "join the missing pipe")
    dry: dict[str, list[str]] = {}
    for rack in of_kind(graph, "rack"):
        node = graph.nodes[rack]
        if node["liquid_frac"] > 0 and rack not in pipes:
            dry.setdefault(node["group"], []).append(rack)
    for group, names in dry.items():
        yield scenario.source.fault(
            f"racks.{group}.system",
            f"{_span(names)} with liquid cooling and no CDU",
            "a CDU for every liquid rack",
            "add cooling.liquid, or choose an air-cooled system",
        )


def _heat(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Plant that is too small for the heat at full load."""
    liquid_w = {r: liquid_heat_max_w(graph, r) for r in of_kind(graph, "rack")}
    pipes = edges_of(graph, "coolant")
    cdus = {cdu: sum(liquid_w.get(v, 0.0) for u, v, _ in pipes if u == cdu) for cdu in of_kind(graph, "cdu")}
    air_w = hall_heat_max_w(graph)
    fans_w = sum(graph.nodes[n]["demand_max_w"] for n in of_kind(graph, "crah", "rear_door"))
    chilled_w = chilled_heat_max_w(graph)
    outside_w = sum(liquid_w.values()) + air_w - chilled_w
    if of_kind(graph, "radiator"):  # they take the heat of the chillers too
        lifting_w = sum(graph.nodes[n]["demand_max_w"] for n in of_kind(graph, "chiller"))
        outside_w += chilled_w + fans_w + lifting_w
    plants: list[tuple[str, str, list[str], float]] = [
        ("cooling.liquid.dry_cooler", "dry coolers", of_kind(graph, *KINDS.values()), outside_w),
        ("cooling.air.crah", "air handlers", of_kind(graph, "crah", "rear_door"), air_w),
        ("cooling.air.chiller", "chillers", of_kind(graph, "chiller"), chilled_w + fans_w),
    ]
    if cdus:
        worst = max(cdus, key=cdus.__getitem__)
        plants.append(("cooling.liquid.cdu", worst, [worst], cdus[worst]))
    for path, title, names, heat_w in plants:
        rated_w = sum(graph.nodes[n]["rated_heat_w"] for n in names)
        if names and heat_w > rated_w:
            total = len(cdus) if path.endswith("cdu") else len(names)
            yield scenario.source.fault(
                f"{path}.count",
                f"{_power(heat_w)} of heat at full load",
                f"at most the {_power(rated_w)} of {title}",
                f"write {ceil(total * heat_w / rated_w)}, or choose a larger unit",
            )
    if air_w > 0 and not of_kind(graph, "crah"):
        found = f"{_power(air_w)} of heat to air at full load"
        yield scenario.source.fault("cooling", found, "air handlers and chillers", "add cooling.air")


def _doors(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Racks that are too hot for rear doors, and water that could not cool their exhaust."""
    air = scenario.cooling.air
    if air is None or (wanted := air.rear_door) is None:
        return
    path = "cooling.air.rear_door"
    if wanted.water == "facility-water" and not of_kind(graph, "facility_water"):
        yield scenario.source.fault(f"{path}.water", wanted.water, "cooling.liquid", "write chilled-water")
    hot: dict[str, tuple[str, float]] = {}
    for rack in of_kind(graph, "rack"):
        heat_w = graph.nodes[rack]["demand_max_w"] - liquid_heat_max_w(graph, rack)
        if heat_w > MOST_W:
            hot.setdefault(graph.nodes[rack]["group"], (rack, heat_w))
    for rack, heat_w in hot.values():
        found, expected = f"{_power(heat_w)} to air from {rack}", f"at most {_power(MOST_W)} a door"
        yield scenario.source.fault(path, found, expected, "put fewer nodes in a rack, or leave it out")


def _coils(_graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """CDUs with a coil where there is facility water, and without one where there is none."""
    liquid = scenario.cooling.liquid
    if liquid is None:
        return
    has_coil = catalog.get("cdu", liquid.cdu.unit).get("rated_air_flow_kg_per_s") is not None
    if has_coil != liquid.is_to_air:
        expected = "a unit with a coil, for hall-air" if liquid.is_to_air else "a unit on facility water"
        mend = "write cdu-air-140kw" if liquid.is_to_air else "write rejection: hall-air, or choose another"
        yield scenario.source.fault("cooling.liquid.cdu.unit", liquid.cdu.unit, expected, mend)


def _pumps(_graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """More running pumps than a CDU has."""
    liquid = scenario.cooling.liquid
    if liquid is None or liquid.cdu.running is None:
        return
    pumps = int(catalog.get("cdu", liquid.cdu.unit).pumps)
    if liquid.cdu.running > pumps:
        path, expected = "cooling.liquid.cdu.running", f"at most the {pumps} pumps of {liquid.cdu.unit}"
        yield scenario.source.fault(path, str(liquid.cdu.running), expected, f"write {pumps}")


def _floor(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Racks and CDUs too heavy for the floor: on their own area and half an aisle before and behind."""
    loads: dict[str, tuple[float, str]] = {}
    for name in of_kind(graph, "rack", "cdu"):
        node = graph.nodes[name]
        area_m2 = node["size"][0] * (node["size"][1] + scenario.hall.aisle)
        load_pa = node["mass_kg"] * c.STANDARD_GRAVITY_M_PER_S2 / area_m2
        group = node.get("group", "cdu")
        loads[group] = max(loads.get(group, (0.0, "")), (load_pa, name))
    for load_pa, name in loads.values():
        if load_pa > scenario.hall.floor_load:
            found = f"{to(load_pa, 'kg/m2', 'floor load'):.0f} kg/m2 under {name}"
            limit = f"at most {to(scenario.hall.floor_load, 'kg/m2', 'floor load'):.0f} kg/m2"
            mend = "a stronger floor, wider aisles or lighter racks"
            yield scenario.source.fault("hall.floor_load", found, limit, mend)


def _systems(_graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Systems that fill a rack, several to a rack."""
    for group, racks in scenario.racks.items():
        if racks.nodes_per_rack > 1 and catalog.get("system", racks.system).get("compute_trays", 0):
            path, expected = f"racks.{group}.nodes_per_rack", f"1, because {racks.system} fills a rack"
            yield scenario.source.fault(path, str(racks.nodes_per_rack), expected, "write 1")


def _parallel(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Replicas wider than an NVLink domain, of which no GPU would serve, and groups larger than their racks."""
    for pool in placed(scenario.serving):
        racks = racks_of(
            scenario.serving, pool.name, [g for g in scenario.racks if g not in racks_of_jobs(scenario)]
        )
        parts = [len(gpus) for gpus in domains(graph, racks).values()]
        if not parts:
            continue  # names of racks are checked with the scenario
        keys, largest = pool.keys, max(parts)
        size = keys.tensor_parallel * keys.pipeline_parallel * keys.attention_data_parallel
        if keys.tensor_parallel > largest:
            path, found = pool.path("tensor_parallel"), str(keys.tensor_parallel)
            expected, mend = (
                f"at most the {largest} GPU packages of an NVLink domain",
                f"write {largest} or less",
            )
        elif size > largest and size > sum(n // keys.tensor_parallel * keys.tensor_parallel for n in parts):
            path = pool.path(
                "attention_data_parallel" if keys.attention_data_parallel > 1 else "pipeline_parallel"
            )
            found = f"a group of {size} GPU packages"
            expected, mend = f"at most the {sum(parts)} of its racks", "split the model less, or add racks"
        else:
            continue
        yield scenario.source.fault(path, found, expected, mend)


def _power(power_w: float) -> str:
    if power_w >= 1e6:
        return f"{to(power_w, 'MW', 'power'):.3f} MW"
    return f"{to(power_w, 'kW', 'power'):.1f} kW"


def _span(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


_LOOKS: tuple[Callable[[nx.MultiDiGraph, Scenario], Iterator[Fault]], ...] = (
    _systems,
    _feeds,
    _ratings,
    redundancy_faults,
    network_faults,
    _loops,
    _heat,
    _doors,
    _coils,
    _pumps,
    _floor,
    _parallel,
)
