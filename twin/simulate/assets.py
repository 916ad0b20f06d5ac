"""Writes the site into the file: every asset with its place, every edge with its route."""

from __future__ import annotations

import networkx as nx
import numpy as np

from twin.plant import Plant
from twin.results import Writer
from twin.topology.assets import by_kind, edges_of

EDGE_KINDS = ("power", "coolant", "air", "network", "nvlink")


def write_site(writer: Writer, graph: nx.MultiDiGraph, plant: Plant, has_edges: bool = True) -> None:
    """Write assets and edges of a graph.

    Parameters
    ----------
    writer : Writer
        An open result file.
    graph : networkx.MultiDiGraph
        The site.
    plant : Plant
        Gives kinds that exist only as arrays, such as replicas.
    has_edges : bool
        Whether edges are written; of equal halls, only the first one's are.
    """
    data, kinds = dict(graph.nodes(data=True)), by_kind(graph)
    for kind, ids in kinds.items():
        ordered = list(plant.ids.get(kind, ids))
        nodes = [data[n] for n in ordered]
        writer.assets(
            kind,
            ordered,
            np.array([n["place"] for n in nodes], dtype=float),
            np.array([n["size"] for n in nodes], dtype=float),
            [",".join(n["parents"]) for n in nodes],
            [n["catalog"] for n in nodes],
        )
    for kind, members in plant.ids.items():
        if kind not in kinds:
            places = np.array(plant.places[kind], dtype=float)
            none = [""] * len(members)
            writer.assets(kind, members, places, np.zeros_like(places), none, none)
    if has_edges:
        _write_edges(writer, graph)


def _write_edges(writer: Writer, graph: nx.MultiDiGraph) -> None:
    for kind in EDGE_KINDS:
        if edges := edges_of(graph, kind):
            writer.edges(
                kind,
                [a for a, _, _ in edges],
                [b for _, b, _ in edges],
                [d.get("medium", "") for _, _, d in edges],
                np.array([d.get("length_m", 0.0) for _, _, d in edges]),
                [d.get("route", ()) for _, _, d in edges],
            )
