"""From a built site to the hall that its air sees, with every rack at its nominal power."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from itertools import pairwise

import networkx as nx

from twin import catalog
from twin.errors import Fault
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.plant.air.hall import AirError, AirHall, AirHandler, AirRack, Aisle, Tile
from twin.plant.constants import AIR_RISE_K
from twin.topology.constants import RACK_UNIT_M
from twin.topology.geometry import Box

SUPPLIES = ("floor", "wall")
TILE_M = 0.6
"""Depth of the perforated tiles before a rack [m]; common raised floor (2026)."""
FILLED_M = 0.15
"""Slits between cabinets of a row up to this width are closed by filler panels [m]; assumption (2026)."""
GAP_UNITS = 10
"""Rack units without blanking panels, in the middle of a rack, where a gap is asked for [1]."""


def air_hall(
    graph: nx.MultiDiGraph,
    supply_k: float,
    *,
    air_frac: float = 1.0,
    supply: str = "floor",
    gaps: Collection[str] = (),
) -> AirHall:
    """Hall of a site for :func:`twin.plant.air.field.solve`.

    Racks and network racks give to air what they do at nominal power, in air that this warms by 15 K. All handlers
    run at one speed. Tiles lie before each rack, with the share of the air that the rack moves.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`.
    supply_k : float
        Temperature of the supplied air [K].
    air_frac : float
        Air of all handlers over that of all racks [1], above 0; no more than the handlers' rating.
    supply : str
        ``floor``: through tiles in the cold aisles, back at the tops of the handlers; ``wall``: from the fronts of
        the handlers, back through the ceiling of the hot aisles.
    gaps : collection of str
        Racks with ten units without blanking panels in the middle.

    Raises
    ------
    AirError
        For a hall without handlers, unknown racks, or values out of range.

    Examples
    --------
    >>> import twin
    >>> from twin import topology
    >>> hall = air_hall(topology.build(twin.load("scenarios/h100-hall.yaml")), supply_k=297.15)
    >>> len(hall.racks), [aisle.is_hot for aisle in hall.aisles], round(hall.rack_kg_per_s, 1)
    (26, [True, False, True], 69.0)
    """
    _check(graph, air_frac, supply, gaps)
    racks = tuple(_rack(graph, name, name in gaps) for name in _of(graph, "rack", "network_rack"))
    need = sum(rack.flow_kg_per_s for rack in racks)
    rated = {name: _rated_kg_per_s(graph, name) for name in _of(graph, "crah")}
    speed = min(air_frac * need / sum(rated.values()), 1.0) if need > 0.0 else 1.0
    handlers = tuple(AirHandler(name, box_of(graph, name), speed * flow) for name, flow in rated.items())
    solids = (*(box_of(graph, name) for name in _of(graph, "cdu", "pdu")), *_fillers(graph))
    is_floor = supply == "floor"
    tiles = tuple(Tile(_before(rack.box), rack.flow_kg_per_s) for rack in racks if rack.flow_kg_per_s > 0.0)
    size_m = graph.nodes["hall"]["size"]
    return AirHall(size_m, racks, handlers, supply_k, tiles if is_floor else (), _aisles(graph), solids)


def box_of(graph: nx.MultiDiGraph, name: str) -> Box:
    """Box of an asset [m]."""
    node = graph.nodes[name]
    return Box(node["place"], node["size"], node.get("facing", 1))


def _of(graph: nx.MultiDiGraph, *kinds: str) -> list[str]:
    return [name for name, kind in graph.nodes(data="kind") if kind in kinds]


def _check(graph: nx.MultiDiGraph, air_frac: float, supply: str, gaps: Collection[str]) -> None:
    faults = []
    if not _of(graph, "crah"):
        faults.append(
            Fault("", 0, "cooling.air", "none", "CRAHs: only their halls have an air field", "add them")
        )
    if not 0.05 <= air_frac <= 10.0:
        faults.append(Fault("", 0, "air_frac", str(air_frac), "0.05 to 10", "1 moves what the racks move"))
    if supply not in SUPPLIES:
        faults.append(Fault("", 0, "supply", supply, " or ".join(SUPPLIES), "choose one of them"))
    racks = _of(graph, "rack", "network_rack")
    for name in gaps:
        if name not in racks:
            near = difflib.get_close_matches(name, racks, 1) or racks[:1]
            faults.append(Fault("", 0, "gap", name, f"a rack: {', '.join(racks[:6])}, …", f"write {near[0]}"))
    if faults:
        raise AirError("this site has no such air field", faults)


def _rack(graph: nx.MultiDiGraph, name: str, has_gap: bool) -> AirRack:
    """A cabinet with its heat to air at nominal power."""
    node, box = graph.nodes[name], box_of(graph, name)
    if node["kind"] == "rack":
        heat_w = node["demand_max_w"] * (1.0 - node["liquid_frac"])
    else:
        heat_w = sum(graph.nodes[child].get("demand_max_w", 0.0) for child in _inside(graph, name))
    gap_m = gap_of(box) if has_gap else None
    return AirRack(name, box, heat_w / (AIR_HEAT_CAPACITY_J_PER_KG_K * AIR_RISE_K), heat_w, gap_m)


def gap_of(box: Box) -> tuple[float, float]:
    """Heights between which a cabinet lacks ten units of blanking panels, in its middle [m]."""
    middle_m, half_m = box.centre[2], GAP_UNITS * RACK_UNIT_M / 2
    return middle_m - half_m, middle_m + half_m


def _inside(graph: nx.MultiDiGraph, name: str) -> list[str]:
    return [child for _, child, kind in graph.out_edges(name, data="kind") if kind == "place"]


def _rated_kg_per_s(graph: nx.MultiDiGraph, name: str) -> float:
    return float(catalog.get("crah", graph.nodes[name]["catalog"]).rated_air_flow_kg_per_s)


def _before(box: Box) -> Box:
    """Floor before the front of a cabinet."""
    x, y, z = box.place
    return Box((x, box.end[1] if box.facing > 0 else y - TILE_M, z), (box.size[0], TILE_M, 0.0))


def _rows(graph: nx.MultiDiGraph) -> list[list[Box]]:
    """Boxes of each row from left to right, rows from the lower wall to the upper."""
    rows: dict[int, list[Box]] = {}
    for name in _of(graph, "rack", "network_rack", "cdu"):
        rows.setdefault(graph.nodes[name]["row"], []).append(box_of(graph, name))
    return [sorted(row, key=lambda box: box.place[0]) for _, row in sorted(rows.items())]


def _fillers(graph: nx.MultiDiGraph) -> list[Box]:
    """Panels that close the slits of the rows."""
    found = []
    for row in _rows(graph):
        for a, b in pairwise(row):
            low, high = max(a.place[1], b.place[1]), min(a.end[1], b.end[1])
            width_m, height_m = b.place[0] - a.end[0], min(a.size[2], b.size[2])
            if 1e-6 < width_m <= FILLED_M:
                found.append(Box((a.end[0], low, 0.0), (width_m, high - low, height_m)))
    return found


def _aisles(graph: nx.MultiDiGraph) -> tuple[Aisle, ...]:
    """Aisles between rows, and between rows and what stands along the walls."""
    rows = _rows(graph)
    middle_m = graph.nodes["hall"]["size"][1] / 2
    handlers = [box_of(graph, name) for name in _of(graph, "crah")]
    lower_m = max((b.end[1] for b in handlers if b.centre[1] < middle_m), default=0.0)
    upper_m = min((b.place[1] for b in handlers if b.centre[1] > middle_m), default=2 * middle_m)
    found = []
    sides: list[list[Box] | None] = [None, *rows, None]
    for below, above in pairwise(sides):
        beside = [*(below or []), *(above or [])]
        # from the shallowest cabinets on, so that no recess behind one is left out
        start = min(b.end[1] for b in below) if below else lower_m
        stop = max(b.place[1] for b in above) if above else upper_m
        fronts = [box.facing > 0 for box in below or []] + [box.facing < 0 for box in above or []]
        if beside and stop > start and (all(fronts) or not any(fronts)):
            left, right = min(b.place[0] for b in beside), max(b.end[0] for b in beside)
            size = (right - left, stop - start, max(b.end[2] for b in beside))
            found.append(Aisle(Box((left, start, 0.0), size), is_hot=not any(fronts)))
    return tuple(found)
