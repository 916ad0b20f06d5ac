"""Voltages and currents of radial feeders, by sweeps from the loads to the sources and back.

Every step of time is solved by itself from the voltages without load, so that a step's answer does not depend on
its neighbours. A sweep contracts wherever the network is below its point of collapse.

Source: Kersting, *Distribution System Modeling and Analysis*, 4th ed. 2017, chapter 10 (the ladder technique).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from twin.physics.load_flow import Branch, Chain, chain, load_current

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

_load_current = njit(cache=True)(load_current)

TOLERANCE_PU = 1e-13
"""Largest change of a voltage in the last sweep [1]; a few rounding errors of a double (2026)."""

MOST_SWEEPS = 1000
"""Sweeps after which there is no answer; a sound feeder needs 6 to 12, one near collapse some hundred."""


class Params(NamedTuple):
    """Branches sorted from the sources to the ends.

    Parameters
    ----------
    branch : array (branch), int
        Place of each in the order they were given.
    near, far : array (branch), int
        Bus at the side of the source and at the other.
    reverse : array (branch), bool
        Where the second end of the branch is the near one.
    chain : Chain
        Chain matrices from near to far.
    """

    branch: Index
    near: Index
    far: Index
    reverse: NDArray[np.bool_]
    chain: Chain


class Inputs(NamedTuple):
    """Loads at nominal voltage in per unit, (time, bus), and the voltages that are held.

    Parameters
    ----------
    power, current, impedance : complex array (time, bus)
        Drawn by loads of constant power, current and impedance [1].
    held_pu : complex array (bus)
        Voltage at the buses of sources [1]; elsewhere what it would be without any current.
    """

    power: Complex
    current: Complex
    impedance: Complex
    held_pu: Complex


class Outputs(NamedTuple):
    """Answer of every step.

    Parameters
    ----------
    voltage_pu : complex array (time, bus)
        Voltages [1].
    in_pu, out_pu : complex array (time, branch)
        Current into the branch at its first end and out of it at its second [1].
    sweeps : array (time), int
        Sweeps it took; 0 where there is no answer.
    """

    voltage_pu: Complex
    in_pu: Complex
    out_pu: Complex
    sweeps: Index


def build(branches: Branch, first: Index, second: Index, sources: Index) -> Params:
    """Sort branches from the sources on.

    Parameters
    ----------
    branches : Branch
        In per unit.
    first, second : array (branch), int
        Buses at their ends.
    sources : array (source), int
        Buses whose voltage is held.

    Raises
    ------
    ValueError
        When branches form a loop, join two sources or hang on none.

    Examples
    --------
    >>> cable = Branch(np.ones(1, complex), np.array([0.01 + 0.02j]), np.zeros(1, complex))
    >>> params = build(cable, np.array([0]), np.array([1]), np.array([0]))
    >>> none = np.zeros((1, 2), complex)
    >>> out = solve(params, Inputs(np.array([[0, 1 + 0.5j]]), none, none, np.ones(2, complex)))
    >>> out.voltage_pu.round(4)
    array([[1.    +0.j   , 0.9793-0.015j]])
    """
    at: dict[int, list[int]] = {}
    for place, ends in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        for end in ends:
            at.setdefault(end, []).append(place)
    order: list[int] = []
    near: list[int] = []
    far: list[int] = []
    reached, taken, queue = set(sources.tolist()), set[int](), sources.tolist()
    for bus in queue:
        for place in at.get(bus, []):
            if place in taken:
                continue
            other = int(second[place]) if first[place] == bus else int(first[place])
            if other in reached:
                raise ValueError(f"branch {place} closes a loop or joins two sources")
            taken.add(place)
            reached.add(other)
            queue.append(other)
            order.append(place)
            near.append(bus)
            far.append(other)
    if len(order) < len(first):
        raise ValueError("a branch hangs on no source")
    order_at = np.array(order, dtype=np.int64)
    near_at = np.array(near, dtype=np.int64)
    reverse = first[order_at] != near_at
    sorted_ = Branch(*(part[order_at] for part in branches))
    return Params(order_at, near_at, np.array(far, dtype=np.int64), reverse, chain(sorted_, reverse))


@njit(cache=True)
def _sweeps(
    near: Index, far: Index, matrices: Chain, inputs: Inputs, voltage: Complex, ins: Complex, outs: Complex
) -> Index:
    steps, buses = voltage.shape
    drawn, start = np.empty(buses, np.complex128), inputs.held_pu.copy()
    taken = np.zeros(steps, np.int64)
    for k in range(near.size):
        start[far[k]] = start[near[k]] / matrices.a[k]
    for t in range(steps):
        v = voltage[t]
        v[:] = start
        for sweep in range(1, MOST_SWEEPS + 1):
            for bus in range(buses):
                drawn[bus] = _load_current(
                    inputs.power[t, bus], inputs.current[t, bus], inputs.impedance[t, bus], v[bus]
                )
            for k in range(near.size - 1, -1, -1):
                outs[t, k] = drawn[far[k]]
                ins[t, k] = matrices.c[k] * v[far[k]] + matrices.d[k] * outs[t, k]
                drawn[near[k]] += ins[t, k]
            moved = 0.0
            for k in range(near.size):
                new = (v[near[k]] - matrices.b[k] * outs[t, k]) / matrices.a[k]
                moved = max(moved, abs(new - v[far[k]]))
                v[far[k]] = new
            if not moved < 1e3:
                break
            if moved <= TOLERANCE_PU:
                taken[t] = sweep
                break
    return taken


def solve(params: Params, inputs: Inputs) -> Outputs:
    """Solve every step; see :func:`build` for an example."""
    steps, buses = inputs.power.shape
    ins, outs = (np.zeros((steps, params.near.size), np.complex128) for _ in range(2))
    voltage = np.empty((steps, buses), np.complex128)
    sweeps = _sweeps(params.near, params.far, params.chain, inputs, voltage, ins, outs)
    in_pu, out_pu = np.empty_like(ins), np.empty_like(outs)
    in_pu[:, params.branch] = np.where(params.reverse, -outs, ins)
    out_pu[:, params.branch] = np.where(params.reverse, -ins, outs)
    return Outputs(voltage, in_pu, out_pu, sweeps)
