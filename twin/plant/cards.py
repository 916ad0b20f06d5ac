"""Catalog cards as the iteration relations take them."""

from __future__ import annotations

from typing import NamedTuple

from twin.catalog import Card, get
from twin.catalog.kinds import ENGINE_ARCHITECTURE
from twin.catalog.parts import kv_bytes_per_token as bf16_kv_bytes_per_token
from twin.catalog.parts import layers, parts
from twin.errors import CatalogError, Fault
from twin.physics import inference
from twin.scenario.serving import FeedForwardSide, Serving

BYTES = {"bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "fp4": 0.5625, "int4": 0.5625}
"""Of a value; those of four bits come with a scale of a byte for every 16 of them."""


class Stored(NamedTuple):
    """Precisions in which an engine keeps the parts of a model.

    Parameters
    ----------
    dense, experts, head : str
        Keys of :data:`BYTES`.
    """

    dense: str
    experts: str
    head: str

    @property
    def bytes_per_param(self) -> dict[str, float]:
        """As the iteration relations take them."""
        return {
            "weight_bytes_per_param": BYTES[self.dense],
            "expert_bytes_per_param": BYTES[self.experts],
            "head_bytes_per_param": BYTES[self.head],
        }


def stored(model: Card, weights: str) -> Stored:
    """Precision of each part: with four bits only the experts of a model that has them, and never the head.

    Examples
    --------
    >>> stored(get("llm", "deepseek-v3"), "fp4"), stored(get("llm", "llama-3.1-70b"), "fp4").dense
    (Stored(dense='bf16', experts='fp4', head='bf16'), 'fp4')
    """
    is_sparse = bool(model.get("experts", 0)) and weights in ("fp4", "int4")
    return Stored("bf16" if is_sparse else weights, weights, "bf16")


def model_of(card: Card) -> inference.Model:
    """Model card as the iteration relations take it."""
    count, held = layers(card), parts(card)
    return inference.Model(
        layers=card.layers, hidden=card.hidden, heads=card.heads, vocabulary=card.vocabulary,
        params=held.total, active_params=held.active,
        kv_heads=card.get("kv_heads", 0), head_dim=card.get("head_dim", 0),
        experts=card.get("experts", 0), active_experts=card.get("active_experts", 0),
        latent=card.get("kv_lora_rank", 0), latent_rope=card.get("rope_head_dim", 0),
        latent_nope=card.get("nope_head_dim", 0), latent_value=card.get("v_head_dim", 0),
        window_tokens=card.get("sliding_window", 0), windowed_layers=count.windowed,
        dense_layers=count.dense if held.experts else 0,
        attention_params_per_layer=(held.attention + held.state) / card.layers,
        expert_params=held.experts, plain_layers=count.state,
        state_bytes=count.state * card.get("state_bytes_per_layer", 0.0), embedding_params=held.embedding,
        sparse_tokens=card.get("sparse_context", 0), indexer_heads=card.get("indexer_heads", 0),
        indexer_dim=card.get("indexer_head_dim", 0),
    )  # fmt: skip


def kv_bytes_per_token(card: Card, kv_cache: str) -> float:
    """KV of a token over all layers, each value once however many GPUs keep a copy [bytes]."""
    return bf16_kv_bytes_per_token(card) * BYTES[kv_cache] / BYTES["bf16"]


def peak_flop_per_s(card: Card, precision: str) -> float:
    """Dense peak of a GPU at a precision; that of bf16 where it has none for it [FLOP/s]."""
    name = {"bf16": "fp16", "fp16": "fp16", "int4": "fp16"}.get(precision, precision)
    return float(card.get(f"{name}_dense_flop_per_s") or card.fp16_dense_flop_per_s)


def gpu_of(card: Card, model: Card, weights: str, outside_bytes_per_s: float = 0.0) -> inference.Gpu:
    """GPU card as the iteration relations take it; links one way.

    Parameters
    ----------
    card : Card
        Of the GPU package.
    model : Card
        What it computes.
    weights : str
        Precision.
    outside_bytes_per_s : float
        What it sends to GPUs of its group outside its NVLink domain; 0 when there are none [bytes/s].
    """
    kept = stored(model, weights)
    return inference.Gpu(
        flop_per_s=peak_flop_per_s(card, kept.dense),
        attention_flop_per_s=peak_flop_per_s(card, "bf16"),
        hbm_bytes_per_s=card.hbm_bandwidth_bytes_per_s,
        hbm_capacity_bytes=card.hbm_capacity_bytes,
        link_bytes_per_s=card.nvlink_bandwidth_bytes_per_s / 2.0,
        group_link_bytes_per_s=outside_bytes_per_s,
        expert_flop_per_s=peak_flop_per_s(card, kept.experts),
        head_flop_per_s=peak_flop_per_s(card, "bf16"),
    )


def family_of(gpu: Card, engine: str) -> str:
    """Family whose engine constants a GPU takes.

    Raises
    ------
    CatalogError
        When the engine has none for its architecture.
    """
    family = ENGINE_ARCHITECTURE.get(gpu.architecture)
    if family is None:
        known = ", ".join(ENGINE_ARCHITECTURE)
        fault = Fault(
            "", 0, f"gpu/{gpu.name}", f"architecture {gpu.architecture}", known, "choose a GPU of these"
        )
        raise CatalogError(f"engine {engine} was never measured on this GPU", [fault])
    return family


def engine_of(
    engine: Card, gpu: Card, model: Card, weights: str, sequence_s: float = 0.0
) -> inference.Engine:
    """Engine constants of a GPU's architecture for a model at a precision.

    Parameters
    ----------
    engine, gpu, model : Card
        Who computes what on what.
    weights : str
        Precision.
    sequence_s : float
        Time of the CPU for each sequence, besides what the engine card says [s].

    Raises
    ------
    CatalogError
        When the engine has no constants for the architecture.
    """
    family = family_of(gpu, engine.name)

    def value(name: str) -> float:
        return float(engine.get(f"{family}_{name}", 0.0))

    def share(part: str, precision: str) -> float:
        has_peak = card_peak(gpu, precision)
        return value(f"{part}{precision if has_peak else 'bf16'}_compute_efficiency_frac")

    kept, is_latent = stored(model, weights), bool(model.get("kv_lora_rank", 0))
    bits = {"fp8": "fp8_layer_overhead_s", "fp4": "fp4_layer_overhead_s", "int4": "fp4_layer_overhead_s"}
    experts = {}
    if model.get("experts", 0):
        memory = "moe_int4_memory_efficiency_frac" if weights == "int4" else "moe_memory_efficiency_frac"
        experts = {
            "expert_compute_efficiency_frac": share("moe_", kept.experts),
            "expert_memory_efficiency_frac": value(memory),
            "expert_layer_overhead_s": value("moe_layer_overhead_s"),
            "expert_spread_frac": value("moe_spread"),
            "prompt_expert_layer_overhead_s": value("prompt_moe_layer_overhead_s"),
            "all_to_all_latency_s": value("all_to_all_latency_s"),
        }
    is_narrow = kept.dense in ("fp4", "int4")
    return inference.Engine(
        compute_efficiency_frac=share("", kept.dense),
        attention_efficiency_frac=value("attention_efficiency_frac"),
        decode_efficiency_frac=value("decode_attention_efficiency_frac"),
        head_efficiency_frac=value("bf16_compute_efficiency_frac"),
        memory_efficiency_frac=value("fp4_memory_efficiency_frac" if is_narrow else "memory_efficiency_frac"),
        kv_efficiency_frac=value("kv_efficiency_frac"),
        link_efficiency_frac=value("link_efficiency_frac"),
        step_overhead_s=value("step_overhead_s"),
        layer_overhead_s=value("layer_overhead_s")
        + (value("latent_layer_overhead_s") if is_latent else 0.0)
        + (value(bits[weights]) if weights in bits else 0.0),
        all_reduce_latency_s=value("all_reduce_latency_s"),
        prompt_layer_overhead_s=value("prompt_layer_overhead_s")
        + (value("prompt_latent_layer_overhead_s") if is_latent else 0.0),
        sequence_s=value("sequence_overhead_s") + sequence_s,
        **experts,
    )


def card_peak(gpu: Card, precision: str) -> bool:
    """Whether a GPU has a peak of its own at a precision."""
    return precision in ("fp8", "fp4") and bool(gpu.get(f"{precision}_dense_flop_per_s"))


def side_of(side: FeedForwardSide, keys: Serving, model: Card) -> inference.FeedForward:
    """Feed-forward side of a group, with the engine and the precision of its pool."""
    card = get("gpu", side.gpu)
    return inference.FeedForward(
        gpu=gpu_of(card, model, keys.weights),
        engine=half_layer(engine_of(get("engine", keys.engine), card, model, keys.weights)),
        gpus=side.gpus,
        link_bytes_per_s=side.link,
        latency_s=side.latency,
        micro_batches=side.micro_batches,
    )


def half_layer(engine: inference.Engine) -> inference.Engine:
    """Engine of one of two sides, each of which launches one half of every layer."""
    return engine._replace(layer_overhead_s=0.5 * engine.layer_overhead_s)
