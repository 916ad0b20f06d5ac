"""The replica where the request costs least: cached prefixes against load.

The form of the cost is that of the KV router of NVIDIA Dynamo, with temperature zero: a weight times the prompt
tokens that would have to be computed, plus the decode load. Dynamo counts blocks and adds the blocks of the
request itself, which is the same everywhere.
"""

from __future__ import annotations

from twin.policies.routing import (
    CACHED_TOKENS,
    OUTSTANDING_TOKENS,
    PROMPT,
    PROMPT_TOKENS,
    Bools,
    Ints,
    reads_cached_tokens,
)

# Dynamo's default is 1; larger is kinder to the first token, smaller to the tokens after it.
OVERLAP_WEIGHT = 1
# Outstanding tokens are the KV that a replica will hold, so they stand for its decode load.
LOAD_WEIGHT = 1


@reads_cached_tokens
def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the open replica of least cost in tokens.

    The cost is ``OVERLAP_WEIGHT * (prompt backlog + prompt - cached) + LOAD_WEIGHT * outstanding tokens``. Prompts
    that wait count in both terms, once as work ahead and once as KV to come.

    Parameters
    ----------
    view : (field, replica)
        ``CACHED_TOKENS`` of this request, ``PROMPT_TOKENS`` that wait to be computed, ``OUTSTANDING_TOKENS``.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        ``PROMPT``, in tokens.

    Returns
    -------
    int
        Index of the replica; the lowest on a tie, -1 when none is open.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 2), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> request[PROMPT] = 4000
    >>> view[CACHED_TOKENS], view[OUTSTANDING_TOKENS] = (0, 3500), (1000, 4000)
    >>> choose(view, np.array([True, True]), request)  # 5000 against 4500
    1
    """
    best = -1
    least = 0
    for replica in range(len(is_open)):
        if not is_open[replica]:
            continue
        ahead = view[PROMPT_TOKENS, replica] + request[PROMPT] - view[CACHED_TOKENS, replica]
        cost = OVERLAP_WEIGHT * ahead + LOAD_WEIGHT * view[OUTSTANDING_TOKENS, replica]
        if best < 0 or cost < least:
            best, least = replica, cost
    return best
