"""What one iteration of an inference engine costs: time, FLOP, HBM bytes, link bytes.

One roofline for both fidelities. A *replica* decodes ``verify_tokens`` tokens (one without speculation) for
each of ``decode_requests`` sequences whose contexts sum to ``decode_context_tokens`` and computes prompt pieces
of ``prefill_tokens``. What it does alone lasts ``rank_s``::

    overhead + engine, draft and launch + max(weights read, linear FLOP) + attention + all-reduce + hops

Replicas of one *group* (ranks of data-parallel attention, lanes of a pipeline) share the routed experts, which cost
``shared_s`` on the tokens of all of them; a feed-forward side on GPUs of its own works beside them for
``floor_s``. An iteration of the group lasts ``shared_s + max(floor_s, slowest rank_s)``.

At a fixed batch and chunk ``rank_s`` is affine in the context until windows are full, and affine again from there:
iteration ``j`` of a run that ends there adds ``j * growth_s`` to it. Compute scales with the clock; memory, links and
overheads do not. Amounts are those of **one GPU**. A GPU of a pipeline works for every lane of its group: its work is
the sum over the lanes.

Left out: a chunk's read of its own prefix (it overlaps prefill attention) and overlap of links with compute.

The functions take plain numbers and are compiled as they stand by ``models``: :data:`RELATIONS` lists those that
others call, in order.

Sources: roofline terms Pope et al., *Efficiently Scaling Transformer Inference*, MLSys 2023; affine
decode time Patel et al., *Splitwise*, ISCA 2024; causal attention FLOP Dao, *FlashAttention-2*, 2023;
verification of drafts Leviathan et al., *Speculative Decoding*, ICML 2023; experts spread over ranks
DeepSeek-AI, *DeepSeek-V3 Technical Report*, 2024; ping-pong of two sides Zhu et al., *MegaScale-Infer*, 2025.
"""

from __future__ import annotations

from twin.physics.disaggregation import FeedForward, afd_coefficients, afd_kv_capacity_tokens
from twin.physics.iteration import Iteration
from twin.physics.parallel import coefficients, kv_capacity_tokens
from twin.physics.transformer import Engine, Gpu, Layout, Model
from twin.physics.windows import sequence_window_s, token_window_s, until_full, window_s, windows

__all__ = [
    "RELATIONS",
    "Engine",
    "FeedForward",
    "Gpu",
    "Iteration",
    "Layout",
    "Model",
    "afd_coefficients",
    "afd_kv_capacity_tokens",
    "coefficients",
    "context_s",
    "expert_frac",
    "far_s",
    "floor_s",
    "flop",
    "growth_s",
    "hbm_bytes",
    "iteration_s",
    "kv_capacity_tokens",
    "link_bytes",
    "pair_s",
    "rank_s",
    "shared_s",
    "until_full",
    "window_s",
    "windows",
]


def expert_frac(coef: Iteration, group_tokens: float) -> float:
    """Expected share of routed experts that one pass over them touches when tokens are routed evenly.

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    group_tokens : float
        Tokens computed by all replicas of the group.

    Examples
    --------
    >>> expert_frac(Iteration(expert_bytes=1.0, expert_miss_frac=0.5), 2)
    0.75
    """
    if coef.expert_bytes == 0.0 and coef.floor_expert_bytes == 0.0:
        return 0.0
    return 1.0 - float(coef.expert_miss_frac ** float(group_tokens * coef.expert_batch_frac))


def hbm_bytes(
    coef: Iteration,
    iterations: float,
    touched: float,
    tokens: float,
    context: float,
    decode_windows: float = 0.0,
) -> float:
    """HBM traffic of some iterations [bytes per GPU].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    iterations, touched, tokens, context : float
        Sums over the iterations of: one, :func:`expert_frac`, tokens computed, decode context read.
    decode_windows : float
        Sum of :func:`windows` of the sequences in decode; only needed where layers see a window.

    Examples
    --------
    >>> hbm_bytes(Iteration(weights_bytes=100.0, context_bytes=2.0), 1, 0, 8, 50)
    200.0
    """
    weights = coef.weights_bytes * iterations + coef.expert_bytes * touched
    in_windows = coef.window_bytes * decode_windows
    return weights + coef.token_bytes * tokens + coef.context_bytes * context + in_windows


