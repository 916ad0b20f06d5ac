"""Named random streams: adding one never moves another."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def stream(seed: int, *name: str) -> np.random.Generator:
    """Return the generator that belongs to a seed and a name.

    Parameters
    ----------
    seed : int
        Seed of the run, zero or larger.
    *name : str
        What draws from it, for example ``("failures", "cdu-pump")``.

    Examples
    --------
    >>> stream(1, "a").random() == stream(1, "a").random()
    True
    >>> stream(1, "a").random() == stream(1, "b").random()
    False
    """
    digest = hashlib.blake2b("\x1f".join(name).encode(), digest_size=16).digest()
    words = np.frombuffer(digest, dtype=np.uint32)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words.tolist()])))


def is_drawn(numbers: NDArray[np.int64], share: float) -> NDArray[np.bool_]:
    """Whether each number belongs to a random share of all numbers: the same ones for everybody who asks.

    Parameters
    ----------
    numbers : array (n,)
        Zero or larger.
    share : float
        0 to 1; what a smaller share holds, a larger one holds too.

    Examples
    --------
    >>> drawn = is_drawn(np.arange(100_000), 0.25)
    >>> int(drawn.sum()), bool(drawn[is_drawn(np.arange(100_000), 0.125)].all())
    (25042, True)
    """
    if share >= 1.0:
        return np.ones(len(numbers), dtype=np.bool_)
    # SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): neighbours land anywhere
    mixed = (np.asarray(numbers, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    found: NDArray[np.bool_] = (mixed >> np.uint64(11)) < np.uint64(share * 2.0**53)
    return found
