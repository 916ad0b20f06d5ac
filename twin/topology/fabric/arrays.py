"""A fabric as arrays: nodes in blocks of equal parts, and links with their ports; a graph on demand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin.scenario.fabric import Words
from twin.topology.fabric.ports import ports

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

END_KINDS = ("gpu", "host", "server", "manager", "gateway")
"""Kinds of nodes at the ends of a fabric; all others are switches."""


@dataclass(frozen=True)
class Block:
    """Nodes in a row that are equal but for their place.

    Parameters
    ----------
    kind : str
        ``gpu``, ``host`` (a node with its processors), ``server``, ``manager``, ``nvswitch``, ``leaf``, ``spine``,
        ``core`` or ``router``.
    layer : str
        ``compute``, ``storage``, ``north-south`` or ``nvlink``; ends belong to the layer they were made for.
    tier, plane, first, count : int
        Tier 0 holds the ends; ``first`` is the number of the first node.
    card : str
        Catalog card; empty where there is none.
    prefix : str
        Names are the prefix and a number from 1; ``node-{}/gpu-{}`` where ``per`` GPUs share a node.
    own : tuple of str
        Names of its nodes, where they have some already.
    """

    kind: str
    layer: str
    tier: int
    plane: int
    first: int
    count: int
    card: str
    prefix: str
    per: int = 1
    own: tuple[str, ...] = field(default=(), repr=False)

    def names(self) -> list[str]:
        """Names of its nodes.

        Examples
        --------
        >>> Block("leaf", "compute", 1, 0, 0, 2, "qm9700", "leaf").names()
        ['leaf-1', 'leaf-2']
        """
        if self.own:
            return list(self.own)
        width = len(str(-(-self.count // self.per)))
        if self.kind == "gpu":
            pairs = (divmod(i, self.per) for i in range(self.count))
            return [f"node-{n + 1:0{width}d}/gpu-{g + 1}" for n, g in pairs]
        return [f"{self.prefix}-{i + 1:0{width}d}" for i in range(self.count)]


@dataclass(frozen=True, eq=False)
class Fabric:
    """End points, switches and lines as struct-of-arrays.

    Parameters
    ----------
    name : str
    words : Words or None
        From which it was built; None for a graph read from a file by hand.
    blocks : tuple of Block
        Together all nodes, in order.
    pod, unit, rail : array (node,)
        Place of a node; -1 where it has none.
    parts, layers : tuple of str
        Names that ``part`` and ``layer`` of a link refer to.
    a, b : array (link,)
        Node of the lower and of the upper end.
    port_a, port_b : array (link,)
        First lane of the port at each end, counted from 0 in its layer; see :meth:`port_name`.
    part, layer : array (link,)
    cable : array (link,)
        Lines with the same number are one cable that splits.
    rate_bytes_per_s : array (link,)
        One direction.
    latency_s, length_m : array (link,)
        Of the cable: signal processors and propagation; 0 until cables are laid.
    medium : array (link,)
        Index into ``media``; -1 until cables are laid.
    media : tuple
        Cables in use, see :mod:`twin.topology.fabric.media`.
    node_names : tuple of str
        Of a custom graph; empty where blocks give the names.

    Examples
    --------
    >>> from twin.topology.fabric import build, preset
    >>> pod = build(preset("dgx-b200-superpod"))
    >>> pod.nodes, pod.links, pod.name_of(0), pod.name_of(pod.nodes - 1)
    (1072, 2048, 'node-001/gpu-1', 'spine-16')
    """

    name: str
    words: Words | None
    blocks: tuple[Block, ...]
    pod: Ints
    unit: Ints
    rail: Ints
    parts: tuple[str, ...]
    layers: tuple[str, ...]
    a: Ints
    b: Ints
    port_a: Ints
    port_b: Ints
    part: NDArray[np.int16]
    layer: NDArray[np.int16]
    cable: Ints
    rate_bytes_per_s: Floats
    latency_s: Floats
    length_m: Floats
    medium: NDArray[np.int16]
    media: tuple[Any, ...] = ()
    node_names: tuple[str, ...] = field(default=(), repr=False)

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return sum(block.count for block in self.blocks)

    @property
    def links(self) -> int:
        """Number of lines."""
        return len(self.a)

    @property
    def block(self) -> Ints:
        """Block of each node (node,)."""
        return np.repeat(np.arange(len(self.blocks)), [block.count for block in self.blocks])

    def per_node(self, key: str) -> NDArray[Any]:
        """A field of the blocks for every node: ``kind``, ``tier``, ``plane``, ``layer`` or ``card``."""
        return np.asarray([getattr(block, key) for block in self.blocks])[self.block]

    @property
    def is_end(self) -> Flags:
        """Whether a node is an end point (node,)."""
        return np.asarray([block.kind in END_KINDS for block in self.blocks])[self.block]

    @property
    def down_lines(self) -> Ints:
        """Lines from each node to what is below it (node,)."""
        return np.bincount(self.b, minlength=self.nodes) - self._from_gateway

    @property
    def up_lines(self) -> Ints:
        """Lines from each node to what is above it (node,)."""
        return np.bincount(self.a, minlength=self.nodes)

    @property
    def _from_gateway(self) -> Ints:
        gateways = self.of_kind("gateway")
        return np.bincount(self.b[np.isin(self.a, gateways)], minlength=self.nodes)

    def names(self) -> list[str]:
        """Names of all nodes."""
        return list(self.node_names) or [name for block in self.blocks for name in block.names()]

    def name_of(self, node: int) -> str:
        """Name of one node."""
        if self.node_names:
            return self.node_names[node]
        block = next(b for b in self.blocks if b.first <= node < b.first + b.count)
        return block.names()[node - block.first]

    def of_kind(self, *kinds: str, layer: str = "") -> Ints:
        """Nodes of some kinds, in order; of one layer if it is named."""
        found = [
            np.arange(b.first, b.first + b.count)
            for b in self.blocks
            if b.kind in kinds and layer in ("", b.layer)
        ]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def of_layer(self, layer: str) -> Flags:
        """Whether a link is of a layer (link,)."""
        at = self.layers.index(layer) if layer in self.layers else -1
        return np.asarray(self.layer == at)

    def lanes_of(self, node: int) -> int:
        """Lanes of each port of a node; 1 for what is no switch."""
        block = next(b for b in self.blocks if b.first <= node < b.first + b.count)
        is_scale_out = block.card and block.kind in ("leaf", "spine", "core", "router")
        return ports(block.card).lanes if is_scale_out else 1

    def port_name(self, node: int, port: int) -> str:
        """A port as it is written on a switch: its number from 1, and the lane where ports have several.

        Examples
        --------
        >>> from twin.topology.fabric import build, preset
        >>> pod = build(preset("dgx-b300-superpod-spectrum-x", units=1))
        >>> pod.port_name(int(pod.b[0]), 3)
        '2/2'
        """
        lanes = self.lanes_of(node)
        return f"{port // lanes + 1}/{port % lanes + 1}" if lanes > 1 else str(port + 1)

    def without(self, links: Iterable[int] = (), switches: Iterable[int] = ()) -> Fabric:
        """Return the fabric less some links, and less all links of some nodes; nodes keep their numbers."""
        down = np.zeros(self.links, bool)
        down[np.asarray(list(links), np.int64)] = True
        gone = np.asarray(list(switches), np.int64)
        return self.only(~(down | np.isin(self.a, gone) | np.isin(self.b, gone)))

    def only(self, kept: Flags) -> Fabric:
        """Return the fabric with some of its links (link,)."""
        names = ("a", "b", "port_a", "port_b", "part", "layer", "cable", "rate_bytes_per_s", "latency_s",
                 "length_m", "medium")  # fmt: skip
        return replace(self, **{name: getattr(self, name)[kept] for name in names})

    def graph(self, layer: str = "") -> nx.MultiGraph:
        """Return it as a graph: nodes by name, an edge a line, with what the arrays hold."""
        made, names = nx.MultiGraph(name=self.name), self.names()
        columns = {key: self.per_node(key) for key in ("kind", "tier", "plane", "card")}
        columns |= {"pod": self.pod, "unit": self.unit, "rail": self.rail}
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        made.add_nodes_from(
            (n, dict(zip(columns, row, strict=True))) for n, row in zip(names, rows, strict=True)
        )
        for i in np.flatnonzero(self.of_layer(layer) if layer else np.ones(self.links, bool)).tolist():
            medium = self.media[self.medium[i]].name if self.medium[i] >= 0 else ""
            made.add_edge(
                names[self.a[i]], names[self.b[i]], part=self.parts[self.part[i]], medium=medium,
                ports=(self.port_name(self.a[i], self.port_a[i]), self.port_name(self.b[i], self.port_b[i])),
                rate_bytes_per_s=float(self.rate_bytes_per_s[i]), latency_s=float(self.latency_s[i]),
                length_m=float(self.length_m[i]),
            )  # fmt: skip
        if layer:
            made.remove_nodes_from([n for n, degree in list(made.degree()) if not degree])
        return made


class Builder:
    """Collects blocks of nodes and sets of links, then makes the fabric."""

    def __init__(self, name: str, words: Words | None) -> None:
        self.name, self.words = name, words
        self.blocks: list[Block] = []
        self.places: list[tuple[Any, Any, Any]] = []
        self.rows: list[tuple[Any, ...]] = []
        self.parts: list[str] = []
        self.layers: list[str] = []
        self.cables = 0

    @property
    def nodes(self) -> int:
        """Nodes so far."""
        return sum(b.count for b in self.blocks)

    def add(
        self, kind: str, layer: str, tier: int, count: int, card: str = "", *, prefix: str = "", plane: int = 0,
        per: int = 1, pod: Any = -1, unit: Any = -1, rail: Any = -1, own: Sequence[str] = (),
    ) -> Ints:  # fmt: skip
        """Add a block and return the numbers of its nodes."""
        first = self.nodes
        self.blocks.append(
            Block(kind, layer, tier, plane, first, count, card, prefix or kind, per, tuple(own))
        )
        self.places.append((pod, unit, rail))
        return np.arange(first, first + count)

    def join(
        self, part: str, layer: str, a: Ints, port_a: Any, b: Ints, port_b: Any, rate_bytes_per_s: Any,
        cable: Ints | None = None,
    ) -> None:  # fmt: skip
        """Add links from lower ends ``a`` to upper ends ``b``; ``cable`` numbers those that share one."""
        for names, name in ((self.parts, part), (self.layers, layer)):
            if name not in names:
                names.append(name)
        own = np.arange(len(a)) if cable is None else cable
        row = (a, b, port_a, port_b, self.parts.index(part), self.layers.index(layer), own + self.cables)
        self.rows.append((*row, rate_bytes_per_s))
        self.cables += int(own.max()) + 1 if len(own) else 0

    def done(self, node_names: tuple[str, ...] = ()) -> Fabric:
        """Return the fabric; cables are not laid yet."""
        columns = [
            np.concatenate([np.broadcast_to(np.asarray(row[i]), len(row[0])) for row in self.rows])
            for i in range(8)
        ]
        a, b, port_a, port_b = (column.astype(np.int64) for column in columns[:4])
        pod, unit, rail = (
            np.concatenate([
                np.broadcast_to(np.asarray(place[i], np.int64), block.count)
                for place, block in zip(self.places, self.blocks, strict=True)
            ])
            for i in range(3)
        )  # fmt: skip
        return Fabric(
            self.name, self.words, tuple(self.blocks), pod, unit, rail, tuple(self.parts), tuple(self.layers),
            a, b, port_a, port_b, columns[4].astype(np.int16), columns[5].astype(np.int16),
            columns[6].astype(np.int64), columns[7].astype(np.float64), np.zeros(len(a)), np.zeros(len(a)),
            np.full(len(a), -1, np.int16), (), node_names,
        )  # fmt: skip


def order_within(groups: Ints) -> Ints:
    """Number of each entry among those of its group, in order.

    Examples
    --------
    >>> order_within(np.array([3, 1, 3, 3, 1]))
    array([0, 0, 1, 2, 1])
    """
    by_group = np.argsort(groups, kind="stable")
    ordered = groups[by_group]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(ordered) else np.empty(0, bool)
    first = np.maximum.accumulate(np.where(starts, np.arange(len(ordered)), 0))
    found = np.empty(len(groups), np.int64)
    found[by_group] = np.arange(len(ordered)) - first
    return found
