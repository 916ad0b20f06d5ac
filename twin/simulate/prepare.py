"""Everything that is known before time runs: scenario, graph, requests, weather."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import networkx as nx

from twin import scenario as scenarios
from twin import topology
from twin.errors import Fault, ScenarioError, TopologyError
from twin.plant import Blueprint, compile_plant, replica_ids
from twin.quantities import NUMBERS
from twin.registry import find
from twin.scenario import ONLY, Hall, Requests, Scenario, Series, Tariff
from twin.topology.site_graph import uncollected


@dataclass(frozen=True)
class Prepared:
    """A scenario that was proved to run.

    Parameters
    ----------
    scenario : Scenario
        With fidelity and seed as they will run.
    graph : networkx.MultiDiGraph
        The site.
    requests : Requests
        Arrivals and lengths, sorted.
    weather : Series
        Outdoor air over the run.
    tariff : Tariff
        What energy from the grid costs and emits over it.
    run_id : str
        Scenario name and hash of content, seed and numbers version.
    hall : Hall
        Which hall of a site this is, when it is one. A site of several holds the requests of its first hall.
    blueprint : Blueprint, optional
        The site as arrays, where halls share it.
    """

    scenario: Scenario
    graph: nx.MultiDiGraph
    requests: Requests
    weather: Series
    tariff: Tariff
    run_id: str
    hall: Hall = ONLY
    blueprint: Blueprint | None = None

    @property
    def is_site(self) -> bool:
        """Whether this is a site of several halls, each of which is a run of its own."""
        return self.scenario.hall.count > self.hall.count


def _event_faults(graph: nx.MultiDiGraph, scenario: Scenario) -> list[Fault]:
    """Events whose asset does not stand on the site, or is of another kind."""
    faults = []
    halls = [f"{hall}/" for hall in hall_ids(scenario)] if scenario.hall.count > 1 else [""]
    for name, event in scenario.events.items():
        kinds: Any = find("twin.processes", event.kind, "ASSET_KIND")
        kinds = (kinds,) if isinstance(kinds, str) else kinds
        if event.asset is None:  # it happens to the site; the scenario was checked for that
            continue
        known = [hall + asset for hall in halls for kind in kinds for asset in _assets(graph, scenario, kind)]
        if event.asset not in known:
            near = difflib.get_close_matches(event.asset, known, 1) or known[:1] or ["another event"]
            named = " or ".join(kind.replace("_", " ") for kind in kinds)
            listed = ", ".join(known[:8]) or f"a site with a {named}"
            path = f"events.{name}.asset"
            faults.append(
                scenario.source.fault(
                    path, event.asset, f"a {named} of the site: {listed}", f"write {near[0]}"
                )
            )
    return faults


def hall_ids(scenario: Scenario) -> list[str]:
    """Names of the halls of a site; assets of the hall ``hall-03`` have ids such as ``hall-03/cdu-1``."""
    digits = max(2, len(str(scenario.hall.count)))
    return [f"hall-{i + 1:0{digits}d}" for i in range(scenario.hall.count)]


def _assets(graph: nx.MultiDiGraph, scenario: Scenario, kind: str) -> list[str]:
    """Ids of a kind; replicas stand in no graph."""
    if kind != "replica":
        return [n for n, k in graph.nodes(data="kind") if k == kind]
    try:
        return list(replica_ids(graph, scenario))
    except TopologyError:
        return []  # told where it belongs


def prove(ready: Prepared) -> None:
    """Compile a prepared site without running it: the model fits its GPUs, and the tick suits its cooling.

    Raises
    ------
    ScenarioError
        When it does not.
    """
    compile_plant(ready.graph, ready.scenario, ready.requests, ready.weather)


@uncollected()
def prepare(scenario: Scenario, fidelity: str | None = None, seed: int | None = None) -> Prepared:
    """Build and check the site of a scenario.

    Parameters
    ----------
    scenario : Scenario
        A validated scenario.
    fidelity, seed : optional
        In place of the scenario's.

    Raises
    ------
    ScenarioError
        With every fault of the site: unfed racks, overloaded feeds, ports that do not fit.
    """
    changes: dict[str, Any] = {}
    if fidelity is not None:
        changes["fidelity"] = fidelity
    if seed is not None:
        changes["seed"] = seed
    resolved = scenario.model_copy(update=changes)
    graph = topology.build(resolved)
    if faults := [*topology.check(graph, resolved), *_event_faults(graph, resolved)]:
        raise ScenarioError(f"the site {resolved.scenario} cannot run", faults)
    hall = Hall(0, resolved.hall.count)
    return Prepared(
        resolved, graph, scenarios.requests(resolved, resolved.seed, hall), scenarios.weather(resolved),
        scenarios.tariff(resolved), scenarios.run_id(resolved, numbers_version=NUMBERS),
    )  # fmt: skip
