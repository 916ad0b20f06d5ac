"""Models split over GPUs: coefficients of an iteration and room for the KV cache, from shapes and peaks.

A *group* of ``tensor * pipeline * attention_data`` GPUs holds a model. Each of its ``pipeline * attention_data``
replicas has requests of its own:

- *tensor*: every matrix is cut over the GPUs of a replica, two all-reduces a layer;
- *pipeline*: layers are cut into equal stages. As many lanes as stages are in flight, so a round in which each lane
  passes all stages keeps all GPUs at work. The step overhead is paid once a lane: that of the other lanes hides
  behind computation. Embedding and output head count as spread over the stages;
- *attention_data*: ranks copy attention and all else that is not a routed expert;
- *experts*: routed experts lie whole on so many GPUs of the group. Across ranks tokens travel by all-to-all, one
  copy to each expert of another rank (dispatch) and one back (combine), which replaces the second all-reduce of the
  layer. Within a rank every GPU has all tokens, so the all-reduce does it.

Layers that see a window of ``window_tokens`` see their context where that is shorter; their KV cache, a constant per
sequence, is neglected in the capacity. Sparse attention sees as many tokens, but keeps all, and an indexer looks at
keys of its own of the whole context. Prompts take whichever form of it costs less: queries on the latent for the tokens
picked, or heads on all tokens. Picking and gathering come at no cost of their own.

Sources: tensor split Shoeybi et al., *Megatron-LM*, 2019; stages Narayanan et al., *Efficient Large-Scale Language
Model Training on GPU Clusters*, SC 2021; expert and data-parallel attention DeepSeek-AI, *DeepSeek-V3 Technical
Report*, 2024; windows Beltagy et al., *Longformer*, 2020; sparse attention DeepSeek-AI, *DeepSeek-V3.2-Exp*, 2025; ring
all-reduce Patarasuk and Yuan, JPDC 2009.
"""

from __future__ import annotations

import math

from twin.errors import Fault, ScenarioError
from twin.physics.iteration import Iteration
from twin.physics.transformer import Engine, Gpu, Layout, Model, attention, checked, indexer, routed_experts


def coefficients(
    model: Model,
    gpu: Gpu,
    engine: Engine,
    layout: Layout | int,
    weight_bytes_per_param: float,
    kv_bytes_per_value: float,
    activation_bytes_per_value: float = 2.0,
    dispatch_bytes_per_value: float = 1.0,
    verify_tokens: float = 1.0,
    draft_s: float = 0.0,
    expert_bytes_per_param: float = 0.0,
    head_bytes_per_param: float = 0.0,
) -> Iteration:
    """Coefficients of one replica of a group.

    Parameters
    ----------
    model, gpu, engine : Model, Gpu, Engine
        What runs, on what, how well.
    layout : Layout or int
        How the group shares the model; a number is ``Layout(tensor=number)``.
    weight_bytes_per_param, kv_bytes_per_value, activation_bytes_per_value : float
        Precisions of weights, KV cache and what travels between GPUs [bytes], for example 1, 1 and 2.
    dispatch_bytes_per_value : float
        Precision of what is sent to experts of other ranks [bytes].
    verify_tokens, draft_s : float
        Speculation: tokens computed per sequence in decode, 1 or more; drafting per iteration [s].
    expert_bytes_per_param, head_bytes_per_param : float
        Precisions of routed experts and output head; 0 for that of the weights [bytes].

    Raises
    ------
    ScenarioError
        With all that is wrong with the layout.

    Notes
    -----
    Stages work one after the other for a lane. Amounts are those of one GPU, a share ``1 / pipeline`` of the
    lane's, so the inverse rates are ``pipeline`` times those of a GPU.

    Examples
    --------
    >>> m = Model(32, 4096, 32, 128256, 8.03e9, 7.5e9, kv_heads=8, head_dim=128)
    >>> g = Gpu(989e12, 989e12, 3.35e12, 80e9, 450e9)
    >>> e = Engine(0.77, 0.68, 0.80, 0.91, 0.9, 1e-3, 26e-6, 5e-6)
    >>> c = coefficients(m, g, e, 1, 2.0, 2.0)
    >>> from twin.physics.inference import iteration_s
    >>> round(iteration_s(c, 1.0, 1, 1000, 0, 0, 0) * 1e3, 2)  # ms a token, alone
    7.47
    """
    at = checked(model, layout)
    head_params = float(model.vocabulary * model.hidden)
    experts_params, miss = routed_experts(model)
    linear_params = model.active_params - experts_params * (1.0 - miss) - head_params
    share = at.tensor * at.pipeline
    reduces = all_reduces(model, at)
    sent_values = reduces * 2.0 * (at.tensor - 1) / at.tensor * model.hidden / at.pipeline
    hops = at.pipeline - 1
    return Iteration(
        overhead_s=engine.step_overhead_s
        + model.layers * engine.layer_overhead_s
        + reduces * reduce_latency_s(engine, at.tensor)
        + hops * engine.hop_latency_s,
        weights_bytes=(
            linear_params * weight_bytes_per_param + head_params * (head_bytes_per_param or weight_bytes_per_param)
        )
        / share,
        token_link_bytes=sent_values * activation_bytes_per_value,
        token_hop_bytes=hops * model.hidden * activation_bytes_per_value / at.pipeline,
        token_flop=2.0 * linear_params / share,
        sequence_flop=2.0 * head_params / share,
        sequence_s=engine.sequence_s,
        verify_tokens=verify_tokens,
        draft_s=draft_s,
        prompt_overhead_s=prompt_overhead_s(model, engine),
        **attention_part(model, at, kv_bytes_per_value),
        **rates(gpu, engine, at.pipeline),
        **_expert_part(
            model, gpu, engine, at, expert_bytes_per_param or weight_bytes_per_param,
            dispatch_bytes_per_value + activation_bytes_per_value,
        ),
    )  # fmt: skip


