"""Whether a fabric can carry traffic as it is plugged: all faults at once, each with switch, port and mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from twin.errors import Fault, TopologyError
from twin.scenario.fabric import Words
from twin.topology.fabric.arrays import Fabric, Flags, Ints
from twin.topology.fabric.build import build
from twin.topology.fabric.ports import ports
from twin.topology.fabric.reading import load
from twin.topology.fabric.wiring import read_wiring

PORTS = 8192
"""More than any node has lanes: a port in a layer is one number with its node."""


def check_fabric(fabric: Fabric | Words | str | Path, design: Fabric | None = None) -> list[Fault]:
    """Find everything that is wrong with a fabric.

    Parameters
    ----------
    fabric : Fabric, Words or path
        A fabric; or words or their file, whose ``wiring`` is checked if they name one.
    design : Fabric, optional
        How it should be plugged; built from the fabric's words if left out.

    Returns
    -------
    list of Fault
        Missing and wrong cables, ports used twice, ports that a switch does not have, rates that no port
        carries, cables beyond their reach, ends that cannot be reached, planes that differ. Empty when
        all is well.

    Raises
    ------
    ScenarioError, TopologyError
        When the words have faults, or describe no fabric that can be.

    Examples
    --------
    >>> from twin.topology.fabric import build, preset
    >>> pod = build(preset("dgx-b200-superpod"))
    >>> check_fabric(pod), [fault.where for fault in check_fabric(pod.without([1024]))]
    ([], ['leaf-01 port 33'])
    """
    if not isinstance(fabric, Fabric):
        words = fabric if isinstance(fabric, Words) else load(fabric)
        design = build(words)
        fabric = read_wiring(words, design) if words.wiring else design
    if design is None and fabric.words and fabric.words.kind != "custom":
        design = build(fabric.words)
    marked = _Marked(fabric, design)
    return [fault for look in _LOOKS for fault in look(marked)]


def prove(fabric: Fabric) -> None:
    """Raise what :func:`check_fabric` finds.

    Raises
    ------
    TopologyError
        With all faults.
    """
    faults = check_fabric(fabric)
    if faults:
        raise TopologyError(f"the fabric {fabric.name} cannot run as it is", faults)


class _Marked:
    """A fabric with what several looks need."""

    def __init__(self, fabric: Fabric, design: Fabric | None) -> None:
        self.fabric, self.design = fabric, design
        self.names = np.asarray(fabric.names(), dtype=object)
        self.file = fabric.words.source.files[0] if fabric.words else fabric.name
        self.lanes = np.ones(fabric.nodes, np.int64)
        self.room = np.full(fabric.nodes, PORTS)
        for block in fabric.blocks:
            if block.card and block.kind in ("leaf", "spine", "core", "router", "switch"):
                at, found = slice(block.first, block.first + block.count), ports(block.card)
                self.lanes[at] = found.lanes if not fabric.node_names else 1
                self.room[at] = found.count * self.lanes[at]

    def spot(self, node: int, port: int) -> str:
        """A port by name."""
        lanes = self.lanes[node]
        label = f"{port // lanes + 1}/{port % lanes + 1}" if lanes > 1 else f"{port + 1}"
        return f"{self.names[node]} port {label}"

    def ends(self) -> tuple[Ints, Ints, Ints]:
        """Node, first lane and link of every end of every cable: lower ends, then upper ones."""
        f = self.fabric
        link = np.arange(f.links)
        return np.concatenate([f.a, f.b]), np.concatenate([f.port_a, f.port_b]), np.concatenate([link, link])

    def fault(self, where: str, found: str, expected: str, mend: str) -> Fault:
        """A fault of the fabric's file."""
        return Fault(self.file, 0, where, found, expected, mend)

    def widths(self) -> Ints:
        """Lanes that each end of each cable takes, in the order of :meth:`ends`."""
        f = self.fabric
        node, _, link = self.ends()
        width = np.ones(len(node), np.int64)
        for number, block in enumerate(f.blocks):
            if not block.card or block.tier == 0 or block.kind == "nvswitch":
                continue
            mine, switch = f.block[node] == number, ports(block.card)
            per_lane = switch.rate_bytes_per_s / switch.lanes
            if not f.node_names:
                width[mine] = np.clip(
                    np.ceil(f.rate_bytes_per_s[link[mine]] / per_lane - 1e-9), 1, switch.lanes
                )
        return width


