"""The cells of a hall and the ways between them.

Planes go through every face of racks, handlers, tiles and aisles, and cells between them are no larger than
asked: what stands in the hall keeps its size whatever the cells. Planes nearer to each other than a quarter
of a cell become one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault
from twin.plant.air.hall import AirError, AirHall, AirRack
from twin.topology.geometry import Box

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]

MERGE_FRAC = 0.25
"""Planes nearer than this share of a cell are one [1]; choice of the method."""
PANEL_M = 0.3
"""Way that a panel with a share f of it open lengthens by (1/f - 1) times this [m]; assumption (2026): it sets what
a share of leakage means, and keeps its effect the same whatever the cells."""


@dataclass(frozen=True)
class Grid:
    """Edges of the cells along x, y and z [m]."""

    edges_m: tuple[Array, Array, Array]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of cells along x, y and z."""
        x, y, z = (len(edges) - 1 for edges in self.edges_m)
        return x, y, z

    @property
    def widths_m(self) -> tuple[Array, Array, Array]:
        """Sizes of the cells along x, y and z [m]."""
        x, y, z = (np.diff(edges) for edges in self.edges_m)
        return x, y, z

    def span(self, low_m: float, high_m: float, axis: int) -> slice:
        """Cells between two coordinates, whose planes are the nearest."""
        start, stop = (int(np.abs(self.edges_m[axis] - m).argmin()) for m in (low_m, high_m))
        return slice(start, stop)

    def cells(self, box: Box) -> tuple[slice, slice, slice]:
        """Cells that a box fills."""
        x, y, z = (self.span(box.place[i], box.end[i], i) for i in range(3))
        return x, y, z


class Links(NamedTuple):
    """Ways between cells, arrays over links: cells by number, A over d [m], axis 0, 1 or 2.

    ``rack`` is the number of the rack whose gap it is, -1 for all others.
    """

    low: Index
    high: Index
    conductance_m: Array
    axis: Index
    rack: Index


class Openings(NamedTuple):
    """Faces through which air comes in or goes out, arrays over faces.

    Cells by number, air [kg/s], axis, whether it comes in or goes out in the direction of that axis (1 or -1),
    and the number of the handler, -1 where they share a plenum.
    """

    cell: Index
    flow_kg_per_s: Array
    axis: Index
    sign: Index
    owner: Index


class Through(NamedTuple):
    """Ways of air through racks, arrays over ways: the cell before the front, the one behind the back, air [kg/s]."""

    front: Index
    back: Index
    flow_kg_per_s: Array
    rack: Index
    facing: Index


@dataclass(frozen=True)
class Mesh:
    """A hall cut into cells.

    Parameters
    ----------
    grid : Grid
        Cells.
    is_air : array (x, y, z), bool
        Cells that nothing fills.
    links, supply, intake, through
        Ways of the air.
    """

    grid: Grid
    is_air: Mask
    links: Links
    supply: Openings
    intake: Openings
    through: Through


def mesh(hall: AirHall, cell_m: float, containment: str, leakage_frac: float) -> Mesh:
    """Cut a hall into cells.

    Parameters
    ----------
    hall : AirHall
        What stands where.
    cell_m : float
        Largest size of a cell [m].
    containment : str
        ``none``, ``cold`` or ``hot``: which aisles are closed.
    leakage_frac : float
        Open share of the panels that close them [1].

    Raises
    ------
    AirError
        When the air of a rack, tile or handler has no way.
    """
    grid = _grid(hall, cell_m)
    is_air = np.ones(grid.shape, dtype=np.bool_)
    for box in (*(part.box for part in hall.cabinets), *hall.solids):
        is_air[grid.cells(box)] = False
    number = np.arange(is_air.size).reshape(grid.shape)
    zone = _zones(hall, grid, containment)
    faults: list[Fault] = []
    through = _through(hall, grid, is_air, number, faults)
    supply = _supply(hall, grid, is_air, number, faults)
    if is_ceiling_return(hall, containment):
        hot = _zones(hall, grid, "hot")
        intake = _ceiling(hall, grid, is_air, number, hot, through, faults)
    else:
        intake = _tops(hall, grid, is_air, number, faults)
    if faults:
        raise AirError("air has no way", faults)
    links = _links(hall, grid, is_air, number, zone, leakage_frac)
    return Mesh(grid, is_air, links, supply, intake, through)


