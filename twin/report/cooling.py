"""How long the GPUs go on after a part of their cooling fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.report.source import Source

Floats = NDArray[np.float64]


def cooling_figures(file: Source) -> dict[str, float]:
    """Key figures of the faults of a run's cooling; none of a run without.

    Parameters
    ----------
    file : Source
        An opened result file.

    Returns
    -------
    dict
        Of several faults the shortest times and the largest counts; NaN where no GPU throttled or shut down.
        See :func:`figures_of`.
    """
    each = faults(file)
    if not each:
        return {}
    gather = {"throttle_after_s": np.fmin, "shutdown_after_s": np.fmin}
    names = ("throttle_after_s", "shutdown_after_s", "throttled_gpus", "shut_down_gpus")
    return {
        f"fault_{name}": float(gather.get(name, np.fmax).reduce([one[name] for one in each]))
        for name in names
    }


WATER = ".make_up_kg"
KG_PER_M3 = 1000.0


def water_figures(file: Source, it_j: float) -> dict[str, float]:
    """Fresh water of a run and its usage effectiveness; none of a run whose heat leaves dry.

    Parameters
    ----------
    file : Source
        An opened result file.
    it_j : float
        IT energy of the run [J].

    Returns
    -------
    dict
        ``water_m3``, and ``wue_m3_per_j``, that over the IT energy (WUE of The Green Grid is the same in L/kWh).
    """
    names = [name for name in file.series_names() if name.endswith(WATER)]
    if not names:
        return {}
    water_m3 = sum(float(file.series(name).values.sum(dtype=float)) for name in names) / KG_PER_M3
    return {"water_m3": water_m3, "wue_m3_per_j": water_m3 / it_j if it_j > 0.0 else float("nan")}


def reuse_figures(file: Source, site_j: float, it_j: float) -> dict[str, float]:
    """Heat given to a neighbour and energy reuse effectiveness; none of a run without.

    Parameters
    ----------
    file : Source
        An opened result file.
    site_j, it_j : float
        Energy from the grid and IT energy of the run [J].

    Returns
    -------
    dict
        ``energy_reused_j``, and ``ere``: what the site drew less what it gave, over IT (ERE of The Green Grid).
    """
    if "facility_water.reused_w" not in file.series_names():
        return {}
    series = file.series("facility_water.reused_w")
    reused_j = float(series.values[:, 0].astype(float) @ np.diff(series.time_s, prepend=0.0))
    return {"energy_reused_j": reused_j, "ere": (site_j - reused_j) / it_j if it_j > 0.0 else float("nan")}


def faults(file: Source) -> list[dict[str, Any]]:
    """Faults of the cooling in their order, with what came of each; see :func:`figures_of`.

    Parameters
    ----------
    file : Source
        An opened result file.

    Returns
    -------
    list of dict
        ``name``, ``kind``, ``asset``, ``at_s`` and the figures of each.
    """
    told = sorted(file.json("cooling_faults"), key=lambda fault: fault["at_s"])
    if not told or "gpu.throttled_s" not in file.series_names():
        return []
    throttled, clock = file.series("gpu.throttled_s"), file.series("gpu.clock_frac")
    return [
        {**fault, **figures_of(fault, throttled.time_s, throttled.values, clock.values)} for fault in told
    ]


def figures_of(
    fault: Mapping[str, Any], time_s: Floats, throttled_s: NDArray[Any], clock_frac: NDArray[Any]
) -> dict[str, float]:
    """What came of one fault.

    Parameters
    ----------
    fault : mapping
        With ``at_s``, when it began [s].
    time_s : array (sample)
        Ends of the samples [s].
    throttled_s : array (sample, gpu)
        Time in each sample in which heat held the clock down [s].
    clock_frac : array (sample, gpu)
        Lowest clock of each sample over its maximum [1].

    Returns
    -------
    dict
        ``throttle_after_s``, from the fault until the first GPU throttles that did not before: to the tick, when it
        then throttles to the end of the sample. ``shutdown_after_s``, until the end of the first sample in which a
        GPU shuts down for heat. ``throttled_gpus`` and ``shut_down_gpus``, how many ever do. NaN for never.

    Examples
    --------
    >>> hot = np.array([[0.0], [0.0], [4.0], [10.0]])
    >>> found = figures_of({"at_s": 12.0}, np.arange(10.0, 50.0, 10.0), hot, 1.0 - 0.1 * hot)
    >>> found["throttle_after_s"], found["shutdown_after_s"]
    (14.0, 28.0)
    """
    after, before = time_s > fault["at_s"], time_s <= fault["at_s"]
    was_hot = throttled_s[before][-1] > 0.0 if before.any() else np.zeros(throttled_s.shape[1], dtype=bool)
    is_hot = (throttled_s > 0.0) & after[:, None] & ~was_hot
    # without power a clock is zero too, so only GPUs count that heat had slowed
    is_off = (clock_frac <= 0.0) & (throttled_s > 0.0) & after[:, None]
    found = {"throttle_after_s": np.nan, "shutdown_after_s": np.nan}
    if is_hot.any():
        first = int(np.argmax(is_hot.any(axis=1)))
        begins_s = float(time_s[first]) - float(throttled_s[first][is_hot[first]].max())
        found["throttle_after_s"] = max(begins_s - fault["at_s"], 0.0)
    if is_off.any():
        found["shutdown_after_s"] = float(time_s[int(np.argmax(is_off.any(axis=1)))]) - fault["at_s"]
    return {
        **found,
        "throttled_gpus": float(is_hot.any(axis=0).sum()),
        "shut_down_gpus": float(is_off.any(axis=0).sum()),
    }
