"""Who is admitted next: one file a policy, each with ``rank(request, tenant, common, limits, now_s)``.

The queue of a replica is ordered by (rank, row), smallest first. A policy is called at every routing of a request
and its rank holds from then on: through preemption, swapping and the way to a decode replica. Only a request that
comes again after its replica died is routed, and ranked, anew.

``tenant`` and ``common`` are numbers that a policy may keep, all zero at the start: of the tenant of the request,
and of all. In these and in ``limits`` a queue policy owns what lies from :data:`OWN` on; what lies before is the
admission policy's. Policies are compiled by Numba: scalars, loops, NumPy indexing, numbers of their own
module, no other Python function. Each file lists its limits in ``LIMITS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from twin.errors import Fault, ScenarioError
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
    Floats,
    Ints,
)
from twin.policies.admission import OWNED, Limit

__all__ = [
    "KIND",
    "OUTPUT",
    "OWN",
    "PRIORITY",
    "PROMPT",
    "REQUEST_FIELDS",
    "ROW",
    "SESSION",
    "TENANT",
    "TENANT_FIELDS",
    "TIER",
    "Floats",
    "Ints",
    "Limit",
    "Rank",
    "limits_of",
]

OWN = OWNED
"""First index of ``tenant``, ``common`` and ``limits`` that belongs to the queue policy."""

Rank: TypeAlias = Callable[[Ints, Floats, Floats, Floats, float], float]


def limits_of(
    admission: tuple[Limit, ...], queueing: tuple[Limit, ...], given: Mapping[str, float]
) -> Floats:
    """Lay out the numbers that an admission policy and a queue policy look at.

    Parameters
    ----------
    admission, queueing : tuple
        ``LIMITS`` of the two policies, at most :data:`OWN` each. A name that both have gets one value.
    given : mapping of str to float
        Values by name in SI; the others take their defaults.

    Returns
    -------
    (TENANT_FIELDS,) of float64
        The array ``limits`` that both get.

    Raises
    ------
    ScenarioError
        For every name that neither policy has, and every value that is negative or not finite.

    Examples
    --------
    >>> from twin.policies.admission.queue_limit import LIMITS
    >>> limits_of(LIMITS, (), {"waiting_per_replica": 4.0}).tolist()
    [4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    known = [name for name, *_ in (*admission, *queueing)]
    expected = ", ".join(known) or "no limits with these policies"
    faults = [
        Fault("", 0, f"limits.{name}", "unknown here", expected, "correct the name or leave it out")
        for name in given
        if name not in known
    ]
    faults += [
        Fault("", 0, f"limits.{name}", f"{value}", "zero or larger, finite", "write such a number")
        for name, value in given.items()
        if name in known and not (value >= 0.0 and math.isfinite(value))
    ]
    if faults:
        raise ScenarioError("the limits of the policies cannot be used", faults)
    limits = np.zeros(TENANT_FIELDS)
    for start, own in ((0, admission), (OWN, queueing)):
        for place, (name, _, default, _) in enumerate(own):
            limits[start + place] = given.get(name, default)
    return limits
