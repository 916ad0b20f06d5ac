"""Dragonflies: groups of fully joined routers, and lines between every two groups.

Source: Kim, Dally, Scott, Abts, *Technology-driven, highly-scalable dragonfly topology*, ISCA 2008: p ends,
a routers of a group, h global lines of a router; balanced where a = 2p = 2h; at most a h + 1 groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from twin import catalog
from twin.errors import Fault, TopologyError
from twin.scenario.fabric import Words
from twin.topology.fabric.arrays import Builder, Ints, order_within
from twin.topology.fabric.ports import ports


@dataclass(frozen=True)
class Groups:
    """Sizes of a dragonfly: ends, routers of a group, global lines of a router, groups; rate of a line."""

    ends: int
    routers: int
    global_lines: int
    groups: int
    rate_bytes_per_s: float
    pair_lines: int

    def lines(self, ends: int) -> dict[str, int]:
        """Lines by part, for a number of ends."""
        return {
            "node-leaf": ends,
            "local": self.groups * self.routers * (self.routers - 1) // 2,
            "global": self.pair_lines * self.groups * (self.groups - 1) // 2,
        }


def groups(words: Words) -> Groups:
    """Find the smallest balanced dragonfly that holds all adapters, or the one that is asked for.

    Raises
    ------
    TopologyError
        When the ports of the switch do not suffice.

    Examples
    --------
    >>> from twin.topology.fabric import load
    >>> words = load(fabric="d", kind="dragonfly", gpus=1024, nic="cx7", leaf={"switch": "qm9700"})
    >>> groups(words)
    Groups(ends=4, routers=8, global_lines=4, groups=32, rate_bytes_per_s=50000000000.0, pair_lines=1)
    """
    card, asked = words.cards()[0], words.dragonfly
    switch = ports(card)
    rate = min(float(catalog.get("nic", words.adapter).rate_bytes_per_s), switch.rate_bytes_per_s)
    radix = switch.count * switch.lines(rate)
    ends = words.gpu_count * words.gpu_nics
    fixed = (asked.ends_per_switch, asked.switches_per_group, asked.global_per_switch)
    for half in range(1, radix + 1):
        p, a, h = (given or n for given, n in zip(fixed, (half, 2 * half, half), strict=True))
        count = max(1, -(-ends // (p * a)))
        if count <= a * h + 1 and p + a - 1 + h <= radix:
            return Groups(p, a, h, count, rate, a * h // (count - 1) if count > 1 else 0)
        if all(fixed):
            break
    sizes = "the sizes given" if all(fixed) else f"{radix} lines of a switch"
    fault = Fault("", 0, "dragonfly", f"{ends:,} adapters and {sizes} of {card}",
                  "ends + routers - 1 + global lines within its ports, and a h + 1 groups at most",
                  "choose a switch with more ports, or fewer GPUs")  # fmt: skip
    raise TopologyError("the dragonfly cannot be built", [fault])


def add_dragonfly(made: Builder, words: Words, ends: Ints) -> None:
    """Add routers and lines of a dragonfly above its ends."""
    g = groups(words)
    switch = ports(words.cards()[0])
    per_port, step = switch.lines(g.rate_bytes_per_s), switch.lanes // switch.lines(g.rate_bytes_per_s)

    def lane(line: Ints) -> Ints:
        return line // per_port * switch.lanes + line % per_port * step

    group = np.repeat(np.arange(g.groups), g.routers)
    routers = made.add("router", "compute", 1, len(group), words.cards()[0], pod=group)
    nodes = np.repeat(ends, words.gpu_nics)
    uppers = routers[np.arange(len(nodes)) * len(routers) // len(nodes)]
    adapter = np.tile(np.arange(words.gpu_nics), len(ends))
    rate = g.rate_bytes_per_s
    made.join("node-leaf", "compute", nodes, adapter, uppers, lane(order_within(uppers)), rate)
    i, j = np.triu_indices(g.routers, 1)
    base = np.repeat(np.arange(g.groups) * g.routers, len(i))
    low, high = np.tile(i, g.groups), np.tile(j, g.groups)
    made.join(
        "local", "compute", routers[base + low], lane(g.ends + high - 1), routers[base + high], lane(g.ends + low), rate
    )  # fmt: skip
    if g.pair_lines:
        _add_global(made, g, routers, lane)


def _add_global(made: Builder, g: Groups, routers: Ints, lane: object) -> None:
    """As many lines between every two groups; each group deals its own to its routers in turn."""
    i, j = (np.repeat(x, g.pair_lines) for x in np.triu_indices(g.groups, 1))
    both, peers = np.concatenate([i, j]), np.concatenate([j, i])
    by_peer = np.lexsort((peers, both))
    turn = np.empty(len(both), np.int64)
    turn[by_peer] = order_within(both[by_peer])
    router, line = routers[both * g.routers + turn % g.routers], turn // g.routers
    port = lane(g.ends + g.routers - 1 + line)  # type: ignore[operator]
    half = len(i)
    made.join("global", "compute", router[:half], port[:half], router[half:], port[half:], g.rate_bytes_per_s)
