"""A circular orbit about the Earth as a radiator sees it: period, shadow, and how much of the sky the Earth fills.

After Gilmore, Spacecraft Thermal Control Handbook, volume 1 (2002), chapter 2: a spherical Earth, the sun far away.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.physics.radiator import Surroundings

Array = NDArray[np.float64]

EARTH_M: Final = 6_371_000.0
"""Mean radius of the Earth [m]; IUGG, GRS 80."""

EARTH_M3_PER_S2: Final = 3.986004418e14
"""Gravitational parameter of the Earth [m3/s2]; WGS 84."""


class Orbit(NamedTuple):
    """A circular orbit: altitude [m], and angle between its plane and the sun [rad], 0 to pi/2."""

    altitude_m: float
    beta_rad: float = 0.0

    @property
    def period_s(self) -> float:
        """Time of a turn [s].

        Examples
        --------
        >>> round(Orbit(550e3).period_s / 60.0, 1)
        95.5
        """
        radius_m = EARTH_M + self.altitude_m
        return float(2.0 * np.pi * np.sqrt(radius_m**3 / EARTH_M3_PER_S2))

    @property
    def eclipse_frac(self) -> float:
        """Share of a turn in the Earth's shadow [1].

        Examples
        --------
        >>> round(Orbit(550e3).eclipse_frac, 3), Orbit(550e3, 1.4).eclipse_frac
        (0.372, 0.0)
        """
        h = self.altitude_m
        reach = np.sqrt(h * h + 2.0 * EARTH_M * h) / ((EARTH_M + h) * max(np.cos(self.beta_rad), 1e-12))
        return float(np.arccos(reach) / np.pi) if reach < 1.0 else 0.0

    @property
    def edge_view(self) -> float:
        """View factors of the Earth from both sides of a panel that stands on edge towards it, together [1].

        Examples
        --------
        >>> round(Orbit(550e3).edge_view, 3), round(Orbit(35786e3).edge_view, 4)
        (0.516, 0.0015)
        """
        ratio = (EARTH_M + self.altitude_m) / EARTH_M
        root = np.sqrt(ratio * ratio - 1.0)
        return float(2.0 / np.pi * (np.arctan(1.0 / root) - root / ratio**2))


def surroundings(orbit: Orbit, phase_rad: Array, solar_cos: float = 0.0) -> Surroundings:
    """What shines on a panel on edge towards the Earth, along a turn.

    Parameters
    ----------
    orbit : Orbit
    phase_rad : array (instant)
        Place on the orbit from where the sun stands highest [rad].
    solar_cos : float
        Cosine between the sun and the panel's normal in sunlight [1]; 0 is a panel that turns its edge to the sun.

    Returns
    -------
    Surroundings
        Arrays (instant): no sun in the shadow, albedo by how high the sun stands under the orbit.

    Examples
    --------
    >>> around = surroundings(Orbit(550e3), np.array([0.0, np.pi]), 0.1)
    >>> around.solar_cos, around.albedo
    (array([0.1, 0. ]), array([0.3, 0. ]))
    """
    height = np.cos(phase_rad) * np.cos(orbit.beta_rad)
    around_rad = np.abs((phase_rad + np.pi) % (2.0 * np.pi) - np.pi)
    is_lit = around_rad <= np.pi * (1.0 - orbit.eclipse_frac)
    whole, one = Surroundings(), np.ones_like(phase_rad)
    return Surroundings(
        whole.solar_w_per_m2 * one,
        np.asarray(solar_cos * is_lit, dtype=float),
        whole.albedo * np.maximum(height, 0.0),
        orbit.edge_view * one,
        whole.planet_w_per_m2 * one,
        whole.sink_k * one,
    )
