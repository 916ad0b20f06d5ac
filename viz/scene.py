"""Puts the site together: ground, walls, equipment, racks with their trays, cable and pipe routes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viz import faces, floor, look
from viz.camera import corners_of
from viz.layers import Layers
from viz.shapes import Piece, box, shape
from viz.site import Assets, Shown, Site

WALL_HEIGHT_M = 0.5  # walls are cut low, so that one looks into the hall
WALL_M = 0.12
SHORTEST_M = 0.02  # shorter stretches of a route are left out
# Outer size of what runs in a route [m]; pipes and cable trays are wider the more they carry.
ROUTE_M = {"power": 0.09, "network": 0.07, "supply": 0.11, "return": 0.11}
ROUTE_TONES = {
    "power": ("power", "accent"),
    "network": ("network", "accent"),
    "supply": ("liquid", "cold"),
    "return": ("liquid", "hot"),
}
ROUTE_NAMES = {
    "power": "busways, power cables",
    "network": "network cables",
    "supply": "coolant supply",
    "return": "coolant return",
}


@dataclass(frozen=True)
class Scene:
    """Meshes and ground, ready to be drawn from any camera."""

    layers: Layers
    ground: floor.Ground
    theme: look.Theme

    def draw(self, plotter: object, line_px: float) -> None:
        """Add everything to a plotter."""
        self.ground.draw(plotter)
        self.layers.draw(plotter, self.theme.edge, line_px)


def build(site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme, cables: bool = True) -> Scene:
    """Return the scene of a site, coloured by a quantity.

    Parameters
    ----------
    site : Site
        What stands where.
    shown : Shown
        The quantity at an instant.
    colours : ndarray (256, rgb)
        Colour map as bytes.
    theme : Theme
        Colours of all the rest.
    cables : bool
        Whether routes are drawn.
    """
    layers = Layers()
    ground = _ground(site, theme)
    _walls(layers, site, theme)
    for kind, group in site.assets.items():
        if kind in look.UNDRAWN:
            continue
        values = shown.of(group.ids) if shown.quantity.asset_kind == kind else None
        body = None if values is None else faces.paint(shown, values, colours, theme)
        _equipment(layers, kind, group, body, theme)
    faces.draw(layers, site, shown, colours, theme)
    if cables:
        _routes(layers, site.segments, theme)
    return Scene(layers, ground, theme)


def corners(site: Site) -> np.ndarray:
    """Points (corner, xyz) that a picture must hold: floors, and all boxes that stand on them [m]."""
    floors = [r for name, r in rooms(site).items() if name not in _yards(site)]
    points = [np.array([[x, y, 0.0] for x in (r.x0, r.x1) for y in (r.y0, r.y1)]) for r in floors]
    points += [corners_of(g.place, g.size) for kind, g in site.assets.items() if kind not in look.UNDRAWN]
    points += [ends.reshape(-1, 3) for ends in site.segments.values()]
    return np.concatenate(points)


def rooms(site: Site) -> dict[str, floor.Rect]:
    """Floor rectangles of the hall, of rooms beside it and of the yard, by id."""
    found = {
        name: floor.around(place[None], size[None])
        for kind in ("outdoor", "room", "hall")
        if kind in site.assets
        for name, place, size in zip(*_boxes(site.assets[kind]), strict=True)
    }
    for name in _yards(site):  # a yard is as large as what stands in it
        inside = [g.only([found[name].holds(x, y) for x, y in g.middle[:, :2]]) for g in _drawn(site)]
        if any(len(g) for g in inside):
            low, high = (np.concatenate([getattr(g, part) for g in inside]) for part in ("place", "size"))
            found[name] = floor.around(low, high).grown(0.6)
    if not found:
        low, high = (np.concatenate([getattr(g, part) for g in _drawn(site)]) for part in ("place", "size"))
        found["hall"] = floor.around(low, high).grown(1.5)
    return found


def _drawn(site: Site) -> list[Assets]:
    return [group for kind, group in site.assets.items() if kind not in look.UNDRAWN]


def _boxes(group: Assets) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    return group.ids, group.place, group.size


def _yards(site: Site) -> tuple[str, ...]:
    return site.assets["outdoor"].ids if "outdoor" in site.assets else ()


def _ground(site: Site, theme: look.Theme) -> floor.Ground:
    areas = rooms(site)
    ground = floor.Ground(floor.union(areas.values()).grown(0.7), theme)
    yards = _yards(site)
    halls = site.assets["hall"].ids if "hall" in site.assets else tuple(areas)
    feet = {
        kind: [floor.around(p[None], s[None]) for p, s in zip(group.place, group.size, strict=True)]
        for kind, group in site.assets.items()
        if kind not in look.UNDRAWN
    }
    for name, area in areas.items():
        if name in yards:
            ground.pads(f.grown(0.4) for group in feet.values() for f in group if area.meets(f))
        else:
            ground.slab(area, tiles=name in halls)
    ground.shadows(f for group in feet.values() for f in group)
    return ground


def _walls(layers: Layers, site: Site, theme: look.Theme) -> None:
    walled = {name for kind in ("hall", "room") if kind in site.assets for name in site.assets[kind].ids}
    for name, r in rooms(site).items():
        if name not in walled:
            continue
        h, w = WALL_HEIGHT_M, WALL_M
        sides = (
            (r.x0 - w, r.y0 - w, r.x1 + w, r.y0), (r.x0 - w, r.y1, r.x1 + w, r.y1 + w),
            (r.x0 - w, r.y0, r.x0, r.y1), (r.x1, r.y0, r.x1 + w, r.y1),
        )  # fmt: skip
        for x0, y0, x1, y1 in sides:
            layers.stamp("lit", box(x0, y0, 0, x1, y1, h, "wall"), np.zeros((1, 3)), look.rgb(theme.wall))


def _equipment(layers: Layers, kind: str, group: Assets, body: np.ndarray | None, theme: look.Theme) -> None:
    """Stamp the shape of a kind wherever it stands; equal sizes share one shape."""
    family = look.FAMILY_OF.get(kind, "compute")
    sizes, which = np.unique(group.size.round(3), axis=0, return_inverse=True)
    which = which.reshape(-1)
    for i, size in enumerate(sizes):
        mine = which == i
        for piece in shape(kind, (float(size[0]), float(size[1]), float(size[2]))):
            coloured = body is not None and piece.tone == "body"
            rgb = body[mine] if body is not None and coloured else theme.tone(family, piece.tone)
            layers.stamp("exact" if coloured else "lit", piece, group.place[mine], rgb)


def _routes(layers: Layers, segments: dict[str, np.ndarray], theme: look.Theme) -> None:
    """Draw each stretch of tray or pipe once, wider where more runs through it."""
    for medium, ends in segments.items():
        if not len(ends):
            continue
        low, high = ends.min(axis=1).round(2), ends.max(axis=1).round(2)
        stretches, carried = np.unique(np.hstack([low, high]), axis=0, return_counts=True)
        is_long = np.abs(stretches[:, 3:] - stretches[:, :3]).sum(axis=1) > SHORTEST_M
        stretches, carried = stretches[is_long], carried[is_long]
        wide = np.clip(carried**0.2, 1.0, 1.6)
        seen = ~hidden(stretches, wide)
        half, stretches = ROUTE_M[medium] / 2 * wide[seen, None], stretches[seen]
        _stamp_boxes(
            layers, stretches[:, :3] - half, stretches[:, 3:] + half, theme.tone(*ROUTE_TONES[medium])
        )


def hidden(stretches: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Which stretches lie inside another that is at least as wide.

    Parameters
    ----------
    stretches : ndarray (stretch, 6)
        Both ends, the lower one first; no two are the same [m].
    wide : ndarray (stretch,)
        Their widths, of which there are few.

    Examples
    --------
    >>> ends = np.array([[0, 0, 0, 9, 0, 0], [3, 0, 0, 9, 0, 0], [3, 0, 0, 5, 0, 0], [3, 1, 0, 5, 1, 0]])
    >>> hidden(ends, np.array([1.0, 1.0, 2.0, 1.0])).tolist()
    [False, True, False, False]
    """
    low, high = stretches[:, :3], stretches[:, 3:]
    along = np.argmax(high - low, axis=1)[:, None]
    start, end = (np.take_along_axis(ends, along, axis=1)[:, 0] for ends in (low, high))
    places = np.hstack([along, low, high])
    np.put_along_axis(places, np.hstack([1 + along, 4 + along]), 0.0, axis=1)
    _, line = np.unique(places, axis=0, return_inverse=True)
    reach = end - end.min(initial=0.0) + line.reshape(-1) * (np.ptp(end) + 1.0) if len(end) else end
    found = np.zeros(len(stretches), dtype=bool)
    for width in np.unique(wide):
        others = np.flatnonzero(wide >= width)
        others = others[np.lexsort((-end[others], start[others], line.reshape(-1)[others]))]
        before = np.concatenate([[-1.0], np.maximum.accumulate(reach[others])[:-1]])
        found[others] |= (before >= reach[others]) & (wide[others] == width)
    return found


def _stamp_boxes(layers: Layers, low: np.ndarray, high: np.ndarray, rgb: np.ndarray) -> None:
    unit: Piece = box(0, 0, 0, 1, 1, 1, "body")
    points = low[:, None] + unit.points[None] * (high - low)[:, None]
    faces = (unit.faces[None] + 8 * np.arange(len(low))[:, None, None]).reshape(-1, 4)
    layers.add("lit", points.reshape(-1, 3), faces, rgb)
