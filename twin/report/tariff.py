"""What energy from the grid cost and emitted: prices in steps, demand and capacity charges."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.report.source import Source

Floats = NDArray[np.float64]


def tariff_figures(file: Source) -> dict[str, float]:
    """Key figures of what the grid is paid for, and of its emissions.

    Parameters
    ----------
    file : Source
        An opened result file; what it says of power is a mean over each sample.

    Returns
    -------
    dict
        ``electricity_usd`` [USD] and ``electricity_price_usd_per_j``, its mean; ``co2_kg`` [kg] where emissions are
        known; where the scenario has such charges ``demand_peak_w`` [W], ``demand_charge_usd`` and
        ``capacity_charge_usd`` [USD].
    """
    power_w = file.series("site.power_w").values[:, 0].astype(float)
    edges_s = _edges_s(file)
    energy_j = power_w * np.diff(edges_s)
    cost, total_j = cost_usd(file, power_w), float(energy_j.sum())
    found = {
        "electricity_usd": cost,
        "electricity_price_usd_per_j": cost / total_j if total_j else float("nan"),
    }
    carbon = _steps(file)["carbon_kg_per_j"]
    if len(carbon) and not np.isnan(carbon).any():
        found["co2_kg"] = float(energy_j @ means(_steps(file)["time_s"], carbon, edges_s))
    return found | charges_of(file, power_w)


def cost_usd(file: Source, power_w: Floats) -> float:
    """Price of a power over the samples of a run [USD].

    Parameters
    ----------
    file : Source
        Gives prices and samples.
    power_w : array (sample)
        Mean over each sample [W].
    """
    edges_s, steps = _edges_s(file), _steps(file)
    energy_j = power_w * np.diff(edges_s)
    return float(energy_j @ means(steps["time_s"], steps["electricity_usd_per_j"], edges_s))


def charges_of(file: Source, power_w: Floats) -> dict[str, float]:
    """Demand and capacity charges of a power over the samples of a run, as in :func:`tariff_figures`.

    Parameters
    ----------
    file : Source
        Gives prices and samples.
    power_w : array (sample)
        Mean over each sample [W].
    """
    edges_s = _edges_s(file)
    energy_j = np.concatenate([[0.0], np.cumsum(power_w * np.diff(edges_s))])
    start = datetime.fromisoformat(str(file.attrs["start"]))
    return _charges(file.json("economics"), start, edges_s, energy_j)


def _edges_s(file: Source) -> Floats:
    return np.concatenate([[0.0], file.series("site.power_w").time_s.astype(float)])


def _steps(file: Source) -> dict[str, Floats]:
    steps = file.tariff()
    return steps if len(steps["time_s"]) else _older(file, _edges_s(file)[-1])


def means(time_s: Floats, values: Floats, edges_s: Floats) -> Floats:
    """Mean of steps over each interval.

    Parameters
    ----------
    time_s, values : array (row)
        Instants from which values hold, the first at 0 [s]; the last holds on.
    edges_s : array (interval + 1)
        Bounds of the intervals [s].

    Examples
    --------
    >>> means(np.array([0.0, 4.0]), np.array([1.0, 3.0]), np.array([0.0, 2.0, 6.0, 7.0])).tolist()
    [1.0, 2.0, 3.0]
    """
    bounds = np.append(time_s, max(edges_s[-1], time_s[-1] + 1.0))
    whole = np.concatenate([[0.0], np.cumsum(values * np.diff(bounds))])
    found: Floats = np.diff(np.interp(edges_s, bounds, whole)) / np.diff(edges_s)
    return found


def peak_w(edges_s: Floats, energy_j: Floats, first_s: float, last_s: float, window_s: float) -> float:
    """Highest mean power over the windows of a meter between two instants [W]; over all of it, where it holds none.

    Parameters
    ----------
    edges_s, energy_j : array (edge)
        Instants [s], and the energy since the first of them [J].
    first_s, last_s : float
        Begin of the first window, and the instant up to which windows count [s].
    window_s : float
        Length of a window [s].

    Examples
    --------
    >>> peak_w(np.array([0.0, 10.0, 20.0]), np.array([0.0, 100.0, 400.0]), -5.0, 20.0, 10.0)
    20.0
    """
    at_s = first_s + window_s * np.arange(1 + max(int((last_s - first_s) / window_s + 1e-9), 0))
    at_s = at_s[at_s >= edges_s[0] - 1e-9]
    if len(at_s) < 2:
        at_s = np.array([max(first_s, edges_s[0]), last_s])
    return float((np.diff(np.interp(at_s, edges_s, energy_j)) / np.diff(at_s)).max())


def _charges(prices: dict[str, Any], start: datetime, edges_s: Floats, energy_j: Floats) -> dict[str, float]:
    """Charges of the months that the run touches, each by the share of it that was simulated."""
    per_demand, per_capacity = (
        float(prices.get(f"{name}_usd_per_w", 0.0)) for name in ("demand", "capacity")
    )
    if not (per_demand or per_capacity) or edges_s[-1] <= 0.0:
        return {}
    window_s, capacity_w = float(prices["demand_window_s"]), float(prices["capacity_w"])
    into_s = (start - start.replace(hour=0, minute=0, second=0)).total_seconds()
    peaks, demand, capacity = [], 0.0, 0.0
    for first_s, last_s, share in _months(start, float(edges_s[-1])):
        # windows begin on the clock: the first one of the day at midnight
        begin_s = first_s if first_s > 0.0 else -(into_s % window_s)
        peaks.append(peak_w(edges_s, energy_j, begin_s, last_s, window_s))
        demand += peaks[-1] * per_demand * share
        capacity += capacity_w * per_capacity * share
    found = {"demand_peak_w": max(peaks), "demand_charge_usd": demand} if per_demand else {}
    return found | ({"capacity_charge_usd": capacity} if per_capacity else {})


def _months(start: datetime, lasted_s: float) -> Iterator[tuple[float, float, float]]:
    """Months of the calendar in a run: first and last instant in it [s], and the share of the month that it has."""
    month = start.replace(day=1, hour=0, minute=0, second=0)
    while (begins_s := (month - start).total_seconds()) < lasted_s:
        month = (month + timedelta(days=32)).replace(day=1)
        ends_s = (month - start).total_seconds()
        first_s, last_s = max(begins_s, 0.0), min(ends_s, lasted_s)
        yield first_s, last_s, (last_s - first_s) / (ends_s - begins_s)


def _older(file: Source, lasted_s: float) -> dict[str, Floats]:
    """Steps of a file without the table: one price, or one an hour of the local day."""
    prices = file.json("economics")
    hourly = prices.get("by_hour_usd_per_j") or [prices["electricity_usd_per_j"]] * 24
    start = datetime.fromisoformat(str(file.attrs["start"]))
    into_s = start.minute * 60.0 + start.second
    time_s = np.maximum(np.arange(0.0, into_s + max(lasted_s, 1.0), 3600.0) - into_s, 0.0)
    price = np.array(hourly)[(start.hour + np.arange(len(time_s))) % 24]
    return {"time_s": time_s, "electricity_usd_per_j": price, "carbon_kg_per_j": np.empty(0)}
