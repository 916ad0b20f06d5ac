"""A fixed number of requests in flight: time per output token, time to first token, and where the time goes.

Load generators keep ``concurrency`` requests in flight. A replica then decodes its share of them at the mean
context, and every iteration brings as many new prompts as sequences end: their work comes on top of decode, and
launching the iteration without a captured graph is paid once, or for each :data:`CHUNK_TOKENS` of them. The first
token waits for the client's edge, for some iterations until the scheduler looks, for the prompts ahead, with their
share of such launches, and for its own prompt.

The price of an iteration is that of :mod:`twin.physics.inference`, which the serving models use as well.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from twin.perf.configuration import Resolved
from twin.physics import inference

MOST_BUSY = 0.95
"""Prefill never looks busier than this (assumption, 2026-11): a closed loop slows its clients down before."""

POLLED_BATCH, EARLY_POLL_FRAC = 16.0, 1.0 / 3.0
"""Requests in flight from which an SGLang server that looks at its queue in intervals waits a whole one, and the share
that it waits before: InferenceX 0b5f821, benchmarks/dsr1_fp8_b200_slurm.sh (10 iterations, then 30), 2026-11."""

ROUNDS, LEAST_BATCH = 12, 0.2
"""Halving steps towards the batch of a decode side that prefill feeds, and the batch below which none is sought."""

CHUNK_TOKENS = 8192.0
"""Prompt tokens of an iteration at most: the default of the three engines, 2026-11."""


class Loop(NamedTuple):
    """Times of a closed loop.

    Parameters
    ----------
    tpot_s, ttft_s : float
        Mean time per output token after the first, and to the first token [s].
    batch : float
        Sequences in decode at a replica.
    prompts : float
        Prompts that an iteration brings.
    parts_s : dict of str to float
        Shares of ``tpot_s``: launch, sequences, weights, experts, kv, links, prompts [s].
    """

    tpot_s: float
    ttft_s: float
    batch: float
    prompts: float
    parts_s: dict[str, float]


def accepted_tokens(acceptance: float, drafts: int) -> float:
    """Tokens that an iteration yields for a sequence when each draft is accepted with the same chance.

    Examples
    --------
    >>> accepted_tokens(0.5, 0), accepted_tokens(0.5, 2)
    (1.0, 1.75)
    """
    return sum(acceptance**i for i in range(drafts + 1)) if drafts else 1.0


def iteration_parts(r: Resolved, batch: float) -> dict[str, float]:
    """Parts of a decode iteration at the mean context [s]."""
    c, given = r.coefficients, r.given
    tokens = batch * c.verify_tokens
    group = tokens * given.layout.replicas
    context = given.isl + 0.5 * given.osl
    read_s = (c.weights_bytes + c.token_bytes * tokens) * c.weights_s_per_byte
    linear_s = (c.token_flop * c.linear_s_per_flop + c.sequence_flop * c.head_s_per_flop) * tokens
    experts_s = inference.shared_s(c, 1.0, group) - c.group_overhead_s
    sent_s = c.group_link_bytes * group * c.group_link_s_per_byte
    own_s = c.token_link_bytes * c.link_s_per_byte + c.token_hop_bytes * c.hop_s_per_byte
    return {
        "launch": c.overhead_s + c.group_overhead_s + c.draft_s,
        "sequences": c.sequence_s * batch,
        "weights": max(read_s, linear_s),
        "experts": experts_s - sent_s,
        "kv": (inference.context_s(c, 1.0) * batch * context)
        + inference.window_s(c, 1.0, batch, batch * context, 0.0, 0.0),
        "links": own_s * tokens + sent_s,
    }


def prompt_s(r: Resolved, prompts: float = 1.0) -> float:
    """Computing one prompt while as many replicas of the engine compute one each [s]."""
    c, isl = r.coefficients, r.given.isl
    token_s = (
        c.token_flop * c.linear_s_per_flop
        + prompts * c.expert_flop * c.expert_s_per_flop
        + c.token_link_bytes * c.link_s_per_byte
        + prompts * c.group_link_bytes * c.group_link_s_per_byte
    )
    return isl * (token_s + 0.5 * isl * inference.pair_s(c, 1.0))


def iteration_s(r: Resolved, batch: float, prompts: float, of_all: float | None = None) -> float:
    """An iteration at the mean context with so many prompts at each replica of an engine [s].

    Weights that decode reads serve prompts of the same iteration as well.

    Parameters
    ----------
    r : Resolved
        The configuration.
    batch, prompts : float
        Sequences in decode and prompts of a replica, 0 or more.
    of_all : float, optional
        Prompts of all replicas of the engine, where they are not equally many.

    Examples
    --------
    >>> from twin.perf.configuration import Configuration, resolve
    >>> r = resolve(Configuration("dgx-h100", "llama-3.1-8b", 1, 1024, 256, 8))
    >>> math.isclose(iteration_s(r, 8.0, 0.0), sum(iteration_parts(r, 8.0).values()))
    True
    """
    c, isl, ranks = r.coefficients, r.given.isl, r.given.layout.replicas
    context, tokens = batch * (isl + 0.5 * r.given.osl), prompts * isl
    own_s = inference.rank_s(c, 1.0, batch, context, tokens, prompts, 0.5 * tokens * isl)
    together = isl * (prompts * ranks if of_all is None else of_all)
    return inference.shared_s(c, 1.0, batch * c.verify_tokens * ranks + together) + own_s


def first_pass_s(r: Resolved) -> float:
    """One prompt alone: all weights that it meets are read once [s]."""
    c = r.coefficients
    touched = 1.0 - c.expert_miss_frac**r.given.isl if c.expert_bytes else 0.0
    read_s = c.weights_bytes * c.weights_s_per_byte + c.expert_bytes * touched * c.expert_s_per_byte
    return c.overhead_s + c.group_overhead_s + max(read_s, prompt_s(r))


def served(r: Resolved) -> Loop:
    """An engine that computes prompts and decodes.

    Parameters
    ----------
    r : Resolved
        The configuration.
    """
    given, ranks = r.given, r.given.layout.replicas
    share = given.concurrency / (given.engines * ranks)
    batch = min(share, max(r.room_tokens / (given.isl + 0.5 * given.osl), 1.0))
    yields = accepted_tokens(r.constant("draft_acceptance_frac"), given.drafts)
    parts = {name: value / yields for name, value in iteration_parts(r, batch).items()}
    decode_s = sum(parts.values())
    one_s, new, eager_s = prompt_s(r, ranks), batch / given.osl, r.coefficients.prompt_overhead_s
    launches = max(1.0 - math.exp(-new * yields), new * yields * given.isl / CHUNK_TOKENS)
    together = new * yields / launches
    added_s = iteration_s(r, batch, together) - iteration_s(r, batch, 0.0)
    parts["prompts"] = launches * added_s / yields
    tpot_s = decode_s + parts["prompts"]
    alone_s = first_pass_s(r) + eager_s
    cycle_s = alone_s + given.osl * tpot_s
    each_s = _queued_s(r, one_s)
    queue_s = _queue_s(r, each_s, batch, batch * each_s / cycle_s)
    waits = r.constant("wait_iterations")
    waits += r.constant("rank_wait_iterations") if given.attention_data > 1 else 0.0
    waits += r.constant("poll_iterations") * _polls(r, batch * ranks)
    held_s = max(share / batch - 1.0, 0.0) * cycle_s
    ttft_s = r.constant("edge_time_s") + waits * decode_s * yields + alone_s + queue_s + held_s
    return Loop(tpot_s, ttft_s, batch, new, parts)


def apart(prefill: Resolved, decode: Resolved) -> Loop:
    """Prefill engines that hand over to decode engines; both know the requests in flight of all.

    What the prefill side does not deliver does not decode, so the batch is a fixed point.
    """
    given, ranks = decode.given, prefill.given.layout.replicas
    one_s, eager_s = prompt_s(prefill, ranks), prefill.coefficients.prompt_overhead_s
    servers = prefill.given.engines * ranks
    alone_s = first_pass_s(prefill) + eager_s
    yields = accepted_tokens(decode.constant("draft_acceptance_frac"), given.drafts)
    flight, lanes = given.concurrency, given.engines * given.layout.replicas
    room = max(decode.room_tokens / (given.isl + 0.5 * given.osl), 1.0)
    each_s = _queued_s(prefill, one_s)
    top = servers / each_s
    batch = min(flight / lanes, room)
    parts, tpot_s, rate = {}, 0.0, flight
    for _ in range(ROUNDS):
        parts = {name: value / yields for name, value in iteration_parts(decode, batch).items()}
        tpot_s = sum(parts.values())
        rate = min(flight / (alone_s + given.osl * tpot_s), top)
        least = min(flight / lanes, LEAST_BATCH)
        batch = 0.5 * batch + 0.5 * min(max(rate * given.osl * tpot_s / lanes, least), room)
    queue_s = _queue_s(prefill, each_s, flight / servers, rate / top)
    held_s = max(flight / rate - given.osl * tpot_s - alone_s, 0.0)
    handoff_s = (
        given.isl
        * decode.handoff_bytes
        / decode.outside_bytes_per_s
        / decode.constant("link_efficiency_frac")
    )
    edge_s = decode.constant("edge_time_s") + decode.constant("handoff_time_s")
    told_s = decode.constant("handoff_iterations") * tpot_s * yields
    ttft_s = edge_s + alone_s + max(queue_s, held_s) + handoff_s + told_s
    return Loop(tpot_s, ttft_s, batch, 0.0, parts)


def _queued_s(r: Resolved, one_s: float) -> float:
    """A prompt among others: itself and its share of the launch of an iteration full of prompts [s]."""
    return one_s + r.coefficients.prompt_overhead_s * min(r.given.isl / CHUNK_TOKENS, 1.0)


def _queue_s(r: Resolved, each_s: float, ahead: float, busy_frac: float) -> float:
    """Wait behind the prompts of the others: those of the same wave, and those that clump by chance [s]."""
    busy = min(busy_frac, MOST_BUSY)
    burst = r.constant("steady_burst" if r.given.is_steady else "burst")
    return each_s * (0.5 * burst * ahead + r.constant("clump") * busy / (1.0 - busy))


def _polls(r: Resolved, flight: float) -> float:
    """Share of the interval between looks at the queue that counts."""
    if not r.given.is_polled:
        return 0.0
    is_early = r.given.engine == "sglang" and flight < POLLED_BATCH
    return EARLY_POLL_FRAC if is_early else 1.0
