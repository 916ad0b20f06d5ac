"""Puts the site together: ground, walls, equipment, racks with their trays, cable and pipe routes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from viz import floor, look
from viz.layers import Layers
from viz.shapes import Piece, box, front_along_x, shape
from viz.site import Assets, Shown, Site

WALL_HEIGHT_M = 0.5  # walls are cut low, so that one looks into the hall
WALL_M = 0.12
MAX_CELLS = 60_000  # faces of trays or GPUs on the racks; beyond it racks get fewer strips
STRIPS = 18  # tray lines of a rack without recorded GPUs
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
        body = None if values is None else paint(shown, values, colours, theme)
        _equipment(layers, kind, group, body, theme)
    if "rack" in site.assets:
        _rack_faces(layers, site, shown, colours, theme)
    if cables:
        _routes(layers, site.segments, theme)
    return Scene(layers, ground, theme)


def paint(shown: Shown, values: np.ndarray, colours: np.ndarray, theme: look.Theme) -> np.ndarray:
    """Return colours (value, rgb) on the bar; what was not recorded is grey."""
    known = np.isfinite(values)
    place = np.round(shown.shares(np.where(known, values, shown.limits[0])) * 255).astype(int)
    return np.where(known[:, None], colours[place], look.rgb(theme.metal)).astype(np.uint8)


def extent(site: Site) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest corner of all that is drawn [m]."""
    groups = [g for kind, g in site.assets.items() if kind not in look.UNDRAWN or kind == "hall"]
    low = np.min([g.place.min(axis=0) for g in groups], axis=0)
    tall = max(float((g.place + g.size)[:, 2].max()) for k, g in site.assets.items() if k not in look.UNDRAWN)
    high = np.max([(g.place + g.size).max(axis=0) for g in groups], axis=0)
    return low, np.array([high[0], high[1], tall])


def rooms(site: Site) -> dict[str, floor.Rect]:
    """Floor rectangles: the hall, the electrical room beside it and the yard."""
    drawn = {k: g for k, g in site.assets.items() if k not in look.UNDRAWN}
    if "hall" not in site.assets:
        places, sizes = (np.concatenate([getattr(g, a) for g in drawn.values()]) for a in ("place", "size"))
        return {"hall": floor.around(places, sizes).grown(1.5)}
    hall = floor.around(site.assets["hall"].place, site.assets["hall"].size)
    found = {"hall": hall}
    for name, families in (("electrical room", ("power",)), ("yard", ("liquid", "air"))):
        groups = [drawn[k].only(_outside(drawn[k], hall)) for f in families for k in look.FAMILIES[f] if k in drawn]
        groups = [g for g in groups if len(g)]
        if groups:
            inner = floor.around(*(np.concatenate([getattr(g, a) for g in groups]) for a in ("place", "size")))
            found[name] = _beside(inner.grown(0.9), hall)
    return found


def _outside(group: Assets, hall: floor.Rect) -> np.ndarray:
    return np.array([not hall.holds(x, y) for x, y in group.middle[:, :2]], dtype=bool)


def _beside(room: floor.Rect, hall: floor.Rect) -> floor.Rect:
    """Line a room up with the hall where they would otherwise overlap or leave a gap."""
    if room.x0 >= hall.x1 - 1.0:
        return floor.Rect(hall.x1, min(room.y0, hall.y0), room.x1, max(room.y1, hall.y1))
    if room.x1 <= hall.x0 + 1.0:
        return floor.Rect(room.x0, min(room.y0, hall.y0), hall.x0, max(room.y1, hall.y1))
    return room