def is_ceiling_return(hall: AirHall, containment: str) -> bool:
    """Whether the CRAHs take their air through the ceiling of the hot aisles.

    They do where hot aisles are closed, and where air is supplied along the walls: a potential has no jets, so an
    intake beside the supply would take back most of it at once.
    """
    return containment == "hot" or (not hall.tiles and any(aisle.is_hot for aisle in hall.aisles))


def _grid(hall: AirHall, cell_m: float) -> Grid:
    boxes = [part.box for part in hall.cabinets]
    boxes += [*(aisle.box for aisle in hall.aisles), *hall.solids, *(tile.box for tile in hall.tiles)]
    edges = []
    for axis in range(3):
        upright = boxes if axis < 2 else boxes[: len(boxes) - len(hall.tiles)]
        planes = [m for box in upright for m in (box.place[axis], box.end[axis])]
        if axis == 2 and not hall.tiles:
            planes += [handler.box.place[2] + handler.box.size[2] / 2 for handler in hall.handlers]
        edges.append(_edges(planes, hall.size_m[axis], cell_m))
    return Grid((edges[0], edges[1], edges[2]))


def _edges(planes_m: Iterable[float], length_m: float, cell_m: float) -> Array:
    """Edges of the cells along one axis."""
    near = MERGE_FRAC * cell_m
    inner = np.sort([m for m in planes_m if near <= m <= length_m - near])
    groups = np.split(inner, np.flatnonzero(np.diff(inner) > near) + 1) if len(inner) else []
    planes = np.array([0.0, *((group[0] + group[-1]) / 2 for group in groups), length_m])
    counts = np.maximum(np.ceil(np.diff(planes) / cell_m - 1e-6).astype(int), 1)
    parts = [
        np.linspace(a, b, n, endpoint=False) for a, b, n in zip(planes, planes[1:], counts, strict=False)
    ]
    return np.append(np.concatenate(parts), length_m)


def _zones(hall: AirHall, grid: Grid, containment: str) -> Index:
    """Contained aisle of each cell, 0 outside: panels are where it changes. Hot aisles reach the ceiling."""
    zone = np.zeros(grid.shape, dtype=np.int64)
    if containment == "none":
        return zone
    wanted = [aisle for aisle in hall.aisles if aisle.is_hot == (containment == "hot")]
    if not wanted:
        fault = Fault(
            "", 0, "containment", containment, f"a hall with a {containment} aisle", "choose another"
        )
        raise AirError("nothing to contain", [fault])
    for i, aisle in enumerate(wanted):
        x, y, z = grid.cells(aisle.box)
        zone[x, y, z if containment == "cold" else slice(z.start, None)] = i + 1
    return zone


def _through(hall: AirHall, grid: Grid, is_air: Mask, number: Index, faults: list[Fault]) -> Through:
    """Ways through racks: straight from front to back, air spread evenly over what is not a gap."""
    parts = []
    for i, rack in enumerate(hall.racks):
        if rack.flow_kg_per_s <= 0.0:
            continue
        front, back, widths, _ = _sides(rack, grid)
        if front is None or back is None or not (is_open := is_air[front] & is_air[back]).any():
            expected = "air before its front and behind its back"
            faults.append(Fault("", 0, rack.name, "a side without air", expected, "make its aisles wider"))
            continue
        heights = grid.widths_m[2][front[2]] - _gap_heights(rack, grid, front[2])
        area = (widths[:, None] * heights) * is_open
        flow = rack.flow_kg_per_s * area / area.sum()
        keep = area > 0.0
        count = int(keep.sum())
        parts.append(
            (
                number[front][keep],
                number[back][keep],
                flow[keep],
                np.full(count, i),
                np.full(count, rack.box.facing),
            )
        )
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return Through(empty, empty, np.zeros(0), empty, empty)
    return Through(*(np.concatenate(column) for column in zip(*parts, strict=True)))


