"""From scenario and catalog to what the serving models need: coefficients, capacities, paths."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np

from twin import catalog, topology
from twin.catalog import Card
from twin.catalog.kinds import ENGINE_ARCHITECTURE
from twin.errors import CatalogError, Fault
from twin.models import serving
from twin.physics import inference
from twin.plant.maps import Maps
from twin.registry import find
from twin.scenario import Scenario

BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "fp4": 0.5}
Path = list[tuple[str, float]]


def model_of(card: Card) -> inference.Model:
    """Model card as the iteration relations take it."""
    return inference.Model(
        layers=card.layers, hidden=card.hidden, heads=card.heads, vocabulary=card.vocabulary,
        params=card.params, active_params=card.active_params,
        kv_heads=card.get("kv_heads", 0), head_dim=card.get("head_dim", 0),
        experts=card.get("experts", 0), active_experts=card.get("active_experts", 0),
        latent=card.get("kv_lora_rank", 0), latent_rope=card.get("rope_head_dim", 0),
        latent_nope=card.get("nope_head_dim", 0), latent_value=card.get("v_head_dim", 0),
    )  # fmt: skip


def peak_flop_per_s(card: Card, precision: str) -> float:
    """Dense peak of a GPU at a precision [FLOP/s]."""
    name = {"bf16": "fp16", "fp16": "fp16", "fp8": "fp8", "fp4": "fp4"}[precision]
    return float(getattr(card, f"{name}_dense_flop_per_s"))


def gpu_of(card: Card, weights: str, kv_cache: str) -> inference.Gpu:
    """GPU card as the iteration relations take it; links one way."""
    return inference.Gpu(
        flop_per_s=peak_flop_per_s(card, weights),
        attention_flop_per_s=peak_flop_per_s(card, "fp8" if kv_cache == "fp8" else "bf16"),
        hbm_bytes_per_s=card.hbm_bandwidth_bytes_per_s,
        hbm_capacity_bytes=card.hbm_capacity_bytes,
        link_bytes_per_s=card.nvlink_bandwidth_bytes_per_s / 2.0,
    )


def engine_of(engine: Card, gpu: Card, model: Card, weights: str, kv_cache: str) -> inference.Engine:
    """Engine constants of a GPU's architecture.

    Raises
    ------
    CatalogError
        When the engine has no constants for the architecture.
    """
    family = ENGINE_ARCHITECTURE.get(gpu.architecture)
    if family is None:
        known = ", ".join(ENGINE_ARCHITECTURE)
        fault = Fault(
            "", 0, f"gpu/{gpu.name}", f"architecture {gpu.architecture}", known, "choose a GPU of these"
        )
        raise CatalogError(f"engine {engine.name} was never measured on this GPU", [fault])

    def value(name: str) -> float:
        return float(getattr(engine, f"{family}_{name}"))

    is_moe = bool(model.get("experts", 0))
    precision = "bf16" if weights == "fp16" else weights
    layer = value("layer_overhead_s") + (value("moe_layer_overhead_s") if is_moe else 0.0)
    return inference.Engine(
        compute_efficiency_frac=value(
            "moe_compute_efficiency_frac" if is_moe else f"{precision}_compute_efficiency_frac"
        ),
        attention_efficiency_frac=value(
            "fp8_attention_efficiency_frac" if kv_cache == "fp8" else "attention_efficiency_frac"
        ),
        memory_efficiency_frac=value("moe_memory_efficiency_frac" if is_moe else "memory_efficiency_frac"),
        kv_efficiency_frac=value("kv_efficiency_frac"),
        link_efficiency_frac=value("link_efficiency_frac"),
        step_overhead_s=value("step_overhead_s"),
        layer_overhead_s=layer,
        all_reduce_latency_s=value("all_reduce_latency_s"),
    )


def gpu_cards(graph: nx.MultiDiGraph, maps: Maps) -> dict[str, Card]:
    """Cards of all kinds of GPU on the site, by catalog name."""
    return {
        name: catalog.get("gpu", name)
        for name in dict.fromkeys(graph.nodes[g]["catalog"] for g in maps.ids["gpu"])
    }


def paths(graph: nx.MultiDiGraph, maps: Maps, scenario: Scenario) -> list[Path]:
    """Hops with their latencies from the gateway to each replica and, in reverse, back."""
    overhead = catalog.get("engine", scenario.serving.engine).request_overhead_s
    members: list[list[str]] = [[] for _ in maps.ids["replica"]]
    for gpu, replica in zip(maps.ids["gpu"], maps.replica_of_gpu, strict=True):
        if replica >= 0:
            members[replica].append(gpu)
    return [[("front end", overhead), *topology.request_path(graph, gpus)] for gpus in members]


def first_member(maps: Maps) -> np.ndarray:
    """First GPU of each replica."""
    _, first = np.unique(maps.replica_of_gpu[maps.replica_of_gpu >= 0], return_index=True)
    return np.flatnonzero(maps.replica_of_gpu >= 0)[first]


def build(graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, routes: list[Path]) -> serving.Params:
    """Parameters of the serving models."""
    wanted = scenario.serving
    model_card, engine_card = catalog.get("llm", wanted.model), catalog.get("engine", wanted.engine)
    model = model_of(model_card)
    cards = gpu_cards(graph, maps)
    kinds = list(cards)
    weight_bytes, kv_bytes = BYTES[wanted.weights], BYTES[wanted.kv_cache]
    coefficients, capacity = [], []
    for card in cards.values():
        gpu = gpu_of(card, wanted.weights, wanted.kv_cache)
        engine = engine_of(engine_card, card, model_card, wanted.weights, wanted.kv_cache)
        split = wanted.tensor_parallel
        coefficients.append(inference.coefficients(model, gpu, engine, split, weight_bytes, kv_bytes))
        capacity.append(
            inference.kv_capacity_tokens(model, gpu, split, weight_bytes, kv_bytes, wanted.memory_utilization)
        )
    kind_of_replica = np.array(
        [kinds.index(graph.nodes[maps.ids["gpu"][g]]["catalog"]) for g in first_member(maps)]
    )
    way = np.array([sum(s for _, s in route) for route in routes])
    choose: Callable[..., int] = find("twin.policies.routing", wanted.routing, "choose")
    return serving.make_params(
        coefficients, kind_of_replica, np.array(capacity)[kind_of_replica], wanted.max_batch,
        wanted.max_batched_tokens, wanted.prefill == "chunked", choose, way, way,
    )  # fmt: skip
