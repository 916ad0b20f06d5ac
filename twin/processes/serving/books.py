"""What is written down of requests: instants, status, spans, gaps between tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import simpy
from numpy.typing import NDArray

from twin.models.serving.records import RUN
from twin.processes.serving.events import Span
from twin.processes.serving.request import Request
from twin.requests import COMING, FINISHED, Requests


class Books:
    """Columns over requests, and logs since the last report.

    Parameters
    ----------
    env : simpy.Environment
        Clock.
    requests : Requests
        Columns of the run.
    """

    def __init__(self, env: simpy.Environment, requests: Requests) -> None:
        self._env = env
        rows = requests.rows
        self.arrived_at_s = requests.arrived_at_s.copy()
        self.arrived_at_s[requests.follower] = np.nan
        self.admitted_at_s, self.first_token_at_s, self.done_at_s = (np.full(rows, np.nan) for _ in range(3))
        self.replica, self.entry_replica = (np.full(rows, -1, np.int32) for _ in range(2))
        self.status = np.full(rows, COMING, np.int8)
        self.cached_tokens, self.generated, self.attempts = (np.zeros(rows, np.int64) for _ in range(3))
        self.spans: list[Span] = []
        self._left: list[int] = []
        self._gaps: list[tuple[int, int, int, float, float]] = []

    def mark(self, request: Request, phase: str | None) -> None:
        """Close the span of a request and open the next one."""
        now_s = self._env.now
        if request.phase is not None:
            self.spans.append(Span(request.row, request.phase, request.since_s, now_s))
        request.phase, request.since_s = phase, now_s

    def admit(self, request: Request, is_prompt: bool) -> None:
        """A request got into a batch."""
        if np.isnan(self.admitted_at_s[request.row]):
            self.admitted_at_s[request.row] = self._env.now
        if is_prompt:
            self.cached_tokens[request.row] = request.hits

    def give(self, request: Request, tokens: int, egress_s: float) -> None:
        """A request got tokens."""
        if request.generated == 0:
            self.first_token_at_s[request.row] = self._env.now + egress_s
        request.generated += tokens
        request.computed += tokens
        request.last_token_s = self._env.now
        self.generated[request.row] = request.generated

    def leave(self, request: Request, status: int, egress_s: float = 0.0) -> None:
        """A request left."""
        self.mark(request, None)
        self.status[request.row] = status
        if status == FINISHED:
            self.done_at_s[request.row] = self._env.now + egress_s
        self._left.append(request.row)

    def log_gap(self, group: int, sequences: int, lasted_s: float) -> None:
        """So many sequences of a group got a token this long after their last one."""
        self._gaps.append((group, sequences, 1, lasted_s, 0.0))

    def take(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Rows that left and gaps since the last call."""
        left, gaps = np.array(self._left, dtype=np.int64), np.array(self._gaps, dtype=RUN)
        self._left, self._gaps = [], []
        return left, gaps
