"""Trips that come the sooner the larger the overload: breakers, busways, and the overload curve of a UPS.

An element gathers a share of its way to the trip; it trips when the share reaches 1. While the load stays the same
the share grows or falls at a constant rate, so the instant of the trip has a closed form.

Source: IEEE C37.112-2018, where the time to trip is integrated as ``1 / t(load)`` and a reset curve leads back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def trip_rate_per_s(
    load_frac: Array,
    pickup_frac: Array,
    scale_s: Array,
    exponent: Array,
    instant_frac: Array,
    instant_s: Array,
    reset_s: Array,
) -> Array:
    """Change of the share of the way to the trip in a second [1/s].

    Parameters
    ----------
    load_frac : array (element)
        Current over its rating [1], zero or larger.
    pickup_frac : array (element)
        Load that is borne for ever [1], above zero.
    scale_s, exponent : array (element)
        K [s] and p of ``t = K / ((load / pickup)^2 - 1)^p``; p is 1 for heat by the square of the current. An
        infinite K never trips.
    instant_frac, instant_s : array (element)
        Load [1] from which the trip comes after a fixed time [s].
    reset_s : array (element)
        Time from the brink of a trip back to rest without load [s].

    Examples
    --------
    >>> curve = [np.array([x]) for x in (1.0, 180.0, 1.0, 8.0, 0.02, 600.0)]
    >>> [round(float(1.0 / trip_rate_per_s(np.array([x]), *curve)[0]), 3) for x in (1.5, 2.0, 10.0, 0.0)]
    [144.0, 60.0, 0.02, -600.0]
    """
    excess = (load_frac / pickup_frac) ** 2 - 1.0
    slow = np.maximum(excess, 0.0) ** exponent / scale_s + np.minimum(excess, 0.0) / reset_s
    at_once = (load_frac >= instant_frac) * 1.0
    rate: Array = at_once / instant_s + (1.0 - at_once) * slow
    return rate
