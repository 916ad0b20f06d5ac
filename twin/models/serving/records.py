"""The tables of the serving models: what a replica is told, what it keeps, what policies see.

Both fidelities read their parameters from here; ``docs/serving-engine.md`` says what they mean together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BOTH, PREFILL, DECODE = range(3)
"""Roles of a replica."""

LAST_ADMITTED, LARGEST_RANK = range(2)
"""Who is preempted first."""

ENDLESS = np.iinfo(np.int64).max
NEVER = np.inf


class Limit(NamedTuple):
    """A parameter of a replica.

    Parameters
    ----------
    name : str
        Field of :data:`ENGINE`.
    dtype : str
        NumPy type.
    default : float
        Taken where nothing is given.
    least : float
        Smallest value allowed.
    meaning : str
        One line.
    """

    name: str
    dtype: str
    default: float
    least: float
    meaning: str


LIMITS = (
    Limit("kind", "i8", 0, 0, "index of its coefficients"),
    Limit("group", "i8", 0, 0, "replicas of a group stand together and step together"),
    Limit("role", "i8", BOTH, 0, "BOTH, PREFILL or DECODE at the start"),
    Limit("pool", "i8", 0, 0, "label for policies"),
    Limit("kv_blocks", "i8", 1, 1, "size of the KV cache in blocks"),
    Limit("block_tokens", "i8", 1, 1, "tokens of a block"),
    Limit("max_batch", "i8", 1, 1, "admitted requests"),
    Limit("max_batched_tokens", "i8", 1, 1, "tokens of an iteration"),
    Limit(
        "max_queue", "i8", ENDLESS, 0, "requests waiting beyond the free places of the batch; more are shed"
    ),
    Limit("is_chunked", "i8", 1, 0, "chunked prefill, else separate"),
    Limit("prefill_delay", "i8", 0, 0, "iterations that prompts wait at most for others of the group"),
    Limit("is_paged", "i8", 0, 0, "blocks on demand with preemption, else reserved for the whole request"),
    Limit("victim", "i8", LAST_ADMITTED, 0, "who is preempted first"),
    Limit("swap_s_per_token", "f8", 0.0, 0.0, "victims are swapped at this cost, 0: computed again [s]"),
    Limit("uses_graphs", "i8", 0, 0, "decode batches are padded to graph_sizes"),
    Limit("has_prefix_cache", "i8", 0, 0, "KV of prompts is kept and found again"),
    Limit("cache_entries", "i8", 1 << 30, 1, "most entries of the prefix cache in HBM"),
    Limit("host_blocks", "i8", 0, 0, "size of the host tier in blocks"),
    Limit("storage_blocks", "i8", 0, 0, "size of the storage tier in blocks"),
    Limit("host_s_per_token", "f8", 0.0, 0.0, "to load a token of KV from the host [s]"),
    Limit("storage_s_per_token", "f8", 0.0, 0.0, "to load a token of KV from storage [s]"),
    Limit("adapter_slots", "i8", 1, 1, "adapters held at once"),
    Limit("adapter_load_s", "f8", 0.0, 0.0, "to load an adapter [s]"),
    Limit("admission_s", "f8", 0.0, 0.0, "one-time cost of an admitted request [s]"),
    Limit("ingress_s", "f8", 0.0, 0.0, "from the gateway to the replica [s]"),
    Limit("egress_s", "f8", 0.0, 0.0, "from the replica back to the gateway [s]"),
    Limit("handoff_s", "f8", 0.0, 0.0, "from the end of a prefill to the queue of the decode replica [s]"),
    Limit("disaggregate_above_tokens", "i8", 0, 0, "shorter uncached prompts are computed where they decode"),
    Limit("send_bytes_per_s", "f8", NEVER, 0.0, "KV that it can send, all transfers together [bytes/s]"),
    Limit("receive_bytes_per_s", "f8", NEVER, 0.0, "KV that it can receive [bytes/s]"),
    Limit("place", "i8", 0, 0, "row of attached_frac: how its adapters hang on the leaves"),
    Limit("kv_bytes_per_token", "f8", 0.0, 0.0, "KV of a token over all its GPUs [bytes]"),
    Limit("pushes", "i8", 0, 0, "KV is sent layer by layer while the prompt is computed"),
    Limit("layers", "i8", 1, 1, "layers of the model"),
)
"""Parameters of a replica, with defaults and ranges: the only place that lists them."""

ENGINE = np.dtype([(limit.name, limit.dtype) for limit in LIMITS], align=True)

(
    OUTSTANDING_TOKENS,
    OUTSTANDING_REQUESTS,
    PROMPT_TOKENS,
    WAITING_REQUESTS,
    CACHED_TOKENS,
    POOL,
) = range(6)
"""Rows of the view that a routing policy gets, one column a replica."""
VIEW_FIELDS = 6

(
    ROW,
    PROMPT,
    OUTPUT,
    PRIORITY,
    TENANT,
    TIER,
    KIND,
    SESSION,
    LAST_REPLICA,
    CURSOR,
    DRAW_A,
    DRAW_B,
    STAGE,
) = range(13)
"""What a policy gets of a request. LAST_REPLICA served the session last, or -1; CURSOR is one after the replica
chosen last in this pool; the draws are uniform below 2**31; STAGE is the role wanted, PREFILL at the
entry and DECODE behind it."""
REQUEST_FIELDS = 13

TENANT_FIELDS = 8
"""Numbers that queue and admission policies may keep for each tenant; all zero at the start. One row more,
the last, is theirs for what concerns all."""

TOTAL_WAITING, TOTAL_REQUESTS, TOTAL_TOKENS, TOTAL_REPLICAS = range(4)
"""What an admission policy gets of the whole site: waiting and outstanding requests, outstanding tokens, open
replicas of the entry pool."""

RUN = np.dtype(
    [("group", "i4"), ("sequences", "i4"), ("steps", "i8"), ("first_s", "f8"), ("growth_s", "f8")], align=True
)
"""Gaps between tokens, as logged."""


JOB = np.dtype(
    [("first", "i8"), ("flows", "i8"), ("start_s", "f8"), ("stop_s", "f8"), ("every_s", "f8"),
     ("pause_s", "f8"), ("replica", "i8")],
    align=True,
)  # fmt: skip
FLOW = np.dtype([("job", "i8"), ("bytes", "f8"), ("weight", "f8"), ("cap_bytes_per_s", "f8")], align=True)
"""Other traffic, see :mod:`twin.models.serving.flows`."""

MOVED = np.dtype(
    [("flow", "i8"), ("began_s", "f8"), ("ended_s", "f8"), ("bytes", "f8"), ("is_whole", "i8")], align=True
)
"""A flow that has ended: what it moved, and whether that is all it had."""


class Params(NamedTuple):
    """Replicas and their policies; made by :func:`~twin.models.serving.make_params`.

    Parameters
    ----------
    coefficients : (kind,)
        Iteration coefficients, fields of :class:`~twin.physics.inference.Iteration`.
    engines : (replica,) of ENGINE
        Limits of each replica.
    graph_sizes : (size,)
        Batch sizes of captured CUDA graphs, ascending.
    acceptance : (draft,)
        Chance that at least so many drafts are accepted, descending.
    publish_s : float
        Period at which the router learns about loads; 0 at once [s].
    retry_s : float
        After the death of its replica a request comes again this much later [s].
    seed : int
        Of the draws of speculation and policies.
    choose, choose_decode : callable
        Routing policies of the entry pool and of the decode pool, see ``twin.policies.routing``.
    rank : callable
        Queue policy, see ``twin.policies.queueing``.
    admit : callable
        Admission policy, see ``twin.policies.admission``.
    limits : (limit,)
        Numbers for the admission and queue policies.
    attached_frac : (place, leaf)
        Share of the adapters of a replica at a place that hang on each leaf.
    trunk_bytes_per_s : (trunk,)
        Capacity of all links from each leaf to the spines, then of all back [bytes/s].
    narrow_trunks : (n,)
        Trunks that can be full: they carry less than all adapters below them together, or other traffic.
    jobs, flows, flow_start, flow_link, flow_share, port_bytes_per_s, load_job
        Other traffic, empty without any: see :func:`~twin.models.serving.flows.with_traffic`.
    """

    coefficients: NDArray[np.void]
    engines: NDArray[np.void]
    graph_sizes: Ints
    acceptance: Floats
    publish_s: float
    retry_s: float
    seed: int
    choose: Callable[..., int]
    choose_decode: Callable[..., int]
    rank: Callable[..., float]
    admit: Callable[..., bool]
    limits: Floats
    attached_frac: Floats = np.zeros((1, 0))
    trunk_bytes_per_s: Floats = np.zeros(0)
    narrow_trunks: Ints = np.zeros(0, dtype=np.int64)
    jobs: NDArray[np.void] = np.zeros(0, dtype=JOB)
    flows: NDArray[np.void] = np.zeros(0, dtype=FLOW)
    flow_start: Ints = np.zeros(1, dtype=np.int64)
    flow_link: Ints = np.zeros(0, dtype=np.int64)
    flow_share: Floats = np.zeros(0)
    port_bytes_per_s: Floats = np.zeros(0)
    load_job: Ints = np.zeros(0, dtype=np.int64)


class Inputs(NamedTuple):
    """What others tell the replicas; constant over a step.

    Parameters
    ----------
    clock_frac : (replica,)
        Clock of the slowest GPU of the replica, 0 to 1; 0 halts its group.
    is_up : (replica,)
        Takes new requests.
    is_alive : (replica,)
        A group with a dead replica loses what it holds.
    role : (replica,)
        BOTH, PREFILL or DECODE; changes only where no request is.
    starts : (replica,), optional
        How often it was asked to start so far. With each one it loads its weights before it opens, where the
        parameters have a job for that; none if left out.
    """

    clock_frac: Floats
    is_up: Bools
    is_alive: Bools
    role: Ints
    starts: Ints | None = None


class Outputs(NamedTuple):
    """Work over the step and state at its end.

    A running iteration counts by the share of its time that has passed, so sums do not depend on steps.

    Parameters
    ----------
    busy_s : (replica,)
        Time in which an iteration of its group ran [s].
    flop, hbm_bytes, link_bytes : (replica,)
        Work of **one GPU** of the replica [FLOP, bytes].
    iterations, prefill_tokens, output_tokens, cached_tokens, lost_tokens, preemptions : (replica,)
        Of the replica: what was computed, what was found in the cache, what was computed in vain.
    sent_bytes : (replica,)
        KV handed to other replicas in transfers that ended [bytes].
    batch_requests, queue_requests : (replica,)
        Admitted, routed but not admitted; at the end of the step.
    kv_blocks : (replica,)
        Blocks in use by requests at the end of the step, at the start of the running iteration when paged.
    left_rows : (n,)
        Requests that left in the step, in order: finished (at the boundary), rejected, shed, cancelled.
    gaps : (run,) of RUN
        Gaps between tokens.
    moved : (n,) of MOVED
        Flows of other traffic that ended in the step, in order.
    """

    busy_s: Floats
    flop: Floats
    hbm_bytes: Floats
    link_bytes: Floats
    iterations: Floats
    prefill_tokens: Floats
    output_tokens: Floats
    cached_tokens: Floats
    lost_tokens: Floats
    preemptions: Floats
    sent_bytes: Floats
    batch_requests: Floats
    queue_requests: Floats
    kv_blocks: Floats
    left_rows: Ints
    gaps: NDArray[Any]
    moved: NDArray[Any] = np.zeros(0, dtype=MOVED)


AMOUNTS = Outputs._fields[:11]
LEVELS = Outputs._fields[11:14]
