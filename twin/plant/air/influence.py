"""The field of a hall as a matrix: how much of the air into each rack comes from behind each rack.

Flow does not depend on temperature, and what it carries is linear, so one field for each rack says what any heat
does. The rise of inlets for a kelvin of warmth by each rack, K, follows from the field in which racks give back what
they take, straight through at each height; ``inlet = share exhaust + fresh supply`` with mean exhausts then holds for
``share = K (1 + K)^-1`` and ``fresh = 1 - sum of share``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.plant.air.field import blown
from twin.plant.air.hall import AirHall
from twin.plant.air.transport import entering, summed

Array = NDArray[np.float64]


class Shares(NamedTuple):
    """Where the air of racks comes from, arrays over the racks that move air, in the order of the hall.

    Parameters
    ----------
    share_frac : array (rack, rack)
        Share of the air into rack i whose warmth is that behind rack j [1]; none below zero, rows of at most one.
    cold_capture_frac : array (rack)
        Share of the air into a rack that met no rack since it was supplied [1].
    """

    share_frac: Array
    cold_capture_frac: Array


@lru_cache(maxsize=64)
def shares(hall: AirHall, containment: str, leakage_frac: float, cell_m: float | None = None) -> Shares:
    """Shares of a hall at its flows; kept, as a run asks for the same ones again.

    Parameters
    ----------
    hall : AirHall
        Heat is of no account.
    containment, leakage_frac, cell_m
        As for :func:`~twin.plant.air.field.solve`.

    Raises
    ------
    AirError
        As for the field.

    Examples
    --------
    >>> from twin.plant.air.hall import AirHandler, AirRack
    >>> from twin.topology.geometry import Box
    >>> rack = AirRack("rack-1", Box((2.7, 3.0, 0.0), (0.6, 1.2, 2.1)), flow_kg_per_s=1.0, heat_w=0.0)
    >>> crah = AirHandler("crah-1", Box((2.0, 6.0, 0.0), (2.0, 0.9, 1.8), -1), flow_kg_per_s=1.0)
    >>> found = shares(AirHall((6.0, 6.9, 3.6), (rack,), (crah,), supply_k=297.15), "none", 0.03)
    >>> bool(0.05 < found.share_frac[0, 0] < 0.8)
    True
    """
    cut, _, carrier = blown(hall, containment, leakage_frac, cell_m)
    way, cells = cut.through, cut.is_air.size
    moving = np.array([i for i, rack in enumerate(hall.racks) if rack.flow_kg_per_s > 0.0])
    whole = np.bincount(way.rack, way.flow_kg_per_s, len(hall.racks))[moving]

    def taken(carried: Array) -> Array:
        found = np.bincount(way.rack, way.flow_kg_per_s * carried[way.front], len(hall.racks))
        return np.asarray(found[moving] / whole, dtype=np.float64)

    rise = np.empty((len(moving), len(moving)))
    for j, rack in enumerate(moving):
        own = way.rack == rack
        rise[:, j] = taken(carrier.for_good(summed(way.back[own], way.flow_kg_per_s[own], cells)))
    share: Array = np.linalg.solve((np.eye(len(moving)) + rise).T, rise.T).T.astype(np.float64)
    fresh = taken(carrier.until_rack(entering(cut, cut.supply)))
    return Shares(_whole(share, whole), np.clip(fresh, 0.0, 1.0))


def _whole(share: Array, flow_kg_per_s: Array) -> Array:
    """Shares without what rounding and layers at few air leave below zero or above what there is."""
    found: Array = np.maximum(share, 0.0)
    found *= np.minimum(1.0, flow_kg_per_s / np.maximum(flow_kg_per_s @ found, 1e-30))
    found /= np.maximum(found.sum(axis=1), 1.0)[:, None]
    return found


def at_air(hall: AirHall, air_frac: float) -> AirHall:
    """The hall with its handlers moving so much of what its racks move [1], in the proportions that they have."""
    factor = air_frac * hall.rack_kg_per_s / hall.supply_kg_per_s
    handlers = tuple(replace(h, flow_kg_per_s=h.flow_kg_per_s * factor) for h in hall.handlers)
    return replace(hall, handlers=handlers)
