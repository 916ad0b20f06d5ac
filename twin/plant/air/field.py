"""The air of a hall in three dimensions: flow from a potential, heat carried and mixed by it. Not CFD.

Equations, what is left out and measured figures: docs/air-field.md. Capture indices as in VanGilder and
Shrivastava (ASHRAE Transactions 113(1), 2007), heat indices as in Sharma, Bash and Patel (AIAA 2002-3091).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K as CP
from twin.physics.coolant import air_density_kg_per_m3
from twin.plant.air.grid import Grid, Mesh, Openings, mesh
from twin.plant.air.hall import CONTAINMENTS, AirError, AirHall
from twin.plant.air.transport import Carrier, Flow, entering, flow, summed

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CELL_M = 0.3
"""Largest size of a cell unless asked otherwise [m]: half a rack's width; choice of the method."""
EASY_CELLS = 120_000
"""Cells grow in halls that would have more than this many, so that an answer takes seconds; choice of the method."""
LEAKAGE_FRAC = 0.03
"""Open share of containment panels [1]; assumption (2026), range 0.01 to 0.1."""
EDDY_M2_PER_S = 0.01
"""Eddy diffusivity [m2/s]; assumption (2026), range 0.004 to 0.04: 0.03874 V L / 0.9 with V of 0.3 to 1 m/s and L of
0.3 to 0.9 m, after Chen and Xu (Energy and Buildings 28, 1998)."""
MOST_CELLS = 3_000_000
"""More would take minutes and gigabytes."""


class RackAir(NamedTuple):
    """Air of one rack.

    Parameters
    ----------
    name : str
        Its id.
    flow_kg_per_s : float
        Air through its servers [kg/s].
    heat_w : float
        Heat given to that air [W].
    inlet_k, inlet_max_k : float
        Mean of the air that it takes, and the warmest cell before its front [K].
    outlet_k : float
        Mean of the air that it gives back [K].
    cold_capture_frac : float
        Share of the air that it takes that comes from CRAHs and met no rack on its way [1].
    hot_capture_frac : float
        Share of the air that it gives back that reaches CRAHs and meets no rack on its way [1].
    gap_kg_per_s : float
        Air through its missing blanking panels, from back to front [kg/s]; below zero the other way.
    """

    name: str
    flow_kg_per_s: float
    heat_w: float
    inlet_k: float
    inlet_max_k: float
    outlet_k: float
    cold_capture_frac: float
    hot_capture_frac: float
    gap_kg_per_s: float


@dataclass(frozen=True)
class AirField:
    """Air of a hall at rest in time.

    Parameters
    ----------
    hall : AirHall
        What was asked.
    containment : str
        ``none``, ``cold`` or ``hot``.
    grid : Grid
        Cells.
    velocity_m_per_s : array (x, y, z, direction)
        Mean velocity in each cell [m/s]; 0 in solids.
    temperature_k : array (x, y, z)
        Temperature of each cell [K]; NaN in solids and where no air comes.
    racks : tuple of RackAir
        Racks that move air, in the order of the hall.
    return_k : dict of str to float
        Air that each CRAH takes [K].
    supply_heat_index, return_heat_index : float
        Share of the racks' warmth above the supply that their inlets bring, and that the CRAHs' return holds [1];
        together 1.
    recirculation_frac : float
        Share of the air that racks take that met a rack since it was supplied [1].
    bypass_frac : float
        Share of the supplied air that returns without having met a rack [1].
    mass_residual_frac : float
        Most air that a cell gains or loses over the largest flow between two cells [1].
    energy_residual_frac : float
        Heat that racks give and CRAHs do not take, over the heat [1].
    """

    hall: AirHall
    containment: str
    grid: Grid
    velocity_m_per_s: Array
    temperature_k: Array
    racks: tuple[RackAir, ...]
    return_k: dict[str, float]
    supply_heat_index: float
    return_heat_index: float
    recirculation_frac: float
    bypass_frac: float
    mass_residual_frac: float
    energy_residual_frac: float

    @property
    def mean_inlet_k(self) -> float:
        """Mean of the air that all racks take [K]."""
        return _mean([r.inlet_k for r in self.racks], [r.flow_kg_per_s for r in self.racks])


