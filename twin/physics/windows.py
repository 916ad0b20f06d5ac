"""Attention of layers that see a part of the context only: a window of the last tokens, or what an indexer picks.

Part of the price of an iteration, :mod:`twin.physics.inference`; compiled with it. Sources: as there.
"""

from __future__ import annotations

import math

from twin.physics.iteration import Iteration


def windows(full_tokens: float, tokens: float, context: float) -> float:
    """Full windows that some tokens together see as much of; each sees its context where that is shorter.

    Exact where all contexts are on one side of the window, else a little more than they see.

    Parameters
    ----------
    full_tokens : float
        Context that fills a window; 0 where each counts as full.
    tokens, context : float
        Tokens that look back, and the sum of their contexts.

    Examples
    --------
    >>> windows(100.0, 4, 200), windows(100.0, 4, 4000), windows(0.0, 4, 200)
    (2.0, 4.0, 4.0)
    """
    if full_tokens == 0.0:
        return float(tokens)
    return float(min(tokens, context / full_tokens))


def until_full(full_tokens: float, tokens: float, context: float, growth: float) -> float:
    """Iterations, this one included, in which windows fill up; infinite where they do not grow (any more).

    Parameters
    ----------
    full_tokens, tokens, context : float
        As in :func:`windows`.
    growth : float
        Tokens by which the context grows in each iteration.

    Examples
    --------
    >>> until_full(100.0, 4, 200, 4), until_full(100.0, 4, 4000, 4)
    (51.0, inf)
    """
    room = full_tokens * tokens - context
    if room <= 0.0 or growth <= 0.0:
        return math.inf
    return float(math.floor(room / growth) + 1)


def window_s(
    coef: Iteration,
    clock_frac: float,
    decode_requests: float,
    decode_context_tokens: float,
    prefill_tokens: float,
    prefill_pairs: float,
) -> float:
    """Attention of layers that see a window [s].

    Parameters
    ----------
    coef, clock_frac, decode_requests, decode_context_tokens, prefill_tokens, prefill_pairs
        As in :func:`~twin.physics.inference.iteration_s`.

    Examples
    --------
    >>> half_full = Iteration(window_bytes=2.0, kv_s_per_byte=0.5, window_tokens=100.0)
    >>> window_s(half_full, 1.0, 3, 150, 0, 0), window_s(half_full, 1.0, 3, 450, 0, 0)
    (1.5, 3.0)
    """
    decoded = windows(coef.window_tokens, decode_requests, decode_context_tokens)
    prompted = windows(coef.prompt_window_tokens, prefill_tokens, prefill_pairs)
    return sequence_window_s(coef, clock_frac) * decoded + token_window_s(coef, clock_frac) * prompted


def sequence_window_s(coef: Iteration, clock_frac: float) -> float:
    """Full windows of a sequence in decode [s].

    Examples
    --------
    >>> sequence_window_s(Iteration(window_bytes=2.0, kv_s_per_byte=0.5), 1.0)
    1.0
    """
    computed_s = coef.window_flop * coef.context_s_per_flop / clock_frac * coef.verify_tokens
    return max(coef.window_bytes * coef.kv_s_per_byte, computed_s)


def token_window_s(coef: Iteration, clock_frac: float) -> float:
    """Full windows of a token of a prompt [s].

    Examples
    --------
    >>> token_window_s(Iteration(window_flop=2.0, attention_s_per_flop=0.5), 0.5)
    2.0
    """
    return coef.window_flop * coef.attention_s_per_flop / clock_frac
