"""Lengths of cables: up from a device to the tray, along and across the trays, down again, and slack.

Without a hall, racks stand in a grid: units follow each other along the rows; network racks stand amid what they join
(a leaf amid its nodes, a spine amid its pod, a core amid all). A hall that has been built gives the real places.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import networkx as nx
import numpy as np

from twin.scenario.fabric import Floor
from twin.topology import constants as site
from twin.topology.assets import of_kind
from twin.topology.fabric import constants as c
from twin.topology.fabric.arrays import END_KINDS, Fabric, Flags, Floats, Ints
from twin.topology.fabric.media import lay

NVLINK_RACK_M = 1.0
"""Mean way of an NVLink line in its rack: "a meter or two" of reach (NVIDIA GTC 2025 keynote), 2026-11."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where racks stand.

    Parameters
    ----------
    x_m, y_m : array (rack,)
        Middle of each rack [m].
    tray_m : float
        Height of the network trays [m].
    cross_x_m : float or None
        Where cables cross from row to row; anywhere over a grid of trays where None.
    """

    x_m: Floats
    y_m: Floats
    tray_m: float
    cross_x_m: float | None = None

    @classmethod
    def grid(cls, floor: Floor, racks: int, network_racks: int = 0) -> Places:
        """Rows of equal racks; network racks widen the rows by their share.

        Examples
        --------
        >>> Places.grid(Floor(racks_per_row=2), 3).x_m.round(3).tolist()
        [0.3, 0.9, 0.3]
        """
        at = np.arange(racks, dtype=np.float64)
        pitch_m = site.CABINET_M[0] + site.NETWORK_RACK_M[0] * network_racks / max(racks, 1)
        x_m = (at % floor.racks_per_row + 0.5) * pitch_m
        y_m = (at // floor.racks_per_row) * (site.CABINET_M[1] + floor.aisle)
        return cls(x_m, y_m, site.CABINET_M[2] + site.NETWORK_TRAY_M)

    @classmethod
    def of_hall(cls, graph: nx.MultiDiGraph) -> Places:
        """Racks of a hall from :func:`twin.topology.build`, in order of their names."""
        nodes = [graph.nodes[name] for name in of_kind(graph, "rack")]
        x_m, y_m = (np.asarray([n["place"][i] + n["size"][i] / 2 for n in nodes]) for i in (0, 1))
        network = [graph.nodes[name] for name in of_kind(graph, "network_rack")]
        cross = min((n["place"][0] for n in network), default=None)
        tall = max(n["place"][2] + n["size"][2] for n in (*nodes, *network))
        return cls(x_m, y_m, tall + site.NETWORK_TRAY_M, cross)


def lengths(fabric: Fabric, places: Places | None = None) -> Floats:
    """Length of every link [m] (link,): of lines of a network; those of NVLink stay in their rack.

    Parameters
    ----------
    fabric : Fabric
    places : Places, optional
        Of a hall; the grid of the fabric's floor if left out.
    """
    floor = fabric.words.floor if fabric.words else Floor()
    rack = _racks(fabric, floor)
    count = int(rack.max()) + 1
    switches = sum(b.count for b in fabric.blocks if b.tier > 0 and b.layer != "nvlink")
    room = site.NETWORK_RACK_UNITS // 2
    if places is None:
        places = Places.grid(floor, count, ceil(switches / room) if floor.leaves == "middle" else 0)
    rack = np.minimum(rack, len(places.x_m) - 1)
    x_m, y_m = _spots(fabric, floor, places, rack)
    z_m = _heights(fabric, floor)
    a, b = fabric.a, fabric.b
    along, across = np.abs(x_m[a] - x_m[b]), np.abs(y_m[a] - y_m[b])
    if places.cross_x_m is not None:
        detour = np.abs(x_m[a] - places.cross_x_m) + np.abs(x_m[b] - places.cross_x_m)
        along = np.where(across > 1e-9, detour, along)
    over_m = 2 * places.tray_m - z_m[a] - z_m[b] + along + across + site.CABLE_SLACK_M
    inside_m = np.abs(z_m[a] - z_m[b]) + c.IN_RACK_SLACK_M
    is_inside = (along + across < 1e-9) & (floor.leaves == "top-of-rack")
    found = np.where(is_inside, inside_m, over_m)
    return _nvlink(fabric, found)


def _nvlink(fabric: Fabric, length_m: Floats) -> Floats:
    if "gpu-nvswitch" in fabric.parts:
        length_m = np.where(fabric.part == fabric.parts.index("gpu-nvswitch"), NVLINK_RACK_M, length_m)
    return length_m


def _racks(fabric: Fabric, floor: Floor) -> Ints:
    """Rack of every end point (node,); 0 for switches, which find their places later."""
    rack = np.zeros(fabric.nodes, np.int64)
    most = 0
    for block in fabric.blocks:
        at = slice(block.first, block.first + block.count)
        if block.kind in ("gpu", "host"):
            rack[at] = np.arange(block.count) // block.per // floor.nodes_per_rack
            most = max(most, int(rack[at].max()))
    for block in fabric.blocks:
        if block.kind in ("server", "manager"):
            rack[block.first : block.first + block.count] = most + 1 + np.arange(block.count) // 16
    return rack


def _spots(fabric: Fabric, floor: Floor, places: Places, rack: Ints) -> tuple[Floats, Floats]:
    """Place of every node on the floor: switches amid, or at the first of, what is below them."""
    x_m, y_m = places.x_m[rack], places.y_m[rack]
    tier = fabric.per_node("tier")
    for level in range(1, int(tier.max()) + 1):
        below = (tier[fabric.b] == level) & (tier[fabric.a] < level)
        uppers, lowers = fabric.b[below], fabric.a[below]
        count = np.bincount(uppers, minlength=fabric.nodes)
        has = count > 0
        for spot in (x_m, y_m):
            if level == 1 and floor.leaves == "top-of-rack":
                first = np.full(fabric.nodes, fabric.nodes)
                np.minimum.at(first, uppers, lowers)
                spot[has] = spot[first[has]]
            else:
                total = np.bincount(uppers, spot[lowers], fabric.nodes)
                spot[has] = total[has] / count[has]
    if floor.leaves == "middle":
        y_m = _on_rows(y_m, places, tier > 0)
    return x_m, y_m


def _on_rows(y_m: Floats, places: Places, is_switch: Flags) -> Floats:
    """Switches stand in a row, not in an aisle: that nearest to what they join."""
    rows = np.unique(places.y_m)
    middles = (rows[1:] + rows[:-1]) / 2
    return np.where(is_switch, rows[np.searchsorted(middles, y_m)], y_m)


def _heights(fabric: Fabric, floor: Floor) -> Floats:
    """Height of every node's ports above the floor [m]: nodes one above the other, switches at the top."""
    z_m = np.full(fabric.nodes, site.CABINET_M[2] - 4 * site.RACK_UNIT_M)
    for block in fabric.blocks:
        if block.kind in END_KINDS:
            step = np.arange(block.count) // block.per % floor.nodes_per_rack
            height_m = (step + 0.5) * site.CABINET_M[2] / (floor.nodes_per_rack + 1)
            z_m[block.first : block.first + block.count] = height_m
    return z_m


def lay_in_hall(fabric: Fabric, graph: nx.MultiDiGraph) -> Fabric:
    """Return the fabric with the lengths of a hall, and the delays that follow; media stay."""
    return lay(fabric, lengths(fabric, Places.of_hall(graph)))
