"""Attention and feed-forward layers on GPUs of different kinds.

The *attention side* holds the projections, the KV cache, the input embedding and the output head; the *feed-forward
side* all dense and routed feed-forward weights. For each layer activations go there and back, batch by batch: with
``micro_batches`` of two or more, one side computes a micro-batch while the other has the next (ping-pong).

Assumptions:

- each micro-batch reads all weights of both sides again; its share of the batch is even;
- one copy of a token's activations crosses the link each way; the feed-forward side spreads it to its
  experts, and sums what they give, within its own fabric at no cost;
- with two or more micro-batches an iteration lasts as long as the slowest of attention side, feed-forward side and
  one direction of the link; filling the pipeline, one micro-batch of one layer, is left out;
- the latency of the link is exposed with up to two micro-batches, and hidden by three or more; the bytes are
  hidden by two or more, which needs a link that is not the bottleneck;
- both sides run at the clock of the group. Work of the feed-forward side is not among the amounts of the replica.

Source: Zhu et al., *MegaScale-Infer: Serving Mixture-of-Experts at Scale with Disaggregated Expert
Parallelism*, SIGCOMM 2025; StepFun, *Step-3 is Large yet Affordable*, 2025.
"""

from __future__ import annotations

from typing import NamedTuple

from twin.errors import Fault, ScenarioError
from twin.physics.iteration import Iteration
from twin.physics.parallel import (
    attention_part,
    expert_rates,
    prompt_overhead_s,
    rates,
    reduce_latency_s,
    room_tokens,
)
from twin.physics.transformer import Engine, Gpu, Layout, Model, checked, routed_experts


class FeedForward(NamedTuple):
    """The feed-forward side of a group and the link to it.

    Parameters
    ----------
    gpu, engine : Gpu, Engine
        One of its processors, and how well it runs; memory is what its weights lie in, be it SRAM.
    gpus : int
        Processors, over which all feed-forward weights are spread, 1 or larger.
    link_bytes_per_s : float
        One direction of the link between the sides, all GPUs of the group together, above 0 [bytes/s].
    latency_s : float
        Of one crossing of the link [s].
    micro_batches : int
        Parts of a batch that the sides work at in turn, 1 or larger; 1 does not overlap.
    """

    gpu: Gpu
    engine: Engine
    gpus: int
    link_bytes_per_s: float
    latency_s: float = 0.0
    micro_batches: int = 2


def afd_coefficients(
    model: Model,
    gpu: Gpu,
    engine: Engine,
    layout: Layout | int,
    feed_forward: FeedForward,
    weight_bytes_per_param: float,
    kv_bytes_per_value: float,
    activation_bytes_per_value: float = 2.0,
    verify_tokens: float = 1.0,
    draft_s: float = 0.0,
) -> Iteration:
    """Coefficients of a replica of the attention side, with the feed-forward side as its floor.

    Parameters
    ----------
    model : Model
        With ``attention_params_per_layer``.
    gpu, engine : Gpu, Engine
        Of the attention side; ``layer_overhead_s`` of each side is that of its half of a layer.
    layout : Layout or int
        Of the attention side: ``tensor``, and ``attention_data`` replicas that share the feed-forward side.
    feed_forward : FeedForward
        The other side.
    weight_bytes_per_param, kv_bytes_per_value, activation_bytes_per_value, verify_tokens, draft_s : float
        As in :func:`~twin.physics.parallel.coefficients`.

    Raises
    ------
    ScenarioError
        With all that is wrong with the sides, or what memory is missing on the feed-forward side.

    Examples
    --------
    >>> m = Model(4, 64, 4, 100, 1e6, 9e5, kv_heads=4, head_dim=16, attention_params_per_layer=16384)
    >>> g, e = Gpu(1e9, 1e9, 1e9, 1e9, 1e9), Engine(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0)
    >>> c = afd_coefficients(m, g, e, 1, FeedForward(g, e, 2, 1e9), 1.0, 1.0)
    >>> c.weights_bytes, c.floor_bytes  # each of two micro-batches reads all weights
    (143872.0, 828064.0)
    """
    at = _checked(model, layout, feed_forward, weight_bytes_per_param)
    head_params = float(model.vocabulary * model.hidden)
    own_params = model.layers * model.attention_params_per_layer
    passes = feed_forward.micro_batches
    reduces = model.layers if at.tensor > 1 else 0
    sent_values = reduces * 2.0 * (at.tensor - 1) / at.tensor * model.hidden
    crossed_bytes = model.layers * model.hidden * activation_bytes_per_value
    exposed_s = 2.0 * model.layers * feed_forward.latency_s if passes <= 2 else 0.0
    return Iteration(
        overhead_s=engine.step_overhead_s
        + passes * (model.layers * engine.layer_overhead_s + reduces * reduce_latency_s(engine, at.tensor))
        + exposed_s,
        weights_bytes=passes * (own_params + head_params) * weight_bytes_per_param / at.tensor,
        token_link_bytes=sent_values * activation_bytes_per_value,
        token_hop_bytes=crossed_bytes / at.tensor,
        token_flop=2.0 * own_params / at.tensor,
        sequence_flop=2.0 * head_params / at.tensor,
        sequence_s=engine.sequence_s,
        verify_tokens=verify_tokens,
        draft_s=draft_s,
        prompt_overhead_s=prompt_overhead_s(model, engine),
        floor_link_s=crossed_bytes / feed_forward.link_bytes_per_s,
        floor_exposed_frac=1.0 if passes == 1 else 0.0,
        **attention_part(model, at, kv_bytes_per_value),
        # what crosses is among the amounts, its time in floor_link_s
        **{**rates(gpu, engine), "hop_s_per_byte": 0.0},
        **_far_part(model, feed_forward, weight_bytes_per_param),
    )


