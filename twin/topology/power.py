"""Power from the grid to the load: feed, transformers, UPS blocks, PDUs, power shelves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import networkx as nx
import numpy as np

from twin import catalog
from twin.physics.converter import loss_w
from twin.scenario.power import CATCHER, Generators, PowerChain, RingMain, has_switches
from twin.topology import constants as c
from twin.topology.assets import SWITCHES, add_asset, add_link, converter, edges_of, ids, of_kind
from twin.topology.geometry import overhead
from twin.topology.layout import Plan
from twin.topology.rejection import KINDS
from twin.topology.ring import Ring

#: Loads that hang on the PDUs, and loads of the mechanical board of the transformers.
PDU_LOADS = (*SWITCHES, "cdu")
BOARD_LOADS = ("facility_water", *KINDS.values(), "crah", "chiller", "rear_door")
#: Kinds with a rating that must not be passed.
CHAIN = ("psu", "pdu", "ups", "transformer", "feed")
RESERVE: Final = "reserve"
"""Kind of the edges that a switch closes in place of the power edges into the same element."""


def add_power(
    graph: nx.MultiDiGraph, plan: Plan, power: PowerChain, fed_by: Mapping[str, tuple[str, ...]]
) -> None:
    """Add the power chain to a graph that has its loads.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        Changed in place.
    plan : Plan
    power : PowerChain
        Section ``power`` of the scenario.
    fed_by : mapping of str to tuple of str
        PDUs that the scenario names, by rack; a rack that is not in it is fed by one PDU of each UPS
        block. Names that are no PDU are left out here and reported by the check.
    """
    add_asset(graph, "feed", "feed", plan.boxes["feed"], "electrical-room", rating_w=power.feed.capacity)
    transformers = ids("transformer", power.transformer.count)
    blocks, pdus = ids("ups", power.ups.count), ids("pdu", power.pdu.count)
    for names, kind, unit, room in (
        (transformers, "transformer", power.transformer.unit, "electrical-room"),
        (blocks, "ups", power.ups.unit, "electrical-room"),
        (pdus, "pdu", power.pdu.unit, "hall"),
    ):
        card = catalog.get(kind, unit)
        mass_kg = float(card.get("mass_kg", c.UNIT_KG.get(kind, 0.0)))
        for name in names:
            box = plan.boxes[name]
            add_asset(graph, name, kind, box, room, catalog=unit, mass_kg=mass_kg, **converter(card))
    for name in transformers:
        _feed(graph, plan, name, ["feed"])
    for i, name in enumerate(blocks):
        _feed(graph, plan, name, [transformers[i % len(transformers)]])
    if power.ring is not None:
        graph.graph["ring"] = _add_ring(graph, plan, power.ring, tuple(transformers))
    word = power.ups.redundancy
    busy = blocks[:-1] if word == CATCHER and len(blocks) > 1 else blocks
    for i, name in enumerate(pdus):
        _feed(graph, plan, name, [busy[i % len(busy)]])
        if has_switches(power.ups):
            _feed(graph, plan, name, [_other(blocks, i % len(busy), word)], RESERVE)

    if power.generators is not None:
        _add_generators(graph, plan, power.generators)

    banks = [pdus[i :: len(busy)] for i in range(min(len(busy), len(pdus)))]
    for i, rack in enumerate(of_kind(graph, "rack")):
        named = fed_by.get(rack)
        chosen = _paths(banks, i, word) if named is None else [p for p in named if p in pdus]
        is_turned = named is None and i // max(len(pdus) // 2, 1) % 2 == 1
        _feed_rack(graph, plan, rack, list(dict.fromkeys(chosen)), power.rack_switches is not None, is_turned)
    for i, load in enumerate(of_kind(graph, *PDU_LOADS)):
        _feed(graph, plan, load, _paths(banks, i, word))
    for load in of_kind(graph, *BOARD_LOADS):
        _feed(graph, plan, load, transformers)


def _feed_rack(
    graph: nx.MultiDiGraph, plan: Plan, rack: str, pdus: list[str], has_switch: bool, is_turned: bool
) -> None:
    """Give a rack a cord to each PDU, or a switch between the first two; turned, it begins with the second."""
    psu, reserve = f"{rack}/psu", list[str]()
    if has_switch:
        pdus, reserve = (pdus[1:2], pdus[:1]) if is_turned and len(pdus) > 1 else (pdus[:1], pdus[1:2])
    _feed(graph, plan, psu, pdus)
    _feed(graph, plan, psu, reserve, RESERVE)
    add_link(graph, psu, rack, "power", share=1.0)


def _add_generators(graph: nx.MultiDiGraph, plan: Plan, units: Generators) -> None:
    """Stand generators in the yard; what connects them is no cable of the chain until they are called."""
    card = catalog.get("generator", units.unit)
    more = {"mass_kg": float(card.get("mass_kg", 0.0)), "rating_w": float(card.rating_w)}
    for name in ids("generator", units.count):
        add_asset(graph, name, "generator", plan.boxes[name], "outdoor", catalog=units.unit, **more)


def _add_ring(graph: nx.MultiDiGraph, plan: Plan, words: RingMain, stops: tuple[str, ...]) -> Ring:
    """Sections of the ring; they stand where the feed does, as no route of theirs is known."""
    sections = tuple(ids("ring", len(stops) + 1))
    for name in sections:
        add_asset(graph, name, "ring", plan.boxes["feed"], "electrical-room")
    point = (len(sections) + 1) // 2 if words.open is None else words.open
    open_at = () if words.closed else sections[point - 1 : point]
    return Ring(sections, stops, open_at, words.rating, words.length)


def _other(blocks: list[str], i: int, redundancy: str | None) -> str:
    """Block to which a static switch moves what the block number ``i`` feeds: the catcher, or the other side.

    Examples
    --------
    >>> _other(["a", "b", "c"], 0, "catcher"), _other(["a1", "b1", "a2", "b2"], 3, "2N")
    ('c', 'a2')
    """
    return blocks[-1] if redundancy == CATCHER else blocks[min(i ^ 1, len(blocks) - 1)]


def _paths(banks: list[list[str]], i: int, redundancy: str | None) -> list[str]:
    """PDUs of the load number ``i``, given those of each UPS block.

    Examples
    --------
    >>> banks = [["a1", "a2"], ["b1", "b2"], ["c1", "c2"]]
    >>> [_paths(banks, i, "3N/2") for i in range(4)]
    [['a1', 'b1'], ['b1', 'c1'], ['c1', 'a1'], ['a2', 'b2']]
    >>> _paths(banks, 4, "N"), _paths(banks, 1, "N+1"), _paths(banks, 1, "catcher")
    (['b2'], ['a2', 'b2', 'c2'], ['b1', 'b2'])
    """
    chosen, turn = banks, i
    if redundancy == "N":
        chosen, turn = [banks[i % len(banks)]], i // len(banks)
    elif redundancy == CATCHER:  # two PDUs of one block, where it has two
        bank, turn = banks[i % len(banks)], i // len(banks)
        return [bank[(turn + cord) % len(bank)] for cord in range(min(2, len(bank)))]
    elif redundancy == "2N":
        sides = [side for side in (banks[::2], banks[1::2]) if side]
        chosen, turn = [side[i % len(side)] for side in sides], i // len(sides[0])
    elif redundancy == "3N/2":
        first, turn = i // 3 * 3 % len(banks), i // 3
        chosen = [banks[(first + (i + k) % 3) % len(banks)] for k in (0, 1)]
    return [bank[turn % len(bank)] for bank in chosen]


def _feed(
    graph: nx.MultiDiGraph,
    plan: Plan,
    load: str,
    sources: list[str],
    kind: Literal["power", "reserve"] = "power",
) -> None:
    """Join a load to its sources in equal shares, each by a cable of its own."""
    cabinet = load
    while cabinet not in plan.boxes:
        cabinet = graph.nodes[cabinet]["parents"][0]
    end = plan.boxes[cabinet].top
    along_y = end[1]
    if cabinet in plan.row_of:
        along_y = plan.line_y_m(plan.row_of[cabinet], 0.0)
    elif graph.nodes[load]["kind"] in BOARD_LOADS:
        along_y = plan.wall_y_m
    for source in sources:
        start = plan.boxes[source].top
        route = overhead(start, end, plan.ceiling_m + c.POWER_TRAY_M, (start[0], along_y), (end[0], along_y))
        add_link(graph, source, load, kind, route=route, slack_m=c.CABLE_SLACK_M, share=1.0 / len(sources))


@dataclass(frozen=True)
class PowerTree:
    """The power edges of a graph, ready for many load cases.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The site.
    order : list of str
        Elements from the loads to the grid.
    below : dict of str to list of (str, float)
        What hangs on an element, with its share.
    """

    graph: nx.MultiDiGraph
    order: list[str]
    below: dict[str, list[tuple[str, float]]]

    @classmethod
    def of(cls, graph: nx.MultiDiGraph, on_reserve: Collection[str] = ()) -> PowerTree:
        """Read the power edges of a graph, for elements in ``on_reserve`` those that their switches take instead."""
        all_edges = edges_of(graph, "power")
        edges = [edge for edge in all_edges if edge[1] not in on_reserve]
        edges += [edge for edge in edges_of(graph, RESERVE) if edge[1] in on_reserve] if on_reserve else []
        tree = nx.DiGraph((u, v, {"share": d["share"]}) for u, v, d in edges)
        tree.add_nodes_from(end for u, v, _ in all_edges for end in (u, v))
        order = list(reversed(list(nx.topological_sort(tree))))
        below = {n: [(child, d["share"]) for child, d in tree[n].items()] for n in order}
        return cls(graph, order, below)

    def moved(self, down: Collection[str]) -> frozenset[str]:
        """Elements that lose their sources and have a reserve that is alive."""
        reserves = self._reserves if down else {}
        dead = self.dead(down) if reserves else set()
        lost = dead - set(down)
        return frozenset(n for n, sources in reserves.items() if n in lost and not dead.issuperset(sources))

    @cached_property
    def _reserves(self) -> dict[str, list[str]]:
        """Sources to which the switch of an element can move it; one walk of the graph for all outages."""
        found: dict[str, list[str]] = {}
        for source, name, _ in edges_of(self.graph, RESERVE):
            found.setdefault(name, []).append(source)
        return found

    def after(self, down: Collection[str]) -> PowerTree:
        """The tree once switches have moved those."""
        moved = self.moved(down)
        return PowerTree.of(self.graph, moved) if moved else self

    def out_w(self, it_frac: float = 1.0, down: Collection[str] = ()) -> dict[str, float]:
        """Power out of each element when every load draws its maximum.

        Parameters
        ----------
        it_frac : float
            Racks and chillers at this share of their maximum [1].
        down : collection of str
            Elements that are out; their load moves to the others that feed the same.

        Returns
        -------
        dict of str to float
            Power out of each element, for a load its own [W]; losses by the polynomial of each converter.
            The loss of power shelves is inside the nameplate of the rack.
        """
        dead = self.dead(down)
        lost: dict[str, float] = {}
        for name in dead:
            for child, share in self.below.get(name, ()):
                lost[child] = lost.get(child, 0.0) + share
        out: dict[str, float] = {}
        drawn: dict[str, float] = {}
        for name in self.order:
            node = self.graph.nodes[name]
            scale = it_frac if node["kind"] in ("rack", "chiller") else 1.0
            power_w = scale * node.get("demand_max_w", 0.0)
            if name not in dead:
                power_w += sum(drawn[k] * share / (1.0 - lost.get(k, 0.0)) for k, share in self.below[name])
            out[name] = drawn[name] = power_w
            if "loss_constant_frac" in node and node["kind"] != "psu" and name not in dead:
                drawn[name] += _loss_w(node, power_w)
        return out

    def dead(self, down: Collection[str] = ()) -> set[str]:
        """Elements that are out or have lost all their sources."""
        dead = set(down)
        for name in reversed(self.order):
            sources = self.above(name)
            if dead.issuperset(sources) and self.graph.nodes[name]["kind"] != "feed":
                dead.add(name)
        return dead

    @cached_property
    def _sources(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {name: [] for name in self.order}
        for source in reversed(self.order):
            for name, _ in self.below[source]:
                found[name].append(source)
        return found

    def above(self, name: str) -> list[str]:
        """What feeds an element."""
        return self._sources[name]


def _loss_w(node: Mapping[str, Any], power_w: float) -> float:
    keys = ("rating_w", "loss_constant_frac", "loss_linear_frac", "loss_quadratic_frac")
    return float(loss_w(np.asarray(power_w), *(np.asarray(node[k]) for k in keys)))