Side = tuple[slice, int, slice]


def _sides(rack: AirRack, grid: Grid) -> tuple[Side | None, Side | None, Array, float]:
    """Cells before the front and behind the back of a rack, widths of its columns [m], depth of the gap [m]."""
    x, y, z = grid.cells(rack.box)
    before, behind = (y.stop, y.start - 1) if rack.box.facing > 0 else (y.start - 1, y.stop)
    inside = range(grid.shape[1])
    front: Side | None = (x, before, z) if before in inside else None
    back: Side | None = (x, behind, z) if behind in inside else None
    way_m = float(grid.edges_m[1][y.stop] - grid.edges_m[1][y.start])
    if front and back:
        way_m += float(grid.widths_m[1][before] + grid.widths_m[1][behind]) / 2
    return front, back, grid.widths_m[0][x], way_m


def _gap_heights(rack: AirRack, grid: Grid, z: slice) -> Array:
    """Height of the gap of a rack in each of its layers [m]."""
    edges = grid.edges_m[2][z.start : z.stop + 1]
    inside: Array = np.diff(np.clip(edges, *(rack.gap_m or (0.0, 0.0))))
    return inside


def _supply(hall: AirHall, grid: Grid, is_air: Mask, number: Index, faults: list[Fault]) -> Openings:
    """Where supplied air comes in: tiles, or the lower halves of the handlers' fronts."""
    parts: list[tuple[Index, Array, int, int, int]] = []
    x_m, y_m, z_m = grid.widths_m
    whole = sum(tile.share for tile in hall.tiles)
    for i, tile in enumerate(hall.tiles):
        x, y, _ = grid.cells(tile.box)
        area = np.outer(x_m[x], y_m[y]) * is_air[x, y, 0]
        flow = hall.supply_kg_per_s * tile.share / whole
        _open(parts, (number[x, y, 0], area, flow), (2, 1, -1), f"tile {i + 1}", faults)
    for i, handler in enumerate(() if hall.tiles else hall.handlers):
        x, y, z = grid.cells(handler.box)
        z = grid.span(handler.box.place[2], handler.box.place[2] + handler.box.size[2] / 2, 2)
        before = y.stop if handler.box.facing > 0 else y.start - 1
        if before not in range(grid.shape[1]):
            faults.append(Fault("", 0, handler.name, "its front at a wall", "air before it", "turn it"))
            continue
        area = np.outer(x_m[x], z_m[z]) * is_air[x, before, z]
        face = (number[x, before, z], area, handler.flow_kg_per_s)
        _open(parts, face, (1, handler.box.facing, i), handler.name, faults)
    return _openings(parts)


def _tops(hall: AirHall, grid: Grid, is_air: Mask, number: Index, faults: list[Fault]) -> Openings:
    """Intakes at the tops of the handlers."""
    parts: list[tuple[Index, Array, int, int, int]] = []
    x_m, y_m, _ = grid.widths_m
    for i, handler in enumerate(hall.handlers):
        x, y, z = grid.cells(handler.box)
        if z.stop >= grid.shape[2]:
            faults.append(
                Fault("", 0, handler.name, "its top at the ceiling", "air above it", "raise the ceiling")
            )
            continue
        area = np.outer(x_m[x], y_m[y]) * is_air[x, y, z.stop]
        face = (number[x, y, z.stop], area, handler.flow_kg_per_s)
        _open(parts, face, (2, -1, i), handler.name, faults)
    return _openings(parts)


