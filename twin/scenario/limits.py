"""Numbers of the admission and queue policies, as the scenario gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError, UnitError
from twin.registry import find
from twin.scenario.schema import Scenario
from twin.units import parse


def policy_limits(scenario: Scenario) -> NDArray[np.float64]:
    """Read ``serving.limits`` with the units that the policies declare.

    Parameters
    ----------
    scenario : Scenario
        With ``serving.limits``, ``admission`` and ``queueing``.

    Returns
    -------
    (limit,) of float64
        What both policies get, see :func:`twin.policies.queueing.limits_of`.

    Raises
    ------
    ScenarioError
        With every limit that neither policy has, that lacks its unit, or that is out of range.

    Examples
    --------
    >>> from twin.scenario import load
    >>> changes = {"serving.admission": "queue-limit", "serving.limits": "{waiting_per_replica: 4}"}
    >>> float(policy_limits(load("scenarios/one-rack.yaml", set=changes))[0])
    4.0
    """
    from twin.policies.queueing import limits_of  # late, because compilers come with it

    serving = scenario.serving
    admission: Any = find("twin.policies.admission", serving.admission, "LIMITS")
    queueing: Any = find("twin.policies.queueing", serving.queueing, "LIMITS")
    dimensions = {name: dimension for name, dimension, *_ in (*admission, *queueing)}
    given, faults = {}, []
    for name, value in serving.limits.items():
        try:
            given[name] = _number(value, dimensions.get(name, "number"))
        except UnitError as error:
            faults += [_at(scenario, f"limits.{name}", f) for f in error.faults]
    try:
        limits: NDArray[np.float64] = limits_of(admission, queueing, given)
    except ScenarioError as error:
        faults += [_at(scenario, f.where, f) for f in error.faults]
    if faults:
        raise ScenarioError("the limits of the policies cannot be used", faults)
    return limits


def _number(value: float | str, dimension: str) -> float:
    if dimension != "number":
        return parse(value, dimension)
    try:
        return float(value)
    except ValueError:
        fault = Fault("", 0, "", str(value), "a number", "write a number without unit")
        raise UnitError("not a number", [fault]) from None


def _at(scenario: Scenario, where: str, fault: Fault) -> Fault:
    return scenario.source.fault(f"serving.{where}", fault.found, fault.expected, fault.mend)
