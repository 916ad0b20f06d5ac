"""Adapters that the GPUs of a tray or node share: for storage, and for requests from outside."""

from __future__ import annotations

import networkx as nx

from twin import catalog
from twin.topology import constants as c
from twin.topology.assets import add_asset, add_link
from twin.topology.fabric.arrays import Fabric
from twin.topology.geometry import Box
from twin.topology.racks import Adapter

_UP_FRAC = 0.55  # above the adapters of the GPUs in the picture, as a share of the height of the tray


def add_host_adapters(graph: nx.MultiDiGraph, fabric: Fabric) -> dict[tuple[str, int, int], Adapter]:
    """Add the adapters of the networks beside the compute fabric, and return them by layer, node and port.

    Those of the network that requests come over lead on to the GPUs of their tray or node.
    """
    hosts = next((b for b in fabric.blocks if b.kind == "host"), None)
    words = fabric.words
    if hosts is None or words is None:
        return {}
    found = {}
    for layer, section in (("storage", words.storage), ("north-south", words.north_south)):
        if section is None:
            continue
        for node, host in enumerate(hosts.names(), hosts.first):
            for port in range(section.ports_per_node):
                found[layer, node, port] = _add(
                    graph, host, layer, section.nic, (port, section.ports_per_node)
                )
            if layer == "north-south":
                _lead_on(graph, host, section.nic, section.ports_per_node)
    return found


def _add(graph: nx.MultiDiGraph, host: str, layer: str, card: str, port: tuple[int, int]) -> Adapter:
    """Add one adapter with its transceiver to a tray or node."""
    tray = graph.nodes[host]
    rack = graph.nodes[tray["parents"][0]]
    box = Box(tray["place"], tray["size"], rack["facing"])
    nic, index = f"{host}/{layer}-nic-{port[0] + 1}", port[0] + (2 if layer == "storage" else 0)
    size = (0.2 * box.size[0], 0.1 * box.size[1], 0.3 * box.size[2])
    x_m = (0.02 + 0.24 * (index % 4)) * box.size[0]
    nic_box = box.part(x_m, 0.13 * box.size[1], _UP_FRAC * box.size[2], size)
    optic_box = box.part(x_m, 0.0, _UP_FRAC * box.size[2], size)
    found = catalog.get("nic", card)
    rate = float(found.rate_bytes_per_s)
    add_asset(graph, nic, "nic", nic_box, host, catalog=card, rail=port[0], layer=layer)
    add_asset(graph, f"{nic}/optic", "optic", optic_box, nic)
    add_link(graph, f"{nic}/optic", nic, "network", rate_bytes_per_s=rate)
    latency_s = float(found.get("latency_s", c.NIC_LATENCY_S))
    add_link(graph, nic, host, "network", rate_bytes_per_s=rate, latency_s=latency_s)
    return Adapter(nic, f"{nic}/optic", optic_box, rack["row"], *port, gpu="")


def _lead_on(graph: nx.MultiDiGraph, host: str, card: str, ports: int) -> None:
    """Join a tray or node to its GPUs, which share its adapters."""
    rate = float(catalog.get("nic", card).rate_bytes_per_s) * ports
    inside = [v for _, v, key in graph.out_edges(host, keys=True) if key == "place"]
    for gpu in inside:
        if graph.nodes[gpu]["kind"] == "gpu":
            add_link(graph, host, gpu, "network", rate_bytes_per_s=rate)
