"""Whether the UPS blocks keep the promise of the scenario: what is left carries the full load of the site."""

from __future__ import annotations

from collections.abc import Iterator

import networkx as nx

from twin.errors import Fault
from twin.scenario.power import CATCHER
from twin.scenario.schema import Scenario
from twin.topology.assets import of_kind
from twin.topology.power import PowerTree

MULTIPLES = {"N+1": 1, "2N": 2, "3N/2": 3, CATCHER: 1}
"""Blocks come in multiples of so many."""
CARRIERS = ("ups", "pdu")


def redundancy_faults(graph: nx.MultiDiGraph, scenario: Scenario) -> Iterator[Fault]:
    """Find what keeps ``power.ups.redundancy`` from being true at full load.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The site.
    scenario : Scenario
        The scenario it was built from.

    Examples
    --------
    >>> from twin.scenario import load
    >>> from twin.topology import build
    >>> hall = load("scenarios/gb200-hall.yaml", set={"power.ups.redundancy": "2N"})
    >>> [fault.where for fault in redundancy_faults(build(hall), hall)]
    ['power.ups.redundancy']
    """
    power, word = scenario.power, scenario.power.ups.redundancy
    if word is None or word == "N":
        return
    blocks, multiple = of_kind(graph, "ups"), MULTIPLES[word]
    for kind, count in (("ups", len(blocks)), ("pdu", power.pdu.count)):
        if count % multiple or count < max(multiple, 2):
            wanted = max(multiple, 2, count + -count % multiple)
            expected = f"a multiple of {multiple}, at least {max(multiple, 2)}, for {word}"
            yield scenario.source.fault(f"power.{kind}.count", str(count), expected, f"write {wanted}")
            return
    tree, worst = PowerTree.of(graph), (1.0 + 1e-9, "", "")
    losses = [[name] for name in blocks] + ([blocks[::2], blocks[1::2]] if word == "2N" else [])
    for down in losses:
        left = tree.after(down)
        out_w, dead = left.out_w(down=down), left.dead(down)
        if "rack" in {graph.nodes[name]["kind"] for name in dead}:
            worst = max(
                worst, (float("inf"), next(n for n in dead if graph.nodes[n]["kind"] == "rack"), down[0])
            )
        for name in of_kind(graph, *CARRIERS):
            if name not in dead:
                worst = max(worst, (out_w[name] / graph.nodes[name]["rating_w"], name, down[0]))
    load_frac, name, lost = worst
    if name:
        found = (
            f"{name} without power"
            if load_frac == float("inf")
            else f"{name} at {load_frac:.0%} of its rating"
        )
        yield scenario.source.fault(
            "power.ups.redundancy", f"{found} when {lost} is lost at full load",
            f"{word}: what is left carries everything", "larger or more UPS blocks and PDUs, or fewer racks",
        )  # fmt: skip