def reduce_latency_s(engine: Engine, tensor: int) -> float:
    """Latency of an all-reduce among ``tensor`` GPUs [s]: it grows slower than the rounds of a tree.

    Examples
    --------
    >>> e = Engine(0.77, 0.68, 0.80, 0.91, 0.9, 1e-3, 26e-6, 4e-6)
    >>> reduce_latency_s(e, 2), reduce_latency_s(e, 16)
    (4e-06, 8e-06)
    """
    return float(engine.all_reduce_latency_s * math.sqrt(math.log2(max(tensor, 2))))


def prompt_overhead_s(model: Model, engine: Engine) -> float:
    """What an iteration with prompts costs besides [s].

    Examples
    --------
    >>> e = Engine(0.77, 0.68, 0.80, 0.91, 0.9, 1e-3, 26e-6, 4e-6, prompt_layer_overhead_s=0.25)
    >>> prompt_overhead_s(Model(32, 4096, 32, 128256, 8e9, 7.5e9, kv_heads=8, head_dim=128), e)
    8.0
    """
    expert_layers = model.layers - model.dense_layers if model.experts else 0
    return (
        model.layers * engine.prompt_layer_overhead_s + expert_layers * engine.prompt_expert_layer_overhead_s
    )


def all_reduces(model: Model, layout: Layout) -> int:
    """All-reduces of an iteration; the combine of an all-to-all takes the place of one.

    Examples
    --------
    >>> all_reduces(Model(32, 4096, 32, 128256, 8.03e9, 7.5e9, kv_heads=8, head_dim=128), Layout(tensor=2))
    64
    """
    if layout.tensor == 1:
        return 0
    is_sent = model.experts > 0 and layout.expert_gpus > layout.tensor
    return 2 * model.layers - (model.layers - model.dense_layers if is_sent else 0)


def attention_part(model: Model, layout: Layout, kv_bytes_per_value: float) -> dict[str, float]:
    """Coefficients of attention and KV cache, by name; see :class:`Iteration`.

    Examples
    --------
    >>> m = Model(4, 64, 4, 100, 1e6, 1e6, kv_heads=4, head_dim=16, window_tokens=10, windowed_layers=3)
    >>> part = attention_part(m, Layout(), 1.0)
    >>> part["context_bytes"], part["window_bytes"]
    (128.0, 3840.0)
    """
    layer, picks = attention(model, layout.tensor), indexer(model)
    stages, layers = layout.pipeline, model.kv_layers + model.windowed_layers
    full, window = model.kv_layers, model.window_tokens
    partial = model.windowed_layers
    if model.sparse_tokens:  # every layer sees what its indexer picks
        full, partial, window = 0, layers, model.sparse_tokens
    context_bytes = full * layer.cached * kv_bytes_per_value + picks.cached_bytes * layers
    in_window_bytes = partial * window * layer.cached * kv_bytes_per_value
    can_fill = partial > 0 and model.state_bytes == 0.0
    return {
        "token_bytes": layers * (layer.cached * kv_bytes_per_value + picks.cached_bytes) / stages,
        "context_bytes": context_bytes / stages,
        "context_flop": (full * layer.decode_flop + layers * picks.pair_flop) / stages,
        "pair_flop": (full * layer.pair_flop + layers * picks.pair_flop) / stages,
        "window_bytes": (in_window_bytes + 2.0 * model.state_bytes / layout.tensor) / stages,
        "window_flop": partial * window * layer.decode_flop / stages,
        "window_tokens": float(window) if can_fill else 0.0,
        "prompt_window_tokens": window * layer.decode_flop / layer.pair_flop if can_fill else 0.0,
    }


