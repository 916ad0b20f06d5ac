"""Small sites for tests of the event twin of serving."""

from __future__ import annotations

import numpy as np

from twin.models.serving.records import (
    AMOUNTS,
    CURSOR,
    DECODE,
    ENGINE,
    LIMITS,
    OUTSTANDING_TOKENS,
    PREFILL,
    ROW,
    Inputs,
    Params,
)
from twin.physics.inference import Iteration
from twin.processes.serving import EventServing

HALF_SECOND = Iteration(overhead_s=0.5)
ROOMY = {"kv_blocks": 10_000, "max_batch": 16, "max_batched_tokens": 10_000}
NAN = np.nan
TIGHT = {"is_paged": 1, "kv_blocks": 4, "block_tokens": 4}
CACHE = {"has_prefix_cache": 1, "kv_blocks": 4, "block_tokens": 4, "max_batched_tokens": 4}
PREFILLS = {"role": PREFILL, "handoff_s": 0.25, "kv_bytes_per_token": 1.0, "send_bytes_per_s": 8.0}
DECODES = {"role": DECODE, "group": 1}


def lowest_open(view, is_open, request):
    """The first replica that is open."""
    return int(np.argmax(is_open)) if is_open.any() else -1


def next_open(view, is_open, request):
    """In turn."""
    order = [(int(request[CURSOR]) + k) % len(is_open) for k in range(len(is_open))]
    return next((replica for replica in order if is_open[replica]), -1)


def fewest_tokens(view, is_open, request):
    """As the router sees it."""
    return min(np.flatnonzero(is_open).tolist(), key=lambda r: (view[OUTSTANDING_TOKENS, r], r))


def in_order(request, tenant, common, limits, now_s):
    """First come, first served, by row."""
    return float(request[ROW])


def everyone(totals, request, tenant, common, limits, now_s):
    """Let all in."""
    return True


def site(*replicas, kinds=(HALF_SECOND,), **params):
    """Parameters of replicas that differ from the roomy default by the given limits."""
    engines = np.zeros(len(replicas), ENGINE)
    for limit in LIMITS:
        engines[limit.name] = limit.default
    for index, limits in enumerate(replicas):
        for name, value in (ROOMY | limits).items():
            engines[name][index] = value
    coefficients = np.array([tuple(kind) for kind in kinds], [(name, "f8") for name in Iteration._fields])
    defaults = Params(
        coefficients, engines, np.zeros(0, np.int64), np.zeros(0), 0.0, 1.0, 7,
        lowest_open, lowest_open, in_order, everyone, np.zeros(0),
    )  # fmt: skip
    return defaults._replace(**params)


def inputs(params, clock=1.0, up=True, alive=True):
    """The same for all replicas, or one value each."""
    count = len(params.engines)
    given = ((clock, float), (up, bool), (alive, bool), (params.engines["role"], np.int64))
    return Inputs(*(np.array(np.broadcast_to(value, count), dtype) for value, dtype in given))


def serve(params, requests, steps=None, paths=None):
    """Serve all; returns the twin and the sums over the steps (amounts by name, rows left, gaps by length)."""
    twin = EventServing(params, requests, paths)
    outs = [twin.advance(*step) for step in steps or [(inputs(params), np.inf)]]
    sums = {name: sum(getattr(out, name) for out in outs) for name in AMOUNTS}
    sums["left_rows"] = np.concatenate([out.left_rows for out in outs]).tolist()
    gaps: dict[float, int] = {}
    for run in np.concatenate([out.gaps for out in outs]).tolist():
        _, sequences, steps_of_run, first_s, growth_s = run
        for j in range(steps_of_run):
            gaps[first_s + j * growth_s] = gaps.get(first_s + j * growth_s, 0) + sequences
    return twin, sums | {"gaps": gaps}


def equal(found, expected):
    np.testing.assert_array_equal(found, np.array(expected, dtype=float))


def chains(*chains_of_ids):
    """Prompts of whole cached blocks of four tokens."""
    counts = [len(ids) for ids in chains_of_ids]
    return {
        "prefix_ids": [ident for ids in chains_of_ids for ident in ids],
        "prefix_start": np.cumsum([0, *counts[:-1]]),
        "prefix_blocks": counts,
        "prefix_block_tokens": 4,
    }
