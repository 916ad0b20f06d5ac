"""The ground as one textured plane: yard, slabs, tiles and soft shadows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from viz.look import Theme

TILE_M = 0.6  # raised-floor tile
_LIMIT_PX = 4096


@dataclass(frozen=True)
class Rect:
    """A rectangle on the ground [m]."""

    x0: float
    y0: float
    x1: float
    y1: float

    def grown(self, by_m: float) -> Rect:
        """Return it larger on all sides."""
        return Rect(self.x0 - by_m, self.y0 - by_m, self.x1 + by_m, self.y1 + by_m)

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def meets(self, other: Rect) -> bool:
        """Whether the middle of another rectangle lies in it."""
        return self.holds((other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2)


def around(places: np.ndarray, sizes: np.ndarray) -> Rect:
    """Return the rectangle around the footprints of boxes (box, xyz)."""
    low, high = places.min(axis=0), (places + sizes).max(axis=0)
    return Rect(float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def union(rects: Iterable[Rect]) -> Rect:
    """Return the rectangle around rectangles.

    Examples
    --------
    >>> union([Rect(0, 0, 1, 1), Rect(4, -1, 5, 1)])
    Rect(x0=0, y0=-1, x1=5, y1=1)
    """
    x0, y0, x1, y1 = zip(*((r.x0, r.y0, r.x1, r.y1) for r in rects), strict=True)
    return Rect(min(x0), min(y0), max(x1), max(y1))


class Ground:
    """Paints the ground from above, y upwards in the site and downwards in the image."""

    def __init__(self, extent: Rect, theme: Theme) -> None:
        from PIL import Image, ImageDraw

        self.extent, self.theme = extent, theme
        longest = max(extent.x1 - extent.x0, extent.y1 - extent.y0)
        self.px_per_m = min(60.0, _LIMIT_PX / longest)
        size = [max(2, round(d * self.px_per_m)) for d in (extent.x1 - extent.x0, extent.y1 - extent.y0)]
        self.image = Image.new("RGB", (size[0], size[1]), theme.ground)
        self._draw = ImageDraw.Draw(self.image)

    def _px(self, rect: Rect) -> list[float]:
        k, e = self.px_per_m, self.extent
        return [(rect.x0 - e.x0) * k, (e.y1 - rect.y1) * k, (rect.x1 - e.x0) * k, (e.y1 - rect.y0) * k]

    def slab(self, rect: Rect, tiles: bool = True) -> None:
        """Paint a floor slab, tiled or plain."""
        self._draw.rectangle(self._px(rect), fill=self.theme.slab, outline=self.theme.wall, width=2)
        if not tiles:
            return
        for x in np.arange(rect.x0 + TILE_M, rect.x1, TILE_M):
            self._draw.line(self._px(Rect(x, rect.y0, x, rect.y1)), fill=self.theme.tile, width=1)
        for y in np.arange(rect.y0 + TILE_M, rect.y1, TILE_M):
            self._draw.line(self._px(Rect(rect.x0, y, rect.x1, y)), fill=self.theme.tile, width=1)

    def pads(self, rects: Iterable[Rect]) -> None:
        """Paint concrete pads under outdoor equipment."""
        for rect in rects:
            self._draw.rectangle(self._px(rect), fill=self.theme.slab, outline=self.theme.tile, width=2)

    def shadows(self, rects: Iterable[Rect]) -> None:
        """Darken the ground softly beneath and beside footprints."""
        from PIL import Image, ImageDraw, ImageFilter

        rects = list(rects)
        for reach_m, share in ((0.55, 0.55), (0.12, 0.6)):
            mask = Image.new("L", self.image.size, 0)
            pen = ImageDraw.Draw(mask)
            for rect in rects:
                pen.rectangle(self._px(rect.grown(0.3 * reach_m)), fill=int(255 * self.theme.shadow * share))
            blurred = mask.filter(ImageFilter.GaussianBlur(reach_m * self.px_per_m))
            self.image.paste(Image.new("RGB", self.image.size, "#0c1118"), mask=blurred)

    def draw(self, plotter: Any) -> None:
        """Lay the painted plane under the scene."""
        import pyvista as pv

        e = self.extent
        plane = pv.Plane(
            center=((e.x0 + e.x1) / 2, (e.y0 + e.y1) / 2, -0.01), direction=(0, 0, 1),
            i_size=e.x1 - e.x0, j_size=e.y1 - e.y0, i_resolution=1, j_resolution=1,
        )  # fmt: skip
        texture: Any = pv.Texture(np.asarray(self.image))  # type: ignore[no-untyped-call]
        texture.interpolate = True
        texture.mipmap = True
        plotter.add_mesh(plane, texture=texture, lighting=False)
