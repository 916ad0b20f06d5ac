"""Time of what the GPUs of a group do together: routed experts of a layer, collectives, exchange of tokens.

How many experts a batch touches and how many tokens the busiest GPU computes follow from the popularity of the experts
(:func:`expert_load`). A collective is the faster of a low-latency and a bulk protocol, each affine in the bytes.

Sources: exchange between tokens and experts DeepSeek-AI, *DeepEP*, 2025; one-shot and ring all-reduce Thakur,
Rabenseifner and Gropp, IJHPCA 2005; popularity by a power law as in the public benchmark collector of
ai-dynamo/aiconfigurator, 2026.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.kernels import Amount, Device, Seconds, joined_s

_DRAWS = 32
_GATED_MATRICES = 3.0


class Moe(NamedTuple):
    """Constants of the routed experts of one layer on one GPU: permute, grouped GEMMs, add up.

    Parameters
    ----------
    launch_s : float
        Paid in any case [s].
    compute_efficiency_frac, memory_efficiency_frac : float
        Shares of the peaks that large shapes reach, in (0, 1].
    sharpness : float
        Exponent of the p-norm of arithmetic, reading and chain, 1 (sum) or larger.
    step_s : float
        For each element of hidden and expert size, the depths of the two GEMMs [s].
    expert_s : float
        For each expert that is touched [s].
    pair_passes, token_passes : float
        How often the activations of a pair of token and expert, and those of a token, move through memory.
    tile_rows, tile_columns : float
        Tokens of an expert and columns of experts are computed in multiples of these.
    """

    launch_s: float
    compute_efficiency_frac: float
    memory_efficiency_frac: float
    sharpness: float
    step_s: float
    expert_s: float
    pair_passes: float
    token_passes: float
    tile_rows: float
    tile_columns: float


class Collective(NamedTuple):
    """Constants of a collective inside one NVLink domain.

    Parameters
    ----------
    launch_s, gpu_s : float
        Floor of two GPUs, and for each further one [s].
    low_latency_efficiency_frac : float
        Share of the link rate of the low-latency protocol, in (0, 1].
    bulk_s, bulk_gpu_s : float
        What the bulk protocol takes to start, and for each GPU above two [s].
    link_efficiency_frac : float
        Share of the link rate of the bulk protocol between two GPUs, in (0, 1].
    growth : float
        Exponent of the GPUs, over two, by which this share grows, up to 1.
    sharpness : float
        How abruptly the faster protocol takes over, 1 or larger.
    grace_ratio : float
        Floor with a Grace host over that with an x86 host.
    """

    launch_s: float
    gpu_s: float
    low_latency_efficiency_frac: float
    bulk_s: float
    bulk_gpu_s: float
    link_efficiency_frac: float
    growth: float
    sharpness: float
    grace_ratio: float


class AllToAll(NamedTuple):
    """Constants of one way of the exchange between tokens and experts.

    Parameters
    ----------
    launch_s, start_s : float
        Floor of the whole exchange, and what precedes the transfer [s].
    link_efficiency_frac : float
        Share of the link rate, of values counted with two bytes each, above 0; narrow values go above 1.
    token_s : float
        For each token of a GPU [s].
    sharpness : float
        Exponent of the p-norm of floor and transfer, 1 (sum) or larger.
    grace_ratio : float
        Floor with a Grace host over that with an x86 host.
    """

    launch_s: float
    start_s: float
    link_efficiency_frac: float
    token_s: float
    sharpness: float
    grace_ratio: float


class ExpertLoad(NamedTuple):
    """Work of the GPU with the most tokens, a mean over draws of the popularity.

    Parameters
    ----------
    touched : float
        Its experts that have a token.
    pairs : float
        Its pairs of token and expert.
    rows : float
        The same, each expert rounded up to whole tiles.
    """

    touched: float
    pairs: float
    rows: float


@lru_cache(maxsize=65536)
def expert_load(
    tokens: int, active: int, experts: int, ranks: int = 1, exponent: float = 0.0, tile_rows: int = 1
) -> ExpertLoad:
    """Experts and tokens that the busiest of the GPUs has to do with.

    Parameters
    ----------
    tokens, active : int
        Tokens of the whole group, 1 or more; experts that each takes.
    experts, ranks : int
        Routed experts, and GPUs that they are dealt out to in equal number.
    exponent : float
        Popularity of an expert falls as a power law with this exponent; 0 is perfectly even.
    tile_rows : int
        See :class:`Moe`.

    Examples
    --------
    >>> expert_load(4, 2, 8)
    ExpertLoad(touched=8.0, pairs=8.0, rows=8.0)
    >>> expert_load(512, 8, 128, 8, 1.2).pairs > 512.0  # even: 512 pairs on each GPU
    True
    """
    counts = _even(tokens * active, experts, ranks)
    if exponent > 0.0:
        dealt = np.minimum(_popular(tokens, active, experts, exponent), tokens)
        by_rank = dealt.reshape(_DRAWS, ranks, experts // ranks)
        counts = by_rank[np.arange(_DRAWS), by_rank.sum(axis=2).argmax(axis=1)]
    rows = np.ceil(counts / tile_rows) * tile_rows
    touched, pairs, tiled = (float(x.sum(axis=1).mean()) for x in (counts > 0, counts, rows))
    return ExpertLoad(touched, pairs, tiled)


def _even(pairs: int, experts: int, ranks: int) -> NDArray[np.float64]:
    """One draw: every expert the same, or one token each as far as they go."""
    here = experts // ranks
    if pairs >= experts:
        return np.full((1, here), pairs / experts)
    return np.asarray(np.arange(here)[None] < max(1.0, np.ceil(here * pairs / experts)), float)


def _popular(tokens: int, active: int, experts: int, exponent: float) -> NDArray[np.float64]:
    """Tokens of each expert, draws by experts, in an order without meaning.

    Weights follow a power law from 1 to 0.8 of the tokens, or from 0.01 to 2 where pairs are fewer than experts;
    what rounding leaves over goes to, or comes from, the most popular.
    """
    pairs = tokens * active
    low, high = (1.0, 0.8 * tokens) if pairs > experts else (0.01, 2.0)
    power = 1.0 - exponent if exponent != 1.0 else 1e-9
    generator = np.random.default_rng(7)
    uniform = generator.random((_DRAWS, experts))
    weight = ((high**power - low**power) * uniform + low**power) ** (1.0 / power)
    counts = np.round(weight / weight.sum(axis=1, keepdims=True) * pairs)
    order = np.argsort(-counts, axis=1)
    left = (pairs - counts.sum(axis=1)).astype(int)
    for draw, extra in enumerate(left):
        counts[draw, order[draw, : abs(extra)]] += np.sign(extra)
    return np.asarray(np.maximum(counts, 0.0))


def moe_s(
    c: Moe, on: Device, load: ExpertLoad | NDArray[np.float64], tokens: Amount, hidden: Amount, width: Amount,
    weight_bytes: float,
) -> Seconds:  # fmt: skip
    """Time of the routed experts of one layer on one GPU, gated feed-forward [s].

    Parameters
    ----------
    c, on : Moe, Device
        Constants and peaks.
    load : ExpertLoad or array
        Of the tile rows of the constants; or an array whose last axis holds its three numbers.
    tokens : float or array
        Tokens of the whole group, which the kernel looks through.
    hidden, width : float or array
        Sizes; the width is that of one expert on this GPU.
    weight_bytes : float
        Of a weight, scales included.

    Examples
    --------
    >>> c = Moe(25e-6, 0.8, 0.8, 1.0, 0.0, 0.0, 0.0, 0.0, 16, 1)
    >>> h200 = Device(1978e12, 4.8e12, 132)
    >>> round(float(moe_s(c, h200, expert_load(64, 8, 256, tile_rows=16), 64.0, 7168.0, 2048.0, 1.0)) * 1e6)
    3189
    """
    touched, pairs, rows = np.moveaxis(np.asarray(load, float), -1, 0)
    weights = _GATED_MATRICES * np.asarray(hidden) * width
    columns = np.ceil(np.asarray(width) / c.tile_columns) * c.tile_columns
    flop = 2.0 * _GATED_MATRICES * np.asarray(hidden) * columns * rows
    together_s = joined_s(
        c.sharpness,
        flop / (c.compute_efficiency_frac * on.flop_per_s),
        touched * weights * weight_bytes / (c.memory_efficiency_frac * on.memory_bytes_per_s),
        c.step_s * (np.asarray(hidden) + width),
    )
    values = c.pair_passes * pairs * (2.0 * np.asarray(hidden) + 3.0 * np.asarray(width))
    values = values + c.token_passes * np.asarray(tokens) * hidden
    moved_s = 2.0 * values / on.memory_bytes_per_s
    return np.asarray(c.launch_s + together_s + c.expert_s * touched + moved_s)


_SHARE_PASSES = {
    "all_reduce": 2.0,
    "one_shot_all_reduce": 2.0,
    "all_gather": 1.0,
    "reduce_scatter": 1.0,
    "alltoall": 1.0,
}


def collective_s(
    c: Collective, on: Device, operation: str, gpus: Amount, message_bytes: Amount, is_grace: Amount = False
) -> Seconds:
    """Time of a collective inside one NVLink domain [s].

    Parameters
    ----------
    c, on : Collective, Device
        Constants and peaks.
    operation : str
        ``all_reduce``, ``one_shot_all_reduce`` (small messages go whole to each peer), ``all_gather``,
        ``reduce_scatter`` or ``alltoall``.
    gpus, message_bytes : float or array
        GPUs, 2 or more, and the whole message of a GPU [bytes].
    is_grace : bool or array
        The host is a Grace CPU.

    Examples
    --------
    >>> c = Collective(6e-6, 1e-6, 0.1, 5e-6, 0.0, 0.8, 0.0, 20.0, 1.0)
    >>> h100 = Device(989e12, 3.35e12, 132, link_bytes_per_s=450e9)
    >>> [round(float(collective_s(c, h100, "all_reduce", 8.0, size)) * 1e6) for size in (1e3, 1e9)]
    [12, 4878]
    """
    n, sent = np.asarray(gpus, float), np.asarray(message_bytes, float)
    share = _SHARE_PASSES[operation] * (n - 1.0) / n
    small = n - 1.0 if operation == "one_shot_all_reduce" else share
    floor_s = (c.launch_s + c.gpu_s * (n - 2.0)) * np.where(is_grace, c.grace_ratio, 1.0)
    bulk_frac = np.minimum(c.link_efficiency_frac * (n / 2.0) ** c.growth, 1.0)
    low_s = floor_s + small * sent / (c.low_latency_efficiency_frac * on.link_bytes_per_s)
    start_s = c.bulk_s + c.bulk_gpu_s * (n - 2.0)
    bulk_s = floor_s + start_s + share * sent / (bulk_frac * on.link_bytes_per_s)
    return 1.0 / joined_s(c.sharpness, 1.0 / low_s, 1.0 / bulk_s)


def all_to_all_s(
    c: AllToAll,
    on: Device,
    gpus: Amount,
    tokens: Amount,
    hidden: Amount,
    active: Amount,
    is_grace: Amount = False,
) -> Seconds:
    """Time of one way of the exchange between tokens and experts inside one NVLink domain [s].

    A token travels once to each GPU that holds one of its experts.

    Parameters
    ----------
    c, on : AllToAll, Device
        Constants and peaks.
    gpus, tokens : float or array
        GPUs, and tokens of each.
    hidden, active : float or array
        Size of a token, and experts it takes.
    is_grace : bool or array
        The host is a Grace CPU.

    Examples
    --------
    >>> c = AllToAll(50e-6, 0.0, 0.5, 0.0, 4.0, 1.0)
    >>> h100 = Device(989e12, 3.35e12, 132, link_bytes_per_s=450e9)
    >>> [round(float(all_to_all_s(c, h100, 8.0, tokens, 7168.0, 8.0)) * 1e6) for tokens in (1.0, 4096.0)]
    [50, 1370]
    """
    n = np.asarray(gpus, float)
    copies = n * (1.0 - (1.0 - 1.0 / n) ** active)
    sent = 2.0 * np.asarray(tokens) * hidden * copies
    sent_s = (
        c.start_s + sent / (c.link_efficiency_frac * on.link_bytes_per_s) + c.token_s * np.asarray(tokens)
    )
    return joined_s(c.sharpness, c.launch_s * np.where(is_grace, c.grace_ratio, 1.0), sent_s)
