"""Catalog cards as the iteration relations take them."""

from __future__ import annotations

from twin.catalog import Card, get
from twin.catalog.kinds import ENGINE_ARCHITECTURE
from twin.errors import CatalogError, Fault
from twin.physics import inference
from twin.scenario.serving import FeedForwardSide, Serving

BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "fp4": 0.5}


def model_of(card: Card) -> inference.Model:
    """Model card as the iteration relations take it."""
    has_experts = bool(card.get("experts", 0))
    return inference.Model(
        layers=card.layers, hidden=card.hidden, heads=card.heads, vocabulary=card.vocabulary,
        params=card.params, active_params=card.active_params,
        kv_heads=card.get("kv_heads", 0), head_dim=card.get("head_dim", 0),
        experts=card.get("experts", 0), active_experts=card.get("active_experts", 0),
        latent=card.get("kv_lora_rank", 0), latent_rope=card.get("rope_head_dim", 0),
        latent_nope=card.get("nope_head_dim", 0), latent_value=card.get("v_head_dim", 0),
        window_tokens=card.get("sliding_window", 0), windowed_layers=card.get("windowed_layers", 0),
        dense_layers=card.get("first_dense_layers", 0) if has_experts else 0,
        attention_params_per_layer=card.get("attention_params_per_layer", 0.0),
    )  # fmt: skip


def kv_bytes_per_token(card: Card, kv_cache: str) -> float:
    """KV of a token over all layers, each value once however many GPUs keep a copy [bytes]."""
    return float(card.kv_bytes_per_token_per_layer) * float(card.layers) * BYTES[kv_cache] / BYTES["bf16"]


def peak_flop_per_s(card: Card, precision: str) -> float:
    """Dense peak of a GPU at a precision [FLOP/s]."""
    name = {"bf16": "fp16", "fp16": "fp16", "fp8": "fp8", "fp4": "fp4"}[precision]
    return float(getattr(card, f"{name}_dense_flop_per_s"))


def gpu_of(card: Card, weights: str, kv_cache: str, outside_bytes_per_s: float = 0.0) -> inference.Gpu:
    """GPU card as the iteration relations take it; links one way.

    Parameters
    ----------
    card : Card
        Of the GPU package.
    weights, kv_cache : str
        Precisions.
    outside_bytes_per_s : float
        What it sends to GPUs of its group outside its NVLink domain; 0 when there are none [bytes/s].
    """
    return inference.Gpu(
        flop_per_s=peak_flop_per_s(card, weights),
        attention_flop_per_s=peak_flop_per_s(card, "fp8" if kv_cache == "fp8" else "bf16"),
        hbm_bytes_per_s=card.hbm_bandwidth_bytes_per_s,
        hbm_capacity_bytes=card.hbm_capacity_bytes,
        link_bytes_per_s=card.nvlink_bandwidth_bytes_per_s / 2.0,
        group_link_bytes_per_s=outside_bytes_per_s,
    )


def engine_of(
    engine: Card, gpu: Card, model: Card, weights: str, kv_cache: str, sequence_s: float = 0.0
) -> inference.Engine:
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

    precision = "bf16" if weights == "fp16" else weights
    experts = {}
    if model.get("experts", 0):
        experts = {
            "expert_compute_efficiency_frac": value("moe_compute_efficiency_frac"),
            "expert_memory_efficiency_frac": value("moe_memory_efficiency_frac"),
            "expert_layer_overhead_s": value("moe_layer_overhead_s"),
        }
    return inference.Engine(
        compute_efficiency_frac=value(f"{precision}_compute_efficiency_frac"),
        attention_efficiency_frac=value(
            "fp8_attention_efficiency_frac" if kv_cache == "fp8" else "attention_efficiency_frac"
        ),
        memory_efficiency_frac=value("memory_efficiency_frac"),
        kv_efficiency_frac=value("kv_efficiency_frac"),
        link_efficiency_frac=value("link_efficiency_frac"),
        step_overhead_s=value("step_overhead_s"),
        layer_overhead_s=value("layer_overhead_s"),
        all_reduce_latency_s=value("all_reduce_latency_s"),
        sequence_s=sequence_s,
        **experts,
    )


def side_of(side: FeedForwardSide, keys: Serving, model: Card) -> inference.FeedForward:
    """Feed-forward side of a group, with the engine and the precision of its pool."""
    card = get("gpu", side.gpu)
    return inference.FeedForward(
        gpu=gpu_of(card, keys.weights, keys.kv_cache),
        engine=half_layer(engine_of(get("engine", keys.engine), card, model, keys.weights, keys.kv_cache)),
        gpus=side.gpus,
        link_bytes_per_s=side.link,
        latency_s=side.latency,
        micro_batches=side.micro_batches,
    )


def half_layer(engine: inference.Engine) -> inference.Engine:
    """Engine of one of two sides, each of which launches one half of every layer."""
    return engine._replace(layer_overhead_s=0.5 * engine.layer_overhead_s)
