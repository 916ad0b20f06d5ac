"""Air of a hall rack by rack: what each takes is a mixture of the supply and of what all racks give back.

``C_i dTi/dt = m_i cp (inlet_i - Ti) + heat_i``, with ``inlet_i = fresh_i Ts + sum_j share_ij Tj``
``C_return dTr/dt = sum_j (m_j - sum_i m_i share_ij) cp (Tj - Tr) + (M - sum_i m_i fresh_i) cp (Ts - Tr) + other``
``C_supply dTs/dt = M cp (Tr - Ts) - removed - G (Ts - Tw)``
``C_structure dTw/dt = G (Ts - Tw)``

``Ti`` is the air behind rack i, Ts the supply, Tr the air that CRAHs take. ``fresh_i`` is what the shares of rack i
leave of one, and what racks do not take of each other goes to the return: no shares can make or lose heat.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._linear import propagators
from twin.models._range import within
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K as CP
from twin.physics.constants import CELSIUS_ZERO_K

Array = NDArray[np.float64]

_KEPT = 128
"""Propagators that are kept: one for each flow of the CRAHs and length of step."""


class Params(NamedTuple):
    """One hall; all above zero.

    Parameters
    ----------
    rack_j_per_k, flow_kg_per_s : array (rack)
        Heat capacity of the air at each rack [J/K], and air through it [kg/s].
    cold_j_per_k, hot_j_per_k, structure_j_per_k : array (hall)
        Heat capacities of the supplied air, of the air above the racks, and of slab and walls [J/K].
    structure_w_per_k : array (hall)
        Conductance from the supplied air to the structure [W/K].
    """

    rack_j_per_k: Array
    flow_kg_per_s: Array
    cold_j_per_k: Array
    hot_j_per_k: Array
    structure_j_per_k: Array
    structure_w_per_k: Array


class State(NamedTuple):
    """Air behind each rack, array (rack), supply, return and structure, arrays (hall) [K]."""

    rack_k: Array
    cold_k: Array
    hot_k: Array
    structure_k: Array


class Inputs(NamedTuple):
    """What moves and warms the air.

    Parameters
    ----------
    heat_w : array (rack)
        Heat of each rack to its air [W].
    other_w, removed_w : array (hall)
        Heat to the return from everything else, and heat taken by coils [W].
    crah_kg_per_s : array (hall)
        Air moved by all CRAHs, at least what the racks take fresh [kg/s].
    share_frac : array (rack, rack)
        Share of the air into rack i that comes from behind rack j [1]; rows of at most one.
    """

    heat_w: Array
    other_w: Array
    removed_w: Array
    crah_kg_per_s: Array
    share_frac: Array


class Outputs(NamedTuple):
    """Temperatures at the end of the step [K], as in the state."""

    rack_k: Array
    cold_k: Array
    hot_k: Array
    structure_k: Array


def at_rest(params: Params, temperature_k: float) -> State:
    """State in which everything has one temperature [K]."""
    one = np.full(1, temperature_k)
    return State(np.full(params.rack_j_per_k.shape, temperature_k), one, one.copy(), one.copy())


def inlet_k(state: State, inputs: Inputs) -> Array:
    """Air that racks take, array (rack) [K]."""
    found: Array = state.cold_k + inputs.share_frac @ (state.rack_k - state.cold_k)
    return found


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Raises
    ------
    PhysicalRangeError
        When a temperature leaves 230 to 450 K.

    Examples
    --------
    >>> one, two = np.ones(1), np.ones(2)
    >>> p = Params(1e4 * two, 1.0 * two, 2e4 * one, 1e4 * one, 5e7 * one, 1e2 * one)
    >>> shares = np.array([[0.1, 0.0], [0.0, 0.0]])
    >>> load = Inputs(15090.0 * two, 0.0 * one, 30180.0 * one, 2.0 * one, shares)
    >>> end, _ = step(p, at_rest(p, 297.15), load, 3600.0)
    >>> (inlet_k(end, load) - end.cold_k).round(2), (end.hot_k - end.cold_k).round(1)
    (array([1.67, 0.  ]), array([15.]))
    """
    rate = _rate_per_s(params, inputs)
    source = np.concatenate(
        [
            inputs.heat_w / params.rack_j_per_k,
            -inputs.removed_w / params.cold_j_per_k,
            inputs.other_w / params.hot_j_per_k,
            np.zeros(1),
        ]
    )
    start = np.concatenate(state)
    end = start + _kept(rate.tobytes(), len(rate), dt_s) @ (source + rate @ (start - start[0]))
    within("hall air", end)
    racks = len(inputs.heat_w)
    parts = end[:racks], end[racks : racks + 1], end[racks + 1 : racks + 2], end[racks + 2 :]
    return State(*parts), Outputs(*parts)


def _rate_per_s(params: Params, inputs: Inputs) -> Array:
    """Coefficients, array (node, node): racks, supply, return, structure; each row adds up to zero."""
    racks, share = len(inputs.heat_w), inputs.share_frac
    cold, hot, slab = racks, racks + 1, racks + 2
    flow, crah, lost = params.flow_kg_per_s, inputs.crah_kg_per_s[0], params.structure_w_per_k[0]
    fresh = 1.0 - share.sum(axis=1)
    found = np.zeros((racks + 3, racks + 3))
    found[:racks, :racks] = share - np.eye(racks)
    found[:racks, cold] = fresh
    found[:racks] *= (flow * CP / params.rack_j_per_k)[:, None]
    found[hot, :racks] = (flow - flow @ share) * CP
    found[hot, cold] = (crah - flow @ fresh) * CP
    found[hot, hot] = -crah * CP
    found[hot] /= params.hot_j_per_k[0]
    found[cold, hot], found[cold, slab] = crah * CP, lost
    found[cold, cold] = -(crah * CP + lost)
    found[cold] /= params.cold_j_per_k[0]
    found[slab, cold], found[slab, slab] = lost, -lost
    found[slab] /= params.structure_j_per_k[0]
    return found


@lru_cache(maxsize=_KEPT)
def _kept(rate_per_s: bytes, nodes: int, dt_s: float) -> Array:
    """First integral of exp(rate t) over the step [s], array (node, node)."""
    return propagators(np.frombuffer(rate_per_s).reshape(nodes, nodes).copy(), dt_s)[0]


def stored_j(params: Params, state: State) -> Array:
    """Heat content above 0 °C, of the racks' air together and of the rest, array (2) [J]."""
    racks = params.rack_j_per_k @ (state.rack_k - CELSIUS_ZERO_K)
    rest = sum(float(c[0] * (t[0] - CELSIUS_ZERO_K)) for c, t in zip(params[2:5], state[1:], strict=True))
    return np.array([racks, rest])


def net_in_j(inputs: Inputs, outputs: Outputs, dt_s: float) -> float:
    """Energy that entered less energy that left over a step [J]."""
    return float(inputs.heat_w.sum() + inputs.other_w.sum() - inputs.removed_w.sum()) * dt_s
