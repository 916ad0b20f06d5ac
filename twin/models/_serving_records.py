"""The four records of :mod:`twin.models.serving`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Params(NamedTuple):
    """Replicas and their limits; made by :func:`make_params`.

    Parameters
    ----------
    coefficients : (kind,)
        Iteration coefficients, fields of :class:`~twin.physics.inference.Iteration`.
    kind_of_replica : (replica,)
        Index into ``coefficients``.
    kv_capacity_tokens, max_batch, max_batched_tokens : (replica,)
        KV cache [tokens], admitted requests, tokens an iteration.
    is_chunked : (replica,)
        Chunked prefill; otherwise separate.
    ingress_s, egress_s : (replica,)
        From the gateway to the replica and back [s].
    choose : callable
        Routing policy, see ``twin.policies.routing``.
    """

    coefficients: NDArray[np.void]
    kind_of_replica: Ints
    kv_capacity_tokens: Ints
    max_batch: Ints
    max_batched_tokens: Ints
    is_chunked: NDArray[np.bool_]
    ingress_s: Floats
    egress_s: Floats
    choose: Callable[..., int]


class Inputs(NamedTuple):
    """What others tell the replicas; constant over a step.

    Parameters
    ----------
    clock_frac : (replica,)
        Clock of the slowest GPU of the replica, 0 to 1; 0 halts it.
    is_up : (replica,)
        Takes new requests.
    """

    clock_frac: Floats
    is_up: NDArray[np.bool_]


class State(NamedTuple):
    """Requests and replicas; made by :func:`start`.

    Parameters
    ----------
    arrived_at_s, prompt_tokens, output_tokens : (request,)
        As given.
    first_token_at_s, done_at_s : (request,)
        At the client [s]; NaN where not yet.
    replica : (request,)
        -1 where not routed or rejected.
    is_rejected : (request,)
        Could not be served.
    next_row : (request,)
        Chains of requests in prefill or waiting.
    finished : (request,)
        Rows in the order in which they were done.
    replicas : (replica,)
        See ``_serving_kernel.REPLICA``.
    heap, heap_start
        Completions by replica, and where each replica's part starts.
    outstanding_tokens, outstanding_requests, is_up : (replica,)
        What the routing policy sees.
    load_tree, due_tree
        Minima of outstanding tokens and of next boundaries [s].
    counts : (5,)
        Next request, routing cursor, finished, rejected, boundaries.
    now_s : (1,)
        Instant [s].
    """

    arrived_at_s: Floats
    prompt_tokens: NDArray[np.int32]
    output_tokens: NDArray[np.int32]
    first_token_at_s: Floats
    done_at_s: Floats
    replica: NDArray[np.int32]
    is_rejected: NDArray[np.bool_]
    next_row: NDArray[np.int32]
    finished: NDArray[np.int32]
    replicas: NDArray[np.void]
    heap: Ints
    heap_start: Ints
    outstanding_tokens: Ints
    outstanding_requests: Ints
    is_up: NDArray[np.bool_]
    load_tree: Ints
    due_tree: Floats
    counts: Ints
    now_s: Floats


class Outputs(NamedTuple):
    """Work over the step and state at its end.

    A running iteration counts by the share of its time that has passed, so sums do not depend on steps.

    Parameters
    ----------
    busy_s : (replica,)
        Time in which an iteration ran [s].
    flop, hbm_bytes, link_bytes : (replica,)
        Work of **one GPU** of the replica [FLOP, bytes].
    iterations, prefill_tokens, output_tokens : (replica,)
        Of the replica.
    batch_requests, queue_requests, kv_tokens : (replica,)
        Admitted, routed but not admitted, reserved [tokens]; at the end of the step.
    finished_rows, rejected_rows : (n,)
        Requests whose last token was computed, and that were rejected, in the step.
    """

    busy_s: Floats
    flop: Floats
    hbm_bytes: Floats
    link_bytes: Floats
    iterations: Floats
    prefill_tokens: Floats
    output_tokens: Floats
    batch_requests: Floats
    queue_requests: Floats
    kv_tokens: Floats
    finished_rows: NDArray[np.int64]
    rejected_rows: NDArray[np.int64]