def _ground(site: Site, theme: look.Theme) -> floor.Ground:
    areas = rooms(site)
    low, high = extent(site)
    reach = floor.Rect(
        min(low[0], *(r.x0 for r in areas.values())), min(low[1], *(r.y0 for r in areas.values())),
        max(high[0], *(r.x1 for r in areas.values())), max(high[1], *(r.y1 for r in areas.values())),
    ) if len(areas) > 1 else areas["hall"]  # fmt: skip
    ground = floor.Ground(reach.grown(1.2), theme)
    feet = [
        floor.Rect(*place[:2], *(place + size)[:2])
        for kind, group in site.assets.items()
        if kind not in look.UNDRAWN
        for place, size in zip(group.place, group.size, strict=True)
    ]
    for name, area in areas.items():
        if name != "yard":
            ground.slab(area, tiles=name == "hall")
    ground.pads(foot.grown(0.4) for foot in feet if not any(_meet(foot, a) for n, a in areas.items() if n != "yard"))
    ground.shadows(feet)
    return ground


def _meet(a: floor.Rect, b: floor.Rect) -> bool:
    return b.holds((a.x0 + a.x1) / 2, (a.y0 + a.y1) / 2)


def _walls(layers: Layers, site: Site, theme: look.Theme) -> None:
    for name, r in rooms(site).items():
        if name == "yard":
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


def _rack_faces(layers: Layers, site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme) -> None:
    """Colour both fronts and the roof of each rack: one cell a GPU if GPUs are shown, else tray strips."""
    racks = site.assets["rack"]
    kind = shown.quantity.asset_kind
    if kind == "gpu" and "gpu" in site.assets:
        cells = gpu_cells(site)
        values = np.where(cells >= 0, shown.of(site.assets["gpu"].ids)[cells], np.nan)
        known = np.isfinite(values).any(axis=(1, 2))
        worst = np.where(known, np.nanmax(np.where(np.isfinite(values), values, -np.inf), axis=(1, 2)), np.nan)
        roof = paint(shown, worst, colours, theme)
        cell_rgb = paint(shown, values.reshape(-1), colours, theme).reshape(*values.shape, 3)
    elif kind == "rack":
        roof = paint(shown, shown.of(racks.ids), colours, theme)
        cell_rgb = np.broadcast_to(roof[:, None, None], (len(racks), _strips(len(racks)), 1, 3))
    else:
        roof = np.broadcast_to(look.rgb(theme.tray), (len(racks), 3))
        cell_rgb = np.broadcast_to(roof[:, None, None], (len(racks), _strips(len(racks)), 1, 3))
    layer = "exact" if kind in ("rack", "gpu") else "lit"
    _face_cells(layers, layer, racks, cell_rgb)
    _roofs(layers, layer, racks, roof)


