"""What one iteration of an inference engine costs: time, FLOP, HBM bytes, link bytes.

One roofline for both fidelities. A replica is one model on ``gpus`` GPUs in tensor parallel that run in
lock-step, so all amounts are those of **one GPU of the replica**. An iteration decodes one token for each
of ``decode_requests`` sequences whose contexts sum to ``decode_context_tokens`` and computes a prompt
chunk of ``prefill_tokens``; it lasts::

    overhead + max(weights read, linear FLOP) + decode attention + prefill attention + all-reduce

At a fixed batch and chunk the time is affine in the context, so iteration ``j`` of a run lasts
``first + j * growth``. Compute scales with the clock; memory, links and overheads do not.

Left out: a chunk's read of its own prefix (it overlaps prefill attention), sliding windows (such layers
count as full attention) and overlap of links with compute. Every GPU holds its share of every expert.

The functions take plain numbers and are compiled as they stand by ``models``.

Sources: roofline terms Pope et al., *Efficiently Scaling Transformer Inference*, MLSys 2023; affine
decode time Patel et al., *Splitwise*, ISCA 2024; causal attention FLOP Dao, *FlashAttention-2*, 2023;
latent attention DeepSeek-AI, *DeepSeek-V2*, 2024; ring all-reduce Patarasuk and Yuan, JPDC 2009.
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


class Gpu(NamedTuple):
    """Peaks of one GPU package.

    Parameters
    ----------
    flop_per_s, attention_flop_per_s : float
        Dense peak at the precision of the weights and at that of attention [FLOP/s].
    hbm_bytes_per_s, hbm_capacity_bytes : float
        Memory bandwidth [bytes/s] and size [bytes].
    link_bytes_per_s : float
        What the GPU can send to its peers, one direction [bytes/s].
    """

    flop_per_s: float
    attention_flop_per_s: float
    hbm_bytes_per_s: float
    hbm_capacity_bytes: float
    link_bytes_per_s: float


class Engine(NamedTuple):
    """Shares of the peaks that an inference engine reaches, and what it costs besides.

    Parameters
    ----------
    compute_efficiency_frac, attention_efficiency_frac : float
        Of the peaks in FLOP, in (0, 1].
    memory_efficiency_frac, kv_efficiency_frac, link_efficiency_frac : float
        Of the memory bandwidth for weights and for the KV cache, and of the links, in (0, 1].
    step_overhead_s, layer_overhead_s, all_reduce_latency_s : float
        Per iteration, per layer, per all-reduce (two a layer) [s].
    """

    compute_efficiency_frac: float
    attention_efficiency_frac: float
    memory_efficiency_frac: float
    kv_efficiency_frac: float
    link_efficiency_frac: float
    step_overhead_s: float
    layer_overhead_s: float
    all_reduce_latency_s: float


class Iteration(NamedTuple):
    """Coefficients of an iteration on one GPU of a replica; all zero or positive, zero is free.

    Parameters
    ----------
    overhead_s : float
        Per iteration at any clock [s].
    weights_bytes, expert_bytes : float
        Weights that every iteration reads, and all routed experts [bytes].
    expert_miss_frac : float
        Share of experts that one token leaves alone, ``1 - active/experts``.
    token_bytes, token_link_bytes, token_flop : float
        Per token: KV cache written, sent to peers [bytes]; linear layers [FLOP].
    sequence_flop : float
        Output head, once per sequence [FLOP].
    context_bytes, context_flop : float
        Decode attention per token of context [bytes, FLOP].
    pair_flop : float
        Prefill attention per pair of query and key [FLOP].
    weights_s_per_byte, kv_s_per_byte, link_s_per_byte : float
        Inverse rates reached [s/byte].
    linear_s_per_flop, attention_s_per_flop : float
        Inverse rates reached at full clock [s/FLOP].

    Notes
    -----
    The defaults make degenerate engines for tests against queueing theory.

    Examples
    --------
    >>> constant = Iteration(overhead_s=0.25)
    >>> iteration_s(constant, 1.0, 8, 4000, 512, 1, 131328)
    0.25
    """

    overhead_s: float = 0.0
    weights_bytes: float = 0.0
    expert_bytes: float = 0.0
    expert_miss_frac: float = 0.0
    token_bytes: float = 0.0
    token_link_bytes: float = 0.0
    token_flop: float = 0.0
    sequence_flop: float = 0.0
    context_bytes: float = 0.0
    context_flop: float = 0.0
    pair_flop: float = 0.0
    weights_s_per_byte: float = 0.0
    kv_s_per_byte: float = 0.0
    link_s_per_byte: float = 0.0
    linear_s_per_flop: float = 0.0
    attention_s_per_flop: float = 0.0


def coefficients(
    model: Model,
    gpu: Gpu,
    engine: Engine,
    gpus: int,
    weight_bytes_per_param: float,
    kv_bytes_per_value: float,
    activation_bytes_per_value: float = 2.0,
) -> Iteration:
    """Coefficients of a model on a replica of ``gpus`` GPUs.

    Parameters
    ----------
    model, gpu, engine : Model, Gpu, Engine
        What runs, on what, how well.
    gpus : int
        Tensor-parallel degree, 1 or larger; divides the attention heads.
    weight_bytes_per_param, kv_bytes_per_value, activation_bytes_per_value : float
        Precisions of weights, KV cache and what travels between GPUs [bytes], for example 1, 1 and 2.

    Raises
    ------
    ScenarioError
        When the heads cannot be split over the GPUs.

    Examples
    --------
    >>> m = Model(32, 4096, 32, 128256, 8.03e9, 7.5e9, kv_heads=8, head_dim=128)
    >>> g = Gpu(989e12, 989e12, 3.35e12, 80e9, 450e9)
    >>> e = Engine(0.77, 0.68, 0.80, 0.91, 0.9, 1e-3, 26e-6, 5e-6)
    >>> c = coefficients(m, g, e, 1, 2.0, 2.0)
    >>> round(iteration_s(c, 1.0, 1, 1000, 0, 0, 0) * 1e3, 2)  # ms a token, alone
    7.47
    """
    if gpus < 1 or model.heads % gpus:
        raise ScenarioError(
            "a model cannot be split over its GPUs",
            [
                Fault(
                    "",
                    0,
                    "tensor parallel",
                    str(gpus),
                    f"a divisor of {model.heads} heads",
                    "choose 1, 2, 4 or 8",
                )
            ],
        )
    head_params = float(model.vocabulary * model.hidden)
    experts_params, miss = _routed_experts(model)
    always_read = model.active_params - experts_params * (1.0 - miss)
    kv_values, decode_flop, pair_flop = _attention(model, gpus)
    all_reduces = 2 * model.layers if gpus > 1 else 0
    sent_values = all_reduces * 2.0 * (gpus - 1) / gpus * model.hidden
    return Iteration(
        overhead_s=engine.step_overhead_s
        + model.layers * engine.layer_overhead_s
        + all_reduces * engine.all_reduce_latency_s,
        weights_bytes=always_read * weight_bytes_per_param / gpus,
        expert_bytes=experts_params * weight_bytes_per_param / gpus,
        expert_miss_frac=miss,
        token_bytes=kv_values * kv_bytes_per_value,
        token_link_bytes=sent_values * activation_bytes_per_value,
        token_flop=2.0 * (model.active_params - head_params) / gpus,
        sequence_flop=2.0 * head_params / gpus,
        context_bytes=kv_values * kv_bytes_per_value,
        context_flop=decode_flop,
        pair_flop=pair_flop,
        weights_s_per_byte=1.0 / (gpu.hbm_bytes_per_s * engine.memory_efficiency_frac),
        kv_s_per_byte=1.0 / (gpu.hbm_bytes_per_s * engine.kv_efficiency_frac),
        link_s_per_byte=1.0 / (gpu.link_bytes_per_s * engine.link_efficiency_frac),
        linear_s_per_flop=1.0 / (gpu.flop_per_s * engine.compute_efficiency_frac),
        attention_s_per_flop=1.0 / (gpu.attention_flop_per_s * engine.attention_efficiency_frac),
    )


def _routed_experts(model: Model) -> tuple[float, float]:
    """Parameters in routed experts, and the share of them that one token leaves alone.

    What a token does not meet is the input embedding and the experts it is not sent to, so the card's
    two totals give the experts' size whatever the form of the feed-forward block.
    """
    if not model.experts:
        return 0.0, 0.0
    miss = 1.0 - model.active_experts / model.experts
    unmet = model.params - model.active_params - model.vocabulary * model.hidden
    return unmet / miss, miss


def _attention(model: Model, gpus: int) -> tuple[float, float, float]:
    """Values cached per token, decode FLOP per context token, prefill FLOP per pair; on one GPU."""
    heads = model.heads / gpus
    if model.latent:  # every GPU holds the whole latent; decode works on it directly (absorbed form)
        cached = float(model.latent + model.latent_rope)
        prompt_dims = model.latent_nope + model.latent_rope + model.latent_value
        decode, pair = 2.0 * heads * (cached + model.latent), 2.0 * heads * prompt_dims
    else:  # key and value heads are copied once there are fewer of them than GPUs
        cached = 2.0 * max(1.0, model.kv_heads / gpus) * model.head_dim
        decode = pair = 4.0 * heads * model.head_dim
    return model.layers * cached, model.layers * decode, model.layers * pair


def kv_capacity_tokens(
    model: Model,
    gpu: Gpu,
    gpus: int,
    weight_bytes_per_param: float,
    kv_bytes_per_value: float,
    memory_utilization_frac: float,
) -> int:
    """Tokens that fit into the KV cache of a replica.

    Parameters
    ----------
    model, gpu, gpus, weight_bytes_per_param, kv_bytes_per_value
        As in :func:`coefficients`.
    memory_utilization_frac : float
        Share of memory for weights and KV cache, in (0, 1].

    Raises
    ------
    ScenarioError
        When the weights leave no room; it says how many GB are missing.

    Examples
    --------
    >>> m = Model(126, 16384, 128, 128256, 405.85e9, 403.75e9, kv_heads=8, head_dim=128)
    >>> g = Gpu(5e15, 2.5e15, 8e12, 186e9, 900e9)
    >>> kv_capacity_tokens(m, g, 8, 1.0, 1.0, 0.9)
    3616962
    """
    weights_bytes = model.params * weight_bytes_per_param / gpus
    token_bytes = _attention(model, gpus)[0] * kv_bytes_per_value
    free_bytes = gpu.hbm_capacity_bytes * memory_utilization_frac - weights_bytes
    if free_bytes < token_bytes:
        missing_bytes = (token_bytes - free_bytes) * gpus
        raise ScenarioError(
            "a model does not fit into its GPUs",
            [
                Fault(
                    "",
                    0,
                    "replica memory",
                    f"{missing_bytes / 1e9:.1f} GB are missing on {gpus} GPUs",
                    "weights and at least one token of KV cache within the memory share",
                    "use more GPUs a replica, a smaller weight precision or a larger memory share",
                )
            ],
        )
    return int(free_bytes // token_bytes)


def expert_frac(coef: Iteration, tokens: float) -> float:
    """Expected share of routed experts that ``tokens`` tokens touch when routed evenly.

    Examples
    --------
    >>> expert_frac(Iteration(expert_bytes=1.0, expert_miss_frac=0.5), 2)
    0.75
    """
    if coef.expert_bytes == 0.0:
        return 0.0
    return 1.0 - float(coef.expert_miss_frac ** float(tokens))


def hbm_bytes(coef: Iteration, iterations: float, touched: float, tokens: float, context: float) -> float:
    """HBM traffic of some iterations [bytes per GPU].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    iterations, touched, tokens, context : float
        Sums over the iterations of: one, :func:`expert_frac`, tokens computed, decode context read.

    Examples
    --------
    >>> hbm_bytes(Iteration(weights_bytes=100.0, context_bytes=2.0), 1, 0, 8, 50)
    200.0
    """
    weights = coef.weights_bytes * iterations + coef.expert_bytes * touched
    return weights + coef.token_bytes * tokens + coef.context_bytes * context


def flop(coef: Iteration, tokens: float, sequences: float, context: float, pairs: float) -> float:
    """Arithmetic of some iterations [FLOP per GPU].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    tokens, sequences, context, pairs : float
        Sums over the iterations of: tokens computed, sequences and prompt pieces, decode context,
        query-key pairs of prompt pieces.

    Examples
    --------
    >>> flop(Iteration(token_flop=10.0, sequence_flop=1.0), 4, 2, 0, 0)
    42.0
    """
    linear = coef.token_flop * tokens + coef.sequence_flop * sequences
    return linear + coef.context_flop * context + coef.pair_flop * pairs


def link_bytes(coef: Iteration, tokens: float) -> float:
    """Sent to the other GPUs of the replica [bytes per GPU].

    Examples
    --------
    >>> link_bytes(Iteration(token_link_bytes=3.0), 4)
    12.0
    """
    return coef.token_link_bytes * tokens


def context_s(coef: Iteration, clock_frac: float) -> float:
    """Decode attention per token of context, memory or compute bound [s].

    Examples
    --------
    >>> context_s(Iteration(context_bytes=2.0, kv_s_per_byte=0.5), 1.0)
    1.0
    """
    return max(
        coef.context_bytes * coef.kv_s_per_byte, coef.context_flop * coef.attention_s_per_flop / clock_frac
    )


def pair_s(coef: Iteration, clock_frac: float) -> float:
    """Prefill attention per pair of query and key [s].

    Examples
    --------
    >>> pair_s(Iteration(pair_flop=4.0, attention_s_per_flop=0.5), 0.5)
    4.0
    """
    return coef.pair_flop * coef.attention_s_per_flop / clock_frac


def growth_s(coef: Iteration, clock_frac: float, decode_requests: float, chunk_tokens: float) -> float:
    """How much longer each next iteration of a run is [s].

    Contexts grow by one token a sequence, and the prefix of a chunk by the chunk.

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    clock_frac : float
        Clock as a share of its maximum, above 0.
    decode_requests, chunk_tokens : float
        Sequences in decode; tokens of a chunk that takes the same size in every iteration.

    Examples
    --------
    >>> growth_s(Iteration(context_bytes=2.0, kv_s_per_byte=0.5), 1.0, 8, 0)
    8.0
    """
    return (
        context_s(coef, clock_frac) * decode_requests + pair_s(coef, clock_frac) * chunk_tokens * chunk_tokens
    )


def iteration_s(
    coef: Iteration,
    clock_frac: float,
    decode_requests: float,
    decode_context_tokens: float,
    prefill_tokens: float,
    prefill_requests: float,
    prefill_pairs: float,
) -> float:
    """Duration of one iteration [s].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    clock_frac : float
        Clock as a share of its maximum, above 0.
    decode_requests, decode_context_tokens : float
        Sequences that get one token, and the sum of their contexts.
    prefill_tokens, prefill_requests, prefill_pairs : float
        Prompt tokens computed, prompts they belong to, and their query-key pairs: a piece of ``c`` tokens
        after ``p`` computed ones has ``c * p + c * (c + 1) / 2``.

    Examples
    --------
    >>> iteration_s(Iteration(token_flop=2.0, linear_s_per_flop=0.5), 0.5, 3, 0, 0, 0, 0)
    6.0
    """
    tokens = decode_requests + prefill_tokens
    sequences = decode_requests + prefill_requests
    read_s = hbm_bytes(coef, 1.0, expert_frac(coef, tokens), tokens, 0.0) * coef.weights_s_per_byte
    linear_s = flop(coef, tokens, sequences, 0.0, 0.0) * coef.linear_s_per_flop / clock_frac
    return (
        coef.overhead_s
        + max(read_s, linear_s)
        + context_s(coef, clock_frac) * decode_context_tokens
        + pair_s(coef, clock_frac) * prefill_pairs
        + link_bytes(coef, tokens) * coef.link_s_per_byte
    )
