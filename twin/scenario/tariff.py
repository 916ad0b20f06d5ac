"""What energy from the grid costs and emits over a run, in steps: constants, prices by the hour, or files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.scenario.schema import HOURS, Scenario
from twin.scenario.series_file import Kind, read_series

Floats = NDArray[np.float64]
S_PER_H = 3600.0

PRICE = Kind("usd_per_mwh", 1.0 / 3.6e9, -1e5, 1e5, "a price in USD/MWh, which may be negative")
CARBON = Kind("g_per_kwh", 1e-3 / 3.6e6, 0.0, 5000.0, "emissions in g/kWh from 0 to 5000")


class Tariff(NamedTuple):
    """Steps of a run: each row holds from its instant to the next, the last to the end.

    Parameters
    ----------
    time_s : array of float64, shape (row,)
        From the start of the run, the first being 0 [s].
    electricity_usd_per_j : array of float64, shape (row,)
        Price of energy from the grid [USD/J]; negative prices occur in files.
    carbon_kg_per_j : array of float64, shape (row,)
        CO2 that it emits [kg/J]; NaN where the scenario does not say.
    """

    time_s: Floats
    electricity_usd_per_j: Floats
    carbon_kg_per_j: Floats


def tariff(scenario: Scenario) -> Tariff:
    """Prices and emissions from the start of the run to its end.

    Parameters
    ----------
    scenario : Scenario
        A validated scenario.

    Raises
    ------
    ScenarioError
        When a file is missing or broken, or does not cover the run.
    """
    price, carbon = _price(scenario), _carbon(scenario)
    time_s = np.union1d(price[0], carbon[0])
    return Tariff(time_s, *(_held(steps, time_s) for steps in (price, carbon)))


def readers(scenario: Scenario) -> tuple[tuple[str, Callable[[], object]], ...]:
    """What may name a file, with what reads it."""
    return (
        ("economics.prices", partial(_price, scenario)),
        ("economics.carbon_file", partial(_carbon, scenario)),
    )


def check_tariff(scenario: Scenario) -> Iterator[Fault]:
    """Faults between the fields: the constants stand behind a series, but of series there is one."""
    economics = scenario.economics
    if economics.prices is not None and economics.by_hour is not None:
        yield scenario.source.fault(
            "economics.by_hour", "by_hour and prices", "one of them", "remove by_hour or prices"
        )


def _held(steps: tuple[Floats, Floats], time_s: Floats) -> Floats:
    held: Floats = steps[1][np.searchsorted(steps[0], time_s, side="right") - 1]
    return held


def _price(scenario: Scenario) -> tuple[Floats, Floats]:
    economics, start = scenario.economics, datetime.fromisoformat(scenario.time.start)
    if economics.prices is not None:
        return _of_file(scenario, "economics.prices", economics.prices, PRICE)
    if economics.by_hour is None:
        return np.zeros(1), np.array([economics.electricity])
    into_s = start.minute * 60.0 + start.second
    time_s = np.arange(0.0, into_s + scenario.time.duration, S_PER_H) - into_s
    hour = (start.hour + np.arange(len(time_s))) % HOURS
    return np.maximum(time_s, 0.0), np.array(economics.by_hour)[hour]


def _carbon(scenario: Scenario) -> tuple[Floats, Floats]:
    economics = scenario.economics
    if economics.carbon_file is not None:
        return _of_file(scenario, "economics.carbon_file", economics.carbon_file, CARBON)
    constant = np.nan if economics.carbon is None else economics.carbon
    return np.zeros(1), np.array([constant])


def _of_file(scenario: Scenario, path: str, name: str, kind: Kind) -> tuple[Floats, Floats]:
    """Steps of a file, cut to the run; its last value holds as long as the one before it."""
    file, end_s = scenario.source.data_file(path, name), scenario.time.duration
    start = datetime.fromisoformat(scenario.time.start)
    time_s, values = read_series(file, start, kind)
    last_s = time_s[-1] + (time_s[-1] - time_s[-2] if len(time_s) > 1 else 0.0)
    if time_s[0] > 0 or last_s < end_s:
        found = f"{start:%Y-%m-%d %H:%M} and {end_s:g} s from then"
        expected = f"a time in {file.name}: {time_s[0]:g} s to {last_s:g} s from the start"
        mend = f"move time.start, shorten time.duration, or name another file at {path}"
        raise ScenarioError(
            "a series does not cover the run", [scenario.source.fault("time.start", found, expected, mend)]
        )
    first = int(np.searchsorted(time_s, 0.0, side="right")) - 1
    inside = slice(first, int(np.searchsorted(time_s, end_s, side="left")))
    return np.maximum(time_s[inside], 0.0), values[inside]
