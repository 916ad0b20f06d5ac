"""The serving models in the plant: both fidelities behind one face."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models import serving as model
from twin.models.serving.flows import under_way
from twin.models.serving.records import MOVED, OUTSTANDING_REQUESTS, RUN
from twin.plant.traffic import Traffic
from twin.plant.window import BLOCK
from twin.requests import CANCELLED, FINISHED, INSIDE, REJECTED, SHED, STATUS, Requests
from twin.rng import is_drawn

Paths = list[list[tuple[str, float]]]
Array = NDArray[np.float64]

AMOUNTS = (
    "prefill_tokens",
    "output_tokens",
    "cached_tokens",
    "lost_tokens",
    "preemptions",
    "sent_bytes",
    "busy_s",
)
"""What is summed up over a run for each replica."""


class Served(NamedTuple):
    """A serving model at work, whichever fidelity it has.

    Parameters
    ----------
    advance : callable
        Serves up to, and not including, an instant.
    column : callable
        A column over the requests, by name, as it is now.
    outstanding : callable
        Requests that each replica has to do with, array (replica).
    trunk_bytes : callable
        What transfers that arrived have carried over each trunk since the start, array (trunk) [bytes].
    traffic_bytes : callable
        What other traffic has carried over each trunk since the start, array (trunk) [bytes].
    under_way : callable
        Flows of other traffic that have not ended, as MOVED.
    spans : list
        What requests did when; empty in batch fidelity.
    share_anew : callable
        Finds the rates of transfers anew, after capacities were changed.
    """

    advance: Callable[[model.Inputs, float], model.Outputs]
    column: Callable[[str], NDArray[Any]]
    outstanding: Callable[[], NDArray[Any]]
    trunk_bytes: Callable[[], Array]
    traffic_bytes: Callable[[], Array]
    under_way: Callable[[], NDArray[Any]]
    spans: list[Any]
    share_anew: Callable[[], None] = lambda: None


Starter = Callable[[model.Params, Requests, Paths], Served]


def start_batch(params: model.Params, requests: Requests, paths: Paths) -> Served:
    """Start the event-jump kernel."""
    state = model.start(params, requests)
    return Served(
        advance=lambda inputs, until_s: model.advance(params, state, inputs, until_s),
        column=lambda name: state.requests[name],
        outstanding=lambda: state.loads[OUTSTANDING_REQUESTS],
        trunk_bytes=lambda: state.trunk_bytes,
        traffic_bytes=lambda: state.traffic_bytes,
        under_way=lambda: under_way(state),
        spans=[],
        share_anew=lambda: model.share_anew(params, state),
    )


def start_nobody(params: model.Params, requests: Requests, paths: Paths) -> Served:
    """Start a site without replicas."""
    status, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    idle = model.idle_outputs(params)
    return Served(
        advance=lambda inputs, until_s: idle,
        column=lambda name: status if name == "status" else nothing,
        outstanding=lambda: nothing,
        trunk_bytes=lambda: nothing,
        traffic_bytes=lambda: nothing,
        under_way=lambda: status,
        spans=[],
    )


class Serving:
    """Requests and replicas of a run.

    Parameters
    ----------
    params : model.Params
        Replicas and their limits.
    requests : Requests
        All requests of the run.
    served : Served
        The model that serves them.
    requests_frac, gaps_frac : float
        Shares of requests and of gaps that are handed out to be written.
    traffic : Traffic, optional
        Names of what shares links with KV transfers.

    Attributes
    ----------
    trunk_bytes, traffic_bytes : array (trunk)
        What transfers that arrived in the last step, and other traffic in it, carried over each trunk [bytes].
    """

    def __init__(
        self,
        params: model.Params,
        requests: Requests,
        served: Served,
        requests_frac: float = 1.0,
        gaps_frac: float = 1.0,
        traffic: Traffic | None = None,
    ) -> None:
        self.params, self.requests, self._served = params, requests, served
        self._requests_frac, self._gaps_frac, self._gaps_seen = requests_frac, gaps_frac, 0
        self.inputs = model.idle_inputs(params)
        self.traffic = traffic
        if traffic is not None and traffic.starts_cold:
            self.inputs.starts[:] = 1  # type: ignore[index]
        self._sums = {name: np.zeros(len(params.engines)) for name in AMOUNTS}
        self._sums |= {name: np.zeros(1) for name in ("gap_s", "gaps")}
        self._steps: list[model.Outputs] = []
        self._now_s = 0.0
        self._carried_bytes = np.zeros((2, len(params.trunk_bytes_per_s)))
        self.trunk_bytes, self.traffic_bytes = np.zeros_like(self._carried_bytes)
        self._moved: list[NDArray[Any]] = []
        self._fresh: list[NDArray[np.int64]] = []
        self._gaps: list[NDArray[Any]] = []
        self.outputs = model.idle_outputs(params)  # a plant that never runs compiles no kernel

    @property
    def spans(self) -> list[Any]:
        """What requests did when, since the list was emptied last."""
        return self._served.spans

    def column(self, name: str) -> NDArray[Any]:
        """A column over the requests as it is now, array (request)."""
        return self._served.column(name)

    def advance(self, until_s: float) -> None:
        """Serve up to, and not including, an instant."""
        out = self.outputs = self._served.advance(self.inputs, until_s)
        self._now_s = until_s
        if len(self.trunk_bytes):
            carried = np.array([self._served.trunk_bytes(), self._served.traffic_bytes()])
            self.trunk_bytes, self.traffic_bytes = carried - self._carried_bytes
            self._carried_bytes = carried
        self._steps.append(out)
        if len(self._steps) >= BLOCK:
            self._book()

    def _book(self) -> None:
        """Sum up what the last steps did, and draw what is written of it."""
        steps, self._steps = self._steps, []
        if not steps:
            return
        self._moved += [out.moved for out in steps if len(out.moved)]
        for name in AMOUNTS:
            into = self._sums[name]
            for out in steps:
                into += getattr(out, name)
        if len(left := np.concatenate([out.left_rows for out in steps])):
            self._fresh.append(_drawn(left, left, self._requests_frac))
        if len(gaps := np.concatenate([out.gaps for out in steps])):
            places = np.arange(self._gaps_seen, self._gaps_seen + len(gaps))
            self._gaps.append(_drawn(gaps, places, self._gaps_frac))
            self._gaps_seen += len(gaps)
            count = gaps["steps"].astype(np.float64)
            lasted_s = count * gaps["first_s"] + gaps["growth_s"] * count * (count - 1.0) / 2.0
            # sums, not dot products: threads of a BLAS would cost more than they bring
            self._sums["gap_s"] += (gaps["sequences"] * lasted_s).sum()
            self._sums["gaps"] += (gaps["sequences"] * count).sum()

    @property
    def so_far(self) -> dict[str, Array]:
        """Sums since the start.

        :data:`AMOUNTS` by replica, and ``gap_s`` and ``gaps``, the time between tokens and how many such gaps there
        were.
        """
        self._book()
        return self._sums

    def share_anew(self) -> None:
        """Let transfers share what links carry now."""
        self._served.share_anew()

    def outstanding(self) -> Array:
        """Requests that each replica has to do with: held for a transfer too, array (replica)."""
        return np.array(self._served.outstanding(), dtype=np.float64)

    def sums(self, name: str) -> Array:
        """A sum since the start of the run.

        Parameters
        ----------
        name : str
            A name of ``so_far``; or of all requests together: ``requests`` and ``prompt_tokens`` that came,
            ``first_tokens`` and the sum ``ttft_s`` of their times.
        """
        if name in self._sums:
            return self.so_far[name]
        arrived_s = self.column("arrived_at_s")
        has_come = arrived_s < self._now_s
        if name == "requests":
            return np.array([np.count_nonzero(has_come)], dtype=np.float64)
        if name == "prompt_tokens":
            return np.array([self.requests.prompt_tokens[has_come].sum(dtype=float)])
        first_s = self.column("first_token_at_s")
        known = np.isfinite(first_s)
        if name == "first_tokens":
            return np.array([np.count_nonzero(known)], dtype=np.float64)
        return np.array([float(np.sum(first_s[known] - arrived_s[known]))])

    # what goes to the file

    def take_left(self) -> dict[str, NDArray[Any]]:
        """Columns of the requests that left since the last call, in the order in which they left."""
        self._book()
        rows = np.concatenate(self._fresh) if self._fresh else np.empty(0, dtype=np.int64)
        self._fresh = []
        return self._columns(rows)

    def take_unfinished(self) -> dict[str, NDArray[Any]]:
        """Columns of the requests that are in the house."""
        rows = np.flatnonzero(self.column("status") == INSIDE)
        columns = self._columns(_drawn(rows, rows, self._requests_frac))
        return columns | {"generated_tokens": np.full(len(columns["request"]), -1)}

    def take_gaps(self) -> dict[str, NDArray[Any]]:
        """Gaps between tokens since the last call, as columns."""
        self._book()
        gaps = np.concatenate(self._gaps) if self._gaps else self.outputs.gaps[:0]
        self._gaps = []
        return {name: gaps[name] for name in RUN.names or ()}

    def take_flows(self, at_end: bool = False) -> dict[str, Any]:
        """Flows of other traffic that ended since the last call, at the end also those under way, as columns."""
        assert self.traffic is not None
        self._book()
        parts = [np.zeros(0, dtype=MOVED), *self._moved, *([self._served.under_way()] if at_end else [])]
        moved, self._moved = np.concatenate(parts), []
        rows = moved["flow"].tolist()
        names, ends, alone_s = self.traffic.class_of(), self.traffic.ends, self.traffic.alone_s(self.params)
        return {
            "class": [names[i] for i in rows],
            "from": [ends[i][0] for i in rows],
            "to": [ends[i][1] for i in rows],
            "bytes": moved["bytes"],
            "began_at_s": moved["began_s"],
            "ended_at_s": moved["ended_s"],
            "is_whole": moved["is_whole"],
            "alone_s": [alone_s[i] for i in rows],
        }

    def _columns(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        given = self.requests
        kept = ("arrived_at_s", "admitted_at_s", "first_token_at_s", "done_at_s", "replica", "entry_replica",
                "cached_tokens", "attempts", "status")  # fmt: skip
        return {
            "request": rows,
            **{name: self.column(name)[rows] for name in kept},
            "input_tokens": given.prompt_tokens[rows],
            "output_tokens": given.output_tokens[rows],
            "generated_tokens": self.column("generated")[rows],
            **{name: getattr(given, name)[rows] for name in ("tenant", "tier", "kind", "session")},
        }

    # audit

    def counts(self) -> dict[str, float]:
        """Requests by fate: what came to the gateway, what left and how, what is in the house."""
        having = np.bincount(self.column("status"), minlength=len(STATUS))
        fates = {
            "finished": FINISHED,
            "rejected": REJECTED,
            "shed": SHED,
            "cancelled": CANCELLED,
            "inside": INSIDE,
        }
        # instants are those of the gateway, so this does not lean on the statuses
        arrived = np.count_nonzero(self.column("arrived_at_s") < self._now_s)
        return {"arrived": float(arrived)} | {k: float(having[v]) for k, v in fates.items()}

    def drain(self) -> float:
        """Serve all who are in the house, at full clock, and turn away who comes; the last thing with a run.

        Returns
        -------
        float
            Tokens of prompts and output computed for it.
        """
        inputs = self.inputs
        decodes = np.asarray(inputs.role) == model.DECODE
        last = inputs._replace(clock_frac=np.ones(len(decodes)), is_up=decodes)
        out = self._served.advance(last, np.inf)
        so_far = self.so_far
        for name in AMOUNTS:
            so_far[name] += getattr(out, name)
        return float(out.prefill_tokens.sum() + out.output_tokens.sum())

    def kept_tokens(self) -> float:
        """Tokens computed for the requests that finished and not lost on the way, once the house is empty.

        Of a prompt, what the cache held at its last admission was not computed. What had been computed
        before that, output included, was lost and counts there.
        """
        done = self.column("status") == FINISHED
        given = self.requests
        tokens = given.prompt_tokens[done].sum(dtype=float) + given.output_tokens[done].sum(dtype=float)
        return float(tokens - self.column("cached_tokens")[done].sum(dtype=float))


def _drawn(items: NDArray[Any], numbers: NDArray[np.int64], share: float) -> NDArray[Any]:
    """Of some items those whose numbers are drawn; no copy where all are."""
    return items if share >= 1.0 else items[is_drawn(numbers, share)]
