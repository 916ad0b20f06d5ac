"""Groups of replicas from boundary to boundary."""

from __future__ import annotations

from collections.abc import Sequence

import simpy

from twin.models.serving.records import PREFILL
from twin.physics import inference
from twin.processes.serving.events import BOUNDARY, Instant, add, at
from twin.processes.serving.holding import Hold
from twin.processes.serving.lives import Lives
from twin.processes.serving.replica import Plan, Replica
from twin.processes.serving.request import Request
from twin.requests import CANCELLED


class Group:
    """Replicas that start their iterations together and wait for the slowest.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    index : int
        Which group it is.
    replicas : sequence of Replica
        In order.
    lives : Lives
        What becomes of the requests.
    """

    def __init__(self, env: simpy.Environment, index: int, replicas: Sequence[Replica], lives: Lives) -> None:
        self._env, self.index, self.replicas, self._lives = env, index, replicas, lives
        self._books = lives.books
        self.iterations = 0
        self.clock_frac = 1.0
        self._hold = Hold(replicas)
        self.is_alive = True
        self._pending: Instant | None = None  # the next boundary
        self._is_inside = False  # a boundary; what it causes needs none of its own
        self._is_running = False
        self._began_s = self._ends_s = self._rest_s = 0.0
        self._sequences = 0  # that got a token one iteration after their last one
        for replica in replicas:
            replica.wake = self.wake

    def wake(self) -> None:
        """Look at this instant whether there is work, unless a boundary is to come anyway."""
        is_bound = self._pending is not None or self._is_inside
        if self.is_alive and self.clock_frac > 0.0 and not is_bound:
            self._pending = at(self._env, self._env.now, BOUNDARY, self.index, self._boundary)

    def tell(self, clock_frac: float, is_alive: bool) -> None:
        """New inputs."""
        was_working = self.is_alive and self.clock_frac > 0.0
        if self.is_alive and not is_alive:
            self._stop()
        self.clock_frac, self.is_alive = clock_frac, is_alive
        for replica in self.replicas:
            replica.is_alive = is_alive
        if not was_working:
            self.wake()

    def _stop(self) -> None:
        """Lose the running iteration."""
        share = self.share()
        for replica in self.replicas:
            begun = replica.current.get("prefill_tokens", 0.0) + replica.current.get("output_tokens", 0.0)
            replica.total["lost_tokens"] += share * begun
            replica.settle(share)
        self._pending, self._is_running = None, False
        self._hold.end()

    def share(self) -> float:
        """Part of the running iteration that has passed."""
        if not self._is_running:
            return 0.0
        lasts_s = self._ends_s - self._began_s
        return (self._env.now - self._began_s) / lasts_s if lasts_s > 0.0 else 1.0

    # a boundary

    def _boundary(self, event: simpy.Event) -> None:
        if event is not self._pending:
            return
        self._pending, self._is_inside = None, True
        if self._is_running:
            self._is_running = False
            self.iterations += 1
            self._hold.count()
            self._sequences = 0
            for replica in self.replicas:
                replica.settle(1.0)
                self._emit(replica)
            if self._sequences:
                self._books.log_gap(self.index, self._sequences, self._ends_s - self._began_s)
        else:
            self._rest_s = 0.0
        if self.clock_frac > 0.0:
            self._fill()
        self._is_inside = False
        if self.clock_frac > 0.0 and any(r.plan.decode or r.plan.pieces for r in self.replicas):
            self._start()
            return
        if self.clock_frac > 0.0 and any(r.is_short for r in self.replicas):
            self.wake()  # none was admitted beside them, and nothing else may ever happen

    def _emit(self, replica: Replica) -> None:
        """Tokens of the iteration that ends."""
        plan, replica.plan = replica.plan, Plan()
        for request, tokens in sorted(plan.decode, key=lambda one: one[0].row):
            self._give(replica, request, tokens)
            if request.lacks == 0:
                self._end(request)
        for request, tokens in plan.pieces:
            request.present += tokens
            request.computed += tokens
            if request.present == request.to_compute:
                self._complete(replica, request)

    def _complete(self, replica: Replica, request: Request) -> None:
        """A prompt is complete, which yields a token."""
        replica.complete_prompt(request)
        self._give(replica, request, 1)
        if replica.role == PREFILL and request.lacks:
            if request.has_given_up:
                self._lives.leave(request, CANCELLED)
            else:
                self._lives.hand_over(request)
            return
        self._books.mark(request, "decode")
        replica.prefill.remove(request)
        replica.start_decode(request)
        if request.lacks == 0:
            self._end(request)

    def _end(self, request: Request) -> None:
        """A request has all its output."""
        if request.has_given_up:
            self._lives.leave(request, CANCELLED)
        else:
            self._lives.finish(request)

    def _give(self, replica: Replica, request: Request, tokens: int) -> None:
        last_s = request.last_token_s
        if last_s is not None and last_s == self._began_s:
            self._sequences += 1
        elif last_s is not None:
            self._books.log_gap(self.index, 1, self._env.now - last_s)
        self._books.give(request, tokens, replica.engine.egress_s)

    def _drop(self, replica: Replica) -> None:
        """Those who gave up leave."""
        decode = sorted(replica.decode, key=lambda one: one.row)
        for request in [r for r in replica.prefill + decode if r.has_given_up]:
            self._lives.leave(request, CANCELLED)

    def _fill(self) -> None:
        """Make room, admit, compose."""
        for replica in self.replicas:
            self._prepare(replica)
        starts = self._hold.starts()
        for replica in self.replicas:
            self._lives.enter(replica.admit(starts))
            replica.compose()

    def _prepare(self, replica: Replica) -> None:
        """Leaving, joining, queue, growth."""
        self._drop(replica)
        for request in replica.join_loaded():
            self._books.mark(request, "decode")
        replica.queue_ready()
        for request in replica.grow(self._env.now):
            self._books.mark(request, "queue")

    # an iteration

    def _start(self) -> None:
        first, clock_frac = self.replicas[0].coef, self.clock_frac
        tokens = sum(_tokens(replica) for replica in self.replicas)
        slowest_s = max(self._rank_s(replica) for replica in self.replicas)
        floor_s = inference.floor_s(first, clock_frac, tokens)
        lasts_s = inference.shared_s(first, clock_frac, tokens) + max(floor_s, slowest_s)
        self._began_s, self._is_running = self._env.now, True
        self._ends_s, self._rest_s = add(self._began_s, lasts_s + self._rest_s)  # rounding is carried over
        for replica in self.replicas:
            replica.extra_s = 0.0
            for request, _ in replica.plan.pieces:
                if request.prompt_began_s is None:
                    request.prompt_began_s = self._began_s
            replica.current = _work(replica, tokens) | {
                "busy_s": self._ends_s - self._began_s,
                "iterations": 1.0,
            }
        self._pending = at(self._env, self._ends_s, BOUNDARY, self.index, self._boundary)

    def _rank_s(self, replica: Replica) -> float:
        plan = replica.plan
        prompts = (plan.chunk, len(plan.pieces), plan.pairs)
        alone_s = inference.rank_s(replica.coef, self.clock_frac, plan.padded, plan.context, *prompts)
        return alone_s + replica.extra_s


