"""Traffic beside KV on the links of a hall: jobs, their flows, and the tables that both fidelities read.

A *job* moves the same bytes in every *round*: a checkpoint every ten minutes, the gradients of a training step, the
weights of a replica that starts. A round is over when all its *flows* are. A flow takes a share of links that KV
transfers use too, and grows with them, max-min fair; ``docs/traffic.md`` says what that means for a user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.models.serving.layout import FLOWS
from twin.models.serving.records import FLOW, JOB, MOVED, NEVER, Params

Link = tuple[str, int]
"""``("send", replica)``, ``("receive", replica)``, ``("trunk", trunk)`` or ``("port", place)``."""

FLOW_STATE = np.dtype(
    [("began_s", "f8"), ("moved_bytes", "f8"), ("rate", "f8"), ("since_s", "f8"), ("due_s", "f8"),
     ("counted_bytes", "f8"), ("level", "f8"), ("new_level", "f8")],
    align=True,
)  # fmt: skip
"""``moved_bytes`` is that of ``since_s``; ``counted_bytes`` is what trunks were booked for."""

JOB_STATE = np.dtype(
    [("next_s", "f8"), ("began_s", "f8"), ("running", "i8"), ("asked", "i8"), ("is_up", "i8")]
)

LOGGED = 1024
"""Flows that end between two looks of the caller; more make the kernel pause."""


class Flow(NamedTuple):
    """Bytes that move together.

    Parameters
    ----------
    bytes : float
        In each round, above zero; infinite for what flows all the time at its cap [bytes].
    shares : mapping of link to float
        Share of the bytes that crosses each link, above zero.
    weight : float
        Transfers of KV that it counts as, above zero: it gets so many times the rate of one on a full link.
    cap_bytes_per_s : float
        It is never faster; infinite for no limit of its own [bytes/s].
    """

    bytes: float
    shares: Mapping[Link, float]
    weight: float = 1.0
    cap_bytes_per_s: float = NEVER


class Job(NamedTuple):
    """Flows that start together, once or again and again.

    Parameters
    ----------
    flows : sequence of Flow
        At least one.
    start_s, stop_s : float
        The first round begins at the start; none begins at the stop or later, and what flows all the time ends
        there. Finite unless it waits for a replica [s].
    every_s : float
        A round begins so long after the one before began, or when that is over if it takes longer [s].
    pause_s : float
        A round begins so long after the one before is over [s].
    replica : int
        Its weights: a round begins whenever the replica is asked to start, which opens when the round is over.
        -1 for other jobs.
    """

    flows: Sequence[Flow]
    start_s: float = 0.0
    stop_s: float = NEVER
    every_s: float = NEVER
    pause_s: float = NEVER
    replica: int = -1


def with_traffic(params: Params, jobs: Sequence[Job], port_bytes_per_s: Sequence[float] = ()) -> Params:
    """Parameters with jobs on their links.

    Parameters
    ----------
    params : Params
        From :func:`~twin.models.serving.make_params`.
    jobs : sequence of Job
        In the order in which they are told apart.
    port_bytes_per_s : (port,)
        What links carry that no KV transfer crosses, above zero [bytes/s].

    Raises
    ------
    ScenarioError
        With every value that is out of range.

    Examples
    --------
    >>> from twin.models.serving import make_params
    >>> from twin.physics.inference import Iteration
    >>> from twin.policies.routing.round_robin import choose
    >>> p = make_params([Iteration(overhead_s=0.5)], choose, max_batched_tokens=8)
    >>> job = Job([Flow(8.0, {("port", 0): 1.0})], stop_s=60.0, every_s=10.0)
    >>> with_traffic(p, [job], [4.0]).flows["bytes"].tolist()
    [8.0]
    """
    if faults := _faults(params, jobs, port_bytes_per_s):
        raise ScenarioError("traffic cannot run as it stands", faults)
    flows = [(index, flow) for index, job in enumerate(jobs) for flow in job.flows]
    crossed = [place for _, flow in flows for kind, place in flow.shares if kind == "trunk"]
    narrow = np.union1d(params.narrow_trunks, np.array(crossed, dtype=np.int64))
    replicas = len(params.engines)
    starts = {"send": 0, "receive": replicas, "port": 2 * replicas + len(narrow)}
    numbers = {("trunk", int(t)): 2 * replicas + k for k, t in enumerate(narrow)}
    links = [
        (numbers[link] if link[0] == "trunk" else starts[link[0]] + link[1], share * flow.weight)
        for _, flow in flows
        for link, share in flow.shares.items()
    ]
    firsts = np.concatenate(([0], np.cumsum([len(job.flows) for job in jobs], dtype=np.int64)))
    table = [(firsts[i], len(job.flows), *job[1:]) for i, job in enumerate(jobs)]
    loads = np.full(replicas if any(job.replica >= 0 for job in jobs) else 0, -1, dtype=np.int64)
    for index, job in enumerate(jobs):
        if job.replica >= 0:
            loads[job.replica] = index
    return params._replace(
        narrow_trunks=narrow.astype(np.int64),
        jobs=np.array(table, dtype=JOB),
        flows=np.array([(i, f.bytes, f.weight, f.cap_bytes_per_s) for i, f in flows], dtype=FLOW),
        flow_start=np.cumsum([0, *(len(flow.shares) for _, flow in flows)], dtype=np.int64),
        flow_link=np.array([link for link, _ in links], dtype=np.int64),
        flow_share=np.array([share for _, share in links], dtype=np.float64),
        port_bytes_per_s=np.array(port_bytes_per_s, dtype=np.float64),
        load_job=loads,
    )


def link_of(params: Params, number: int) -> Link:
    """The link behind a number of ``flow_link``."""
    replicas, trunks = len(params.engines), len(params.narrow_trunks)
    if number < 2 * replicas:
        return ("send", number) if number < replicas else ("receive", number - replicas)
    place = number - 2 * replicas
    return ("trunk", int(params.narrow_trunks[place])) if place < trunks else ("port", place - trunks)


def _faults(params: Params, jobs: Sequence[Job], ports: Sequence[float]) -> list[Fault]:
    replicas, trunks = len(params.engines), len(params.trunk_bytes_per_s)
    most = {"send": replicas, "receive": replicas, "trunk": trunks, "port": len(ports)}
    found: list[tuple[str, bool, str]] = [
        (f"port_bytes_per_s[{i}]", not port > 0.0, "above zero") for i, port in enumerate(ports)
    ]
    for i, job in enumerate(jobs):
        is_timed = 0.0 <= job.start_s < NEVER and 0.0 <= job.stop_s < NEVER
        found += [
            (f"jobs[{i}].flows", not job.flows, "at least one flow"),
            (f"jobs[{i}]", job.replica < 0 and not is_timed, "a finite start and stop, or a replica"),
            (f"jobs[{i}].replica", job.replica >= replicas, f"below {replicas}"),
            (f"jobs[{i}]", min(job.every_s, job.pause_s) < 0.0, "every_s and pause_s of zero or more"),
        ]
        for k, flow in enumerate(job.flows):
            where = f"jobs[{i}].flows[{k}]"
            is_known = all(0 <= place < most.get(kind, 0) for kind, place in flow.shares)
            is_endless = flow.bytes == NEVER and (flow.cap_bytes_per_s == NEVER or job.replica >= 0)
            found += [
                (f"{where}.bytes", not flow.bytes > 0.0, "above zero"),
                (f"{where}.bytes", is_endless, "finite without a cap, and where a replica waits for it"),
                (f"{where}.shares", not is_known or not flow.shares, "links that there are"),
                (f"{where}.shares", any(not 0.0 < v < NEVER for v in flow.shares.values()), "above zero"),
                (f"{where}.weight", not 0.0 < flow.weight < NEVER, "above zero"),
                (f"{where}.cap_bytes_per_s", not flow.cap_bytes_per_s > 0.0, "above zero"),
            ]
    return [
        Fault("", 0, where, "a value out of range", expected, "mend the traffic")
        for where, is_wrong, expected in found
        if is_wrong
    ]


def idle_flows(params: Params, now_s: float) -> dict[str, NDArray[Any]]:
    """State of jobs of which none has begun, by name."""
    count = len(params.flows)
    jobs = np.zeros(len(params.jobs), dtype=JOB_STATE)
    starts = np.maximum(params.jobs["start_s"], now_s)
    is_timed = (params.jobs["replica"] < 0) & (starts < params.jobs["stop_s"])
    jobs["next_s"] = np.where(is_timed, starts, NEVER)
    return {
        "flows": np.zeros(count, dtype=FLOW_STATE),
        "jobs": jobs,
        "running": np.zeros(count, dtype=np.int64),
        "moved": np.zeros(LOGGED + 2 * count if count else 1, dtype=MOVED),
        "traffic_bytes": np.zeros(len(params.trunk_bytes_per_s)),
    }


def under_way(state: Any) -> NDArray[np.void]:
    """Flows that have not ended, with what they have moved so far; their end is NaN."""
    rows = state.running[: state.counts[FLOWS]]
    flows = state.flows[rows]
    found = np.zeros(len(rows), dtype=MOVED)
    found["flow"], found["began_s"], found["ended_s"] = rows, flows["began_s"], np.nan
    found["bytes"] = flows["counted_bytes"]  # booked up to the end of the last step
    return found
