"""Flows of a closed loop of pumps and parallel racks, each as a share of its rated value.

Losses go with the square of flow, which holds for plates, couplings and valves in turbulent flow within some percent
(at an exponent of 1.75 a halved flow loses 30 percent of its rated head instead of 25). The pumps' curve is the usual
parabola, so the operating point is closed: no iteration, and flows add up to rounding.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

SHUT_OFF_HEAD_FRAC: Final = 1.3
"""Head of a centrifugal pump without flow over its rated head [1]; textbook (2026), 1.15 to 1.4."""

FILTER_HEAD_FRAC: Final = 0.05
"""Share of a loop's head that its clean filter takes [1]; assumption (2026): 10 of 200 kPa, 0.02 to 0.1."""

COMMON_HEAD_FRAC: Final = 0.25
"""Share that exchanger and common pipes take besides [1]; assumption (2026): 50 of 200 kPa, 0.15 to 0.4."""

VALVE_HEAD_FRAC: Final = 0.10
"""Share that the open valve of a rack takes [1]; assumption (2026): 20 of 200 kPa. Plates, manifolds and couplings
take what is left, 120 kPa."""

RANGEABILITY: Final = 50.0
"""Flow of an open equal-percentage valve over that of a nearly closed one at one pressure [1]; IEC 60534-2-4."""

SEAT_LEAKAGE_FRAC: Final = 1e-4
"""Flow through a closed valve over that through an open one at one pressure [1]; class IV of IEC 60534-4."""

LEAST_FREE_FRAC: Final = 0.02
"""Smallest free area of a clogged filter that is reckoned with [1]: behind it hardly anything flows."""


class Loops(NamedTuple):
    """Loops with their pumps and racks.

    Parameters
    ----------
    units_up, units_needed : array (loop)
        Running pumps, and those that give rated flow at rated head [1].
    free_frac : array (loop)
        Free area of the filter over that of a clean one [1], 0 to 1.
    opening_frac : array (rack)
        Opening of each rack's valve [1], 0 closed to 1 open.
    rated_kg_per_s : array (rack)
        Rated flow [kg/s], zero or larger.
    loop_of_rack : array (rack)
        Index of the loop, below zero for racks without.
    """

    units_up: Array
    units_needed: Array
    free_frac: Array
    opening_frac: Array
    rated_kg_per_s: Array
    loop_of_rack: Index


class Split(NamedTuple):
    """Where loops work.

    Parameters
    ----------
    full_frac : array (loop)
        Flow at full speed over rated flow [1]; at speed s it is s times that.
    speed_frac : array (loop)
        Speed that holds the rated pressure over the racks, full speed where that does not suffice [1].
    branch_frac : array (rack)
        A rack's share of its loop's flow over its rated share [1]; 0 for racks without a loop.
    """

    full_frac: Array
    speed_frac: Array
    branch_frac: Array


def valve_frac(opening_frac: ArrayLike) -> Array:
    """Flow through an equal-percentage valve over that through the open one, at one pressure [1].

    Parameters
    ----------
    opening_frac : array (valve)
        Opening [1], 0 to 1.

    Examples
    --------
    >>> valve_frac([0.0, 0.5, 1.0]).round(4)
    array([1.000e-04, 1.414e-01, 1.000e+00])
    """
    opening = np.asarray(opening_frac, dtype=float)
    return np.where(opening > 0.0, RANGEABILITY ** (opening - 1.0), SEAT_LEAKAGE_FRAC)


def split(loops: Loops) -> Split:
    """Flow of each loop and how its racks share it.

    Parameters
    ----------
    loops : Loops
        Pumps, filters and valves.

    Returns
    -------
    Split
        A loop without running pumps has no flow; its racks share what buoyancy drives in the same way.

    Examples
    --------
    >>> two = Loops(np.ones(1), np.ones(1), np.ones(1), np.array([1.0, 0.0]), np.ones(2), np.zeros(2, dtype=int))
    >>> found = split(two)
    >>> found.full_frac.round(3), found.speed_frac.round(3), found.branch_frac.round(3)
    (array([0.618]), array([0.809]), array([1.999e+00, 1.000e-03]))
    """
    count = len(loops.units_up)
    plates = 1.0 - COMMON_HEAD_FRAC - FILTER_HEAD_FRAC - VALVE_HEAD_FRAC
    each = 1.0 / np.sqrt(plates + VALVE_HEAD_FRAC / valve_frac(loops.opening_frac) ** 2)
    owner = np.where(loops.loop_of_rack < 0, count, loops.loop_of_rack)
    rated = np.bincount(owner, loops.rated_kg_per_s, count + 1)
    passed = np.bincount(owner, loops.rated_kg_per_s * each, count + 1)
    together = np.divide(passed, rated, out=np.ones(count + 1), where=rated > 0.0)
    branch = np.where(owner < count, each / together[owner], 0.0)
    racks = np.maximum(together[:count], SEAT_LEAKAGE_FRAC)
    common = COMMON_HEAD_FRAC + FILTER_HEAD_FRAC / np.maximum(loops.free_frac, LEAST_FREE_FRAC) ** 2
    turning = loops.units_up > 0.0
    fewer = loops.units_needed / np.where(turning, loops.units_up, 1.0)
    steepness = (SHUT_OFF_HEAD_FRAC - 1.0) * fewer**2 + common + 1.0 / racks**2
    full = np.where(turning, np.sqrt(SHUT_OFF_HEAD_FRAC / steepness), 0.0)
    wanted = racks * np.sqrt(plates + VALVE_HEAD_FRAC)
    return Split(full, np.minimum(wanted / np.maximum(full, 1e-12), 1.0), branch)
