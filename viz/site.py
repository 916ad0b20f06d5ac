"""What a picture is made of: assets, routes, and one quantity at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from twin.quantities import Quantity


@dataclass(frozen=True)
class Assets:
    """All assets of one kind.

    Parameters
    ----------
    ids, parents : tuple of str
        Names, and what each belongs to (empty when to nothing).
    place, size : ndarray (asset, xyz)
        Lowest corner and extent [m].
    """

    ids: tuple[str, ...]
    parents: tuple[str, ...]
    place: np.ndarray
    size: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def middle(self) -> np.ndarray:
        """Centres (asset, xyz) [m]."""
        return self.place + self.size / 2

    def only(self, mask: np.ndarray | list[bool]) -> Assets:
        """Return those of a mask (asset,)."""
        keep = np.flatnonzero(np.asarray(mask, dtype=bool))
        ids, parents = tuple(self.ids[i] for i in keep), tuple(self.parents[i] for i in keep)
        return Assets(ids, parents, self.place[keep], self.size[keep])


@dataclass(frozen=True)
class Site:
    """A site as it is drawn: assets by kind, and cable and pipe routes by kind of edge.

    Parameters
    ----------
    name : str
        Of the scenario.
    start_iso : str
        Local time at instant 0; empty when unknown.
    assets : dict of str to Assets
        By kind.
    segments : dict of str to ndarray (segment, end, xyz)
        Straight pieces of all routes of a medium [m]: ``power``, ``network``, ``supply``, ``return``.
    """

    name: str
    start_iso: str
    assets: dict[str, Assets]
    segments: dict[str, np.ndarray] = field(default_factory=dict)

    def near(self, low: np.ndarray, high: np.ndarray) -> Site:
        """Return what touches a box given by two corners [m]."""
        assets = {}
        for kind, group in self.assets.items():
            inside = ((group.place < high) & (group.place + group.size > low)).all(axis=1)
            if inside.any() and kind not in ("room", "outdoor"):
                assets[kind] = group.only(inside)
        return replace(self, assets=assets, segments=self._segments(low, high))

    def within(self, owners: tuple[str, ...], reach_m: float) -> Site:
        """Return assets by id with all that they hold, and the routes up to so far above them [m]."""
        assets = {}
        for kind, group in self.assets.items():
            mine = np.array([name.split("/", 1)[0] in owners for name in group.ids], dtype=bool)
            if mine.any():
                assets[kind] = group.only(mine)
        low = np.min([g.place.min(axis=0) for g in assets.values()], axis=0)
        high = np.max([(g.place + g.size).max(axis=0) for g in assets.values()], axis=0)
        return replace(
            self, assets=assets, segments=self._segments(low, high + np.array([0.0, 0.0, reach_m]))
        )

    def _segments(self, low: np.ndarray, high: np.ndarray) -> dict[str, np.ndarray]:
        return {
            medium: ends[((ends.min(axis=1) >= low) & (ends.max(axis=1) <= high)).all(axis=1)]
            for medium, ends in self.segments.items()
        }


@dataclass(frozen=True)
class Shown:
    """One quantity at one instant, in the unit that people read, with its course over the run.

    Parameters
    ----------
    quantity : Quantity
        What is shown.
    ids : tuple of str
        Its assets.
    values : ndarray (asset,)
        Values at the instant, in ``quantity.shown_as``; NaN where nothing was recorded.
    at_s, time_s : float, ndarray (time,)
        The instant, and all recorded instants [s].
    mean : ndarray (time,)
        Mean over the assets at all recorded instants, in ``quantity.shown_as``.
    limits : tuple of float
        Ends of the colour bar, in ``quantity.shown_as``.
    """

    quantity: Quantity
    ids: tuple[str, ...]
    values: np.ndarray
    at_s: float
    time_s: np.ndarray
    mean: np.ndarray
    limits: tuple[float, float]

    def of(self, ids: tuple[str, ...]) -> np.ndarray:
        """Return the values of assets by id; NaN for those without one."""
        index = {name: i for i, name in enumerate(self.ids)}
        return np.array([self.values[index[i]] if i in index else np.nan for i in ids], dtype=float)

    def shares(self, values: np.ndarray) -> np.ndarray:
        """Return places on the colour bar, 0 to 1."""
        low, high = self.limits
        return np.clip((values - low) / (high - low), 0.0, 1.0)


def nice_limits(low: float, high: float) -> tuple[float, float]:
    """Return round numbers that hold a range.

    Examples
    --------
    >>> nice_limits(31.4, 118.2)
    (30.0, 120.0)
    >>> nice_limits(20.0, 20.0)
    (19.0, 21.0)
    """
    if not high - low > 1e-9 * max(abs(low), abs(high), 1.0):
        pad = max(abs(low) * 0.05, 1e-6)
        low, high = low - pad, high + pad
    step = nice_step((high - low) / 10)
    return float(np.floor(low / step + 1e-9) * step), float(np.ceil(high / step - 1e-9) * step)


def nice_step(step: float) -> float:
    """Return the nearest round step that is not smaller: 1, 2, 2.5 or 5 times a power of ten.

    Examples
    --------
    >>> nice_step(11.0)
    20.0
    """
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(f * power for f in (1.0, 2.0, 2.5, 5.0, 10.0) if f * power >= step * (1 - 1e-9)))
