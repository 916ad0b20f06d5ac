"""Lowers the graph to arrays and models; after this the graph is not walked again."""

from __future__ import annotations

import copy
from typing import NamedTuple

import networkx as nx
import numpy as np

from twin import catalog, topology
from twin.catalog import huggingface
from twin.models.serving import Params
from twin.plant import power, replicas, thermal, traffic
from twin.plant.banks import fold
from twin.plant.faults import telling
from twin.plant.inlets import Inlets
from twin.plant.job_banks import JobBanks
from twin.plant.jobs import Jobs, Nodes, nodes_of
from twin.plant.links import Lines, Links, fails, opened, own
from twin.plant.maps import Maps, build_maps
from twin.plant.node import Array, Node
from twin.plant.plant import Plant
from twin.plant.serving import Serving, Starter, start_batch, start_nobody
from twin.plant.stability import check_tick
from twin.scenario import Requests, Scenario, Series, jobs
from twin.scenario.serving import placed


class Blueprint(NamedTuple):
    """A site as arrays, before requests and weather: halls built alike share one.

    Parameters
    ----------
    maps : Maps
        Ids and index maps.
    routes : list
        Hops from the gateway to each replica.
    params : serving.Params
        Replicas.
    gpus : Gpus
    chain : Chain
        Constant figures of GPU packages and of the power chain.
    nodes : dict of str to Node
        Models in their first state, never stepped.
    places : dict of str to array
        Where kinds stand that no graph holds.
    traffic : Traffic, optional
        What shares links with KV transfers.
    lines : Lines, optional
        Lines of the networks, where some of them fail.
    job_nodes : Nodes, optional
        Nodes that run jobs.
    inlets : Inlets, optional
        Inlets of racks, where the hall has an air field.
    """

    maps: Maps
    routes: list[replicas.Path]
    params: Params
    gpus: thermal.Gpus
    chain: power.Chain
    nodes: dict[str, Node]
    places: dict[str, Array]
    traffic: traffic.Traffic | None = None
    lines: Lines | None = None
    job_nodes: Nodes | None = None
    inlets: Inlets | None = None


def lower(graph: nx.MultiDiGraph, scenario: Scenario) -> Blueprint:
    """Lower a checked site to arrays.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The site, from ``topology.build``.
    scenario : Scenario
        Its scenario.

    Raises
    ------
    ScenarioError
        When the model does not fit its GPUs, or the tick is too long for the cooling.
    """
    maps = build_maps(graph, scenario)
    routes = replicas.paths(graph, maps)
    params = replicas.build(graph, scenario, maps, routes)
    lines = None
    if fails(scenario):
        params, lines = opened(params), Lines.of(graph, maps)
    gpus, gpu_node = _gpus(graph, scenario, maps)
    chain, power_nodes = power.build(graph, maps, gpus.power.tdp_w, scenario)
    air = scenario.cooling.air
    inlets = Inlets(graph, scenario, maps, chain) if air is not None and air.field is not None else None
    nodes = {
        "gpu": gpu_node,
        **thermal.build_liquid(graph, scenario, maps, gpus, chain.air_of_rack_kg_per_s),
        **thermal.build_air(graph, scenario, maps, chain.air_of_rack_kg_per_s, inlets),
        **power_nodes,
    }
    check_tick(graph, scenario, maps, nodes)
    places = {"replica": _replica_places(graph, maps), "outdoor": np.zeros((1, 3))}
    others = traffic.build(graph, scenario, maps, params)
    maps, gpus, nodes["gpu"] = fold(maps, gpus, gpu_node)
    job_nodes = nodes_of(graph, maps, gpus, chain.base_w) if scenario.jobs else None
    return Blueprint(maps, routes, params, gpus, chain, nodes, places, others, lines, job_nodes, inlets)


