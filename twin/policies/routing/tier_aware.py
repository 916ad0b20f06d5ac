"""Each tier of service has a pool of its own."""

from __future__ import annotations

from twin.policies.routing import OUTSTANDING_TOKENS, POOL, TIER, Bools, Ints


def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the replica with the fewest outstanding tokens in the pool of the request's tier.

    Parameters
    ----------
    view : (field, replica)
        ``POOL`` is the label of the replica, ``OUTSTANDING_TOKENS`` its load.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        ``TIER``: the label of its pool.

    Returns
    -------
    int
        Index of the replica; the lowest on a tie. If no replica of the pool is open, one of all that are; -1
        when none is.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 3), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> view[POOL], view[OUTSTANDING_TOKENS] = (0, 1, 1), (100, 900, 800)
    >>> request[TIER] = 1
    >>> choose(view, np.array([True, True, True]), request)
    2
    """
    best = -1
    is_best_home = False
    for replica in range(len(is_open)):
        is_home = view[POOL, replica] == request[TIER]
        if not is_open[replica] or (is_best_home and not is_home):
            continue
        is_better = best < 0 or view[OUTSTANDING_TOKENS, replica] < view[OUTSTANDING_TOKENS, best]
        if is_better or (is_home and not is_best_home):
            best, is_best_home = replica, is_home
    return best
