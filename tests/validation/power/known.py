"""Relations and measured rows together: answers to rows of configurations that were measured at other batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tests.validation.power import pooling, timing
from tests.validation.power.measured import Measured, measured
from tests.validation.power.pooling import Places, Scales
from tests.validation.power.rows import Case
from tests.validation.power.timing import Constants, Timing
from tests.validation.power.watts import demand_miss

Array = NDArray[np.float64]

MISSES = ("step", "median", "demand")
"""What is corrected: mean and median time of a step, and demand for power at the measured time of a step."""


@dataclass(frozen=True)
class Known:
    """Constants with the rows that were measured.

    Parameters
    ----------
    held : Constants
    places : Places
        Of the measured rows.
    weights : array (miss, row)
        By :data:`MISSES`.
    """

    held: Constants
    places: Places
    weights: Array

    def corrected(self, case: Case, time: Timing) -> tuple[Timing, float]:
        """Times of a row, and its demand over that of the relation, as measured rows of its group make them expect."""
        at = pooling.places([case])
        factors = [
            float(np.exp((pooling.covariance(at, self.places, scales) @ own)[0]))
            for scales, own in zip(_scales(self.held), self.weights, strict=True)
        ]
        step, median, demand = factors
        return replace(time, step_s=time.step_s * step, median_s=time.median_s * median), demand

    def rows_of(self, case: Case) -> int:
        """Measured rows of the configuration of a row."""
        return int(np.count_nonzero(self.places.group == case.group))


def misses(seen: Measured, held: Constants, some: NDArray[np.intp]) -> Array:
    """Logarithms of measured over said, array (miss, row)."""
    found = []
    for i in some:
        case = seen.cases[i]
        time = held.times(case)
        demand = demand_miss(case, time, held, float(seen.mean_s[i]), float(seen.gpu_w[i]))
        found.append((np.log(seen.mean_s[i] / time.step_s), np.log(seen.median_s[i] / time.median_s), demand))
    return np.array(found).reshape(-1, len(MISSES)).T


def fitted(seen: Measured, held: Constants, some: NDArray[np.intp]) -> dict[str, list[float]]:
    """Scales of the misses of some rows."""
    at = pooling.places([seen.cases[i] for i in some])
    found = misses(seen, held, some)
    return {name: list(pooling.fitted(at, one)) for name, one in zip(MISSES, found, strict=True)}


def known(seen: Measured, held: Constants, some: NDArray[np.intp]) -> Known:
    """Constants with some rows."""
    at = pooling.places([seen.cases[i] for i in some])
    pairs = zip(misses(seen, held, some), _scales(held), strict=True)
    return Known(held, at, np.array([pooling.weights(at, one, scales) for one, scales in pairs]))


@lru_cache(3)
def shipped(calibration: str = "all") -> Known:
    """Constants with the rows that they were fitted to.

    Parameters
    ----------
    calibration : str
        As in :func:`~tests.validation.power.answers.answers`.
    """
    seen = measured()
    return known(seen, timing.constants(calibration), np.flatnonzero(seen.side(calibration)))


def _scales(held: Constants) -> list[Scales]:
    return [Scales(*held.held["scales"][name]) for name in MISSES]
