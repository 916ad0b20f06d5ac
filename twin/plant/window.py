"""What was done over a stretch of time that is looked back on: the last step, or a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from twin.topology import SWITCHES

if TYPE_CHECKING:
    from twin.plant.node import Array
    from twin.plant.plant import Plant

IT = ("psu", *SWITCHES)

AMOUNTS = ("_j", "_kg", "_s", "_tokens", "_bytes", "preemptions")
"""Endings of outputs that add up over steps."""

BLOCK: Final = 16
"""Steps that are summed up together: one after the other costs more than making them."""


class Step(NamedTuple):
    """What a step leaves to be summed up; its arrays are not changed any more.

    Parameters
    ----------
    dt_s : float
        Its length [s].
    outputs : dict of str to NamedTuple
        By node; of the replicas as node ``serving``, empty without any.
    base_w : array (rack)
        Power of everything in a rack but its GPUs [W].
    demand_w : array (element)
        What loads of the power chain asked for [W].
    trunk_bytes, traffic_bytes : array (trunk)
    die_k, clock_frac, cool_clock_frac : array (bank)
    """

    dt_s: float
    outputs: dict[str, Any]
    base_w: Array
    demand_w: Array
    trunk_bytes: Array
    traffic_bytes: Array
    die_k: Array
    clock_frac: Array
    cool_clock_frac: Array


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
        return np.zeros(len(p.nodes[node].params[0])) if found is None else found

    def rate(self, p: Plant, node: str, name: str) -> Array:
        """Mean rate of an output; zero before the first step."""
        return self.amount(p, node, name) / (self.span_s or 1.0)


class Window:
    """Collects steps, so that they need not be observed one by one: what is recorded as a mean or a sum is theirs."""

    def __init__(self) -> None:
        self._sums = Totals()
        self._steps: list[Step] = []

    def add(self, p: Plant, dt_s: float) -> None:
        """Add the step that was made last, of this length."""
        outputs = {name: node.outputs for name, node in p.nodes.items()}
        outputs["serving"] = p.serving.outputs
        step = Step(
            dt_s, outputs, p.base_w, p.nodes["power"].inputs.demand_w, p.serving.trunk_bytes,
            p.serving.traffic_bytes, p.die_before_k, p.clock_frac, p.cool_clock_frac,
        )  # fmt: skip
        self._steps.append(step)
        if len(self._steps) >= BLOCK:
            self._sum_up(p)

    def totals(self, p: Plant) -> Totals:
        """Sums and extremes of the steps so far."""
        self._sum_up(p)
        return self._sums

    def _sum_up(self, p: Plant) -> None:
        steps, self._steps = self._steps, []
        if not steps:
            return
        sums = self._sums
        for name, first in steps[0].outputs.items():
            if first is not None:
                _add_up(sums.amounts.setdefault(name, {}), [step.outputs[name] for step in steps])
        sums.span_s += sum(step.dt_s for step in steps)
        sums.trunk_bytes = sums.trunk_bytes + _sum([step.trunk_bytes for step in steps])
        sums.traffic_bytes = sums.traffic_bytes + _sum([step.traffic_bytes for step in steps])
        sums.asked_j = sums.asked_j + _sum([step.demand_w * step.dt_s for step in steps])
        sums.hottest_k = np.maximum(sums.hottest_k, _all(np.maximum, [step.die_k for step in steps]))
        clocks = {id(step.clock_frac): step.clock_frac for step in steps}  # mostly one
        sums.slowest_frac = np.minimum(sums.slowest_frac, _all(np.minimum, list(clocks.values())))
        slowed = [step for step in steps if step.cool_clock_frac.min() < 1.0] or steps[:1]
        sums.throttled_s = sums.throttled_s + _sum(
            [np.where(s.cool_clock_frac < 1.0, s.dt_s, 0.0) for s in slowed]
        )
        if p.chain.supply is not None:
            made = [p.chain.supply.known(p, step.outputs["power"]) for step in steps]
            sums.load_frac = np.maximum(sums.load_frac, _all(np.maximum, [out.load_frac for out in made]))
            sums.voltage_pu = np.minimum(sums.voltage_pu, _all(np.minimum, [out.voltage_pu for out in made]))
        if steps[0].outputs["power"] is not None:
            self._add_power(p, steps)

    def _add_power(self, p: Plant, steps: Sequence[Step]) -> None:
        sums, at = self._sums, p.chain.at
        made = [step.outputs["power"] for step in steps]
        base_j = [step.base_w * out.served_s[at["rack"]] for step, out in zip(steps, made, strict=True)]
        sums.base_j = sums.base_j + _sum(base_j)
        in_j = np.array([out.in_j for out in made])
        it_j = _sum([in_j[:, at[kind]].sum(axis=1) for kind in IT if kind in at])
        put_in_j = in_j[:, at["feed"]].sum(axis=1)
        if p.chain.supply is not None:
            put_in_j += np.array([p.chain.supply.own_j(out) for out in made])
        pue = np.divide(put_in_j, it_j, out=np.full(len(it_j), np.nan), where=it_j > 0.0)
        sums.pue_s += float((pue * np.array([step.dt_s for step in steps])).sum())


def _sum(parts: Sequence[Array]) -> Array:
    return _all(np.add, parts)


def _all(way: np.ufunc, parts: Sequence[Array]) -> Array:
    """Reduction of arrays, one after the other: stacking wide ones costs more than reducing them."""
    found = parts[0].copy()
    for part in parts[1:]:
        way(found, part, out=found)
    return found


@cache
def _amounts(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name.endswith(AMOUNTS) and "_per_" not in name)


def _add_up(totals: dict[str, Array], outputs: Sequence[Any]) -> None:
    """Add what adds up over steps, of a model's outputs, to totals by name."""
    for name in _amounts(outputs[0]._fields):
        amount = _sum([getattr(out, name) for out in outputs])
        totals[name] = totals[name] + amount if name in totals else amount
