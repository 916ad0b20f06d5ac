"""Traffic beside KV transfers: from the classes of a scenario to jobs on the links of the hall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin.catalog import huggingface
from twin.errors import Fault, TopologyError
from twin.models import serving
from twin.models.serving import Flow, Job
from twin.models.serving.flows import Link
from twin.physics import collectives, parallel
from twin.physics.transformer import Layout
from twin.plant import cards
from twin.plant.maps import Maps
from twin.plant.traffic_ends import Ends, Member, called
from twin.scenario import Scenario
from twin.scenario.serving import Placed
from twin.scenario.traffic import STORAGE, Flows

Floats = NDArray[np.float64]
WEIGHTS = "weights"
"""Class of the weights that replicas load."""


@dataclass(frozen=True)
class Traffic:
    """Jobs of a hall, before it is known how many requests come.

    Parameters
    ----------
    names : tuple of str (job)
        Class of each.
    jobs : tuple of Job
    ends : tuple of (str, str) (flow)
        Names of source and target.
    port_bytes_per_s : tuple of float (port)
    trunk_bytes_per_s : array (trunk)
        As in :class:`~twin.models.serving.Params`, with the trunks that no replica crosses.
    by_requests : frozenset of int
        Jobs whose caps are bytes of a request.
    starts_cold : bool
        Replicas load their weights at the start of the run.
    """

    names: tuple[str, ...]
    jobs: tuple[Job, ...]
    ends: tuple[tuple[str, str], ...]
    port_bytes_per_s: tuple[float, ...]
    trunk_bytes_per_s: Floats
    by_requests: frozenset[int] = frozenset()
    starts_cold: bool = False

    def put_on(self, params: serving.Params, requests_per_s: float) -> serving.Params:
        """Parameters with these jobs, at a mean rate of arrivals."""
        jobs = [
            _paced(job, requests_per_s) if index in self.by_requests else job
            for index, job in enumerate(self.jobs)
        ]
        params = params._replace(trunk_bytes_per_s=self.trunk_bytes_per_s)
        return serving.with_traffic(params, jobs, self.port_bytes_per_s)

    def class_of(self) -> list[str]:
        """Class of each flow."""
        return [name for name, job in zip(self.names, self.jobs, strict=True) for _ in job.flows]

    def alone_s(self, params: serving.Params) -> list[float]:
        """For each flow the least time of a round of its job, by the tightest link; NaN for what has no end."""
        found = []
        for job in self.jobs:
            carried: dict[Link, float] = {}
            for flow in job.flows:
                _add(carried, flow.shares, flow.bytes)
            capped = [flow.bytes / flow.cap_bytes_per_s for flow in job.flows]
            tightest_s = max([*capped, *(v / _capacity(params, link) for link, v in carried.items())])
            found += [tightest_s if np.isfinite(tightest_s) else np.nan] * len(job.flows)
        return found


def _add(shares: dict[Link, float], more: Mapping[Link, float], part: float) -> None:
    """Add a part of what is crossed."""
    for link, share in more.items():
        shares[link] = shares.get(link, 0.0) + share * part


def _paced(job: Job, requests_per_s: float) -> Job:
    if requests_per_s == 0.0:
        return job._replace(stop_s=0.0)
    caps = [flow.cap_bytes_per_s * requests_per_s for flow in job.flows]
    flows = [flow._replace(cap_bytes_per_s=cap) for flow, cap in zip(job.flows, caps, strict=True)]
    return job._replace(flows=flows)


def _capacity(params: serving.Params, link: Link) -> float:
    kind, place = link
    if kind in ("send", "receive"):
        return float(params.engines[f"{kind}_bytes_per_s"][place])
    return float((params.trunk_bytes_per_s if kind == "trunk" else params.port_bytes_per_s)[place])


def build(graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, params: serving.Params) -> Traffic | None:
    """Jobs of a hall; nothing without a ``traffic`` section.

    Raises
    ------
    TopologyError
        When a member has no adapters, or nothing leads from its leaves to the spines.
    """
    if scenario.traffic is None:
        return None
    builder = _Builder(graph, scenario, maps, params)
    for name, flows in scenario.traffic.flows.items():
        builder.add(name, flows)
    if scenario.traffic.weights is not None:
        builder.add_weights()
    if builder.faults:
        raise TopologyError("traffic finds no way", list(dict.fromkeys(builder.faults)))
    return Traffic(
        tuple(builder.names),
        tuple(builder.jobs),
        tuple(builder.ends),
        tuple(builder.found.ports),
        builder.trunk_bytes_per_s,
        frozenset(builder.by_requests),
        scenario.traffic.weights == "cold-start",
    )


class _Builder:
    """Gathers jobs, with what they are called and what is wrong."""

    def __init__(
        self, graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, params: serving.Params
    ) -> None:
        traffic = scenario.traffic
        assert traffic is not None
        named = {end for flow in traffic.flows.values() for ends in (flow.source, flow.target, flow.among)
                 for end in ends or ()}  # fmt: skip
        self.scenario, self.maps = scenario, maps
        self.found = Ends(graph, maps, traffic, [group for group in scenario.racks if group in named])
        self.trunk_bytes_per_s = params.trunk_bytes_per_s.copy()
        self.names: list[str] = []
        self.jobs: list[Job] = []
        self.ends: list[tuple[str, str]] = []
        self.by_requests: set[int] = set()
        self.faults: list[Fault] = []
        for name in self.found.without_adapters:
            self._fault(f"{name} has no adapters", "adapters on the network", "name other racks")

    def _fault(self, found: str, expected: str, mend: str) -> None:
        self.faults.append(self.scenario.source.fault("traffic", found, expected, mend))

    def add(self, name: str, given: Flows) -> None:
        """Add the job of a class."""
        if given.among is not None:
            flows = [self._collective(given, self.found.all(given.among))]
        else:
            source, target = given.source or [], given.target or []
            flows = self._between(given, self.found.all(source, target), self.found.all(target, source))
        end_s = self.scenario.time.duration
        if given.each_request is not None:
            self.by_requests.add(len(self.jobs))
        self.names.append(name)
        self.jobs.append(Job(
            flows,
            start_s=given.start,
            stop_s=min(end_s, end_s if given.stop is None else given.stop),
            every_s=np.inf if given.every is None else given.every,
            pause_s=np.inf if given.pause is None else given.pause,
        ))  # fmt: skip

    def _between(self, given: Flows, sources: list[Member], targets: list[Member]) -> list[Flow]:
        """A flow for each member of the side that has several, spread over the other side by its GPUs."""
        is_out = len(sources) >= len(targets)
        each, others = (sources, targets) if is_out else (targets, sources)
        total, far = sum(m.gpus for m in each), sum(m.gpus for m in others)
        flows = []
        for member in each:
            shares = dict(member.sends if is_out else member.receives)
            for other in others:
                part = other.gpus / far
                ends = (member, other) if is_out else (other, member)
                _add(shares, other.receives if is_out else other.sends, part)
                _add(shares, self._trunks(*ends), part)
            flows.append(self._flow(given, shares, member.gpus / total, member.domains))
            beyond = called([other.name for other in others])
            self.ends.append((member.name, beyond) if is_out else (beyond, member.name))
        return flows

    def _collective(self, given: Flows, members: list[Member]) -> Flow:
        """All domains of a job in lock-step: a ring over them, or from each to each."""
        domains, gpus = sum(m.domains for m in members), sum(m.gpus for m in members)
        if domains < 2:
            self._fault("among a single NVLink domain", "two or more", "name more racks")
            domains = 2
        is_direct = given.collective == "all_to_all"
        load = collectives.load(given.collective, "direct" if is_direct else "ring", gpus, domains)
        shares: dict[Link, float] = {}
        for member in members:
            part = member.domains / domains
            _add(shares, member.sends | member.receives, part)
            # a ring passes from a run of domains that are alike to the next; the rest of it stays below
            if is_direct:
                for other in members:
                    _add(shares, self._trunks(member, other), part * other.domains / (domains - 1))
        if not is_direct and len(members) > 1:
            for member, following in zip(members, [*members[1:], members[0]], strict=True):
                _add(shares, self._trunks(member, following), 1.0 / domains)
        name = called([m.name for m in members])
        self.ends.append((name, name))
        total = load.network * (given.bytes or 0.0) * domains
        return self._flow(given.model_copy(update={"bytes": total}), shares, 1.0, domains)

    def _trunks(self, source: Member, target: Member) -> dict[Link, float]:
        """Shares of a flow that cross trunks, as for a KV transfer."""
        beyond = source.below - target.below
        found: dict[Link, float] = {}
        for trunk, share in enumerate(np.concatenate([beyond, -beyond]).tolist()):
            if share <= 1e-12:
                continue
            rate = float(self.found.trunk_bytes_per_s[trunk])
            if rate <= 0.0 and not (source.below.any() and target.below.any()):
                continue  # a network of one leaf: storage and the way in hang on it
            if rate <= 0.0:
                expected = "links from every leaf of theirs to the spines"
                self._fault(f"{source.name} cannot reach {target.name}", expected, "add spines")
                continue
            self.trunk_bytes_per_s[trunk] = rate
            found["trunk", trunk] = share
        return found

    def _flow(self, given: Flows, shares: dict[Link, float], part: float, domains: int) -> Flow:
        cap = given.each_request if given.each_request is not None else given.rate
        return Flow(
            np.inf if given.bytes is None else given.bytes * part,
            shares,
            float(domains * given.streams),
            np.inf if cap is None else cap * part,
        )

    def add_weights(self) -> None:
        """Add a job for each replica: its weights, from storage to its adapters."""
        (storage,) = self.found.all([STORAGE])
        for replica, target in enumerate(self.found.replicas()):
            pool = self.maps.pools[self.maps.pool_of_replica[replica]]
            lanes = int(self.maps.lanes_of_team[self.maps.team_of_replica[replica]])
            shares = storage.sends | target.receives | self._trunks(storage, target)
            self.names.append(WEIGHTS)
            self.jobs.append(Job([Flow(_weights_bytes(pool) * target.gpus / lanes, shares)], replica=replica))
            self.ends.append((STORAGE, target.name))


def _weights_bytes(pool: Placed) -> float:
    """Weights on one GPU of a replica [bytes]."""
    keys, card = pool.keys, huggingface.find(pool.keys.model)
    layout = Layout(
        keys.tensor_parallel, keys.pipeline_parallel, keys.expert_parallel, keys.attention_data_parallel
    )
    kept = cards.stored(card, keys.weights).bytes_per_param
    return parallel.weights_bytes(cards.model_of(card), layout, **kept)
