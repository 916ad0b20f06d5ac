"""What the serving kernel keeps: one row a request, a replica, a group, a cached block, a transfer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.models.serving import cached_blocks
from twin.models.serving.cached_blocks import looks_up
from twin.models.serving.flows import idle_flows
from twin.models.serving.idle import (
    adapter_tables,
    bins,
    column,
    follower_tables,
    group_table,
    replica_table,
    request_table,
    starts,
)
from twin.models.serving.layout import (
    COMING_ROOT,
    COUNTS,
    FREE_SLOT,
    GAPS_KEPT,
    INDEXED,
    INDEXED_DECODE,
    IS_UNTABLED,
    LOOKS_UP,
    LOOKS_UP_DECODE,
    MOST_STRETCHES,
    NEXT_PUBLISH,
    SLOTS_LEFT,
    TRANSFER,
)
from twin.models.serving.pack import Pack
from twin.models.serving.records import (
    DECODE,
    ENDLESS,
    NEVER,
    POOL,
    RUN,
    TENANT_FIELDS,
    VIEW_FIELDS,
    Bools,
    Floats,
    Ints,
    Params,
)
from twin.models.serving.stretches import find_stretches
from twin.models.serving.trees import NONE
from twin.requests import Requests


class State(Pack):
    """Everything that changes while requests are served; made by :func:`start`.

    A column or table that no feature of the run needs has one row.

    Parameters
    ----------
    requests : (request,) of REQUEST
        What became of each request.
    static_rows : (n,)
        Rows with given arrivals, in order.
    priority, tenant, tier, kind, session, adapter, patience_s, pause_s
        As in :class:`~twin.requests.Requests`; one value where all are alike.
    prefix_blocks, prefix_block_tokens, prefix_start, prefix_stretches, prefix_shift, stretches
        Hashed blocks of the prompts, and the stretches in which they are shared.
    follower_start, followers, waits_for : (request + 1,), (edge,), (request,)
        Who follows whom, and how many predecessors are not done.
    left : (request,)
        Rows in the order in which they left.
    replicas : (replica,) of REPLICA
    groups : (group,) of GROUP
    group_of : (replica,)
    heap, heap_start
        Sequences in decode by replica, and where each replica's part starts.
    loads, seen : (VIEW_FIELDS, replica)
        Loads now, and as the router knows them.
    is_open, is_open_decode : (replica,)
        Who takes requests at the entry, and behind a prefill.
    mask : (replica,)
        Room for one decision.
    entry_tree, decode_tree, due_tree
        Minima of outstanding tokens of the open replicas and of next boundaries [s].
    request_info, totals : what policies get.
    rank_state, admit_state : (tenant + 1, TENANT_FIELDS)
        What policies keep.
    session_replica : (session,)
        Where a session was served last.
    entries, table
        Cached stretches of all replicas and their hash table.
    holders, seen_holders : (id, word, 2)
        Bit sets: which replicas hold all of a stretch or a part of it, and what the router knows of it.
    seen_blocks, first_block : (block, word), (id,)
        With a publication period: who held which blocks of stretches held in part, and where those of each begin.
    dirty_ids, is_dirty
        Stretches whose holders changed since the last publication.
    adapter_id, adapter_users, adapter_used_s, adapter_start
        Adapters by replica.
    alarm_s, alarm_row
        Heap of clients that will give up.
    transfers : (transfer,) of TRANSFER
    new_rate, levels : (transfer,)
        Room for the shares of transfers [bytes/s].
    link_left, link_share : (link,)
        Room for the same, by sender, receiver, narrow trunk and port.
    trunk_bytes, traffic_bytes : (trunk,)
        What transfers that arrived, and what other traffic, have carried over each trunk [bytes].
    flows, jobs, running, moved
        Other traffic: see :mod:`twin.models.serving.flows`; ``running`` are the flows under way, ``moved`` those
        that ended since the caller looked.
    gaps : (n,) of RUN
    counts, clock
        Single numbers.
    """

    requests: NDArray[Any]
    static_rows: NDArray[np.int32]
    priority: NDArray[np.int8]
    tenant: NDArray[np.int16]
    tier: NDArray[np.int16]
    kind: NDArray[np.int16]
    session: NDArray[np.int32]
    adapter: NDArray[np.int16]
    patience_s: NDArray[np.float32]
    pause_s: NDArray[np.float32]
    prefix_blocks: NDArray[np.int32]
    prefix_block_tokens: Ints
    prefix_start: Ints
    prefix_stretches: NDArray[np.int32]
    prefix_shift: NDArray[np.int32]
    stretches: NDArray[Any]
    follower_start: NDArray[np.int32]
    followers: NDArray[np.int32]
    waits_for: NDArray[np.int32]
    left: NDArray[np.int32]
    replicas: NDArray[Any]
    groups: NDArray[Any]
    group_of: Ints
    heap: Ints
    heap_start: Ints
    loads: Ints
    seen: Ints
    is_open: Bools
    is_open_decode: Bools
    mask: Bools
    entry_tree: Ints
    decode_tree: Ints
    due_tree: Floats
    hist: NDArray[np.int32]
    request_info: Ints
    totals: Ints
    rank_state: Floats
    admit_state: Floats
    session_replica: NDArray[np.int32]
    entries: NDArray[Any]
    table: NDArray[Any]
    holders: NDArray[np.uint64]
    seen_holders: NDArray[np.uint64]
    seen_blocks: NDArray[np.uint64]
    first_block: NDArray[np.int32]
    dirty_ids: NDArray[np.int32]
    is_dirty: NDArray[np.bool_]
    adapter_id: NDArray[np.int32]
    adapter_users: NDArray[np.int32]
    adapter_used_s: Floats
    adapter_start: Ints
    alarm_s: Floats
    alarm_row: NDArray[np.int32]
    transfers: NDArray[Any]
    new_rate: Floats
    levels: Floats
    link_left: Floats
    link_share: Floats
    trunk_bytes: Floats
    traffic_bytes: Floats
    flows: NDArray[Any]
    jobs: NDArray[Any]
    running: Ints
    moved: NDArray[Any]
    gaps: NDArray[Any]
    counts: Ints
    clock: Floats
    given: tuple[Params, Pack, Floats, Pack] | None = None
    roles: Ints | None = None
    entry: Any = None

    def make_room(self, least: int) -> None:
        """Let the prefix caches hold more entries, ``least`` more at least; the kernel fills the table again."""
        held = len(self.entries)
        self.replace(cached_blocks.larger(self.entries, least))
        self.counts[SLOTS_LEFT] += len(self.entries) - held
        self.counts[IS_UNTABLED] = 1

    @property
    def arrived_at_s(self) -> Floats:
        """Instants at the gateway [s]."""
        return self.requests["arrived_at_s"]

    @property
    def first_token_at_s(self) -> Floats:
        """Instants of the first token at the gateway [s], NaN before."""
        return self.requests["first_token_at_s"]

    @property
    def done_at_s(self) -> Floats:
        """Instants of the last token at the gateway [s], NaN before."""
        return self.requests["done_at_s"]

    @property
    def status(self) -> NDArray[np.int8]:
        """What became of each request, see :mod:`twin.requests`."""
        return self.requests["status"]

    @property
    def replica(self) -> NDArray[np.int32]:
        """Where each request was last, -1 before."""
        return self.requests["replica"]


def start(params: Params, requests: Requests, now_s: float = 0.0) -> State:
    """State with idle replicas and all requests still to come.

    Parameters
    ----------
    params : Params
        Replicas.
    requests : Requests
        Not before ``now_s``.
    now_s : float
        Instant at which the run starts [s].

    Raises
    ------
    ScenarioError
        When a request lies before the start, or its hashed blocks do not fit the blocks of a cache.
    """
    rows, replicas = requests.rows, len(params.engines)
    if faults := _faults(params, requests, now_s):
        raise ScenarioError("requests cannot be served as they stand", faults)
    table = request_table(requests)
    followers = follower_tables(requests)
    table["ready_s"] = -np.inf  # of what follows others: when the last of them was done
    engines = params.engines
    width = 1 << max(replicas - 1, 0).bit_length()
    group_count = int(engines["group"].max()) + 1
    sessions = int(requests.session.max(initial=-1)) + 1 if rows else 0
    counts = np.zeros(COUNTS, dtype=np.int64)
    counts[COMING_ROOT] = NONE
    found = find_stretches(requests)
    tables = cached_blocks.tables(params, found)
    counts[FREE_SLOT], counts[SLOTS_LEFT] = 1, len(tables["entries"]) - 1
    counts[MOST_STRETCHES] = found.count.max(initial=0)
    counts[LOOKS_UP] = looks_up(params, found, params.choose)
    counts[LOOKS_UP_DECODE] = looks_up(params, found, params.choose_decode)
    if params.publish_s == 0.0:
        counts[INDEXED] = getattr(params.choose, "smallest", "") == "outstanding_tokens"
        counts[INDEXED_DECODE] = getattr(params.choose_decode, "smallest", "") == "outstanding_tokens"
    traffic = idle_flows(params, now_s)
    first_s = traffic["jobs"]["next_s"].min(initial=np.inf)
    clock = np.array([now_s, first_s, params.publish_s if params.publish_s > 0 else np.inf, first_s])
    if params.publish_s > 0.0:
        clock[NEXT_PUBLISH] = np.ceil(now_s / params.publish_s) * params.publish_s
    view = np.zeros((VIEW_FIELDS, replicas), dtype=np.int64)
    view[POOL] = engines["pool"]
    patient = bool(np.isfinite(requests.patience_s).any()) if rows else False
    links = 2 * replicas + len(params.narrow_trunks) + len(params.port_bytes_per_s)
    most_transfers = int(engines["max_batch"].sum()) if (engines["role"] != 0).any() else 1
    return State(dict(
        requests=table,
        static_rows=np.flatnonzero(followers["waits_for"][:rows] == 0).astype(np.int32),
        **{name: column(getattr(requests, name)) for name in _PER_REQUEST},
        prefix_start=column(found.start),
        prefix_stretches=column(found.count),
        prefix_shift=column(found.shift),
        stretches=found.stretches,
        prefix_block_tokens=np.array([requests.prefix_block_tokens], dtype=np.int64),
        **followers,
        left=np.full(max(rows, 1), NONE, dtype=np.int32),
        replicas=replica_table(params),
        groups=group_table(engines, group_count),
        group_of=engines["group"].copy(),
        heap=np.zeros(int(engines["max_batch"].sum()), dtype=np.int64),
        heap_start=starts(engines["max_batch"]),
        loads=view,
        seen=view.copy() if params.publish_s > 0.0 else view,
        is_open=np.zeros(replicas, dtype=np.bool_),
        is_open_decode=np.zeros(replicas, dtype=np.bool_),
        mask=np.zeros(replicas, dtype=np.bool_),
        entry_tree=np.full(2 * width, ENDLESS, dtype=np.int64),
        decode_tree=np.full(2 * width, ENDLESS, dtype=np.int64),
        due_tree=np.full(2 << max(group_count - 1, 0).bit_length(), np.inf),
        hist=np.zeros((replicas, bins(engines)), dtype=np.int32),
        request_info=np.zeros(16, dtype=np.int64),
        totals=np.zeros(4, dtype=np.int64),
        rank_state=np.zeros((len(requests.tenants) + 1, TENANT_FIELDS)),
        admit_state=np.zeros((len(requests.tenants) + 1, TENANT_FIELDS)),
        session_replica=np.full(max(sessions, 1), NONE, dtype=np.int32),
        **tables,
        **adapter_tables(engines),
        alarm_s=np.zeros(rows if patient else 1),
        alarm_row=np.zeros(rows if patient else 1, dtype=np.int32),
        transfers=np.zeros(most_transfers, dtype=TRANSFER),
        new_rate=np.zeros(most_transfers),
        levels=np.zeros(most_transfers),
        link_left=np.zeros(links),
        link_share=np.zeros(links),
        trunk_bytes=np.zeros(len(params.trunk_bytes_per_s)),
        **traffic,
        gaps=np.zeros(GAPS_KEPT, dtype=RUN),
        counts=counts,
        clock=clock,
    ))  # fmt: skip


_PER_REQUEST = (
    "priority", "tenant", "tier", "kind", "session", "adapter", "patience_s", "pause_s", "prefix_blocks",
)  # fmt: skip


def _faults(params: Params, requests: Requests, now_s: float) -> list[Fault]:
    faults = []
    early = np.flatnonzero(requests.arrived_at_s < now_s)
    if len(early):
        found = f"{requests.arrived_at_s[early[0]]} s"
        faults.append(
            Fault("", 0, f"arrived_at_s[{early[0]}]", found, f"not before {now_s} s", "shift the trace")
        )
    engines, block = params.engines, requests.prefix_block_tokens
    has = engines["has_prefix_cache"] > 0
    if len(requests.prefix_ids) and np.any(block % engines["block_tokens"][has]):
        wrong = int(engines["block_tokens"][has][block % engines["block_tokens"][has] > 0][0])
        faults.append(
            Fault("", 0, "block_tokens", str(wrong), f"a divisor of the hashed blocks of {block} tokens",
                  "choose 16 or 32, or switch the prefix cache off")
        )  # fmt: skip
    return faults


def copy(state: State) -> State:
    """Independent copy of a state."""
    copies = {id(array): array.copy() for array in state.arrays.values()}
    return State({name: copies[id(array)] for name, array in state.arrays.items()})


__all__ = ["DECODE", "NEVER", "State", "copy", "start"]
