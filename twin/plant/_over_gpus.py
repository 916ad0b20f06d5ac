"""Compiled loops over banks of GPUs, which would be dozens of arrays each in NumPy."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.models._compiled import compiled_relation
from twin.physics import gpu_power

Array = NDArray[np.float64]
Index = NDArray[np.int64]

energy_j: Final = compiled_relation(gpu_power.energy_j)
static_w: Final = compiled_relation(gpu_power.static_w)


@njit(cache=True)
def total(amount: Array, owner: Index, owners: int) -> Array:
    """Sum amounts over an index map; what belongs to nobody (-1) is left out.

    Examples
    --------
    >>> total(np.array([1.0, 2.0, 4.0]), np.array([0, 0, 1]), 2)
    array([3., 4.])
    """
    found = np.zeros(owners)
    first = 0
    while first < owner.size:  # by runs of one owner
        last = _end_of_run(owner, first)
        if owner[first] >= 0:
            found[owner[first]] += _sum(amount[first:last])
        first = last
    return found


@njit(cache=True)
def _end_of_run(owner: Index, first: int) -> int:
    """First place after one that another owns; in strides that compile to vectors."""
    last, stride = first + 1, 32
    while last + stride <= owner.size:
        other, part = 0, owner[last : last + stride]
        for i in range(stride):
            other |= part[i] ^ owner[first]
        if other != 0:
            break
        last += stride
    while last < owner.size and owner[last] == owner[first]:
        last += 1
    return last


@njit(cache=True, fastmath={"reassoc"})
def _sum(amount: Array) -> float:
    """Sum in any order."""
    found = 0.0
    for i in range(amount.size):
        found += amount[i]
    return found


@njit(cache=True)
def by_stretch(amount: Array, stretches: Index) -> Array:
    """Sum amounts of banks over stretches of them, array (stretch).

    Examples
    --------
    >>> by_stretch(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 3]))
    array([3., 4.])
    """
    found = np.empty(stretches.size - 1)
    for s in range(found.size):
        found[s] = _sum(amount[stretches[s] : stretches[s + 1]])
    return found


@njit(cache=True)
def of_teams(amounts: Array, team_of_replica: Index, lanes_of_team: Index, team_of_gpu: Index) -> Array:
    """Work of each bank from that of the replicas: lanes of its team add up, busy time is theirs together.

    Parameters
    ----------
    amounts : array (row, replica)
        Of one GPU of each replica; the first row is busy time [s].
    team_of_replica, lanes_of_team, team_of_gpu
        As in :class:`~twin.plant.maps.Maps`.

    Returns
    -------
    array (row, bank)
        Zero for GPUs that serve nothing.
    """
    rows, replicas = amounts.shape
    of_team = np.zeros((rows, lanes_of_team.size))
    found = np.zeros((rows, team_of_gpu.size))
    for row in range(rows):
        for r in range(replicas):
            of_team[row, team_of_replica[r]] += amounts[row, r]
    of_team[0] /= lanes_of_team
    for row in range(rows):
        for g in range(team_of_gpu.size):
            if team_of_gpu[g] >= 0:
                found[row, g] = of_team[row, team_of_gpu[g]]
    return found


@njit(cache=True)
def slowest(clock_frac: Array, team_of_gpu: Index, teams: int) -> Array:
    """Lowest clock of the GPUs of each team, array (team)."""
    found = np.ones(teams)
    for g in range(clock_frac.size):
        if team_of_gpu[g] >= 0:
            found[team_of_gpu[g]] = min(found[team_of_gpu[g]], clock_frac[g])
    return found


@njit(cache=True)
def cool(
    rated_kg_per_s: Array,
    stretches: Index,
    owners: tuple[Index, Index],
    air_k: Array,
    supply_k: Array,
    share_frac: Array,
    branch_frac: Array,
    inlet_k: Array,
    flow_kg_per_s: Array,
) -> None:
    """Fill in the coolant of each bank: its inlet temperature [K] and flow [kg/s].

    Parameters
    ----------
    rated_kg_per_s : array (bank)
    stretches : array (stretch + 1), int
        Where banks of one rack and one CDU begin, and the end of all.
    owners : tuple of array (stretch), int
        Rack and CDU; a CDU of -1 where there is none.
    air_k : array (rack)
        Air at the inlet of each rack, for banks without CDU [K].
    supply_k, share_frac : array (cdu)
        Supply [K] and flow over the wanted one [1].
    branch_frac : array (rack)
        A rack's share of its loop over its rated share [1].
    inlet_k, flow_kg_per_s : array (bank)
        What is filled in; flows stay where they are while the first of a stretch does.
    """
    for s in range(stretches.size - 1):
        rack, cdu, alike = owners[0][s], owners[1][s], slice(stretches[s], stretches[s + 1])
        inlet_k[alike] = air_k[rack] if cdu < 0 else supply_k[cdu]
        share = 1.0 if cdu < 0 else share_frac[cdu] * branch_frac[rack]
        rated, flow = rated_kg_per_s[alike], flow_kg_per_s[alike]
        if flow[0] != rated[0] * share:
            for g in range(rated.size):
                flow[g] = rated[g] * share


@njit(cache=True)
def to_liquid_w(
    gpu_w: Array, base_w: Array, liquid_frac: Array, pump_w: Array, cdu_of_stretch: Index, cdu_of_rack: Index
) -> Array:
    """Heat into the return of each CDU, array (cdu) [W].

    Parameters
    ----------
    gpu_w : array (stretch)
        Heat that coolant carries off the GPUs [W].
    base_w, liquid_frac : array (rack)
        Heat of everything else in a rack [W], and its share that goes to liquid [1].
    pump_w : array (cdu)
        Power of the pumps [W].
    cdu_of_stretch, cdu_of_rack : array (stretch), array (rack), int
        -1 where there is no CDU.

    Examples
    --------
    >>> one = np.ones(2)
    >>> to_liquid_w(900.0 * one, 200.0 * one, 0.5 * one, one[:1], np.array([0, 0]), np.array([0, -1]))
    array([1901.])
    """
    found = total(gpu_w, cdu_of_stretch, pump_w.size) + pump_w
    for r in range(base_w.size):
        if cdu_of_rack[r] >= 0:
            found[cdu_of_rack[r]] += base_w[r] * liquid_frac[r]
    return found


@njit(cache=True)
def to_air_w(base_w: Array, liquid_frac: Array) -> float:
    """Heat of everything in racks but their GPUs to the air of the hall [W]; arguments as of `to_liquid_w`.

    Examples
    --------
    >>> to_air_w(np.array([200.0, 100.0]), np.array([0.5, 0.0]))
    200.0
    """
    found = 0.0
    for r in range(base_w.size):
        found += base_w[r] * (1.0 - liquid_frac[r])
    return found