def _far_part(model: Model, side: FeedForward, weight_bytes: float) -> dict[str, float]:
    """Coefficients of the feed-forward side, by name.

    Arithmetic of dense and routed layers runs at one rate, that of experts in a model that has them.
    """
    always, routed = _far_params(model)
    miss = routed_experts(model)[1]
    passes = side.micro_batches
    dense = rates(side.gpu, side.engine)
    s_per_byte, s_per_flop = dense["weights_s_per_byte"], dense["linear_s_per_flop"]
    sparse_layers = 0
    if model.experts:
        s_per_byte, s_per_flop = expert_rates(side.gpu, side.engine)
        s_per_flop *= side.engine.expert_imbalance
        sparse_layers = model.layers - model.dense_layers
    overhead_s = (
        model.layers * side.engine.layer_overhead_s + sparse_layers * side.engine.expert_layer_overhead_s
    )
    return {
        "expert_miss_frac": miss,
        "expert_batch_frac": 1.0 / passes,
        "floor_overhead_s": passes * overhead_s,
        "floor_bytes": passes * always * weight_bytes / side.gpus,
        "floor_expert_bytes": passes * routed * weight_bytes / side.gpus,
        "floor_flop": 2.0 * (always + routed * (1.0 - miss)) / side.gpus,
        "floor_s_per_byte": s_per_byte,
        "floor_s_per_flop": s_per_flop,
    }


def _far_params(model: Model) -> tuple[float, float]:
    """Feed-forward parameters that every token meets, and those of routed experts."""
    routed, miss = routed_experts(model)
    near = model.layers * model.attention_params_per_layer + model.vocabulary * model.hidden
    return model.active_params - routed * (1.0 - miss) - near, routed


def _checked(model: Model, layout: Layout | int, side: FeedForward, weight_bytes: float) -> Layout:
    at = checked(model, layout)
    needed_bytes = sum(_far_params(model)) * weight_bytes
    held_bytes = side.gpus * side.gpu.hbm_capacity_bytes
    checks = (
        ("pipeline", at.pipeline, at.pipeline == 1, "1", "leave it out beside a feed-forward side"),
        ("expert parallel", at.experts, at.experts == 1, "1, experts lie on the feed-forward side", "leave it out"),
        ("attention_params_per_layer", model.attention_params_per_layer,
         model.attention_params_per_layer > 0.0 and _far_params(model)[0] >= 0.0,
         "what projections of a layer hold", "take it from the model card"),
        ("feed-forward GPUs", side.gpus, side.gpus >= 1, "1 or larger", "give the side a GPU"),
        ("feed-forward link", side.link_bytes_per_s, side.link_bytes_per_s > 0.0, "above 0 bytes/s",
         "give the rate of the link"),
        ("micro-batches", side.micro_batches, side.micro_batches >= 1, "1 or larger", "take 2 to overlap"),
        ("feed-forward memory", f"{held_bytes / 1e9:.1f} GB", held_bytes >= needed_bytes,
         f"{needed_bytes / 1e9:.1f} GB of weights", "use more of its GPUs or a smaller weight precision"),
    )  # fmt: skip
    faults = [
        Fault("", 0, where, str(found), expected, mend)
        for where, found, is_right, expected, mend in checks
        if not is_right
    ]
    if faults:
        raise ScenarioError("a model cannot be split into attention and feed-forward", faults)
    return at


def afd_kv_capacity_tokens(
    model: Model,
    gpu: Gpu,
    layout: Layout | int,
    weight_bytes_per_param: float,
    kv_bytes_per_value: float,
    memory_utilization_frac: float,
) -> int:
    """Tokens that fit into the KV cache of a replica of the attention side.

    Parameters
    ----------
    model, gpu, layout
        As in :func:`afd_coefficients`.
    weight_bytes_per_param, kv_bytes_per_value, memory_utilization_frac : float
        As in :func:`~twin.physics.parallel.kv_capacity_tokens`.

    Raises
    ------
    ScenarioError
        When the weights leave no room; it says how many GB are missing.

    Examples
    --------
    >>> m = Model(4, 64, 4, 100, 1e6, 9e5, kv_heads=4, head_dim=16, attention_params_per_layer=16384)
    >>> afd_kv_capacity_tokens(m, Gpu(1e9, 1e9, 1e9, 1e6, 1e9), 1, 1.0, 1.0, 1.0)
    1617
    """
    at = checked(model, layout)
    near_params = model.params - sum(_far_params(model))
    free_bytes = (
        gpu.hbm_capacity_bytes * memory_utilization_frac - near_params * weight_bytes_per_param / at.tensor
    )
    return room_tokens(model, at, free_bytes, kv_bytes_per_value)
