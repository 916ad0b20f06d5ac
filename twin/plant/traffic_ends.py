"""Ends of traffic: NVLink domains, replicas, storage and what is outside, with the links that are their own.

Storage and outside hang above all leaves. A domain crosses the trunks of its leaves as a KV transfer does. Its adapters
are those of the replicas on its GPUs, and a port for GPUs that serve nothing. Where the site has a network of its own
for storage or for requests, adapters and leaves of that network stand for them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import topology
from twin.models.serving.flows import Link
from twin.plant.maps import NOBODY, Maps
from twin.scenario.traffic import OUTSIDE, STORAGE, Traffic

Floats = NDArray[np.float64]
COMPUTE = "compute"
LAYERS = {STORAGE: "storage", OUTSIDE: "north-south"}
"""Network of its own that leads there, where a site has one."""


class Member(NamedTuple):
    """An end of flows.

    Parameters
    ----------
    name : str
        Domain, replica, ``storage``, ``outside``; domains that are alike and serve nothing are one member.
    domains, gpus : int
        How many it stands for, and their GPUs.
    below : (trunk,)
        Share of its adapters below each trunk; zero for what hangs above all of them.
    sends, receives : dict of link to float
        Share of its bytes that crosses each link of its own.
    """

    name: str
    domains: int
    gpus: int
    below: Floats
    sends: dict[Link, float]
    receives: dict[Link, float]


class Ends:
    """All ends of a hall's traffic.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The site.
    maps : Maps
        Who serves.
    traffic : Traffic
        Of the scenario.
    groups : sequence of str
        Groups of racks that flows name.

    Attributes
    ----------
    ports : list of float
        What links carry that no KV transfer crosses [bytes/s].
    trunk_bytes_per_s : (trunk,)
        Links from each leaf and pod up, then those down [bytes/s].
    without_adapters : list of str
        Domains that nothing leads to.
    """

    def __init__(self, graph: nx.MultiDiGraph, maps: Maps, traffic: Traffic, groups: Sequence[str]) -> None:
        self._graph, self._maps = graph, maps
        self.ports: list[float] = []
        self.without_adapters: list[str] = []
        self._teams = dict(zip(maps.ids["gpu"], maps.team_of_gpu.tolist(), strict=True))
        self._nics = _host_adapters(graph)
        self._host_ports: dict[tuple[str, str], int] = {}
        self.layers = (COMPUTE, *sorted({layer for layer, _ in self._nics}))
        self._members: dict[tuple[str, str], list[Member]] = defaultdict(list)
        domains = topology.domains(graph, groups)
        for layer in self.layers:
            self._add_domains(layer, domains)
        found = topology.attachment(graph, [])
        self.trunk_bytes_per_s = np.concatenate([found.trunk_bytes_per_s] * 2)
        above = np.zeros(len(found.trunk_bytes_per_s))
        if traffic.storage is not None:
            self._add_fixed(STORAGE, above, traffic.storage.read, traffic.storage.write)
        self._add_fixed(OUTSIDE, above, *[_gateway_bytes_per_s(graph)] * 2)

    def all(self, names: Iterable[str], far: Iterable[str] = ()) -> list[Member]:
        """Members of groups of racks, of storage or of outside, as those see them at the far end."""
        layer = next((LAYERS[name] for name in far if LAYERS.get(name) in self.layers), COMPUTE)
        return [
            member for name in names for member in self._members[name, COMPUTE if name in LAYERS else layer]
        ]

    def replicas(self) -> list[Member]:
        """Every replica as storage sees it."""
        gpus_of = self._maps.gpus_of_replica()
        layer = LAYERS[STORAGE] if LAYERS[STORAGE] in self.layers else COMPUTE
        below = self._below(layer, gpus_of)
        return [
            Member(self._maps.ids["replica"][r], 1, len(gpus), below[r], {}, {("receive", r): 1.0})
            if layer == COMPUTE
            else Member(self._maps.ids["replica"][r], 1, len(gpus), below[r], {}, self._hosts(layer, gpus))
            for r, gpus in enumerate(gpus_of)
        ]

    def _add_fixed(self, name: str, above: Floats, sends: float, receives: float) -> None:
        out, into = ({("port", self._port(rate)): 1.0} for rate in (sends, receives))
        self._members[name, COMPUTE].append(Member(name, 1, 1, above, out, into))

    def _port(self, rate_bytes_per_s: float) -> int:
        self.ports.append(rate_bytes_per_s)
        return len(self.ports) - 1

    def _below(self, layer: str, groups: Sequence[list[str]]) -> Floats:
        """Share of the adapters of groups of GPUs below each trunk, array (group, trunk)."""
        ends = groups if layer == COMPUTE else [self._host_nics(layer, gpus) for gpus in groups]
        return topology.attachment(self._graph, ends).share_frac

    def _add_domains(self, layer: str, domains: dict[str, list[str]]) -> None:
        """Members of each group of racks; domains that are alike and serve nothing are one."""
        below = self._below(layer, list(domains.values()))
        alike: dict[tuple[str, bytes], list[int]] = defaultdict(list)
        names = list(domains)
        for i, (name, gpus) in enumerate(domains.items()):
            group = self._graph.nodes[self._graph.nodes[gpus[0]]["rack"]]["group"]
            if any(self._teams[gpu] != NOBODY for gpu in gpus):
                self._members[group, layer].append(self._member(name, [gpus], below[i], layer))
            else:
                alike[group, below[i].round(9).tobytes()].append(i)
        for (group, _), places in alike.items():
            name = called([names[i] for i in places])
            gpus_of = [domains[names[i]] for i in places]
            self._members[group, layer].append(self._member(name, gpus_of, below[places[0]], layer))

    def _member(self, name: str, domains: Sequence[list[str]], below: Floats, layer: str) -> Member:
        gpus = [gpu for domain in domains for gpu in domain]
        sends, receives = self._adapters(name, gpus) if layer == COMPUTE else self._beside(layer, name, gpus)
        return Member(name, len(domains), len(gpus), below, sends, receives)

    def _adapters(self, name: str, gpus: list[str]) -> tuple[dict[Link, float], dict[Link, float]]:
        """Adapters of GPUs: those of replicas, which KV uses too, and ports for the idle."""
        serving = Counter(self._teams[gpu] for gpu in gpus if self._teams[gpu] != NOBODY)
        replicas: dict[int, float] = {}
        for replica, team in enumerate(self._maps.team_of_replica.tolist()):
            if team in serving:
                replicas[replica] = serving[team] / len(gpus) / int(self._maps.lanes_of_team[team])
        idle = [gpu for gpu in gpus if self._teams[gpu] == NOBODY]
        sends: dict[Link, float] = {("send", r): share for r, share in replicas.items()}
        receives: dict[Link, float] = {("receive", r): share for r, share in replicas.items()}
        if idle:
            rate = sum(topology.adapter_bytes_per_s(self._graph, gpu) for gpu in idle)
            self._add_ports(name, rate, len(idle) / len(gpus), sends, receives)
        return sends, receives

    def _beside(self, layer: str, name: str, gpus: list[str]) -> tuple[dict[Link, float], dict[Link, float]]:
        """Adapters of trays or nodes on a network of its own."""
        sends: dict[Link, float] = {}
        receives: dict[Link, float] = {}
        if any(self._teams[gpu] != NOBODY for gpu in gpus):
            receives = self._hosts(layer, gpus)
            sends = self._hosts(f"{layer} out", gpus)
        else:
            self._add_ports(name, self._rate(self._host_nics(layer, gpus)), 1.0, sends, receives)
        return sends, receives

    def _add_ports(
        self, name: str, rate: float, share: float, sends: dict[Link, float], receives: dict[Link, float]
    ) -> None:
        if rate <= 0.0:
            self.without_adapters.append(name)
            rate = 1.0
        for links in (sends, receives):
            links["port", self._port(rate)] = share

    def _hosts(self, layer: str, gpus: list[str]) -> dict[Link, float]:
        """Ports of the trays or nodes of GPUs, in one direction; the same for all who ask."""
        found: dict[Link, float] = {}
        for host, count in Counter(self._graph.nodes[gpu]["parents"][0] for gpu in gpus).items():
            key = (layer, host)
            if key not in self._host_ports:
                nics = self._nics.get((layer.removesuffix(" out"), host), [])
                self._host_ports[key] = self._port(self._rate(nics))
            found["port", self._host_ports[key]] = count / len(gpus)
        return found

    def _host_nics(self, layer: str, gpus: Iterable[str]) -> list[str]:
        hosts = dict.fromkeys(self._graph.nodes[gpu]["parents"][0] for gpu in gpus)
        return [nic for host in hosts for nic in self._nics.get((layer, host), ())]

    def _rate(self, nics: Iterable[str]) -> float:
        return sum(topology.adapter_bytes_per_s(self._graph, nic) for nic in nics)


def called(names: Sequence[str]) -> str:
    """What several ends are called together.

    Examples
    --------
    >>> called(["rack-1", "rack-2", "rack-3"])
    'rack-1 and 2 more'
    """
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _host_adapters(graph: nx.MultiDiGraph) -> dict[tuple[str, str], list[str]]:
    """Adapters that trays or nodes have on networks beside that of GPUs, by layer and host."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for nic, node in graph.nodes(data=True):
        if node.get("kind") == "nic" and node.get("layer"):
            found[node["layer"], node["parents"][0]].append(nic)
    return dict(found)


def _gateway_bytes_per_s(graph: nx.MultiDiGraph) -> float:
    """What the way in for requests carries in one direction [bytes/s]."""
    rates = [
        float(rate)
        for node, kind in graph.nodes(data="kind")
        if kind == "gateway"
        for _, _, key, rate in graph.out_edges(node, keys=True, data="rate_bytes_per_s")
        if key == "network"
    ]
    return sum(rates) or np.inf
