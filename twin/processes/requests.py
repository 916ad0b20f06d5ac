"""Event fidelity of serving: every request, hop, iteration is a SimPy event.

The slow twin of :mod:`twin.models.serving`, whose docstring says what an engine does. Written for clarity
and apart from the kernel: they share the parameters, the roofline of ``physics.inference`` and the routing
policies, and agree on every request to 1e-9 s. A request leaves a span for every hop and phase.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import numpy as np
import simpy
from numpy.typing import ArrayLike, NDArray
from simpy.events import NORMAL, EventPriority

from twin.errors import Fault, ScenarioError
from twin.models.serving import Inputs, Outputs, Params, bad_choice, check_inputs, start
from twin.physics import inference
from twin.physics.inference import Iteration

Process = Generator[simpy.Event, Any, None]
Path = Sequence[tuple[str, float]]

_AFTER_ARRIVALS = EventPriority(2)  # SimPy's own events have priority 0 and 1
_AMOUNTS = ("busy_s", "flop", "hbm_bytes", "link_bytes", "iterations", "prefill_tokens", "output_tokens")


class Span(NamedTuple):
    """A stretch of a request's life.

    Parameters
    ----------
    row : int
        Request.
    hop : str
        Part of the path, or ``queue``, ``prefill``, ``decode``.
    from_s, to_s : float
        Instants [s].
    """

    row: int
    hop: str
    from_s: float
    to_s: float


class Instant(simpy.Event):
    """Event at an absolute instant, exact where a timeout's sum ``now + delay`` may round.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    at_s : float
        Not before now [s].
    priority : EventPriority
        Order among events of one instant, smaller first.
    """

    def __init__(self, env: simpy.Environment, at_s: float, priority: EventPriority = NORMAL) -> None:
        super().__init__(env)
        self._ok = True
        self._value = None
        delay_s = at_s - env.now
        while env.now + delay_s != at_s:
            delay_s = float(np.nextafter(delay_s, np.inf if env.now + delay_s < at_s else -np.inf))
        env.schedule(self, priority=priority, delay=delay_s)


class _Sequence:
    """A request at its replica."""

    __slots__ = (
        "admitted",
        "context",
        "done",
        "first",
        "need",
        "output",
        "prefilled",
        "prompt",
        "remaining",
        "row",
    )

    def __init__(self, env: simpy.Environment, row: int, prompt: int, output: int) -> None:
        self.row = row
        self.prompt = prompt
        self.output = output
        self.need = prompt + output
        self.prefilled = 0
        self.context = 0
        self.remaining = output
        self.admitted = env.event()
        self.first = env.event()
        self.done = env.event()


class _Replica:
    """What a replica holds: requests in queue, in prefill, in decode."""

    def __init__(self, env: simpy.Environment, index: int, params: Params) -> None:
        kind = params.coefficients[params.kind_of_replica[index]]
        self.index = index
        self.coef = Iteration(*(float(value) for value in kind))
        self.kv_capacity = int(params.kv_capacity_tokens[index])
        self.max_batch = int(params.max_batch[index])
        self.budget = int(params.max_batched_tokens[index])
        self.is_chunked = bool(params.is_chunked[index])
        self.clock_frac = 1.0
        self.routed = 0  # not admitted yet, on the way or in queue
        self.queue: deque[_Sequence] = deque()
        self.prefill: deque[_Sequence] = deque()
        self.decode: list[_Sequence] = []
        self.reserved = 0
        self.wake = env.event()
        self.began_s = self.ends_s = 0.0
        self.current: tuple[float, ...] = ()  # amounts of the running iteration
        self.total = [0.0] * len(_AMOUNTS)

    @property
    def batch(self) -> int:
        return len(self.prefill) + len(self.decode)

    def amounts_at(self, now_s: float) -> list[float]:
        """Totals, with the running iteration by the share of its time."""
        if not self.current:
            return list(self.total)
        lasts_s = self.ends_s - self.began_s
        share = (now_s - self.began_s) / lasts_s if lasts_s > 0.0 else 1.0
        return [total + share * amount for total, amount in zip(self.total, self.current, strict=True)]


class EventServing:
    """Serves requests one iteration at a time; same steps and outputs as :mod:`twin.models.serving`.

    Parameters
    ----------
    params : Params
        As for the kernel; ``ingress_s`` and ``egress_s`` are the sums of the paths.
    arrived_at_s, prompt_tokens, output_tokens : (request,)
        As for the kernel.
    paths : sequence of sequence of (name, seconds)
        For every replica the hops from the gateway to it; walked back with the answer. Without it each
        way is one hop.
    env : simpy.Environment
        Clock; a new one if left out. A shared one also runs what others put on it.

    Raises
    ------
    ScenarioError
        When requests are not in order or a path does not add up to the parameters.

    Examples
    --------
    >>> from twin.models.serving import make_params
    >>> from twin.policies.routing.round_robin import choose
    >>> p = make_params([Iteration(overhead_s=0.5)], [0], 1000, 4, 512, True, choose)
    >>> serving = EventServing(p, [0.0, 0.25], [100, 100], [3, 1])
    >>> out = serving.advance(Inputs(np.ones(1), np.ones(1, dtype=bool)), 10.0)
    >>> serving.first_token_at_s.tolist(), serving.done_at_s.tolist()
    ([0.5, 1.0], [1.5, 1.0])
    """

    def __init__(
        self,
        params: Params,
        arrived_at_s: ArrayLike,
        prompt_tokens: ArrayLike,
        output_tokens: ArrayLike,
        paths: Sequence[Path] | None = None,
        env: simpy.Environment | None = None,
    ) -> None:
        self.env = env if env is not None else simpy.Environment()
        self.params = params
        state = start(params, arrived_at_s, prompt_tokens, output_tokens, self.env.now)
        self.arrived_at_s, self.prompt_tokens, self.output_tokens = state[:3]
        self.first_token_at_s, self.done_at_s = state.first_token_at_s, state.done_at_s
        self.replica, self.is_rejected = state.replica, state.is_rejected
        self.outstanding_tokens, self.outstanding_requests = (
            state.outstanding_tokens,
            state.outstanding_requests,
        )
        self.is_up = state.is_up
        self.spans: list[Span] = []
        self.iterations = 0
        self._ingress = _hop_ends(paths, params.ingress_s, "ingress")
        self._egress = _hop_ends(
            paths and [list(reversed(path)) for path in paths], params.egress_s, "egress"
        )
        self._replicas = [_Replica(self.env, r, params) for r in range(len(params.ingress_s))]
        self._cursor = 0
        self._finished: list[int] = []
        self._rejected: list[int] = []
        self._reported = [replica.amounts_at(self.env.now) for replica in self._replicas]
        for replica in self._replicas:
            self.env.process(self._iterate(replica))
        self.env.process(self._arrive())

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
            When a clock is outside 0 to 1, time runs backwards, or the policy names a replica that cannot be.
        """
        check_inputs(inputs, self.env.now, until_s)
        self.is_up[:] = inputs.is_up
        for replica, clock_frac in zip(self._replicas, inputs.clock_frac, strict=True):
            was_halted, replica.clock_frac = replica.clock_frac == 0.0, float(clock_frac)
            if was_halted and clock_frac > 0.0:
                _signal(replica)
        if np.isinf(until_s):
            self.env.run()
        elif until_s > self.env.now:
            self.env.run(until=until_s)
        return self._report()

    def _report(self) -> Outputs:
        now = [replica.amounts_at(self.env.now) for replica in self._replicas]
        amounts = np.array(now) - np.array(self._reported)
        self._reported = now
        levels = np.array([(r.batch, r.routed, r.reserved) for r in self._replicas], dtype=np.float64)
        finished, self._finished = np.array(self._finished, dtype=np.int64), []
        rejected, self._rejected = np.array(self._rejected, dtype=np.int64), []
        return Outputs._make([*np.hstack([amounts, levels]).T, finished, rejected])

    # requests

    def _arrive(self) -> Process:
        for row, at_s in enumerate(self.arrived_at_s.tolist()):
            if at_s > self.env.now:
                yield Instant(self.env, at_s)
            self.env.process(self._live(row))

    def _live(self, row: int) -> Process:
        """A request from gateway to client."""
        replica = self._route(row)
        if replica is None:
            return
        r = replica.index
        yield from self._walk(row, self._ingress[r])
        sequence = _Sequence(self.env, row, int(self.prompt_tokens[row]), int(self.output_tokens[row]))
        replica.queue.append(sequence)
        if not replica.current and replica.clock_frac > 0.0:
            _signal(replica)
        since_s = self.env.now
        for phase, event in (
            ("queue", sequence.admitted),
            ("prefill", sequence.first),
            ("decode", sequence.done),
        ):
            yield event
            self.spans.append(Span(row, phase, since_s, self.env.now))
            since_s = self.env.now
        yield from self._walk(row, self._egress[r])

    def _route(self, row: int) -> _Replica | None:
        need = int(self.prompt_tokens[row]) + int(self.output_tokens[row])
        r = int(
            self.params.choose(self.outstanding_tokens, self.outstanding_requests, self.is_up, self._cursor)
        )
        if not -1 <= r < len(self._replicas) or (r >= 0 and not self.is_up[r]):
            raise bad_choice(row, self.env.now)
        if r >= 0:
            self._cursor = (r + 1) % len(self._replicas)
        if r < 0 or need > self._replicas[r].kv_capacity:
            self.is_rejected[row] = True
            self._rejected.append(row)
            return None
        self.replica[row] = r
        self.outstanding_tokens[r] += need
        self.outstanding_requests[r] += 1
        self._replicas[r].routed += 1
        return self._replicas[r]

    def _walk(self, row: int, hops: Path) -> Process:
        began_s = since_s = self.env.now
        for hop, after_s in hops:
            yield Instant(self.env, began_s + after_s)
            self.spans.append(Span(row, hop, since_s, self.env.now))
            since_s = self.env.now

    # replicas

    def _iterate(self, replica: _Replica) -> Process:
        """A replica from boundary to boundary."""
        end_s, rest_s = self.env.now, 0.0
        while True:
            if replica.clock_frac > 0.0:
                _admit(replica)
            pieces = _pieces(replica)
            decode = [] if pieces and not replica.is_chunked else replica.decode
            if replica.clock_frac == 0.0 or not (pieces or decode):
                replica.wake = self.env.event()
                yield replica.wake
                yield Instant(self.env, self.env.now, _AFTER_ARRIVALS)
                end_s, rest_s = self.env.now, 0.0
                continue
            lasts_s, work = _cost(replica, decode, pieces)
            replica.began_s = end_s
            end_s, rest_s = _add(end_s, lasts_s + rest_s)  # the rounding of a sum goes into the next one
            replica.ends_s, replica.current = end_s, (end_s - replica.began_s, *work)
            yield Instant(self.env, end_s, _AFTER_ARRIVALS)
            replica.total = [a + b for a, b in zip(replica.total, replica.current, strict=True)]
            replica.current = ()
            self.iterations += 1
            self._emit(replica, decode, pieces)

    def _emit(self, replica: _Replica, decode: list[_Sequence], pieces: list[tuple[_Sequence, int]]) -> None:
        """One token for each sequence in decode, and for each prompt that is complete."""
        for sequence in decode:
            sequence.context += 1
            sequence.remaining -= 1
        for sequence, tokens in pieces:
            sequence.prefilled += tokens
            if sequence.prefilled == sequence.prompt:
                replica.prefill.popleft()
                replica.decode.append(sequence)
                sequence.context = sequence.prompt + 1
                sequence.remaining -= 1
                self.first_token_at_s[sequence.row] = self.env.now + self.params.egress_s[replica.index]
                sequence.first.succeed()
        leaving = [sequence for sequence in replica.decode if sequence.remaining == 0]
        if not leaving:
            return
        replica.decode = [sequence for sequence in replica.decode if sequence.remaining > 0]
        for sequence in leaving:
            replica.reserved -= sequence.need
            self.outstanding_tokens[replica.index] -= sequence.need
            self.outstanding_requests[replica.index] -= 1
            self.done_at_s[sequence.row] = self.env.now + self.params.egress_s[replica.index]
            self._finished.append(sequence.row)
            sequence.done.succeed()


