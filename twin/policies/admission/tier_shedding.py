"""Under load only the first tier is let in."""

from __future__ import annotations

from twin.policies.admission import TIER, TOTAL_REPLICAS, TOTAL_REQUESTS, Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = (
    (
        "requests_per_replica",
        "number",
        64.0,
        "mean outstanding requests of a replica above which others are shed",
    ),
)
REQUESTS_PER_REPLICA = 0


def admit(totals: Ints, request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> bool:
    """Let the first tier in always, the others while the site is not too full.

    Parameters
    ----------
    totals : (total,)
        ``TOTAL_REQUESTS`` outstanding and ``TOTAL_REPLICAS`` that are open.
    request : (field,)
        ``TIER``: 0 is the first.
    tenant, common
        Not looked at.
    limits : (limit,)
        See ``LIMITS``.
    now_s : float
        Not looked at [s].

    Returns
    -------
    bool
        Whether it may come in.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.admission import REQUEST_FIELDS
    >>> totals, request, kept = np.zeros(4, int), np.zeros(REQUEST_FIELDS, int), np.zeros(8)
    >>> totals[TOTAL_REQUESTS], totals[TOTAL_REPLICAS] = 130, 2
    >>> admit(totals, request, kept, kept, np.array([64.0]), 0.0)
    True
    >>> request[TIER] = 1
    >>> admit(totals, request, kept, kept, np.array([64.0]), 0.0)
    False
    """
    is_full = totals[TOTAL_REQUESTS] > limits[REQUESTS_PER_REPLICA] * totals[TOTAL_REPLICAS]
    return bool(request[TIER] == 0 or not is_full)
