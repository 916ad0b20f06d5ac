"""Prompts that come by chance and start in turns: how many share an iteration, and what they add to it.

A turn computes what waits. While it lasts more prompts come: where they are enough, the next turn follows at once, else
iterations of decode go by until they are. So how many a turn has is a Markov chain over turns. Costs grow less than
with the number, for all prompts of an iteration share its launch: turns that follow each other are larger, and cheaper
for a prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

SPREAD, MORE = 6.0, 8
"""Prompts of a turn that the chain goes up to: so many standard deviations and so many more above the mean."""

MANY, MOST_PROMPTS = 200.0, 1e5
"""Prompts of a turn from which chance counts for nothing, and beyond which turns are endless."""

ROUNDS = 40
"""Steps towards the size of turns that follow each other; each comes nearer by the load of a prompt."""


class Costs(NamedTuple):
    """Time of a turn.

    Parameters
    ----------
    added_s : float
        What its prompts add to the decode of the iterations that they ride with [s].
    lasts_s : float
        How long it lasts, decode included [s].
    """

    added_s: float
    lasts_s: float


class Waits(NamedTuple):
    """When prompts start.

    Parameters
    ----------
    enough : int
        Prompts with which a turn starts, 1 or more.
    come : float
        Prompts that come while decode iterates once, above 0.
    patience : float
        Prompts that come for as long as one waits at most.
    """

    enough: int
    come: float
    patience: float = math.inf


class Turns(NamedTuple):
    """Means over turns.

    Parameters
    ----------
    prompts : float
        Prompts of a turn.
    added_s : float
        What they add [s].
    """

    prompts: float
    added_s: float


def chances(means: Floats, most: int) -> Floats:
    """Chance of 0 to ``most`` arrivals by mean, shape (means, most + 1); the last is that of ``most`` and above.

    Examples
    --------
    >>> chances(np.array([0.0, 1.0]), 2).round(3).tolist()
    [[1.0, 0.0, 0.0], [0.368, 0.368, 0.264]]
    """
    counts, mean = np.arange(float(most)), np.asarray(means)[:, None]
    below = np.exp(special.xlogy(counts, mean) - special.gammaln(counts + 1.0) - mean)
    return np.hstack([below, special.gammainc(float(most), mean)])


def at_start(waits: Waits, most: int) -> Floats:
    """Chance of 0 to ``most`` prompts in a turn by how many wait before it, shape (most + 1, most + 1).

    Examples
    --------
    >>> at_start(Waits(2, 1e-9), 3).round(3).tolist()
    [[0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """
    come, found = chances(np.array([waits.come]), most)[0][1:], np.eye(most + 1)
    for waiting in range(waits.enough - 1, 0, -1):
        found[waiting] = _some(come, most - waiting) @ found[waiting + 1 :]
    if math.isfinite(waits.patience):
        late = chances(np.array([waits.patience]), most)[0]
        for waiting in range(1, waits.enough):  # too few came for as long as the first of them waited
            few = late[: waits.enough - waiting]
            found[waiting] *= 1.0 - few.sum()
            found[waiting, waiting : waits.enough] += few
    found[0] = _some(come, most) @ found[1:]
    return found


def _some(come: Floats, most: int) -> Floats:
    """Chance of 1 to ``most`` where there is one at least."""
    some = np.append(come[: most - 1], come[most - 1 :].sum())
    shares: Floats = some / some.sum()
    return shares


def by_chance(per_s: float, waits: Waits, cost: Callable[[float], Costs]) -> Turns:
    """Turns where prompts come independently.

    Parameters
    ----------
    per_s : float
        Prompts that come, above 0 [1/s].
    waits : Waits
        When they start.
    cost : callable
        Of a turn by its prompts, 1 or more.

    Examples
    --------
    >>> rare = by_chance(0.01, Waits(1, 0.0001), lambda prompts: Costs(0.1 * prompts, 0.1 * prompts))
    >>> round(rare.prompts, 2), round(rare.added_s, 2)
    (1.0, 0.1)
    """
    mean = _following(per_s, waits, lambda n: cost(float(round(n))).lasts_s)
    if mean > MANY:
        return by_the_clock(per_s, waits, cost)
    most = math.ceil(mean + SPREAD * math.sqrt(mean)) + MORE
    costs = np.array([cost(float(n)) for n in range(1, most + 1)])
    follows = (chances(per_s * costs[:, 1], most) @ at_start(waits, most))[:, 1:]
    balance = np.vstack([(follows.T - np.eye(most))[:-1], np.ones(most)])
    often = np.linalg.solve(balance, np.eye(most)[-1])
    return Turns(float(often @ np.arange(1.0, most + 1.0)), float(often @ costs[:, 0]))


def by_the_clock(per_s: float, waits: Waits, cost: Callable[[float], Costs]) -> Turns:
    """Turns where prompts come evenly; parameters as in :func:`by_chance`.

    Examples
    --------
    >>> by_the_clock(1.0, Waits(4, 0.01), lambda prompts: Costs(0.1 * prompts, 0.1 * prompts))
    Turns(prompts=4.0, added_s=0.4)
    """
    prompts = _following(per_s, waits._replace(enough=1), lambda n: cost(n).lasts_s)
    prompts = max(prompts, min(float(waits.enough), 1.0 + waits.patience))
    return Turns(prompts, cost(prompts).added_s)


def _following(per_s: float, waits: Waits, lasts_s: Callable[[float], float]) -> float:
    """Prompts of a turn: those with which it starts, or as many as come while one lasts."""
    prompts = float(waits.enough)
    for _ in range(ROUNDS):
        prompts = max(float(waits.enough), min(per_s * lasts_s(prompts), MOST_PROMPTS))
    return prompts
