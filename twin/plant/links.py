"""Links and switches that fail while a run goes on: what is left of adapters and of trunks.

Traffic goes evenly over the lines that are left. An adapter whose leaf is down, or has no line to a spine any more, is
as good as lost: its replica goes on over its others, and waits where it has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin.models import serving
from twin.plant.maps import Maps
from twin.plant.node import Array
from twin.scenario import Scenario
from twin.topology import SWITCHES, attachment
from twin.topology.fabric import Fabric

EVENTS = ("link-down", "switch-down")
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """Lines of the networks, and what hangs on them.

    Parameters
    ----------
    fabric : Fabric
        Networks of the hall.
    line_of_optic : tuple of (array, array)
        Optic and line, for every end of a line.
    switches : dict of str to array
        Nodes of the fabric, by kind, in the order of the ids.
    leaves : array (leaf,)
        Nodes of the leaves.
    pod_of_spine : array (node,)
        Pod of each spine of three tiers; -1 for every other node.
    team_of_end : array (node,)
        Team of each GPU; -1 for every other node.
    """

    fabric: Fabric
    line_of_optic: tuple[Index, Index]
    switches: dict[str, Index]
    leaves: Index
    pod_of_spine: Index
    team_of_end: Index

    @classmethod
    def of(cls, graph: nx.MultiDiGraph, maps: Maps) -> Lines:
        """Read the lines off a graph."""
        fabric: Fabric = graph.graph["fabric"]
        node = {name: i for i, name in enumerate(fabric.names())}
        pairs = [
            (i, line)
            for i, name in enumerate(maps.ids["optic"])
            for line in graph.nodes[name].get("lines", ())
        ]
        optic, line = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        pods = attachment(graph, []).pods
        pod_of_spine = np.full(fabric.nodes, -1)
        for pod, spines in enumerate(pods):
            pod_of_spine[[node[spine] for spine in spines]] = pod
        team = np.full(fabric.nodes, -1)
        team[[node[gpu] for gpu in maps.ids["gpu"]]] = maps.team_of_gpu
        switches = {k: np.array([node[i] for i in maps.ids[k]]) for k in SWITCHES if k in maps.ids}
        return cls(fabric, (optic, line), switches, switches["leaf"], pod_of_spine, team)

    def rates(self, is_up: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        """What lines that are up carry: above each leaf, above each pod, and from teams to leaves [bytes/s]."""
        f = self.fabric
        rate = np.where(is_up, f.rate_bytes_per_s, 0.0)
        at = {name: f.part == i for i, name in enumerate(f.parts)}
        none = np.zeros(f.links, dtype=bool)
        trunks = np.bincount(f.a, rate * at.get("leaf-spine", none), f.nodes)[self.leaves]
        tops = np.bincount(f.a, rate * at.get("spine-core", none), f.nodes)
        pods = np.bincount(
            self.pod_of_spine[self.pod_of_spine >= 0],
            tops[self.pod_of_spine >= 0],
            self.pod_of_spine.max() + 1,
        )
        place = np.full(f.nodes, -1)
        place[self.leaves] = np.arange(len(self.leaves))
        mine = at["node-leaf"] & (self.team_of_end[f.a] >= 0)
        teams = np.zeros((self.team_of_end.max() + 1, len(self.leaves)))
        np.add.at(teams, (self.team_of_end[f.a[mine]], place[f.b[mine]]), rate[mine])
        return trunks.astype(float), pods.astype(float), teams


def opened(params: serving.Params) -> serving.Params:
    """Parameters in which every replica has a place of its own, and every trunk is looked at."""
    engines = params.engines.copy()
    frac = params.attached_frac[engines["place"]]
    engines["place"] = np.arange(len(engines))
    narrow = np.flatnonzero(np.isfinite(params.trunk_bytes_per_s))
    return params._replace(engines=engines, attached_frac=frac, narrow_trunks=narrow)


def fails(scenario: Scenario) -> bool:
    """Whether links or switches go down in a scenario."""
    return any(event.kind in EVENTS for event in scenario.events.values())


def own(params: serving.Params) -> serving.Params:
    """Parameters whose capacities are of one plant alone, to be changed in place."""
    names = ("engines", "attached_frac", "trunk_bytes_per_s")
    return params._replace(**{name: getattr(params, name).copy() for name in names})


@dataclass
class Links:
    """Which lines and switches carry, and the capacities that follow.

    Parameters
    ----------
    lines : Lines
    maps : Maps
    params : serving.Params
        From :func:`own`; its capacities are changed in place.

    Attributes
    ----------
    inputs : dict of str to array
        ``optic.carries`` and the same of leaves, spines and cores: 1, or 0 where it is down.
    full : serving.Params
        Capacities with all up.
    """

    lines: Lines
    maps: Maps
    params: serving.Params
    inputs: dict[str, Array] = field(init=False)
    full: serving.Params = field(init=False)

    def __post_init__(self) -> None:
        counts = {"optic": len(self.maps.ids["optic"])}
        counts |= {kind: len(nodes) for kind, nodes in self.lines.switches.items()}
        self.inputs = {f"{kind}.carries": np.ones(count) for kind, count in counts.items()}
        self.full = own(self.params)
        self._known = self._state()
        self._rates = self.lines.rates(np.ones(self.lines.fabric.links, dtype=bool))

    def _state(self) -> Array:
        return np.concatenate(list(self.inputs.values()))

    def has_changed(self) -> bool:
        """Whether something went down or came up since the capacities were found; finds them anew."""
        now = self._state()
        if np.array_equal(now, self._known):
            return False
        self._known = now
        self._apply()
        return True

    def _is_up(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Lines and nodes that carry."""
        fabric = self.lines.fabric
        node = np.ones(fabric.nodes, dtype=bool)
        for kind, nodes in self.lines.switches.items():
            node[nodes] = self.inputs[f"{kind}.carries"] > 0.0
        line = node[fabric.a] & node[fabric.b]
        optic, of_optic = self.lines.line_of_optic
        line[of_optic[self.inputs["optic.carries"][optic] <= 0.0]] = False
        return line, node

    def _apply(self) -> None:
        full, params = self.full, self.params
        line, node = self._is_up()
        trunks, pods, teams = self.lines.rates(line)
        all_trunks, _, all_teams = self._rates
        leads_on = node[self.lines.leaves] & ((trunks > 0.0) | (all_trunks == 0.0))
        teams = teams * leads_on
        left, whole = teams.sum(axis=1), all_teams.sum(axis=1)
        scale = np.divide(left, whole, out=np.ones_like(left), where=whole > 0.0)[self.maps.team_of_replica]
        for name in ("send_bytes_per_s", "receive_bytes_per_s"):
            params.engines[name] = np.where(
                scale > 0.0, full.engines[name] * np.where(scale > 0.0, scale, 1.0), 0.0
            )
        each = np.concatenate([trunks, pods])
        params.trunk_bytes_per_s[:] = np.where(np.isinf(full.trunk_bytes_per_s), np.inf, np.tile(each, 2))
        shares = np.divide(teams, left[:, None], out=np.zeros_like(teams), where=left[:, None] > 0.0)
        pod = self._pod_of_leaf()
        tops = [shares[:, pod == i].sum(axis=1, keepdims=True) for i in range(len(pods))]
        wide = np.concatenate([shares, *tops], axis=1)[self.maps.team_of_replica]
        # who has no adapter left keeps its place, and waits
        params.attached_frac[:] = np.where(scale[:, None] > 0.0, wide, full.attached_frac)

    def _pod_of_leaf(self) -> Index:
        f = self.lines.fabric
        pod = np.full(f.nodes, -1)
        np.maximum.at(pod, f.a, self.lines.pod_of_spine[f.b])
        found: Index = pod[self.lines.leaves]
        return found