def flop(
    coef: Iteration,
    tokens: float,
    sequences: float,
    context: float,
    pairs: float,
    group_tokens: float,
    token_windows: float = 0.0,
) -> float:
    """Arithmetic of some iterations [FLOP per GPU].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    tokens, sequences, context, pairs, group_tokens : float
        Sums over the iterations of: tokens computed, drafts included; tokens that the output head predicts
        (``decode_requests * verify_tokens`` and one a prompt piece); decode context, each once whatever is
        verified; query-key pairs of prompt pieces; tokens of all replicas of the group.
    token_windows : float
        Sum of :func:`windows` of the tokens computed; only needed where layers see a window.

    Examples
    --------
    >>> flop(Iteration(token_flop=10.0, sequence_flop=1.0, expert_flop=5.0), 4, 2, 0, 0, 8)
    82.0
    """
    linear = coef.token_flop * tokens + coef.window_flop * token_windows + coef.sequence_flop * sequences
    decode = coef.context_flop * coef.verify_tokens * context
    return linear + decode + coef.pair_flop * pairs + coef.expert_flop * group_tokens


def link_bytes(coef: Iteration, tokens: float, group_tokens: float) -> float:
    """Sent to other GPUs [bytes per GPU].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    tokens, group_tokens : float
        Tokens computed by the replica, and by all replicas of its group.

    Examples
    --------
    >>> link_bytes(Iteration(token_link_bytes=3.0, group_link_bytes=1.0), 4, 8)
    20.0
    """
    own = (coef.token_link_bytes + coef.token_hop_bytes) * tokens
    return own + coef.group_link_bytes * group_tokens


def context_s(coef: Iteration, clock_frac: float) -> float:
    """Decode attention per token of context, memory or compute bound [s].

    Examples
    --------
    >>> context_s(Iteration(context_bytes=2.0, kv_s_per_byte=0.5), 1.0)
    1.0
    """
    verify_flop = coef.context_flop * coef.verify_tokens
    return max(coef.context_bytes * coef.kv_s_per_byte, verify_flop * coef.context_s_per_flop / clock_frac)


def pair_s(coef: Iteration, clock_frac: float) -> float:
    """Prefill attention per pair of query and key [s].

    Examples
    --------
    >>> pair_s(Iteration(pair_flop=4.0, attention_s_per_flop=0.5), 0.5)
    4.0
    """
    return coef.pair_flop * coef.attention_s_per_flop / clock_frac


def far_s(coef: Iteration, clock_frac: float, group_tokens: float) -> float:
    """Work of a feed-forward side on GPUs of its own, without the transfers [s].

    Examples
    --------
    >>> far_s(Iteration(floor_bytes=2.0, floor_s_per_byte=0.5, floor_overhead_s=1.0), 1.0, 8)
    2.0
    """
    touched = expert_frac(coef, group_tokens) if coef.floor_expert_bytes > 0.0 else 0.0
    read_bytes = coef.floor_bytes + coef.floor_expert_bytes * touched
    computed_s = coef.floor_flop * group_tokens * coef.floor_s_per_flop / clock_frac
    return coef.floor_overhead_s + max(read_bytes * coef.floor_s_per_byte, computed_s)


def floor_s(coef: Iteration, clock_frac: float, group_tokens: float) -> float:
    """Feed-forward side and transfers that overlap with the attention side; 0 without such a side [s].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    clock_frac : float
        Clock as a share of its maximum, above 0.
    group_tokens : float
        Tokens computed by all replicas of the group.

    Examples
    --------
    >>> floor_s(Iteration(floor_bytes=2.0, floor_s_per_byte=0.5, floor_link_s=0.25), 1.0, 8)
    2.0
    """
    overlapped_s = max(far_s(coef, clock_frac, group_tokens), coef.floor_link_s * group_tokens)
    return (1.0 - coef.floor_exposed_frac) * overlapped_s


def shared_s(coef: Iteration, clock_frac: float, group_tokens: float) -> float:
    """What the whole group does together: routed experts, all-to-all, sides that take turns [s].

    Parameters
    ----------
    coef, clock_frac, group_tokens
        As in :func:`floor_s`.

    Examples
    --------
    >>> experts = Iteration(expert_bytes=8.0, expert_miss_frac=0.5, expert_s_per_byte=0.5)
    >>> shared_s(experts, 1.0, 2)
    3.0
    """
    read_s = coef.expert_bytes * expert_frac(coef, group_tokens) * coef.expert_s_per_byte
    computed_s = coef.expert_flop * group_tokens * coef.expert_s_per_flop / clock_frac
    sent_s = coef.group_link_bytes * group_tokens * coef.group_link_s_per_byte
    turns_s = far_s(coef, clock_frac, group_tokens) + 2.0 * coef.floor_link_s * group_tokens
    return coef.group_overhead_s + max(read_s, computed_s) + sent_s + coef.floor_exposed_frac * turns_s