def _ceiling(
    hall: AirHall, grid: Grid, is_air: Mask, number: Index, zone: Index, through: Through, faults: list[Fault]
) -> Openings:
    """Intakes in the ceiling of hot aisles, each with the share of the racks that blow into it."""
    parts: list[tuple[Index, Array, int, int, int]] = []
    given = np.bincount(zone.ravel()[through.back], through.flow_kg_per_s, int(zone.max()) + 1)
    x_m, y_m, _ = grid.widths_m
    inside = given[1:].sum()
    for i in range(1, len(given)):
        if given[i] > 0.0:
            area = np.outer(x_m, y_m) * (is_air[:, :, -1] & (zone[:, :, -1] == i))
            flow = hall.supply_kg_per_s * given[i] / inside
            _open(parts, (number[:, :, -1], area, flow), (2, 1, -1), f"hot aisle {i}", faults)
    if not parts and not faults:
        faults.append(
            Fault("", 0, "hot aisles", "no rack blows into one", "racks at them", "choose no containment")
        )
    return _openings(parts)


def _open(
    parts: list[tuple[Index, Array, int, int, int]], face: tuple[Index, Array, float], how: tuple[int, int, int],
    name: str, faults: list[Fault],
) -> None:  # fmt: skip
    """Spread air evenly over the open area of a face."""
    cells, area, flow = face
    keep = area > 0.0
    if keep.any():
        parts.append((cells[keep], flow * area[keep] / area.sum(), *how))
    else:
        faults.append(
            Fault("", 0, name, "nothing but solid before it", "air before it", "move what stands there")
        )


def _openings(parts: list[tuple[Index, Array, int, int, int]]) -> Openings:
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return Openings(empty, np.zeros(0), empty, empty, empty)
    repeated = [[np.full(len(part[0]), part[k]) for part in parts] for k in (2, 3, 4)]
    cell, flow = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    return Openings(cell, flow, *(np.concatenate(column) for column in repeated))


def _links(hall: AirHall, grid: Grid, is_air: Mask, number: Index, zone: Index, leakage_frac: float) -> Links:
    """Ways between neighbouring cells, through panels and through gaps."""
    parts: list[tuple[Index, Index, Array, int, int]] = []
    for axis in range(3):
        a, b = _neighbours(axis)
        keep = is_air[a] & is_air[b]
        wide = [grid.widths_m[k].reshape(_along(k)) for k in range(3)]
        way = ((grid.widths_m[axis][:-1] + grid.widths_m[axis][1:]) / 2).reshape(_along(axis))
        first, second = (wide[k] for k in range(3) if k != axis)
        longer = np.where(zone[a] != zone[b], PANEL_M * (1.0 / leakage_frac - 1.0), 0.0)
        parts.append((number[a][keep], number[b][keep], (first * second / (way + longer))[keep], axis, -1))
    for i, rack in enumerate(hall.racks):
        front, back, wide_m, way_m = _sides(rack, grid)
        if rack.gap_m is not None and front and back:
            area = wide_m[:, None] * _gap_heights(rack, grid, front[2])
            keep = (area > 0.0) & is_air[front] & is_air[back]
            below, above = (back, front) if rack.box.facing > 0 else (front, back)
            parts.append((number[below][keep], number[above][keep], area[keep] / way_m, 1, i))
    low, high, conductance = (np.concatenate([part[k] for part in parts]) for k in range(3))
    axes, racks = (np.concatenate([np.full(len(part[0]), part[k]) for part in parts]) for k in (3, 4))
    return Links(low, high, conductance, axes, racks)


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Cells that have a neighbour further along an axis, and those neighbours."""
    every = [slice(None)] * 3
    low, high = every.copy(), every.copy()
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return tuple(low), tuple(high)


def _along(axis: int) -> list[int]:
    return [-1 if i == axis else 1 for i in range(3)]
