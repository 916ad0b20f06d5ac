"""What the grid asked for and got."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.report.source import Source

Floats = NDArray[np.float64]

ROUNDING: Final = 1e-6
"""Share by which a series of single precision may pass a limit at which it is held [1]."""


def grid_figures(file: Source) -> dict[str, float]:
    """Key figures of the calls of a run; none of a run without calls.

    Parameters
    ----------
    file : Source
        An opened result file; what it says of power is a mean over each sample.

    Returns
    -------
    dict
        Of several calls the sums of energy and payment, the mean power before, the smallest reduction, the largest
        excess and time. NaN where the record ends too early. See :func:`figures_of`.
    """
    calls = file.json("grid_calls")
    if not calls:
        return {}
    series = file.series("site.power_w")
    time_s, power_w = series.time_s.astype(float), series.values[:, 0].astype(float)
    each = [figures_of(call, time_s, power_w) for call in calls]
    gather: dict[str, Callable[[list[float]], float]] = {
        "grid_not_drawn_j": np.sum, "grid_baseline_w": np.mean, "grid_reduction_frac": np.min,
    }  # fmt: skip
    found = {key: float(gather.get(key, np.max)([one[key] for one in each])) for key in each[0]}
    price = float(file.json("economics").get("demand_response_usd_per_j") or 0.0)
    return found | {"grid_payment_usd": max(found["grid_not_drawn_j"], 0.0) * price}


def figures_of(call: Mapping[str, Any], time_s: Floats, power_w: Floats) -> dict[str, float]:
    """Key figures of one call.

    Parameters
    ----------
    call : mapping
        ``at_s``, ``window_s``, ``notice_s``, ``ramp_s``, ``duration_s`` [s] and ``amount_frac`` [1].
    time_s, power_w : array (sample)
        Ends of the samples [s] and mean power of each at the grid connection [W].

    Returns
    -------
    dict
        ``grid_baseline_w``, mean of the window before the call; ``grid_not_drawn_j``, what was drawn less than
        that from the beginning of the first ramp to the end of the second; ``grid_reduction_frac``, mean between
        the ramps as a share of the power before; ``grid_excess_frac``, how far a sample between the ramps lay
        above the limit at most, as such a share; ``grid_reached_s``, from the beginning of the first ramp to the
        end of the first sample within the limit.

    Examples
    --------
    >>> call = {"at_s": 2, "window_s": 2, "notice_s": 0, "ramp_s": 1, "duration_s": 2, "amount_frac": 0.25}
    >>> found = figures_of(call, np.arange(1.0, 7.0), np.array([100.0, 100, 90, 75, 74, 90]))
    >>> {key: round(value, 9) for key, value in found.items()}
    {'grid_baseline_w': 100.0, 'grid_reduction_frac': 0.255, 'grid_excess_frac': 0.0, 'grid_reached_s': 2.0, \
'grid_not_drawn_j': 71.0}
    """
    starts_s = call["at_s"] + call["notice_s"]
    held_s = starts_s + call["ramp_s"], starts_s + call["ramp_s"] + call["duration_s"]
    ends_s = held_s[1] + call["ramp_s"]
    before_w = _mean(time_s, power_w, call["at_s"] - call["window_s"], call["at_s"])
    limit_w = before_w * (1.0 - call["amount_frac"])
    first_s = np.concatenate([[0.0], time_s[:-1]])
    is_held = (first_s >= held_s[0] - 1e-9) & (time_s <= held_s[1] + 1e-9)
    is_within = (time_s > starts_s) & (power_w <= limit_w * (1.0 + ROUNDING))
    over_w = power_w[is_held].max() - limit_w if is_held.any() else np.nan
    return {
        "grid_baseline_w": before_w,
        "grid_reduction_frac": 1.0 - _mean(time_s, power_w, *held_s) / before_w,
        "grid_excess_frac": float(np.maximum(over_w, 0.0)) / before_w,
        "grid_reached_s": float(time_s[is_within][0]) - starts_s if is_within.any() else float("nan"),
        "grid_not_drawn_j": (before_w - _mean(time_s, power_w, starts_s, ends_s)) * (ends_s - starts_s),
    }


def during_j(call: Mapping[str, Any], time_s: Floats, power_w: Floats) -> float:
    """Energy that was given from the beginning of the first ramp of a call to the end of the second [J].

    Parameters
    ----------
    call, time_s
        As for :func:`figures_of`.
    power_w : array (sample)
        Mean power in each [W]; what is below zero does not count.
    """
    starts_s = call["at_s"] + call["notice_s"]
    ends_s = starts_s + 2.0 * call["ramp_s"] + call["duration_s"]
    first_s = np.concatenate([[0.0], time_s[:-1]])
    overlap_s = np.clip(np.minimum(time_s, ends_s) - np.maximum(first_s, starts_s), 0.0, None)
    return float(overlap_s @ np.maximum(power_w, 0.0))


def _mean(time_s: Floats, power_w: Floats, start_s: float, end_s: float) -> float:
    """Mean between two instants [W]; NaN where the record does not reach the end."""
    if not len(time_s) or end_s > time_s[-1] + 1e-9:
        return float("nan")
    first_s = np.concatenate([[0.0], time_s[:-1]])
    overlap_s = np.clip(np.minimum(time_s, end_s) - np.maximum(first_s, start_s), 0.0, None)
    return float(overlap_s @ power_w) / float(overlap_s.sum())
