"""Time of one kernel of one GPU from its shape: GEMM, attention over prompts and of new tokens.

Every kernel costs a launch and the longest of what it needs at once: arithmetic at a share of the peak, bytes at a
share of the bandwidth, and a chain of steps that no number of processors shortens. The three are joined by a p-norm
(:func:`joined_s`), sharp where a kernel overlaps them well. Arithmetic is counted in whole tiles: a tile that is half
empty costs as much as a full one, and so in part does a last wave that leaves processors idle.

All functions take floats or arrays that broadcast. Sources: roofline Williams, Waterman and Patterson, CACM 2009; tile
and wave quantisation NVIDIA, *Matrix Multiplication Background User's Guide*, 2023; attention in tiles Dao,
*FlashAttention-2*, 2023; latent attention DeepSeek-AI, *DeepSeek-V2*, 2024.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Amount = float | NDArray[np.float64]
Seconds = NDArray[np.float64]


class Device(NamedTuple):
    """Peaks of one GPU that a kernel works against.

    Parameters
    ----------
    flop_per_s, memory_bytes_per_s, link_bytes_per_s : float or array
        Dense arithmetic at the precision of the kernel [FLOP/s], memory and, one way, links to peers [bytes/s].
    processors : float or array
        Streaming multiprocessors.
    cache_bytes : float or array
        Last-level cache that still holds the operands from the call before [bytes]: its size for a kernel repeated
        on the same data, 0 inside a model, where other layers have swept it.
    """

    flop_per_s: Amount
    memory_bytes_per_s: Amount
    processors: Amount
    cache_bytes: Amount = 0.0
    link_bytes_per_s: Amount = 0.0


class Gemm(NamedTuple):
    """Constants of a dense GEMM, quantisation of its input included.

    Parameters
    ----------
    launch_s, floor_s : float
        Paid in any case, and the least that follows it, such as a second launch by the host [s].
    compute_efficiency_frac, memory_efficiency_frac : float
        Shares of the peaks that large shapes reach, in (0, 1].
    sharpness : float
        Exponent of the p-norm, 1 (sum) or larger.
    step_s : float
        Chain along the reduced dimension for each of its elements, for the least tile [s].
    split_depth : float
        Depth beyond which a kernel splits the chain over processors; 0 for never.
    row_s, input_passes_bytes : float
        Quantising the input: for each row [s], and bytes moved for each element.
    least_rows, most_rows, tile_columns : float
        Rows and columns of a tile; rows are the power of two that holds all, within these limits.
    whole_wave_frac : float
        How much of an incomplete last wave is paid as if whole, in [0, 1].
    """

    launch_s: float
    floor_s: float
    compute_efficiency_frac: float
    memory_efficiency_frac: float
    sharpness: float
    step_s: float
    split_depth: float
    row_s: float
    input_passes_bytes: float
    least_rows: float
    most_rows: float
    tile_columns: float
    whole_wave_frac: float


class Prefill(NamedTuple):
    """Constants of causal attention over prompts.

    Parameters
    ----------
    launch_s, compute_efficiency_frac, memory_efficiency_frac, sharpness
        As in :class:`Gemm`.
    step_s : float
        Chain along the keys for each token of a prompt [s].
    tile_s : float
        For each tile of queries of a head, spread over the processors [s].
    kv_passes : float
        How often keys and values are moved, writing the cache included.
    tile_tokens : float
        Queries of a tile.
    """

    launch_s: float
    compute_efficiency_frac: float
    memory_efficiency_frac: float
    sharpness: float
    step_s: float
    tile_s: float
    kv_passes: float
    tile_tokens: float


class Decode(NamedTuple):
    """Constants of attention of one new token a sequence.

    Parameters
    ----------
    launch_s, compute_efficiency_frac, memory_efficiency_frac, sharpness
        As in :class:`Gemm`.
    wide_heads, wide_compute_efficiency_frac : float
        Heads to a KV head up to which the tensor cores are used well, and the share of the peak beyond.
    cache_speedup : float
        Rate of the last-level cache over that of the memory.
    cache_start_frac, cache_end_frac : float
        KV bytes over cache size where the first and where all bytes come from memory.
    cold_s : float
        Paid besides where they do [s].
    step_s : float
        Chain along the context for each token of it [s].
    group_s : float
        For each sequence and KV head, spread over the processors [s].
    head_s : float
        For each sequence and head [s].
    least_heads : float
        Heads that are computed in any case.
    """

    launch_s: float
    compute_efficiency_frac: float
    wide_heads: float
    wide_compute_efficiency_frac: float
    memory_efficiency_frac: float
    sharpness: float
    cache_speedup: float
    cache_start_frac: float
    cache_end_frac: float
    cold_s: float
    step_s: float
    group_s: float
    head_s: float
    least_heads: float


def joined_s(sharpness: float, *parts_s: Amount) -> Seconds:
    """Time of parts that overlap: their p-norm, the sum at 1 and the longest at infinity [s].

    Examples
    --------
    >>> float(joined_s(1.0, 3.0, 4.0)), float(joined_s(2.0, 3.0, 4.0))
    (7.0, 5.0)
    """
    parts = np.broadcast_arrays(*(np.asarray(part, float) for part in parts_s))
    longest = np.maximum(np.maximum.reduce(parts), 1e-30)
    total = np.asarray(sum((part / longest) ** sharpness for part in parts))
    return np.asarray(longest * total ** (1.0 / sharpness))


def gemm_s(
    c: Gemm, on: Device, rows: Amount, columns: Amount, depth: Amount,
    value_bytes: float, output_bytes: float = 2.0,
) -> Seconds:  # fmt: skip
    """Time of a GEMM of ``rows x depth`` by ``depth x columns`` [s].

    Parameters
    ----------
    c, on : Gemm, Device
        Constants and peaks.
    rows, columns, depth : float or array
        Tokens, outputs and inputs.
    value_bytes, output_bytes : float
        Bytes of a value that goes in, scales included, and of one that comes out.

    Examples
    --------
    >>> c = Gemm(3e-6, 0.0, 0.8, 0.8, 2.0, 0.0, 0.0, 0.0, 0.0, 128, 128, 128, 0.0)
    >>> h100 = Device(989e12, 3.35e12, 132)
    >>> round(float(gemm_s(c, h100, 1.0, 8192.0, 8192.0, 2.0)) * 1e6)
    58
    """
    m, n, k = (np.asarray(x, float) for x in (rows, columns, depth))
    tile = np.clip(2.0 ** np.ceil(np.log2(np.maximum(m, 1.0))), c.least_rows, c.most_rows)
    waves = np.ceil(m / tile) * np.ceil(n / c.tile_columns) / on.processors
    waves = (1.0 - c.whole_wave_frac) * waves + c.whole_wave_frac * np.ceil(waves)
    flop = 2.0 * tile * c.tile_columns * waves * on.processors * k
    moved = (n * k + m * k) * value_bytes + m * n * output_bytes
    chain = np.minimum(k, c.split_depth) if c.split_depth else k
    together_s = joined_s(
        c.sharpness,
        flop / (c.compute_efficiency_frac * on.flop_per_s),
        moved / (c.memory_efficiency_frac * on.memory_bytes_per_s),
        c.step_s * chain * tile / c.least_rows,
        c.floor_s,
    )
    quantise_s = c.row_s * m + c.input_passes_bytes * m * k / on.memory_bytes_per_s
    return np.asarray(c.launch_s + together_s + quantise_s)


def causal_pairs(tokens: Amount, window_tokens: Amount = 0.0) -> Seconds:
    """Pairs of query and key of a prompt; with a window each query sees that many keys at most.

    Examples
    --------
    >>> float(causal_pairs(4.0)), float(causal_pairs(4.0, 2.0))
    (10.0, 7.0)
    """
    limit = np.where(np.asarray(window_tokens) > 0.0, window_tokens, np.inf)
    seen = np.minimum(np.asarray(tokens, float), limit)
    return np.asarray(seen * (seen + 1.0) / 2.0 + (np.asarray(tokens, float) - seen) * seen)


def prefill_attention_s(
    c: Prefill, on: Device, sequences: Amount, tokens: Amount, heads: Amount, kv_heads: Amount,
    key_dim: Amount = 128.0, value_dim: Amount = 128.0, window_tokens: Amount = 0.0, prefix_tokens: Amount = 0.0,
) -> Seconds:  # fmt: skip
    """Time of causal attention of one layer over prompts, without projections [s].

    Parameters
    ----------
    c, on : Prefill, Device
        Constants and peaks.
    sequences, tokens : float or array
        Prompts and tokens of each.
    heads, kv_heads : float or array
        On this GPU; equal for latent attention, which is expanded for prompts.
    key_dim, value_dim : float or array
        Size of a head in keys and values.
    window_tokens, prefix_tokens : float or array
        Keys that a query sees at most, 0 for all; tokens before these that are in the KV cache already.

    Examples
    --------
    >>> c = Prefill(12e-6, 0.7, 0.5, 2.0, 0.0, 0.0, 1.0, 128)
    >>> h100 = Device(989e12, 3.35e12, 132)
    >>> round(float(prefill_attention_s(c, h100, 1.0, 8192.0, 32.0, 8.0)) * 1e6)
    919
    """
    b, s, h = (np.asarray(x, float) for x in (sequences, tokens, heads))
    tiles = np.ceil(s / c.tile_tokens)
    # Each tile of queries computes its last tile of keys whole.
    whole = tiles * c.tile_tokens
    pairs = causal_pairs(whole + prefix_tokens, window_tokens) - causal_pairs(prefix_tokens, window_tokens)
    pairs = pairs + whole * c.tile_tokens / 2.0
    flop = 2.0 * (key_dim + value_dim) * b * h * pairs
    values = b * (key_dim + value_dim) * (s * (h + c.kv_passes * kv_heads) + kv_heads * prefix_tokens)
    together_s = joined_s(
        c.sharpness, flop / (c.compute_efficiency_frac * on.flop_per_s), c.step_s * (s + prefix_tokens)
    )
    moved_s = 2.0 * values / (c.memory_efficiency_frac * on.memory_bytes_per_s)
    return np.asarray(c.launch_s + together_s + moved_s + c.tile_s * b * h * tiles / on.processors)


def decode_attention_s(
    c: Decode, on: Device, sequences: Amount, context_tokens: Amount, heads: Amount, kv_heads: Amount,
    cached_bytes: Amount, key_dim: Amount = 128.0, value_dim: Amount = 128.0,
) -> Seconds:  # fmt: skip
    """Time of attention of one layer for one new token a sequence [s].

    Parameters
    ----------
    c, on : Decode, Device
        Constants and peaks.
    sequences, context_tokens : float or array
        Sequences and the context of each; within a window no more than the window.
    heads, kv_heads : float or array
        On this GPU; one KV head for latent attention.
    cached_bytes : float or array
        KV of one token in this layer on this GPU [bytes].
    key_dim, value_dim : float or array
        Size of a head; 576 and 512 for latent attention, which is computed in the latent space.

    Notes
    -----
    Affine in the context while one part rules: what an event-jump over iterations needs.

    Examples
    --------
    >>> c = Decode(10e-6, 1.0, 64.0, 1.0, 0.9, 4.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    >>> h100 = Device(989e12, 3.35e12, 132)
    >>> round(float(decode_attention_s(c, h100, 64.0, 4096.0, 32.0, 8.0, 4096.0)) * 1e6)
    366
    """
    b, s, h = (np.asarray(x, float) for x in (sequences, context_tokens, heads))
    read = b * s * cached_bytes
    start, end = (share * np.asarray(on.cache_bytes) for share in (c.cache_start_frac, c.cache_end_frac))
    cold = np.clip((read - start) / np.maximum(end - start, 1.0), 0.0, 1.0)
    warm_s, cold_s = (
        read / (share * on.memory_bytes_per_s) for share in (c.cache_speedup, c.memory_efficiency_frac)
    )
    read_s = (1.0 - cold) * warm_s + cold * (cold_s + c.cold_s)
    is_wide = h > c.wide_heads * np.asarray(kv_heads)
    share = np.where(is_wide, c.wide_compute_efficiency_frac, c.compute_efficiency_frac)
    flop = 2.0 * b * s * np.maximum(h, c.least_heads) * (key_dim + value_dim)
    together_s = joined_s(
        c.sharpness,
        read_s,
        flop / (share * on.flop_per_s),
        c.step_s * s,
        c.group_s * b * kv_heads / on.processors,
    )
    return np.asarray(c.launch_s + together_s + c.head_s * b * h)
