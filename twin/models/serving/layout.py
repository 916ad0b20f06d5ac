"""Layout of the serving state: records of requests, replicas, groups and transfers, and what each count is."""

from __future__ import annotations

import numpy as np

GAPS_KEPT = 1 << 16
"""Logged gaps between two looks of the caller; more make the kernel pause."""

COMPUTE, COMPUTE_AND_SEND, PULL, RESUME = range(4)
"""Stage of a request: its prompt is to be computed, and decoded elsewhere; its KV is to be pulled; was swapped."""

GIVEN_UP, HAS_ENTRIES, IS_LOADING, IS_QUEUED, IS_AWAY, IS_JOINING = 1, 2, 4, 8, 16, 32
"""Flags of a request."""

REQUEST = np.dtype(
    [
        ("rank", "f8"),  # in its queue; instant of the arrival to come for what has not arrived
        ("ready_s", "f8"),  # for the queue of its replica
        ("link", "i4"),
        ("child", "i4"),
        ("prompt_tokens", "i4"),
        ("output_tokens", "i4"),
        ("generated", "i4"),  # up to its last admission, and when it leaves
        ("cached_tokens", "i4"),
        ("replica", "i4"),
        ("entry_replica", "i4"),
        ("status", "i1"),
        ("stage", "i1"),
        ("flags", "i1"),
        ("attempts", "i1"),
        ("order", "i4"),  # of admission at its replica
        ("stalled_s", "f8"),  # its last token, when the next iteration will not bring the next one
        ("done_at_s", "f8"),
        ("started_s", "f8"),  # its first prompt tokens at its last replica
        ("arrived_at_s", "f8"),
        ("admitted_at_s", "f8"),
        ("first_token_at_s", "f8"),
    ],
    align=True,
)
"""A request; what boundaries touch most stands together, for the caches of the CPU."""

REPLICA = np.dtype(
    [
        ("first_s", "f8"),  # its line of the run, without what the group shares
        ("growth_s", "f8"),
        ("extra_s", "f8"),  # one-time costs that the next iteration pays
        ("run_decode", "i8"),  # composition of the run: sequences that decode,
        ("padded", "i8"),  # what is computed for them,
        ("given", "i8"),  # and the tokens they get in one iteration,
        ("chunk", "i8"),  # prompt tokens an iteration,
        ("pieces", "i8"),  # prompts they belong to,
        ("pairs", "i8"),  # query-key pairs of the first iteration,
        ("completing", "i8"),  # prompts that are complete at the end (then steps is 1)
        ("next_progress", "i8"),  # and tokens present by then of the prompt that follows, or -1
        ("batch", "i8"),  # admitted: loading, in prefill or in decode
        ("decode", "i8"),
        ("context", "i8"),  # sum of the contexts in decode
        ("turn", "i8"),  # decode iterations so far; completions are keyed by it
        ("progress", "i8"),  # tokens present of the first prompt in prefill
        ("free_blocks", "i8"),  # below zero only while growth is settled
        ("decode_blocks", "i8"),  # held by sequences in decode, with the entries they share
        ("evictable_blocks", "i8"),
        ("entries", "i8"),  # cached blocks in HBM
        ("evictable_entries", "i8"),
        ("tier_blocks", "i8", (3,)),  # used in each tier; HBM counts itself above
        ("oldest", "i4", (3,)),  # lists of least recent use
        ("newest", "i4", (3,)),
        ("admissions", "i8"),
        ("given_up", "i8"),  # of the batch, to be let go at the next boundary
        ("queued", "i8"),  # on the way or in the queue
        ("way_first", "i4"),
        ("way_last", "i4"),
        ("queue_root", "i4"),
        ("queue_last", "i4"),  # the row that joined the queue last, while it is there
        ("prefill_first", "i4"),
        ("prefill_last", "i4"),
        ("joining", "i4"),  # chain: loaded, not yet in decode
        ("stalled", "i4"),  # chain: in decode, their next gap is not the next iteration
        ("role", "i8"),
        ("is_up", "i8"),
        ("is_alive", "i8"),
        ("is_short", "i8"),  # a victim had to go at this boundary
        ("clock_frac", "f8"),
        ("busy_s", "f8"),  # tallies since the last report
        ("iterations", "f8"),
        ("touched", "f8"),
        ("group_tokens", "f8"),
        ("prefill_tokens", "f8"),
        ("computed_tokens", "f8"),
        ("computed_sequences", "f8"),
        ("decode_windows", "f8"),
        ("token_windows", "f8"),
        ("output_tokens", "f8"),
        ("context_sum", "f8"),
        ("pair_sum", "f8"),
        ("cached_tokens", "f8"),
        ("lost_tokens", "f8"),
        ("preemptions", "f8"),
        ("sent_bytes", "f8"),
    ],
    align=True,
)
"""State of one replica, kept together because a boundary touches nearly all of it."""

GROUP = np.dtype(
    [
        ("anchor_s", "f8"),  # start of the run
        ("due_s", "f8"),  # its end, or when the group is to be looked at
        ("first_s", "f8"),
        ("growth_s", "f8"),
        ("clock_frac", "f8"),
        ("steps", "i8"),  # iterations of the run; 0 when none runs
        ("tokens", "i8"),  # of all its replicas in one iteration
        ("start", "i8"),  # first replica
        ("count", "i8"),
        ("is_alive", "i8"),
        ("hold_left", "i8"),  # iterations that prompts are held back yet, or -1
    ],
    align=True,
)

TRANSFER = np.dtype(
    [("row", "i8"), ("source", "i8"), ("target", "i8"), ("left_bytes", "f8"), ("rate", "f8"),
     ("since_s", "f8"), ("due_s", "f8"), ("bytes", "f8")],
    align=True,
)  # fmt: skip

COUNTS = 28
(
    NEXT_STATIC, CURSOR, DECODE_CURSOR, LEFT, BOUNDARIES, GAPS, COMING_ROOT, ALARMS, TRANSFERS, DIRTY, WAITING,
    OUTSTANDING, OUTSTANDING_TOKENS_ALL, OPEN_ENTRY, OPEN_DECODE, LEAST_DECODE_TOKENS, ARRIVED, AWAY, INDEXED,
    INDEXED_DECODE, LOOKS_UP, LOOKS_UP_DECODE, FREE_SLOT, SLOTS_LEFT, MOST_STRETCHES, IS_UNTABLED,
    FLOWS, FLOWS_MOVED,
) = range(COUNTS)  # fmt: skip
"""Fields of ``State.counts``."""

NOW, NEXT_TRANSFER, NEXT_PUBLISH, NEXT_ROUND = range(4)
"""Fields of ``State.clock``; the next transfer is the next thing of any kind that a link sees."""
