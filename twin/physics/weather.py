"""What a year of weather means for cooling: hours over and under limits, degree hours, steps within the hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.physics.constants import STANDARD_PRESSURE_PA

Array = NDArray[np.float64]

ROUNDING_K = 1e-9
"""Margin that keeps a rounded temperature on its own side of a limit [K]; far below the 0.1 K of the files."""


def standard_pressure_pa(elevation_m: ArrayLike) -> Array:
    """Pressure of the standard atmosphere at an elevation.

    Parameters
    ----------
    elevation_m : array
        Above sea level [m], -1,000 to 11,000. ISO 2533:1975.

    Examples
    --------
    >>> standard_pressure_pa(np.array([0.0, 1609.0])).round(0)
    array([101325.,  83431.])
    """
    fall = 1.0 - 2.25577e-5 * np.asarray(elevation_m, dtype=float)
    return STANDARD_PRESSURE_PA * fall**5.25588


def hours_above(values: Array, limits: ArrayLike) -> NDArray[np.int64]:
    """Hours in which a value lies above each limit.

    Parameters
    ----------
    values : array (hour)
        One value an hour.
    limits : array (limit)
        Limits in the same unit.

    Examples
    --------
    >>> hours_above(np.array([290.0, 295.0, 300.0]), [295.0, 280.0])
    array([1, 3])
    """
    over: NDArray[np.bool_] = values[:, None] > np.asarray(limits, dtype=float) + ROUNDING_K
    return np.asarray(over.sum(axis=0), dtype=np.int64)


def hours_reached(values: Array, limits: ArrayLike) -> NDArray[np.int64]:
    """Hours in which a value lies at or below each limit: those in which outdoor air is cool enough.

    Parameters
    ----------
    values : array (hour)
        One value an hour.
    limits : array (limit)
        Limits in the same unit: supply temperature less approach, for a dry cooler against the dry bulb and for
        a tower against the wet bulb.

    Examples
    --------
    >>> hours_reached(np.array([290.0, 295.0, 300.0]), [295.0, 280.0])
    array([2, 0])
    """
    return np.asarray(values.size - hours_above(values, limits), dtype=np.int64)


def degree_hours(values_k: Array, base_k: float) -> float:
    """Sum of what temperatures lie above a base [K h].

    Parameters
    ----------
    values_k : array (hour)
        One temperature an hour [K].
    base_k : float
        Base [K].

    Examples
    --------
    >>> degree_hours(np.array([290.0, 295.0, 300.0]), 294.0)
    7.0
    """
    return float(np.maximum(values_k - base_k, 0.0).sum())


def steps(hourly: Array, per_hour: int) -> Array:
    """Values within the hour, on the line between two hours, the year closing on itself.

    Parameters
    ----------
    hourly : array (hour)
        Values at the end of each hour, as weather files hold them.
    per_hour : int
        Steps an hour, 1 or more; the last of each hour has the file's value.

    Returns
    -------
    array (hour, step)

    Examples
    --------
    >>> steps(np.array([4.0, 8.0]), 2)
    array([[6., 4.],
           [6., 8.]])
    """
    weight = np.arange(1, per_hour + 1) / per_hour
    return np.roll(hourly, 1)[:, None] * (1.0 - weight) + hourly[:, None] * weight