def _tokens(replica: Replica) -> float:
    """Tokens that a replica computes in the iteration."""
    return replica.plan.padded * replica.coef.verify_tokens + replica.plan.chunk


def _work(replica: Replica, group_tokens: float) -> dict[str, float]:
    """Work of the iteration; one that only takes part reads its weights."""
    plan, coef = replica.plan, replica.coef
    tokens = _tokens(replica)
    if tokens == 0:
        return {"hbm_bytes": inference.hbm_bytes(coef, 1.0, 0.0, 0.0, 0.0)}
    sequences = plan.padded * coef.verify_tokens + len(plan.pieces)
    touched = inference.expert_frac(coef, group_tokens)
    decoded = inference.windows(coef.window_tokens, plan.padded, plan.context)
    prompted = inference.windows(coef.prompt_window_tokens, plan.chunk, plan.pairs)
    seen = coef.verify_tokens * decoded + prompted
    return {
        "flop": inference.flop(coef, tokens, sequences, plan.context, plan.pairs, group_tokens, seen),
        "hbm_bytes": inference.hbm_bytes(coef, 1.0, touched, tokens, plan.context, decoded),
        "link_bytes": inference.link_bytes(coef, tokens, group_tokens),
        "prefill_tokens": float(plan.chunk),
        "output_tokens": float(plan.output),
    }
