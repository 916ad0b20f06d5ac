"""From graph to the power chain: every asset on a power edge is an element, loads included."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx
import numpy as np

from twin import catalog
from twin.models import power_chain
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.physics.converter import loss_w
from twin.plant import constants as design
from twin.plant.maps import Index, Maps
from twin.plant.node import Array, Node
from twin.topology import SWITCHES

CONVERTERS = ("psu", "pdu", "ups", "transformer")
HALL_KINDS = ("psu", "pdu")


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
    """

    at: dict[str, slice]
    base_w: Array
    base_liquid_frac: Array
    network_w: dict[str, Array]
    in_hall: Index
    rack_air_kg_per_s: float


def build(graph: nx.MultiDiGraph, maps: Maps, gpu_tdp_w: Array) -> tuple[Chain, Node]:
    """Elements, feeds and constant loads of the site."""
    edges = [(a, b, data["share"]) for a, b, data in graph.edges(data=True) if data["kind"] == "power"]
    on_chain = {node for a, b, _ in edges for node in (a, b)}
    # a kind is a stretch of elements in the order of its ids, so that its inputs are a view
    ordered = [i for ids in maps.ids.values() for i in ids if i in on_chain]
    elements = {node: e for e, node in enumerate(ordered)}
    fed = [elements[b] for _, b, _ in edges]
    feeder = [elements[a] for a, _, _ in edges]
    share = [share for _, _, share in edges]
    losses = np.zeros((3, len(elements)))
    rating = np.empty(len(elements))
    for node, e in elements.items():
        data = graph.nodes[node]
        rating[e] = data.get("rating_w") or np.inf
        if data["kind"] in CONVERTERS:
            card = catalog.get(data["kind"], data["catalog"])
            losses[:, e] = card.loss_constant_frac, card.loss_linear_frac, card.loss_quadratic_frac
    rating[~np.isfinite(rating)] = max(float(rating[np.isfinite(rating)].max()), 1.0)
    params = power_chain.build(rating, *losses, fed=fed, feeder=feeder, share_frac=share)
    found = {k: [elements[i] for i in ids if i in elements] for k, ids in maps.ids.items()}
    at = {k: slice(where[0], where[-1] + 1) for k, where in found.items() if where}
    base, liquid = _rack_base(graph, maps, gpu_tdp_w, params, at["psu"])
    network = {k: np.array([_drawn_w(graph, i) for i in maps.ids[k]]) for k in SWITCHES if k in maps.ids}
    in_hall = np.array([e for k in HALL_KINDS for e in found.get(k, ())], dtype=np.int64)
    air_w = (
        (base * (1.0 - liquid)).sum()
        + gpu_tdp_w[maps.cdu_of_gpu < 0].sum()
        + sum(w.sum() for w in network.values())
    )
    rack_air = air_w / (AIR_HEAT_CAPACITY_J_PER_KG_K * design.AIR_RISE_K)
    inputs = power_chain.Inputs(np.zeros(len(elements)), np.ones(len(elements), dtype=bool))
    return Chain(at, base, liquid, network, in_hall, float(rack_air)), Node(
        power_chain.step, params, power_chain.State(), inputs
    )


def _drawn_w(graph: nx.MultiDiGraph, switch: str) -> float:
    """What a switch draws with its optics [W]: its nameplate where nothing else is known."""
    node = graph.nodes[switch]
    return float(node.get("power_w", node["demand_max_w"]))


def _rack_base(
    graph: nx.MultiDiGraph, maps: Maps, gpu_tdp_w: Array, params: power_chain.Params, psu: slice
) -> tuple[Array, Array]:
    """What racks draw besides GPUs: catalog powers are at the inlet, so the shelves' loss is taken out."""
    racks = maps.ids["rack"]
    gpus_w = np.bincount(maps.rack_of_gpu, gpu_tdp_w, len(racks))
    base_inlet, liquid = np.empty(len(racks)), np.empty(len(racks))
    for i, rack in enumerate(racks):
        card = catalog.get("system", graph.nodes[rack]["catalog"])
        nodes = graph.nodes[rack]["gpus"] // card.gpu_packages
        own = card.get("base_power_w")
        base_inlet[i] = nodes * own if own is not None else nodes * card.power_max_w - gpus_w[i]
        wanted = card.get("liquid_frac", 0.0) * (gpus_w[i] + base_inlet[i])
        liquid[i] = (wanted - gpus_w[i]) / base_inlet[i]
    loss = loss_w(
        gpus_w + base_inlet,
        params.rating_w[psu],
        params.constant_frac[psu],
        params.linear_frac[psu],
        params.quadratic_frac[psu],
    )
    return base_inlet - loss, np.clip(liquid, 0.0, 1.0)
