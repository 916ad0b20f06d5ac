"""The networks of a hall in a table: switches and cables by tier, what they carry and draw, how often they fail."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np

from twin.topology.fabric.arrays import Fabric
from twin.topology.fabric.bill import Bill, Item, bill
from twin.topology.fabric.media import cable_of
from twin.topology.fabric.optics import failures_per_day


def networks(graph: nx.MultiDiGraph) -> list[dict[str, Any]]:
    """Rows of a hall's networks, tier by tier.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        From :func:`twin.topology.build`.

    Returns
    -------
    list of dict
        Rows of switches have ``layer``, ``tier``, ``name``, ``count`` and ``power_w`` without their optics. Rows of
        cables have ``layer``, ``part``, ``lines``, ``rate_bytes_per_s`` of a line, ``bytes_per_s_per_gpu`` of all
        lines in one direction, ``cables`` (what runs between the ends), ``length_m`` of all, ``optics_w`` of the
        modules of both ends, ``price_usd`` of them and ``failures_per_day`` (low, high). None where unknown.

    Examples
    --------
    >>> from twin.scenario import load
    >>> from twin.topology import build
    >>> rows = networks(build(load("scenarios/gb200-hall.yaml")))
    >>> [(row["tier"], row["count"]) for row in rows if "tier" in row]
    [('spine', 4), ('leaf', 8)]
    >>> [(row["part"], row["lines"], row["bytes_per_s_per_gpu"] / 1e9) for row in rows if "part" in row]
    [('gateway', 4, 0.6944444444444444), ('leaf-spine', 224, 38.888888888888886), ('node-leaf', 576, 50.0)]
    """
    fabric: Fabric = graph.graph["fabric"]
    made = bill(fabric)
    rows: list[dict[str, Any]] = [
        {"layer": i.layer, "tier": i.tier, "name": i.name, "count": i.count, "power_w": i.power_w}
        for i in made.items
        if i.what == "switch"
    ]
    for layer in fabric.layers:
        for part in fabric.parts:
            mine = fabric.of_layer(layer) & (fabric.part == fabric.parts.index(part))
            if mine.any():
                rows.append(_cables(fabric, made, (layer, part), np.flatnonzero(mine)))
    return rows


def _cables(fabric: Fabric, made: Bill, where: tuple[str, str], links: Any) -> dict[str, Any]:
    items = [i for i in made.items if (i.layer, i.tier) == where]
    modules = [i for i in items if i.what == "module"]
    lengths = [i.length_m or 0.0 for i in items if i.what == "cable"]
    rates = fabric.rate_bytes_per_s[links]
    optical = {i.name: i.count for i in modules if cable_of(i.name) != "copper"}
    spread = [sum(failures_per_day(optical, end).values()) for end in (1, 0)]
    return {
        "layer": where[0], "part": where[1], "lines": len(links), "rate_bytes_per_s": float(rates.max()),
        "bytes_per_s_per_gpu": float(rates.sum()) / made.gpus,
        "cables": sorted({i.name for i in items if i.what == "cable"}), "length_m": sum(lengths),
        "optics_w": _sum(modules, "power_w"), "price_usd": _sum(modules, "price_usd"), "failures_per_day": spread,
    }  # fmt: skip


def _sum(items: list[Item], quantity: str) -> float | None:
    """Sum over items; None where one is unknown."""
    values = [getattr(i, quantity) for i in items]
    return None if None in values else float(sum(values))
