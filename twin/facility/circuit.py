"""A described network as arrays: joined buses, what is energised, branches and loads in per unit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault
from twin.facility.electrical import Line, Network, NetworkError, Power, Source, Transformer
from twin.physics import load_flow

Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

BASE_VA = 1e6
"""Base power [VA]; a convention that no answer depends on."""


class Circuit(NamedTuple):
    """What is energised, in per unit.

    Parameters
    ----------
    node_of_bus : array (bus), int
        Node of each bus; -1 where it is dead. Buses joined by closed ties are one node.
    nominal_v : array (node)
        Nominal voltage between two phases [V].
    source : array (source in service), int
        Place in ``network.sources``.
    held : array (source in service), int
        Its node.
    held_pu : complex array (source in service)
        Its voltage [1].
    branch : array (energised branch), int
        Place in ``network.branches``.
    first, second : array (energised branch), int
        Nodes at the ends.
    branches : load_flow.Branch
        The energised ones.
    power, current, impedance : complex array (time, node)
        Loads by kind [1].
    """

    node_of_bus: Index
    nominal_v: NDArray[np.float64]
    source: Index
    held: Index
    held_pu: Complex
    branch: Index
    first: Index
    second: Index
    branches: load_flow.Branch
    power: Complex
    current: Complex
    impedance: Complex

    @property
    def is_radial(self) -> bool:
        """Whether each node hangs on one source by one path."""
        return len(self.branch) == len(self.nominal_v) - len(self.held)


def circuit(network: Network) -> Circuit:
    """Join what ties close, drop what is dead, and put the rest in per unit.

    Raises
    ------
    NetworkError
        When two sources stand at one node.
    """
    place = {bus.name: i for i, bus in enumerate(network.buses)}
    joined = _joined(len(place), [(place[t.from_bus], place[t.to_bus]) for t in network.ties if t.closed])
    branches = network.branches
    ends = np.array([(place[b.from_bus], place[b.to_bus]) for b in branches], dtype=np.int64)
    ends = joined[ends.reshape(-1, 2)]
    serving = np.array([b.in_service for b in branches], dtype=bool)
    at_work = [i for i, source in enumerate(network.sources) if source.in_service]
    source = np.array(at_work, dtype=np.int64)
    held = joined[np.array([place[network.sources[i].bus] for i in source], dtype=np.int64)]
    _refuse_two_at_one(network, source, held)
    linked = _joined(len(place), ends[serving].tolist())[joined]
    live = np.isin(linked, linked[held])
    nodes, numbers = np.unique(joined[live], return_inverse=True)
    node_of_bus = np.full(len(place), -1, dtype=np.int64)
    node_of_bus[live] = numbers
    node_of_root = np.full(len(place), -1, dtype=np.int64)
    node_of_root[nodes] = np.arange(len(nodes))
    branch = np.flatnonzero(serving & live[ends[:, 0]])
    nominal_v = np.array([network.buses[node].nominal_v for node in nodes])
    first, second = node_of_root[ends[branch]].T
    return Circuit(
        node_of_bus,
        nominal_v,
        source,
        node_of_root[held],
        np.array([_voltage(network.sources[i]) for i in source], dtype=np.complex128),
        branch,
        first,
        second,
        _in_per_unit([branches[i] for i in branch], nominal_v[first], nominal_v[second]),
        *_loads(network, {bus: node_of_bus[i] for bus, i in place.items()}, len(nodes)),
    )


def _joined(count: int, pairs: list[tuple[int, int]]) -> Index:
    """The least number among those that each number is joined with."""
    parent = list(range(count))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return np.array([root(i) for i in range(count)], dtype=np.int64)


def _voltage(source: Source) -> complex:
    return complex(source.voltage_pu * np.exp(1j * source.angle_rad))


def _refuse_two_at_one(network: Network, source: Index, held: Index) -> None:
    nodes, counts = np.unique(held, return_counts=True)
    faults = []
    for node in nodes[counts > 1]:
        names = ", ".join(network.sources[i].name for i in source[held == node])
        mend = "keep one and let the others be loads of negative power"
        faults.append(Fault("", 0, f"sources {names}", "one bus or buses tied together", "one source", mend))
    if faults:
        raise NetworkError("two sources hold one voltage", faults)


def _in_per_unit(
    parts: list[Line | Transformer], first_v: NDArray[np.float64], second_v: NDArray[np.float64]
) -> load_flow.Branch:
    branches = load_flow.Branch(*(np.zeros(len(parts), np.complex128) for _ in range(3)))
    at_line = np.array([isinstance(part, Line) for part in parts], dtype=bool)
    lines = [part for part in parts if isinstance(part, Line)]
    units = [part for part in parts if isinstance(part, Transformer)]
    found = load_flow.line(
        np.array([complex(p.resistance_ohm, p.reactance_ohm) for p in lines]),
        np.array([complex(p.conductance_s, p.susceptance_s) for p in lines]),
        first_v[at_line],
        BASE_VA,
    )
    for whole, part in zip(branches, found, strict=True):
        whole[at_line] = part
    found = load_flow.transformer(
        *(
            _column(units, name)
            for name in (
                "rated_va", "short_circuit_frac", "resistance_frac", "no_load_w", "no_load_current_frac",
            )
        ),
        rated_v=(_column(units, "rated_from_v"), _column(units, "rated_to_v")),
        nominal_v=(first_v[~at_line], second_v[~at_line]),
        tap_frac=(_column(units, "tap_from_frac"), _column(units, "tap_to_frac")),
        shift_rad=_column(units, "shift_rad"),
        base_va=BASE_VA,
    )  # fmt: skip
    for whole, part in zip(branches, found, strict=True):
        whole[~at_line] = part
    return branches


def _column(units: list[Transformer], name: str) -> NDArray[np.float64]:
    return np.array([getattr(unit, name) for unit in units], dtype=np.float64)


def _loads(network: Network, node: dict[str, int], nodes: int) -> tuple[Complex, Complex, Complex]:
    power, current, impedance = (np.zeros((network.steps, nodes), np.complex128) for _ in range(3))
    for load in network.loads:
        at = node[load.bus]
        if at >= 0:
            parts: tuple[Power, ...] = (load.power_va, load.current_va, load.impedance_va)
            for whole, part in zip((power, current, impedance), parts, strict=True):
                whole[:, at] += np.asarray(part) / BASE_VA
    return power, current, impedance
