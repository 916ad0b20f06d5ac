"""The lives of requests: arrival, ways, giving up, moving on, ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import simpy

from twin.models.serving.records import Params
from twin.processes.serving.books import Books
from twin.processes.serving.events import AGAIN, ARRIVAL, GIVE_UP, HOP, Path, Span, at
from twin.processes.serving.gateway import Gateway
from twin.processes.serving.replica import Replica
from twin.processes.serving.request import AWAY, COMPUTING, DECODING, READY, TRAVELLING, Request
from twin.processes.serving.transfers import Transfers
from twin.requests import CANCELLED, FINISHED, INSIDE, SHED, Requests


class Lives:
    """Takes every request from its arrival to its end.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    params : Params
        Limits and policies.
    requests : Requests
        Columns of the run.
    books : Books
        Where it is written down.
    gateway : Gateway
        Says where requests go.
    ways : (list of Path, list of Path)
        Hops to each replica and back.
    loaded : callable
        Told of a replica whose weights have come.
    """

    def __init__(
        self,
        env: simpy.Environment,
        params: Params,
        requests: Requests,
        books: Books,
        gateway: Gateway,
        ways: tuple[Sequence[Path], Sequence[Path]],
        loaded: Callable[[int], None],
    ) -> None:
        self._env, self._params, self._requests = env, params, requests
        self.books, self._gateway = books, gateway
        self._ingress, self._egress = ways
        self.transfers = Transfers(env, params, requests.rows, loaded)
        self._all = [Request(requests, row) for row in range(requests.rows)]
        self._awaited = np.bincount(requests.follower, minlength=requests.rows)
        self._followers: list[list[int]] = [[] for _ in self._all]
        for before, after in zip(requests.follows.tolist(), requests.follower.tolist(), strict=True):
            self._followers[before].append(after)
        self._latest_s = np.full(requests.rows, -np.inf)  # of the predecessors that are done
        for row in np.flatnonzero(self._awaited == 0).tolist():
            self._expect(row, float(requests.arrived_at_s[row]), ARRIVAL)

    # arrival

    def _expect(self, row: int, at_s: float, kind: int) -> None:
        at(self._env, at_s, kind, row, lambda _: self._arrive(self._all[row]))

    def _arrive(self, request: Request) -> None:
        row, books = request.row, self.books
        if books.attempts[row] == 0:
            if np.isnan(books.arrived_at_s[row]):
                books.arrived_at_s[row] = self._env.now
            books.status[row] = INSIDE
            patience_s = float(self._requests.patience_s[row])
            if patience_s < np.inf:
                at(self._env, self._env.now + patience_s, GIVE_UP, row, lambda _: self._give_up(request))
        elif books.status[row] != INSIDE:
            return  # gave up before it came again
        books.attempts[row] += 1
        books.mark(request, None)
        replica = self._gateway.route(request)
        if isinstance(replica, int):
            self.leave(request, replica)
            return
        replica.expect(request)
        replica.count_prompt(request)
        self._send(request, replica, self._ingress[replica.index])

    def _send(self, request: Request, replica: Replica, hops: Path) -> None:
        """Let a request walk to its replica."""
        self.books.replica[request.row] = replica.index
        request.state = TRAVELLING
        self._walk(request, hops, lambda: self._reach(request))

    def _reach(self, request: Request) -> None:
        request.state = READY
        self.books.mark(request, "queue")
        request.at().wake()

    def _walk(self, request: Request, hops: Path, then: Callable[[], None]) -> None:
        """Hop after hop, unless something happens to the request on its way."""
        began_s, visit = self._env.now, request.visit

        def go_on(_: object, done: int, since_s: float) -> None:
            if request.visit != visit:
                return
            for number, (hop, after_s) in enumerate(hops[done:], done):
                end_s = began_s + after_s
                if end_s > self._env.now:
                    rest = partial(go_on, done=number, since_s=since_s)
                    at(self._env, end_s, HOP, request.row, rest)
                    return
                self.books.spans.append(Span(request.row, hop, since_s, end_s))
                since_s = end_s
            then()

        go_on(None, 0, began_s)

    # ends

    def _give_up(self, request: Request) -> None:
        if self.books.status[request.row] != INSIDE:
            return
        if request.state in (COMPUTING, DECODING):
            request.has_given_up = True  # leaves at the next boundary
        else:
            self.leave(request, CANCELLED)

    def leave(self, request: Request, status: int) -> None:
        """End the life of a request that is not done."""
        self._lose(request)
        self.books.leave(request, status)

    def finish(self, request: Request) -> None:
        """A request has all its output."""
        replica = request.at()
        self._detach(request)
        self.books.leave(request, FINISHED, replica.engine.egress_s)
        self._walk(request, self._egress[replica.index], lambda: None)
        done_s = float(self.books.done_at_s[request.row])
        for row in self._followers[request.row]:
            self._awaited[row] -= 1
            self._latest_s[row] = max(self._latest_s[row], done_s)
            if self._awaited[row] == 0:
                self._expect(row, float(self._latest_s[row]) + float(self._requests.pause_s[row]), AGAIN)

    def die(self, replicas: Sequence[Replica]) -> None:
        """Replicas lose all that they hold; who is not given up comes again."""
        lost = {request.row: request for replica in replicas for request in replica.requests}
        for _, request in sorted(lost.items()):
            if request.has_given_up:
                self.leave(request, CANCELLED)
                continue
            self._lose(request)
            self.books.mark(request, "retry")
            self._expect(request.row, self._env.now + self._params.retry_s, AGAIN)
        for replica in replicas:
            replica.clear()

    def _lose(self, request: Request) -> None:
        """Take a request out, its KV computed in vain."""
        replica = request.replica or request.source
        if replica is not None:
            replica.waste(request)
        self._detach(request)

    def _detach(self, request: Request) -> None:
        """Free all that a request holds."""
        request.visit += 1
        self.transfers.abort(request)
        replica, source = request.replica, request.source
        if source is not None:
            source.let_go(request)
            source.wake()
        if replica is not None:
            replica.remove(request, self._env.now)
            replica.wake()
        request.state = AWAY

    # disaggregation

    def hand_over(self, request: Request) -> None:
        """A prompt is complete where no one decodes: choose who does."""
        source = request.at()
        source.hold(request, self._env.now)
        request.replica, request.state = None, AWAY
        request.prompt_took_s = self._env.now - (request.prompt_began_s or 0.0)
        self.books.mark(request, None)
        target = self._gateway.route_decode(request)
        if target is None:
            self.leave(request, SHED)
            return
        target.expect(request)
        self._send(request, target, [("handoff", source.engine.handoff_s)])

    # the batch

    def enter(self, requests: Iterable[Request]) -> None:
        """Requests were admitted."""
        phases = {COMPUTING: "prefill", DECODING: "decode"}
        for request in requests:
            self.books.admit(request, request.state == COMPUTING)
            self.books.mark(request, phases.get(request.state, "transfer"))
            if request.source is not None:
                self.transfers.start(request)