def start_plant(
    blueprint: Blueprint,
    scenario: Scenario,
    requests: Requests,
    weather: Series,
    start: Starter = start_batch,
) -> Plant:
    """Start a plant at its first instant.

    Parameters
    ----------
    blueprint : Blueprint
        From :func:`lower`; it stays as it is.
    scenario : Scenario
        Seed, recording and set-points of this plant.
    requests : Requests
        Arrivals and lengths, sorted by arrival.
    weather : Series
        Outdoor air over the run.
    start : callable
        Starts the serving model of the wanted fidelity.

    Raises
    ------
    ScenarioError
        When the requests cannot be served as they stand.

    Returns
    -------
    Plant
        Ready for its first step: one exchange has told every model its first inputs.
    """
    params, share, others = (
        blueprint.params._replace(seed=scenario.seed),
        scenario.recording,
        blueprint.traffic,
    )
    if others is not None:
        params = others.put_on(params, requests.rows / scenario.time.duration)
    links = None
    if blueprint.lines is not None:
        params = own(params)
        links = Links(blueprint.lines, blueprint.maps, params)
    with telling(scenario, blueprint.maps):
        served = (start if len(params.engines) else start_nobody)(params, requests, blueprint.routes)
    serving = Serving(params, requests, served, share.requests, share.gaps, others)
    nodes = copy.deepcopy(blueprint.nodes)
    plant = Plant(scenario, blueprint.maps, serving, blueprint.gpus, blueprint.chain, nodes, weather, links)
    plant.places, plant.inlets = blueprint.places, copy.copy(blueprint.inlets)
    if blueprint.job_nodes is not None:
        racks = len(blueprint.maps.ids["rack"])
        plant.jobs = Jobs(jobs(scenario), blueprint.job_nodes, scenario, JobBanks(plant), racks)
    plant.prime()
    return plant


def compile_plant(
    graph: nx.MultiDiGraph,
    scenario: Scenario,
    requests: Requests,
    weather: Series,
    start: Starter = start_batch,
) -> Plant:
    """Compile a checked site into a plant at its first instant: :func:`lower`, then :func:`start_plant`."""
    return start_plant(lower(graph, scenario), scenario, requests, weather, start)


def _gpus(graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps) -> tuple[thermal.Gpus, Node]:
    cooling = scenario.cooling
    air_k = cooling.air.crah.supply if cooling.air else 0.0
    liquid_k = cooling.liquid.cdu.supply if cooling.liquid else air_k
    start = np.where(maps.cdu_of_gpu >= 0, liquid_k, air_k) + thermal.START_RISE_K
    return thermal.build_gpus(graph, maps, replicas.gpu_rates(graph, maps), start)


def _replica_places(graph: nx.MultiDiGraph, maps: Maps) -> Array:
    places: Array = np.array([graph.nodes[g]["place"] for g in maps.ids["gpu"]], dtype=float)
    found: Array = places[replicas.first_member(maps)]
    return found


def sources(graph: nx.MultiDiGraph, scenario: Scenario) -> list[str]:
    """What to cite for a run: the sources of every catalog part that the site uses."""
    used = {(d["kind"], d["catalog"]) for _, d in graph.nodes(data=True) if d.get("catalog")}
    if scenario.has_requests:
        used.add(("llm", huggingface.find(scenario.serving.model).name))
    used |= {("engine", pool.keys.engine) for pool in placed(scenario.serving)}
    if scenario.power.storage is not None:
        used.add(("battery", scenario.power.storage.unit))
    cards = {
        **dict.fromkeys(topology.SWITCHES, "switch"),
        "rack": "system",
        "node": "system",
        "nvswitch": "switch",
        "optic": "optics",
    }
    lines = []
    for asset_kind, name in sorted(used):
        kind = cards.get(asset_kind, asset_kind)
        if kind in catalog.kinds() and name in catalog.names(kind):
            lines += [f"{kind}/{name}: {source}" for _, _, source, _, _ in catalog.get(kind, name).table()]
    return sorted(set(lines))
