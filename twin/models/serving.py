"""Continuous batching of a whole fleet of replicas, exact to the request, without visiting iterations.

What an engine does; the event fidelity in ``processes`` does the same, one iteration after the other:

1. A request arrives at the gateway and is routed at that instant by the policy, which sees the exact state
   just before. It is ready at its replica ``ingress_s`` later. What can never fit there (prompt and output
   above the KV capacity), or finds no replica up, is rejected.
2. A replica works in iterations. At each *boundary* between two: sequences with all their output leave and
   free their KV reservation; then ready requests are admitted in order of arrival while the batch is below
   ``max_batch`` and prompt and output fit into the KV capacity; the first that does not fit blocks the rest.
3. *Chunked* prefill: every sequence in decode takes one token of the budget ``max_batched_tokens``, the
   rest goes to admitted prompts in order, the last of them in part. *Separate* prefill: while prompts wait
   an iteration computes only whole prompts, up to the budget but at least one; otherwise it only decodes.
4. The iteration that completes a prompt yields its first token; ``n`` tokens need ``n - 1`` decode
   iterations more. Tokens reach the client ``egress_s`` later.
5. An idle replica starts when a request is ready. ``clock_frac`` is read when an iteration starts; at 0 none
   starts and none is admitted. A replica that is not up gets no new requests and finishes what it has.

At one instant arrivals come before boundaries. A step covers ``[now, until)``: an event at ``until`` belongs
to the next step, with its inputs. Request times do not depend on where steps are cut.

State is changed in place, unlike in other models: it holds every request of the run, and copying it each
tick would cost more than the tick. :func:`copy` gives an independent one.
"""

from __future__ import annotations

import hashlib
from collections import namedtuple
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import CatalogError, Fault, PhysicalRangeError, ScenarioError
from twin.models import _serving_kernel as kernel
from twin.models import _serving_trees as trees
from twin.models._serving_records import Floats, Inputs, Ints, Outputs, Params, State
from twin.physics import inference
from twin.physics.inference import Iteration

__all__ = [
    "Inputs",
    "Outputs",
    "Params",
    "State",
    "advance",
    "bad_choice",
    "check_inputs",
    "copy",
    "make_params",
    "start",
]

COEFFICIENTS = np.dtype([(name, "f8") for name in Iteration._fields])
# what the kernel is given: the policy is compiled apart, lists of rows are made outside
_Tables = namedtuple("_Tables", Params._fields[:-1])  # type: ignore[misc]
_Amounts = namedtuple("_Amounts", Outputs._fields[:-2])  # type: ignore[misc]


def make_params(
    coefficients: Sequence[Iteration],
    kind_of_replica: ArrayLike,
    kv_capacity_tokens: ArrayLike,
    max_batch: ArrayLike,
    max_batched_tokens: ArrayLike,
    is_chunked: ArrayLike,
    choose: Callable[..., int],
    ingress_s: ArrayLike = 0.0,
    egress_s: ArrayLike = 0.0,
) -> Params:
    """Check and lay out parameters; a single value stands for all replicas.

    Parameters
    ----------
    coefficients : sequence of Iteration
        One for each kind of replica.
    kind_of_replica : (replica,)
        Index into it.
    kv_capacity_tokens, max_batch, max_batched_tokens : (replica,) or int
        1 or larger; with chunked prefill ``max_batched_tokens`` is not below ``max_batch``.
    is_chunked : (replica,) or bool
        Chunked prefill; otherwise separate.
    choose : callable
        Routing policy.
    ingress_s, egress_s : (replica,) or float
        Zero or larger [s].

    Raises
    ------
    ScenarioError
        With every limit that is out of range.

    Examples
    --------
    >>> from twin.policies.routing.round_robin import choose
    >>> make_params([Iteration(overhead_s=0.01)], [0, 0], 10**6, 64, 512, True, choose).max_batch.tolist()
    [64, 64]
    """
    table = np.array([tuple(c) for c in coefficients], dtype=COEFFICIENTS)
    kinds = np.ascontiguousarray(kind_of_replica, dtype=np.int64)

    def spread(values: ArrayLike, dtype: Any) -> NDArray[Any]:
        return np.array(np.broadcast_to(np.asarray(values), kinds.shape), dtype=dtype)

    params = Params(
        table,
        kinds,
        spread(kv_capacity_tokens, np.int64),
        spread(max_batch, np.int64),
        spread(max_batched_tokens, np.int64),
        spread(is_chunked, np.bool_),
        spread(ingress_s, np.float64),
        spread(egress_s, np.float64),
        choose,
    )
    if faults := _faults(params):
        raise ScenarioError("replicas cannot run with these limits", faults)
    return params


