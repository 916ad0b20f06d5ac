"""A hall as its air sees it: what takes air, what gives it, and what stands in its way."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from twin.errors import Fault, TwinError
from twin.topology.geometry import Box, Size

CONTAINMENTS = ("none", "cold", "hot")


class AirError(TwinError):
    """A hall whose air cannot be computed, with what stands in its way."""


@dataclass(frozen=True)
class AirRack:
    """A cabinet that takes air at its front and gives it back, warmer, at its back.

    Parameters
    ----------
    name : str
        Its id.
    box : Box
        Where it stands; its front looks along y as its ``facing`` says [m].
    flow_kg_per_s : float
        Air that its fans move [kg/s], not negative; a cabinet without air is an obstacle.
    heat_w : float
        Heat that it gives to that air [W], not negative.
    gap_m : tuple of float, optional
        Heights above the floor between which blanking panels are missing [m]: air passes there as it likes.
    """

    name: str
    box: Box
    flow_kg_per_s: float
    heat_w: float
    gap_m: tuple[float, float] | None = None


@dataclass(frozen=True)
class AirHandler:
    """A CRAH: takes air at its top, or through the ceiling of hot aisles, and supplies it at one temperature.

    Parameters
    ----------
    name : str
        Its id.
    box : Box
        Where it stands; without tiles it blows from the lower half of its front [m].
    flow_kg_per_s : float
        Air that it moves [kg/s], above zero.
    """

    name: str
    box: Box
    flow_kg_per_s: float


@dataclass(frozen=True)
class Tile:
    """A perforated stretch of a raised floor.

    Parameters
    ----------
    box : Box
        Its rectangle; height is of no account [m].
    share : float
        Its part of the supplied air, against those of the other tiles; above zero.
    """

    box: Box
    share: float


@dataclass(frozen=True)
class Aisle:
    """An aisle that containment may close: the box between rows, up to the top of the lower racks.

    Parameters
    ----------
    box : Box
        Between the rows or a row and a wall, from the floor to the tops of the racks [m].
    is_hot : bool
        Whether backs look into it.
    """

    box: Box
    is_hot: bool


@dataclass(frozen=True)
class AirHall:
    """A hall with everything that its air field needs.

    Parameters
    ----------
    size_m : tuple of float
        Inner length, width and height [m]; its corner is the origin.
    racks : tuple of AirRack
        Cabinets.
    handlers : tuple of AirHandler
        At least one.
    supply_k : float
        Temperature of the supplied air [K], 230 to 450.
    tiles : tuple of Tile
        Where the supplied air enters; the fronts of the handlers if there are none.
    aisles : tuple of Aisle
        What containment can close.
    solids : tuple of Box
        Other things that air goes around [m].

    Raises
    ------
    AirError
        With everything that cannot be: outside the hall, without air, negative.
    """

    size_m: Size
    racks: tuple[AirRack, ...]
    handlers: tuple[AirHandler, ...]
    supply_k: float
    tiles: tuple[Tile, ...] = ()
    aisles: tuple[Aisle, ...] = ()
    solids: tuple[Box, ...] = field(default=())

    def __post_init__(self) -> None:
        if faults := _faults(self):
            raise AirError("the air of this hall cannot be computed", faults)

    @property
    def cabinets(self) -> tuple[AirRack | AirHandler, ...]:
        """Racks and handlers."""
        return (*self.racks, *self.handlers)

    @property
    def rack_kg_per_s(self) -> float:
        """Air that all racks move [kg/s]."""
        return sum(rack.flow_kg_per_s for rack in self.racks)

    @property
    def supply_kg_per_s(self) -> float:
        """Air that all handlers move [kg/s]."""
        return sum(handler.flow_kg_per_s for handler in self.handlers)


def _faults(hall: AirHall) -> list[Fault]:
    """Everything that is wrong with a hall by itself."""
    found = []

    def expect(holds: bool, where: str, what: object, expected: str, mend: str) -> None:
        if not holds:
            found.append(Fault("", 0, where, str(what), expected, mend))

    expect(
        all(0 < m < math.inf for m in hall.size_m), "hall", hall.size_m, "sizes above 0 m", "give its size"
    )
    expect(230 <= hall.supply_k <= 450, "supply_k", hall.supply_k, "230 to 450 K", "write it in kelvin")
    expect(bool(hall.handlers), "handlers", "none", "at least one CRAH", "add one: cooling.air.crah")
    names = [part.name for part in hall.cabinets]
    expect(len(set(names)) == len(names), "names", "two alike", "a name for each", "rename one")
    room = Box((0.0, 0.0, 0.0), hall.size_m)
    for part in hall.cabinets:
        ends = (part.box.place, part.box.end)
        expect(room.holds(part.box, 1e-6), part.name, ends, f"inside the hall of {hall.size_m} m", "move it")
    for handler in hall.handlers:
        flow = handler.flow_kg_per_s
        expect(
            0 < flow < math.inf,
            handler.name,
            f"{flow} kg/s",
            "air above 0 kg/s",
            "leave it out, or give it air",
        )
    found += [fault for rack in hall.racks for fault in _rack_faults(rack)]
    for i, tile in enumerate(hall.tiles):
        expect(0 < tile.share < math.inf, f"tile {i + 1}", tile.share, "a share above 0", "leave it out")
    return found


def _rack_faults(rack: AirRack) -> list[Fault]:
    """Everything that is wrong with a rack by itself."""
    flow, heat, name = rack.flow_kg_per_s, rack.heat_w, rack.name
    bottom, top = rack.box.place[2], rack.box.end[2]
    low, high = rack.gap_m or (bottom, (bottom + top) / 2)
    is_whole = low <= bottom + 1e-9 and high >= top - 1e-9
    wanted = (
        (0 <= flow < math.inf, f"{flow} kg/s", "air, not negative", "give 0 to a rack without air"),
        (0 <= heat < math.inf, f"{heat} W", "heat, not negative", "give what air carries"),
        (heat <= 0 or flow > 0, f"{heat} W without air", "air that carries it", "give it air"),
        (bottom - 1e-9 <= low < high <= top + 1e-9, f"a gap from {low} to {high} m", "heights inside the rack",
         f"write two heights from {bottom:g} to {top:g} m"),
        (not (is_whole and flow > 0), "a gap over the whole rack", "room for its air", "shorten the gap"),
    )  # fmt: skip
    return [Fault("", 0, name, what, expected, mend) for holds, what, expected, mend in wanted if not holds]
