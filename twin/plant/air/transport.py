"""The two linear systems of an air field: who pushes air where, and what the air carries.

Flow follows a potential: ``sum of A/d (p - p of the neighbour) = air that enters the cell``. What it carries goes
upwind with the flow and diffuses: ``sum out F c - sum in F c + sum rho D A/d (c - c of the neighbour) = what enters``.
A potential has no whirls: in the order of falling potential the upwind part is a triangle, and an iteration that
begins with that triangle is short.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph, linalg

from twin.errors import Fault
from twin.plant.air.grid import Mesh, Openings
from twin.plant.air.hall import AirError
from twin.plant.air.iteration import conjugate_gradients, stabilised_gradients
from twin.plant.air.levels import Levels

Array = NDArray[np.float64]
Index = NDArray[np.int64]

FLOW_TOLERANCE = 1e-10
"""Residual of the flow over what enters and leaves, both as Euclidean norms [1]; rounding allows about 1e-11 in long
halls."""
CARRIED_TOLERANCE = 1e-10
"""Residual of a carried quantity over what enters, both as Euclidean norms [1]."""


class Flow(NamedTuple):
    """Flow of a hall.

    Parameters
    ----------
    potential : array (cell)
        In kg/(s m); 0 in cells that no supplied air reaches.
    link_kg_per_s : array (link)
        Air from the low to the high cell of each link [kg/s].
    order : array (reached cell)
        Cells that supplied air reaches, by falling potential.
    residual_frac : float
        Most air that a cell gains or loses over the largest flow of a link [1].
    """

    potential: Array
    link_kg_per_s: Array
    order: Index
    residual_frac: float


def flow(mesh: Mesh) -> Flow:
    """Flow of a hall by conjugate gradients on its potential.

    Parameters
    ----------
    mesh : Mesh
        Cells, ways, and what enters and leaves.

    Raises
    ------
    AirError
        When air enters a part of the hall that it cannot leave, or a rack stands where no CRAH reaches.
    """
    low, high, g = mesh.links.low, mesh.links.high, mesh.links.conductance_m
    count = mesh.is_air.size
    net = entering(mesh, mesh.supply) - entering(mesh, mesh.intake)
    q = mesh.through.flow_kg_per_s
    net += np.bincount(mesh.through.back, q, count) - np.bincount(mesh.through.front, q, count)
    diagonal = np.bincount(low, g, count) + np.bincount(high, g, count)
    ends = (np.r_[low, high, np.arange(count)], np.r_[high, low, np.arange(count)])
    matrix = sparse.csr_array((np.r_[-g, -g, diagonal], ends), shape=(count, count))
    right, reached = _balanced(mesh, matrix, net)
    inner = matrix[reached][:, reached].tocsr()
    levels = Levels(inner, np.stack(np.unravel_index(reached, mesh.grid.shape), axis=1))
    most = FLOW_TOLERANCE * float(np.linalg.norm(net))
    found = conjugate_gradients(inner, right[reached], levels, most)
    if found is None:
        raise _no_answer("flow")
    potential = np.zeros(count)
    potential[reached] = found
    moved = g * (potential[low] - potential[high])
    lost = np.bincount(low, moved, count) - np.bincount(high, moved, count) - net
    order = reached[np.argsort(-potential[reached], kind="stable")]
    return Flow(
        potential, moved, order, float(np.abs(lost).max() / max(np.abs(moved).max(), np.abs(net).max()))
    )


def entering(mesh: Mesh, openings: Openings) -> Array:
    """Air through openings, array (cell) [kg/s]."""
    return summed(openings.cell, openings.flow_kg_per_s, mesh.is_air.size)


def summed(cells: Index, values: Array, count: int) -> Array:
    """Sum of what falls into each cell, array (cell)."""
    return np.bincount(cells, values, count).astype(np.float64)


def _balanced(mesh: Mesh, matrix: Any, net: Array) -> tuple[Array, Index]:
    """What enters without the rounding that a potential cannot answer, and the cells that supplied air reaches."""
    _, room = csgraph.connected_components(matrix, directed=False)
    sums = np.bincount(room, net)
    # racks carry air from room to room
    ways = (np.ones(len(mesh.through.front)), (room[mesh.through.front], room[mesh.through.back]))
    _, part = csgraph.connected_components(
        sparse.csr_array(ways, shape=(len(sums), len(sums))), directed=False
    )
    supplied = np.isin(part, part[room[mesh.supply.cell]])
    faults = []
    if np.abs(sums).max() > 1e-9 * np.abs(net).sum():
        found = f"{np.abs(sums).max():.3g} kg/s enter a part of the hall and cannot leave it"
        faults.append(Fault("", 0, "hall", found, "a way from every tile to a CRAH", "open what closes it"))
    if not supplied[room[mesh.through.front]].all():
        faults.append(
            Fault("", 0, "racks", "racks where no supplied air comes", "a way to them", "add tiles there")
        )
    if faults:
        raise AirError("air is locked in", faults)
    return net - (sums / np.bincount(room))[room], np.flatnonzero(supplied[room] & mesh.is_air.ravel())


class Carrier:
    """What the air of one flow carries, ready for many questions.

    Parameters
    ----------
    mesh : Mesh
        Cells and ways.
    moved : Flow
        From :func:`flow`.
    diffusion_kg_per_m_s : float
        Density times eddy diffusivity [kg/(m s)], above zero.
    """

    def __init__(self, mesh: Mesh, moved: Flow, diffusion_kg_per_m_s: float) -> None:
        count, order, links = mesh.is_air.size, moved.order, mesh.links
        mixed = diffusion_kg_per_m_s * links.conductance_m
        up = np.maximum(moved.link_kg_per_s, 0.0) + mixed
        down = np.maximum(-moved.link_kg_per_s, 0.0) + mixed
        taken = entering(mesh, mesh.intake) + np.bincount(
            mesh.through.front, mesh.through.flow_kg_per_s, count
        )
        diagonal = np.bincount(links.low, up, count) + np.bincount(links.high, down, count) + taken
        self._count, self._order, size = count, order, len(order)
        place = np.full(count, -1)
        place[order] = np.arange(size)
        keep = place[links.low] >= 0
        low, high = place[links.low[keep]], place[links.high[keep]]
        ends = (np.r_[high, low, np.arange(size)], np.r_[low, high, np.arange(size)])
        values = np.r_[-up[keep], -down[keep], diagonal[order]]
        self._once = sparse.csr_array((values, ends), shape=(size, size))
        through = (mesh.through.flow_kg_per_s, (place[mesh.through.back], place[mesh.through.front]))
        self._again = (self._once - sparse.csr_array(through, shape=(size, size))).tocsr()
        triangle = sparse.tril(self._once, format="csc")
        self._first = linalg.splu(
            triangle, permc_spec="NATURAL", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def until_rack(self, enters: Array) -> Array:
        """What the air carries when racks take it out of the hall, array (cell).

        Parameters
        ----------
        enters : array (cell)
            What enters each cell: the quantity times kg/s.
        """
        return self._solve(self._once, enters, self._first.solve)

    def for_good(self, enters: Array) -> Array:
        """What the air carries when racks give back what they take, array (cell); ``enters`` as before."""
        return self._solve(self._again, enters, self._first.solve)

    def share_to(self, leaves_kg_per_s: Array) -> Array:
        """Share of the air let go in each cell that leaves there before it meets a rack, array (cell) [1]."""
        return self._solve(
            self._once.T.tocsr(), leaves_kg_per_s, lambda right: self._first.solve(right, trans="T")
        )

    def _solve(self, matrix: Any, enters: Array, first: Any) -> Array:
        found = stabilised_gradients(matrix, enters[self._order], first, CARRIED_TOLERANCE)
        if found is None:
            raise _no_answer("temperature")
        whole = np.zeros(self._count)
        whole[self._order] = found
        return whole


def _no_answer(what: str) -> AirError:
    fault = Fault("", 0, "hall", f"no {what} within the tolerance", "a field", "change the size of the cells")
    return AirError("the iteration came to no end", [fault])
