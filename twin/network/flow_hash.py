"""Hashes that choose paths: the same flow, queue pair and seed take the same path on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = (np.uint64(n) for n in (30, 27, 31))


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


def path_hash(seed: int, *keys: ArrayLike) -> NDArray[np.uint64]:
    """Hash of whole numbers, all arrays broadcast together.

    Parameters
    ----------
    seed : int
        At least 0; stands for the hash function of the switches.
    *keys : int or array
        Source, destination, queue pair, switch: whatever tells apart what may take different paths.

    Notes
    -----
    Source: Steele, Lea, Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014 (the mixing function).

    Examples
    --------
    >>> path_hash(1, [3, 3], [4, 4], [0, 1]) % np.uint64(16) == path_hash(1, 3, 4, [0, 1]) % np.uint64(16)
    array([ True,  True])
    """
    z = np.atleast_1d(np.uint64(seed))
    for key in keys:
        z = _mixed((z + _STEP) ^ np.asarray(key).astype(np.uint64))
    return _mixed(z + _STEP)


_WORD = (1 << 64) - 1


def at_switch(flow_hash: int, node: int) -> int:
    """Hash of a flow at one switch, from its :func:`path_hash`, by the same mixing.

    Examples
    --------
    >>> at_switch(5, 1) == at_switch(5, 1), at_switch(5, 1) == at_switch(5, 2)
    (True, False)
    """
    z = (flow_hash + (node + 1) * int(_STEP)) & _WORD
    z = ((z ^ (z >> 30)) * int(_FIRST)) & _WORD
    z = ((z ^ (z >> 27)) * int(_SECOND)) & _WORD
    return z ^ (z >> 31)
