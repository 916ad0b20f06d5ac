"""Other traffic on the links of KV transfers: rounds of jobs, and replicas that wait for their weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import simpy
from numpy.typing import NDArray

from twin.models.serving.flows import Link, link_of
from twin.models.serving.records import MOVED, Floats, Inputs, Params
from twin.processes.serving.events import TRANSFER, Instant, at


class _Flow:
    """A flow under way; ``moved_bytes`` is that of ``since_s``."""

    def __init__(self, params: Params, index: int, now_s: float) -> None:
        given = params.flows[index]
        self.index, self.job = index, int(given["job"])
        self.bytes, self.weight = float(given["bytes"]), float(given["weight"])
        self.began_s, self.since_s = now_s, now_s
        self.moved_bytes = self.counted_bytes = 0.0
        self.rate = -1.0
        self.event: Instant | None = None

    def settle(self, now_s: float) -> None:
        """Bring what has moved up to an instant."""
        self.moved_bytes, self.since_s = self.so_far(now_s), now_s

    def so_far(self, now_s: float) -> float:
        """What has moved up to an instant [bytes]."""
        if now_s <= self.since_s:
            return self.moved_bytes
        return min(self.moved_bytes + self.rate * (now_s - self.since_s), self.bytes)


class Traffic:
    """All jobs and their flows under way.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    params : Params
        With the jobs.
    rows : int
        Requests of the run; flows come after all of them within an instant.
    share : callable
        Finds new rates for all that moves.
    loaded : callable
        Told of a replica that has its weights.

    Attributes
    ----------
    running : list
        Flows under way.
    """

    def __init__(
        self,
        env: simpy.Environment,
        params: Params,
        rows: int,
        share: Callable[[], None],
        loaded: Callable[[int], None],
    ) -> None:
        self._env, self._params, self._rows = env, params, rows
        self._share, self._loaded = share, loaded
        self.running: list[_Flow] = []
        self._moved: list[tuple[int, float, float, float, bool]] = []
        self._trunk_bytes: Floats = np.zeros(len(params.trunk_bytes_per_s))
        self._shares = [self._links(index) for index in range(len(params.flows))]
        self._asked = np.zeros(len(params.engines), dtype=np.int64)
        for index, job in enumerate(params.jobs):
            start_s = max(float(job["start_s"]), env.now)
            if job["replica"] < 0 and start_s < job["stop_s"]:
                self._schedule(index, start_s)

    def _links(self, index: int) -> dict[Link, float]:
        params = self._params
        places = range(params.flow_start[index], params.flow_start[index + 1])
        found = {link_of(params, int(params.flow_link[i])): float(params.flow_share[i]) for i in places}
        return found | {("cap", index): 1.0}

    def shares(self) -> list[dict[Link, float]]:
        """What running flows cross, in shares of their level."""
        return [self._shares[flow.index] for flow in self.running]

    def capacity(self, link: Link) -> float:
        """What a port carries, or the level at which a flow meets its cap [bytes/s]."""
        kind, index = link
        if kind == "port":
            return float(self._params.port_bytes_per_s[index])
        flow = self._params.flows[index]
        return float(flow["cap_bytes_per_s"] / flow["weight"])

    def set_levels(self, levels: list[float]) -> None:
        """Give running flows their new rates; who keeps its rate keeps its end."""
        now_s = self._env.now
        for flow, level in zip(self.running, levels, strict=True):
            rate = level * flow.weight
            if rate == flow.rate:
                continue
            flow.settle(now_s)
            flow.rate, flow.event = rate, None
            if (end_s := self._end_s(flow)) < math.inf:
                row = self._rows + flow.index
                flow.event = at(self._env, end_s, TRANSFER, row, partial(self._end, flow))

    def _end_s(self, flow: _Flow) -> float:
        left_bytes, now_s = flow.bytes - flow.moved_bytes, self._env.now
        if math.isinf(left_bytes):
            return float(self._params.jobs["stop_s"][flow.job])
        if left_bytes <= 0.0 or math.isinf(flow.rate):
            return now_s
        return now_s + left_bytes / flow.rate if flow.rate > 0.0 else math.inf

    # rounds

    def _schedule(self, job: int, start_s: float) -> None:
        row = self._rows + len(self._params.flows) + job
        at(self._env, start_s, TRANSFER, row, lambda _: self._begin(job))

    def _begin(self, job: int) -> None:
        given = self._params.jobs[job]
        for index in range(given["first"], given["first"] + given["flows"]):
            self.running.append(_Flow(self._params, index, self._env.now))
        self._share()

    def _end(self, flow: _Flow, event: simpy.Event) -> None:
        if flow.event is not event or flow not in self.running:
            return
        self._leave(flow, is_whole=True)
        job = self._params.jobs[flow.job]
        if not any(other.job == flow.job for other in self.running):
            if job["replica"] >= 0:
                self._loaded(int(job["replica"]))
            else:
                self._plan_next(flow.job, flow.began_s)
        self._share()

    def _plan_next(self, index: int, began_s: float) -> None:
        job, now_s = self._params.jobs[index], self._env.now
        next_s = math.inf
        if job["every_s"] < math.inf:
            next_s = max(began_s + float(job["every_s"]), now_s)
        elif job["pause_s"] < math.inf:
            next_s = now_s + float(job["pause_s"])
        if next_s < job["stop_s"]:
            self._schedule(index, next_s)

    def _leave(self, flow: _Flow, is_whole: bool) -> None:
        now_s = self._env.now
        flow.settle(now_s)
        if is_whole and flow.bytes < math.inf:
            flow.moved_bytes = flow.bytes
        self._book(flow, flow.moved_bytes)
        self.running.remove(flow)
        self._moved.append((flow.index, flow.began_s, now_s, flow.moved_bytes, is_whole))

    # weights

    def is_starting(self, replica: int) -> bool:
        """Whether the weights of a replica are on their way."""
        return any(self._params.jobs["replica"][flow.job] == replica for flow in self.running)

    def ask(self, inputs: Inputs) -> None:
        """Replicas that were asked to start load their weights; those that died need none."""
        jobs = {
            int(job["replica"]): index for index, job in enumerate(self._params.jobs) if job["replica"] >= 0
        }
        starts = np.zeros(len(inputs.role), dtype=np.int64) if inputs.starts is None else inputs.starts
        for replica, job in sorted(jobs.items()):
            is_asked, is_alive = starts[replica] > self._asked[replica], inputs.is_alive[replica]
            given_up = [flow for flow in self.running if flow.job == job] if is_asked or not is_alive else []
            for flow in reversed(given_up):
                self._leave(flow, is_whole=False)
            if given_up:
                self._share()
            self._asked[replica] = starts[replica]
            if is_asked and is_alive:
                self._begin(job)

    # books

    def _book(self, flow: _Flow, moved_bytes: float) -> None:
        more_bytes, flow.counted_bytes = moved_bytes - flow.counted_bytes, moved_bytes
        for (kind, place), share in self._shares[flow.index].items():
            if kind == "trunk":
                self._trunk_bytes[place] += more_bytes * share / flow.weight

    @property
    def trunk_bytes(self) -> Floats:
        """What it has carried over each trunk so far, array (trunk) [bytes]."""
        for flow in self.running:
            self._book(flow, flow.so_far(self._env.now))
        return self._trunk_bytes

    def under_way(self) -> NDArray[np.void]:
        """Flows that have not ended, with what they have moved so far."""
        now_s = self._env.now
        rows = [(flow.index, flow.began_s, np.nan, flow.so_far(now_s), False) for flow in self.running]
        return np.array(rows, dtype=MOVED)

    def take_moved(self) -> NDArray[np.void]:
        """Flows that ended since the last call."""
        moved, self._moved = np.array(self._moved, dtype=MOVED), []
        return moved
