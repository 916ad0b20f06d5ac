"""Whether the networks of a hall can carry traffic: ports, rates, reach, and what is known of their switches."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import networkx as nx

from twin import catalog
from twin.catalog import Card
from twin.errors import Fault
from twin.scenario.schema import Scenario
from twin.topology.assets import SWITCHES, edges_of, of_kind
from twin.topology.counted import Counts, line_rates, lines_per_port
from twin.topology.fabric.arrays import Fabric
from twin.topology.fabric.check import check_fabric
from twin.topology.fabric.wiring import read_wiring
from twin.topology.fabrics import box_power_w
from twin.units import to


def network_faults(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Faults of the networks of a hall.

    Of a design: ports, cables and reach as :func:`twin.topology.fabric.check_fabric` tells them, cables as they are
    plugged if the design names their list, and switches whose power nobody knows.
    """
    if scenario.network.design is None:
        for look in (_fabric, _ports, _reach):
            yield from look(graph, scenario)
        return
    design: Fabric = graph.graph["fabric"]
    words = design.words
    plugged = read_wiring(words, design) if words and words.wiring else design
    yield from check_fabric(plugged, design)
    yield from _powers(design, scenario)


def _powers(design: Fabric, scenario: Scenario) -> Iterator[Fault]:
    """Switches without watts: the run could not tell what the network draws."""
    cards = {b.card for b in design.blocks if b.kind in SWITCHES}
    for card in sorted(cards):
        if box_power_w(design.words, card) is None:
            yield scenario.source.fault(
                "network.design.powers", f"no power of {card} is known", "watts without its optics",
                f"add `powers: {{{card}: 1500 W}}` with the figure of its maker",
            )  # fmt: skip


def _ports(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Lines that no port takes, and leaves without a way up."""
    given = Counts.of(scenario.network)
    access, trunk = line_rates(scenario.network)
    tiers = (
        ("leaf", given.leaf, "nic_optics", access),
        ("leaf", given.leaf, "trunk_optics", trunk),
        ("spine", given.spine, "trunk_optics", trunk),
    )
    for tier, card, optics, rate in tiers:
        if not lines_per_port(card, rate):
            yield _port_rate(scenario, tier, card, optics, rate)
            return
    per_port = lines_per_port(given.leaf, access)
    for leaf in of_kind(graph, "leaf"):
        node = graph.nodes[leaf]
        needed = -(-node["lines_down"] // per_port)
        if needed < node["ports"] and node["lines_up"]:
            continue
        adapters = len(of_kind(graph, "nic"))
        if needed >= node["ports"]:
            least = ceil(adapters / per_port / (node["ports"] / 2))
            found = f"{node['lines_down']} adapters need {needed} of the {node['ports']} ports of {leaf}"
            yield scenario.source.fault(
                "network.leaf.count", found, "half of the ports free for the spines", f"write {least}"
            )
        else:
            yield scenario.source.fault(
                "network.spine.count", f"no port for {leaf}", "a port of a spine for every leaf", "add spines"
            )
        return


def _port_rate(scenario: Scenario, tier: str, switch: Card, optics: str, rate: float) -> Fault:
    port_rate = float(switch.port_rate_bytes_per_s)
    name = getattr(scenario.network, optics)
    return scenario.source.fault(
        f"network.{optics}",
        f"{name} makes lines of {to(rate, 'Gbit/s', 'data rate'):g} Gbit/s",
        f"{to(port_rate, 'Gbit/s', 'data rate'):g} Gbit/s as a port of {switch.name}, or a whole part of it",
        f"choose other optics or another {tier} switch",
    )


def _fabric(_graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Switches of another technology than the fabric."""
    wanted, given = scenario.network.fabric or "", Counts.of(scenario.network)
    technology = {"spectrum-x": "Ethernet", "infiniband": "InfiniBand"}[wanted]
    for tier, card in (("leaf", given.leaf), ("spine", given.spine)):
        name, found = card.name, card.switch_type
        if technology not in found:
            known = [n for n in catalog.names("switch") if technology in catalog.get("switch", n).switch_type]
            path, expected = f"network.{tier}.switch", f"{technology} for {wanted}"
            yield scenario.source.fault(path, f"{name}: {found}", expected, f"write {known[0]}")


def _reach(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Cables longer than their optics carry."""
    longest: dict[str, tuple[float, str]] = {}
    optic, nic = set(of_kind(graph, "optic")), set(of_kind(graph, "nic"))
    for a, b, edge in edges_of(graph, "network"):
        if a in optic and b in optic:
            optics = "nic_optics" if graph.nodes[b]["parents"][0] in nic else "trunk_optics"
            longest[optics] = max(longest.get(optics, (0.0, "")), (edge["length_m"], f"{a} to {b}"))
    for optics, (length_m, cable) in longest.items():
        name = getattr(scenario.network, optics)
        reach_m = catalog.get("optics", name).get("reach_m")
        if reach_m is not None and length_m > reach_m:
            found, expected = f"{length_m:.1f} m from {cable}", f"at most the {reach_m:g} m of {name}"
            mend = "choose optics that reach further"
            yield scenario.source.fault(f"network.{optics}", found, expected, mend)