def _strips(racks: int) -> int:
    return max(1, min(STRIPS, MAX_CELLS // (2 * racks)))


def gpu_cells(site: Site) -> np.ndarray:
    """Index of the GPU in each cell (rack, row from below, column) of a rack front; -1 where there is none.

    GPUs of one height share a row.
    """
    racks, gpus = site.assets["rack"], site.assets["gpu"]
    rack_of = rack_of_gpu(racks, gpus)
    keys = np.stack([rack_of, gpus.middle[:, 2].round(2)], axis=1)
    order = np.lexsort((gpus.middle[:, 1], gpus.middle[:, 0], keys[:, 1], rack_of))
    order = order[rack_of[order] >= 0]
    key = keys[order]
    new_rack = np.append(True, key[1:, 0] != key[:-1, 0])
    new_row = new_rack | np.append(True, key[1:, 1] != key[:-1, 1])
    count = np.arange(len(order))
    row_number = np.cumsum(new_row) - 1
    row = row_number - np.maximum.accumulate(np.where(new_rack, row_number, 0))
    column = count - np.maximum.accumulate(np.where(new_row, count, 0))
    cells = np.full((len(racks), row.max() + 1, column.max() + 1), -1)
    cells[rack_of[order], row, column] = order
    return cells


def rack_of_gpu(racks: Assets, gpus: Assets) -> np.ndarray:
    """Index of the rack of each GPU by the first part of its id; -1 for none.

    Examples
    --------
    >>> one = np.zeros((1, 3))
    >>> racks = Assets(("rack-1",), ("",), one, one)
    >>> rack_of_gpu(racks, Assets(("rack-1/gpu-1",), ("",), one, one)).tolist()
    [0]
    """
    index = {name: i for i, name in enumerate(racks.ids)}
    return np.array([index.get(name.split("/", 1)[0], -1) for name in gpus.ids], dtype=int)


def _face_cells(layers: Layers, layer: str, racks: Assets, rgb: np.ndarray) -> None:
    """Draw a grid of cells (rack, row, column, rgb) on the front and the back of each rack."""
    _, rows, columns, _ = rgb.shape
    r, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    gap_z, gap_u = 0.16 if rows > 1 else 0.03, 0.12 if columns > 1 else 0.0
    z0, z1 = 0.04 + 0.92 * (r + gap_z) / rows, 0.04 + 0.92 * (r + 1) / rows
    u0, u1 = 0.06 + 0.88 * (c + gap_u) / columns, 0.06 + 0.88 * (c + 1) / columns
    along = np.stack([u0, u1, u1, u0], axis=-1).reshape(-1, 4)
    upward = np.stack([z0, z0, z1, z1], axis=-1).reshape(-1, 4)
    fronts_x = np.array([front_along_x("rack", dx, dy) for dx, dy in racks.size[:, :2]], dtype=bool)
    for x_front in (True, False):
        mine = np.flatnonzero(fronts_x == x_front)
        if not len(mine):
            continue
        wide, deep = (0, 1) if x_front else (1, 0)
        place, size = racks.place[mine][:, None, None, :], racks.size[mine][:, None, None, :]
        for across in (-0.012, None):
            corners = np.empty((len(mine), len(along), 4, 3))
            corners[..., wide] = place[..., wide] + along * size[..., wide]
            corners[..., deep] = place[..., deep] + (across if across else size[..., deep] + 0.012)
            corners[..., 2] = place[..., 2] + upward * size[..., 2]
            layers.quads(layer, corners.reshape(-1, 4, 3), rgb[mine].reshape(-1, 3))


def _roofs(layers: Layers, layer: str, racks: Assets, rgb: np.ndarray) -> None:
    u = np.array([[0.07, 0.05], [0.93, 0.05], [0.93, 0.95], [0.07, 0.95]])
    corners = np.empty((len(racks), 4, 3))
    corners[..., :2] = racks.place[:, None, :2] + u[None] * racks.size[:, None, :2]
    corners[..., 2] = (racks.place + racks.size)[:, None, 2] + 0.012
    layers.quads(layer, corners, rgb)


def _routes(layers: Layers, segments: dict[str, np.ndarray], theme: look.Theme) -> None:
    """Draw each stretch of tray or pipe once, wider where more runs through it."""
    for medium, ends in segments.items():
        if not len(ends):
            continue
        low, high = ends.min(axis=1).round(2), ends.max(axis=1).round(2)
        stretches, carried = np.unique(np.hstack([low, high]), axis=0, return_counts=True)
        stretches = stretches[np.abs(stretches[:, 3:] - stretches[:, :3]).sum(axis=1) > 0.02]
        carried = carried[: len(stretches)] if len(carried) == len(stretches) else np.ones(len(stretches))
        half = ROUTE_M[medium] / 2 * np.clip(carried**0.25, 1.0, 2.5)[:, None]
        _stamp_boxes(layers, stretches[:, :3] - half, stretches[:, 3:] + half, theme.tone(*ROUTE_TONES[medium]))


def _stamp_boxes(layers: Layers, low: np.ndarray, high: np.ndarray, rgb: np.ndarray) -> None:
    unit: Piece = box(0, 0, 0, 1, 1, 1, "body")
    points = low[:, None] + unit.points[None] * (high - low)[:, None]
    faces = (unit.faces[None] + 8 * np.arange(len(low))[:, None, None]).reshape(-1, 4)
    layers.add("lit", points.reshape(-1, 3), faces, rgb)
