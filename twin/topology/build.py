"""From a scenario to one graph of everything that stands on the site."""

from __future__ import annotations

import networkx as nx

from twin import catalog
from twin.scenario.schema import Scenario
from twin.topology import constants as c
from twin.topology import rejection
from twin.topology.assets import add_asset, ids
from twin.topology.cabling import add_fabric
from twin.topology.cooling import add_cooling
from twin.topology.fabric.arrays import Fabric
from twin.topology.fabrics import hall_fabric, network_racks
from twin.topology.layout import Fleet, Items, Plan, plan
from twin.topology.power import add_power
from twin.topology.rack_types import RackType, card_size, hosts, rack_types
from twin.topology.racks import Adapter, RackSpot, add_rack
from twin.topology.site_graph import SiteGraph, uncollected


@uncollected()
def build(scenario: Scenario) -> nx.MultiDiGraph:
    """Build the graph of a site.

    Parameters
    ----------
    scenario : Scenario
        Validated, in SI units.

    Returns
    -------
    networkx.MultiDiGraph
        Nodes are assets. Each has ``kind``, ``catalog`` (card, or empty), ``parents`` (what holds it),
        ``place`` (corner with the smallest coordinates) and ``size`` (both x, y, z in m), and what its
        kind adds, such as ``rating_w``, ``demand_max_w``, ``mass_kg``, ``group``, ``row``. Edges are
        keyed by their kind (``power``, ``coolant``, ``air``, ``network``, ``nvlink``, ``place``) and all
        carry ``medium``, ``rate_bytes_per_s``, ``latency_s``, ``length_m``, ``route``, ``count``, ``share``.
        The graph's own attribute ``fabric`` holds its networks as a :class:`twin.topology.fabric.Fabric`.

    Raises
    ------
    CatalogError
        When a card is missing or lacks a needed value.
    TopologyError
        When the design of the network cannot be built.

    Examples
    --------
    >>> from twin.scenario import load
    >>> hall = build(load("scenarios/gb200-hall.yaml"))
    >>> sum(kind == "gpu" for _, kind in hall.nodes(data="kind"))
    576
    """
    types = rack_types(scenario)
    names = ids("rack", sum(t.count for t in types), 2)
    kinds = dict(zip(names, (t for t in types for _ in range(t.count)), strict=True))
    fabric = hall_fabric(scenario, kinds, hosts(kinds))
    floor = plan(_fleet(scenario, kinds, fabric))
    graph = SiteGraph(scenario=scenario.scenario)
    _add_rooms(graph, floor)
    adapters = _add_racks(graph, floor, scenario, kinds)
    graph.graph["fabric"] = add_fabric(graph, floor, fabric, adapters)
    add_cooling(graph, floor, scenario.cooling)
    fed_by = {rack: kind.fed_by for rack, kind in kinds.items() if kind.fed_by is not None}
    add_power(graph, floor, scenario.power, fed_by)
    return graph


def _fleet(scenario: Scenario, kinds: dict[str, RackType], fabric: Fabric) -> Fleet:
    """Everything that needs a place, with its size."""
    cooling, power = scenario.cooling, scenario.power
    rows = -(-len(kinds) // scenario.hall.racks_per_row)
    liquid, air = cooling.liquid, cooling.air
    skids: list[str] = []
    coolers: list[Items] = []
    if liquid is not None and not liquid.is_to_air:
        skids.append("facility-water")
        coolers.append(
            _items("dry_cooler", liquid.dry_cooler.unit, liquid.dry_cooler.count, rejection.kind_of(liquid))
        )
    if air is not None:
        skids.append("chilled-water")
        coolers.append(_items("chiller", air.chiller.unit, air.chiller.count))
    if power.generators is not None:
        coolers.append(_items("generator", power.generators.unit, power.generators.count))
    return Fleet(
        racks=[(name, kind.size) for name, kind in kinds.items()],
        network_racks=network_racks(fabric, rows),
        cdus=_items("cdu", liquid.cdu.unit, liquid.cdu.count) if liquid else [],
        crahs=_items("crah", air.crah.unit, air.crah.count) if air else [],
        pdus=_items("pdu", power.pdu.unit, power.pdu.count),
        electrical=[
            _items("ups", power.ups.unit, power.ups.count),
            [
                *_items("transformer", power.transformer.unit, power.transformer.count),
                ("feed", c.UNIT_M["feed"]),
            ],
        ],
        yard=[[(skid, c.UNIT_M[skid.replace("-", "_")]) for skid in skids], *coolers],
        racks_per_row=scenario.hall.racks_per_row,
        aisle_m=scenario.hall.aisle,
    )


def _items(kind: str, unit: str, count: int, named: str = "") -> Items:
    """Ids of equal units of plant with the size of their card; of another kind where it is named."""
    size = card_size(catalog.get(kind, unit), c.UNIT_M[kind])
    return [(name, size) for name in ids((named or kind).replace("_", "-"), count)]


def _add_rooms(graph: nx.MultiDiGraph, floor: Plan) -> None:
    add_asset(graph, "site", "site", floor.boxes["site"], "")
    for name, kind in (("hall", "hall"), ("electrical-room", "room"), ("outdoor", "outdoor")):
        add_asset(graph, name, kind, floor.boxes[name], "site")


def _add_racks(
    graph: nx.MultiDiGraph, floor: Plan, scenario: Scenario, kinds: dict[str, RackType]
) -> list[Adapter]:
    adapters = []
    for index, (name, kind) in enumerate(kinds.items()):
        position = index % scenario.hall.racks_per_row
        spot = RackSpot(name, floor.boxes[name], floor.row_of[name], position)
        adapters += add_rack(graph, spot, kind, scenario.power.psu)
    return adapters
