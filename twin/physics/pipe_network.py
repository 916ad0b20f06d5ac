"""Networks of pipes: flows and pressures between nodes of given pressure, and the temperatures they carry.

Newton's method on flows and pressures at once (Todini and Pilati, "A gradient algorithm for the analysis of pipe
networks", 1987). Mass is conserved at every node to rounding in each step, losses are met in the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, PhysicalRangeError
from twin.physics.hydraulics import Liquid, Pipes, friction, loss_pa, reynolds

Array = NDArray[np.float64]
Places = NDArray[np.int64]

_ROUNDS = 60
_ENOUGH = 1e-9
_HALVINGS = 30
_PAST_FRAC = 0.5
_START_M_PER_S = 1.0
_STILL_KG_PER_S = 1e-9


class Network(NamedTuple):
    """Pipes from node to node; nodes are counted from 0."""

    first: Places
    second: Places
    pipes: Pipes
    nodes: int


class Flows(NamedTuple):
    """What a network does: by pipe the flow, speed, Reynolds number, friction and loss; by node the pressure."""

    flow_kg_per_s: Array
    speed_m_per_s: Array
    reynolds: Array
    friction: Array
    loss_pa: Array
    pressure_pa: Array


def solve(network: Network, liquid: Liquid, held_pa: dict[int, float]) -> Flows:
    """Flows and pressures when some nodes are held at a pressure.

    Parameters
    ----------
    network, liquid : Network, Liquid
        Pipes and what flows.
    held_pa : dict of int to float
        Pressure by node [Pa], one or more; every node is to be connected with one of them.

    Returns
    -------
    Flows
        Flows are positive from a pipe's first node to its second.

    Raises
    ------
    PhysicalRangeError
        When a node hangs on no held pressure, or the flows do not settle.

    Examples
    --------
    >>> pipe = Pipes(*(np.full(2, v) for v in (10.0, 0.05, 5e-5, 1.0)))
    >>> found = solve(Network(np.array([0, 1]), np.array([1, 2]), pipe, 3), Liquid(1000.0, 1e-3), {0: 2e5, 2: 1e5})
    >>> found.pressure_pa.round(0), bool(np.ptp(found.flow_kg_per_s) < 1e-9)
    (array([200000., 150000., 100000.]), True)
    """
    spread = np.zeros((network.nodes, network.first.size))
    places = np.arange(network.first.size)
    spread[network.first, places], spread[network.second, places] = 1.0, -1.0
    held = np.array(sorted(held_pa), dtype=np.int64)
    free = np.setdiff1d(np.arange(network.nodes), held)
    _check(network, held)
    pressure = np.zeros(network.nodes)
    # reckoned from one of the held pressures, so that a small head does not drown in rounding
    datum_pa = held_pa[int(held[0])]
    pressure[held] = [held_pa[int(node)] - datum_pa for node in held]
    flow = liquid.density_kg_per_m3 * network.pipes.section_m2 * _START_M_PER_S
    bound = spread[held].T @ pressure[held]
    for round_ in range(_ROUNDS):
        loss, slope = loss_pa(flow, network.pipes, liquid)
        give = spread[free] / slope
        inward = spread[free] @ (flow - (loss - bound) / slope)
        pressure[free] = np.linalg.solve(give @ spread[free].T, -inward)
        drop = spread.T @ pressure
        change = (drop - loss) / slope
        # the first step brings the flows into balance; after that none goes far past the least of a convex sum
        share = _reach(network, liquid, flow, change, drop) if round_ else 1.0
        flow = flow + share * change
        still = np.abs(change) <= _ENOUGH * max(float(np.max(np.abs(flow), initial=0.0)), 1e-6)
        # a pipe with hardly any loss has its loss met long before rounding lets its flow settle
        met = np.abs(drop - loss) <= _ENOUGH * float(np.ptp(pressure))
        if round_ and np.all(still | met):
            return _described(flow, pressure + datum_pa, network, liquid)
    raise _refusal("flows", f"{_ROUNDS} steps and no end", "flows that settle", "look for a pipe at Re 2,300")


def temperatures_k(
    network: Network, flow_kg_per_s: Array, held_k: dict[int, float], gain_k: Array, still_k: float
) -> Array:
    """Temperature of the liquid at each node, mixed by mass; pipes lose no heat on their way but what is given.

    Parameters
    ----------
    network : Network
        Pipes.
    flow_kg_per_s : array (pipe)
        Mass flows [kg/s].
    held_k : dict of int to float
        Temperature of the nodes where liquid enters the network [K].
    gain_k : array (pipe)
        Rise of temperature along each pipe [K].
    still_k : float
        Temperature of nodes that nothing reaches [K].

    Examples
    --------
    >>> pipe = Pipes(*(np.full(2, v) for v in (10.0, 0.05, 5e-5, 1.0)))
    >>> network = Network(np.array([0, 1]), np.array([2, 2]), pipe, 3)
    >>> temperatures_k(network, np.array([1.0, 3.0]), {0: 300.0, 1: 320.0}, np.array([0.0, 4.0]), 290.0)
    array([300., 320., 318.])
    """
    moving = np.abs(flow_kg_per_s) > _STILL_KG_PER_S
    ahead = flow_kg_per_s >= 0.0
    source = np.where(ahead, network.first, network.second)[moving]
    target = np.where(ahead, network.second, network.first)[moving]
    size = np.abs(flow_kg_per_s)[moving]
    balance, wanted = np.zeros((network.nodes, network.nodes)), np.zeros(network.nodes)
    np.add.at(balance, (target, target), size)
    np.add.at(balance, (target, source), -size)
    np.add.at(wanted, target, size * gain_k[moving])
    reached = np.isin(np.arange(network.nodes), target)
    for node, value_k in {**dict.fromkeys(map(int, np.flatnonzero(~reached)), still_k), **held_k}.items():
        balance[node], wanted[node] = 0.0, value_k
        balance[node, node] = 1.0
    nodes_k: Array = np.linalg.solve(balance, wanted).astype(np.float64)
    return nodes_k


def _reach(network: Network, liquid: Liquid, flow: Array, change: Array, drop_pa: Array) -> float:
    """Share of a step at which the losses along it meet the pressures; one where it falls but little too far."""

    def excess(share: float) -> float:
        return float(change @ (loss_pa(flow + share * change, network.pipes, liquid)[0] - drop_pa))

    if excess(1.0) <= _PAST_FRAC * abs(excess(0.0)):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) < 0.0 else (low, middle)
    return 0.5 * (low + high)


def _described(flow: Array, pressure: Array, network: Network, liquid: Liquid) -> Flows:
    number = reynolds(flow, network.pipes, liquid)
    rough = network.pipes.roughness_m / network.pipes.bore_m
    factor = np.where(np.abs(flow) > _STILL_KG_PER_S, friction(np.maximum(number, 1e-9), rough), 0.0)
    speed = flow / (liquid.density_kg_per_m3 * network.pipes.section_m2)
    return Flows(flow, speed, number, factor, pressure[network.first] - pressure[network.second], pressure)


def _check(network: Network, held: Places) -> None:
    reached = set(map(int, held))
    pairs = list(zip(network.first.tolist(), network.second.tolist(), strict=True))
    while True:
        further = {b for a, b in pairs if a in reached} | {a for a, b in pairs if b in reached}
        if further <= reached:
            break
        reached |= further
    if len(reached) < network.nodes:
        lost = sorted(set(range(network.nodes)) - reached)
        raise _refusal(
            "nodes", f"{lost[:8]} without a way to a held pressure", "one connected network", "add a pipe"
        )


def _refusal(where: str, found: str, expected: str, mend: str) -> PhysicalRangeError:
    return PhysicalRangeError("the network has no solution", [Fault("", 0, where, found, expected, mend)])