def _against_design(m: _Marked) -> Iterator[Fault]:
    """Cables that are missing, plugged elsewhere, or not in the design."""
    if m.design is None:
        return
    f, d = m.fabric, m.design
    for layer in range(len(d.layers)):
        want, have = np.flatnonzero(d.layer == layer), np.flatnonzero(f.layer == layer)
        missing = want[~np.isin(_key(d, want), _key(f, have))]
        extra = have[~np.isin(_key(f, have), _key(d, want))]
        lower = {int(k): int(i) for k, i in zip(f.a[extra] * PORTS + f.port_a[extra], extra, strict=True)}
        upper = {int(k): int(i) for k, i in zip(f.b[extra] * PORTS + f.port_b[extra], extra, strict=True)}
        told: set[int] = set()
        for i in missing.tolist():
            here, there = m.spot(d.a[i], d.port_a[i]), m.spot(d.b[i], d.port_b[i])
            moved = lower.get(int(d.a[i] * PORTS + d.port_a[i]), -1)
            if moved < 0 or moved in told:
                moved = upper.get(int(d.b[i] * PORTS + d.port_b[i]), -1)
                here, there = (there, here) if moved >= 0 and moved not in told else (here, there)
            if moved < 0 or moved in told:
                mend = f"plug the missing cable into {here} and {there}"
                yield m.fault(here, "no cable", f"a cable to {there}", mend)
                continue
            told.add(moved)
            ends = [m.spot(f.a[moved], f.port_a[moved]), m.spot(f.b[moved], f.port_b[moved])]
            found = next((end for end in ends if end != here), here)
            mend = f"move its other end to {there}"
            yield m.fault(here, f"a cable to {found}", f"a cable to {there}", mend)
        for i in sorted(set(extra.tolist()) - told):
            here, there = m.spot(f.a[i], f.port_a[i]), m.spot(f.b[i], f.port_b[i])
            mend = "unplug it, or add it to the design"
            yield m.fault(here, f"a cable to {there}", "no cable by the design", mend)


def _key(f: Fabric, links: Ints) -> Ints:
    """One number for both ends of a link."""
    return (f.a[links] * PORTS + f.port_a[links]) * (f.nodes * PORTS) + f.b[links] * PORTS + f.port_b[links]


def _twice(m: _Marked) -> Iterator[Fault]:
    """Ports in which two cables are."""
    f = m.fabric
    node, port, link = m.ends()
    width = m.widths()
    at = np.repeat(np.arange(len(node)), width)
    lane = port[at] + np.arange(len(at)) - np.repeat(np.cumsum(width) - width, width)
    key = (f.layer[link[at]].astype(np.int64) * f.nodes + node[at]) * PORTS + lane
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])
    told: set[tuple[int, int]] = set()
    for i in same.tolist():
        one, two = at[order[i]], at[order[i + 1]]
        pair = (int(link[one]), int(link[two]))
        if pair in told:
            continue
        told.add(pair)
        here = m.spot(node[two], port[two])
        others = [_far(m, int(link[end]), int(node[end])) for end in (one, two)]
        yield m.fault(
            here, f"two cables: to {others[0]} and to {others[1]}", "one cable a port",
            f"unplug one of them from {here}",
        )  # fmt: skip


def _far(m: _Marked, link: int, node: int) -> str:
    f = m.fabric
    return m.spot(f.b[link], f.port_b[link]) if f.a[link] == node else m.spot(f.a[link], f.port_a[link])


def _radix(m: _Marked) -> Iterator[Fault]:
    """Ports that a switch does not have, and rates that its ports do not carry."""
    f = m.fabric
    node, port, link = m.ends()
    for i in np.flatnonzero((port + m.widths() > m.room[node]) | (port < 0)).tolist():
        most = m.room[node[i]] // m.lanes[node[i]]
        yield m.fault(
            m.spot(node[i], port[i]), f"a cable to {_far(m, int(link[i]), int(node[i]))}", f"ports 1 to {most}",
            "move the cable to a port that the switch has",
        )  # fmt: skip
    for number, block in enumerate(f.blocks):
        if not block.card or block.tier == 0 or block.kind == "nvswitch":
            continue
        mine = f.block[node] == number
        for rate in np.unique(f.rate_bytes_per_s[link[mine]]).tolist():
            if ports(block.card).lines(rate):
                continue
            wrong = np.flatnonzero(mine & (f.rate_bytes_per_s[link] == rate))
            where, count = m.spot(node[wrong[0]], port[wrong[0]]), len(wrong)
            more = f", and {count - 1} more" if count > 1 else ""
            port_rate = ports(block.card).rate_bytes_per_s
            expected = f"{port_rate * 8e-9:g} Gbit/s as a port of {block.card}, or a whole part"
            yield m.fault(
                where, f"a line of {rate * 8e-9:g} Gbit/s{more}", expected, "choose another rate or switch"
            )


