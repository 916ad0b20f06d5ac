"""From scenario and catalog to what the serving models need: coefficients, capacities, paths, limits."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import catalog, topology
from twin.catalog import Card, huggingface
from twin.errors import Fault, ScenarioError
from twin.models import serving
from twin.models.serving.records import ENDLESS
from twin.physics import gpu_power, inference
from twin.physics.transformer import routed_experts
from twin.plant import cards
from twin.plant.faults import telling
from twin.plant.maps import Maps
from twin.registry import find
from twin.scenario import Scenario
from twin.scenario.limits import policy_limits
from twin.scenario.serving import Placed

Path = list[tuple[str, float]]
ROLES = {"both": serving.BOTH, "prefill": serving.PREFILL, "decode": serving.DECODE}
VICTIMS = {"last-admitted": 0, "largest-rank": 1}
LARGEST_BLOCKS = 1 << 40
"""Of a tier that is larger than any cache; keeps block counts within integers."""


class Kind(NamedTuple):
    """Replicas that cost the same: pool, GPU, and whether their group lies in one NVLink domain."""

    pool: int
    gpu: str
    is_joined: bool


class Rated(NamedTuple):
    """What replicas of a kind can do."""

    coefficients: inference.Iteration
    capacity_tokens: int
    constants: inference.Engine
    peaks: inference.Gpu


def paths(graph: nx.MultiDiGraph, maps: Maps) -> list[Path]:
    """Hops with their latencies from the gateway to each replica and, in reverse, back."""
    overhead_s = [catalog.get("engine", pool.keys.engine).request_overhead_s for pool in maps.pools]
    ways: dict[int, Path] = {}
    found = []
    members = maps.gpus_of_replica()
    for gpus, team, pool in zip(members, maps.team_of_replica, maps.pool_of_replica, strict=True):
        if team not in ways:
            ways[team] = topology.request_path(graph, gpus)
        found.append([("front end", overhead_s[pool]), *ways[team]])
    return found


def build(graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, routes: list[Path]) -> serving.Params:
    """Parameters of the serving models.

    Raises
    ------
    ScenarioError
        With file and line of what does not fit.
    """
    wanted = scenario.serving
    if not maps.pools:
        choose = find("twin.policies.routing", wanted.routing, "choose")
        one = serving.make_params([inference.Iteration()], choose, replicas=1)
        return one._replace(engines=one.engines[:0])
    kinds = _kinds(graph, maps)
    unique = list(dict.fromkeys(kinds))
    rated = _rated(graph, scenario, maps, unique)
    columns = [
        _limits(scenario, maps.pools[kind.pool], rated[kind].capacity_tokens) | {"kind": unique.index(kind)}
        for kind in kinds
    ]
    limits: dict[str, Any] = {name: [c[name] for c in columns] for name in columns[0]}
    limits |= _network(graph, maps, routes)
    limits |= {"group": maps.group_of_replica, "pool": maps.pool_of_replica}
    route = wanted.decode_routing or wanted.routing
    speculation, sizes = wanted.speculation, wanted.cuda_graphs
    with telling(scenario, maps):
        return serving.make_params(
            [rated[kind].coefficients for kind in unique],
            find("twin.policies.routing", wanted.routing, "choose"),
            replicas=len(kinds),
            choose_decode=find("twin.policies.routing", route, "choose"),
            rank=find("twin.policies.queueing", wanted.queueing, "rank"),
            admit=find("twin.policies.admission", wanted.admission, "admit"),
            policy_limits=policy_limits(scenario),
            graph_sizes=sizes if isinstance(sizes, list) else serving.GRAPH_SIZES,
            acceptance=speculation.chances if speculation else (),
            publish_s=wanted.publish,
            retry_s=wanted.retry,
            seed=scenario.seed,
            **_trunks(graph, maps),
            **limits,
        )


def _kinds(graph: nx.MultiDiGraph, maps: Maps) -> list[Kind]:
    """Kind of each replica."""
    groups: dict[int, list[str]] = defaultdict(list)
    members = maps.gpus_of_replica()
    for gpus, group in zip(members, maps.group_of_replica.tolist(), strict=True):
        groups[group] += gpus
    joined = {group: topology.is_joined(graph, gpus) for group, gpus in groups.items()}
    return [
        Kind(pool, graph.nodes[gpus[0]]["catalog"], joined[group])
        for gpus, group, pool in zip(
            members, maps.group_of_replica.tolist(), maps.pool_of_replica.tolist(), strict=True
        )
    ]


def _rated(graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, kinds: list[Kind]) -> dict[Kind, Rated]:
    """What each kind of replica can do; faults of all kinds at once."""
    found: dict[Kind, Rated] = {}
    faults: list[Fault] = []
    outside = {
        graph.nodes[g]["catalog"]: topology.adapter_bytes_per_s(graph, g) for g in maps.ids["gpu"][::-1]
    }
    for kind in kinds:
        try:
            with telling(scenario, maps, kind.pool):
                found[kind] = rated_of(
                    scenario, maps.pools[kind.pool], catalog.get("gpu", kind.gpu),
                    0.0 if kind.is_joined else outside[kind.gpu],
                )  # fmt: skip
        except ScenarioError as error:
            faults += error.faults
            message = error.message
    if faults:
        raise ScenarioError(message, list(dict.fromkeys(faults)))
    return found


def rated_of(scenario: Scenario, pool: Placed, card: Card, outside_bytes_per_s: float = 0.0) -> Rated:
    """Coefficients and capacity of a replica of a pool on a GPU."""
    wanted = pool.keys
    model_card = huggingface.find(wanted.model)
    model = cards.model_of(model_card)
    gpu = cards.gpu_of(card, model_card, wanted.weights, outside_bytes_per_s)
    engine_card = catalog.get("engine", wanted.engine)
    engine = cards.engine_of(engine_card, card, model_card, wanted.weights, wanted.overheads.per_sequence)
    layout = inference.Layout(
        wanted.tensor_parallel,
        wanted.pipeline_parallel,
        wanted.expert_parallel,
        wanted.attention_data_parallel,
    )
    kept, kv_bytes = cards.stored(model_card, wanted.weights), cards.BYTES[wanted.kv_cache]
    speculation = scenario.serving.speculation
    verify = {
        "verify_tokens": 1.0 + speculation.drafts if speculation else 1.0,
        "draft_s": speculation.draft_time if speculation else 0.0,
    }
    share = wanted.memory_utilization
    if wanted.feed_forward is not None:
        side = cards.side_of(wanted.feed_forward, wanted, model_card)
        engine, weight_bytes = cards.half_layer(engine), cards.BYTES[kept.experts]
        return Rated(
            inference.afd_coefficients(model, gpu, engine, layout, side, weight_bytes, kv_bytes, **verify),
            inference.afd_kv_capacity_tokens(model, gpu, layout, weight_bytes, kv_bytes, share),
            engine, gpu,
        )  # fmt: skip
    stored = kept.bytes_per_param
    return Rated(
        inference.coefficients(
            model, gpu, engine, layout, kv_bytes_per_value=kv_bytes, **stored, **verify
        ),
        inference.kv_capacity_tokens(
            model, gpu, layout, kv_bytes_per_value=kv_bytes, memory_utilization_frac=share, **stored
        ),
        engine, gpu,
    )  # fmt: skip


def _limits(scenario: Scenario, pool: Placed, capacity_tokens: int) -> dict[str, Any]:
    """Limits of a replica, by name."""
    keys, kv = pool.keys, pool.keys.kv
    card = huggingface.find(keys.model)
    token_bytes = cards.kv_bytes_per_token(card, keys.kv_cache)
    is_paged = kv.mode == "paged"
    block = kv.block if is_paged or kv.prefix_cache else 1
    found: dict[str, Any] = {
        "role": ROLES[pool.pool.role],
        "kv_blocks": capacity_tokens // block,
        "block_tokens": block,
        "max_batch": keys.max_batch,
        "max_batched_tokens": keys.max_batched_tokens,
        "max_queue": ENDLESS if keys.max_queue is None else keys.max_queue,
        "is_chunked": keys.prefill == "chunked",
        "prefill_delay": keys.prefill_delay if keys.attention_data_parallel > 1 else 0,
        "is_paged": is_paged,
        "victim": VICTIMS[kv.victim],
        "swap_s_per_token": token_bytes / kv.swap_bandwidth if kv.preemption == "swap" else 0.0,
        "uses_graphs": scenario.serving.cuda_graphs is not False,
        "has_prefix_cache": kv.prefix_cache,
        "adapter_slots": keys.adapters.slots,
        "adapter_load_s": keys.adapters.load,
        "admission_s": keys.overheads.admission,
        "disaggregate_above_tokens": scenario.serving.disaggregate_above,
        "kv_bytes_per_token": token_bytes,
        "pushes": scenario.serving.push == "layer-wise",
        "layers": card.layers,
    }
    for name, tier in (("host", kv.host), ("storage", kv.storage)):
        blocks = tier.capacity // (token_bytes * block) if tier else 0
        found[f"{name}_blocks"] = min(int(blocks), LARGEST_BLOCKS)
        found[f"{name}_s_per_token"] = token_bytes / tier.bandwidth if tier else 0.0
    return found


def _network(graph: nx.MultiDiGraph, maps: Maps, routes: list[Path]) -> dict[str, NDArray[np.float64]]:
    """Ways and rates of each replica, by name; lanes share the adapters of their team."""
    way_s = np.array([sum(s for _, s in route) for route in routes])
    aside_s = np.array([topology.aside_s(graph, route[1:]) for route in routes])
    roles = np.array([maps.pools[pool].pool.role for pool in maps.pool_of_replica])
    apart = roles != "both"
    beyond_s = aside_s[apart].max(initial=0.0)  # a planner may change roles
    rate = np.empty(len(routes))
    lanes = maps.lanes_of_team[maps.team_of_replica]
    for r, (gpus, pool) in enumerate(zip(maps.gpus_of_replica(), maps.pool_of_replica, strict=True)):
        given = maps.pools[pool].pool.kv_transfer
        carried = sum(topology.adapter_bytes_per_s(graph, gpu) for gpu in gpus) / lanes[r]
        rate[r] = carried if given is None else given
    return {
        "ingress_s": way_s,
        "egress_s": way_s,
        "handoff_s": np.where(apart, aside_s + beyond_s, 0.0),
        "send_bytes_per_s": rate,
        "receive_bytes_per_s": rate,
    }


def _trunks(graph: nx.MultiDiGraph, maps: Maps) -> dict[str, NDArray[Any]]:
    """How replicas hang on the leaves, and what the links from each leaf to the spines carry, up and down."""
    found = topology.attachment(graph, maps.gpus_of_replica())
    # replicas of a scalable unit hang alike, up to rounding
    places, place = np.unique(found.share_frac.round(9), axis=0, return_inverse=True)
    in_use = (found.share_frac > 0.0).any(axis=0)
    # a network of one leaf has nothing above it, and nothing that would go there
    trunks = np.where(in_use & (found.trunk_bytes_per_s > 0.0), found.trunk_bytes_per_s, np.inf)
    return {
        "place": place.ravel(),
        "attached_frac": places,
        "trunk_bytes_per_s": np.concatenate([trunks, trunks]),
    }


def first_member(maps: Maps) -> NDArray[np.int64]:
    """First GPU of each replica."""
    _, first = np.unique(maps.team_of_gpu[maps.team_of_gpu >= 0], return_index=True)
    of_team: NDArray[np.int64] = np.flatnonzero(maps.team_of_gpu >= 0)[first]
    return of_team[maps.team_of_replica]


def gpu_rates(
    graph: nx.MultiDiGraph, maps: Maps
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Rates that demand the shares of power, and whether GPUs work together; arrays (gpu).

    Peak arithmetic [FLOP/s], HBM less what experts cost besides [bytes/s], 1 for a GPU that shares a model with
    others and 0 for one alone.

    A GPU that serves nothing has those of the first pool.
    """
    if not maps.pools:
        one = np.ones(len(maps.ids["gpu"]))
        return one, one, 0.0 * one
    pool_of_team = np.zeros(int(maps.team_of_replica.max()) + 1, dtype=np.int64)
    pool_of_team[maps.team_of_replica] = maps.pool_of_replica
    pool_of_gpu = np.where(maps.team_of_gpu >= 0, pool_of_team[maps.team_of_gpu], 0)
    known: dict[tuple[int, str], tuple[float, float, float]] = {}
    rows = []
    for gpu, pool in zip(maps.ids["gpu"], pool_of_gpu.tolist(), strict=True):
        key = (pool, graph.nodes[gpu]["catalog"])
        if key not in known:
            known[key] = _rates(maps.pools[pool], catalog.get("gpu", key[1]))
        rows.append(known[key])
    flop, hbm, together = np.array(rows).T
    return flop, hbm, together


def _rates(pool: Placed, card: Card) -> tuple[float, float, float]:
    keys, model = pool.keys, huggingface.find(pool.keys.model)
    gpu, shape = cards.gpu_of(card, model, keys.weights), cards.model_of(model)
    tensor, kept = keys.tensor_parallel, cards.stored(model, keys.weights).bytes_per_param
    group = tensor * keys.attention_data_parallel
    params, _ = routed_experts(shape)
    experts = (
        params
        * kept["expert_bytes_per_param"]
        / (keys.expert_parallel if keys.expert_parallel > 1 else tensor)
    )
    dense = (shape.params - params) * kept["weight_bytes_per_param"] / tensor
    return (
        max(gpu.flop_per_s, gpu.expert_flop_per_s),
        gpu_power.memory_bytes_per_s(gpu.hbm_bytes_per_s, experts / (experts + dense)),
        float(group * keys.pipeline_parallel > 1),
    )
