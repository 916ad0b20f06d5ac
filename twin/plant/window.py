"""What was done over a stretch of time that is looked back on: the last step, or a sample."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from twin.plant.node import add_up
from twin.topology import SWITCHES

if TYPE_CHECKING:
    from twin.plant.node import Array
    from twin.plant.plant import Plant

IT = ("psu", *SWITCHES)


@dataclass
class Window:
    """Amounts of models and replicas, and the extremes of what only ticks change.

    Whatever is recorded as a mean or a sum comes from here, so that steps need not be observed one by one.

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

    def add(self, p: Plant, dt_s: float) -> None:
        """Add the step that was made last, of this length."""
        for name, node in p.nodes.items():
            add_up(self.amounts.setdefault(name, {}), node.outputs)
        add_up(self.amounts.setdefault("serving", {}), p.serving.outputs)
        self.trunk_bytes = self.trunk_bytes + p.serving.trunk_bytes
        if (made := p.nodes["power"].outputs) is not None:
            self.base_j = self.base_j + p.base_w * made.served_s[p.chain.at["rack"]]
        self.asked_j = self.asked_j + p.nodes["power"].inputs.demand_w * dt_s
        self.traffic_bytes = self.traffic_bytes + p.serving.traffic_bytes
        self.span_s += dt_s
        self.pue_s += _pue(p) * dt_s
        self.hottest_k = np.maximum(self.hottest_k, p.die_before_k)
        self.slowest_frac = np.minimum(self.slowest_frac, p.clock_frac)
        self.throttled_s = self.throttled_s + (p.cool_clock_frac < 1.0) * dt_s
        if p.chain.supply is not None:
            now = p.chain.supply.last(p)
            self.load_frac = np.maximum(self.load_frac, now.load_frac)
            self.voltage_pu = np.minimum(self.voltage_pu, now.voltage_pu)

    def amount(self, p: Plant, node: str, name: str) -> Array:
        """Sum of an output; zero before the first step."""
        found = self.amounts.get(node, {}).get(name)
        return np.zeros(len(p.nodes[node].params[0])) if found is None else found

    def rate(self, p: Plant, node: str, name: str) -> Array:
        """Mean rate of an output; zero before the first step."""
        return self.amount(p, node, name) / (self.span_s or 1.0)


def _pue(p: Plant) -> float:
    outputs = p.nodes["power"].outputs
    if outputs is None:
        return np.nan
    it_j = sum(outputs.in_j[p.chain.at[k]].sum() for k in IT if k in p.chain.at)
    put_in_j = outputs.in_j[p.chain.at["feed"]].sum()
    if p.chain.supply is not None:
        put_in_j += p.chain.supply.own_j(p)
    return float(put_in_j / it_j) if it_j > 0.0 else np.nan