def _rates(m: _Marked) -> Iterator[Fault]:
    """Lines of another rate than the design's."""
    if m.design is None:
        return
    f, d = m.fabric, m.design
    order = np.argsort(_key(d, np.arange(d.links)))
    keys = _key(d, order)
    mine = _key(f, np.arange(f.links))
    at = np.minimum(np.searchsorted(keys, mine), len(keys) - 1)
    rate = d.rate_bytes_per_s[order[at]]
    for i in np.flatnonzero((keys[at] == mine) & ~np.isclose(rate, f.rate_bytes_per_s, rtol=1e-9)).tolist():
        found, expected = f.rate_bytes_per_s[i] * 8e-9, rate[i] * 8e-9
        where = m.spot(f.b[i], f.port_b[i])
        yield m.fault(
            where, f"a line of {found:g} Gbit/s", f"{expected:g} Gbit/s", "change cable or port speed"
        )


def _reach(m: _Marked) -> Iterator[Fault]:
    """Cables longer than their ends carry: the longest of each kind."""
    f = m.fabric
    for number, medium in enumerate(f.media):
        mine = np.flatnonzero((f.medium == number) & (f.length_m > medium.reach_m * (1 + 1e-9)))
        if not len(mine):
            continue
        worst = mine[np.argmax(f.length_m[mine])]
        where = m.spot(f.a[worst], f.port_a[worst])
        found = f"{f.length_m[worst]:.1f} m to {m.names[f.b[worst]]}, and {len(mine) - 1} more too long"
        mend = "choose optics that reach further, or place racks closer"
        yield m.fault(where, found, f"at most the {medium.reach_m:g} m of {medium.name}", mend)


def _joined(m: _Marked) -> Iterator[Fault]:
    """Ends that cannot be reached from the others, in each plane of each layer."""
    f = m.fabric
    plane = f.per_node("plane")
    for number, layer in enumerate(f.layers):
        if layer == "nvlink":
            continue
        of_layer = f.layer == number
        wanted = _ends(m.design or f, number)
        for p in np.unique(plane[f.b[of_layer]]).tolist():
            cut = wanted[_cut(f, of_layer & (plane[f.b] == p), wanted)]
            if not len(cut):
                continue
            where = m.names[cut[0]]
            more = f", with {len(cut) - 1} more," if len(cut) > 1 else ""
            name = f"plane {p + 1} of the {layer} network" if plane.max() else f"the {layer} network"
            yield m.fault(
                str(where), f"cut off{more} in {name}", "a way to every other end",
                f"plug the cables of {where}, or those above its leaf",
            )  # fmt: skip


def _ends(f: Fabric, layer: int) -> Ints:
    """Ends that have a cable in a layer."""
    nodes = np.unique(np.concatenate([f.a[f.layer == layer], f.b[f.layer == layer]]))
    found: Ints = nodes[f.is_end[nodes]]
    return found


def _cut(f: Fabric, links: Flags, ends: Ints) -> Flags:
    """Which ends are not in the part that holds most of them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = f.a[links], f.b[links]
    graph = coo_array((np.ones(len(a), np.int8), (a, b)), (f.nodes, f.nodes))
    _, part = connected_components(graph, directed=False)
    found: Flags = part[ends] != np.argmax(np.bincount(part[ends])) if len(ends) else np.zeros(0, bool)
    return found


def _planes(m: _Marked) -> Iterator[Fault]:
    """Planes of the compute fabric with unlike numbers of cables."""
    f = m.fabric
    plane = f.per_node("plane")
    planes = max((b.plane for b in f.blocks), default=0) + 1
    is_split = np.isin(f.layer, [i for i, name in enumerate(f.layers) if name == "compute"])
    for number, part in enumerate(f.parts):
        counts = np.bincount(plane[f.b[is_split & (f.part == number)]], minlength=planes)
        if part == "manager-leaf" or counts.min() == counts.max():
            continue
        low = int(np.argmin(counts))
        yield m.fault(
            f"plane {low + 1}", f"{counts[low]:,} cables {part}", f"{counts.max():,}, as the other planes",
            "plug the missing cables of this plane",
        )  # fmt: skip


_LOOKS: tuple[Callable[[_Marked], Iterator[Fault]], ...] = (
    _against_design, _twice, _radix, _rates, _reach, _joined, _planes,
)  # fmt: skip
