"""Nobody is turned away at the gateway."""

from __future__ import annotations

from twin.policies.admission import Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = ()


def admit(totals: Ints, request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> bool:
    """Let the request in.

    Parameters
    ----------
    totals, request, tenant, common, limits
        Not looked at.
    now_s : float
        Not looked at [s].

    Returns
    -------
    bool
        Always true.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.admission import REQUEST_FIELDS
    >>> admit(np.zeros(4, int), np.zeros(REQUEST_FIELDS, int), np.zeros(8), np.zeros(8), np.zeros(8), 0.0)
    True
    """
    return True
