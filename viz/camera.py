"""Parallel cameras: a picture in which lengths can be compared, and labels that land where they belong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import cos, radians, sin
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A parallel projection.

    Parameters
    ----------
    right, up, back : ndarray (3,)
        Unit vectors of the picture in site coordinates; ``back`` points at the viewer.
    centre : ndarray (3,)
        Site point in the middle of the picture [m].
    m_per_px : float
        Scale of the picture.
    size : tuple of int
        Width and height [px].
    """

    right: np.ndarray
    up: np.ndarray
    back: np.ndarray
    centre: np.ndarray
    m_per_px: float
    size: tuple[int, int]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return pixels (point, xy), from the top left, of site points (point, xyz)."""
        rel = np.asarray(points, dtype=float) - self.centre
        x = rel @ self.right / self.m_per_px + self.size[0] / 2
        y = self.size[1] / 2 - rel @ self.up / self.m_per_px
        return np.stack([x, y], axis=-1)

    def tiles(self, longest_px: int) -> list[tuple[tuple[int, int], Camera]]:
        """Cameras of equal parts of the picture, each with its top left corner [px]; the last may reach beyond.

        Examples
        --------
        >>> whole = fit(-90.0, 90.0, np.zeros((1, 3)), (300, 100), (0.0, 0.0, 0.0, 0.0))
        >>> [(corner, part.size) for corner, part in whole.tiles(200)]
        [((0, 0), (150, 100)), ((150, 0), (150, 100))]
        """
        count = [-(-px // longest_px) for px in self.size]
        wide, high = (-(-px // n) for px, n in zip(self.size, count, strict=True))
        found = []
        for x, y in product(range(0, self.size[0], wide), range(0, self.size[1], high)):
            right_m = (x + wide / 2 - self.size[0] / 2) * self.m_per_px
            down_m = (y + high / 2 - self.size[1] / 2) * self.m_per_px
            centre = self.centre + right_m * self.right - down_m * self.up
            found.append(((x, y), replace(self, centre=centre, size=(wide, high))))
        return found

    def apply(self, plotter: Any, reach_m: float) -> None:
        """Point the camera of a plotter this way; ``reach_m`` spans the scene."""
        camera = plotter.camera
        camera.parallel_projection = True
        camera.focal_point = tuple(self.centre)
        camera.position = tuple(self.centre + self.back * reach_m)
        camera.up = tuple(self.up)
        camera.parallel_scale = self.size[1] * self.m_per_px / 2
        camera.clipping_range = (0.01 * reach_m, 3 * reach_m)


def axes(azimuth_deg: float, elevation_deg: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Right, up and back vectors of a viewer who stands at this azimuth (from +x, to the left).

    Examples
    --------
    >>> right, up, back = axes(-90.0, 0.0)
    >>> right.round(9).tolist()
    [1.0, 0.0, 0.0]
    """
    a, e = radians(azimuth_deg), radians(elevation_deg)
    back = np.array([cos(a) * cos(e), sin(a) * cos(e), sin(e)])
    right = np.array([-sin(a), cos(a), 0.0])
    return right, np.cross(back, right), back


def fit(
    azimuth_deg: float,
    elevation_deg: float,
    corners: np.ndarray,
    size: tuple[int, int],
    frame: tuple[float, float, float, float],
) -> Camera:
    """Return the camera that shows all corners as large as possible inside a frame.

    Parameters
    ----------
    azimuth_deg, elevation_deg : float
        Where the viewer stands; elevation 90 looks straight down.
    corners : ndarray (corner, xyz)
        Points that must be seen [m].
    size : tuple of int
        Width and height of the picture [px].
    frame : tuple of float
        Left, top, right and bottom margins that stay free [px].
    """
    right, up, back = axes(azimuth_deg, elevation_deg)
    u, v = corners @ right, corners @ up
    left, top, right_px, bottom = frame
    room = max(size[0] - left - right_px, 1.0), max(size[1] - top - bottom, 1.0)
    m_per_px = max(np.ptp(u) / room[0], np.ptp(v) / room[1], 1e-4)
    middle_u = (u.min() + u.max()) / 2 - (left - right_px) / 2 * m_per_px
    middle_v = (v.min() + v.max()) / 2 + (top - bottom) / 2 * m_per_px
    depth = float((corners @ back).mean())
    return Camera(right, up, back, middle_u * right + middle_v * up + depth * back, float(m_per_px), size)


def corners_of(place: np.ndarray, size: np.ndarray) -> np.ndarray:
    """All corners (8 × box, xyz) of boxes given by lowest corner and size (box, xyz)."""
    unit = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
    corners: np.ndarray = place[:, None, :] + unit[None] * size[:, None, :]
    return corners.reshape(-1, 3)
