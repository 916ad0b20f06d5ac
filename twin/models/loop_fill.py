"""Coolant in a technology loop: what leaks out of it, and what make-up brings.

A leak runs at a steady rate over a step and stops once the loop is empty; make-up fills no higher than full. Heat that
leaves with the coolant and the smaller heat capacity of a loop that is not full are left out: a loop stops pumping
after it lost some percent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Coolant of full loops, array over loops [kg], above zero."""

    full_kg: Array


class State(NamedTuple):
    """Coolant in the loops, array over loops [kg]."""

    held_kg: Array


class Inputs(NamedTuple):
    """Leak and make-up, arrays over loops [kg/s], zero or larger."""

    leak_kg_per_s: Array
    make_up_kg_per_s: Array


class Outputs(NamedTuple):
    """Coolant lost and brought over the step [kg], held at its end over that of a full loop [1]; over loops."""

    lost_kg: Array
    brought_kg: Array
    level_frac: Array


def full(params: Params) -> State:
    """State of full loops."""
    return State(params.full_kg.copy())


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(1000 * one)
    >>> _, out = step(p, full(p), Inputs(0.5 * one, 0 * one), 60.0)
    >>> float(out.lost_kg[0]), float(out.level_frac[0])
    (30.0, 0.97)
    """
    wanted = state.held_kg + (inputs.make_up_kg_per_s - inputs.leak_kg_per_s) * dt_s
    end = np.clip(wanted, 0.0, params.full_kg)
    # at an end of the range the faster stream is held back to the slower one
    lost = inputs.leak_kg_per_s * dt_s + np.minimum(wanted, 0.0)
    brought = inputs.make_up_kg_per_s * dt_s - np.maximum(wanted - params.full_kg, 0.0)
    return State(end), Outputs(lost, brought, end / params.full_kg)
