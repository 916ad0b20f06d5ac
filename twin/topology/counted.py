"""The fabric of a hall from leaves and spines by their number: every port that is left goes up.

A port may be broken out into lines of a slower rate (800 Gbit/s into two of 400 Gbit/s).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from twin import catalog
from twin.catalog import Card
from twin.scenario.schema import Network
from twin.topology import constants as c
from twin.topology.fabric.arrays import Builder, Fabric, Ints, order_within
from twin.topology.fabric.media import Medium, cable_of, share
from twin.topology.fabric.ports import ports
from twin.topology.rack_types import Host


@dataclass(frozen=True)
class Line:
    """One kind of cable: rate, its ends and medium, and the power of one end.

    Parameters
    ----------
    rate_bytes_per_s : float
        One direction.
    end_w : float
        That of the card, or its share where the line is slower than the card.
    medium : Medium
    """

    rate_bytes_per_s: float
    end_w: float
    medium: Medium


@dataclass(frozen=True)
class Counts:
    """What a network by numbers says, all of it given."""

    leaf: Card
    spine: Card
    leaves: int
    spines: int
    nic: Card
    nic_optics: str
    trunk_optics: str

    @classmethod
    def of(cls, network: Network) -> Counts:
        """Read the cards of a checked network without a design."""
        leaf, spine = network.leaf, network.spine
        assert leaf and spine and network.nic and network.nic_optics and network.trunk_optics
        return cls(
            catalog.get("switch", leaf.switch), catalog.get("switch", spine.switch), leaf.count, spine.count,
            catalog.get("nic", network.nic), network.nic_optics, network.trunk_optics,
        )  # fmt: skip


def lines_per_port(card: Card, rate_bytes_per_s: float) -> int:
    """Lines of a rate that a port of a switch carries; 0 where it cannot.

    Examples
    --------
    >>> [lines_per_port(catalog.get("switch", name), 50e9) for name in ("sn5600", "qm9700")]
    [2, 1]
    """
    return ports(card.name).lines(rate_bytes_per_s)


def lines(network: Network) -> tuple[Line, Line]:
    """Cables from adapters to leaves, and from leaves to spines.

    Raises
    ------
    CatalogError
        When a card is missing or lacks a rate.
    """
    given = Counts.of(network)
    return _line(given.nic_optics, given.nic, given.leaf), _line(given.trunk_optics, given.leaf, given.spine)


def line_rates(network: Network) -> tuple[float, float]:
    """Rate of a line from an adapter to a leaf, and from a leaf to a spine [bytes/s]."""
    access, trunk = lines(network)
    return access.rate_bytes_per_s, trunk.rate_bytes_per_s


def _line(optics: str, *ends: Card) -> Line:
    card = catalog.get("optics", optics)
    rates = [float(e.rate_bytes_per_s if e.kind == "nic" else e.port_rate_bytes_per_s) for e in ends]
    rate = min([float(card.rate_bytes_per_s), *rates])
    is_copper = "copper" in card.medium
    medium = Medium(
        optics, optics, optics, cable_of(optics), float(card.get("reach_m") or np.inf),
        float(card.get("latency_s", 0.0 if is_copper else c.SIGNAL_PROCESSORS_S)),
        float(card.get("propagation_s_per_m", c.COPPER_S_PER_M if is_copper else c.FIBRE_S_PER_M)),
    )  # fmt: skip
    return Line(rate, share(optics, rate) * float(card.power_per_end_w), medium)


def leaf_of(rails: Sequence[tuple[int, int]], leaves: int) -> list[int]:
    """Leaf of each adapter, rail-optimised.

    Where the leaves are a multiple of the rails, each rail has a leaf in each scalable unit, and a unit is
    a run of neighbouring trays or nodes (reference architecture of the DGX SuperPOD). Otherwise
    adapters go round the leaves in turn.

    Parameters
    ----------
    rails : sequence of (int, int)
        Which adapter of its tray or node each is, and how many there are.
    leaves : int

    Examples
    --------
    >>> nics = [(rail, 4) for _ in range(2) for rail in range(4)]
    >>> leaf_of(nics, 4), leaf_of(nics, 8), leaf_of(nics, 3)
    ([0, 1, 2, 3, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 0, 1, 2, 0, 1])
    """
    per_node = {count for _, count in rails}
    if len(per_node) != 1 or leaves % min(per_node):
        return [i % leaves for i in range(len(rails))]
    per_unit = min(per_node)
    units, groups = len(rails) // per_unit, leaves // per_unit
    return [rail + per_unit * ((i // per_unit) * groups // units) for i, (rail, _) in enumerate(rails)]


def uplinks(down: Sequence[int], network: Network) -> list[int]:
    """Lines from each leaf to the spines: as many as come from below, as far as ports go.

    Parameters
    ----------
    down : sequence of int
        Lines from adapters to each leaf.

    Returns
    -------
    list of int
        Lines to the spines; 0 where no port is left.
    """
    given = Counts.of(network)
    access, trunk = lines(network)
    per_leaf_port, per_spine_port = (
        lines_per_port(card, trunk.rate_bytes_per_s) for card in (given.leaf, given.spine)
    )
    access_per_port = lines_per_port(given.leaf, access.rate_bytes_per_s) or 1
    spine_ports = int(given.spine.ports) - -(-c.GATEWAY_LINES_PER_SPINE // (per_spine_port or 1))
    room = spine_ports * per_spine_port * given.spines // len(down)
    ratio = access.rate_bytes_per_s / trunk.rate_bytes_per_s
    made = []
    for count in down:
        free = (int(given.leaf.ports) - -(-count // access_per_port)) * per_leaf_port
        made.append(max(0, min(ceil(count * ratio), free, room)))
    return made


def counted(network: Network, hosts: Sequence[Host]) -> Fabric:
    """Build the fabric of a network by numbers; its cables have their media, and no lengths yet.

    Lines of the gateway go to the first ports of the spines; those of leaves go round the spines in turn.
    """
    given, (access, trunk) = Counts.of(network), lines(network)
    rails = [
        (i, len(host.gpus) * host.nics_per_gpu)
        for host in hosts
        for i in range(len(host.gpus) * host.nics_per_gpu)
    ]
    of_leaf = np.array(leaf_of(rails, given.leaves))
    made = Builder("fabric", None)
    gpus = made.add(
        "gpu", "compute", 0, sum(len(h.gpus) for h in hosts), own=[g for h in hosts for g in h.gpus]
    )
    spines = made.add("spine", "compute", 2, given.spines, given.spine.name)
    leaves = made.add("leaf", "compute", 1, given.leaves, given.leaf.name)
    gateway = made.add("gateway", "compute", 0, 1, own=["gateway"])
    ways = np.tile(np.arange(given.spines), c.GATEWAY_LINES_PER_SPINE)
    rate = trunk.rate_bytes_per_s
    lane = _lanes(given.spine, order_within(ways), rate)
    made.join(
        "gateway", "compute", np.repeat(gateway, len(ways)), np.arange(len(ways)), spines[ways], lane, rate
    )
    down = np.bincount(of_leaf, minlength=given.leaves)
    up = np.array(uplinks(down.tolist(), network))
    lower = np.repeat(np.arange(given.leaves), up)
    upper = np.arange(len(lower)) % given.spines
    used = -(-down // (lines_per_port(given.leaf, access.rate_bytes_per_s) or 1))
    lane_a = _lanes(given.leaf, order_within(lower), rate, used[lower])
    lane_b = _lanes(given.spine, order_within(upper), rate, c.GATEWAY_LINES_PER_SPINE)
    made.join("leaf-spine", "compute", leaves[lower], lane_a, spines[upper], lane_b, rate)
    nics = np.concatenate([np.full(len(host.gpus), host.nics_per_gpu) for host in hosts])
    ends = np.repeat(gpus, nics)
    lane = _lanes(given.leaf, order_within(of_leaf), access.rate_bytes_per_s)
    made.join(
        "node-leaf", "compute", ends, order_within(ends), leaves[of_leaf], lane, access.rate_bytes_per_s
    )
    fabric = made.done()
    medium = np.where(fabric.part == fabric.parts.index("node-leaf"), 0, 1).astype(np.int16)
    return replace(fabric, media=(access.medium, trunk.medium), medium=medium)


def _lanes(card: Card, line: Ints, rate_bytes_per_s: float, first_port: Ints | int = 0) -> Ints:
    """First lane of the n-th line of a rate, from a port on."""
    switch = ports(card.name)
    per_port = switch.lines(rate_bytes_per_s) or 1
    found: Ints = (first_port + line // per_port) * switch.lanes + line % per_port * (
        switch.lanes // per_port
    )
    return found
