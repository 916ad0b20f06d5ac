"""Meshes of the scene: a handful of layers whatever the number of assets."""

from __future__ import annotations

from typing import Any

import numpy as np

from viz.shapes import Piece

STYLES: dict[str, dict[str, Any]] = {
    "lit": {"ambient": 0.55, "diffuse": 0.52},
    "exact": {"lighting": False},  # the colour bar's colours, whatever the light
}


class Layers:
    """Collects faces with colours, layer by layer, and hands each layer over as one mesh.

    Examples
    --------
    >>> from viz.shapes import box
    >>> layers = Layers()
    >>> layers.stamp("lit", box(0, 0, 0, 1, 1, 1, "body"), np.zeros((3, 3)), np.array([255, 0, 0]))
    >>> layers.count_faces("lit")
    18
    """

    def __init__(self) -> None:
        self._points: dict[str, list[np.ndarray]] = {}
        self._faces: dict[str, list[np.ndarray]] = {}
        self._rgb: dict[str, list[np.ndarray]] = {}
        self._next: dict[str, int] = {}
        self._lines: list[tuple[np.ndarray, np.ndarray]] = []

    def stamp(self, layer: str, piece: Piece, places: np.ndarray, rgb: np.ndarray) -> None:
        """Add a piece at many places.

        Parameters
        ----------
        layer : str
            One of :data:`STYLES`.
        piece : Piece
            What is repeated.
        places : ndarray (place, xyz)
            Where it stands [m].
        rgb : ndarray (3,) or (place, 3)
            One colour, or one a place, as bytes.
        """
        n, p = len(places), len(piece.points)
        points = (np.asarray(places)[:, None, :] + piece.points[None]).reshape(-1, 3)
        faces = (piece.faces[None] + (np.arange(n) * p)[:, None, None]).reshape(-1, piece.faces.shape[1])
        colours = np.repeat(np.broadcast_to(rgb, (n, 3)), len(piece.faces), axis=0)
        self.add(layer, points, faces, colours)
        if piece.outline:
            self.outline(np.asarray(places) + piece.points.min(axis=0), np.ptp(piece.points, axis=0))

    def add(self, layer: str, points: np.ndarray, faces: np.ndarray, rgb: np.ndarray) -> None:
        """Add faces (face, corner) over points (point, xyz) with colours (face, rgb)."""
        start = self._next.get(layer, 0)
        self._next[layer] = start + len(points)
        self._points.setdefault(layer, []).append(points.astype(np.float32))
        corners = np.full((len(faces), 1), faces.shape[1])
        self._faces.setdefault(layer, []).append(np.hstack([corners, faces + start]).ravel())
        self._rgb.setdefault(layer, []).append(np.broadcast_to(rgb, (len(faces), 3)).astype(np.uint8))

    def quads(self, layer: str, corners: np.ndarray, rgb: np.ndarray) -> None:
        """Add free quadrilaterals (quad, corner, xyz) with colours (quad, rgb)."""
        self.add(layer, corners.reshape(-1, 3), np.arange(corners.shape[0] * 4).reshape(-1, 4), rgb)

    def outline(self, places: np.ndarray, size: np.ndarray) -> None:
        """Remember the edges of boxes at places (place, xyz)."""
        self._lines.append((places, np.broadcast_to(size, places.shape)))

    def count_faces(self, layer: str) -> int:
        """Number of faces of a layer."""
        return sum(len(rgb) for rgb in self._rgb.get(layer, []))

    def draw(self, plotter: Any, edge: str, line_px: float) -> None:
        """Add all layers to a plotter."""
        import pyvista as pv

        for layer, parts in self._points.items():
            mesh = pv.PolyData(np.concatenate(parts), faces=np.concatenate(self._faces[layer]))
            mesh.cell_data["rgb"] = np.concatenate(self._rgb[layer])
            plotter.add_mesh(mesh, scalars="rgb", rgb=True, show_scalar_bar=False, **STYLES[layer])
        if self._lines:
            points, lines = _edges(self._lines)
            mesh = pv.PolyData(points, lines=lines)
            plotter.add_mesh(mesh, color=edge, line_width=line_px, lighting=False, opacity=0.55)


_EDGE_ENDS = np.array(
    [[0, 1], [2, 3], [4, 5], [6, 7], [0, 2], [1, 3], [4, 6], [5, 7], [0, 4], [1, 5], [2, 6], [3, 7]]
)
_UNIT = np.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], dtype=float)


def _edges(boxes: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    places = np.concatenate([place for place, _ in boxes])
    sizes = np.concatenate([size for _, size in boxes])
    points = (places[:, None] + _UNIT[None] * sizes[:, None]).reshape(-1, 3).astype(np.float32)
    ends = (_EDGE_ENDS[None] + 8 * np.arange(len(places))[:, None, None]).reshape(-1, 2)
    return points, np.hstack([np.full((len(ends), 1), 2), ends]).ravel()
