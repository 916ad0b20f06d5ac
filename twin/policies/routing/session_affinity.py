"""A conversation stays where it was, because its KV cache may still be there."""

from __future__ import annotations

from twin.policies.routing import LAST_REPLICA, OUTSTANDING_TOKENS, Bools, Ints, reads_sessions


@reads_sessions
def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the replica that served the session last, else the one with the fewest outstanding tokens.

    Load does not matter to a session that has a place: one that grows stays even where others are idle.

    Parameters
    ----------
    view : (field, replica)
        ``OUTSTANDING_TOKENS``, for sessions without a place.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        ``LAST_REPLICA``: where the session was, -1 for none. If that one is not open the session moves.

    Returns
    -------
    int
        Index of the replica; the lowest on a tie, -1 when none is open.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 3), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> view[OUTSTANDING_TOKENS] = 900, 300, 500
    >>> request[LAST_REPLICA] = 2
    >>> choose(view, np.array([True, True, True]), request), choose(view, np.array([True, True, False]), request)
    (2, 1)
    """
    last = int(request[LAST_REPLICA])
    if 0 <= last < len(is_open) and is_open[last]:
        return last
    best = -1
    for replica in range(len(is_open)):
        if not is_open[replica]:
            continue
        if best < 0 or view[OUTSTANDING_TOKENS, replica] < view[OUTSTANDING_TOKENS, best]:
            best = replica
    return best
