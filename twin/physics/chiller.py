"""Vapour-compression chillers as a share of the Carnot limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.physics.constants import CHILLER_LEAST_LIFT_K

Array = NDArray[np.float64]


def cop(evaporating_k: Array, condensing_k: Array, carnot_frac: Array) -> Array:
    """Heat lifted per compressor energy.

    Parameters
    ----------
    evaporating_k, condensing_k : array (chiller)
        Refrigerant temperatures [K].
    carnot_frac : array (chiller)
        Share of the Carnot limit that the machine reaches between these temperatures [1], about 0.45 to 0.60
        (textbook).

    Returns
    -------
    array (chiller)
        ``carnot_frac * Te / (Tc - Te)`` [1], where the lift is at least 10 K because head pressure is held.

    Examples
    --------
    >>> cop(np.array([280.0]), np.array([320.0]), np.array([0.5]))
    array([3.5])
    """
    return carnot_frac * evaporating_k / np.maximum(condensing_k - evaporating_k, CHILLER_LEAST_LIFT_K)
