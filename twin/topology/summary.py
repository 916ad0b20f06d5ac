"""A site in a few numbers, for reports."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import networkx as nx

from twin.topology.assets import of_kind
from twin.topology.power import PowerTree


@dataclass(frozen=True)
class Summary:
    """What stands on the site.

    Parameters
    ----------
    counts : dict of str to int
        Assets by kind.
    cables, cable_m : dict of str to int and float
        Network and NVLink lines by medium, and their lengths together [m], without those on circuit boards.
    optics_w : float
        Power of all transceivers [W].
    oversubscription : float
        Rate from the adapters over rate to the spines, of the worst leaf [1]; infinite without uplinks.
    feed_max_w : float
        Power drawn from the grid when every load draws its maximum [W].
    load_max_frac : dict of str to float
        Highest load of each kind of the power chain then, as a share of the rating [1].
    ups_load_one_down_frac : float
        The same for the UPS blocks that remain when the worst one is out; infinite when there is but one.
    """

    counts: dict[str, int]
    cables: dict[str, int]
    cable_m: dict[str, float]
    optics_w: float
    oversubscription: float
    feed_max_w: float
    load_max_frac: dict[str, float]
    ups_load_one_down_frac: float

    @property
    def survives_ups_loss(self) -> bool:
        """Whether the remaining UPS blocks carry the whole load when any one is out."""
        return self.ups_load_one_down_frac <= 1.0


def summary(graph: nx.MultiDiGraph) -> Summary:
    """Count assets, cables and watts of a site."""
    cables: Counter[str] = Counter()
    cable_m: Counter[str] = Counter()
    for _, _, key, data in graph.edges(keys=True, data=True):
        if key in ("network", "nvlink") and data["medium"]:
            cables[data["medium"]] += data["count"]
            cable_m[data["medium"]] += data["count"] * data["length_m"]
    tree = PowerTree.of(graph)
    out_w = tree.out_w()
    return Summary(
        counts=dict(Counter(kind for _, kind in graph.nodes(data="kind"))),
        cables=dict(cables),
        cable_m=dict(cable_m),
        optics_w=sum(graph.nodes[o]["power_w"] for o in of_kind(graph, "optic")),
        oversubscription=max((oversubscription(graph, leaf) for leaf in of_kind(graph, "leaf")), default=1.0),
        feed_max_w=out_w["feed"],
        load_max_frac={k: _highest(graph, out_w, k) for k in ("feed", "transformer", "ups", "pdu", "psu")},
        ups_load_one_down_frac=_one_ups_down(graph, tree),
    )


def oversubscription(graph: nx.MultiDiGraph, leaf: str) -> float:
    """Rate from the adapters over rate to the spines [1]."""
    up = (d for _, _, key, d in graph.in_edges(leaf, keys=True, data=True) if key == "network")
    down = (d for _, _, key, d in graph.out_edges(leaf, keys=True, data=True) if key == "network")
    up_rate, down_rate = (sum(d["rate_bytes_per_s"] for d in edges) for edges in (up, down))
    return down_rate / up_rate if up_rate else float("inf")


def _highest(graph: nx.MultiDiGraph, out_w: dict[str, float], kind: str, without: str = "") -> float:
    names = [n for n in of_kind(graph, kind) if n != without]
    return max((out_w.get(n, 0.0) / graph.nodes[n]["rating_w"] for n in names), default=float("inf"))


def _one_ups_down(graph: nx.MultiDiGraph, tree: PowerTree) -> float:
    blocks = of_kind(graph, "ups")
    return max(_highest(graph, tree.out_w(down=[block]), "ups", without=block) for block in blocks)
