"""The less loaded of two replicas drawn at random.

With a view that is late, the least loaded replica gets everything until the next publication; two draws avoid
that herd and need only two queries (Mitzenmacher, *The Power of Two Choices in Randomized Load Balancing*, 2001).
"""

from __future__ import annotations

from twin.policies.routing import DRAW_A, DRAW_B, OUTSTANDING_REQUESTS, Bools, Ints


def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Draw two different open replicas and choose the one with fewer outstanding requests.

    Parameters
    ----------
    view : (field, replica)
        ``OUTSTANDING_REQUESTS``: those that were routed there and are not done.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        ``DRAW_A``, ``DRAW_B``: uniform draws, 0 or larger.

    Returns
    -------
    int
        Index of the replica; the one drawn first on a tie, -1 when none is open.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 4), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> view[OUTSTANDING_REQUESTS] = 0, 7, 5, 9
    >>> request[DRAW_A], request[DRAW_B] = 1, 0  # the second open replica, and the one after it
    >>> choose(view, np.array([True, True, True, True]), request)
    2
    """
    count = 0
    for replica in range(len(is_open)):
        if is_open[replica]:
            count += 1
    if count == 0:
        return -1
    wanted_a = request[DRAW_A] % count
    # A distance of 1 to count - 1 from the first never lands on the first again.
    wanted_b = (wanted_a + 1 + request[DRAW_B] % (count - 1)) % count if count > 1 else wanted_a
    first = second = -1
    place = 0
    for replica in range(len(is_open)):
        if not is_open[replica]:
            continue
        if place == wanted_a:
            first = replica
        if place == wanted_b:
            second = replica
        place += 1
    return second if view[OUTSTANDING_REQUESTS, second] < view[OUTSTANDING_REQUESTS, first] else first
