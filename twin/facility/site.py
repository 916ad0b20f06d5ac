"""The electrical side of a built site as two networks: from the grid to the UPS, and from the UPS to the loads.

A double-conversion UPS separates them: it holds the voltage behind it, and draws its power and loss from before it
whatever the voltage there. Cables are as long as in the building and sized for what hangs on them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.facility import constants as c
from twin.facility.electrical import Bus, Line, Load, Network, Source, Transformer
from twin.physics.converter import loss_w
from twin.topology.constants import CABLE_SLACK_M
from twin.topology.power import RESERVE, PowerTree
from twin.topology.ring import Ring

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

CONVERTERS = ("feed", "transformer", "ups", "pdu")
MOTORS = ("cdu", "facility_water", "dry_cooler", "crah", "chiller", "rear_door")


@dataclass(frozen=True)
class Wiring:
    """A site, ready for many load cases.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`.
    grid_pu : float
        Voltage of the grid over nominal [1], above zero.
    on_reserve : frozenset of str
        Elements whose switches have them on their reserve.
    out : frozenset of str
        Sections of the ring that are out.
    """

    graph: nx.MultiDiGraph
    grid_pu: float = 1.0
    on_reserve: frozenset[str] = frozenset()
    out: frozenset[str] = frozenset()

    @cached_property
    def ring(self) -> Ring | None:
        """Medium-voltage ring, where there is one."""
        found: Ring | None = self.graph.graph.get("ring")
        return found

    def lost(self, down: Collection[str]) -> tuple[str, ...]:
        """What is out, with transformers that the ring no longer reaches."""
        if self.ring is None:
            return tuple(down)
        reached = self.ring.fed(self.ring.opened(down))
        return (*down, *(name for name in self.ring.stops if name not in reached))

    @cached_property
    def tree(self) -> PowerTree:
        """Who feeds whom."""
        return PowerTree.of(self.graph, self.on_reserve)

    def after(self, down: Collection[str]) -> Wiring:
        """The site once switches have moved what lost its source to a reserve that is alive."""
        moved, out = (
            self.tree.moved(down),
            frozenset(self.ring.sections if self.ring else ()) & frozenset(down),
        )
        if not moved and out <= self.out:
            return self
        return replace(self, on_reserve=self.on_reserve | moved, out=self.out | out)

    @cached_property
    def parts(self) -> dict[str, list[str]]:
        """Elements and loads by kind, in the order in which they were built."""
        found: dict[str, list[str]] = {}
        on_chain = set(self.tree.order)
        for name, kind in self.graph.nodes(data="kind"):
            if name in on_chain and kind != "rack":
                found.setdefault(kind, []).append(name)
        return found

    @cached_property
    def low_v(self) -> float:
        """Nominal voltage behind the transformers [V]."""
        return max(
            (float(self.card(p).get("voltage_v", c.LOW_V)) for p in self.parts["pdu"]), default=c.LOW_V
        )

    @cached_property
    def high_v(self) -> float:
        """Nominal voltage of the grid [V]."""
        largest = max(self.rated_va(unit) for unit in self.parts["transformer"])
        return c.HIGH_V if largest > c.LARGE_VA else c.MEDIUM_V

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Kind of every asset."""
        return dict(self.graph.nodes(data="kind"))

    @cached_property
    def sources(self) -> dict[str, dict[str, float]]:
        """Sources of every element, with their shares."""
        found: dict[str, dict[str, float]] = {name: {} for name in self.tree.order}
        for source in self.tree.order:
            for name, share in self.tree.below[source]:
                found[name][source] = share
        return found

    def kind(self, name: str) -> str:
        """Kind of an asset."""
        return self.kinds[name]

    def card(self, name: str) -> Any:
        """Card of an asset."""
        return catalog.get(self.kind(name), self.graph.nodes[name]["catalog"])

    def rated_va(self, name: str) -> float:
        """Rated power of a transformer, or what a PDU passes at its rated current [VA]."""
        card = self.card(name)
        whole = self.graph.nodes[name]["rating_w"] / card.get("power_factor_frac", c.RATING_PF)
        return float(card.get("apparent_rating_va", whole) if card.kind == "transformer" else whole)

    def power_factor(self, name: str) -> float:
        """Power factor at the input of a UPS or a load, lagging [1]."""
        if self.kind(name) == "ups":
            return c.UPS_PF
        return c.MOTOR_PF if self.kind(name) in MOTORS else c.SUPPLY_PF

    def is_behind_ups(self, name: str) -> bool:
        """Whether a load hangs on PDUs."""
        return any(self.kind(source) == "pdu" for source in self.sources[name])

    def demand_w(self, name: str, drawn_w: Mapping[str, float]) -> float:
        """Power drawn by a load [W]; what ``drawn_w`` does not name draws its maximum."""
        own = drawn_w.get(name, self.graph.nodes[name].get("demand_max_w", 0.0))
        return float(own) + sum(self.demand_w(child, drawn_w) for child, _ in self.tree.below[name])

    def alive(self, dead: Sequence[Collection[str]]) -> dict[str, Mask]:
        """Whether each element has supply, array (case), for what is dead in each case."""
        return {name: np.array([name not in gone for gone in dead]) for name in self.tree.order}

    def shares(self, name: str, alive: Mapping[str, Mask]) -> dict[str, Array]:
        """Share of an element's draw that comes from each source, array (case); 0 from dead ones [1]."""
        parts = {source: share * alive[source] for source, share in self.sources[name].items()}
        whole = sum(parts.values()) * alive[name]
        return {
            source: np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
            for source, part in parts.items()
        }

    def rated_w(self, name: str) -> float:
        """Power that a cable to an element must carry when one of its other sources is out [W]."""
        node = self.graph.nodes[name]
        if self.kind(name) in CONVERTERS:
            coefficients = (node[f"loss_{k}_frac"] for k in ("constant", "linear", "quadratic"))
            return float(node["rating_w"] * (1 + sum(coefficients)))
        return self.demand_w(name, {}) / max(len(self.sources[name]) - 1, 1)

    @cached_property
    def cables(self) -> dict[tuple[str, str], Line]:
        """Cables from sources to what they feed, between buses of the names that :func:`ends` gives."""
        return {
            (source, name): self._cable(source, name)
            for name, sources in self.sources.items()
            if self.kind(name) != "rack"
            for source in sources
        }

    def _cable(self, source: str, name: str) -> Line:
        volt = self.high_v if self.kind(source) == "feed" else self.low_v
        power_factor = c.RATING_PF if self.kind(name) in ("transformer", "pdu") else self.power_factor(name)
        rated_a = max(self.rated_w(name), 1.0) / (math.sqrt(3) * volt * power_factor * c.CONTINUOUS_FRAC)
        kind = RESERVE if name in self.on_reserve else "power"
        length_m = max(self.graph.edges[source, name, kind]["length_m"], CABLE_SLACK_M)
        return _copper(f"{source} > {name}", (source, ends(source, name)), rated_a, length_m)


def ends(source: str, name: str) -> str:
    """Bus at the far end of a cable: each cable to a load ends at an inlet of its own."""
    return f"{name} from {source}"


class Parts(NamedTuple):
    """Parts of a network while it grows."""

    buses: list[Bus]
    lines: list[Line]
    loads: list[Load]


def behind_ups(wiring: Wiring, drawn_w: Mapping[str, float], alive: Mapping[str, Mask]) -> Network | None:
    """Network from the outputs of the UPS to the loads, a step a case; None where no UPS ever has supply.

    Parameters
    ----------
    wiring : Wiring
        The site.
    drawn_w : mapping of str to float
        Power of loads [W]; those not named draw their maximum.
    alive : mapping of str to array (case), bool
        Whether each element has supply. What is dead in a case carries nothing in its step.
    """
    blocks = [name for name in wiring.parts["ups"] if alive[name].any()]
    if not blocks:
        return None
    parts = Parts([Bus(block, wiring.low_v) for block in blocks], [], [])
    for pdu in wiring.parts["pdu"]:
        (source,) = wiring.sources[pdu]
        if source in blocks:
            parts.lines.extend((wiring.cables[source, pdu], _pdu(wiring, source, pdu)))
            parts.buses.extend((Bus(ends(source, pdu), wiring.low_v), Bus(pdu, wiring.low_v)))
    carried_w = {bus.name: np.zeros(len(alive[blocks[0]])) for bus in parts.buses}
    for name in (n for names in wiring.parts.values() for n in names if wiring.is_behind_ups(n)):
        for pdu, share in wiring.shares(name, alive).items():
            if pdu in carried_w:
                power_w = wiring.demand_w(name, drawn_w) * share
                carried_w[pdu] += power_w
                _hang(wiring, (pdu, name), power_w, parts)
    for pdu in wiring.parts["pdu"]:
        if pdu in carried_w:
            steady_w = _steady_w(wiring, pdu, carried_w[pdu]) * alive[pdu]
            parts.loads.append(Load(f"{pdu} steady loss", pdu, power_va=np.asarray(steady_w, np.complex128)))
    sources = tuple(Source(block, block) for block in blocks)
    return Network(tuple(parts.buses), sources, tuple(parts.lines), loads=tuple(parts.loads))


def before_ups(
    wiring: Wiring, drawn_w: Mapping[str, float], alive: Mapping[str, Mask], ups_in_w: Mapping[str, Array]
) -> Network:
    """Network from the grid to the inputs of the UPS and to the plant on the boards of the transformers.

    Parameters
    ----------
    wiring, drawn_w, alive
        As for :func:`behind_ups`; transformers that are dead must be so in all cases.
    ups_in_w : mapping of str to array (case)
        Power drawn by each UPS that has supply [W].
    """
    feed = wiring.parts["feed"][0]
    parts, units = Parts([Bus(feed, wiring.high_v)], [], []), []
    if wiring.ring is not None:
        _lay_ring(wiring, wiring.ring, feed, parts)
    for name in wiring.parts["transformer"]:
        if alive[name].all():
            parts.buses.append(Bus(name, wiring.low_v))
            if wiring.ring is None:
                parts.buses.append(Bus(ends(feed, name), wiring.high_v))
                parts.lines.append(wiring.cables[feed, name])
            units.append(_transformer(wiring, feed, name))
    fed = {unit.name for unit in units}
    for name in dict.fromkeys(n for unit in units for n, _ in wiring.tree.below[unit.name]):
        is_ups = wiring.kind(name) == "ups"
        for unit, share in wiring.shares(name, alive).items():
            if unit in fed:
                power_w = ups_in_w.get(name, 0.0) if is_ups else wiring.demand_w(name, drawn_w)
                _hang(wiring, (unit, name), power_w * share, parts)
    source = Source(feed, feed, wiring.grid_pu, in_service=bool(alive[feed].all()))
    return Network(tuple(parts.buses), (source,), tuple(parts.lines), tuple(units), loads=tuple(parts.loads))


def _lay_ring(wiring: Wiring, ring: Ring, feed: str, parts: Parts) -> None:
    """Add the buses of a ring and its sections, open ones left out."""
    stops = [ends(feed, name) for name in ring.stops]
    parts.buses.extend(Bus(stop, wiring.high_v) for stop in stops)
    opened = ring.opened(wiring.out)
    for name, (a, b) in zip(ring.sections, pairwise((feed, *stops, feed)), strict=True):
        if name not in opened:
            parts.lines.append(_copper(name, (a, b), ring.rated_a, ring.length_m))


def _copper(name: str, between: tuple[str, str], rated_a: float, length_m: float) -> Line:
    """A cable with the copper that its rated current asks for."""
    runs = math.ceil(rated_a / c.CABLE_A_PER_M2 / c.CORE_M2)
    return Line(
        name, *between,
        resistance_ohm=c.COPPER_OHM_M * c.CABLE_A_PER_M2 / rated_a * length_m,
        reactance_ohm=c.RUN_REACTANCE_OHM_PER_M / runs * length_m,
        rated_a=rated_a,
    )  # fmt: skip


def _hang(wiring: Wiring, pair: tuple[str, str], power_w: Array, parts: Parts) -> None:
    """Add a cable to a load, with an inlet of its own."""
    inlet = ends(*pair)
    factor = wiring.power_factor(pair[1])
    drawn_va = np.asarray(power_w * complex(1.0, math.tan(math.acos(factor))), np.complex128)
    parts.buses.append(Bus(inlet, wiring.low_v))
    parts.lines.append(wiring.cables[pair])
    parts.loads.append(Load(inlet, inlet, power_va=drawn_va))


def _transformer(wiring: Wiring, feed: str, name: str) -> Transformer:
    card, node = wiring.card(name), wiring.graph.nodes[name]
    rated_va = wiring.rated_va(name)
    return Transformer(
        name, ends(feed, name), name, rated_va, wiring.high_v, wiring.low_v,
        short_circuit_frac=card.get("impedance_frac", c.IMPEDANCE_FRAC),
        resistance_frac=node["loss_quadratic_frac"] * node["rating_w"] / rated_va,
        no_load_w=node["loss_constant_frac"] * node["rating_w"],
        no_load_current_frac=c.NO_LOAD_CURRENT_FRAC,
        shift_rad=math.radians(30.0),
    )  # fmt: skip


def _pdu(wiring: Wiring, source: str, name: str) -> Line:
    """A busway or PDU by its load loss: that of its card at its rating."""
    node = wiring.graph.nodes[name]
    rated_a = wiring.rated_va(name) / (math.sqrt(3) * wiring.low_v)
    # a card without load loss is still a conductor
    resistance_ohm = max(node["loss_quadratic_frac"], 1e-6) * node["rating_w"] / (3 * rated_a**2)
    reactance_ohm = c.BUSWAY_X_OVER_R * resistance_ohm
    return Line(name, ends(source, name), name, resistance_ohm, reactance_ohm, rated_a)


def _steady_w(wiring: Wiring, name: str, carried_w: Array) -> Array:
    """Part of a PDU's loss that does not grow with the square of the current [W]."""
    node = wiring.graph.nodes[name]
    figures = (node["rating_w"], node["loss_constant_frac"], node["loss_linear_frac"], 0.0)
    return loss_w(carried_w, *(np.full(len(carried_w), figure) for figure in figures))
