"""Fronts and roofs of racks: trays, nodes, power shelves and switches as strips, GPUs as cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from viz import look
from viz.layers import Layers
from viz.shapes import front_along_x
from viz.site import Assets, Shown, Site

CABINETS = ("rack", "network_rack")
# What stands in a cabinet and shows on its front, with family and tone.
UNITS = {
    "tray": ("compute", "tray"),
    "node": ("compute", "tray"),
    "switch_tray": ("network", "shade"),
    "psu": ("power", "shade"),
    "leaf": ("network", "accent"),
    "spine": ("network", "body"),
    "core": ("network", "body"),
    "gateway": ("network", "metal"),
    "server": ("compute", "tray"),
}
COLOURED_WITH_RACK = ("tray", "node")
STRIPS = 12  # of a rack whose trays were not recorded
MAX_UNITS = 60_000  # above, racks are one strip each
MARGIN = 0.06  # share of the width that the frame keeps on each side
_LIFT_M = 0.012  # strips lie on the face


def draw(layers: Layers, site: Site, shown: Shown, colours: np.ndarray, theme: look.Theme) -> None:
    """Add fronts, backs and roofs of all cabinets.

    Parameters
    ----------
    layers : Layers
        Gets the faces.
    site : Site
        What stands where.
    shown : Shown
        Quantity that colours racks, GPUs or switches.
    colours : ndarray (256, rgb)
        Colour map as bytes.
    theme : Theme
        Colours of all the rest.
    """
    for kind in CABINETS:
        if kind in site.assets:
            _Fronts(layers, site, site.assets[kind], kind, shown, colours, theme).draw()


def paint(shown: Shown, values: np.ndarray, colours: np.ndarray, theme: look.Theme) -> np.ndarray:
    """Return colours (value, rgb) on the bar; what was not recorded is grey."""
    known = np.isfinite(values)
    place = np.round(shown.shares(np.where(known, values, shown.limits[0])) * 255).astype(int)
    return np.where(known[:, None], colours[place], look.rgb(theme.metal)).astype(np.uint8)


def owners(owner_ids: tuple[str, ...], group: Assets) -> np.ndarray:
    """Index of the owner of each asset, by its parent or by the first part of its id; -1 for none.

    Examples
    --------
    >>> one = np.zeros((1, 3))
    >>> owners(("rack-1",), Assets(("rack-1/gpu-1",), ("rack-1/tray-1",), one, one)).tolist()
    [0]
    """
    index = {name: i for i, name in enumerate(owner_ids)}
    named = (
        index.get(parent, index.get(name.split("/", 1)[0], -1))
        for name, parent in zip(group.ids, group.parents, strict=True)
    )
    return np.fromiter(named, dtype=int, count=len(group))


def highest(values: np.ndarray, owner: np.ndarray, count: int) -> np.ndarray:
    """Highest recorded value of each owner; NaN where none was recorded.

    Examples
    --------
    >>> highest(np.array([1.0, 5.0, np.nan]), np.array([0, 0, 1]), 2).tolist()
    [5.0, nan]
    """
    top = np.full(count, -np.inf)
    known = np.isfinite(values) & (owner >= 0)
    np.maximum.at(top, owner[known], values[known])
    return np.where(np.isfinite(top), top, np.nan)


class Cells(NamedTuple):
    """GPUs as cells on the fronts of their racks: ids, unit (cell,), share of the width, heights [m]."""

    ids: tuple[str, ...]
    unit: np.ndarray
    share: tuple[np.ndarray, np.ndarray]
    height_m: tuple[np.ndarray, np.ndarray]


def gpu_cells(units: Assets, gpus: Assets) -> Cells:
    """Lay the GPUs of each tray or node side by side, in the order in which they stand.

    Parameters
    ----------
    units, gpus : Assets
        Trays or nodes, and GPUs; those of other units are left out.
    """
    unit = owners(units.ids, gpus)
    gpus, unit = gpus.only(unit >= 0), unit[unit >= 0]
    order = np.lexsort((gpus.place[:, 1], gpus.place[:, 0], unit))
    first = np.searchsorted(unit[order], np.arange(len(units)))
    column = np.empty(len(unit), dtype=int)
    column[order] = np.arange(len(unit)) - first[unit[order]]
    columns = np.bincount(unit, minlength=len(units))[unit]
    share = (
        MARGIN + (1 - 2 * MARGIN) * (column + 0.06) / columns,
        MARGIN + (1 - 2 * MARGIN) * (column + 0.94) / columns,
    )
    bottom = units.place[unit, 2]
    return Cells(gpus.ids, unit, share, (bottom, bottom + units.size[unit, 2]))


class _Fronts:
    """Draws the cabinets of one kind."""

    def __init__(
        self,
        layers: Layers,
        site: Site,
        cabinets: Assets,
        kind: str,
        shown: Shown,
        colours: np.ndarray,
        theme: look.Theme,
    ) -> None:
        self.layers, self.site, self.cabinets, self.kind = layers, site, cabinets, kind
        self.shown, self.colours, self.theme = shown, colours, theme

    def draw(self) -> None:
        """Roofs first, then what the fronts show."""
        shown_kind = self.shown.quantity.asset_kind
        n = len(self.cabinets)
        roof = None
        if shown_kind == self.kind:
            roof = self.colour(self.shown.of(self.cabinets.ids))
        elif self.kind == "rack" and shown_kind == "gpu" and "gpu" in self.site.assets:
            gpus = self.site.assets["gpu"]
            roof = self.colour(highest(self.shown.of(gpus.ids), owners(self.cabinets.ids, gpus), n))
        plain = look.rgb(self.theme.tray) if self.kind == "rack" else self.theme.tone("network", "body")
        self.roofs(
            "lit" if roof is None else "exact", np.broadcast_to(plain, (n, 3)) if roof is None else roof
        )
        units = {k: g for k, g in self.site.assets.items() if k in UNITS}
        if self.kind == "rack" and not any(k in units for k in COLOURED_WITH_RACK):
            self.even_strips(roof)
            return
        if sum(map(len, units.values())) > MAX_UNITS:
            self.even_strips(roof, 1)
            return
        for kind, group in units.items():
            owner = owners(self.cabinets.ids, group)
            self.units(kind, group.only(owner >= 0), owner[owner >= 0], roof)

    def colour(self, values: np.ndarray) -> np.ndarray:
        return paint(self.shown, values, self.colours, self.theme)

    def units(self, kind: str, group: Assets, owner: np.ndarray, roof: np.ndarray | None) -> None:
        """Strips of one kind of unit, or the GPUs in them."""
        shown_kind = self.shown.quantity.asset_kind
        bottom = group.place[:, 2]
        top = bottom + group.size[:, 2]
        share = np.full(len(group), MARGIN), np.full(len(group), 1 - MARGIN)
        if kind == shown_kind:
            self.strips("exact", owner, share, (bottom, top), self.colour(self.shown.of(group.ids)))
        elif roof is not None and kind in COLOURED_WITH_RACK and shown_kind == self.kind:
            self.strips("exact", owner, share, (bottom, top), roof[owner])
        elif shown_kind == "gpu" and kind in COLOURED_WITH_RACK and "gpu" in self.site.assets:
            self.gpus(group, owner)
        else:
            rgb = np.broadcast_to(self.theme.tone(*UNITS[kind]), (len(group), 3))
            self.strips("lit", owner, share, (bottom, top), rgb)

    def gpus(self, units: Assets, owner: np.ndarray) -> None:
        """Cells side by side, one a GPU."""
        cells = gpu_cells(units, self.site.assets["gpu"])
        rgb = self.colour(self.shown.of(cells.ids))
        self.strips("exact", owner[cells.unit], cells.share, cells.height_m, rgb)

    def even_strips(self, roof: np.ndarray | None, count: int = STRIPS) -> None:
        """Strips at even heights for racks whose trays were not recorded."""
        n = len(self.cabinets)
        owner = np.repeat(np.arange(n), count)
        i = np.tile(np.arange(count), n)
        foot, height = self.cabinets.place[owner, 2], self.cabinets.size[owner, 2]
        bottom, top = (foot + height * (0.04 + 0.92 * (i + s) / count) for s in (0.12, 1.0))
        rgb = np.broadcast_to(look.rgb(self.theme.tray), (n, 3)) if roof is None else roof
        share = np.full(n * count, MARGIN), np.full(n * count, 1 - MARGIN)
        self.strips("lit" if roof is None else "exact", owner, share, (bottom, top), rgb[owner])

    def strips(
        self, layer: str, owner: np.ndarray, share: tuple[np.ndarray, np.ndarray],
        height_m: tuple[np.ndarray, np.ndarray], rgb: np.ndarray,
    ) -> None:  # fmt: skip
        """Add rectangles on front and back: over a share of the width, between two heights."""
        place, size = self.cabinets.place[owner], self.cabinets.size[owner]
        along_x = np.array([front_along_x(self.kind, dx, dy) for dx, dy in self.cabinets.size[:, :2]])[owner]
        wide = np.where(along_x, 0, 1)
        deep = 1 - wide
        row = np.arange(len(owner))
        for lift in (-_LIFT_M, size[row, deep] + _LIFT_M):
            corners = np.empty((len(owner), 4, 3))
            for corner, (u, z) in enumerate(((0, 0), (1, 0), (1, 1), (0, 1))):
                corners[row, corner, wide] = place[row, wide] + share[u] * size[row, wide]
                corners[row, corner, deep] = place[row, deep] + lift
                corners[:, corner, 2] = height_m[z]
            self.layers.quads(layer, corners, rgb)

    def roofs(self, layer: str, rgb: np.ndarray) -> None:
        """Add the roof of each cabinet, with a dark rim left."""
        racks = self.cabinets
        rim = np.array([[0.07, 0.05], [0.93, 0.05], [0.93, 0.95], [0.07, 0.95]])
        corners = np.empty((len(racks), 4, 3))
        corners[..., :2] = racks.place[:, None, :2] + rim[None] * racks.size[:, None, :2]
        corners[..., 2] = (racks.place + racks.size)[:, None, 2] + _LIFT_M
        self.layers.quads(layer, corners, rgb)