def _faults(params: Params) -> list[Fault]:
    numbers = params.coefficients.view(np.float64)
    low_budget = params.is_chunked & (params.max_batched_tokens < params.max_batch)
    checks = (
        ("kind_of_replica", (params.kind_of_replica < 0) | (params.kind_of_replica >= len(params.coefficients)),
         "an index of a coefficient set", "give each replica a kind"),
        ("coefficients", ~(np.isfinite(numbers) & (numbers >= 0.0)), "zero or larger", "check model, GPU and engine"),
        ("kv_capacity_tokens", params.kv_capacity_tokens < 1, "1 or larger", "give the replica more memory"),
        ("max_batch", params.max_batch < 1, "1 or larger", "allow one request"),
        ("max_batched_tokens", params.max_batched_tokens < 1, "1 or larger", "allow one token"),
        ("max_batched_tokens", low_budget, "not below max_batch with chunked prefill", "raise it to max_batch"),
        ("ingress_s", ~(np.isfinite(params.ingress_s) & (params.ingress_s >= 0.0)), "zero or larger", "check the path"),
        ("egress_s", ~(np.isfinite(params.egress_s) & (params.egress_s >= 0.0)), "zero or larger", "check the path"),
    )  # fmt: skip
    faults = [
        Fault("", 0, f"{name}[{int(np.flatnonzero(is_wrong)[0])}]", "a value out of range", expected, mend)
        for name, is_wrong, expected, mend in checks
        if np.any(is_wrong)
    ]
    if len(params.kind_of_replica) == 0:
        faults.append(Fault("", 0, "kind_of_replica", "no replica", "at least one", "place a replica"))
    return faults


