"""No more than so many requests wait, over all replicas."""

from __future__ import annotations

from twin.policies.admission import TOTAL_REPLICAS, TOTAL_WAITING, Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = (
    ("waiting_per_replica", "number", 16.0, "requests that may wait for each open replica, on average"),
)
WAITING_PER_REPLICA = 0


def admit(totals: Ints, request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> bool:
    """Let the request in while fewer wait than the limit allows.

    Parameters
    ----------
    totals : (total,)
        ``TOTAL_WAITING`` requests and ``TOTAL_REPLICAS`` that are open. With none open nobody gets in.
    request, tenant, common
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
    >>> totals[TOTAL_WAITING], totals[TOTAL_REPLICAS] = 31, 2
    >>> admit(totals, request, kept, kept, np.array([16.0]), 0.0)
    True
    >>> admit(totals, request, kept, kept, np.array([15.0]), 0.0)
    False
    """
    return bool(totals[TOTAL_WAITING] < limits[WAITING_PER_REPLICA] * totals[TOTAL_REPLICAS])
