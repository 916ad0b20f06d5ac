"""Serving of a whole fleet of replicas, exact to the request, without visiting iterations.

What an engine does stands in ``docs/serving-engine.md``; the event fidelity in ``twin.processes.serving`` does the
same, one iteration after the other. State is changed in place, unlike in other models: it holds every request
of the run, and copying it each tick would cost more than the tick. :func:`copy` gives an independent one.

Examples
--------
>>> import numpy as np
>>> from twin import requests
>>> from twin.physics.inference import Iteration
>>> from twin.policies.routing.round_robin import choose
>>> p = make_params([Iteration(overhead_s=0.5)], choose, kv_blocks=1000, max_batch=4, max_batched_tokens=512)
>>> s = start(p, requests.make([0.0, 0.25], [100, 100], [3, 1]))
>>> out = advance(p, s, idle_inputs(p), 10.0)
>>> s.first_token_at_s.tolist(), s.done_at_s.tolist()
([0.5, 1.0], [1.5, 1.0])
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numba.core.errors import NumbaExperimentalFeatureWarning
from numpy.typing import NDArray

from twin.errors import CatalogError, Fault, PhysicalRangeError
from twin.models.serving import prefix_table
from twin.models.serving import step as kernel
from twin.models.serving.flows import Flow, Job, with_traffic
from twin.models.serving.layout import ARRIVED, FLOWS_MOVED, GAPS, LEFT, NOW
from twin.models.serving.pack import Pack
from twin.models.serving.params import GRAPH_SIZES, everyone, first_come, make_params
from twin.models.serving.records import (
    AMOUNTS,
    BOTH,
    DECODE,
    LEVELS,
    MOVED,
    PREFILL,
    RUN,
    Inputs,
    Outputs,
    Params,
)
from twin.models.serving.state import State, copy, start
from twin.models.serving.transfers import share_links
from twin.physics import inference, iteration, windows

__all__ = [
    "AMOUNTS",
    "ARRIVED",
    "BOTH",
    "DECODE",
    "GRAPH_SIZES",
    "LEVELS",
    "PREFILL",
    "Flow",
    "Inputs",
    "Job",
    "Outputs",
    "Params",
    "State",
    "advance",
    "bad_choice",
    "check_inputs",
    "copy",
    "everyone",
    "first_come",
    "idle_inputs",
    "idle_outputs",
    "make_params",
    "share_anew",
    "start",
    "with_traffic",
]

# policies are handed over as compiled functions, which Numba has called experimental for years
warnings.simplefilter("ignore", NumbaExperimentalFeatureWarning)


def idle_inputs(params: Params) -> Inputs:
    """All replicas up at full clock in the role they start with."""
    count = len(params.engines)
    up = np.ones(count, dtype=bool)
    roles = params.engines["role"].astype(np.int64)
    return Inputs(np.ones(count), up, up.copy(), roles, np.zeros(count, dtype=np.int64))


def idle_outputs(params: Params) -> Outputs:
    """Outputs of a step in which nothing happened."""
    amounts = np.zeros((len(AMOUNTS + LEVELS), len(params.engines)))
    nothing = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=RUN), np.zeros(0, dtype=MOVED))
    return Outputs._make([*amounts, *nothing])


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
        When a clock is outside 0 to 1, time runs backwards, a role changes where requests are, or a policy
        names a replica that cannot be.
    """
    check_inputs(inputs, float(state.clock[NOW]), until_s)
    _check_roles(state, inputs)
    left = int(state.counts[LEFT])
    tables, amounts, by_name = _given(params, state)
    columns = (
        np.ascontiguousarray(inputs.clock_frac, dtype=np.float64),
        np.ascontiguousarray(inputs.is_up, dtype=np.int64),
        np.ascontiguousarray(inputs.is_alive, dtype=np.int64),
        np.ascontiguousarray(inputs.role, dtype=np.int64),
        _starts(inputs),
    )
    outcome = np.zeros(1, dtype=np.int64)
    gaps, moved = [], []
    reason = kernel.GAPS_FULL
    while reason in (kernel.GAPS_FULL, kernel.CACHE_FULL):
        given = (tables, state, columns, float(until_s), outcome, by_name)
        if state.entry is None:
            reason, state.entry = _first_call(*given)
        else:
            reason = state.entry(*given)
        gaps.append(state.gaps[: state.counts[GAPS]].copy())
        state.counts[GAPS] = 0
        moved.append(state.moved[: state.counts[FLOWS_MOVED]].copy())
        state.counts[FLOWS_MOVED] = 0
        if reason == kernel.CACHE_FULL:
            state.make_room(int(outcome[0]))
    if reason == kernel.BAD_ENTRY:
        raise bad_choice(int(outcome[0]), float(state.clock[NOW]))
    rows = state.left[left : state.counts[LEFT]].astype(np.int64)
    logs = [parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in (gaps, moved)]
    return Outputs._make([*amounts.copy(), rows, *logs])


def _starts(inputs: Inputs) -> NDArray[np.int64]:
    if inputs.starts is None:
        return np.zeros(len(inputs.role), dtype=np.int64)
    return np.ascontiguousarray(inputs.starts, dtype=np.int64)


def share_anew(params: Params, state: State) -> None:
    """Find the rates of all transfers anew from now on, after capacities of ``params`` were changed in place."""
    tables = _given(params, state)[0]
    share_links(tables, state, float(state.clock[NOW]))