def rates(gpu: Gpu, engine: Engine, stages: int = 1) -> dict[str, float]:
    """Inverse rates of what a replica does alone, times the stages that follow each other; by name.

    Examples
    --------
    >>> rates(Gpu(4.0, 2.0, 1.0, 1.0, 1.0), Engine(0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0))["linear_s_per_flop"]
    0.5
    """
    outside = gpu.group_link_bytes_per_s or gpu.link_bytes_per_s
    return {
        "weights_s_per_byte": stages / (gpu.hbm_bytes_per_s * engine.memory_efficiency_frac),
        "kv_s_per_byte": stages / (gpu.hbm_bytes_per_s * engine.kv_efficiency_frac),
        "link_s_per_byte": stages / (gpu.link_bytes_per_s * engine.link_efficiency_frac),
        "hop_s_per_byte": stages / (outside * engine.link_efficiency_frac),
        "linear_s_per_flop": stages / (gpu.flop_per_s * engine.compute_efficiency_frac),
        "head_s_per_flop": stages
        / (
            (gpu.head_flop_per_s or gpu.flop_per_s)
            * (engine.head_efficiency_frac or engine.compute_efficiency_frac)
        ),
        "attention_s_per_flop": stages / (gpu.attention_flop_per_s * engine.attention_efficiency_frac),
        "context_s_per_flop": stages
        / (gpu.attention_flop_per_s * (engine.decode_efficiency_frac or engine.attention_efficiency_frac)),
    }


def expert_rates(gpu: Gpu, engine: Engine) -> tuple[float, float]:
    """Inverse rates of routed experts [s/byte, s/FLOP], those of the other layers unless measured.

    Examples
    --------
    >>> expert_rates(Gpu(4.0, 2.0, 1.0, 1.0, 1.0), Engine(0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0))
    (2.0, 0.5)
    """
    memory = engine.expert_memory_efficiency_frac or engine.memory_efficiency_frac
    compute = engine.expert_compute_efficiency_frac or engine.compute_efficiency_frac
    flop_per_s = gpu.expert_flop_per_s or gpu.flop_per_s
    return 1.0 / (gpu.hbm_bytes_per_s * memory), 1.0 / (flop_per_s * compute)


def _expert_part(
    model: Model, gpu: Gpu, engine: Engine, layout: Layout, weight_bytes: float, both_ways_bytes: float
) -> dict[str, float]:
    """Coefficients of routed experts and all-to-all, by name; ``both_ways_bytes`` per value there and back."""
    if not model.experts:
        return {}
    params, miss = routed_experts(model)
    gpus, stages = layout.expert_gpus, layout.pipeline
    copies = layout.tensor * layout.attention_data / gpus
    batch_frac = 1.0 / (copies * stages)
    layers = model.layers - model.dense_layers
    is_sent = gpus > layout.tensor
    ranks = gpus / layout.tensor  # a rank with several experts of a token gets one copy
    leaving = (1.0 - 1.0 / ranks) * min(model.active_experts, ranks) * model.hidden / gpus
    imbalance = engine.expert_imbalance if layout.experts > 1 else 1.0
    s_per_byte, s_per_flop = expert_rates(gpu, engine)
    outside = (gpu.group_link_bytes_per_s or gpu.link_bytes_per_s) * engine.link_efficiency_frac
    latency_s = 2.0 * engine.all_to_all_latency_s if is_sent else 0.0
    return {
        "expert_bytes": params * weight_bytes / (gpus * stages),
        "expert_miss_frac": miss,
        "expert_flop": 2.0 * params * (1.0 - miss) * batch_frac / (gpus * stages),
        "expert_batch_frac": batch_frac * engine.expert_spread_frac,
        "expert_s_per_byte": stages * s_per_byte,
        "expert_s_per_flop": stages * s_per_flop * imbalance,
        "group_overhead_s": layers * (engine.expert_layer_overhead_s + latency_s),
        "group_link_bytes": layers * leaving * both_ways_bytes * batch_frac / stages,
        "group_link_s_per_byte": stages * imbalance / outside,
    }