def solve(
    hall: AirHall,
    *,
    containment: str = "none",
    leakage_frac: float = LEAKAGE_FRAC,
    cell_m: float | None = None,
    eddy_m2_per_s: float = EDDY_M2_PER_S,
) -> AirField:
    """Air field of a hall.

    Parameters
    ----------
    hall : AirHall
        What stands where, and who moves how much air.
    containment : str
        ``none``; ``cold``: roofs and doors close the cold aisles at the tops of the racks; ``hot``: panels close the
        hot aisles up to the ceiling, through which the CRAHs then take their air.
    leakage_frac : float
        Open share of those panels [1], above 0 and at most 1.
    cell_m : float, optional
        Largest size of a cell [m], 0.05 to 1; else 0.3 m, and more in halls of more than 3,240 m3.
    eddy_m2_per_s : float
        Eddy diffusivity [m2/s], 1e-5 to 1.

    Raises
    ------
    AirError
        For values out of range, and when air has no way.

    Examples
    --------
    >>> from twin.plant.air.hall import AirHall, AirHandler, AirRack
    >>> from twin.topology.geometry import Box
    >>> rack = AirRack("rack-1", Box((2.7, 3.0, 0.0), (0.6, 1.2, 2.1)), flow_kg_per_s=1.0, heat_w=15_090.0)
    >>> crah = AirHandler("crah-1", Box((2.0, 6.0, 0.0), (2.0, 0.9, 1.8), -1), flow_kg_per_s=1.0)
    >>> found = solve(AirHall((6.0, 6.9, 3.6), (rack,), (crah,), supply_k=297.15))
    >>> round(found.racks[0].outlet_k - found.racks[0].inlet_k, 6), round(found.return_k["crah-1"], 3)
    (15.0, 312.15)
    """
    cut, moved, carrier = blown(hall, containment, leakage_frac, cell_m, eddy_m2_per_s)
    density = float(air_density_kg_per_m3(np.array(hall.supply_k)))
    supplied, returned = entering(cut, cut.supply), entering(cut, cut.intake)
    way = cut.through
    warmed = np.array(
        [rack.heat_w / CP / rack.flow_kg_per_s if rack.flow_kg_per_s else 0.0 for rack in hall.racks]
    )
    enters = summed(way.back, way.flow_kg_per_s * warmed[way.rack], cut.is_air.size)
    rise = carrier.for_good(enters)  # above the supply
    fresh, captured = carrier.until_rack(supplied), carrier.share_to(returned)
    racks = _racks(hall, cut, moved, (rise, fresh, captured), warmed)
    heat_w = sum(rack.heat_w for rack in hall.racks)
    taken_w = CP * float(returned @ rise)
    in_w = CP * sum(r.flow_kg_per_s * (r.inlet_k - hall.supply_k) for r in racks)
    has_heat = heat_w > 0.0
    temperature = np.full(cut.is_air.size, math.nan)
    temperature[moved.order] = hall.supply_k + rise[moved.order]
    return AirField(
        hall, containment, cut.grid, _velocity(cut, moved, density), temperature.reshape(cut.grid.shape), racks,
        _returns(hall, cut.intake, rise),
        supply_heat_index=in_w / (in_w + heat_w) if has_heat else 0.0,
        return_heat_index=taken_w / (in_w + heat_w) if has_heat else 1.0,
        recirculation_frac=1.0 - _mean([r.cold_capture_frac for r in racks], [r.flow_kg_per_s for r in racks]),
        bypass_frac=float(returned @ fresh) / hall.supply_kg_per_s,
        mass_residual_frac=moved.residual_frac,
        energy_residual_frac=abs(taken_w - heat_w) / heat_w if has_heat else 0.0,
    )  # fmt: skip


def blown(
    hall: AirHall,
    containment: str = "none",
    leakage_frac: float = LEAKAGE_FRAC,
    cell_m: float | None = None,
    eddy_m2_per_s: float = EDDY_M2_PER_S,
) -> tuple[Mesh, Flow, Carrier]:
    """Cells of a hall, their flow, and what carries heat with it; parameters and errors as for :func:`solve`."""
    if cell_m is None:
        cell_m = min(max(CELL_M, (math.prod(hall.size_m) / EASY_CELLS) ** (1 / 3)), 1.0)
    _check(hall, containment, leakage_frac, cell_m, eddy_m2_per_s)
    cut = mesh(hall, cell_m, containment, leakage_frac)
    moved = flow(cut)
    density = float(air_density_kg_per_m3(np.array(hall.supply_k)))
    return cut, moved, Carrier(cut, moved, density * eddy_m2_per_s)


