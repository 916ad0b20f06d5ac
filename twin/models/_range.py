"""The guard that stops a run whose temperatures left the physical range."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.errors import Fault, PhysicalRangeError
from twin.physics.constants import HIGHEST_K, LOWEST_K

Array = NDArray[np.float64]


@njit(cache=True)
def _is_within(temperature_k: Array) -> bool:
    found, flat = True, temperature_k.ravel()
    for i in range(flat.size):
        found &= LOWEST_K <= flat[i] <= HIGHEST_K
    return found


def within(what: str, temperature_k: Array) -> None:
    """Refuse temperatures outside 230 to 450 K, and NaN.

    Parameters
    ----------
    what : str
        The kind of asset and node, for example ``"gpu die"``.
    temperature_k : array
        Temperatures [K]; the last axis counts the assets.

    Raises
    ------
    PhysicalRangeError
        Naming the first five assets that are outside.

    Examples
    --------
    >>> within("gpu die", np.array([300.0, 350.0]))
    """
    if _is_within(temperature_k):
        return
    flat = np.atleast_1d(temperature_k)
    outside = np.argwhere(~((flat >= LOWEST_K) & (flat <= HIGHEST_K)))[:5]
    faults = [
        Fault(
            "",
            0,
            f"{what} {spot[-1]}",
            f"{flat[tuple(spot)]:.6g} K",
            f"{LOWEST_K:g} to {HIGHEST_K:g} K",
            "check flow, heat and heat capacity of this asset, or shorten the tick",
        )
        for spot in outside
    ]
    raise PhysicalRangeError(f"{what}: temperature left the physical range", faults)
