"""The air of a year for a site: from a file of typical weather, or from the scenario's own series."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from twin.errors import Fault, ScenarioError
from twin.facility.plant_parts import Array, Outdoor
from twin.physics import psychrometrics
from twin.scenario import Scenario
from twin.scenario.weather_year import WeatherYear, read_year
from twin.scenario.workloads.tables import read_table, read_text

HOUR_S: Final = 3600.0
YEAR_H: Final = 8760


class YearAir(NamedTuple):
    """Air by hour, where it comes from, and the time from the start of the year to its first hour [s]."""

    outdoor: Outdoor
    source: str
    begin_s: float


def read(scenario: Scenario, file: Path | None = None, elevation_m: float = 0.0) -> YearAir:
    """Air of a whole year, the scenario's ``weather.offset`` added with its vapour kept.

    Parameters
    ----------
    scenario : Scenario
    file : Path or None
        EPW, TMY3 or CSV; the file of the scenario where left out.
    elevation_m : float
        Site above sea level [m], for files without pressure.

    Raises
    ------
    ScenarioError
        When no file is named, or it has fewer than 8,760 hours.
    """
    sky = scenario.weather
    if file is None and sky.file is None:
        found = "weather.dry_bulb, one temperature"
        fault = scenario.source.fault("weather", found, "a year of weather", "name a file: --year FILE.epw")
        raise ScenarioError("no year of weather", [fault])
    path = file or scenario.source.data_file("weather.file", sky.file or "")
    year = read_year(path, elevation_m)
    hours = year.dry_bulb_k.size
    if hours < YEAR_H:
        expected = f"{YEAR_H:,} hours or more"
        fault = Fault(
            str(path), 0, "weather.file", f"{hours:,} hours", expected, "name a year: --year FILE.epw"
        )
        raise ScenarioError("the weather is shorter than a year", [fault])
    return YearAir(Outdoor.of(_shifted(year, sky.offset)), str(path), _begin_s(path))


def has_year(scenario: Scenario) -> bool:
    """Whether the scenario's own weather lasts a year."""
    name = scenario.weather.file
    return (
        name is not None
        and read_year(scenario.source.data_file("weather.file", name)).dry_bulb_k.size >= YEAR_H
    )


def read_profile(file: Path, hours: int) -> Array:
    """Share of IT power by hour, from the column ``it_frac`` of a CSV, array (hour).

    Raises
    ------
    ScenarioError
        When the column is missing, too short or too long, or a value lies outside 0 to 1.
    """
    table = read_table(file)
    table.need(("it_frac",))
    values = np.array([_number(v) for v in table.columns["it_frac"]])
    faults = []
    if values.size != hours:
        found, expected = f"{values.size:,} rows", f"{hours:,} rows, as the weather"
        faults.append(Fault(str(file), 0, "it_frac", found, expected, "give one row an hour"))
    wrong = np.flatnonzero(~((values >= 0.0) & (values <= 1.0)))
    faults += list(table.faults("it_frac", wrong, "0 to 1"))
    if faults:
        raise ScenarioError(f"{file} is no profile of IT power", faults)
    return values


def _shifted(year: WeatherYear, by_k: float) -> WeatherYear:
    if by_k == 0.0:
        return year
    dry_k = year.dry_bulb_k + by_k
    vapour_pa = year.relative_humidity_frac * psychrometrics.saturation_pa(year.dry_bulb_k)
    humidity = np.minimum(vapour_pa / psychrometrics.saturation_pa(dry_k), 1.0)
    return year._replace(dry_bulb_k=dry_k, relative_humidity_frac=humidity)


def _begin_s(path: Path) -> float:
    """From the start of the year to the first row where a CSV dates it, else zero: files of typical years [s]."""
    if ".csv" not in [s.lower() for s in path.suffixes]:
        return 0.0
    rows: Any = csv.DictReader(io.StringIO(read_text(path)))
    first: dict[str, Any] = next(iter(rows), {})
    try:
        at = datetime.fromisoformat(str(first.get("time_local"))).replace(tzinfo=None)
    except ValueError:
        return 0.0
    return (at - datetime(at.year, 1, 1)).total_seconds()


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
