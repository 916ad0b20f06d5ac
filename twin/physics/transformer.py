"""What runs, on what, how well, and shared how: models, GPUs, engines and layouts of a group.

Source: latent attention DeepSeek-AI, *DeepSeek-V2*, 2024; grouped queries Ainslie et al., *GQA*, EMNLP 2023.
"""

from __future__ import annotations

from typing import NamedTuple

from twin.errors import Fault, ScenarioError


class Model(NamedTuple):
    """A transformer as its model card states it.

    Parameters
    ----------
    layers, hidden, heads, vocabulary : int
        Shape of the network.
    params, active_params : float
        All parameters; those that one token meets (without the input embedding, with the output head).
    kv_heads, head_dim : int
        Grouped-query attention; 0 with latent attention.
    experts, active_experts : int
        Routed experts a layer and how many a token takes; 0 for a dense model.
    latent, latent_rope, latent_nope, latent_value : int
        Latent attention: cached latent, cached rotary part, and the head dimensions that a prompt is
        computed with; 0 without it.
    window_tokens, windowed_layers : int
        Sliding window and how many of the layers see no further, fewer than ``layers``; 0 without.
    dense_layers : int
        Layers without routed experts in a model that has them.
    attention_params_per_layer : float
        Projections around attention; only needed to separate attention from feed-forward.
    expert_params : float
        In routed experts; 0 to take what tokens do not meet.
    plain_layers : int
        Layers without a KV cache.
    state_bytes : float
        Recurrent state of a sequence over such layers, read and written in each iteration [bytes].
    sparse_tokens, indexer_heads, indexer_dim : int
        Sparse attention: tokens that a query sees, and the heads and their size of the indexer that picks them
        from the whole context; 0 without.
    embedding_params : float
        Input embedding where it is not the output head; -1 for ``vocabulary * hidden``.
    """

    layers: int
    hidden: int
    heads: int
    vocabulary: int
    params: float
    active_params: float
    kv_heads: int = 0
    head_dim: int = 0
    experts: int = 0
    active_experts: int = 0
    latent: int = 0
    latent_rope: int = 0
    latent_nope: int = 0
    latent_value: int = 0
    window_tokens: int = 0
    windowed_layers: int = 0
    dense_layers: int = 0
    attention_params_per_layer: float = 0.0
    expert_params: float = 0.0
    plain_layers: int = 0
    state_bytes: float = 0.0
    embedding_params: float = -1.0
    sparse_tokens: int = 0
    indexer_heads: int = 0
    indexer_dim: int = 0

    @property
    def kv_layers(self) -> int:
        """Layers that keep the KV of every token of the context."""
        return self.layers - self.plain_layers - self.windowed_layers


INDEX_SCALE_BYTES, INDEX_BLOCK = 4.0, 128.0
"""An indexer keeps a key of 8 bits a value for each token, with one scale for a block of values: vLLM
(DeepseekV32IndexerCache, head_dim + head_dim / 128 * 4 bytes) and DeepGEMM (fp8_paged_mqa_logits), 2026-11."""


class Gpu(NamedTuple):
    """Peaks of one GPU package.

    Parameters
    ----------
    flop_per_s, attention_flop_per_s : float
        Dense peak at the precision of the weights and at that of attention [FLOP/s].
    hbm_bytes_per_s, hbm_capacity_bytes : float
        Memory bandwidth [bytes/s] and size [bytes].
    link_bytes_per_s : float
        What the GPU can send to its peers in tensor parallel, one direction [bytes/s].
    group_link_bytes_per_s : float
        What it can send to other replicas or stages of its group; 0 for the same as to its peers [bytes/s].
    expert_flop_per_s, head_flop_per_s : float
        Dense peak at the precision of routed experts and of the output head; 0 for that of the weights [FLOP/s].
    """

    flop_per_s: float
    attention_flop_per_s: float
    hbm_bytes_per_s: float
    hbm_capacity_bytes: float
    link_bytes_per_s: float
    group_link_bytes_per_s: float = 0.0
    expert_flop_per_s: float = 0.0
    head_flop_per_s: float = 0.0


