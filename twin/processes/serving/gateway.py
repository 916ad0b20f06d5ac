"""The gateway: admission, routing, and what the router knows of the replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from twin.errors import Fault, PhysicalRangeError
from twin.models.serving.draws import integer
from twin.models.serving.records import (
    CACHED_TOKENS,
    DECODE,
    OUTSTANDING_REQUESTS,
    OUTSTANDING_TOKENS,
    POOL,
    PREFILL,
    PROMPT_TOKENS,
    REQUEST_FIELDS,
    ROW,
    STAGE,
    TENANT_FIELDS,
    TOTAL_REPLICAS,
    TOTAL_REQUESTS,
    TOTAL_TOKENS,
    TOTAL_WAITING,
    VIEW_FIELDS,
    WAITING_REQUESTS,
    Params,
)
from twin.processes.serving.books import Books
from twin.processes.serving.events import PUBLISH, Instant, at
from twin.processes.serving.replica import Replica
from twin.processes.serving.request import Request
from twin.requests import REJECTED, SHED, Requests

_DECODE_DRAWS = 1 << 20
"""Added to the attempt, so that the two choices of a request draw apart."""


class _View(NamedTuple):
    """What was true at an instant: a view without cached tokens, and the ids cached at each replica."""

    loads: NDArray[np.int64]
    idents: list[frozenset[int]]


class Gateway:
    """Says where a request goes, or why it goes nowhere.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    params : Params
        With the policies.
    requests : Requests
        Columns of the run.
    replicas : sequence of Replica
        All of them.
    books : Books
        Attempts are read there, the choices of the entry pool written.
    """

    def __init__(
        self,
        env: simpy.Environment,
        params: Params,
        requests: Requests,
        replicas: Sequence[Replica],
        books: Books,
    ) -> None:
        self._env, self._params, self._requests = env, params, requests
        self._replicas, self._books = replicas, books
        self._cursors = {PREFILL: 0, DECODE: 0}
        self._last_of_session: dict[int, int] = {}
        rows = int(requests.tenant.max(initial=0)) + 1
        rows = max(rows, len(requests.tenants)) + 1  # the last one is common to all
        self._rank_state, self._admit_state = (np.zeros((rows, TENANT_FIELDS)) for _ in range(2))
        self._published = self._look()
        self._period = 0
        self._publication: Instant | None = None

    # routing

    def route(self, request: Request) -> Replica | int:
        """Choose where a request that reaches the gateway is computed; a status where it cannot be."""
        is_open = self._is_open_to_entry()
        fields = self._fields(request, PREFILL)
        if not self._admits(request, fields, is_open):
            return SHED
        if not is_open.any():
            return REJECTED
        view = self._view(request)
        chosen = self._choose(self._params.choose, view, is_open, fields)
        if chosen is None:
            return SHED
        if not chosen.fits_ever(request):
            return REJECTED
        room = max(chosen.engine.max_batch - chosen.batch, 0)
        if chosen.waits - room >= chosen.engine.max_queue:
            return SHED
        request.rank = self._rank(request, fields)
        uncached = request.prompt - _leading_tokens(request, chosen.kv.idents)
        if chosen.role == PREFILL and uncached < chosen.engine.disaggregate_above_tokens:
            chosen = self.route_decode(request) or chosen
        self._books.entry_replica[request.row] = chosen.index
        self._last_of_session[int(self._requests.session[request.row])] = chosen.index
        return chosen

    def route_decode(self, request: Request) -> Replica | None:
        """Choose where a request decodes."""
        is_open = np.array(
            [self._is_live(r) and r.role == DECODE and r.fits_ever(request) for r in self._replicas]
        )
        if not is_open.any():
            return None
        fields = self._fields(request, DECODE)
        return self._choose(self._params.choose_decode, self._view(request), is_open, fields)

    def _choose(
        self,
        policy: Callable[..., int],
        view: NDArray[np.int64],
        is_open: NDArray[np.bool_],
        fields: NDArray[np.int64],
    ) -> Replica | None:
        index = int(policy(view, is_open, fields))
        if index == -1:
            return None
        if not 0 <= index < len(self._replicas) or not is_open[index]:
            raise _bad_choice(int(fields[ROW]), index, self._env.now)
        self._cursors[int(fields[STAGE])] = (index + 1) % len(self._replicas)
        return self._replicas[index]

    def _is_live(self, replica: Replica) -> bool:
        return replica.is_up and replica.is_alive

    def _is_open_to_entry(self) -> NDArray[np.bool_]:
        return np.array([self._is_live(r) and r.role != DECODE for r in self._replicas], dtype=bool)

    # what policies see

    def _fields(self, request: Request, stage: int) -> NDArray[np.int64]:
        columns, row = self._requests, request.row
        attempt = int(self._books.attempts[row]) - 1 + (_DECODE_DRAWS if stage == DECODE else 0)
        session = int(columns.session[row])
        last = self._last_of_session.get(session, -1) if session >= 0 else -1
        labels = (columns.priority, columns.tenant, columns.tier, columns.kind)
        draws = [int(integer(self._params.seed, row, 2 * attempt + k)) for k in range(2)]
        head = [row, request.prompt, request.output, *(int(column[row]) for column in labels)]
        fields = np.array([*head, session, last, self._cursors[stage], *draws, stage], dtype=np.int64)
        assert len(fields) == REQUEST_FIELDS
        return fields

    def _view(self, request: Request) -> NDArray[np.int64]:
        seen = self._published if self._params.publish_s > 0.0 else self._look()
        view = seen.loads.copy()
        view[CACHED_TOKENS] = [_leading_tokens(request, idents) for idents in seen.idents]
        return view

    def _look(self) -> _View:
        loads = np.zeros((VIEW_FIELDS, len(self._replicas)), dtype=np.int64)
        for replica in self._replicas:
            column = loads[:, replica.index]
            column[OUTSTANDING_TOKENS] = replica.outstanding_tokens
            column[OUTSTANDING_REQUESTS] = replica.outstanding_requests
            column[PROMPT_TOKENS] = replica.prompt_tokens
            column[WAITING_REQUESTS] = replica.waits
            column[POOL] = replica.engine.pool
        return _View(loads, [replica.kv.idents for replica in self._replicas])

    def _admits(self, request: Request, fields: NDArray[np.int64], is_open: NDArray[np.bool_]) -> bool:
        loads = self._look().loads.sum(axis=1)
        totals = np.zeros(4, dtype=np.int64)
        totals[TOTAL_WAITING] = loads[WAITING_REQUESTS]
        totals[TOTAL_REQUESTS] = loads[OUTSTANDING_REQUESTS]
        totals[TOTAL_TOKENS] = loads[OUTSTANDING_TOKENS]
        totals[TOTAL_REPLICAS] = is_open.sum()
        state, limits = self._admit_state, self._params.limits
        tenant = state[int(self._requests.tenant[request.row])]
        return bool(self._params.admit(totals, fields, tenant, state[-1], limits, self._env.now))

    def _rank(self, request: Request, fields: NDArray[np.int64]) -> float:
        state, limits = self._rank_state, self._params.limits
        tenant = state[int(self._requests.tenant[request.row])]
        return float(self._params.rank(fields, tenant, state[-1], limits, self._env.now))

    # publication

    def resume(self) -> None:
        """Go on publishing; it pauses while nothing else can happen."""
        if self._params.publish_s > 0.0 and self._publication is None:
            while self._period * self._params.publish_s < self._env.now:
                self._period += 1
            self._schedule()

    def _schedule(self) -> None:
        at_s = self._period * self._params.publish_s
        self._publication = at(self._env, at_s, PUBLISH, 0, self._publish)

    def _publish(self, _: simpy.Event) -> None:
        self._published = self._look()
        self._period += 1
        self._publication = None
        if self._env.peek() < np.inf:
            self._schedule()


def _leading_tokens(request: Request, idents: frozenset[int]) -> int:
    """Tokens of the prompt in leading blocks that are held."""
    held = takewhile(lambda block: block[0] in idents, request.idents.items())
    return sum(tokens for _, tokens in held)


def _bad_choice(row: int, index: int, at_s: float) -> PhysicalRangeError:
    fault = Fault("", 0, f"request {row}", f"replica {index}", "an open replica or -1", "mend the policy")
    return PhysicalRangeError(f"a routing policy failed at {at_s} s", [fault])
