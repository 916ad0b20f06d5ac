"""Short prompts before long ones: the least mean wait for a first token, at the price of the long ones."""

from __future__ import annotations

from twin.policies.queueing import PROMPT, Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = ()


def rank(request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> float:
    """Rank by the length of the prompt; equal ones by row.

    Nobody ages: under lasting overload long prompts wait for ever. What may be cached of a prompt is not known here.

    Parameters
    ----------
    request : (field,)
        ``PROMPT``, in tokens.
    tenant, common, limits
        Not looked at.
    now_s : float
        Not looked at [s].

    Returns
    -------
    float
        Rank [tokens].

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.queueing import REQUEST_FIELDS
    >>> request = np.zeros(REQUEST_FIELDS, int)
    >>> request[PROMPT] = 700
    >>> rank(request, np.zeros(8), np.zeros(8), np.zeros(8), 3.0)
    700.0
    """
    return float(request[PROMPT])