class Engine(NamedTuple):
    """Shares of the peaks that an inference engine reaches, and what it costs besides.

    Parameters
    ----------
    compute_efficiency_frac, attention_efficiency_frac : float
        Of the peaks in FLOP, in (0, 1].
    memory_efficiency_frac, kv_efficiency_frac, link_efficiency_frac : float
        Of the memory bandwidth for weights and for the KV cache, and of the links, in (0, 1].
    step_overhead_s, layer_overhead_s, all_reduce_latency_s : float
        Per iteration, per layer, per all-reduce of two GPUs (two a layer) [s].
    expert_compute_efficiency_frac, expert_memory_efficiency_frac : float
        Of the peaks for routed experts, in (0, 1]; 0 for those of the other layers.
    expert_imbalance : float
        Tokens of the GPU with the busiest experts over the mean, 1 or larger; stretches their arithmetic and
        all-to-all wherever experts lie whole on GPUs.
    expert_layer_overhead_s, all_to_all_latency_s : float
        Per layer with routed experts, per all-to-all (two such a layer) [s].
    hop_latency_s : float
        Per hop between stages of a pipeline [s].
    sequence_s : float
        CPU time for each sequence and prompt piece of an iteration [s].
    expert_spread_frac : float
        Tokens that route independently of each other, over tokens: those of one text choose alike, in (0, 1].
    decode_efficiency_frac, head_efficiency_frac : float
        Of the attention peak in decode, and of the peak of the output head; 0 for attention of prompts and for
        other linear layers.
    prompt_layer_overhead_s, prompt_expert_layer_overhead_s : float
        Per layer, and per layer with routed experts, in iterations with prompts, besides the overheads above [s].
    """

    compute_efficiency_frac: float
    attention_efficiency_frac: float
    memory_efficiency_frac: float
    kv_efficiency_frac: float
    link_efficiency_frac: float
    step_overhead_s: float
    layer_overhead_s: float
    all_reduce_latency_s: float
    expert_compute_efficiency_frac: float = 0.0
    expert_memory_efficiency_frac: float = 0.0
    expert_imbalance: float = 1.0
    expert_layer_overhead_s: float = 0.0
    all_to_all_latency_s: float = 0.0
    hop_latency_s: float = 0.0
    sequence_s: float = 0.0
    expert_spread_frac: float = 1.0
    decode_efficiency_frac: float = 0.0
    head_efficiency_frac: float = 0.0
    prompt_layer_overhead_s: float = 0.0
    prompt_expert_layer_overhead_s: float = 0.0


class Layout(NamedTuple):
    """How a group of GPUs shares a model.

    Parameters
    ----------
    tensor : int
        GPUs that share each matrix of a replica; divides the heads.
    pipeline : int
        Stages, and lanes in flight.
    experts : int
        GPUs over which routed experts lie whole: a multiple of ``tensor`` that divides ``tensor *
        attention_data``; 1 to cut experts like all other matrices.
    attention_data : int
        Ranks of data-parallel attention.

    Examples
    --------
    >>> wide = Layout(experts=32, attention_data=32)
    >>> wide.gpus, wide.replicas, Layout(tensor=8).expert_gpus
    (32, 32, 8)
    """

    tensor: int = 1
    pipeline: int = 1
    experts: int = 1
    attention_data: int = 1

    @property
    def gpus(self) -> int:
        """GPUs of the group."""
        return self.tensor * self.pipeline * self.attention_data

    @property
    def replicas(self) -> int:
        """Replicas of the group, each with a batch and a KV cache of its own."""
        return self.pipeline * self.attention_data

    @property
    def expert_gpus(self) -> int:
        """GPUs of a stage that hold the routed experts once."""
        return self.experts if self.experts > 1 else self.tensor


class Attention(NamedTuple):
    """Attention of one layer on one GPU.

    Parameters
    ----------
    cached : float
        Values cached per token.
    decode_flop, pair_flop : float
        Per context token in decode, per pair of query and key in prefill [FLOP].
    """

    cached: float
    decode_flop: float
    pair_flop: float


def attention(model: Model, tensor: int) -> Attention:
    """Attention of a layer cut over ``tensor`` GPUs.

    Examples
    --------
    >>> attention(Model(32, 4096, 32, 128256, 8e9, 7.5e9, kv_heads=8, head_dim=128), 1).cached
    2048.0
    """
    heads = model.heads / tensor
    if model.latent:  # every GPU holds the whole latent; decode works on it directly (absorbed form)
        cached = float(model.latent + model.latent_rope)
        prompt_dims = model.latent_nope + model.latent_rope + model.latent_value
        return Attention(cached, 2.0 * heads * (cached + model.latent), 2.0 * heads * prompt_dims)
    # key and value heads are copied once there are fewer of them than GPUs
    cached = 2.0 * max(1.0, model.kv_heads / tensor) * model.head_dim
    return Attention(cached, 4.0 * heads * model.head_dim, 4.0 * heads * model.head_dim)


