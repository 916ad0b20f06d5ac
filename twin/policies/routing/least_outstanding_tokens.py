"""The replica with the fewest tokens promised and not yet done."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.policies.routing import Ints, smallest


@smallest("outstanding_tokens")
def choose(
    outstanding_tokens: Ints, outstanding_requests: Ints, is_up: NDArray[np.bool_], cursor: int
) -> int:
    """Choose a replica.

    Parameters
    ----------
    outstanding_tokens : (replica,)
        Prompt and output tokens of requests that were routed there and are not done [tokens].
    outstanding_requests : (replica,)
        How many requests those are.
    is_up : (replica,)
        Which replicas take requests.
    cursor : int
        The replica after the one chosen last.

    Returns
    -------
    int
        Index of the replica; the lowest on a tie, -1 when none is up.

    Examples
    --------
    >>> tokens, requests = np.array([900, 300, 300]), np.array([1, 2, 2])
    >>> choose(tokens, requests, np.array([True, True, True]), 0)
    1
    """
    best = -1
    for replica in range(len(outstanding_tokens)):
        if is_up[replica] and (best < 0 or outstanding_tokens[replica] < outstanding_tokens[best]):
            best = replica
    return best