def start(
    params: Params,
    arrived_at_s: ArrayLike,
    prompt_tokens: ArrayLike,
    output_tokens: ArrayLike,
    now_s: float = 0.0,
) -> State:
    """State with idle replicas and all requests still to come.

    Parameters
    ----------
    params : Params
        Replicas.
    arrived_at_s : (request,)
        Instants at the gateway, sorted, not before ``now_s`` [s].
    prompt_tokens, output_tokens : (request,)
        1 or larger.
    now_s : float
        Instant at which the run starts [s].

    Raises
    ------
    ScenarioError
        With the first row of each thing that is wrong.

    Examples
    --------
    >>> from twin.policies.routing.round_robin import choose
    >>> p = make_params([Iteration(overhead_s=0.5)], [0], 1000, 4, 512, True, choose)
    >>> s = start(p, [0.0, 0.25], [100, 100], [3, 1])
    >>> out = advance(p, s, Inputs(np.ones(1), np.ones(1, dtype=bool)), 10.0)
    >>> s.first_token_at_s.tolist(), s.done_at_s.tolist()
    ([0.5, 1.0], [1.5, 1.0])
    """
    arrived = np.array(arrived_at_s, dtype=np.float64)
    prompts, outputs = np.array(prompt_tokens, dtype=np.int64), np.array(output_tokens, dtype=np.int64)
    _check_requests(arrived, prompts, outputs, now_s)
    rows, replicas = len(arrived), len(params.kind_of_replica)
    width = 1 << max(replicas - 1, 0).bit_length()
    states = np.zeros(replicas, dtype=kernel.REPLICA)
    states["due_s"] = np.inf
    states["clock_frac"] = 1.0
    states["first_row"] = states["waiting_row"] = states["last_row"] = kernel.NONE
    load_tree = np.full(2 * width, kernel.ENDLESS, dtype=np.int64)
    for replica in range(replicas):
        trees.set_leaf.py_func(load_tree, replica, 0)
    return State(
        arrived_at_s=arrived,
        prompt_tokens=prompts.astype(np.int32),
        output_tokens=outputs.astype(np.int32),
        first_token_at_s=np.full(rows, np.nan),
        done_at_s=np.full(rows, np.nan),
        replica=np.full(rows, kernel.NONE, dtype=np.int32),
        is_rejected=np.zeros(rows, dtype=np.bool_),
        next_row=np.full(rows, kernel.NONE, dtype=np.int32),
        finished=np.full(rows, kernel.NONE, dtype=np.int32),
        replicas=states,
        heap=np.zeros(int(params.max_batch.sum()), dtype=np.int64),
        heap_start=np.concatenate(([0], np.cumsum(params.max_batch)[:-1])).astype(np.int64),
        outstanding_tokens=np.zeros(replicas, dtype=np.int64),
        outstanding_requests=np.zeros(replicas, dtype=np.int64),
        is_up=np.ones(replicas, dtype=np.bool_),
        load_tree=load_tree,
        due_tree=np.full(2 * width, np.inf),
        counts=np.zeros(5, dtype=np.int64),
        now_s=np.array([now_s], dtype=np.float64),
    )


def _check_requests(arrived_at_s: Floats, prompts: Ints, outputs: Ints, now_s: float) -> None:
    if not arrived_at_s.shape == prompts.shape == outputs.shape or arrived_at_s.ndim != 1:
        found = f"{arrived_at_s.shape}, {prompts.shape}, {outputs.shape}"
        raise ScenarioError(
            "request columns differ in length",
            [Fault("", 0, "requests", found, "three equal columns", "trim them")],
        )
    largest = np.iinfo(np.int32).max
    checks = (
        ("arrived_at_s", ~np.isfinite(arrived_at_s) | (arrived_at_s < now_s), "finite, not before the start",
         "shift the trace"),
        ("arrived_at_s", np.diff(arrived_at_s, prepend=-np.inf) < 0.0, "sorted", "sort the trace by arrival"),
        ("prompt_tokens", (prompts < 1) | (prompts > largest), "1 or larger", "drop the request"),
        ("output_tokens", (outputs < 1) | (outputs > largest), "1 or larger", "drop the request"),
    )  # fmt: skip
    faults = [
        Fault("", 0, f"{name}[{int(np.flatnonzero(is_wrong)[0])}]", "a value out of range", expected, mend)
        for name, is_wrong, expected, mend in checks
        if np.any(is_wrong)
    ]
    if faults:
        raise ScenarioError("requests cannot be served as they stand", faults)


def copy(state: State) -> State:
    """Independent copy of a state; the given columns of the requests are shared, as none changes them."""
    changing = {
        name: array.copy() for name, array in state._asdict().items() if name not in State._fields[:3]
    }
    return state._replace(**changing)


