"""What the misses of measured rows tell of other rows of their configuration.

A miss is the logarithm of what was measured over what the relations say. Misses are random effects of mean zero with
the covariance ::

    same group · (group² + same task · task²) · exp(-doublings between the batches / reach) + same row · rest²

Groups are unlike each other, so a row of a group without measurements is expected to miss by nothing, and its answer
is that of the relations alone. Expected misses are best linear unbiased predictions (G. K. Robinson, "That BLUP is a
good thing", Statistical Science 6, 1991), scales those of most likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

from tests.validation.power.rows import Case

Array = NDArray[np.float64]

REACH_DOUBLINGS = 4.0
"""Doublings of the batch over which what misses share falls to 1/e [1]; chosen from 2, 3 and 4, as this covariance was
from seven others, by leaving out fifths of the calibration half of *rows* (2026-11)."""

LOWEST, HIGHEST, FIRST = 0.0025, 1.0, 0.08
"""Range of the scales, and where the search begins [1]."""


class Places(NamedTuple):
    """Where rows stand among each other.

    Parameters
    ----------
    group, task : array (row) of str
    doublings : array (row)
        Logarithm to the base 2 of the sequences in flight.
    """

    group: NDArray[np.str_]
    task: NDArray[np.str_]
    doublings: Array


class Scales(NamedTuple):
    """Standard deviations of misses [1]: what rows of a group share, those of a task in it, and what no rows share."""

    group: float
    task: float
    rest: float


def places(cases: Sequence[Case]) -> Places:
    """Where rows stand among each other."""
    flights = np.array([case.configuration.concurrency for case in cases], dtype=np.float64)
    groups = np.array([case.group for case in cases], dtype=np.str_)
    return Places(groups, np.array([case.task for case in cases], dtype=np.str_), np.log2(flights))


def covariance(a: Places, b: Places, scales: Scales) -> Array:
    """Covariance of what rows share, arrays (row of a, row of b) [1].

    Examples
    --------
    >>> known = Places(np.array(["x", "x", "y"]), np.array(["chat", "code", "chat"]), np.zeros(3))
    >>> covariance(known, known, Scales(0.1, 0.2, 0.3)).round(3).tolist()
    [[0.05, 0.01, 0.0], [0.01, 0.05, 0.0], [0.0, 0.0, 0.05]]
    """
    is_group = a.group[:, None] == b.group[None, :]
    is_task = a.task[:, None] == b.task[None, :]
    apart = np.abs(a.doublings[:, None] - b.doublings[None, :])
    found: Array = is_group * (scales.group**2 + is_task * scales.task**2) * np.exp(-apart / REACH_DOUBLINGS)
    return found


def fitted(known: Places, misses: Array) -> Scales:
    """Scales that make some misses likeliest.

    Parameters
    ----------
    known : Places
    misses : array (row)
        Logarithms [1].
    """

    def cost(logs: Array) -> float:
        held = cho_factor(_of_rows(known, Scales(*np.exp(logs))), lower=True)
        return float(np.log(np.diag(held[0])).sum() + 0.5 * misses @ cho_solve(held, misses))

    bounds = [(np.log(LOWEST), np.log(HIGHEST))] * len(Scales._fields)
    best = minimize(cost, np.full(len(bounds), np.log(FIRST)), method="L-BFGS-B", bounds=bounds)
    return Scales(*(float(f"{scale:.4g}") for scale in np.exp(best.x)))


def weights(known: Places, misses: Array, scales: Scales) -> Array:
    """Weights of known rows, array (row) [1]: the covariance with other rows times them is their expected miss.

    Examples
    --------
    Of two rows that miss by 0.1, a batch between them expects most of it, another task less, another group nothing.

    >>> known = Places(np.array(["x", "x"]), np.array(["chat", "chat"]), np.array([3.0, 5.0]))
    >>> other = Places(np.array(["x", "x", "y"]), np.array(["chat", "code", "chat"]), np.array([4.0, 4.0, 4.0]))
    >>> scales = Scales(0.1, 0.1, 0.02)
    >>> (covariance(other, known, scales) @ weights(known, np.full(2, 0.1), scales)).round(3).tolist()
    [0.096, 0.048, 0.0]
    """
    found: Array = np.linalg.solve(_of_rows(known, scales), misses)
    return found


def _of_rows(known: Places, scales: Scales) -> Array:
    """Covariance of whole misses."""
    return covariance(known, known, scales) + scales.rest**2 * np.eye(len(known.doublings))