def rank_s(
    coef: Iteration,
    clock_frac: float,
    decode_requests: float,
    decode_context_tokens: float,
    prefill_tokens: float,
    prefill_requests: float,
    prefill_pairs: float,
) -> float:
    """What a replica does alone in one iteration [s]; the lane of a pipeline through all stages.

    Parameters
    ----------
    coef, clock_frac, decode_requests, decode_context_tokens, prefill_tokens, prefill_requests, prefill_pairs
        As in :func:`iteration_s`.

    Examples
    --------
    >>> rank_s(Iteration(token_flop=2.0, linear_s_per_flop=0.5, verify_tokens=2.0), 0.5, 3, 0, 0, 0, 0)
    12.0
    """
    verified = decode_requests * coef.verify_tokens
    tokens = verified + prefill_tokens
    read_s = (coef.weights_bytes + coef.token_bytes * tokens) * coef.weights_s_per_byte
    computed_s = coef.token_flop * coef.linear_s_per_flop * tokens
    computed_s += coef.sequence_flop * coef.head_s_per_flop * (verified + prefill_requests)
    drafting_s = coef.draft_s if decode_requests > 0 else 0.0
    launching_s = coef.prompt_overhead_s if prefill_tokens > 0 else 0.0
    sent_s = coef.token_link_bytes * coef.link_s_per_byte + coef.token_hop_bytes * coef.hop_s_per_byte
    return (
        coef.overhead_s
        + coef.sequence_s * (decode_requests + prefill_requests)
        + drafting_s
        + launching_s
        + max(read_s, computed_s / clock_frac)
        + context_s(coef, clock_frac) * decode_context_tokens
        + pair_s(coef, clock_frac) * prefill_pairs
        + window_s(coef, clock_frac, decode_requests, decode_context_tokens, prefill_tokens, prefill_pairs)
        + sent_s * tokens
    )


def growth_s(
    coef: Iteration,
    clock_frac: float,
    decode_requests: float,
    chunk_tokens: float,
    decode_fills: bool = False,
    chunk_fills: bool = False,
) -> float:
    """How much longer :func:`rank_s` of each next iteration of a run is [s].

    Contexts grow by one token a sequence, and the prefix of a chunk by the chunk.

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    clock_frac : float
        Clock as a share of its maximum, above 0.
    decode_requests, chunk_tokens : float
        Sequences in decode, not padded; tokens of a chunk that takes the same size in every iteration.
    decode_fills, chunk_fills : bool
        Whether their windows fill up meanwhile, see :func:`until_full`.

    Examples
    --------
    >>> growth_s(Iteration(context_bytes=2.0, kv_s_per_byte=0.5), 1.0, 8, 0)
    8.0
    """
    pairs = chunk_tokens * chunk_tokens
    grown_s = context_s(coef, clock_frac) * decode_requests + pair_s(coef, clock_frac) * pairs
    if decode_fills:
        grown_s += sequence_window_s(coef, clock_frac) * decode_requests / coef.window_tokens
    if chunk_fills:
        grown_s += token_window_s(coef, clock_frac) * pairs / coef.prompt_window_tokens
    return grown_s


def iteration_s(
    coef: Iteration,
    clock_frac: float,
    decode_requests: float,
    decode_context_tokens: float,
    prefill_tokens: float,
    prefill_requests: float,
    prefill_pairs: float,
) -> float:
    """Duration of one iteration of a group of one replica [s].

    Parameters
    ----------
    coef : Iteration
        Coefficients.
    clock_frac : float
        Clock as a share of its maximum, above 0.
    decode_requests, decode_context_tokens : float
        Sequences that decode, and the sum of their contexts.
    prefill_tokens, prefill_requests, prefill_pairs : float
        Prompt tokens computed, prompts they belong to, and their query-key pairs: a piece of ``c`` tokens
        after ``p`` computed ones has ``c * p + c * (c + 1) / 2``.

    Examples
    --------
    >>> iteration_s(Iteration(token_flop=2.0, linear_s_per_flop=0.5), 0.5, 3, 0, 0, 0, 0)
    6.0
    """
    tokens = decode_requests * coef.verify_tokens + prefill_tokens
    alone_s = rank_s(
        coef, clock_frac, decode_requests, decode_context_tokens, prefill_tokens, prefill_requests, prefill_pairs
    )  # fmt: skip
    return shared_s(coef, clock_frac, tokens) + max(floor_s(coef, clock_frac, tokens), alone_s)


RELATIONS = (
    expert_frac, hbm_bytes, flop, link_bytes, context_s, pair_s, windows, until_full, sequence_window_s,
    token_window_s, window_s, far_s, floor_s, shared_s, rank_s, growth_s, iteration_s,
)  # fmt: skip
"""Functions of an iteration, callees before callers: what a compiler must know to compile any of them."""
