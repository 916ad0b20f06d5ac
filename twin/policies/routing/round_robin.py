"""One replica after the other."""

from __future__ import annotations

from twin.policies.routing import CURSOR, Bools, Ints


def choose(view: Ints, is_open: Bools, request: Ints) -> int:
    """Choose the first open replica after the one chosen last.

    Parameters
    ----------
    view : (field, replica)
        Not looked at.
    is_open : (replica,)
        Which replicas take this request.
    request : (field,)
        ``CURSOR`` is where the search begins.

    Returns
    -------
    int
        Index of the replica; -1 when none is open.

    Examples
    --------
    >>> import numpy as np
    >>> from twin.policies.routing import REQUEST_FIELDS, VIEW_FIELDS
    >>> view, request = np.zeros((VIEW_FIELDS, 3), dtype=np.int64), np.zeros(REQUEST_FIELDS, dtype=np.int64)
    >>> request[CURSOR] = 1
    >>> choose(view, np.array([True, False, True]), request)
    2
    """
    count = len(is_open)
    for step in range(count):
        replica = int((request[CURSOR] + step) % count)
        if is_open[replica]:
            return replica
    return -1
