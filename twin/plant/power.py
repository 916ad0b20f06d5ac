"""From graph to the power chain: every asset on a power edge is an element, loads included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx
import numpy as np

from twin import catalog
from twin.models import power_chain
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.physics.converter import loss_w
from twin.plant import constants as design
from twin.plant import power_limits as limits
from twin.plant import supply as supplies
from twin.plant._over_gpus import total
from twin.plant.maps import Index, Maps
from twin.plant.node import Array, Node
from twin.scenario import Scenario
from twin.scenario.power import is_live
from twin.topology import SWITCHES
from twin.topology.assets import edges_of
from twin.topology.power import RESERVE

CONVERTERS = ("psu", "pdu", "ups", "transformer")
HALL_KINDS = ("psu", "pdu")


class Feed(NamedTuple):
    """One asset that feeds another, with its share [1]; a switch takes reserves in place of the others."""

    source: str
    target: str
    share: float
    is_reserve: bool = False


@dataclass(frozen=True)
class Chain:
    """Where the assets of each kind stand among the elements, and what racks draw besides their GPUs.

    Parameters
    ----------
    at : dict of str to slice
        Elements of the assets of a kind, in the order of their ids.
    base_w : array (rack)
        Power of everything in a rack but its GPUs, behind the power shelves [W].
    base_liquid_frac : array (rack)
        Share of that which goes to liquid [1].
    network_w : dict of str to array
        Power of network boxes with their optics, by kind [W].
    in_hall : array (element)
        Elements whose losses warm the hall.
    rack_air_kg_per_s : float
        Air that the fans of racks and network boxes move [kg/s].
    air_of_rack_kg_per_s : array (rack)
        Air that the fans of each rack move [kg/s].
    cdu_fan_w : array (cdu)
        Power of the fans of CDUs that give their heat to the hall, at full speed [W]; zero of others.
    supply : Supply, optional
        What is kept where outages, trips and voltages play a part.
    open_at : tuple of str
        Sections of the medium-voltage ring that are normally open.
    """

    at: dict[str, slice]
    base_w: Array
    base_liquid_frac: Array
    network_w: dict[str, Array]
    in_hall: Index
    rack_air_kg_per_s: float
    air_of_rack_kg_per_s: Array
    cdu_fan_w: Array
    supply: supplies.Supply | None = None
    open_at: tuple[str, ...] = ()


def build(
    graph: nx.MultiDiGraph, maps: Maps, gpu_tdp_w: Array, scenario: Scenario
) -> tuple[Chain, dict[str, Node]]:
    """Elements, feeds and constant loads of the site, and its power models by name."""
    edges = _feeds(graph, maps)
    on_chain = {node for edge in edges for node in (edge.source, edge.target)}
    # a kind is a stretch of elements in the order of its ids, so that its inputs are a view
    ordered = [i for ids in maps.ids.values() for i in ids if i in on_chain]
    elements = {node: e for e, node in enumerate(ordered)}
    found = {k: [elements[i] for i in ids if i in elements] for k, ids in maps.ids.items()}
    at = {k: slice(where[0], where[-1] + 1) for k, where in found.items() if where}
    params = _params(graph, scenario, elements, at, edges)
    base, liquid = _rack_base(graph, maps, gpu_tdp_w, params, at["psu"])
    network = {k: np.array([_drawn_w(graph, i) for i in maps.ids[k]]) for k in SWITCHES if k in maps.ids}
    in_hall = np.array([e for k in HALL_KINDS for e in found.get(k, ())], dtype=np.int64)
    rise_j_per_kg = AIR_HEAT_CAPACITY_J_PER_KG_K * design.AIR_RISE_K
    in_air_w = np.where(maps.cdu_of_gpu < 0, gpu_tdp_w, 0.0)
    of_rack = (base * (1.0 - liquid) + total(in_air_w, maps.rack_of_gpu, len(base))) / rise_j_per_kg
    rack_air = of_rack.sum() + sum(w.sum() for w in network.values()) / rise_j_per_kg
    cdus = [catalog.get("cdu", graph.nodes[name]["catalog"]) for name in maps.ids.get("cdu", ())]
    fans = np.array([float(card.get("fan_power_w", 0.0)) for card in cdus])
    power, supply = scenario.power, None
    state = power_chain.full(params)
    if power.storage is not None and is_live(scenario):
        state.stored_j[at["feed"]] *= power.storage.keep
    if power.smoothing is not None:
        state.stored_j[at["psu"]] -= (1.0 - limits.SMOOTHING_FILL_FRAC) * power.smoothing.energy
    nodes = {"power": Node(power_chain.step, params, state, _inputs(params, scenario, at))}
    if is_live(scenario):
        supply = supplies.build(graph, maps, power, elements, at)
        nodes["power"].stored_j = power_chain.stored_j
    if power.generators is not None:
        nodes[supplies.STANDBY] = supplies.standby(graph, maps.ids["generator"], power.generators)
    open_at = graph.graph["ring"].open_at if "ring" in graph.graph else ()
    return Chain(at, base, liquid, network, in_hall, float(rack_air), of_rack, fans, supply, open_at), nodes


def _feeds(graph: nx.MultiDiGraph, maps: Maps) -> list[Feed]:
    """Who feeds whom; generators feed the transformers once they are switched on."""
    edges = [
        Feed(a, b, data["share"], data["kind"] == RESERVE) for a, b, data in edges_of(graph, "power", RESERVE)
    ]
    units = maps.ids.get("generator", ())
    return edges + [Feed(unit, t, 1.0 / len(units)) for t in maps.ids["transformer"] for unit in units]


def _inputs(params: power_chain.Params, scenario: Scenario, at: dict[str, slice]) -> power_chain.Inputs:
    inputs = power_chain.calm(params)
    inputs.is_eco[at["ups"]] = scenario.power.ups.mode == "eco"
    if "generator" in at:
        inputs.is_up[at["generator"]] = False
    units = scenario.power.generators
    if units is not None and units.answers_calls:
        inputs = inputs._replace(beside_w=np.full(len(inputs.demand_w), np.inf))
    return inputs._replace(orders=limits.orders(scenario.power, params.store, at))


def _params(
    graph: nx.MultiDiGraph,
    scenario: Scenario,
    elements: dict[str, int],
    at: dict[str, slice],
    edges: list[Feed],
) -> power_chain.Params:
    """Ratings, losses and limits of the elements."""
    losses = np.zeros((3, len(elements)))
    rating = np.empty(len(elements))
    for node, e in elements.items():
        data = graph.nodes[node]
        rating[e] = data.get("rating_w") or np.inf
        if data["kind"] in CONVERTERS:
            card = catalog.get(data["kind"], data["catalog"])
            losses[:, e] = card.loss_constant_frac, card.loss_linear_frac, card.loss_quadratic_frac
    rating[~np.isfinite(rating)] = max(float(rating[np.isfinite(rating)].max()), 1.0)
    held_s = catalog.get("psu", scenario.power.psu).get("hold_up_s", limits.HOLD_UP_S)
    lowest_pu, holds = limits.per_kind(len(elements), at)
    store = limits.stores(scenario.power, rating, losses, at, held_s) if is_live(scenario) else None
    return power_chain.build(
        rating,
        *losses,
        fed=[elements[edge.target] for edge in edges],
        feeder=[elements[edge.source] for edge in edges],
        share_frac=[edge.share for edge in edges],
        is_reserve=[edge.is_reserve for edge in edges],
        eco=limits.eco_losses(graph, elements, losses),
        lowest_pu=lowest_pu,
        holds_voltage=holds,
        store=store,
        trip=limits.trips(scenario.power, len(elements), at),
    )


def _drawn_w(graph: nx.MultiDiGraph, switch: str) -> float:
    """What a switch draws with its optics [W]: its nameplate where nothing else is known."""
    node = graph.nodes[switch]
    return float(node.get("power_w", node["demand_max_w"]))


def _rack_base(
    graph: nx.MultiDiGraph, maps: Maps, gpu_tdp_w: Array, params: power_chain.Params, psu: slice
) -> tuple[Array, Array]:
    """What racks draw besides GPUs: catalog powers are at the inlet, so the shelves' loss is taken out."""
    racks, is_net = maps.ids["rack"], np.zeros(len(maps.ids["rack"]), dtype=bool)
    gpus_w = np.bincount(maps.rack_of_gpu, gpu_tdp_w, len(racks))
    base_inlet, liquid = np.empty(len(racks)), np.empty(len(racks))
    for i, rack in enumerate(racks):
        card = catalog.get("system", graph.nodes[rack]["catalog"])
        nodes = graph.nodes[rack]["gpus"] // card.gpu_packages
        own = card.get("base_power_w")
        is_net[i] = card.get("cpu_range_w") is not None  # of nodes for jobs: idle, behind the shelves
        base_inlet[i] = nodes * own if own is not None else nodes * card.power_max_w - gpus_w[i]
        wanted = card.get("liquid_frac", 0.0) * (gpus_w[i] + base_inlet[i])
        liquid[i] = (wanted - gpus_w[i]) / base_inlet[i]
    loss = loss_w(
        gpus_w + base_inlet,
        params.rating_w[psu],
        *(part[psu] for part in params.losses),
    )
    return np.where(is_net, base_inlet, base_inlet - loss), np.clip(liquid, 0.0, 1.0)
