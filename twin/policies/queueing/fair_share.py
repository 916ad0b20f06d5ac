"""Tenants get equal shares of tokens; one that asks for more than its share waits behind the others.

Requests get the tags of start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996), with tokens as length, as
the Virtual Token Counter does (Sheng et al., *Fairness in Serving Large Language Models*, OSDI 2024). Both
advance their virtual time with the service given, which a rank at routing cannot know. Here it advances with the
clock at a rate that one tenant is owed, as in Virtual Clock (Zhang, SIGCOMM 1990).
"""

from __future__ import annotations

from twin.policies.queueing import OUTPUT, OWN, PROMPT, Floats, Ints, Limit

LIMITS: tuple[Limit, ...] = (
    ("share_tokens_per_s", "token rate", 10_000.0, "prompt and output tokens that one tenant is owed"),
)
SHARE_TOKENS_PER_S = OWN
FINISH = OWN


def rank(request: Ints, tenant: Floats, common: Floats, limits: Floats, now_s: float) -> float:
    """Rank by start tag: the larger of the virtual time and the finish tag of the tenant's last request.

    The finish tag is the start tag plus the tokens of the request. A tenant within its share starts at the virtual
    time, so such tenants are served first come. One above it moves ahead of the virtual time and has
    earned its place again after a pause as long as its excess. A share of zero never forgets: whoever asked for
    the fewest tokens since the start goes first. A good share is the tokens per second of the site over the
    number of tenants that are active at once; a far larger one gives first come.

    Parameters
    ----------
    request : (field,)
        ``PROMPT`` and ``OUTPUT``. The output counts in full at once.
    tenant : (field,)
        Finish tag of the tenant's last request at ``OWN``; changed in place.
    common : (field,)
        Not looked at.
    limits : (limit,)
        The share at ``OWN``, see ``LIMITS``.
    now_s : float
        Instant of routing [s].

    Returns
    -------
    float
        Start tag [tokens].

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.queueing import REQUEST_FIELDS
    >>> request, greedy, modest, common, limits = np.zeros(REQUEST_FIELDS, int), *np.zeros((4, 8))
    >>> request[PROMPT], limits[OWN] = 1000, 100.0
    >>> [rank(request, greedy, common, limits, 1.0) for _ in range(3)]
    [100.0, 1100.0, 2100.0]
    >>> rank(request, modest, common, limits, 2.0)  # came later, goes second
    200.0
    """
    start = max(limits[SHARE_TOKENS_PER_S] * now_s, tenant[FINISH])
    tenant[FINISH] = start + float(request[PROMPT] + request[OUTPUT])
    return float(start)
