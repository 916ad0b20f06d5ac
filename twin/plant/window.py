"""What was done over a stretch of time that is looked back on: the last step, or a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from twin.models import serving as model
from twin.topology import SWITCHES

if TYPE_CHECKING:
    from twin.plant.maps import Index
    from twin.plant.node import Array, Node
    from twin.plant.plant import Plant

    Pick = Callable[[Any], tuple[Array, ...]]

IT = ("psu", *SWITCHES)

AMOUNTS = ("_j", "_kg", "_s", "_tokens", "_bytes", "preemptions")
"""Endings of outputs that add up over steps."""

BLOCK: Final = 16
"""Steps of the power chain that are looked at together: one after the other costs more than making them."""

BANKS: Final = "gpu"
"""The node whose arrays are long: its outputs are added one by one, those of all others as one array."""


@dataclass
class Totals:
    """Amounts of models and replicas, and the extremes of what only ticks change.

    Parameters
    ----------
    span_s : float
        Length so far [s].
    amounts : dict of str to dict of str to array
        Outputs that add up, by node; of the replicas as node ``serving``.
    asked_j : array (element)
        Energy that loads of the power chain asked for [J].
    base_j : array (rack)
        Energy of everything in a rack but its GPUs [J].
    trunk_bytes, traffic_bytes : array (trunk)
        What transfers, and what other traffic, carried over each trunk [bytes].
    pue_s : float
        Integral of the power usage effectiveness [s].
    hottest_k, slowest_frac, throttled_s : array (bank)
        Highest die temperature as read at ticks, lowest clock, time in which heat held the clock down.
    load_frac, voltage_pu : array (element)
        Largest current over its rating and lowest voltage of the power chain at the ends of steps [1].
    """

    span_s: float = 0.0
    amounts: dict[str, dict[str, Array]] = field(default_factory=dict)
    asked_j: Array = field(default_factory=lambda: np.array(0.0))
    base_j: Array = field(default_factory=lambda: np.zeros(1))
    trunk_bytes: Array = field(default_factory=lambda: np.array(0.0))
    traffic_bytes: Array = field(default_factory=lambda: np.array(0.0))
    pue_s: float = 0.0
    hottest_k: Array = field(default_factory=lambda: np.array(-np.inf))
    slowest_frac: Array = field(default_factory=lambda: np.array(np.inf))
    throttled_s: Array = field(default_factory=lambda: np.array(0.0))
    load_frac: Array = field(default_factory=lambda: np.array(-np.inf))
    voltage_pu: Array = field(default_factory=lambda: np.array(np.inf))

    def amount(self, p: Plant, node: str, name: str) -> Array:
        """Sum of an output; zero before the first step."""
        found = self.amounts.get(node, {}).get(name)
        if found is not None:
            return found
        return np.zeros(len(p.serving.params.engines if node == "serving" else p.nodes[node].params[0]))

    def rate(self, p: Plant, node: str, name: str) -> Array:
        """Mean rate of an output; zero before the first step."""
        return self.amount(p, node, name) / (self.span_s or 1.0)


class Layout(NamedTuple):
    """Where amounts stand in one array: found once for a plant, because its models stay the same.

    Parameters
    ----------
    picks : tuple of (Node, callable)
        Models but that of the banks, with what picks their amounts of their outputs.
    names : tuple of (str, str, int)
        Node, output, and where it ends; without a node a field of :class:`Totals`.
    """

    picks: tuple[tuple[Node, Pick], ...]
    names: tuple[tuple[str, str, int], ...]


class Window:
    """Collects steps, so that they need not be observed one by one: what is recorded as a mean or a sum is theirs.

    Parameters
    ----------
    layout : Layout, optional
        Of a window before this one.
    """

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout
        self._sums = Totals()
        self._flat = np.zeros(0)
        self._banks: tuple[Array, ...] = ()  # one by one: they are long
        self._made: list[tuple[float, Any]] = []

    def add(self, p: Plant, dt_s: float) -> None:
        """Add the step that was made last, of this length."""
        self._add_extremes(p, dt_s)
        self._made.append((dt_s, p.nodes["power"].outputs))
        if p.nodes["power"].outputs is None:
            return  # nothing was done yet
        if self.layout is None:
            self.layout = _layout(p)
        flat = np.concatenate(_parts(p, self.layout, dt_s))
        of_banks = _amounts(p.nodes[BANKS].outputs._fields)[1](p.nodes[BANKS].outputs)
        if not self._banks:
            self._flat, self._banks = flat, tuple(values.copy() for values in of_banks)
        else:
            self._flat += flat
            for so_far, values in zip(self._banks, of_banks, strict=True):
                np.add(so_far, values, out=so_far)
        self._sums.span_s += dt_s
        if len(self._made) >= BLOCK:
            self._add_power(p)

    def _add_extremes(self, p: Plant, dt_s: float) -> None:
        sums = self._sums
        if sums.hottest_k.shape != p.die_before_k.shape:
            sums.hottest_k, sums.slowest_frac = p.die_before_k.copy(), p.clock_frac.copy()
            sums.throttled_s = np.zeros(len(p.clock_frac))
        np.maximum(sums.hottest_k, p.die_before_k, out=sums.hottest_k)
        if p.clock_frac is not p.full_clock_frac:  # it nearly always is
            np.minimum(sums.slowest_frac, p.clock_frac, out=sums.slowest_frac)
        if p.cool_clock_frac is not p.full_clock_frac:
            sums.throttled_s += np.where(p.cool_clock_frac < 1.0, dt_s, 0.0)

    def part(self, source: Index, share_frac: Array) -> None:
        """Follow banks that part: bank that each came from, and its share of that; arrays (bank)."""
        sums = self._sums
        self._banks = tuple(values[source] * share_frac for values in self._banks)
        for name in ("hottest_k", "slowest_frac", "throttled_s"):
            if (so_far := getattr(sums, name)).ndim:
                setattr(sums, name, so_far[source])

    def totals(self, p: Plant) -> Totals:
        """Sums and extremes of the steps so far."""
        self._add_power(p)
        first, sums = 0, self._sums
        for node, name, end in self.layout.names if self._banks and self.layout else ():
            if node:
                sums.amounts.setdefault(node, {})[name] = self._flat[first:end]
            else:
                setattr(sums, name, self._flat[first:end])
            first = end
        if self._banks:
            names = _amounts(p.nodes[BANKS].outputs._fields)[0]
            sums.amounts[BANKS] = dict(zip(names, self._banks, strict=True))
        return sums

    def _add_power(self, p: Plant) -> None:
        """Add what the power chain did in the last steps, in a block."""
        steps, self._made = self._made, []
        sums, at, supply = self._sums, p.chain.at, p.chain.supply
        if steps and supply is not None:
            known = [supply.known(p, out) for _, out in steps]
            sums.load_frac = np.maximum(sums.load_frac, np.max([out.load_frac for out in known], axis=0))
            sums.voltage_pu = np.minimum(sums.voltage_pu, np.min([out.voltage_pu for out in known], axis=0))
        made = [out for _, out in steps if out is not None]
        if not made:
            return
        in_j = np.array([out.in_j for out in made])
        it_j = np.sum([in_j[:, at[kind]].sum(axis=1) for kind in IT if kind in at], axis=0)
        put_in_j = in_j[:, at["feed"]].sum(axis=1)
        if supply is not None:
            put_in_j += np.array([supply.own_j(out) for out in made])
        pue = np.divide(put_in_j, it_j, out=np.full(len(it_j), np.nan), where=it_j > 0.0)
        sums.pue_s += float((pue * np.array([dt_s for dt_s, _ in steps])).sum())


def _parts(p: Plant, layout: Layout, dt_s: float) -> list[Array]:
    """What a step adds to all but the banks."""
    power = p.nodes["power"]
    parts = [power.inputs.demand_w * dt_s, p.base_w * power.outputs.served_s[p.chain.at["rack"]]]
    if p.pools:
        parts += (p.serving.trunk_bytes, p.serving.traffic_bytes, *_OF_SERVING[1](p.serving.outputs))
    for node, pick in layout.picks:
        parts += pick(node.outputs)
    return parts


def _layout(p: Plant) -> Layout:
    nodes = {name: node for name, node in p.nodes.items() if name != BANKS}
    of_nodes = {name: _amounts(node.outputs._fields) for name, node in nodes.items()}
    names = [("", "asked_j"), ("", "base_j")]
    if p.pools:
        names += [("", "trunk_bytes"), ("", "traffic_bytes"), *(("serving", name) for name in _OF_SERVING[0])]
    names += [(node, name) for node, found in of_nodes.items() for name in found[0]]
    layout = Layout(tuple((nodes[name], found[1]) for name, found in of_nodes.items()), ())
    ends = accumulate(len(part) for part in _parts(p, layout, 0.0))
    return layout._replace(names=tuple((*name, end) for name, end in zip(names, ends, strict=True)))


@cache
def _amounts(fields: tuple[str, ...]) -> tuple[tuple[str, ...], Pick]:
    """Names of the outputs of a model that add up over steps, and what picks them."""
    names = tuple(name for name in fields if name.endswith(AMOUNTS) and "_per_" not in name)
    places = [fields.index(name) for name in names]
    if len(places) == 1:
        return names, lambda out: (out[places[0]],)
    return names, itemgetter(*places) if places else lambda out: ()


_OF_SERVING: Final = _amounts(model.Outputs._fields)
