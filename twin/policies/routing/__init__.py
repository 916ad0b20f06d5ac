"""Which replica gets a request: one file a policy, each with a function ``choose(view, is_open, request)``.

A policy is called at the instant of routing. ``view`` is what the router knows of the replicas, one row a field
(:data:`OUTSTANDING_TOKENS`, ...) and one column a replica; it may be as old as the publication period.
``is_open`` and ``request`` (:data:`ROW`, ...) are always of this instant. The result is the index of an open
replica, or -1 to turn the request away. The same policy chooses among the replicas of the entry pool and,
where prefill and decode stand apart, among those that decode.

Both fidelities call a policy, one of them compiled: it must be plain enough for Numba, with scalars, loops, NumPy
indexing and numbers of its own module. It calls no other Python function and keeps nothing between calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from twin.models.serving.records import (
    CACHED_TOKENS,
    CURSOR,
    DRAW_A,
    DRAW_B,
    KIND,
    LAST_REPLICA,
    OUTPUT,
    OUTSTANDING_REQUESTS,
    OUTSTANDING_TOKENS,
    POOL,
    PRIORITY,
    PROMPT,
    PROMPT_TOKENS,
    REQUEST_FIELDS,
    ROW,
    SESSION,
    STAGE,
    TENANT,
    TIER,
    VIEW_FIELDS,
    WAITING_REQUESTS,
    Bools,
    Ints,
)

__all__ = [
    "CACHED_TOKENS",
    "CURSOR",
    "DRAW_A",
    "DRAW_B",
    "KIND",
    "LAST_REPLICA",
    "OUTPUT",
    "OUTSTANDING_REQUESTS",
    "OUTSTANDING_TOKENS",
    "POOL",
    "PRIORITY",
    "PROMPT",
    "PROMPT_TOKENS",
    "REQUEST_FIELDS",
    "ROW",
    "SESSION",
    "STAGE",
    "TENANT",
    "TIER",
    "VIEW_FIELDS",
    "WAITING_REQUESTS",
    "Bools",
    "Choose",
    "Ints",
    "reads_cached_tokens",
    "reads_sessions",
    "smallest",
]

Choose: TypeAlias = Callable[[Ints, Bools, Ints], int]


def smallest(column: Literal["outstanding_tokens"]) -> Callable[[Choose], Choose]:
    """Promise that a policy takes the open replica with the smallest value, the first one on a tie.

    The promise stands as ``choose.smallest``. A fast path may then keep an index instead of looking at
    every replica; it chooses the same.

    Examples
    --------
    >>> from twin.policies.routing.least_outstanding_tokens import choose
    >>> choose.smallest
    'outstanding_tokens'
    """

    def mark(choose: Choose) -> Choose:
        choose.__dict__["smallest"] = column
        return choose

    return mark


def reads_cached_tokens(choose: Choose) -> Choose:
    """Say that a policy looks at :data:`CACHED_TOKENS`; without it that row may stay zero.

    To count them is a search in the prefix cache of every replica for every request. It stands as
    ``choose.reads_cached_tokens``.

    Examples
    --------
    >>> from twin.policies.routing import kv_aware, round_robin
    >>> kv_aware.choose.reads_cached_tokens, hasattr(round_robin.choose, "reads_cached_tokens")
    (True, False)
    """
    choose.__dict__["reads_cached_tokens"] = True
    return choose


def reads_sessions(choose: Choose) -> Choose:
    """Say that a policy looks at :data:`LAST_REPLICA`; without it that field may stay -1.

    It stands as ``choose.reads_sessions``.

    Examples
    --------
    >>> from twin.policies.routing.session_affinity import choose
    >>> choose.reads_sessions
    True
    """
    choose.__dict__["reads_sessions"] = True
    return choose
