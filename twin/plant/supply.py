"""What a run keeps and tells of its power chain when outages, trips and voltages play a part in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.models import generator, power_chain
from twin.models._power_flow import Flow, has_input
from twin.physics.storage import stored_rate_w
from twin.plant import voltages
from twin.plant.maps import Maps
from twin.plant.node import Node
from twin.scenario.power import Generators, PowerChain
from twin.topology.power import RESERVE
from twin.topology.ring import Ring

if TYPE_CHECKING:
    from twin.plant.plant import Plant
    from twin.plant.window import Totals

Array = NDArray[np.float64]
Index = NDArray[np.int64]

MEASURED: Final = ("feed", "transformer", "ups", "pdu")
"""Kinds whose loading, voltage and current are recorded."""
STANDBY: Final = "standby"
"""Name of the generators among the models of a plant."""


@dataclass(frozen=True)
class Supply:
    """Figures of the elements for what is read and recorded.

    Parameters
    ----------
    at : dict of str to slice
        Elements of each kind.
    amps : dict of str to array
        Current at rated load and nominal voltage, by kind [A].
    feeders : Voltages, optional
        Feeders whose voltages are solved at every tick.
    stored : tuple of str
        Kinds whose stores are recorded.
    step_w : array (generator)
        Largest load that a generator takes at once [W].
    sources : dict of str to array (2, element), int
        Elements that feed PDUs and power shelves first, and after their switch has moved, -1 where it has none; without
        kinds that have no switches at all.
    ring : Ring, optional
        Medium-voltage ring from the feed past the transformers.
    """

    at: dict[str, slice]
    amps: dict[str, Array]
    feeders: voltages.Voltages | None
    stored: tuple[str, ...]
    step_w: Array
    sources: dict[str, Index]
    ring: Ring | None = None
    _kept: list[tuple[tuple[Any, ...], Flow]] = field(default_factory=list)

    def solve(self, p: Plant) -> None:
        """Set the voltage drops for the loads of the tick to come."""
        node = p.nodes["power"]
        source_pu = float(node.inputs.source_pu[self.at["feed"]][0])
        flow = power_chain.flow(node.params, node.state, node.inputs)
        if self.feeders is not None:
            node.tell(
                drop_frac=self.feeders.drop_frac(flow, source_pu if flow.served[self.feeders.feed] else 1.0)
            )
        if STANDBY in p.nodes:
            p.nodes[STANDBY].tell(load_w=flow.in_w[self.at["generator"]])

    def known(self, p: Plant, made: power_chain.Outputs | None) -> power_chain.Outputs:
        """What the chain did in a step; at rest before the first."""
        node = p.nodes["power"]
        return power_chain.step(node.params, node.state, node.inputs, 0.0)[1] if made is None else made

    def own_j(self, out: power_chain.Outputs) -> float:
        """Energy that generators and stores gave in a step, less what stores took [J]."""
        units = self.at.get("generator", slice(0, 0))
        return float(out.in_j[units].sum() + out.given_j.sum() - out.taken_j.sum())

    def lent_j(self, p: Plant, over: Totals) -> float:
        """Energy that generators and the battery at the grid connection gave over a window, less what it took [J]."""
        given_j = over.amount(p, "power", "given_j") - over.amount(p, "power", "taken_j")
        made_j = over.amount(p, "power", "in_j")[self.at.get("generator", slice(0, 0))]
        return float(given_j[self.at["feed"]].sum() + made_j.sum())

    def observe(self, p: Plant, over: Totals) -> dict[str, Array]:
        """Recorded quantities over a window."""
        node, found = p.nodes["power"], {}
        for kind in MEASURED:
            where = self.at[kind]
            found[f"{kind}.load_frac"] = over.load_frac[where]
            found[f"{kind}.voltage_pu"] = over.voltage_pu[where]
            found[f"{kind}.current_a"] = over.load_frac[where] * self.amps[kind]
        if self.ring is not None:
            load_frac = self._ring_load_frac(p, over.rate(p, "power", "in_j"), over.voltage_pu)
            found |= {"ring.load_frac": load_frac, "ring.current_a": load_frac * self.ring.rated_a}
        given_w = over.rate(p, "power", "given_j") - over.rate(p, "power", "taken_j")
        for kind in self.stored:
            where = self.at[kind]
            found[f"{kind}.stored_frac"] = node.state.stored_j[where] / node.params.store.capacity_j[where]
            found[f"{kind}.battery_w"] = given_w[where]
            found[f"{kind}.autonomy_s"] = _autonomy_s(node)[where]
        if p.scenario.power.smoothing is not None:
            shelves = self.at["psu"]
            found["psu.stored_frac"] = node.state.stored_j[shelves] / node.params.store.capacity_j[shelves]
            found["psu.storage_w"] = given_w[shelves]
        found["rack.dark_s"] = over.span_s - over.amount(p, "power", "served_s")[self.at["psu"]]
        if STANDBY in p.nodes:
            units = p.nodes[STANDBY]
            found["generator.power_w"] = over.rate(p, "power", "in_j")[self.at["generator"]]
            found["generator.fuel_w"] = over.rate(p, STANDBY, "burned_j")
            found["generator.fuel_frac"] = units.state.fuel_j / units.params.tank_j
            found["generator.run_s"] = over.amount(p, STANDBY, "run_s")
        return found

    def read(self, p: Plant, name: str) -> Array | None:
        """Quantity of this instant, for processes: ``now.KIND.WHAT``, or None where it is no such name.

        ``WHAT`` is a field of :class:`~twin.models._power_flow.Flow`, ``stored_j``, ``tripped``, ``demand_w``,
        ``rating_w``, ``charge_w`` or ``capacity_j``; ``has_input``, 1 where something feeds it; ``would_w``, what each
        would draw if its own input were closed; ``usable_j``,
        what a store gives at full power down to its reserve, and ``room_j``, what it lacks until it is full; of PDUs
        and power shelves behind switches ``first_is_alive`` and ``second_is_alive``; for generators ``is_ready``,
        ``start_s`` or ``step_w``; of sections of a ring ``load_frac``, their current over their rating.
        ``now.change_s`` is the time until stores or trips change something.
        """
        if not name.startswith("now."):
            return None
        node = p.nodes["power"]
        _, kind, *what = name.split(".")
        if kind == "change_s":
            return np.array([power_chain.next_change_s(node.params, node.state, node.inputs)])
        if kind == "ring":
            flow = self._now(node)
            return self._ring_load_frac(p, flow.in_w, flow.voltage_pu)
        where, wanted = self.at.get(kind, slice(0, 0)), what[0]
        if wanted.endswith("_is_alive"):
            sources = self.sources[kind][("first_is_alive", "second_is_alive").index(wanted)]
            return np.where(sources >= 0, self._now(node).served[sources], 0.0)
        if wanted == "has_input":
            now = self._now(node)
            return has_input(node.params, node.inputs, now.served, now.voltage_pu)[where]
        if wanted == "usable_j":
            return self._usable_j(node)[where]
        if wanted == "would_w":
            return np.array([self._would_w(node, element) for element in range(where.start, where.stop)])
        if wanted == "room_j":
            store = node.params.store
            return np.array((store.capacity_j - node.state.stored_j)[where])
        kept = {
            "stored_j": node.state.stored_j, "capacity_j": node.params.store.capacity_j,
            "tripped": node.state.tripped, "demand_w": node.inputs.demand_w,
            "rating_w": node.params.rating_w, "charge_w": node.params.store.charge_w,
        }  # fmt: skip
        if wanted in kept:
            return np.array(kept[wanted][where])
        if wanted == "step_w":
            return self.step_w.copy()
        if wanted == "start_s":
            return np.array(p.nodes[STANDBY].params.start_s)
        if wanted == "is_ready":
            units = p.nodes[STANDBY]
            return np.array(generator.step(units.params, units.state, units.inputs, 0.0)[1].is_ready)
        return np.array(getattr(self._now(node), wanted)[where])

    def _ring_load_frac(self, p: Plant, in_w: Array, voltage_pu: Array) -> Array:
        """Current of the sections of the ring over their rating [1]; 0 while the feed is dead."""
        feed_pu = float(voltage_pu[self.at["feed"]][0])
        if self.ring is None or feed_pu <= 0.0:
            return np.zeros(len(p.ids.get("ring", ())))
        amps = in_w[self.at["transformer"]] / (
            np.sqrt(3.0) * voltages.MEDIUM_V * voltages.RATING_PF * feed_pu
        )
        opened = [
            name
            for name, is_open in zip(self.ring.sections, p.inputs["ring.is_open"], strict=True)
            if is_open
        ]
        return np.array(self.ring.carried(amps.tolist(), opened)) / self.ring.rated_a

    def _usable_j(self, node: Node) -> Array:
        kept_j = node.inputs.orders.reserve_j
        above_j = node.state.stored_j - kept_j if kept_j.size else node.state.stored_j
        store = node.params.store
        found: Array = np.maximum(above_j, 0.0) / (1.0 + store.linear_frac + store.quadratic_frac)
        return found

    def _would_w(self, node: Node, element: int) -> float:
        """Power that an element would draw if its input were closed, all others as they are [W]."""
        is_fed = node.inputs.is_fed.copy()
        is_fed[element] = True
        flow = power_chain.flow(node.params, node.state, node.inputs._replace(is_fed=is_fed))
        return float(flow.in_w[element])

    def _now(self, node: Node) -> Flow:
        """The chain as it is; kept until a step, an exchange or a process changes it."""
        inputs = node.inputs
        switched = (
            inputs.is_up, inputs.is_fed, inputs.is_eco, inputs.source_pu, inputs.on_reserve, inputs.beside_w,
            *inputs.orders,
        )  # fmt: skip
        key = (node.state, inputs, *(column.tobytes() for column in switched))
        if self._kept:
            last = self._kept[0][0]
            if last[0] is key[0] and last[1] is key[1] and last[2:] == key[2:]:
                return self._kept[0][1]
        flow = power_chain.flow(node.params, node.state, inputs)
        self._kept[:] = [(key, flow)]
        return flow

    def writable(self, p: Plant) -> dict[str, NDArray[np.generic]]:
        """Inputs that processes own, as views into what the models read."""
        inputs = p.nodes["power"].inputs
        found: dict[str, NDArray[np.generic]] = {
            "feed.voltage_pu": inputs.source_pu[self.at["feed"]],
            "feed.is_steady": np.ones(1, dtype=np.bool_),  # of its frequency
            "feed.off_frequency_frac": np.zeros(1),
        }
        for kind in ("feed", *voltages.MOTORS, "ups", "pdu", "transformer", "generator"):
            if kind in self.at:
                found[f"{kind}.is_fed"] = inputs.is_fed[self.at[kind]]
                found[f"{kind}.is_up"] = inputs.is_up[self.at[kind]]
        if inputs.on_reserve.size:
            found |= {f"{kind}.on_reserve": inputs.on_reserve[self.at[kind]] for kind in self.sources}
            found["psu.is_fed"] = inputs.is_fed[self.at["psu"]]
        if p.scenario.power.ring is not None:
            found |= _ring(p)
        for kind in ("feed", "ups"):
            found[f"{kind}.is_eco"] = inputs.is_eco[self.at[kind]]
        if inputs.orders.most_w.size:
            for kind in ("feed", "ups", "psu"):
                for name in ("most_w", "least_w", "take_w"):
                    found[f"{kind}.{name}"] = getattr(inputs.orders, name)[self.at[kind]]
        battery = p.scenario.power.storage
        if battery is not None and battery.answers_calls:
            found["feed.called_w"] = np.full(1, np.inf)  # what a grid call leaves to the site
        if STANDBY in p.nodes:
            units = p.nodes[STANDBY].inputs
            found |= {"generator.is_called": units.is_called, "generator.can_start": units.can_start}
        if inputs.beside_w.size:
            beside_w = inputs.beside_w[self.at["generator"]]
            found |= {"generator.beside_w": beside_w, "generator.can_w": np.zeros(len(beside_w))}
            found |= {"feed.plan_w": np.zeros(1), "feed.need_w": np.zeros(1)}
        return found


def _ring(p: Plant) -> dict[str, NDArray[np.generic]]:
    """Switches of the ring by section."""
    words, sections = p.scenario.power.ring, p.ids["ring"]
    is_open = np.array([float(name in p.chain.open_at) for name in sections])
    return {
        "ring.is_open": is_open, "ring.is_open_point": is_open.copy(), "ring.is_up": np.ones(len(sections)),
        "ring.switching_s": np.full(len(sections), words.switching if words is not None else 0.0),
    }  # fmt: skip


def _autonomy_s(node: Node) -> Array:
    """Time that stores last at the present draw of their elements, array (element); NaN without any draw [s]."""
    flow = power_chain.flow(node.params, node.state, node.inputs)
    drawn_w, left_j = flow.in_w - flow.taken_w + flow.given_w, node.state.stored_j
    empties_w = -stored_rate_w(drawn_w, 0.0 * drawn_w, *_losses(node))
    found: Array = np.divide(left_j, empties_w, out=np.full(len(left_j), np.nan), where=drawn_w > 0.0)
    return found


def _losses(node: Node) -> tuple[Array, Array, Array]:
    """What the losses of stores with the power moved follow: rating, and the shares c1 and c2."""
    store = node.params.store
    return store.rating_w, store.linear_frac, store.quadratic_frac


def build(
    graph: nx.MultiDiGraph, maps: Maps, power: PowerChain, elements: dict[str, int], at: dict[str, slice]
) -> Supply:
    """Figures of the elements of a site."""
    amps = {kind: _amps(graph, maps.ids[kind], kind) for kind in MEASURED}
    feeders = voltages.build(graph, maps.ids, elements) if power.voltages == "solved" else None
    has_store = {"ups": power.ups.battery is not None, "feed": power.storage is not None}
    stored = tuple(kind for kind, has in has_store.items() if has)
    units = [catalog.get("generator", graph.nodes[name]["catalog"]) for name in maps.ids.get("generator", ())]
    step_w = np.array([float(card.rating_w * card.step_frac) for card in units])
    switched = {kind: _switched(graph, maps.ids[kind], elements) for kind in ("pdu", "psu")}
    sources = {kind: found for kind, found in switched.items() if (found[1] >= 0).any()}
    return Supply(at, amps, feeders, stored, step_w, sources, graph.graph.get("ring"))


def _switched(graph: nx.MultiDiGraph, names: tuple[str, ...], elements: dict[str, int]) -> Index:
    """Elements between which the switches of assets choose, array (2, asset); -1 where there is none."""
    found = np.full((2, len(names)), -1)
    at = {name: i for i, name in enumerate(names)}
    for a, b, key in graph.edges(keys=True):
        if b in at and key in ("power", RESERVE):
            found[int(key == RESERVE), at[b]] = elements[a]
    return found


def _amps(graph: nx.MultiDiGraph, names: tuple[str, ...], kind: str) -> Array:
    """Current at rated load: the card's voltage, else 415 V, and 11 kV at the feed; power factor of ratings [A]."""
    found = []
    for name in names:
        node = graph.nodes[name]
        card: Any = catalog.get(kind, node["catalog"]) if node["catalog"] else {}
        volt = voltages.MEDIUM_V if kind == "feed" else voltages.LOW_V
        volt = float(card.get("voltage_v", volt)) if kind == "pdu" else volt
        factor = float(card.get("power_factor_frac", voltages.RATING_PF))
        found.append(node["rating_w"] / (np.sqrt(3.0) * volt * factor))
    return np.array(found)


def standby(graph: nx.MultiDiGraph, names: tuple[str, ...], words: Generators) -> Node:
    """Generators at rest with full tanks."""
    cards = [catalog.get("generator", graph.nodes[name]["catalog"]) for name in names]
    rating, idle, more = (
        np.array([float(card.get(key)) for card in cards])
        for key in ("rating_w", "fuel_idle_frac", "fuel_per_output")
    )
    params = generator.Params(
        rating, np.full(len(names), words.start), rating * (idle + more) * words.fuel, idle, more
    )
    none = np.zeros(len(names))
    return Node(
        generator.step, params, generator.still(params), generator.Inputs(none, none + 1.0, none.copy())
    )
