"""Who is let in: one file a policy, each with ``admit(totals, request, tenant, common, limits, now_s)``.

A policy is asked at the gateway, before routing; what it turns away counts as shed. ``totals`` is the whole site
(:data:`TOTAL_WAITING`, ...), ``request`` the request (:data:`PROMPT`, ...), ``limits`` the numbers of the
scenario. ``tenant`` and ``common`` are numbers that a policy may keep, all zero at the start: of the tenant of
the request, and of all. An admission policy owns the first :data:`OWNED` of each of the three arrays, the queue
policy the rest; :func:`twin.policies.queueing.limits_of` lays out ``limits`` so.

Policies are compiled by Numba: scalars, loops, NumPy indexing, numbers of their own module, no other Python
function. Each file lists its limits in ``LIMITS``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from twin.models.serving.records import (
    KIND,
    OUTPUT,
    PRIORITY,
    PROMPT,
    REQUEST_FIELDS,
    ROW,
    SESSION,
    TENANT,
    TENANT_FIELDS,
    TIER,
    TOTAL_REPLICAS,
    TOTAL_REQUESTS,
    TOTAL_TOKENS,
    TOTAL_WAITING,
    Floats,
    Ints,
)

__all__ = [
    "KIND",
    "OUTPUT",
    "OWNED",
    "PRIORITY",
    "PROMPT",
    "REQUEST_FIELDS",
    "ROW",
    "SESSION",
    "TENANT",
    "TENANT_FIELDS",
    "TIER",
    "TOTAL_REPLICAS",
    "TOTAL_REQUESTS",
    "TOTAL_TOKENS",
    "TOTAL_WAITING",
    "Admit",
    "Floats",
    "Ints",
    "Limit",
]

OWNED = TENANT_FIELDS // 2
"""How many numbers of ``tenant``, ``common`` and ``limits`` belong to the admission policy, from the first on."""

Admit: TypeAlias = Callable[[Ints, Ints, Floats, Floats, Floats, float], bool]

Limit: TypeAlias = tuple[str, str, float, str]
"""Name, kind of unit (a dimension of :mod:`twin.units`, or ``number``), default in SI, meaning; zero or larger."""
