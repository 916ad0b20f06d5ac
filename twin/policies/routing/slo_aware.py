"""The replica that will give the first token soonest."""

from __future__ import annotations

from twin.policies.routing import OUTSTANDING_TOKENS, PROMPT_TOKENS, Bools, Ints


def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the open replica with the fewest prompt tokens ahead, then the fewest outstanding tokens.

    The first token waits for the prompts that are computed before; among replicas that make it wait equally
    long, the tokens after it come fastest where the fewest are promised. Replicas are taken as equally fast.

    Parameters
    ----------
    view : (field, replica)
        ``PROMPT_TOKENS`` that wait to be computed, then ``OUTSTANDING_TOKENS``.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        Not looked at.

    Returns
    -------
    int
        Index of the replica; the lowest on a tie of both, -1 when none is open.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 3), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> view[PROMPT_TOKENS], view[OUTSTANDING_TOKENS] = (800, 0, 0), (900, 5000, 4000)
    >>> choose(view, np.array([True, True, True]), request)
    2
    """
    best = -1
    for replica in range(len(is_open)):
        if not is_open[replica]:
            continue
        if best < 0:
            best = replica
            continue
        later = view[PROMPT_TOKENS, replica] - view[PROMPT_TOKENS, best]
        if later < 0 or (later == 0 and view[OUTSTANDING_TOKENS, replica] < view[OUTSTANDING_TOKENS, best]):
            best = replica
    return best
