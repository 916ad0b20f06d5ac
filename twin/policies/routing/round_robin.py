"""One replica after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.policies.routing import Ints


def choose(
    outstanding_tokens: Ints, outstanding_requests: Ints, is_up: NDArray[np.bool_], cursor: int
) -> int:
    """Choose a replica.

    Parameters
    ----------
    outstanding_tokens, outstanding_requests : (replica,)
        Not looked at.
    is_up : (replica,)
        Which replicas take requests.
    cursor : int
        The replica after the one chosen last.

    Returns
    -------
    int
        Index of the first up replica from ``cursor`` on; -1 when none is up.

    Examples
    --------
    >>> nothing = np.zeros(3, dtype=np.int64)
    >>> choose(nothing, nothing, np.array([True, False, True]), 1)
    2
    """
    count = len(is_up)
    for step in range(count):
        replica = (cursor + step) % count
        if is_up[replica]:
            return replica
    return -1