def advance(params: Params, state: State, inputs: Inputs, until_s: float) -> Outputs:
    """Serve up to, and not including, an instant; changes ``state`` in place.

    Parameters
    ----------
    params : Params
        Replicas.
    state : State
        Requests and replicas.
    inputs : Inputs
        In force from now to ``until_s``.
    until_s : float
        End of the step, not before now [s]; infinite to serve everything.

    Raises
    ------
    PhysicalRangeError
        When a clock is outside 0 to 1, time runs backwards, or the policy names a replica that cannot be.
    """
    check_inputs(inputs, float(state.now_s[0]), until_s)
    routed, finished = int(state.counts[kernel.NEXT_ROW]), int(state.counts[kernel.FINISHED])
    amounts = np.empty((len(_Amounts._fields), len(params.kind_of_replica)))
    is_indexed = getattr(params.choose, "smallest", "") == "outstanding_tokens"
    wrong_row = _entry(_digest())(
        _Tables(*params[:-1]),  # type: ignore[call-arg]
        state,
        np.ascontiguousarray(inputs.clock_frac, dtype=np.float64),
        np.ascontiguousarray(inputs.is_up, dtype=np.bool_),
        float(until_s),
        _compiled(params.choose),
        is_indexed,
        _Amounts(*amounts),
    )
    if wrong_row != kernel.NONE:
        raise bad_choice(wrong_row, float(state.arrived_at_s[wrong_row]))
    rejected = np.flatnonzero(state.is_rejected[routed : state.counts[kernel.NEXT_ROW]]) + routed
    rows = state.finished[finished : state.counts[kernel.FINISHED]].astype(np.int64)
    return Outputs._make([*amounts, rows, rejected])


def check_inputs(inputs: Inputs, now_s: float, until_s: float) -> None:
    """Refuse a clock outside 0 to 1 and a step backwards; for both fidelities.

    Raises
    ------
    PhysicalRangeError
        With the replica and its clock, or the two instants.
    """
    clock_frac = np.asarray(inputs.clock_frac)
    if not np.all(is_right := (clock_frac >= 0.0) & (clock_frac <= 1.0)):
        worst = int(np.flatnonzero(~is_right)[0])
        fault = Fault(
            "", 0, f"replica {worst}", f"clock {clock_frac[worst]}", "0 to 1", "check the clock policy"
        )
        raise PhysicalRangeError(f"a clock left its range at {now_s} s", [fault])
    if not until_s >= now_s:
        fault = Fault("", 0, "serving", f"a step to {until_s} s", f"not before {now_s} s", "step forwards")
        raise PhysicalRangeError("time runs backwards", [fault])


def bad_choice(row: int, at_s: float) -> PhysicalRangeError:
    """The error of a policy that named a replica which cannot be; for both fidelities."""
    fault = Fault(
        "", 0, f"request {row}", "no replica, or one that is down", "an up replica or -1", "mend the policy"
    )
    return PhysicalRangeError(f"a routing policy failed at {at_s} s", [fault])


@cache
def _compiled(choose: Callable[..., int]) -> Any:
    """The policy as a first-class compiled function, so one cached kernel serves every policy."""
    column = nb.int64[::1]
    signature = nb.int64(column, column, nb.boolean[::1], nb.int64)
    try:
        return nb.cfunc(signature, cache=Path(choose.__code__.co_filename).is_file())(choose)
    except nb.core.errors.NumbaError as error:
        first = str(error).strip().splitlines()[0]
        fault = Fault(
            "", 0, choose.__module__, first, "scalars, loops and NumPy arrays", "write it more plainly"
        )
        raise CatalogError("a routing policy cannot be compiled", [fault]) from error


@cache
def _digest() -> str:
    """Digest of all that is compiled into the kernel."""
    files = (inference.__file__, kernel.__file__, trees.__file__)
    return hashlib.blake2b(b"".join(Path(f).read_bytes() for f in files), digest_size=8).hexdigest()


@cache
def _entry(digest: str) -> Any:
    """The compiled step. Numba caches by this file alone; the digest in the closure adds the others."""

    @nb.njit(cache=True, _nrt=False)  # type: ignore[call-overload]
    def step(
        tables: Any,
        state: Any,
        clock_frac: Any,
        is_up: Any,
        until_s: Any,
        choose: Any,
        is_indexed: Any,
        amounts: Any,
    ) -> int:
        if digest == "":
            return kernel.NONE
        kernel.set_inputs(tables, state, clock_frac, is_up)
        wrong_row = kernel.run_until(tables, state, until_s, choose, is_indexed)
        kernel.report(tables, state, amounts)
        return int(wrong_row)

    return step