class Indexer(NamedTuple):
    """The indexer of sparse attention of one layer on one GPU.

    Parameters
    ----------
    cached_bytes : float
        Key of a token [bytes].
    pair_flop : float
        Per pair of a query and a token of its context; work in 8 bits, which runs at twice the rate of attention,
        counts half [FLOP].
    """

    cached_bytes: float
    pair_flop: float


def indexer(model: Model) -> Indexer:
    """Indexer of a layer; every GPU of a tensor group has all of it (vLLM and SGLang copy it, 2026-11).

    Source: DeepSeek-AI, *DeepSeek-V3.2-Exp: Boosting Long-Context Efficiency with DeepSeek Sparse Attention*, 2025.

    Examples
    --------
    >>> m = Model(61, 7168, 128, 129280, 672e9, 37e9, latent=512, sparse_tokens=2048, indexer_heads=64, indexer_dim=128)
    >>> indexer(m)
    Indexer(cached_bytes=132.0, pair_flop=8192.0)
    """
    if not model.sparse_tokens:
        return Indexer(0.0, 0.0)
    key_bytes = model.indexer_dim + INDEX_SCALE_BYTES * model.indexer_dim / INDEX_BLOCK
    return Indexer(key_bytes, 0.5 * 2.0 * model.indexer_heads * model.indexer_dim)


def routed_experts(model: Model) -> tuple[float, float]:
    """Parameters in routed experts, and the share of them that one token leaves alone.

    What a token does not meet is the input embedding and the experts it is not sent to, so the card's
    two totals give the experts' size whatever the form of the feed-forward block.

    Examples
    --------
    >>> routed_experts(Model(1, 10, 1, 100, 9000.0, 4000.0, experts=4, active_experts=2))
    (8000.0, 0.5)
    """
    if not model.experts:
        return 0.0, 0.0
    miss = 1.0 - model.active_experts / model.experts
    if model.expert_params > 0.0:
        return model.expert_params, miss
    unmet = model.params - model.active_params - model.vocabulary * model.hidden
    return unmet / miss, miss


def checked(model: Model, layout: Layout | int) -> Layout:
    """Layout of a model, a number being its tensor parallelism.

    Raises
    ------
    ScenarioError
        With all that is wrong with it.

    Examples
    --------
    >>> checked(Model(32, 4096, 32, 128256, 8e9, 7.5e9, kv_heads=8, head_dim=128), 8).gpus
    8
    """
    at = Layout(tensor=layout) if isinstance(layout, int) else layout
    ranks_gpus = at.tensor * at.attention_data
    most = min(model.experts, ranks_gpus)
    spreads = [1] + [n for n in range(max(at.tensor, 2), most + 1, max(at.tensor, 1)) if ranks_gpus % n == 0]
    checks = (
        ("tensor parallel", at.tensor, at.tensor >= 1 and model.heads % at.tensor == 0,
         f"a divisor of {model.heads} heads", "choose 1, 2, 4 or 8"),
        ("pipeline", at.pipeline, 1 <= at.pipeline <= model.layers, f"1 to {model.layers} layers",
         "choose fewer stages"),
        ("data-parallel attention", at.attention_data, at.attention_data >= 1, "1 or larger",
         "choose 1 for none"),
        ("expert parallel", at.experts, at.experts in spreads,
         f"{' or '.join(map(str, spreads))} with {ranks_gpus} GPUs a stage and {model.experts} experts",
         f"write {spreads[-1]}"),
        ("windowed layers", model.windowed_layers, model.windowed_layers >= 0 and model.kv_layers > 0,
         f"fewer than {model.layers - model.plain_layers} layers", "check the model card"),
    )  # fmt: skip
    faults = [
        Fault("", 0, where, str(found), expected, mend)
        for where, found, is_right, expected, mend in checks
        if not is_right
    ]
    if faults:
        raise ScenarioError("a model cannot be split over its GPUs", faults)
    return at
