"""Fat trees: ends to leaves by unit and rail, leaves to the spines of their pod, spines to groups of cores."""

from __future__ import annotations

import numpy as np

from twin.topology.fabric.arrays import Builder, Ints, order_within
from twin.topology.fabric.ports import Ports, ports
from twin.topology.fabric.sizes import Sizes


def add_tree(made: Builder, found: Sizes, ends: Ints, ports_each: int, first_port: int = 0) -> None:
    """Add the switches and lines of one layer.

    Parameters
    ----------
    made : Builder
        Holds the ends.
    found : Sizes
        Counts of the layer.
    ends : array (end,)
        Nodes at the ends: those of unit 1 first, and in a unit node by node.
    ports_each : int
        Adapters of each end, of which every one has a line to each plane and twin leaf.
    first_port : int
        Port of an end from which they count.
    """
    demand = found.demand
    nodes = np.repeat(ends, ports_each)
    adapter = np.tile(np.arange(ports_each), len(ends))
    rail = np.arange(len(nodes)) % demand.rails
    place = np.arange(len(nodes)) // demand.rails  # of the line within its rail
    lines = np.asarray(demand.unit_lines)
    unit = np.repeat(np.arange(len(lines)), lines)[place]
    within = place - (np.cumsum(lines) - lines)[unit]
    leaves = np.asarray(found.rail_leaves)
    first = np.cumsum(leaves) - leaves
    index = within * leaves[unit] // lines[unit]
    pair = first[unit] * demand.rails + rail * leaves[unit] + index
    planes = [_add_switches(made, found, plane) for plane in range(demand.planes)]
    made_leaves = [switches[0] for switches in planes]
    splits = demand.planes * demand.sides
    leaf_ports = ports(demand.cards[0])
    access = demand.rate_bytes_per_s
    out, port, up, cable = [], [], [], []
    for plane in range(demand.planes):
        for side in range(demand.sides):
            out.append(nodes)
            port.append(first_port + adapter * splits + plane * demand.sides + side)
            up.append(made_leaves[plane][pair * demand.sides + side])
            cable.append(np.arange(len(nodes)))
    ups = np.concatenate(up)
    lane = _lane(leaf_ports, order_within(ups), access)
    name = np.concatenate(cable)
    made.join("node-leaf", demand.layer, np.concatenate(out), np.concatenate(port), ups, lane, access, name)
    _add_managers(made, found, ups, made_leaves)
    for leaves, spines, _ in planes:
        if found.spines:
            _join_spines(made, found, leaves, spines)
    for _, spines, cores in planes:
        if found.groups:
            _join_cores(made, found, spines, cores)


def _lane(switch: Ports, line: Ints, rate_bytes_per_s: float, first_port: int = 0) -> Ints:
    """First lane of the n-th line of a rate, from a port on."""
    per_port = switch.lines(rate_bytes_per_s)
    step = switch.lanes // per_port
    return (first_port + line // per_port) * switch.lanes + line % per_port * step


def _add_managers(made: Builder, found: Sizes, ups: Ints, leaves: list[Ints]) -> None:
    """Fabric managers on free ports, on the emptiest leaves of the last plane."""
    demand = found.demand
    if not demand.managers:
        return
    last = leaves[-1]
    down = np.bincount(ups, minlength=int(last[-1]) + 1)[last]
    chosen = last[np.argsort(down, kind="stable")[np.arange(demand.managers) % len(last)]]
    ends = made.add("manager", demand.layer, 0, demand.managers)
    order = np.bincount(ups, minlength=int(last[-1]) + 1)[chosen] + order_within(chosen)
    lane = _lane(ports(demand.cards[0]), order, demand.rate_bytes_per_s)
    made.join("manager-leaf", demand.layer, ends, 0, chosen, lane, demand.rate_bytes_per_s)


def _add_switches(made: Builder, found: Sizes, plane: int) -> tuple[Ints, Ints, Ints]:
    """Add the leaves, spines and cores of a plane."""
    demand = found.demand
    plane_mark = f"-{'abcdefghijklmnop'[plane]}" if demand.planes > 1 else ""
    layer_mark = "" if demand.layer == "compute" else f"{demand.layer}-"
    marks = {kind: f"{layer_mark}{kind}{plane_mark}" for kind in ("leaf", "spine", "core")}
    rails, sides = demand.rails, demand.sides
    per_unit = np.asarray(found.rail_leaves) * rails * sides
    unit = np.repeat(np.arange(len(per_unit)), per_unit)
    within = np.arange(found.leaves) - (np.cumsum(per_unit) - per_unit)[unit]
    rail = within // (np.asarray(found.rail_leaves)[unit] * sides)
    pods = found.pods or (found.leaves,)
    pod = np.repeat(np.arange(len(pods)), pods)
    leaves = made.add(
        "leaf", demand.layer, 1, found.leaves, demand.cards[0], prefix=marks["leaf"], plane=plane, pod=pod, unit=unit,
        rail=rail if rails > 1 else -1,
    )  # fmt: skip
    spines = cores = np.empty(0, np.int64)
    if found.spines:
        spines = made.add(
            "spine", demand.layer, 2, found.spines * len(pods), demand.cards[1], prefix=marks["spine"], plane=plane,
            pod=np.repeat(np.arange(len(pods)), found.spines),
        )  # fmt: skip
    if found.groups:
        cores = made.add(
            "core", demand.layer, 3, found.cores, demand.cards[2], prefix=marks["core"], plane=plane
        )
    return leaves, spines, cores


def _join_spines(made: Builder, found: Sizes, leaves: Ints, spines: Ints) -> None:
    """Every leaf goes to all spines of its pod, as many lines to each."""
    demand, rate = found.demand, found.rates()["leaf-spine"]
    pod = np.repeat(np.arange(len(found.pods)), found.pods)
    line = np.tile(np.arange(found.up), len(leaves))
    lower = np.repeat(leaves, found.up)
    upper = spines[np.repeat(pod, found.up) * found.spines + line % found.spines]
    port_a = _lane(ports(demand.cards[0]), line, rate, found.leaf_ports)
    port_b = _lane(ports(demand.cards[1]), order_within(upper), rate)
    made.join("leaf-spine", demand.layer, lower, port_a, upper, port_b, rate)


def _join_cores(made: Builder, found: Sizes, spines: Ints, cores: Ints) -> None:
    """Spine i of every pod goes to the cores of its group, as many lines to each."""
    demand, rate = found.demand, found.rates()["spine-core"]
    below = -(-max(found.pods) * found.up // found.spines)
    used = -(-below // ports(demand.cards[1]).lines(found.rates()["leaf-spine"]))
    line = np.tile(np.arange(found.spine_up), len(spines))
    lower = np.repeat(spines, found.spine_up)
    group = np.repeat(np.arange(len(spines)) % found.spines * found.groups // found.spines, found.spine_up)
    upper = cores[group * found.group_cores + line % found.group_cores]
    port_a = _lane(ports(demand.cards[1]), line, rate, used)
    port_b = _lane(ports(demand.cards[2]), order_within(upper), rate)
    made.join("spine-core", demand.layer, lower, port_a, upper, port_b, rate)