def _signal(replica: _Replica) -> None:
    if not replica.wake.triggered:
        replica.wake.succeed()


def _admit(replica: _Replica) -> None:
    while replica.queue and replica.batch < replica.max_batch:
        sequence = replica.queue[0]
        if replica.reserved + sequence.need > replica.kv_capacity:
            return
        replica.queue.popleft()
        replica.routed -= 1
        replica.reserved += sequence.need
        replica.prefill.append(sequence)
        sequence.admitted.succeed()


def _pieces(replica: _Replica) -> list[tuple[_Sequence, int]]:
    """Prompts of the next iteration and how many tokens of each."""
    pieces: list[tuple[_Sequence, int]] = []
    room = replica.budget - (len(replica.decode) if replica.is_chunked else 0)
    for sequence in replica.prefill:
        left = sequence.prompt - sequence.prefilled
        if replica.is_chunked:
            left = min(left, room)
        elif pieces and left > room:
            break
        if left <= 0:
            break
        pieces.append((sequence, left))
        room -= left
    return pieces


def _cost(
    replica: _Replica, decode: list[_Sequence], pieces: list[tuple[_Sequence, int]]
) -> tuple[float, tuple[float, ...]]:
    """Duration of an iteration, and its work in the order of the outputs."""
    coef = replica.coef
    requests, context = len(decode), sum([sequence.context for sequence in decode])
    chunk = sum([tokens for _, tokens in pieces])
    pairs = sum([tokens * seq.prefilled + tokens * (tokens + 1) // 2 for seq, tokens in pieces])
    firsts = sum([seq.prefilled + tokens == seq.prompt for seq, tokens in pieces])
    lasts_s = inference.iteration_s(coef, replica.clock_frac, requests, context, chunk, len(pieces), pairs)
    tokens = requests + chunk
    work = (
        inference.flop(coef, tokens, requests + len(pieces), context, pairs),
        inference.hbm_bytes(coef, 1.0, inference.expert_frac(coef, tokens), tokens, context),
        inference.link_bytes(coef, tokens),
        1.0,
        float(chunk),
        float(requests + firsts),
    )
    return lasts_s, work


def _add(a: float, b: float) -> tuple[float, float]:
    """Sum and what rounding lost of it (Knuth, *The Art of Computer Programming*, vol. 2, 4.2.2)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _hop_ends(paths: Sequence[Path] | None, sums_s: NDArray[np.float64], way: str) -> list[Path]:
    """For every replica, hops with the time from the start of the way to their end."""
    if paths is None:
        return [[(way, float(total_s))] for total_s in sums_s]
    ways: list[Path] = []
    for replica, (path, total_s) in enumerate(zip(paths, sums_s.tolist(), strict=True)):
        ends = np.cumsum([seconds for _, seconds in path]).tolist()
        if not np.isclose(ends[-1] if ends else 0.0, total_s, rtol=1e-9, atol=1e-15):
            found = f"hops of {ends[-1] if ends else 0.0} s"
            fault = Fault("", 0, f"replica {replica} {way}", found, f"{total_s} s", "use one path for both")
            raise ScenarioError("a path does not add up", [fault])
        if ends:
            ends[-1] = total_s  # the same instant as in the kernel, whatever the order of the sum
        ways.append([(hop, end_s) for (hop, _), end_s in zip(path, ends, strict=True)])
    return ways
