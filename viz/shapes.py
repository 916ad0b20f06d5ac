"""Equipment as a few boxes and cylinders each, built in metres from the size of the asset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

ROUND = 20  # sides of a cylinder


@dataclass(frozen=True)
class Piece:
    """Part of a shape in one tone.

    Parameters
    ----------
    points : ndarray (point, xyz)
        Corners relative to the lowest corner of the asset [m].
    faces : ndarray (face, corner)
        Point indices; all faces of a piece have equally many corners.
    tone : str
        ``body`` takes the colour of a shown quantity; others are fixed colours of the theme.
    outline : bool
        Whether its edges are drawn as lines.
    """

    points: np.ndarray
    faces: np.ndarray
    tone: str
    outline: bool = False


_CORNERS = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=float)
_SIDES = np.array([[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]])


def box(
    x0: float, y0: float, z0: float, x1: float, y1: float, z1: float, tone: str, outline: bool = False
) -> Piece:
    """Return a box between two corners."""
    low, high = np.array([x0, y0, z0]), np.array([x1, y1, z1])
    return Piece(low + _CORNERS * (high - low), _SIDES, tone, outline)


def disc(x: float, y: float, z: float, radius: float, tone: str, axis: int = 2) -> Piece:
    """Return a disc across an axis (0 x, 1 y, 2 z)."""
    angle = np.linspace(0, 2 * np.pi, ROUND, endpoint=False)
    flat = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius
    points = np.insert(flat, axis, 0.0, axis=1) + np.array([x, y, z])
    return Piece(points, np.arange(ROUND)[None, :], tone)


def tube(x: float, y: float, z: float, radius: float, length: float, tone: str, axis: int = 2) -> list[Piece]:
    """Return a closed cylinder that starts at a point and runs along an axis."""
    start = disc(x, y, z, radius, tone, axis)
    step = np.zeros(3)
    step[axis] = length
    i = np.arange(ROUND)
    j = (i + 1) % ROUND
    wall = Piece(
        np.vstack([start.points, start.points + step]), np.stack([i, j, j + ROUND, i + ROUND], axis=1), tone
    )
    return [wall, Piece(start.points + step, start.faces, tone), start]


def _fans(dx: float, dy: float, z: float, pitch_m: float = 1.15) -> list[Piece]:
    """Fan discs with rims and hubs on a roof."""
    nx, ny = max(1, round(dx / pitch_m)), max(1, round(dy / pitch_m))
    radius = 0.42 * min(dx / nx, dy / ny)
    pieces: list[Piece] = []
    for i in range(nx):
        for j in range(ny):
            x, y = (i + 0.5) * dx / nx, (j + 0.5) * dy / ny
            pieces += tube(x, y, z, radius, 0.14, "metal")
            pieces.append(disc(x, y, z + 0.145, 0.9 * radius, "trim"))
            for turn in range(4):
                pieces.append(_blade(x, y, z + 0.15, 0.85 * radius, turn * np.pi / 2 + 0.3))
            pieces.append(disc(x, y, z + 0.16, 0.22 * radius, "metal"))
    return pieces


def _blade(x: float, y: float, z: float, radius: float, angle: float) -> Piece:
    around = np.array([angle - 0.1, angle, angle + 0.55])
    reach = np.array([0.15, 1.0, 0.92]) * radius
    points = np.stack([x + reach * np.cos(around), y + reach * np.sin(around), np.full(3, z)], axis=1)
    return Piece(points, np.array([[0, 1, 2]]), "metal")


def _on_fronts(dy: float, build: Callable[[float, float], list[Piece]]) -> list[Piece]:
    """Build a relief on both long faces: called with the face and a little beyond it."""
    return build(0.0, -0.015) + build(dy, dy + 0.015)


def _doors(dx: float, dy: float, dz: float, count: int, tone: str = "edge") -> list[Piece]:
    """Seams between doors."""

    def seams(y0: float, y1: float) -> list[Piece]:
        xs = [dx * i / count for i in range(1, count)]
        return [box(x - 0.012, y0, 0.1, x + 0.012, y1, dz - 0.08, tone) for x in xs]

    return _on_fronts(dy, seams)


def _stripe(dx: float, dy: float, z0: float, z1: float, tone: str, inset: float = 0.06) -> list[Piece]:
    return _on_fronts(dy, lambda y0, y1: [box(inset, y0, z0, dx - inset, y1, z1, tone)])


def _cabinet(dx: float, dy: float, dz: float) -> list[Piece]:
    """A plinth and a body."""
    return [
        box(0.02, 0.02, 0, dx - 0.02, dy - 0.02, 0.1, "trim"),
        box(0, 0, 0.1, dx, dy, dz, "body", outline=True),
    ]


def cdu(dx: float, dy: float, dz: float) -> list[Piece]:
    """Cabinet with a display, a blue band and four pipe stubs."""
    pieces = _cabinet(dx, dy, dz) + _stripe(dx, dy, 0.36 * dz, 0.42 * dz, "accent")
    pieces += _on_fronts(dy, lambda y0, y1: [box(0.3 * dx, y0, 0.62 * dz, 0.7 * dx, y1, 0.76 * dz, "trim")])
    radius = min(0.09, 0.12 * dx)
    for x, tone in ((0.2, "cold"), (0.4, "hot"), (0.6, "cold"), (0.8, "hot")):
        pieces += tube(x * dx, 0.5 * dy, dz, radius, 0.22, tone)
    return pieces


def crah(dx: float, dy: float, dz: float) -> list[Piece]:
    """Air handler: louvres on the faces and a plenum on top."""

    def louvres(y0: float, y1: float) -> list[Piece]:
        rows = max(4, round(0.5 * dz / 0.14))
        zs = [0.16 * dz + 0.5 * dz * i / rows for i in range(rows)]
        return [box(0.07 * dx, y0, z, 0.93 * dx, y1, z + 0.05, "accent") for z in zs]

    pieces = (
        _cabinet(dx, dy, 0.92 * dz)
        + _on_fronts(dy, louvres)
        + _doors(dx, dy, 0.92 * dz, max(2, round(dx / 0.9)))
    )
    return [*pieces, box(0.05 * dx, 0.08 * dy, 0.92 * dz, 0.95 * dx, 0.92 * dy, dz, "accent")]


def ups(dx: float, dy: float, dz: float) -> list[Piece]:
    """A line-up of cabinets with a status band."""
    count = max(2, round(dx / 0.8))
    pieces = _cabinet(dx, dy, dz) + _doors(dx, dy, dz, count) + _stripe(dx, dy, 0.8 * dz, 0.85 * dz, "accent")

    def screens(y0: float, y1: float) -> list[Piece]:
        xs = [dx * (i + 0.5) / count for i in range(0, count, 2)]
        return [box(x - 0.16, y0, 0.6 * dz, x + 0.16, y1, 0.72 * dz, "trim") for x in xs]

    return pieces + _on_fronts(dy, screens)


def pdu(dx: float, dy: float, dz: float) -> list[Piece]:
    """Cabinet with two columns of breakers."""

    def breakers(y0: float, y1: float) -> list[Piece]:
        columns = ((0.14, 0.46), (0.54, 0.86))
        rows = [0.18 * dz + 0.56 * dz * i / 8 for i in range(8)]
        return [box(a * dx, y0, z, b * dx, y1, z + 0.045 * dz, "trim") for a, b in columns for z in rows]

    return _cabinet(dx, dy, dz) + _on_fronts(dy, breakers) + _stripe(dx, dy, 0.82 * dz, 0.89 * dz, "accent")


def transformer(dx: float, dy: float, dz: float) -> list[Piece]:
    """Enclosure with cooling fins and three bushings."""
    pieces = [box(0, 0.12 * dy, 0.12, dx, 0.88 * dy, 0.82 * dz, "body", outline=True)]
    pieces += [box(0.06 * dx, 0.04 * dy, 0, 0.94 * dx, 0.96 * dy, 0.12, "trim")]
    fins = max(6, round(dx / 0.16))
    for i in range(fins):
        x = dx * (i + 0.5) / fins
        pieces.append(box(x - 0.025, 0, 0.2 * dz, x + 0.025, 0.12 * dy, 0.72 * dz, "accent"))
        pieces.append(box(x - 0.025, 0.88 * dy, 0.2 * dz, x + 0.025, dy, 0.72 * dz, "accent"))
    for i in range(3):
        x = dx * (0.25 + 0.25 * i)
        pieces += tube(x, 0.5 * dy, 0.82 * dz, 0.07, 0.12 * dz, "trim")
        pieces += tube(x, 0.5 * dy, 0.94 * dz, 0.04, 0.06 * dz, "accent")
    return pieces


def feed(dx: float, dy: float, dz: float) -> list[Piece]:
    """Switchgear with an amber warning band."""
    count = max(2, round(dx / 0.9))
    pieces = (
        _cabinet(dx, dy, dz)
        + _doors(dx, dy, dz, count)
        + _stripe(dx, dy, 0.14 * dz, 0.24 * dz, "accent", 0.0)
    )
    return [*pieces, box(-0.05, -0.05, dz, dx + 0.05, dy + 0.05, dz + 0.08, "accent")]


def dry_cooler(dx: float, dy: float, dz: float) -> list[Piece]:
    """Coil block on legs, fans on top, headers at one end."""
    legs = min(0.5, 0.25 * dz)
    pieces = [box(x, y, 0, x + 0.1, y + 0.1, legs, "trim") for x in (0.0, dx - 0.1) for y in (0.0, dy - 0.1)]
    pieces.append(box(0, 0, legs, dx, dy, dz - 0.16, "body", outline=True))

    def coil(y0: float, y1: float) -> list[Piece]:
        rows = max(3, round((dz - legs) / 0.2))
        zs = [legs + (dz - 0.16 - legs) * (i + 0.5) / rows for i in range(rows)]
        return [box(0.03 * dx, y0, z - 0.025, 0.97 * dx, y1, z + 0.025, "metal") for z in zs]

    pieces += _on_fronts(dy, coil) + _fans(dx, dy, dz - 0.16)
    middle = (legs + dz - 0.16) / 2
    pieces += tube(-0.1, 0.12 * dy, middle - 0.12, 0.08, 0.76 * dy, "hot", axis=1)
    return pieces + tube(-0.1, 0.12 * dy, middle + 0.14, 0.08, 0.76 * dy, "cold", axis=1)


def chiller(dx: float, dy: float, dz: float) -> list[Piece]:
    """Frame with compressor barrels below and condenser coils and fans above."""
    deck = 0.42 * dz
    pieces = [box(0, 0.04 * dy, 0, dx, 0.96 * dy, 0.14, "trim")]
    for y in (0.3, 0.7):
        pieces += tube(
            0.06 * dx, y * dy, 0.5 * deck + 0.1, min(0.36 * deck, 0.16 * dy), 0.88 * dx, "accent", axis=0
        )
    pieces += [
        box(x, y, 0.1, x + 0.08, y + 0.08, deck, "trim") for x in (0, dx - 0.08) for y in (0, dy - 0.08)
    ]
    pieces.append(box(0, 0, deck, dx, dy, dz - 0.16, "body", outline=True))
    return pieces + _fans(dx, dy, dz - 0.16)


def facility_water(dx: float, dy: float, dz: float) -> list[Piece]:
    """Pump skid: two motors, an expansion vessel and headers."""
    pieces = [box(0, 0, 0, dx, dy, 0.12, "trim")]
    radius = min(0.14 * dz, 0.18 * dy)
    for y in (0.28, 0.72):
        pieces += tube(0.08 * dx, y * dy, 0.12 + 1.3 * radius, radius, 0.42 * dx, "body", axis=0)
        pieces += tube(0.5 * dx, y * dy, 0.12 + 1.3 * radius, 0.7 * radius, 0.1 * dx, "trim", axis=0)
    pieces += tube(0.8 * dx, 0.5 * dy, 0.12, min(0.16 * dx, 0.3 * dy), 0.8 * dz, "body")
    return pieces + tube(0.05 * dx, 0.5 * dy, 0.62 * dz, 0.08, 0.6 * dx, "cold", axis=0)


def chilled_water(dx: float, dy: float, dz: float) -> list[Piece]:
    """Buffer tank beside a pump."""
    radius = 0.42 * min(dx, dy)
    pieces = [box(0, 0, 0, dx, dy, 0.1, "trim")]
    pieces += tube(dx - 1.1 * radius, 0.5 * dy, 0.1, radius, 0.82 * dz, "body")
    pieces += tube(dx - 1.1 * radius, 0.5 * dy, 0.1 + 0.82 * dz, 0.5 * radius, 0.06 * dz, "accent")
    return pieces + tube(0.06 * dx, 0.3 * dy, 0.3, 0.12, 0.25 * dx, "accent", axis=0)


def rack(dx: float, dy: float, dz: float) -> list[Piece]:
    """Cabinet of a rack; its faces are drawn by the scene."""
    return [box(0, 0, 0, dx, dy, dz, "cabinet", outline=True)]


def plain(dx: float, dy: float, dz: float) -> list[Piece]:
    """Cabinet for a kind that has no shape of its own."""
    return [*_cabinet(dx, dy, dz), *_stripe(dx, dy, 0.8 * dz, 0.86 * dz, "accent")]


SHAPES: dict[str, Callable[[float, float, float], list[Piece]]] = {
    "rack": rack,
    "network_rack": rack,
    "cdu": cdu,
    "crah": crah,
    "ups": ups,
    "pdu": pdu,
    "transformer": transformer,
    "feed": feed,
    "dry_cooler": dry_cooler,
    "chiller": chiller,
    "facility_water": facility_water,
    "chilled_water": chilled_water,
}
_NARROW_FRONT = {"rack", "network_rack"}


def shape(kind: str, size: tuple[float, float, float]) -> list[Piece]:
    """Return the pieces of an asset, its front along the long side (the short one for racks).

    Parameters
    ----------
    kind : str
        Kind of asset; an unknown kind gives a plain cabinet.
    size : tuple of float
        Extent along x, y and z [m].

    Examples
    --------
    >>> {piece.tone for piece in shape("rack", (0.6, 1.2, 2.2))}
    {'cabinet'}
    """
    dx, dy, dz = size
    build = SHAPES.get(kind, plain)
    if front_along_x(kind, dx, dy):
        return build(dx, dy, dz)
    return [Piece(p.points[:, [1, 0, 2]], p.faces, p.tone, p.outline) for p in build(dy, dx, dz)]


def front_along_x(kind: str, dx: float, dy: float) -> bool:
    """Whether the front of an asset runs along x: the short side of racks, the long side of others."""
    return dx <= dy if kind in _NARROW_FRONT else dx >= dy
