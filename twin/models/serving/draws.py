"""Random numbers that depend on what they are for and on nothing else, compiled by Numba.

A draw is a hash of (seed, a, b), so it is the same in both fidelities and in any order of events.

Sources: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014 (the mixing function).
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

inner = nb.njit(_nrt=False)  # type: ignore[call-overload]
"""No function of the kernel makes or keeps an array; counting references would cost four times its work."""

outer = nb.njit(_nrt=False)  # type: ignore[call-overload]
"""For what is rare or large: a call of its own."""

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11, _S33 = (np.uint64(n) for n in (30, 27, 31, 11, 33))


@inner
def _mix(z: Any) -> Any:
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@inner
def _bits(seed: int, a: int, b: int) -> Any:
    z = _mix(np.uint64(seed) + _STEP)
    z = _mix(z ^ (np.uint64(a) + _STEP))
    return _mix(z ^ (np.uint64(b) + _STEP))


@outer
def uniform(seed: int, a: int, b: int) -> float:
    """Uniform number in [0, 1).

    Examples
    --------
    >>> round(uniform(1, 2, 3), 6) == round(uniform(1, 2, 3), 6), 0.0 <= uniform(7, 0, 0) < 1.0
    (True, True)
    """
    return np.float64(_bits(seed, a, b) >> _S11) * 2.0**-53


@outer
def integer(seed: int, a: int, b: int) -> int:
    """Uniform whole number from 0 to 2**31 - 1.

    Examples
    --------
    >>> 0 <= integer(1, 2, 3) < 2**31
    True
    """
    return np.int64(_bits(seed, a, b) >> _S33)  # type: ignore[return-value]


@inner
def accepted(draw: float, acceptance: Any) -> int:
    """Drafts accepted: as many as the chances that a draw stays below.

    Examples
    --------
    >>> accepted(0.5, np.array([0.8, 0.6, 0.3]))
    2
    """
    count = 0
    for chance in acceptance:
        if draw >= chance:
            break
        count += 1
    return count
