"""The replica with the fewest requests, whatever their length: all that a plain load balancer knows."""

from __future__ import annotations

from twin.policies.routing import OUTSTANDING_REQUESTS, Bools, Ints


def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the open replica with the fewest outstanding requests.

    Parameters
    ----------
    view : (field, replica)
        ``OUTSTANDING_REQUESTS``: those that were routed there and are not done.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        Not looked at.

    Returns
    -------
    int
        Index of the replica; the lowest on a tie, -1 when none is open.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 3), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> view[OUTSTANDING_REQUESTS] = 9, 4, 3
    >>> choose(view, np.array([True, True, False]), request)
    1
    """
    best = -1
    for replica in range(len(is_open)):
        if not is_open[replica]:
            continue
        if best < 0 or view[OUTSTANDING_REQUESTS, replica] < view[OUTSTANDING_REQUESTS, best]:
            best = replica
    return best
