"""Checks that hold for every model of the plant: split, balance, permutation, purity, monotony."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.testing import assert_allclose

SPLIT_RTOL = 1e-9
BALANCE_RTOL = 1e-9
_ROUNDING = 1e-12
_NOTHING_PER_S = 1e-7  # an amount per second below this is rounding of absolute temperatures

_AMOUNTS = ("_j", "_kg", "_tokens", "_flop", "_bytes", "_s", "_usd")


def is_amount(name: str) -> bool:
    """Whether an output is an amount over the step, by its suffix; any other is a value at its end.

    Examples
    --------
    >>> is_amount("heat_j"), is_amount("flow_kg_per_s"), is_amount("die_k")
    (True, False, False)
    """
    return name.endswith(_AMOUNTS) and "_per_" not in name


class Case(NamedTuple):
    """One drawn situation of a model: its NamedTuples, arrays over assets."""

    params: Any
    state: Any
    inputs: Any


def check_model(
    model: Any,
    cases: SearchStrategy[Case],
    *,
    reorder: Callable[[Case, np.ndarray], Case] | None = None,
    longest_s: float = 3600.0,
    examples: int = 60,
    shrink: bool = True,
) -> None:
    """Draw situations and check that a model keeps what the plant relies on.

    Parameters
    ----------
    model : module or object
        With ``step(params, state, inputs, dt_s) -> (state, outputs)``, pure and exact. When it also has
        ``net_in_j(inputs, outputs, dt_s)``, and ``stored_j(params, state)`` if it stores heat, energy is
        balanced asset by asset.
    cases : hypothesis strategy of Case
        Situations; all arrays of a case have the assets as first dimension.
    reorder : callable, optional
        Gives the case with assets in another order; needed when parameters hold indices of assets.
    longest_s : float
        Longest step that is tried [s].
    examples : int
        Situations to draw.
    shrink : bool
        Whether to look for the simplest failing case, which takes a while.

    Raises
    ------
    AssertionError
        Naming the field that differs, with the shrunk case in hypothesis' report.

    Examples
    --------
    >>> from twin.models import pump
    >>> frac = st.floats(0, 1).map(lambda x: np.full(2, x))
    >>> params = pump.Params(*(np.full(2, x) for x in (20.0, 1.0, 4e3, 2.0, 0.0)))
    >>> check_model(pump, st.builds(Case, st.just(params), st.builds(pump.State, frac),
    ...             st.builds(pump.Inputs, frac, frac, frac)), examples=5)
    """
    lengths = st.floats(1e-3, longest_s)

    phases = [p for p in Phase if shrink or p is not Phase.shrink]

    @settings(max_examples=examples, deadline=None, phases=phases, report_multiple_bugs=False)
    @given(cases, lengths, st.floats(0.0, 1.0), st.randoms(use_true_random=False))
    def every_case(case: Case, dt_s: float, cut_frac: float, random: Any) -> None:
        _check_pure(model, case, dt_s)
        _check_split(model, case, dt_s, cut_frac)
        _check_balance(model, case, dt_s)
        size = len(np.atleast_1d(case.inputs[0]))
        order = np.array(random.sample(range(size), size), dtype=np.int64)
        _check_permutation(model, case, dt_s, order, reorder or _take)

    every_case()


def check_monotone(
    model: Any,
    cases: SearchStrategy[Case],
    given_input: str,
    then_output: str,
    *,
    falls: bool = False,
    raised_by: float = 0.1,
    examples: int = 40,
) -> None:
    """Check that more of an input never gives less (or, if it ``falls``, never more) of an output.

    Parameters
    ----------
    model, cases
        As for :func:`check_model`.
    given_input, then_output : str
        Fields of the model's Inputs and Outputs.
    falls : bool
        Whether the output must not rise instead.
    raised_by : float
        Relative rise of the input.
    examples : int
        Situations to draw.

    Raises
    ------
    AssertionError
        When the output moves the wrong way by more than rounding.
    """

    @settings(max_examples=examples, deadline=None)
    @given(cases, st.floats(1e-2, 600.0))
    def every_case(case: Case, dt_s: float) -> None:
        raised = case.inputs._replace(**{given_input: getattr(case.inputs, given_input) * (1.0 + raised_by)})
        base = getattr(model.step(case.params, case.state, case.inputs, dt_s)[1], then_output)
        more = getattr(model.step(case.params, case.state, raised, dt_s)[1], then_output)
        rise = (base - more) if falls else (more - base)
        slack = 1e-9 * (np.abs(base) + np.abs(more)) + 1e-12
        assert np.all(rise >= -slack), f"{then_output} against {given_input}: {base} became {more}"

    every_case()


def _check_pure(model: Any, case: Case, dt_s: float) -> None:
    before = [np.array(a, copy=True) for part in case for a in part]
    first = model.step(case.params, case.state, case.inputs, dt_s)
    second = model.step(case.params, case.state, case.inputs, dt_s)
    for old, new in zip(before, [a for part in case for a in part], strict=True):
        assert np.array_equal(old, new), "step changed what it was given"
    _assert_same("second call", second, first)


def _check_split(model: Any, case: Case, dt_s: float, cut_frac: float) -> None:
    whole_state, whole = model.step(case.params, case.state, case.inputs, dt_s)
    middle, first = model.step(case.params, case.state, case.inputs, cut_frac * dt_s)
    end_state, second = model.step(case.params, middle, case.inputs, dt_s - cut_frac * dt_s)
    joined = type(whole)(
        *(a + b if is_amount(name) else b for name, a, b in zip(whole._fields, first, second, strict=True))
    )
    _assert_same("two steps against one", (end_state, joined), (whole_state, whole), SPLIT_RTOL, dt_s)


def _check_balance(model: Any, case: Case, dt_s: float) -> None:
    if not hasattr(model, "net_in_j"):
        return
    state, outputs = model.step(case.params, case.state, case.inputs, dt_s)
    net = model.net_in_j(case.inputs, outputs, dt_s)
    before = after = per_k = np.zeros_like(net)
    if hasattr(model, "stored_j"):
        before, after = model.stored_j(case.params, case.state), model.stored_j(case.params, state)
        # contents are counted from 0 °C, so near it their own size says nothing of what temperatures are rounded to
        per_k = model.stored_j(case.params, type(state)(*(a + 1.0 for a in case.state))) - before
    passed = sum(np.abs(v) for n, v in zip(outputs._fields, outputs, strict=True) if n.endswith("_j"))
    driven = sum(
        np.abs(v) * dt_s
        for n, v in zip(case.inputs._fields, case.inputs, strict=True)
        if n.endswith("_w") and np.size(v)  # an input that is empty says nothing
    )
    scale = (
        BALANCE_RTOL * (passed + driven)
        + _ROUNDING * (np.abs(before) + np.abs(after) + np.abs(per_k))
        + _NOTHING_PER_S * dt_s
    )
    residual = net - (after - before)
    assert np.all(np.abs(residual) <= scale), f"energy residual {residual} J"


def _check_permutation(
    model: Any, case: Case, dt_s: float, order: np.ndarray, reorder: Callable[[Case, np.ndarray], Case]
) -> None:
    straight = model.step(case.params, case.state, case.inputs, dt_s)
    shuffled = model.step(*reorder(case, order), dt_s)
    expected = tuple(type(part)(*(a[order] for a in part)) for part in straight)
    _assert_same("assets in another order", shuffled, expected, 1e-12, dt_s)


def _take(case: Case, order: np.ndarray) -> Case:
    return Case(*(type(part)(*(np.asarray(a)[order] for a in part)) for part in case))


def _assert_same(
    what: str, found: Sequence[Any], expected: Sequence[Any], rtol: float = 0.0, dt_s: float = 0.0
) -> None:
    for have, want in zip(found, expected, strict=True):
        for name, a, b in zip(want._fields, have, want, strict=True):
            floor = rtol * float(np.max(np.abs(b), initial=0.0)) + is_amount(name) * _NOTHING_PER_S * dt_s
            assert_allclose(a, b, rtol=rtol, atol=floor, err_msg=f"{what}: {name}")
