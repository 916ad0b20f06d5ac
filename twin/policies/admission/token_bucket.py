"""Every tenant may use so many tokens a second, and a burst on top."""

from __future__ import annotations

from twin.policies.admission import OUTPUT, PROMPT, Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = (
    ("tokens_per_s", "token rate", 10_000.0, "prompt and output tokens a tenant may use over long times"),
    ("burst_tokens", "number", 1_000_000.0, "tokens that a tenant may use at once after a pause"),
)
TOKENS_PER_S, BURST_TOKENS = 0, 1
LEVEL, LAST_S, IS_FILLED = 0, 1, 2


def admit(totals: Ints, request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> bool:
    """Let the request in if the tenant's bucket holds its tokens, and take them out.

    The bucket is full at first, fills at ``tokens_per_s`` and holds ``burst_tokens``. A request larger than the
    bucket is let in when it is full and leaves a debt; otherwise it could never come in. A request that is turned
    away costs nothing; one that comes again after its replica died pays again.

    Parameters
    ----------
    totals : (total,)
        Not looked at.
    request : (field,)
        ``PROMPT`` and ``OUTPUT``. The output counts in full at once, as if the client had said how long it is.
    tenant : (field,)
        Level of the bucket, when it was right, whether it was ever filled; changed in place.
    common : (field,)
        Not looked at.
    limits : (limit,)
        See ``LIMITS``.
    now_s : float
        Instant [s]; never falls from call to call.

    Returns
    -------
    bool
        Whether it may come in.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.admission import REQUEST_FIELDS
    >>> totals, request, kept = np.zeros(4, int), np.zeros(REQUEST_FIELDS, int), np.zeros(8)
    >>> request[PROMPT], request[OUTPUT] = 50, 10
    >>> [admit(totals, request, kept, kept, np.array([10.0, 100.0]), t) for t in (0.0, 1.0, 2.0)]
    [True, False, True]
    """
    burst = limits[BURST_TOKENS]
    level = burst
    if tenant[IS_FILLED] > 0.0:
        level = min(burst, tenant[LEVEL] + limits[TOKENS_PER_S] * (now_s - tenant[LAST_S]))
    tokens = float(request[PROMPT] + request[OUTPUT])
    is_in = bool(level >= min(tokens, burst))
    tenant[LEVEL] = level - tokens if is_in else level
    tenant[LAST_S] = now_s
    tenant[IS_FILLED] = 1.0
    return is_in
