"""In the order in which the router saw them."""

from __future__ import annotations

from twin.policies.queueing import Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = ()


def rank(request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> float:
    """Rank by the instant of routing.

    A preempted request keeps its rank and so goes before all that came later. One that comes again after its
    replica died gets a new, later rank: it lines up again at the end.

    Parameters
    ----------
    request, tenant, common, limits
        Not looked at.
    now_s : float
        Instant of routing [s].

    Returns
    -------
    float
        Rank [s].

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.queueing import REQUEST_FIELDS
    >>> rank(np.zeros(REQUEST_FIELDS, int), np.zeros(8), np.zeros(8), np.zeros(8), 12.5)
    12.5
    """
    return now_s