def _check(hall: AirHall, containment: str, leakage_frac: float, cell_m: float, eddy_m2_per_s: float) -> None:
    faults = []
    if containment not in CONTAINMENTS:
        expected = ", ".join(CONTAINMENTS)
        faults.append(Fault("", 0, "containment", containment, expected, "choose one of them"))
    if containment == "cold" and not hall.tiles:
        found = "cold aisles closed, and air supplied into the room"
        faults.append(
            Fault("", 0, "containment", found, "tiles in the cold aisles", "choose hot, or add tiles")
        )
    for name, value, low, high in (
        ("leakage_frac", leakage_frac, 1e-4, 1.0),
        ("cell_m", cell_m, 0.05, 1.0),
        ("eddy_m2_per_s", eddy_m2_per_s, 1e-5, 1.0),
    ):
        if not low <= value <= high:
            faults.append(
                Fault("", 0, name, str(value), f"{low:g} to {high:g}", "choose a value in the range")
            )
    if not faults and (cells := math.prod(m / cell_m for m in hall.size_m)) > MOST_CELLS:
        found = f"{cells:,.0f} cells"
        faults.append(Fault("", 0, "cell_m", found, f"at most {MOST_CELLS:,}", "choose larger cells"))
    if faults:
        raise AirError("this air field cannot be computed", faults)


def _racks(
    hall: AirHall, cut: Mesh, moved: Flow, carried: tuple[Array, Array, Array], warmed: Array
) -> tuple[RackAir, ...]:
    """Means over the faces of each rack, weighted with the air that goes through them."""
    rise, fresh, captured = carried
    way, count = cut.through, len(hall.racks)
    q = way.flow_kg_per_s
    whole = np.maximum(np.bincount(way.rack, q, count), 1e-30)
    inlet, cold, hot = (
        np.bincount(way.rack, q * values, count) / whole
        for values in (rise[way.front], fresh[way.front], captured[way.back])
    )
    warmest = np.full(count, -np.inf)
    np.maximum.at(warmest, way.rack, rise[way.front])
    facing = np.array([rack.box.facing for rack in hall.racks])
    is_gap = cut.links.rack >= 0
    gap = np.bincount(cut.links.rack[is_gap], moved.link_kg_per_s[is_gap], count) * facing
    base = hall.supply_k
    return tuple(
        RackAir(rack.name, rack.flow_kg_per_s, rack.heat_w, *map(float, found))
        for rack, *found in zip(
            hall.racks, base + inlet, base + warmest, base + inlet + warmed, cold, hot, gap, strict=True
        )
        if rack.flow_kg_per_s > 0.0
    )


def _returns(hall: AirHall, intake: Openings, rise: Array) -> dict[str, float]:
    """Air that each handler takes; from a plenum all take the same."""
    q = intake.flow_kg_per_s
    shared = hall.supply_k + _mean(rise[intake.cell], q)
    return {
        handler.name: hall.supply_k + _mean(rise[intake.cell[own]], q[own]) if own.any() else shared
        for i, handler in enumerate(hall.handlers)
        for own in (intake.owner == i,)
    }


def _velocity(cut: Mesh, moved: Flow, density_kg_per_m3: float) -> Array:
    """Mean of the flows through the two faces of each cell along each axis, array (x, y, z, direction) [m/s]."""
    count = cut.is_air.size
    twice = np.zeros((3, count))
    for axis in range(3):
        own = cut.links.axis == axis
        for cells in (cut.links.low[own], cut.links.high[own]):
            twice[axis] += np.bincount(cells, moved.link_kg_per_s[own], count)
        for opening in (cut.supply, cut.intake):
            own = opening.axis == axis
            twice[axis] += np.bincount(opening.cell[own], (opening.flow_kg_per_s * opening.sign)[own], count)
    for cells in (cut.through.front, cut.through.back):
        twice[1] -= np.bincount(cells, cut.through.flow_kg_per_s * cut.through.facing, count)
    x, y, z = cut.grid.widths_m
    faces = (
        np.broadcast_to(y[None, :, None] * z, cut.grid.shape),
        np.broadcast_to(x[:, None, None] * z, cut.grid.shape),
        np.broadcast_to((x[:, None] * y)[:, :, None], cut.grid.shape),
    )
    whole = [twice[k].reshape(cut.grid.shape) / (2.0 * density_kg_per_m3 * faces[k]) for k in range(3)]
    return np.stack(whole, axis=-1)


def _mean(values: list[float] | Array, weights: list[float] | Array) -> float:
    """Weighted mean; 0 without weights."""
    whole = float(np.sum(weights))
    return float(np.dot(values, weights)) / whole if whole > 0.0 else 0.0
