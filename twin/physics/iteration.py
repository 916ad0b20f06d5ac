"""The numbers that price an iteration: what :mod:`twin.physics.inference` computes with."""

from __future__ import annotations

from typing import NamedTuple


class Iteration(NamedTuple):
    """Coefficients of an iteration; amounts are those of one GPU. All zero or positive, zero is free.

    Made by :func:`~twin.physics.parallel.coefficients` and
    :func:`~twin.physics.disaggregation.afd_coefficients`.

    Parameters
    ----------
    overhead_s : float
        Per iteration at any clock [s].
    weights_bytes, expert_bytes : float
        Weights that every iteration reads, and all routed experts [bytes].
    expert_miss_frac : float
        Share of experts that one token leaves alone, ``1 - active/experts``.
    token_bytes, token_link_bytes, token_flop : float
        Per token: KV cache written, sent in all-reduces [bytes]; linear layers without routed experts
        [FLOP].
    sequence_flop : float
        Output head, once for each token that it predicts [FLOP].
    context_bytes, context_flop : float
        Decode attention per token of context [bytes, FLOP]; the FLOP of one verified token.
    pair_flop : float
        Prefill attention per pair of query and key [FLOP].
    weights_s_per_byte, kv_s_per_byte, link_s_per_byte : float
        Inverse rates reached [s/byte].
    linear_s_per_flop, head_s_per_flop, attention_s_per_flop, context_s_per_flop : float
        Inverse rates reached at full clock by linear layers, output head, attention of prompts and attention of
        decode [s/FLOP].
    prompt_overhead_s : float
        What an iteration with prompt pieces costs besides, at any clock: it is launched kernel by kernel, not as a
        captured graph [s].
    sequence_s : float
        CPU time of the engine for each sequence in decode and each prompt piece [s].
    verify_tokens : float
        Tokens that each sequence in decode computes, ``1 + drafts``.
    draft_s : float
        Drafting, once an iteration that decodes [s]. Its FLOP and bytes are not counted.
    window_bytes : float
        KV read for each sequence in decode by layers that see a part of the context only, once that is full [bytes].
    window_flop : float
        Attention of such layers for each token computed, once the window is full [FLOP].
    window_tokens, prompt_window_tokens : float
        Context that fills the window of decode, and mean context that fills that of a prompt; 0 where it always
        counts as full.
    token_hop_bytes, hop_s_per_byte : float
        Per token: sent to the next stage of a pipeline [bytes], and the inverse rate [s/byte].
    group_overhead_s : float
        What the group pays an iteration at any clock: launch of experts, latency of all-to-all [s].
    group_link_bytes, group_link_s_per_byte : float
        Per token of the group: sent in all-to-all [bytes], and the inverse rate [s/byte].
    expert_flop : float
        Routed experts per token of the group [FLOP].
    expert_batch_frac : float
        Share of the tokens of the group that one pass over the experts computes: below one with several
        copies of the experts, lanes of a pipeline, or micro-batches.
    expert_s_per_byte, expert_s_per_flop : float
        Inverse rates reached by routed experts, the latter at full clock [s/byte, s/FLOP].
    floor_overhead_s : float
        Separate feed-forward side per iteration at any clock [s].
    floor_bytes, floor_expert_bytes : float
        Read by one of its GPUs: always, and if all routed experts are touched [bytes].
    floor_flop : float
        Its work on one GPU per token of the group [FLOP].
    floor_s_per_byte, floor_s_per_flop : float
        Its inverse rates [s/byte, s/FLOP].
    floor_link_s : float
        Transfer between the sides, one way, all layers, per token of the group [s].
    floor_exposed_frac : float
        1 where the sides take turns, 0 where they overlap.

    Notes
    -----
    The defaults make degenerate engines for tests against queueing theory.

    Examples
    --------
    >>> from twin.physics.inference import iteration_s
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
    head_s_per_flop: float = 0.0
    attention_s_per_flop: float = 0.0
    context_s_per_flop: float = 0.0
    prompt_overhead_s: float = 0.0
    sequence_s: float = 0.0
    verify_tokens: float = 1.0
    draft_s: float = 0.0
    window_bytes: float = 0.0
    window_flop: float = 0.0
    window_tokens: float = 0.0
    prompt_window_tokens: float = 0.0
    token_hop_bytes: float = 0.0
    hop_s_per_byte: float = 0.0
    group_overhead_s: float = 0.0
    group_link_bytes: float = 0.0
    group_link_s_per_byte: float = 0.0
    expert_flop: float = 0.0
    expert_batch_frac: float = 1.0
    expert_s_per_byte: float = 0.0
    expert_s_per_flop: float = 0.0
    floor_overhead_s: float = 0.0
    floor_bytes: float = 0.0
    floor_expert_bytes: float = 0.0
    floor_flop: float = 0.0
    floor_s_per_byte: float = 0.0
    floor_s_per_flop: float = 0.0
    floor_link_s: float = 0.0
    floor_exposed_frac: float = 0.0
