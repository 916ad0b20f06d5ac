"""Floor plan: rows of racks, plant along the walls, an electrical room beside and a yard outside.

Looking at the plan with x to the right and y up: the electrical room is to the right of the hall,
the yard with dry coolers and chillers to the left. Rows run along x. Neighbouring rows look at each
other over a cold aisle and stand back to back over a hot aisle. CDUs close a row on the left, network
racks on the right; air handlers stand along the lower and upper walls, PDUs along the right wall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twin.topology import constants as c
from twin.topology.geometry import Box, Point, Route, Size, around, overhead

Items = Sequence[tuple[str, Size]]


@dataclass(frozen=True)
class Fleet:
    """What has to find a place: ids with width, depth and height [m].

    Parameters
    ----------
    racks, network_racks, cdus : sequence of (id, size)
        Boxes that form the rows.
    crahs, pdus : sequence of (id, size)
        Boxes along the walls of the hall.
    electrical, yard : sequence of sequences of (id, size)
        Boxes of the electrical room and of the yard; each inner sequence begins a new column.
    racks_per_row : int
        Racks in a full row.
    aisle_m : float
        Width of every aisle, hot or cold.
    """

    racks: Items
    network_racks: Items
    cdus: Items
    crahs: Items
    pdus: Items
    electrical: Sequence[Items]
    yard: Sequence[Items]
    racks_per_row: int
    aisle_m: float


@dataclass
class Plan:
    """Where everything stands, and the lines that trays and pipes follow.

    Attributes
    ----------
    boxes : dict of str to Box
        Box of every asset, and of ``hall``, ``electrical-room``, ``outdoor`` and ``site``.
    row_of : dict of str to int
        Row of racks, network racks and CDUs.
    row_y_m, row_facing : list
        Centre line of each row, and where the fronts look along y.
    left_x_m, right_x_m : float
        Where pipes and network cables cross from row to row.
    ceiling_m : float
        Height of the tallest box in the hall; trays and pipes are above.
    """

    boxes: dict[str, Box] = field(default_factory=dict)
    row_of: dict[str, int] = field(default_factory=dict)
    row_y_m: list[float] = field(default_factory=list)
    row_facing: list[int] = field(default_factory=list)
    left_x_m: float = 0.0
    right_x_m: float = 0.0
    ceiling_m: float = 0.0

    @property
    def wall_y_m(self) -> float:
        """Line along the upper wall of the hall, for cables to the yard."""
        return self.boxes["hall"].end[1] - c.WALL_M

    def line_y_m(self, row: int, forward_m: float) -> float:
        """Line along a row, a distance in front of its centre line."""
        return self.row_y_m[row] + forward_m * self.row_facing[row]

    def along_rows(
        self,
        start: tuple[Point, int],
        end: tuple[Point, int],
        *,
        above_m: float,
        cross_x_m: float,
        forward_m: float,
    ) -> Route:
        """Route between two points, each with its row: along the rows, and across at ``cross_x_m``."""
        (a, row_a), (b, row_b) = start, end
        y_a, y_b = self.line_y_m(row_a, forward_m), self.line_y_m(row_b, forward_m)
        crossing = () if row_a == row_b else ((cross_x_m, y_a), (cross_x_m, y_b))
        return overhead(a, b, self.ceiling_m + above_m, (a[0], y_a), *crossing, (b[0], y_b))


def plan(fleet: Fleet) -> Plan:
    """Find a place for everything; nothing overlaps, whatever the numbers.

    Examples
    --------
    >>> racks = [("rack-1", (0.6, 1.2, 2.2)), ("rack-2", (0.6, 1.2, 2.2))]
    >>> made = plan(Fleet(racks, [], [], [], [], [], [], racks_per_row=1, aisle_m=1.8))
    >>> [made.row_of[r] for r, _ in racks], made.row_facing
    ([0, 1], [1, -1])
    """
    made = Plan()
    length_m, width_m = _hall(fleet, made)
    middle = width_m / 2
    electrical = _columns(fleet.electrical, length_m + c.WALL_M, 1, middle, width_m)
    yard = _columns(fleet.yard, -c.WALL_M, -1, middle, max(width_m, c.YARD_DEPTH_M))
    height_m = made.ceiling_m + c.CEILING_GAP_M
    made.boxes |= electrical | yard
    made.boxes["hall"] = Box((0.0, 0.0, 0.0), (length_m, width_m, height_m))
    made.boxes["electrical-room"] = _room(electrical, length_m + c.WALL_M, 1, made.boxes["hall"])
    made.boxes["outdoor"] = _room(yard, -c.WALL_M, -1, made.boxes["hall"])
    made.boxes["site"] = around([made.boxes[r] for r in ("hall", "electrical-room", "outdoor")], c.WALL_M)
    return made


def _hall(fleet: Fleet, made: Plan) -> tuple[float, float]:
    """Furnish the hall and return its length and width."""
    rows = [fleet.racks[i : i + fleet.racks_per_row] for i in range(0, len(fleet.racks), fleet.racks_per_row)]
    left = _shares(fleet.cdus, len(rows))
    right = _shares(fleet.network_racks, len(rows))
    depths = [max(size[1] for _, size in (*a, *b, *d)) for a, b, d in zip(rows, left, right, strict=True)]
    left_m = max(_span(items, c.CELL_GAP_M) for items in left)
    racks_m = max(_span(items, 0.0) for items in rows)
    right_m = max(_span(items, c.CELL_GAP_M) for items in right)
    pdu_m = max((size[1] for _, size in fleet.pdus), default=0.0)
    rows_m = left_m + racks_m + right_m + 2 * c.CELL_GAP_M
    inner_m = rows_m + 2 * fleet.aisle_m

    lower, upper = _banks(fleet.crahs, inner_m)
    lower_m, upper_m = (max((size[1] for _, size in bank), default=0.0) for bank in (lower, upper))
    bank_m = max(_span(bank, c.BANK_GAP_M) for bank in (lower, upper)) + 2 * c.BANK_GAP_M
    length_m = max(inner_m, bank_m) + pdu_m
    needed_m = sum(depths) + fleet.aisle_m * (len(rows) + 1)
    between_m = max(needed_m, _span(fleet.pdus, c.BANK_GAP_M) + 2 * c.BANK_GAP_M)
    width_m = lower_m + between_m + upper_m

    x_m = (length_m - pdu_m - rows_m) / 2 + left_m + c.CELL_GAP_M
    y_m = lower_m + (between_m - needed_m) / 2 + fleet.aisle_m
    for row, depth_m in enumerate(depths):
        made.row_y_m.append(y_m + depth_m / 2)
        made.row_facing.append(1 if row % 2 == 0 else -1)
        edges = (x_m, x_m + racks_m + c.CELL_GAP_M)
        _stand_row(made, row, (left[row], rows[row], right[row]), edges, (y_m, depth_m))
        y_m += depth_m + fleet.aisle_m
    made.left_x_m = x_m - c.CELL_GAP_M / 2
    made.right_x_m = x_m + racks_m + c.CELL_GAP_M / 2

    for bank, y, facing in ((lower, 0.0, 1), (upper, width_m, -1)):
        x = (length_m - pdu_m - _span(bank, c.BANK_GAP_M)) / 2
        for name, size in bank:
            made.boxes[name] = Box((x, y if facing > 0 else y - size[1], 0.0), size, facing)
            x += size[0] + c.BANK_GAP_M
    y = lower_m + (between_m - _span(fleet.pdus, c.BANK_GAP_M)) / 2
    for name, (wide, deep, high) in fleet.pdus:  # turned: their backs stand against the right wall
        made.boxes[name] = Box((length_m - deep, y, 0.0), (deep, wide, high))
        y += wide + c.BANK_GAP_M
    made.ceiling_m = max(box.end[2] for box in made.boxes.values())
    return length_m, width_m


def _stand_row(
    made: Plan,
    row: int,
    cells: tuple[Items, Items, Items],
    edges_m: tuple[float, float],
    band_m: tuple[float, float],
) -> None:
    """Stand CDUs, racks and network racks of a row with their fronts in one line."""
    facing = made.row_facing[row]
    (left, racks, right), (x_racks_m, x_right_m), (y_m, depth_m) = cells, edges_m, band_m
    spots = []
    x = x_racks_m
    for name, size in left:
        x -= size[0] + c.CELL_GAP_M
        spots.append((name, size, x))
    for items, first_m, gap_m in ((racks, x_racks_m, 0.0), (right, x_right_m, c.CELL_GAP_M)):
        x = first_m
        for name, size in items:
            spots.append((name, size, x))
            x += size[0] + gap_m
    for name, size, x in spots:
        y = y_m + (depth_m - size[1] if facing > 0 else 0.0)
        made.boxes[name] = Box((x, y, 0.0), size, facing)
        made.row_of[name] = row


def _shares(items: Items, rows: int) -> list[list[tuple[str, Size]]]:
    """Spread items over the rows, neighbours together."""
    shares: list[list[tuple[str, Size]]] = [[] for _ in range(rows)]
    for i, item in enumerate(items):
        shares[i * rows // len(items)].append(item)
    return shares


def _banks(items: Items, length_m: float) -> tuple[Items, Items]:
    """Air handlers of the lower and of the upper wall."""
    if _span(items, c.BANK_GAP_M) + 2 * c.BANK_GAP_M <= length_m:
        return items, ()
    half = -(-len(items) // 2)
    return items[:half], items[half:]


def _span(items: Items, gap_m: float) -> float:
    return sum(size[0] for _, size in items) + gap_m * max(len(items) - 1, 0)


def _columns(
    groups: Sequence[Items], x_m: float, step: int, middle_m: float, limit_m: float
) -> dict[str, Box]:
    """Stand plant in columns along y, the next column further along x in the direction ``step``."""
    boxes: dict[str, Box] = {}
    for group in groups:
        todo = list(group)
        while todo:
            take = 1
            while take < len(todo) and _height(todo[: take + 1]) <= limit_m:
                take += 1
            column, todo = todo[:take], todo[take:]
            wide_m = max(size[0] for _, size in column)
            x_m += step * c.PLANT_GAP_M
            y_m = middle_m - _height(column) / 2
            for name, size in column:
                boxes[name] = Box((x_m if step > 0 else x_m - size[0], y_m, 0.0), size)
                y_m += size[1] + c.PLANT_GAP_M
            x_m += step * wide_m
    return boxes


def _height(items: Items) -> float:
    return sum(size[1] for _, size in items) + c.PLANT_GAP_M * (len(items) - 1)


def _room(inside: dict[str, Box], wall_x_m: float, step: int, hall: Box) -> Box:
    """Room or yard beside the hall that holds all boxes with a way around them."""
    depth_m = c.PLANT_GAP_M
    low_m, high_m = hall.place[1], hall.end[1]
    for box in inside.values():
        reach_m = box.end[0] - wall_x_m if step > 0 else wall_x_m - box.place[0]
        depth_m = max(depth_m, reach_m + c.PLANT_GAP_M)
        low_m = min(low_m, box.place[1] - c.PLANT_GAP_M)
        high_m = max(high_m, box.end[1] + c.PLANT_GAP_M)
    x_m = wall_x_m if step > 0 else wall_x_m - depth_m
    tall_m = max([hall.size[2], *(box.end[2] for box in inside.values())])
    return Box((x_m, low_m, 0.0), (depth_m, high_m - low_m, tall_m))


def spread(size_m: Size, count: int, road_m: float) -> list[tuple[float, float]]:
    """Where equal buildings stand on a site that is about as deep as it is wide.

    Parameters
    ----------
    size_m : tuple of float
        Width, depth and height of one [m].
    count : int
        How many.
    road_m : float
        Between two neighbours [m].

    Returns
    -------
    list of tuple of float
        Offset of each from the first, x and y [m].

    Examples
    --------
    >>> spread((10.0, 20.0, 4.0), 3, 5.0)
    [(0.0, 0.0), (15.0, 0.0), (0.0, 25.0)]
    """
    width_m, depth_m = size_m[0] + road_m, size_m[1] + road_m
    columns = max(1, min(count, round((count * depth_m / width_m) ** 0.5)))
    return [(i % columns * width_m, i // columns * depth_m) for i in range(count)]
