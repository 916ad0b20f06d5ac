"""Jobs in the plant: who holds which nodes, and what that makes GPUs and racks draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.models import jobs as model
from twin.plant._over_gpus import total
from twin.plant.job_banks import JobBanks
from twin.plant.maps import Index, Maps
from twin.plant.node import Array
from twin.plant.thermal import Gpus
from twin.registry import find
from twin.scenario import Scenario

if TYPE_CHECKING:
    from twin.plant.plant import Plant


@dataclass(frozen=True)
class Nodes:
    """Nodes that run jobs, as arrays.

    Parameters
    ----------
    bank, rack : array (node), int
        Row of its GPUs where each node has a bank of its own, and its rack.
    gpu_range_w : array (node)
        What its GPUs draw more at full load than idle [W].
    cpu_range_w : array (node)
        The same of its CPUs [W].
    idle_w : array (node)
        All that it draws idle, behind the power shelves [W].
    """

    bank: Index
    rack: Index
    gpu_range_w: Array
    cpu_range_w: Array
    idle_w: Array


def nodes_of(graph: nx.MultiDiGraph, maps: Maps, gpus: Gpus, base_w: Array) -> Nodes:
    """Nodes that run jobs, read off folded maps.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
    maps, gpus
        Of banks.
    base_w : array (rack)
        Power of everything in a rack but its GPUs, idle [W].
    """
    runs = np.flatnonzero(maps.node_of_gpu >= 0)
    bank = runs[np.argsort(maps.node_of_gpu[runs], kind="stable")]
    rack = maps.rack_of_gpu[bank]
    each = np.bincount(rack, minlength=len(maps.ids["rack"]))
    cards = [catalog.get("system", graph.nodes[name]["catalog"]) for name in maps.ids["rack"]]
    cpu_w = np.array([float(card.get("cpu_range_w", 0.0)) for card in cards])
    power = gpus.power
    return Nodes(
        bank, rack, (power.tdp_w - power.idle_w)[bank], cpu_w[rack],
        power.idle_w[bank] + base_w[rack] / each[rack],
    )  # fmt: skip


class Jobs:
    """Jobs of a run on the nodes of a site.

    Parameters
    ----------
    table : model.Table
        All jobs.
    nodes : Nodes
        Where they run.
    scenario : Scenario
        Names the policy.
    banks : JobBanks
        Which nodes are one body now.
    racks : int
        Size of the array over racks that is handed out.
    """

    def __init__(
        self, table: model.Table, nodes: Nodes, scenario: Scenario, banks: JobBanks, racks: int
    ) -> None:
        policy = scenario.jobs.policy if scenario.jobs else ""
        self.nodes, self.table = nodes, table
        self.queue = model.Queue(table, len(nodes.bank), find("twin.policies.scheduling", policy, "choose"))
        self._racks, self.banks = racks, banks
        self._done: list[model.Outputs] = []
        self._seen, self._steady = -1, cast("tuple[Array, Array] | None", None)
        self.used_s = 0.0

    def advance(self, until_s: float) -> None:
        """Let jobs come, begin and end, up to an instant."""
        out = self.queue.advance(until_s)
        self._done.append(out)
        self.used_s += out.used_s

    def take(self, p: Plant) -> tuple[Array, Array]:
        """Mean power above idle over the tick that ends now: of GPUs, array (bank), and of CPUs, array (rack) [W].

        Banks may part over it.
        """
        gpu_w, cpu_w = self._of_nodes_w(p.tick_s)
        return self.banks.of_banks_w(p, gpu_w), cpu_w

    def _of_nodes_w(self, tick_s: float) -> tuple[Array, Array]:
        """The same of GPUs by nodes; the same arrays as long as nothing changes."""
        is_calm = self.queue.changes == self._seen
        self._seen = self.queue.changes
        if is_calm and self._steady is not None:
            self._done.clear()
            return self._steady
        gpu_s = sum((out.gpu_s for out in self._done), np.zeros(1))
        cpu_s = sum((out.cpu_s for out in self._done), np.zeros(1))
        self._done.clear()
        gpu_w = np.zeros(self.banks.nodes)
        gpu_w[self.nodes.bank] = gpu_s * self.nodes.gpu_range_w / tick_s
        found = gpu_w, total(cpu_s * self.nodes.cpu_range_w / tick_s, self.nodes.rack, self._racks)
        self._steady = found if is_calm else None
        return found

    def columns(self, duration_s: float) -> dict[str, NDArray[Any]]:
        """Table of jobs for the file; energy behind the power shelves, idle nodes included, leakage not [J]."""
        queue, table = self.queue, self.table
        first = queue.first_node
        gpu_s, cpu_s = queue.integrals_s()
        held_s = np.where(np.isfinite(queue.ended_at_s), queue.ended_at_s, duration_s) - queue.started_at_s
        one = self.nodes
        node_j = held_s * one.idle_w[first] + gpu_s * one.gpu_range_w[first] + cpu_s * one.cpu_range_w[first]
        return {
            "job": np.arange(len(table.nodes)), "submitted_at_s": table.submitted_at_s,
            "started_at_s": queue.started_at_s, "ended_at_s": queue.ended_at_s, "nodes": table.nodes,
            "gpu_frac": table.gpu_frac, "cpu_frac": table.cpu_frac,
            "energy_j": np.where(first >= 0, table.nodes * node_j, 0.0),
        }  # fmt: skip
