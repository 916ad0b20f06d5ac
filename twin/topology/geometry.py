"""Boxes and right-angled routes, in metres."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float, float]
Size = tuple[float, float, float]
Route = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """An upright box.

    Parameters
    ----------
    place, size : tuple of float
        Corner with the smallest coordinates, and extents along x, y and z [m].
    facing : int
        Where its front looks along y: 1 or -1.

    Examples
    --------
    >>> Box((0, 0, 0), (2, 2, 2)).centre
    (1.0, 1.0, 1.0)
    """

    place: Point
    size: Size
    facing: int = 1

    @property
    def end(self) -> Point:
        """Corner with the largest coordinates [m]."""
        return (self.place[0] + self.size[0], self.place[1] + self.size[1], self.place[2] + self.size[2])

    @property
    def centre(self) -> Point:
        """Middle of the box [m]."""
        (x, y, z), (dx, dy, dz) = self.place, self.size
        return (x + dx / 2, y + dy / 2, z + dz / 2)

    @property
    def top(self) -> Point:
        """Middle of the upper face [m]."""
        x, y, _ = self.centre
        return (x, y, self.place[2] + self.size[2])

    def part(self, across_m: float, back_m: float, up_m: float, size: Size) -> Box:
        """Box inside this one, counted from the left, the front and the floor of it."""
        x, y, z = self.place
        y += self.size[1] - back_m - size[1] if self.facing > 0 else back_m
        return Box((x + across_m, y, z + up_m), size, self.facing)

    def overlaps(self, other: Box, slack_m: float = 1e-9) -> bool:
        """Whether the two share more than a face."""
        ends = zip(self.place, self.end, other.place, other.end, strict=True)
        return all(a < d - slack_m and c < b - slack_m for a, b, c, d in ends)

    def holds(self, other: Box, slack_m: float = 1e-9) -> bool:
        """Whether the other lies inside."""
        ends = zip(self.place, self.end, other.place, other.end, strict=True)
        return all(a <= c + slack_m and d <= b + slack_m for a, b, c, d in ends)


def around(boxes: list[Box], margin_m: float = 0.0) -> Box:
    """Smallest box around others, with a margin on the floor plan.

    Examples
    --------
    >>> around([Box((0, 0, 0), (1, 1, 1)), Box((4, 0, 0), (1, 2, 1))], 1.0).size
    (7.0, 4.0, 1)
    """
    x0, y0, z0 = (min(b.place[i] for b in boxes) for i in range(3))
    x1, y1, z1 = (max(b.end[i] for b in boxes) for i in range(3))
    return Box((x0 - margin_m, y0 - margin_m, z0), (x1 - x0 + 2 * margin_m, y1 - y0 + 2 * margin_m, z1 - z0))


def overhead(start: Point, end: Point, height_m: float, *corners: tuple[float, float]) -> Route:
    """Route up to a height, over corners of the plan, and down again.

    Parameters
    ----------
    start, end : tuple of float
        Where the cable or pipe begins and ends [m].
    height_m : float
        Height of the tray.
    *corners : tuple of float
        Corners (x, y) on the way; where two neighbours differ in both, the route goes along x first.

    Examples
    --------
    >>> overhead((0, 0, 1), (2, 3, 1), 4)
    ((0, 0, 1), (0, 0, 4), (2, 0, 4), (2, 3, 4), (2, 3, 1))
    """
    points = [start, (start[0], start[1], height_m)]
    for x, y in (*corners, end[:2]):
        points += [(x, points[-1][1], height_m), (x, y, height_m)]
    points.append(end)
    route = [p for p, q in pairwise(points) if p != q]
    return (*route, end)


def length_m(route: Route) -> float:
    """Length of a right-angled route.

    Examples
    --------
    >>> length_m(((0, 0, 1), (0, 0, 4), (2, 0, 4)))
    5
    """
    total_m: float = 0
    for (x, y, z), (x1, y1, z1) in pairwise(route):
        total_m += abs(x - x1) + abs(y - y1) + abs(z - z1)
    return total_m
