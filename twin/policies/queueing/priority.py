"""By priority, first come within one."""

from __future__ import annotations

from twin.policies.queueing import PRIORITY, Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = ()

# Seconds in a priority: four years, above any run. A power of two, so that only the sum below is rounded.
SPAN_S = 2.0**27


def rank(request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> float:
    """Rank by priority, then by the instant of routing.

    Nobody ages: under lasting overload the lowest priority waits for ever.

    Parameters
    ----------
    request : (field,)
        ``PRIORITY``, -128 to 127; smaller goes first.
    tenant, common, limits
        Not looked at.
    now_s : float
        Instant of routing [s], 0 to ``SPAN_S``.

    Returns
    -------
    float
        ``PRIORITY * SPAN_S + now_s`` [s]. Rounding never puts a later request before an earlier one of its priority;
        at most it makes them equal, and then the row decides. Instants stay apart from 4e-8 s on at
        priorities within 2 of zero, from 4e-6 s on at all.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.queueing import REQUEST_FIELDS
    >>> urgent, other, kept = np.zeros(REQUEST_FIELDS, int), np.zeros(REQUEST_FIELDS, int), np.zeros(8)
    >>> other[PRIORITY] = 1
    >>> rank(urgent, kept, kept, kept, 86400.0) < rank(other, kept, kept, kept, 0.0)
    True
    """
    return float(request[PRIORITY]) * SPAN_S + now_s
