"""Which loops a site has, from the coolant and air edges of its graph, with the figures of one hour of a year."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final, NamedTuple

import networkx as nx
import numpy as np

from twin.facility.annual_plant import AIR, Flow, Site, Year, run
from twin.facility.loop_diagram import Picture, svg
from twin.facility.loop_parts import Box, Lane, celsius, lane, power
from twin.facility.plant_parts import Outdoor
from twin.physics import psychrometrics
from twin.physics.constants import CELSIUS_ZERO_K, STANDARD_PRESSURE_PA
from twin.topology.constants import DESIGN_OUTDOOR_K

DESIGN_WET_BULB_K: Final = 24.0 + CELSIUS_ZERO_K
"""Wet bulb of a design day of 35 °C [K]; assumption (2026): 22 to 26 in temperate places."""

HEAT, PLACES = ("rack", "network_rack", "pdu"), ("hall", "outdoor")
HEADERS = ("facility_water", "chilled_water")
"""Kinds of the graph that give heat; that are air and no machine; and that are a pipe of a loop with its pumps."""

PLANT_OF = {
    "dry_cooler": "dry-cooler",
    "adiabatic_cooler": "adiabatic-cooler",
    "cooling_tower": "tower",
    "water_chiller": "water-chiller",
    "economiser": "air-chiller",
    "chiller": "air-chiller",
}
"""Plant of a year that stands for a kind of the graph, so that its number is known."""

SHAPES = {"cdu": "exchanger", "crah": "fan", "rack": "rack", "network_rack": "rack", "pdu": "board"}


class Loop(NamedTuple):
    """A loop of the graph: kinds of machines from the heat outwards with their numbers, and what gives it heat."""

    kinds: tuple[str, ...]
    counts: tuple[int, ...]
    sources: tuple[tuple[str, str], ...]
    is_air: bool


def loops(graph: nx.MultiDiGraph) -> list[Loop]:
    """Loops of a site, machines of a kind together; those of liquid first.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`.

    Examples
    --------
    >>> from twin import topology
    >>> [found.kinds for found in loops(topology.build(twin.load("scenarios/gb200-hall.yaml")))]
    [('cdu', 'facility_water', 'dry_cooler'), ('crah', 'chilled_water', 'chiller')]
    """
    folded = _folded(graph)
    heat = [group for group in folded if group[0] in HEAT]
    inner = folded.subgraph([g for g in folded if g[0] not in (*HEAT, "outdoor")])
    numbers = Counter(_group(graph, node) for node in graph)
    found = []
    for members in nx.connected_components(inner):
        sources = [g for g in heat if any(folded.has_edge(g, m) for m in members)]
        away = nx.multi_source_dijkstra_path_length(folded.subgraph({*members, *sources}), set(sources))
        machines = sorted((m for m in members if m[0] not in PLACES), key=lambda m: (away[m], m))
        carriers = {folded.edges[s, m]["carrier"] for s in sources for m in members if folded.has_edge(s, m)}
        found.append(
            Loop(
                tuple(kind for kind, _ in machines), tuple(numbers[m] for m in machines),
                tuple(sorted(sources, key=lambda g: HEAT.index(g[0]))), carriers == {"air"},
            )
        )  # fmt: skip
    return sorted(found, key=lambda loop: loop.is_air)


def design_day(dry_bulb_k: float = DESIGN_OUTDOOR_K, wet_bulb_k: float = DESIGN_WET_BULB_K) -> Outdoor:
    """Air of one hour at sea level [K].

    Examples
    --------
    >>> design_day().wet_bulb_k - 273.15
    array([24.])
    """
    dry, wet, total = (np.array([v]) for v in (dry_bulb_k, wet_bulb_k, STANDARD_PRESSURE_PA))
    return Outdoor(dry, wet, psychrometrics.humidity_at_wet_bulb(dry, wet, total), total)


def cooling_diagram(
    graph: nx.MultiDiGraph,
    site: Site,
    outdoor: Outdoor,
    it_frac: float = 1.0,
    title: str = "",
    halls: float = 1.0,
) -> str:
    """Draw the loops of a hall with their flows, temperatures and heats in one hour, as SVG.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Of the hall.
    site : Site
        Its cooling; a plant that was chosen for it stands in place of that of the graph.
    outdoor : Outdoor
        Air of one hour, arrays of one value; see :func:`design_day` and :func:`hottest`.
    it_frac : float
        IT power over that of the design [1], above 0 to 1.
    title : str
        First line.
    halls : float
        How many alike the whole site has, for the second line.

    Examples
    --------
    >>> from twin import topology
    >>> from twin.facility import annual_site
    >>> scenario = twin.load("scenarios/gb200-hall.yaml")
    >>> graph = topology.build(scenario)
    >>> "dry cooler × 4" in cooling_diagram(graph, annual_site.of_scenario(scenario), design_day())
    True
    """
    return svg(picture(graph, site, outdoor, it_frac, title, halls))


def picture(
    graph: nx.MultiDiGraph,
    site: Site,
    outdoor: Outdoor,
    it_frac: float = 1.0,
    title: str = "",
    halls: float = 1.0,
) -> Picture:
    """What :func:`cooling_diagram` draws."""
    year = run(site, outdoor, it_frac * site.it_w)
    found = loops(graph)
    flows = {flow.circuit.name == AIR: flow for flow in year.flows}
    sources = _sources(graph, found, year)
    lanes = [
        _lane(loop, flows[loop.is_air], outdoor, [sources[group].name for group in loop.sources])
        for loop in found
    ]
    each = f", each of {halls:,.4g} halls alike" if abs(halls - 1.0) > 1e-9 else ""
    out_w = sum(one.out_w for one in lanes)
    told = f"{power(it_frac * site.it_w)} of IT{each}: {power(out_w)} of heat to the outdoors"
    air = [celsius(float(k[0])) for k in (outdoor.dry_bulb_k, outdoor.wet_bulb_k)]
    sink = ("outdoor air", air[0], "wet bulb", air[1])
    return Picture(title, told, tuple(sources.values()), tuple(lanes), sink)


def hottest(year: Year) -> tuple[Outdoor, float]:
    """Air of the hour of a year in which the site draws most, and IT power over the design's then [1]."""
    hour = int(np.argmax(year.total_w))
    return Outdoor(*(v[hour : hour + 1] for v in year.outdoor)), float(year.it_w[hour] / year.site.it_w)


def _lane(loop: Loop, flow: Flow, outdoor: Outdoor, sources: list[str]) -> Lane:
    """The first machine meets the heat, the last one the outdoors; between them runs the water."""
    machines = [(k, n) for k, n in zip(loop.kinds, loop.counts, strict=True) if k not in HEADERS]
    kind, count = machines[0]
    head = Box(_name(kind, count), (), SHAPES.get(kind, "exchanger"))
    last, units = machines[-1]
    known = PLANT_OF.get(last) == flow.circuit.plant.kind
    return lane(flow, outdoor, tuple(sources), head, _name(last, units) if known else "")


def _sources(graph: nx.MultiDiGraph, found: list[Loop], year: Year) -> dict[tuple[str, str], Box]:
    """Boxes of what gives heat, by group, with what they give to liquid and to air."""
    share = float(year.it_w[0]) / year.site.it_w
    liquid_w: defaultdict[tuple[str, str], float] = defaultdict(float)
    all_w: defaultdict[tuple[str, str], float] = defaultdict(float)
    numbers: Counter[tuple[str, str]] = Counter()
    wanted = {group for loop in found for group in loop.sources}
    for name, data in graph.nodes(data=True):
        group = (data["kind"], data.get("catalog") or "")
        if group not in wanted:
            continue
        numbers[group] += 1
        if data["kind"] == "rack":
            all_w[group] += share * data["demand_max_w"]
            liquid_w[group] += share * data["demand_max_w"] * data["liquid_frac"]
        elif data["kind"] == "network_rack":
            all_w[group] += share * _boxes_w(graph, name)
        else:
            hall_w = year.site.chain.hall_loss_w(year.site.backed_w(year.it_w))
            all_w[group] = float(hall_w[0])
    has_liquid = any(not loop.is_air for loop in found)
    return {
        group: Box(
            _name(group[0], numbers[group]),
            _given(group, all_w[group], liquid_w[group] if has_liquid else 0.0),
            SHAPES[group[0]],
        )
        for group in sorted(wanted, key=lambda g: (HEAT.index(g[0]), g[1]))
    }


def _given(group: tuple[str, str], all_w: float, liquid_w: float) -> tuple[str, ...]:
    lines = (group[1],) if group[1] else ()
    if liquid_w > 0.0:
        lines = (*lines, f"{power(liquid_w)} to liquid")
    if all_w - liquid_w > 1e-9 * all_w:
        lines = (*lines, f"{power(all_w - liquid_w)} to air")
    return lines


def _boxes_w(graph: nx.MultiDiGraph, rack: str) -> float:
    """Switches that stand in a rack [W]."""
    inside = (b for _, b, d in graph.out_edges(rack, data=True) if d["kind"] == "place")
    return sum(float(graph.nodes[b].get("demand_max_w") or 0.0) for b in inside)


def _folded(graph: nx.MultiDiGraph) -> nx.Graph:
    """Groups of equal nodes that coolant or air joins; PDUs warm the air of the hall in which they stand."""
    folded = nx.Graph()
    for a, b, data in graph.edges(data=True):
        carrier = data["kind"]
        ends = [_group(graph, node) for node in (a, b)]
        if carrier == "place" and ends[0][0] == "hall" and ends[1][0] == "pdu":
            carrier = "air"
        if carrier in ("coolant", "air"):
            folded.add_edge(*ends, carrier=carrier)
    return folded


def _group(graph: nx.MultiDiGraph, node: str) -> tuple[str, str]:
    data = graph.nodes[node]
    return data["kind"], data.get("catalog") or ""


def _name(kind: str, count: int) -> str:
    words = {
        "cdu": "CDU",
        "crah": "CRAH",
        "pdu": "PDU",
        "water_chiller": "water-cooled chiller",
        "economiser": "air-cooled chiller",
    }
    name = words.get(kind, kind.replace("_", " "))
    return f"{name} × {count:,}" if count > 1 else name
