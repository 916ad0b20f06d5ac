"""Load flow of a network: by sweeps where it is radial, by its admittance matrix where it is meshed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

from twin.errors import Fault
from twin.facility.circuit import BASE_VA, Circuit, circuit
from twin.facility.electrical import Line, Network, NetworkError
from twin.models import feeder
from twin.physics import load_flow

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class LoadFlow(NamedTuple):
    """Answer of a load flow; time is the first dimension, of length 1 where loads are single figures.

    Parameters
    ----------
    network : Network
        What was solved.
    energised : array (bus), bool
        Whether a source feeds the bus.
    voltage_pu : complex array (time, bus)
        Voltage over nominal [1]; 0 where dead.
    from_va, to_va : complex array (time, branch)
        Power into each branch at its ends [VA]; branches are ``network.branches``, 0 where dead.
    from_a, to_a : array (time, branch)
        Currents at the ends [A].
    source_va : complex array (time, source)
        Power out of each source [VA].
    load_va : complex array (time, bus)
        Power drawn by the loads [VA].
    """

    network: Network
    energised: NDArray[np.bool_]
    voltage_pu: Complex
    from_va: Complex
    to_va: Complex
    from_a: Array
    to_a: Array
    source_va: Complex
    load_va: Complex

    @property
    def loss_w(self) -> Array:
        """Loss of each branch (time, branch) [W]."""
        return (self.from_va + self.to_va).real

    @property
    def loading_frac(self) -> Array:
        """Larger end current over the rated one (time, branch) [1]."""
        ends = []
        for part in self.network.branches:
            if isinstance(part, Line):
                ends.append((part.rated_a, part.rated_a))
            else:
                ends.append(
                    tuple(part.rated_va / (np.sqrt(3) * v) for v in (part.rated_from_v, part.rated_to_v))
                )
        rated_a = np.array(ends, dtype=np.float64).reshape(-1, 2)
        return np.maximum(self.from_a / rated_a[:, 0], self.to_a / rated_a[:, 1])

    @property
    def power_factor(self) -> Array:
        """Active over apparent power at the first end (time, branch) [1]; 1 where nothing flows."""
        size = np.abs(self.from_va)
        return np.divide(np.abs(self.from_va.real), size, out=np.ones_like(size), where=size > 0)

    @property
    def mismatch_va(self) -> Array:
        """Largest power that Kirchhoff's current law leaves over at any bus or joined buses (time) [VA]."""
        node = circuit(self.network).node_of_bus
        at = {bus.name: node[i] for i, bus in enumerate(self.network.buses)}
        left = np.zeros(
            (len(self.voltage_pu), node.max() + 2), np.complex128
        )  # the last one is of dead buses
        for k, part in enumerate(self.network.branches):
            left[:, at[part.from_bus]] -= self.from_va[:, k]
            left[:, at[part.to_bus]] -= self.to_va[:, k]
        for k, source in enumerate(self.network.sources):
            left[:, at[source.bus]] += self.source_va[:, k]
        for i, where in enumerate(node):
            left[:, where] -= self.load_va[:, i]
        worst: Array = np.abs(left).max(axis=1, initial=0.0)
        return worst


def solve(network: Network) -> LoadFlow:
    """Solve every step of a network's loads.

    Parameters
    ----------
    network : Network
        Dead parts are left out; several sources may hold voltages at buses of their own.

    Returns
    -------
    LoadFlow
        Exact to rounding: Kirchhoff's laws hold to 1e-9 of the load.

    Raises
    ------
    NetworkError
        Where loads are beyond what the network can carry, with the first steps.

    Examples
    --------
    >>> from twin.facility import Bus, Load, Network, Source
    >>> buses = (Bus("POI", 11e3), Bus("hall", 11e3))
    >>> cable = Line("F1", "POI", "hall", 0.121, 0.242, 400.0)
    >>> hall = Load("IT", "hall", power_va=2e6 + 1e6j)
    >>> flow = solve(Network(buses, (Source("grid", "POI"),), (cable,), loads=(hall,)))
    >>> abs(flow.voltage_pu).round(4), flow.loss_w.round(), flow.loading_frac.round(3)
    (array([[1.   , 0.996]]), array([[5040.]]), array([[0.295]]))
    """
    net = circuit(network)
    return expanded(network, net, *(_radial(net) if net.is_radial else _meshed(net)))


