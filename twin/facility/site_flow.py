"""Load flow of a built site: voltage, loading, loss and power factor of every element, and every single outage."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import networkx as nx
import numpy as np

from twin.facility.contingency import HIGHEST_PU, LOWEST_PU, ROUNDING
from twin.facility.electrical import Network, NetworkError
from twin.facility.load_flow import LoadFlow, solve
from twin.facility.site import CONVERTERS, Mask, Wiring, before_ups, behind_ups
from twin.facility.site_elements import Array, Element, Read
from twin.physics.converter import loss_w

Solver = Callable[[Network], LoadFlow]


class SiteFlow(NamedTuple):
    """Answer of the load flow of a site.

    Parameters
    ----------
    wiring : Wiring
        The site.
    before, behind : LoadFlow
        From the grid to the UPS, and behind them; the second is None where no UPS has supply.
    elements : list of Element
        Feed, transformers, UPS, PDUs, loads, then cables.
    """

    wiring: Wiring
    before: LoadFlow
    behind: LoadFlow | None
    elements: list[Element]

    @property
    def totals(self) -> dict[str, float]:
        """Power from the grid, of loads and of losses by kind [W], and what is left of their balance [W]."""
        by_kind = {"transformer": 0.0, "ups": 0.0, "pdu": 0.0, "cable": 0.0}
        loads_w = 0.0
        for element in self.elements:
            if element.kind in by_kind:
                by_kind[element.kind] += element.loss_w
            elif element.kind not in CONVERTERS:
                loads_w += element.in_w
        feed = self.elements[0]
        return {
            "grid_w": feed.in_w,
            "loads_w": loads_w,
            **{f"{kind}_loss_w": lost for kind, lost in by_kind.items()},
            "residual_w": feed.in_w - loads_w - sum(by_kind.values()),
            "power_factor": feed.power_factor,
        }

    @property
    def mismatch_va(self) -> float:
        """Largest power that Kirchhoff's current law leaves over at any bus [VA]."""
        flows = [self.before] if self.behind is None else [self.before, self.behind]
        return max(float(flow.mismatch_va.max()) for flow in flows)


class SiteOutage(NamedTuple):
    """The site without one element, once its load has moved to the others.

    Parameters
    ----------
    part : str
        What is out.
    dark : tuple of str
        Loads without supply.
    dark_w : float
        Their power [W].
    overloaded : tuple of str
        Elements above their rating.
    highest_loading_frac : float
        Largest loading [1], and
    at_element : str
        of which element.
    lowest_pu, highest_pu : float
        Voltages where there is supply, over nominal [1].
    collapsed : bool
        Whether no load flow exists; the figures are then NaN.
    """

    part: str
    dark: tuple[str, ...]
    dark_w: float
    overloaded: tuple[str, ...]
    highest_loading_frac: float
    at_element: str
    lowest_pu: float
    highest_pu: float
    collapsed: bool

    @property
    def is_borne(self) -> bool:
        """Whether all loads are fed, nothing is overloaded and voltages stay between 0.9 and 1.1."""
        limits = self.lowest_pu >= LOWEST_PU - ROUNDING and self.highest_pu <= HIGHEST_PU + ROUNDING
        return not (self.dark or self.overloaded or self.collapsed) and limits


def solve_site(
    site: nx.MultiDiGraph | Wiring,
    drawn_w: Mapping[str, float] | None = None,
    down: Collection[str] = (),
    solver: Solver = solve,
) -> SiteFlow:
    """Solve the load flow of a built site.

    Parameters
    ----------
    site : networkx.MultiDiGraph or Wiring
        From :func:`twin.topology.build`, or with a grid voltage of its own.
    drawn_w : mapping of str to float
        Power of loads by id [W], racks at their inlet; what is not named draws its maximum.
    down : collection of str
        Elements that are out; what they fed moves to the others that feed the same.
    solver : callable
        :func:`twin.facility.solve`, or :func:`twin.facility.solve_exact` for ``power-grid-model``.

    Raises
    ------
    NetworkError
        When the loads are beyond what the site can carry.

    Examples
    --------
    >>> from twin.scenario import load
    >>> from twin.topology import build
    >>> flow = solve_site(build(load("scenarios/one-rack.yaml")))
    >>> {name: round(value / 1e3, 1) for name, value in flow.totals.items() if name.endswith("loss_w")}
    {'transformer_loss_w': 3.1, 'ups_loss_w': 26.1, 'pdu_loss_w': 0.3, 'cable_loss_w': 0.7}
    """
    wiring = (site if isinstance(site, Wiring) else Wiring(site)).after(down)
    dead = wiring.tree.dead(wiring.lost(down))
    before, behind, read = _solved(wiring, drawn_w or {}, [dead], solver)
    return SiteFlow(wiring, before, behind, list(read.elements(0, dead)))


