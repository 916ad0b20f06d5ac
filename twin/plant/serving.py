"""The serving models in the plant: both fidelities behind one face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twin.models import serving as model
from twin.results import FINISHED, INSIDE, REJECTED
from twin.scenario import Requests

Advance = Callable[[model.Inputs, float], model.Outputs]
Paths = list[list[tuple[str, float]]]


class Table(Protocol):
    """Columns of all requests of a run, filled in while they are served."""

    @property
    def arrived_at_s(self) -> NDArray[np.float64]:
        """Instant at the gateway [s]."""

    @property
    def prompt_tokens(self) -> NDArray[np.int32]:
        """Prompt length."""

    @property
    def output_tokens(self) -> NDArray[np.int32]:
        """Output length."""

    @property
    def first_token_at_s(self) -> NDArray[np.float64]:
        """Instant of the first token at the gateway [s], NaN before."""

    @property
    def done_at_s(self) -> NDArray[np.float64]:
        """Instant of the last token at the gateway [s], NaN before."""

    @property
    def replica(self) -> NDArray[np.int32]:
        """Where it was routed, -1 before."""

    @property
    def is_rejected(self) -> NDArray[np.bool_]:
        """Whether it can never be served."""


Starter = Callable[[model.Params, Requests, Paths], tuple[Table, Advance]]


def start_batch(params: model.Params, requests: Requests, paths: Paths) -> tuple[Table, Advance]:
    """Start the event-jump kernel."""
    state = model.start(params, *requests)
    return state, lambda inputs, until_s: model.advance(params, state, inputs, until_s)


class Serving:
    """Requests and replicas of a run.

    Parameters
    ----------
    params : model.Params
        Replicas and their limits.
    table : Table
        Columns of all requests.
    advance : callable
        Serves up to, and not including, an instant.
    """

    def __init__(self, params: model.Params, table: Table, advance: Advance) -> None:
        replicas = len(params.kind_of_replica)
        self.params, self.table, self._advance = params, table, advance
        self.inputs = model.Inputs(np.ones(replicas), np.ones(replicas, dtype=bool))
        self.outputs = advance(self.inputs, 0.0)
        self._now_s = 0.0
        self._left = np.zeros(len(table.arrived_at_s), dtype=bool)
        self._fresh: list[NDArray[np.int64]] = []

    def advance(self, until_s: float) -> None:
        """Serve up to, and not including, an instant."""
        self.outputs = self._advance(self.inputs, until_s)
        self._now_s = until_s
        for rows in (self.outputs.finished_rows, self.outputs.rejected_rows):
            self._left[rows] = True
            self._fresh.append(rows)

    def take_finished(self) -> dict[str, NDArray[Any]]:
        """Columns of the requests that finished or were rejected since the last call."""
        rows = np.concatenate(self._fresh) if self._fresh else np.empty(0, dtype=np.int64)
        self._fresh = []
        return self._columns(rows)

    def take_unfinished(self) -> dict[str, NDArray[Any]]:
        """Columns of the requests that arrived and have not left, their ends unknown."""
        columns = self._columns(np.flatnonzero(self._arrived() & ~self._left))
        rows = len(columns["request"])
        return columns | {"done_at_s": np.full(rows, np.nan), "status": np.full(rows, INSIDE)}

    def _arrived(self) -> NDArray[np.bool_]:
        return (self.table.replica >= 0) | self.table.is_rejected

    def _columns(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        table = self.table
        return {
            "request": rows,
            "arrived_at_s": table.arrived_at_s[rows],
            "first_token_at_s": table.first_token_at_s[rows],
            "done_at_s": table.done_at_s[rows],
            "input_tokens": table.prompt_tokens[rows],
            "output_tokens": table.output_tokens[rows],
            "replica": table.replica[rows],
            "status": np.where(table.is_rejected[rows], REJECTED, FINISHED),
        }

    def counts(self) -> dict[str, float]:
        """Requests by fate: what the trace brought, what left, and what stands in the replicas."""
        rejected = float(np.count_nonzero(self.table.is_rejected & self._left))
        return {
            "arrived": float(np.count_nonzero(self.table.arrived_at_s < self._now_s)),
            "finished": float(np.count_nonzero(self._left)) - rejected,
            "rejected": rejected,
            "inside": float((self.outputs.batch_requests + self.outputs.queue_requests).sum()),
        }

    def drain(self) -> tuple[float, float]:
        """Serve what is left, at full clock; the last thing that is done with a run.

        Returns
        -------
        drained_tokens, wanted_tokens : float
            Tokens computed to empty the house, and tokens of all requests of the trace but the rejected.
        """
        replicas = len(self.params.kind_of_replica)
        out = self._advance(model.Inputs(np.ones(replicas), np.ones(replicas, dtype=bool)), np.inf)
        table, kept = self.table, ~self.table.is_rejected
        wanted = table.prompt_tokens[kept].sum(dtype=float) + table.output_tokens[kept].sum(dtype=float)
        return float(out.prefill_tokens.sum() + out.output_tokens.sum()), float(wanted)