def kv_capacity_tokens(
    model: Model,
    gpu: Gpu,
    layout: Layout | int,
    weight_bytes_per_param: float,
    kv_bytes_per_value: float,
    memory_utilization_frac: float,
    expert_bytes_per_param: float = 0.0,
    head_bytes_per_param: float = 0.0,
) -> int:
    """Tokens that fit into the KV cache of one replica of a group.

    Lanes of a pipeline share the memory of their stages evenly.

    Parameters
    ----------
    model, gpu, layout, weight_bytes_per_param, kv_bytes_per_value, expert_bytes_per_param, head_bytes_per_param
        As in :func:`coefficients`.
    memory_utilization_frac : float
        Share of memory for weights and KV cache, in (0, 1].

    Raises
    ------
    ScenarioError
        When the weights leave no room; it says how many GB are missing. Or as :func:`coefficients`.

    Examples
    --------
    >>> m = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
    >>> g = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
    >>> kv_capacity_tokens(m, g, 8, 1.0, 1.0, 0.9)
    3616962
    """
    at = checked(model, layout)
    kept = (weight_bytes_per_param, expert_bytes_per_param, head_bytes_per_param)
    free_bytes = gpu.hbm_capacity_bytes * memory_utilization_frac - weights_bytes(model, at, *kept)
    return room_tokens(model, at, free_bytes, kv_bytes_per_value)


def weights_bytes(
    model: Model,
    layout: Layout | int,
    weight_bytes_per_param: float,
    expert_bytes_per_param: float = 0.0,
    head_bytes_per_param: float = 0.0,
) -> float:
    """Weights on one GPU of a group [bytes].

    Parameters
    ----------
    model, layout, weight_bytes_per_param, expert_bytes_per_param, head_bytes_per_param
        As in :func:`coefficients`.

    Examples
    --------
    >>> weights_bytes(Model(4, 64, 4, 100, 1e6, 9e5, kv_heads=4, head_dim=16), 2, 1.0)
    500000.0
    """
    at = checked(model, layout)
    experts_params, _ = routed_experts(model)
    head_params = model.vocabulary * model.hidden
    embedded = head_params + (head_params if model.embedding_params < 0.0 else model.embedding_params)
    dense_bytes = (model.params - experts_params - embedded) * weight_bytes_per_param
    dense_bytes += embedded * (head_bytes_per_param or weight_bytes_per_param)
    expert_bytes = experts_params * (expert_bytes_per_param or weight_bytes_per_param)
    return (dense_bytes / at.tensor + expert_bytes / at.expert_gpus) / at.pipeline


def room_tokens(model: Model, layout: Layout, free_bytes: float, kv_bytes_per_value: float) -> int:
    """Tokens of a replica for which ``free_bytes`` of each GPU have room.

    A token takes ``1 / pipeline`` of its KV on each GPU, and a lane has ``1 / pipeline`` of the room.

    Raises
    ------
    ScenarioError
        When not one token fits.

    Examples
    --------
    >>> room_tokens(Model(32, 4096, 32, 128256, 8e9, 7.5e9, kv_heads=8, head_dim=128), Layout(), 1e6, 1.0)
    15
    """
    layer_bytes = attention(model, layout.tensor).cached * kv_bytes_per_value + indexer(model).cached_bytes
    token_bytes = model.kv_layers * layer_bytes
    if free_bytes < token_bytes:
        missing_bytes = (token_bytes - free_bytes) * layout.gpus
        fault = Fault(
            "", 0, "replica memory", f"{missing_bytes / 1e9:.1f} GB are missing on {layout.gpus} GPUs",
            "weights and at least one token of KV cache within the memory share",
            "use more GPUs a replica, a smaller weight precision or a larger memory share",
        )  # fmt: skip
        raise ScenarioError("a model does not fit into its GPUs", [fault])
    return int(free_bytes // token_bytes)
