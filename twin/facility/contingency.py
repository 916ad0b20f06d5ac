"""What a network does when one of its parts fails: who goes dark, which ties close, what is overloaded."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from twin.facility.circuit import circuit
from twin.facility.electrical import Network, NetworkError
from twin.facility.load_flow import LoadFlow, solve

LOWEST_PU, HIGHEST_PU = 0.9, 1.1
"""Supply voltage over nominal in normal operation [1]; EN 50160:2010, 4.2.2.2."""

ROUNDING = 1e-9
"""Part by which a limit may be passed [1]; far above rounding, far below any rating (2026)."""


_NOTHING = (math.nan, math.nan)


class Outage(NamedTuple):
    """The network without one part, each figure at its worst step.

    Parameters
    ----------
    part : str
        What is out.
    closed : tuple of str
        Ties that were closed to feed what had gone dark.
    dark : tuple of str
        Loads without supply.
    dark_w : float
        Their power at nominal voltage [W].
    overloaded : tuple of str
        Branches above their rating.
    highest_loading_frac : float
        Largest loading of a branch [1], and
    at_branch : str
        which one.
    lowest_pu, highest_pu : float
        Voltages of buses with supply, over nominal [1].
    at_bus : str
        Where it is lowest.
    collapsed : bool
        Whether no load flow exists; the figures above are then NaN.
    """

    part: str
    closed: tuple[str, ...]
    dark: tuple[str, ...]
    dark_w: float
    overloaded: tuple[str, ...]
    highest_loading_frac: float
    at_branch: str
    lowest_pu: float
    highest_pu: float
    at_bus: str
    collapsed: bool

    @property
    def is_borne(self) -> bool:
        """Whether all loads are fed, no branch is overloaded and voltages stay between 0.9 and 1.1."""
        limits = self.lowest_pu >= LOWEST_PU - ROUNDING and self.highest_pu <= HIGHEST_PU + ROUNDING
        return not (self.dark or self.overloaded or self.collapsed) and limits


def n_minus_1(network: Network, solver: Callable[[Network], LoadFlow] = solve) -> list[Outage]:
    """Take out one branch or source after the other; ties close where that brings back supply.

    Parameters
    ----------
    network : Network
        As it stands before the outage.
    solver : callable
        :func:`twin.facility.solve`, or :func:`twin.facility.solve_exact` for ``power-grid-model``.

    Returns
    -------
    list of Outage
        Branches that are in service, then sources.

    Examples
    --------
    >>> from twin.facility import Bus, Line, Load, Network, Source, Tie
    >>> buses = tuple(Bus(name, 11e3) for name in ("POI", "A", "B"))
    >>> lines = tuple(Line(f"F{end}", "POI", end, 0.1, 0.2, 200.0) for end in "AB")
    >>> loads = tuple(Load(f"hall {end}", end, power_va=2e6 + 0j) for end in "AB")
    >>> net = Network(buses, (Source("grid", "POI"),), lines, ties=(Tie("T", "A", "B"),), loads=loads)
    >>> [(o.part, o.closed, o.overloaded, o.dark) for o in n_minus_1(net)][1:]
    [('FB', ('T',), ('FA',), ()), ('grid', (), (), ('hall A', 'hall B'))]
    """
    outages = []
    for name, left in _without_one(network):
        tied, closed = _tied(left)
        outages.append(judged(name, closed, tied, solver))
    return outages


def judged(
    part: str, closed: tuple[str, ...], left: Network, solver: Callable[[Network], LoadFlow] = solve
) -> Outage:
    """Solve what is left of a network and find the worst of it."""
    live = fed(left)
    dark = tuple(load.name for load in left.loads if load.bus not in live)
    dark_w = _power_w(left, set(dark))
    if not live:
        return Outage(part, closed, dark, dark_w, (), 0.0, "", *_NOTHING, "", False)
    try:
        flow = solver(left)
    except NetworkError:
        return Outage(part, closed, dark, dark_w, (), math.nan, "", *_NOTHING, "", True)
    loading = flow.loading_frac.max(axis=0, initial=0.0)
    size = np.abs(flow.voltage_pu[:, flow.energised])
    names = [bus.name for bus, on in zip(left.buses, flow.energised, strict=True) if on]
    over = tuple(b.name for b, frac in zip(left.branches, loading, strict=True) if frac > 1.0 + ROUNDING)
    worst = int(loading.argmax()) if len(loading) else -1
    return Outage(
        part, closed, dark, dark_w, over, float(loading.max(initial=0.0)),
        left.branches[worst].name if worst >= 0 else "",
        float(size.min()), float(size.max()), names[int(size.min(axis=0).argmin())], False,
    )  # fmt: skip


def _without_one(network: Network) -> Iterator[tuple[str, Network]]:
    kinds: dict[str, tuple[Any, ...]] = {
        "lines": network.lines,
        "transformers": network.transformers,
        "sources": network.sources,
    }
    for kind, parts in kinds.items():
        for i, part in enumerate(parts):
            if part.in_service:
                left = (*parts[:i], replace(part, in_service=False), *parts[i + 1 :])
                yield part.name, replace(network, **{kind: left})


def _tied(network: Network) -> tuple[Network, tuple[str, ...]]:
    """Close open ties, one after the other, between a bus with supply and one without."""
    closed: list[str] = []
    while True:
        live = fed(network)
        chosen = next(
            (t for t in network.ties if not t.closed and (t.from_bus in live) != (t.to_bus in live)), None
        )
        if chosen is None:
            return network, tuple(closed)
        ties = tuple(replace(t, closed=True) if t is chosen else t for t in network.ties)
        network = replace(network, ties=ties)
        closed.append(chosen.name)


def fed(network: Network) -> set[str]:
    """Buses that some source feeds."""
    return {
        bus.name for bus, node in zip(network.buses, circuit(network).node_of_bus, strict=True) if node >= 0
    }


def _power_w(network: Network, chosen: Collection[str]) -> float:
    """Power of loads at nominal voltage, at the worst step [W]."""
    parts = [
        load.power_va + np.asarray(load.current_va) + load.impedance_va
        for load in network.loads
        if load.name in chosen
    ]
    return float(np.max(np.real(sum(parts)), initial=0.0))
