"""Short prompts to one pool, long ones to another, so that short ones do not wait behind long ones."""

from __future__ import annotations

from twin.policies.routing import OUTSTANDING_TOKENS, POOL, PROMPT, Bools, Ints

# An assumption: about the longest prompt of a chat turn; documents and agents are longer.
SHORT_TOKENS = 4096
SHORT_POOL = 0
LONG_POOL = 1


def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the replica with the fewest outstanding tokens in the pool for the length of the prompt.

    Parameters
    ----------
    view : (field, replica)
        ``POOL`` is the label of the replica, ``OUTSTANDING_TOKENS`` its load.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        ``PROMPT``: up to ``SHORT_TOKENS`` it belongs to pool 0, above to pool 1.

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
    >>> request[PROMPT] = 50_000
    >>> choose(view, np.array([True, True, True]), request), choose(view, np.array([True, False, False]), request)
    (2, 0)
    """
    home = SHORT_POOL if request[PROMPT] <= SHORT_TOKENS else LONG_POOL
    best = -1
    is_best_home = False
    for replica in range(len(is_open)):
        is_home = view[POOL, replica] == home
        if not is_open[replica] or (is_best_home and not is_home):
            continue
        is_better = best < 0 or view[OUTSTANDING_TOKENS, replica] < view[OUTSTANDING_TOKENS, best]
        if is_better or (is_home and not is_best_home):
            best, is_best_home = replica, is_home
    return best