def _given(params: Params, state: State) -> tuple[Pack, NDArray[np.float64], Pack]:
    """What the kernel is given: tables and policies, and the amounts that it fills in, whole and by name.

    Kept with the state.
    """
    if state.given is None or state.given[0] is not params:
        arrays = params._asdict()
        policies = {name: _compiled(arrays.pop(name), kind) for name, kind in _KINDS.items()}
        tables = Pack({name: np.atleast_1d(np.asarray(value)) for name, value in arrays.items()}, policies)
        amounts = np.zeros((len(AMOUNTS + LEVELS), len(params.engines)))
        by_name = Pack(dict(zip(AMOUNTS + LEVELS, amounts, strict=True)))
        state.given, state.entry = (params, tables, amounts, by_name), None
    return state.given[1:]


def _first_call(*given: Any) -> tuple[int, Callable[..., int]]:
    """Call the kernel, and find its entry for these types: to find it anew would cost more than many a step."""
    dispatcher = _entry(_digest())
    reason = dispatcher(*given)
    types = tuple(dispatcher.typeof_pyval(value) for value in given)
    return reason, dispatcher.overloads[types].entry_point


def check_inputs(inputs: Inputs, now_s: float, until_s: float) -> None:
    """Refuse a clock outside 0 to 1 and a step backwards; for both fidelities.

    Raises
    ------
    PhysicalRangeError
        With the replica and its clock, or the two instants.
    """
    clock_frac = np.asarray(inputs.clock_frac)
    if not (clock_frac.min(initial=1.0) >= 0.0 and clock_frac.max(initial=0.0) <= 1.0):
        worst = int(np.flatnonzero(~((clock_frac >= 0.0) & (clock_frac <= 1.0)))[0])
        fault = Fault(
            "", 0, f"replica {worst}", f"clock {clock_frac[worst]}", "0 to 1", "check the clock policy"
        )
        raise PhysicalRangeError(f"a clock left its range at {now_s} s", [fault])
    if not until_s >= now_s:
        fault = Fault("", 0, "serving", f"a step to {until_s} s", f"not before {now_s} s", "step forwards")
        raise PhysicalRangeError("time runs backwards", [fault])


def _check_roles(state: State, inputs: Inputs) -> None:
    if state.roles is not None and (state.roles == inputs.role).all():
        return  # as nearly always
    changes = np.flatnonzero(state.replicas["role"] != np.asarray(inputs.role))
    for r in changes:
        if state.loads[1, r] > 0:
            fault = Fault(
                "",
                0,
                f"replica {r}",
                f"a new role with {state.loads[1, r]} requests",
                "none",
                "drain it first",
            )
            raise PhysicalRangeError("a role changes where requests are", [fault])
    state.roles = np.array(inputs.role)


def bad_choice(row: int, at_s: float) -> PhysicalRangeError:
    """The error of a policy that named a replica which cannot be; for both fidelities."""
    where = f"request {row}" if row >= 0 else "a request behind its prefill"
    fault = Fault(
        "", 0, where, "no replica, or one that is closed", "an open replica or -1", "mend the policy"
    )
    return PhysicalRangeError(f"a routing policy failed at {at_s} s", [fault])


_COLUMN, _NUMBERS, _MASK = nb.int64[::1], nb.float64[::1], nb.boolean[::1]
_KINDS = {"choose": "routing", "choose_decode": "routing", "rank": "queueing", "admit": "admission"}
_SIGNATURES = {
    "routing": nb.int64(nb.int64[:, ::1], _MASK, _COLUMN),
    "queueing": nb.float64(_COLUMN, _NUMBERS, _NUMBERS, _NUMBERS, nb.float64),
    "admission": nb.boolean(_COLUMN, _COLUMN, _NUMBERS, _NUMBERS, _NUMBERS, nb.float64),
}


@cache
def _compiled(policy: Callable[..., Any], kind: str) -> Any:
    """A policy as a first-class compiled function, so one cached kernel serves every policy."""
    try:
        return nb.cfunc(_SIGNATURES[kind], cache=Path(policy.__code__.co_filename).is_file())(policy)
    except nb.core.errors.NumbaError as error:
        first = str(error).strip().splitlines()[0]
        fault = Fault(
            "", 0, policy.__module__, first, "scalars, loops and NumPy arrays", "write it more plainly"
        )
        raise CatalogError(f"a {kind} policy cannot be compiled", [fault]) from error


@cache
def _digest() -> str:
    """Digest of all that is compiled into the kernel."""
    relations = [Path(inference.__file__), Path(iteration.__file__), Path(windows.__file__)]
    files = [*relations, *sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.blake2b(b"".join(f.read_bytes() for f in files), digest_size=8).hexdigest()


@cache
def _entry(digest: str) -> Any:
    """The compiled step. Numba caches by this file alone; the digest in the closure adds the others."""

    @nb.njit(cache=True, _nrt=False)  # type: ignore[call-overload]
    def step(tables: Any, state: Any, columns: Any, until_s: Any, outcome: Any, amounts: Any) -> int:
        if digest == "":
            return kernel.DONE
        prefix_table.fill_table(state)
        kernel.set_inputs(tables, state, columns[0], columns[1], columns[2], columns[3], columns[4])
        policies = (tables.choose, tables.choose_decode, tables.rank, tables.admit)
        reason = kernel.run_until(tables, state, until_s, policies, outcome)
        if reason == kernel.DONE:
            kernel.report(tables, state, amounts)
        return int(reason)

    return step
