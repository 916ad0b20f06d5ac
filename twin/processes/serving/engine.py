"""Event fidelity of serving as a whole, with the steps and outputs of the kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import simpy
from numpy.typing import NDArray
from simpy.events import URGENT

from twin.errors import Fault, PhysicalRangeError
from twin.models.serving.records import AMOUNTS, Floats, Inputs, Ints, Outputs, Params
from twin.processes.serving.books import Books
from twin.processes.serving.events import Instant, Path, Span, hop_ends
from twin.processes.serving.gateway import Gateway
from twin.processes.serving.groups import Group
from twin.processes.serving.lives import Lives
from twin.processes.serving.replica import Replica
from twin.requests import Requests


class EventServing:
    """Serves requests one iteration at a time; same steps and outputs as :mod:`twin.models.serving`.

    Parameters
    ----------
    params : Params
        As for the kernel; ``ingress_s`` and ``egress_s`` are the sums of the paths.
    requests : Requests
        Columns of the run.
    paths : sequence of sequence of (name, seconds)
        For every replica the hops from the gateway to it; walked back with the answer. Without it each
        way is one hop.
    env : simpy.Environment
        Clock; a new one if left out. A shared one also runs what others put on it.

    Attributes
    ----------
    arrived_at_s, admitted_at_s, first_token_at_s, done_at_s : (request,) of float64
        At the gateway, first admission, and at the gateway again [s]; NaN before.
    replica, entry_replica : (request,) of int32
        Where it is or was last; what the entry policy chose last; -1 before.
    status : (request,) of int8
        As in :mod:`twin.requests`.
    cached_tokens, generated, attempts : (request,) of int64
        Hits at its last prompt admission, tokens it got, arrivals at the gateway.
    spans : list of Span
        What it did when, in the order of the ends.

    Raises
    ------
    ScenarioError
        When a path does not add up to the parameters.

    Examples
    --------
    >>> from twin.models.serving.records import ENGINE, LIMITS
    >>> from twin.requests import make
    >>> engine, kind = np.zeros(1, ENGINE), np.zeros(1, [("overhead_s", "f8")])
    >>> for limit in LIMITS:
    ...     engine[limit.name] = limit.default
    >>> engine["kv_blocks"], engine["max_batched_tokens"], kind["overhead_s"] = 1000, 512, 0.5
    >>> p = Params(kind, engine, np.zeros(0, int), np.zeros(0), 0.0, 0.0, 0, lambda *_: 0, lambda *_: 0,
    ...            lambda request, *_: request[0], lambda *_: True, np.zeros(0))
    >>> serving = EventServing(p, make([0.0, 0.25], [100, 100], [3, 1]))
    >>> one, yes = np.ones(1), np.ones(1, dtype=bool)
    >>> out = serving.advance(Inputs(one, yes, yes, np.zeros(1, int)), 10.0)
    >>> serving.first_token_at_s.tolist(), serving.done_at_s.tolist()
    ([0.5, 2.0], [1.5, 2.0])
    """

    def __init__(
        self,
        params: Params,
        requests: Requests,
        paths: Sequence[Path] | None = None,
        env: simpy.Environment | None = None,
    ) -> None:
        self.env = env if env is not None else simpy.Environment()
        engines = params.engines
        self._books = books = Books(self.env, requests)
        self.arrived_at_s, self.admitted_at_s = books.arrived_at_s, books.admitted_at_s
        self.first_token_at_s, self.done_at_s = books.first_token_at_s, books.done_at_s
        self.replica, self.entry_replica, self.status = books.replica, books.entry_replica, books.status
        self.cached_tokens, self.generated, self.attempts = (
            books.cached_tokens,
            books.generated,
            books.attempts,
        )
        self._replicas = [Replica(params, index) for index in range(len(engines))]
        self._gateway = Gateway(self.env, params, requests, self._replicas, books)
        back = None if paths is None else [list(reversed(path)) for path in paths]
        ways = (
            hop_ends(paths, engines["ingress_s"].tolist(), "ingress"),
            hop_ends(back, engines["egress_s"].tolist(), "egress"),
        )
        self._wants_up = np.ones(len(engines), dtype=bool)
        self._lives = Lives(self.env, params, requests, self._books, self._gateway, ways, self._open)
        self._traffic = self._lives.transfers.traffic
        members = {
            index: [r for r in self._replicas if r.engine.group == index]
            for index in engines["group"].tolist()
        }
        self._groups = [Group(self.env, index, members[index], self._lives) for index in sorted(members)]
        self._reported = self._amounts()

    @property
    def spans(self) -> list[Span]:
        """Stretches of the requests' lives."""
        return self._books.spans

    @property
    def outstanding_requests(self) -> Ints:
        """Requests that each replica has to do with, array (replica)."""
        return np.array([replica.outstanding_requests for replica in self._replicas])

    @property
    def trunk_bytes(self) -> Floats:
        """What transfers that arrived have carried over each trunk, array (trunk) [bytes]."""
        return self._lives.transfers.trunk_bytes

    @property
    def traffic_bytes(self) -> Floats:
        """What other traffic has carried over each trunk, array (trunk) [bytes]."""
        return self._traffic.trunk_bytes

    @property
    def under_way(self) -> NDArray[np.void]:
        """Flows of other traffic that have not ended."""
        return self._traffic.under_way()

    @property
    def iterations(self) -> int:
        """Iterations of all groups that have ended."""
        return sum(group.iterations for group in self._groups)

    def advance(self, inputs: Inputs, until_s: float) -> Outputs:
        """Serve up to, and not including, an instant.

        Parameters
        ----------
        inputs : Inputs
            In force from now to ``until_s``.
        until_s : float
            End of the step, not before now [s]; infinite to serve everything.

        Raises
        ------
        PhysicalRangeError
            When a clock is outside 0 to 1, time runs backwards, a role changes where requests are, or a policy
            names a replica that is not open.
        """
        self._check(inputs, until_s)
        self._tell(inputs)
        self._gateway.resume()
        if np.isinf(until_s):
            self.env.run()
        elif until_s > self.env.now:
            self.env.run(Instant(self.env, until_s, URGENT))
        return self._report()

    def _open(self, index: int) -> None:
        """A replica has its weights."""
        self._replicas[index].is_up = bool(self._wants_up[index])

    def share_anew(self) -> None:
        """Find the rates of all transfers anew from now on, after capacities were changed in place."""
        for replica in self._replicas:
            replica.see_links()
        self._lives.transfers.share()

    def _tell(self, inputs: Inputs) -> None:
        self._wants_up = np.array(inputs.is_up, dtype=bool)
        self._traffic.ask(inputs)
        for replica, is_up, role in zip(self._replicas, inputs.is_up, inputs.role, strict=True):
            replica.is_up = bool(is_up) and not self._traffic.is_starting(replica.index)
            replica.role = int(role)
        for group in self._groups:
            index = [replica.index for replica in group.replicas]
            was_alive, is_alive = group.is_alive, bool(np.all(inputs.is_alive[index]))
            group.tell(float(np.min(inputs.clock_frac[index])), is_alive)
            if was_alive and not is_alive:
                self._lives.die(group.replicas)

    def _check(self, inputs: Inputs, until_s: float) -> None:
        faults = []
        if not until_s >= self.env.now:
            expected = f"not before {self.env.now} s"
            faults.append(Fault("", 0, "serving", f"a step to {until_s} s", expected, "step forwards"))
        for replica in self._replicas:
            where, clock_frac = f"replica {replica.index}", float(inputs.clock_frac[replica.index])
            if not 0.0 <= clock_frac <= 1.0:
                faults.append(Fault("", 0, where, f"clock {clock_frac}", "0 to 1", "check the clock policy"))
            role, inside = int(inputs.role[replica.index]), replica.outstanding_requests
            if role != replica.role and inside:
                found = f"role {role} instead of {replica.role} with {inside} requests"
                faults.append(Fault("", 0, where, found, "no request", "drain it before its role changes"))
        if faults:
            raise PhysicalRangeError(f"serving was told what cannot be at {self.env.now} s", faults)

    def _amounts(self) -> Floats:
        share = {replica.index: group.share() for group in self._groups for replica in group.replicas}
        return np.array([replica.amounts(share[replica.index]) for replica in self._replicas])

    def _report(self) -> Outputs:
        now = self._amounts()
        amounts, self._reported = now - self._reported, now
        levels = [(r.batch, r.waits, r.kv.used) for r in self._replicas]
        left, gaps = self._books.take()
        moved = self._traffic.take_moved()
        assert amounts.shape[1] == len(AMOUNTS)
        return Outputs._make([*amounts.T, *np.array(levels, dtype=np.float64).T, left, gaps, moved])
