"""Index maps: who belongs to whom, as arrays; the graph is not walked again while time runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import topology
from twin.errors import TopologyError
from twin.scenario import Scenario, racks_of_jobs
from twin.scenario.serving import Placed, placed, racks_of
from twin.topology.assets import by_kind, edges_of, of_kind

Index = NDArray[np.int64]
NOBODY = -1


@dataclass(frozen=True)
class Maps:
    """Ids by kind and index maps between kinds; -1 where an asset belongs to nobody.

    A *team* is the GPUs of one replica. Lanes of a pipeline are replicas that share a team: each of its
    GPUs works for all of them. A group has as many teams as ranks. A *bank* is GPUs of a rack and a team that are
    alike; from :func:`~twin.plant.banks.fold` on, arrays over GPUs have a row for each bank. Nodes that run jobs part
    and join while time runs (:class:`~twin.plant.job_banks.JobBanks`), each time into new maps.

    Parameters
    ----------
    ids : dict of str to tuple of str
        Asset ids by kind, in the order of all arrays.
    rack_of_gpu, team_of_gpu, cdu_of_gpu : array (gpu)
        Owner of each GPU package.
    cdu_of_rack : array (rack)
        CDU that cools a rack, -1 for a rack without liquid.
    group_of_rack : tuple of str (rack)
        Name of the rack group in the scenario.
    team_of_replica, group_of_replica, pool_of_replica : array (replica)
        Its GPUs, the replicas that step with it, and its place in ``pools``.
    pools : tuple of Placed
        Pools of the scenario, in order.
    node_of_gpu : array (gpu)
        Place among the nodes that run jobs, -1 for all other GPUs.
    bank_of_gpu : array (gpu)
        Row of each GPU in arrays over GPUs.
    gpus_of_bank : array (bank)
        GPUs that share a row.
    trunk_of_spine : array (spine)
        Place of the links from its pod to the cores among the trunks; -1 where there is no tier above.
    rack_of_door : array (rear_door)
        Rack of each rear door.
    """

    ids: dict[str, tuple[str, ...]]
    rack_of_gpu: Index
    team_of_gpu: Index
    cdu_of_gpu: Index
    cdu_of_rack: Index
    group_of_rack: tuple[str, ...]
    team_of_replica: Index
    group_of_replica: Index
    pool_of_replica: Index
    pools: tuple[Placed, ...]
    node_of_gpu: Index
    bank_of_gpu: Index
    gpus_of_bank: NDArray[np.float64]
    trunk_of_spine: Index
    rack_of_door: Index

    @cached_property
    def lanes_of_team(self) -> Index:
        """Replicas that share the GPUs of each team, array (team)."""
        return np.bincount(self.team_of_replica)

    @cached_property
    def pool_of_gpu(self) -> Index:
        """Place in ``pools`` of the replica of each bank, array (bank); -1 for GPUs that serve nothing."""
        pool_of_team = np.full(len(self.lanes_of_team) + 1, NOBODY)  # the last place is nobody's
        pool_of_team[self.team_of_replica] = self.pool_of_replica
        found: Index = pool_of_team[self.team_of_gpu]
        return found

    @cached_property
    def stretches(self) -> Index:
        """Where GPUs of one rack and one CDU begin, and the end of all, array (stretch + 1)."""
        is_other = (np.diff(self.rack_of_gpu) != 0) | (np.diff(self.cdu_of_gpu) != 0)
        return np.concatenate([[0], np.flatnonzero(is_other) + 1, [len(self.rack_of_gpu)]])

    @cached_property
    def rack_of_stretch(self) -> Index:
        """Rack of each stretch, array (stretch)."""
        return self.rack_of_gpu[self.stretches[:-1]]

    @cached_property
    def cdu_of_stretch(self) -> Index:
        """CDU of each stretch, array (stretch); -1 where there is none."""
        return self.cdu_of_gpu[self.stretches[:-1]]

    def in_rack(self) -> NDArray[np.bool_]:
        """Whether a replica has GPUs in a rack, array (replica, rack)."""
        serving = self.team_of_gpu >= 0
        teams = np.zeros((len(self.lanes_of_team), len(self.ids["rack"])), dtype=bool)
        teams[self.team_of_gpu[serving], self.rack_of_gpu[serving]] = True
        found: NDArray[np.bool_] = teams[self.team_of_replica]
        return found

    def gpus_of_replica(self) -> list[list[str]]:
        """Ids of the GPUs of each replica."""
        teams: list[list[str]] = [[] for _ in self.lanes_of_team]
        for gpu, team in zip(self.ids["gpu"], self.team_of_gpu.tolist(), strict=True):
            if team >= 0:
                teams[team].append(gpu)
        return [teams[team] for team in self.team_of_replica.tolist()]


def build_maps(graph: nx.MultiDiGraph, scenario: Scenario) -> Maps:
    """Read the index maps off the graph, once.

    Raises
    ------
    TopologyError
        When no replica of a pool finds room.
    """
    ids = {kind: tuple(names) for kind, names in by_kind(graph).items()}
    racks = {rack: i for i, rack in enumerate(ids["rack"])}
    cdus = {cdu: i for i, cdu in enumerate(ids.get("cdu", ()))}
    cdu_of_rack = np.full(len(racks), NOBODY)
    for a, b, _ in edges_of(graph, "coolant"):
        if a in cdus and b in racks:
            cdu_of_rack[racks[b]] = cdus[a]
    rack_of_gpu = np.array([racks[graph.nodes[g]["rack"]] for g in ids["gpu"]])
    pools = tuple(placed(scenario.serving))
    teams, owners = _place(graph, scenario, pools)
    width = max(3, len(str(len(owners))))
    ids["replica"] = tuple(f"replica-{i + 1:0{width}d}" for i in range(len(owners)))
    team_of_gpu = np.full(len(ids["gpu"]), NOBODY)
    gpus = {gpu: i for i, gpu in enumerate(ids["gpu"])}
    for team, members in enumerate(teams):
        team_of_gpu[[gpus[g] for g in members]] = team
    return Maps(
        ids=ids,
        rack_of_gpu=rack_of_gpu,
        team_of_gpu=team_of_gpu,
        cdu_of_gpu=cdu_of_rack[rack_of_gpu],
        cdu_of_rack=cdu_of_rack,
        group_of_rack=tuple(graph.nodes[r]["group"] for r in ids["rack"]),
        team_of_replica=owners[:, 0],
        group_of_replica=owners[:, 1],
        pool_of_replica=owners[:, 2],
        pools=pools,
        node_of_gpu=_nodes_of_jobs(graph, scenario, ids["gpu"]),
        bank_of_gpu=np.arange(len(ids["gpu"])),
        gpus_of_bank=np.ones(len(ids["gpu"])),
        trunk_of_spine=_trunk_of_spine(graph, ids.get("spine", ())),
        rack_of_door=np.array(
            [racks[graph.nodes[door]["parents"][0]] for door in ids.get("rear_door", ())], dtype=np.int64
        ),
    )


def _trunk_of_spine(graph: nx.MultiDiGraph, spines: tuple[str, ...]) -> Index:
    if not of_kind(graph, "core"):
        return np.full(len(spines), NOBODY)
    found = topology.attachment(graph, [])
    trunk = {spine: len(found.leaves) + i for i, pod in enumerate(found.pods) for spine in pod}
    return np.array([trunk.get(spine, NOBODY) for spine in spines], dtype=np.int64)


def serving_racks(scenario: Scenario) -> list[str]:
    """Groups of racks that are left to replicas."""
    taken = racks_of_jobs(scenario)
    return [group for group in scenario.racks if group not in taken]


def _nodes_of_jobs(graph: nx.MultiDiGraph, scenario: Scenario, gpus: tuple[str, ...]) -> Index:
    groups, places = racks_of_jobs(scenario), dict[str, int]()
    found = np.full(len(gpus), NOBODY)
    for i, gpu in enumerate(gpus):
        data = graph.nodes[gpu]
        if groups and graph.nodes[data["rack"]]["group"] in groups:
            found[i] = places.setdefault(data["parents"][0], len(places))
    return found


def replica_ids(graph: nx.MultiDiGraph, scenario: Scenario) -> tuple[str, ...]:
    """Ids of the replicas of a site, in the order of all arrays.

    Raises
    ------
    TopologyError
        When no replica of a pool finds room.
    """
    return build_maps(graph, scenario).ids["replica"]


def _place(
    graph: nx.MultiDiGraph, scenario: Scenario, pools: tuple[Placed, ...]
) -> tuple[list[list[str]], Index]:
    """GPUs of each team; and team, group and pool of each replica, array (replica, 3)."""
    teams: list[list[str]] = []
    owners: list[tuple[int, int, int]] = []
    groups, faults = 0, []
    used: set[str] = set()
    for index, (name, pool, keys) in enumerate(pools):
        racks = racks_of(scenario.serving, name, serving_racks(scenario))
        width = keys.tensor_parallel * keys.pipeline_parallel
        try:
            free = _without(graph, used)
            made = topology.groups(
                free, width * keys.attention_data_parallel, keys.tensor_parallel, racks, keys.placement
            )
        except TopologyError as error:
            path = pools[index].path("tensor_parallel")
            faults += [scenario.source.fault(path, f.found, f.expected, f.mend) for f in error.faults]
            continue
        for gpus in made[: pool.replicas]:
            used.update(gpus)
            for start in range(0, len(gpus), width):
                owners += [(len(teams), groups, index)] * keys.pipeline_parallel
                teams.append(gpus[start : start + width])
            groups += 1
    if faults:
        raise TopologyError("replicas find no room", faults)
    return teams, np.array(owners, dtype=np.int64).reshape(-1, 3)


def _without(graph: nx.MultiDiGraph, used: set[str]) -> nx.MultiDiGraph:
    """The site without GPUs that other pools have taken."""
    return nx.restricted_view(graph, used, ()) if used else graph