def _radial(net: Circuit) -> tuple[Complex, load_flow.Flow]:
    params = feeder.build(net.branches, net.first, net.second, net.held)
    held_pu = np.ones(len(net.nominal_v), np.complex128)
    held_pu[net.held] = net.held_pu
    found = feeder.solve(params, feeder.Inputs(net.power, net.current, net.impedance, held_pu))
    refuse_collapse(found.sweeps > 0)
    return found.voltage_pu, load_flow.Flow(found.in_pu, found.out_pu)


def _meshed(net: Circuit) -> tuple[Complex, load_flow.Flow]:
    """Loads as currents into the admittance matrix, until voltages stand still; no better answer is near."""
    count, steps = len(net.nominal_v), len(net.power)
    entries = load_flow.admittance(net.branches)
    rows = np.concatenate([net.first, net.first, net.second, net.second])
    columns = np.concatenate([net.first, net.second, net.first, net.second])
    matrix = coo_array((np.concatenate(entries), (rows, columns)), shape=(count, count)).tocsc()
    free = np.setdiff1d(np.arange(count), net.held)
    factors = splu(matrix[free][:, free].tocsc())
    idle = factors.solve(-(matrix[free][:, net.held] @ net.held_pu))
    voltage = np.empty((steps, count), np.complex128)
    voltage[:, net.held], voltage[:, free] = net.held_pu, idle
    moved = np.zeros(steps)
    with np.errstate(all="ignore"):  # a collapse shows as a voltage that does not stand still
        for _ in range(feeder.MOST_SWEEPS):
            drawn = load_flow.load_current(net.power, net.current, net.impedance, voltage)[:, free]
            new = idle - factors.solve(drawn.T).T
            moved = np.abs(new - voltage[:, free]).max(axis=1)
            voltage[:, free] = new
            if not np.any(moved > feeder.TOLERANCE_PU) or not np.all(np.isfinite(moved)):
                break
    refuse_collapse(moved <= feeder.TOLERANCE_PU)
    flow = load_flow.flow(net.branches, voltage[:, net.first], voltage[:, net.second])
    return voltage, flow


def refuse_collapse(solved: NDArray[np.bool_]) -> None:
    """Refuse steps without an answer.

    Raises
    ------
    NetworkError
        Naming the first five.
    """
    faults = [
        Fault("", 0, f"step {step}", "voltages that collapse", "loads that the network can carry",
              "take load off, close a tie, raise a tap or hold more voltage")
        for step in np.flatnonzero(~solved)[:5]
    ]  # fmt: skip
    if faults:
        raise NetworkError(f"{np.count_nonzero(~solved)} steps have no load flow", faults)


def expanded(network: Network, net: Circuit, voltage: Complex, flow: load_flow.Flow) -> LoadFlow:
    """From energised nodes and branches in per unit to all of the network in SI."""
    steps, energised = len(voltage), net.node_of_bus >= 0
    first_pu, second_pu = voltage[:, net.first], voltage[:, net.second]
    wide = (steps, len(network.branches))
    from_va, to_va, from_a, to_a = (np.zeros(wide, kind) for kind in (complex, complex, float, float))
    from_va[:, net.branch] = first_pu * flow.in_pu.conj() * BASE_VA
    to_va[:, net.branch] = -second_pu * flow.out_pu.conj() * BASE_VA
    from_a[:, net.branch] = np.abs(flow.in_pu) * BASE_VA / (np.sqrt(3) * net.nominal_v[net.first])
    to_a[:, net.branch] = np.abs(flow.out_pu) * BASE_VA / (np.sqrt(3) * net.nominal_v[net.second])
    bus_pu = np.zeros((steps, len(network.buses)), np.complex128)
    bus_pu[:, energised] = voltage[:, net.node_of_bus[energised]]
    load_va = _drawn(network, bus_pu)
    source_va = np.zeros((steps, len(network.sources)), np.complex128)
    for i, node in zip(net.source, net.held, strict=True):
        source_va[:, i] = from_va[:, net.branch[net.first == node]].sum(axis=1)
        source_va[:, i] += to_va[:, net.branch[net.second == node]].sum(axis=1)
        source_va[:, i] += load_va[:, net.node_of_bus == node].sum(axis=1)
    return LoadFlow(network, energised, bus_pu, from_va, to_va, from_a, to_a, source_va, load_va)


def _drawn(network: Network, voltage_pu: Complex) -> Complex:
    place = {bus.name: i for i, bus in enumerate(network.buses)}
    drawn = np.zeros_like(voltage_pu)
    for load in network.loads:
        at = place[load.bus]
        size = np.abs(voltage_pu[:, at])
        power = np.where(size > 0, load.power_va, 0.0)
        drawn[:, at] += power + size * (load.current_va + size * np.asarray(load.impedance_va))
    return drawn