def site_outages(
    site: nx.MultiDiGraph | Wiring,
    drawn_w: Mapping[str, float] | None = None,
    down: Collection[str] = (),
    solver: Solver = solve,
) -> list[SiteOutage]:
    """Take out one transformer, section of a ring, UPS or PDU after the other, then the feed.

    Parameters
    ----------
    site, drawn_w, down, solver
        As for :func:`solve_site`; what is down already stays so.

    Returns
    -------
    list of SiteOutage
        One of each element, once its load has moved.
    """
    wiring = (site if isinstance(site, Wiring) else Wiring(site)).after(down)
    gone = wiring.tree.dead(wiring.lost(down))
    sections = wiring.ring.sections if wiring.ring is not None else ()
    above = [[name] for kind in ("feed", "transformer") for name in wiring.parts[kind]]
    below = [name for kind in ("ups", "pdu") for name in wiring.parts[kind]]
    moving = [name for name in below if wiring.tree.moved([name, *down])]  # these change the network
    below = [name for name in below if name not in moving]
    alone = [*above, *([name] for name in (*sections, *moving))]
    left = [[name for name in parts if name not in gone] for parts in (*alone, below)]
    cases = _Cases(wiring, drawn_w or {}, down, solver)
    found = [outage for parts in left if parts for outage in _outages(cases, parts)]
    return [*found[1:], *found[:1]]


class _Cases(NamedTuple):
    """What all outages of a site share."""

    wiring: Wiring
    drawn_w: Mapping[str, float]
    down: Collection[str]
    solver: Solver


def _outages(cases: _Cases, parts: list[str]) -> Iterator[SiteOutage]:
    """Outages of parts that leave the same transformers, solved as steps of one load flow."""
    wiring, drawn_w, down, solver = cases
    if len(parts) == 1:
        wiring = wiring.after([*parts, *down])
    dead = [wiring.tree.dead(wiring.lost([part, *down])) for part in parts]
    try:
        *_, read = _solved(wiring, drawn_w, dead, solver)
    except NetworkError:
        if len(parts) > 1:  # one that cannot be solved must not hide the others
            for part in parts:
                yield from _outages(cases, [part])
            return
        read = None
    for case, (part, gone) in enumerate(zip(parts, dead, strict=True)):
        dark = tuple(
            n for k, names in wiring.parts.items() if k not in CONVERTERS for n in names if n in gone
        )
        dark_w = sum(wiring.demand_w(name, drawn_w) for name in dark)
        if read is None:
            yield SiteOutage(part, dark, dark_w, (), math.nan, "", math.nan, math.nan, True)
        else:
            yield _worst(part, dark, dark_w, [e for e in read.elements(case, gone) if e.is_up])


def _worst(part: str, dark: tuple[str, ...], dark_w: float, living: list[Element]) -> SiteOutage:
    if not living:
        return SiteOutage(part, dark, dark_w, (), 0.0, "", math.nan, math.nan, False)
    over = tuple(e.name for e in living if e.loading_frac > 1.0 + ROUNDING)
    worst = max(living, key=lambda e: e.loading_frac)
    volts = [v for e in living for v in (e.in_pu, e.out_pu) if not math.isnan(v)]
    return SiteOutage(part, dark, dark_w, over, worst.loading_frac, worst.name, min(volts), max(volts), False)


def _solved(
    wiring: Wiring, drawn_w: Mapping[str, float], dead: Sequence[Collection[str]], solver: Solver
) -> tuple[LoadFlow, LoadFlow | None, Read]:
    """Load flows from the loads to the grid, a step for each set of dead elements."""
    alive = wiring.alive(dead)
    network = behind_ups(wiring, drawn_w, alive)
    behind = None if network is None else solver(network)
    blocks = {} if behind is None else _ups(wiring, behind, alive)
    before = solver(before_ups(wiring, drawn_w, alive, {u: out + lost for u, (out, lost) in blocks.items()}))
    return before, behind, Read(wiring, before, behind, blocks)


def _ups(wiring: Wiring, behind: LoadFlow, alive: Mapping[str, Mask]) -> dict[str, tuple[Array, Array]]:
    """Output and loss of each UPS, array (case); zero while it is dead [W]."""
    found = {}
    for k, source in enumerate(behind.network.sources):
        node, out_w = wiring.graph.nodes[source.name], behind.source_va[:, k].real
        figures = [node["rating_w"], *(node[f"loss_{c}_frac"] for c in ("constant", "linear", "quadratic"))]
        lost_w = loss_w(out_w, *(np.full(len(out_w), figure) for figure in figures))
        found[source.name] = (out_w, lost_w * alive[source.name])
    return found
