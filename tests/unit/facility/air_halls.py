"""Halls for the tests of the air field."""

from __future__ import annotations

from dataclasses import replace

from twin.facility.air_hall import AirHall, AirHandler, AirRack, Aisle, Tile
from twin.topology.geometry import Box

SUPPLY_K = 297.15
RISE_K = 15.0
CP = 1006.0


def hall(
    rows: int = 2,
    racks_per_row: int = 4,
    *,
    air_frac: float = 1.0,
    rack_kg_per_s: float = 1.5,
    has_tiles: bool = True,
    gap: str = "",
    aisle_m: float = 1.8,
) -> AirHall:
    """Rows front to front and back to back between two walls of CRAHs; symmetric in x, in y for even rows."""
    length_m, height_m, tall_m = racks_per_row * 0.6 + 2 * aisle_m, 3.6, 2.1
    width_m = rows * 1.2 + (rows + 1) * aisle_m + 1.8
    racks, tiles, aisles = [], [], []
    for row in range(rows):
        facing = 1 if row % 2 == 0 else -1
        y_m = 0.9 + aisle_m + row * (1.2 + aisle_m)
        for i in range(racks_per_row):
            name = f"rack-{row * racks_per_row + i + 1}"
            x_m = aisle_m + 0.6 * i
            heat_w = rack_kg_per_s * CP * RISE_K
            gap_m = (0.9, 1.4) if name == gap else None
            box = Box((x_m, y_m, 0.0), (0.6, 1.2, tall_m), facing)
            racks.append(AirRack(name, box, rack_kg_per_s, heat_w, gap_m))
            front_m = y_m + 1.2 if facing > 0 else y_m - 0.6
            tiles.append(Tile(Box((x_m, front_m, 0.0), (0.6, 0.6, 0.0)), 1.0))
    for i in range(rows + 1):
        y_m = 0.9 + i * (1.2 + aisle_m)
        box = Box((aisle_m, y_m, 0.0), (racks_per_row * 0.6, aisle_m, tall_m))
        aisles.append(Aisle(box, is_hot=i % 2 == 0))
    middle_m, each = length_m / 2, air_frac * rows * racks_per_row * rack_kg_per_s / 2
    handlers = (
        AirHandler("crah-1", Box((middle_m - 1.2, 0.0, 0.0), (2.4, 0.9, 1.8), 1), each),
        AirHandler("crah-2", Box((middle_m - 1.2, width_m - 0.9, 0.0), (2.4, 0.9, 1.8), -1), each),
    )
    size_m = (length_m, width_m, height_m)
    return AirHall(size_m, tuple(racks), handlers, SUPPLY_K, tuple(tiles) if has_tiles else (), tuple(aisles))


def at_power(asked: AirHall, heat_w: dict[str, float]) -> AirHall:
    """The same hall with other heat in some racks."""
    racks = tuple(replace(rack, heat_w=heat_w.get(rack.name, rack.heat_w)) for rack in asked.racks)
    return replace(asked, racks=racks)
