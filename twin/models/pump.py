"""A bank of equal pumps that drive one stream, with its run-up and run-down.

Running pumps hold a target flow; the stream approaches it by the balance of drive and friction torque, see
:func:`twin.physics.fan_pump.run_flow_frac`. What the loops use is the mass displaced over a tick divided by
the tick. One pump of several gives its share of the rated flow; that it runs out on its own curve, and what valves
and filters do to the flow, comes in as ``path_frac`` (:mod:`twin.physics.loop_flow`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.models._compiled import compiled
from twin.physics.fan_pump import drive_power_w, run_flow_frac

Array = NDArray[np.float64]


class Params(NamedTuple):
    """Arrays over banks.

    Parameters
    ----------
    rated_flow_kg_per_s : array (bank)
        Flow with ``units_needed`` pumps at full speed [kg/s].
    units_needed : array (bank)
        Number of pumps that give the rated flow [1], 1 or more.
    unit_power_w : array (bank)
        Electrical power of one pump at full speed [W].
    run_down_s : array (bank)
        Time after which a tripped stream has half its rated flow [s], above zero.
    natural_frac : array (bank)
        Flow without any drive, by buoyancy, over rated flow [1], 0 to about 0.01.
    """

    rated_flow_kg_per_s: Array
    units_needed: Array
    unit_power_w: Array
    run_down_s: Array
    natural_frac: Array


class State(NamedTuple):
    """Flow over rated flow, array over banks [1]."""

    flow_frac: Array


class Inputs(NamedTuple):
    """Arrays over banks.

    Parameters
    ----------
    units_up : array (bank)
        Number of running pumps [1].
    speed_frac : array (bank)
        Their speed over full speed [1].
    path_frac : array (bank)
        Flow that the path lets through over what the pumps give where it has its rated resistance [1].
    """

    units_up: Array
    speed_frac: Array
    path_frac: Array


class Outputs(NamedTuple):
    """Electrical energy [J] and mass moved [kg] over the step, flow at its end [kg/s], arrays over banks."""

    energy_j: Array
    moved_kg: Array
    flow_kg_per_s: Array


def running(params: Params) -> State:
    """State of banks at their rated flow."""
    return State(np.ones(params.rated_flow_kg_per_s.shape))


def step(params: Params, state: State, inputs: Inputs, dt_s: float) -> tuple[State, Outputs]:
    """Advance by ``dt_s`` with constant inputs; exact for any length.

    Examples
    --------
    >>> one = np.ones(1)
    >>> p = Params(20 * one, 2 * one, 4000 * one, 2 * one, 0 * one)
    >>> _, out = step(p, running(p), Inputs(0 * one, one, one), 2.0)
    >>> float(out.flow_kg_per_s[0]), float(out.energy_j[0])
    (10.0, 0.0)
    """
    made = _advance(params, state, inputs, dt_s)
    return State(made[0]), Outputs(made[1], made[2], made[3])


def _driven(params: Params, state: State, inputs: Inputs, dt_s: float, out: Array) -> None:
    """Fill in the flow over rated flow at the end, and the fields of the outputs."""
    flow_frac, energy_j, moved_kg, flow = out[0], out[1], out[2], out[3]
    for b in range(inputs.units_up.size):
        speed, rated = inputs.speed_frac[b], params.rated_flow_kg_per_s[b]
        driven = min(inputs.units_up[b] / params.units_needed[b], 1.0) * speed
        target = max(driven, params.natural_frac[b]) * inputs.path_frac[b]
        if state.flow_frac[b] == target:  # as nearly always
            flow_frac[b], displaced_s = target, target * dt_s
        else:
            flow_frac[b], displaced_s = run_flow_frac(state.flow_frac[b], target, params.run_down_s[b], dt_s)
        energy_j[b] = inputs.units_up[b] * drive_power_w(params.unit_power_w[b], speed) * dt_s
        moved_kg[b], flow[b] = rated * displaced_s, rated * flow_frac[b]


_advance = compiled(_driven, 4, drive_power_w)
