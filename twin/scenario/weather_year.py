"""A year of hourly weather from a file: EPW, TMY3, and tables with known columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.physics import psychrometrics
from twin.physics.constants import CELSIUS_ZERO_K
from twin.physics.weather import standard_pressure_pa
from twin.scenario.workloads.tables import Table, empty, first, read_table, read_text

Array = NDArray[np.float64]

DRY_BULB, DEW_POINT, HUMIDITY, PRESSURE = "dry bulb", "dew point", "relative humidity", "pressure"

COLUMNS = {
    DRY_BULB: ("T_db_C", "dry_bulb_c", "temperature_2m_c", "Dry-bulb (C)"),
    DEW_POINT: ("T_dp_C", "dew_point_c", "Dew-point (C)"),
    HUMIDITY: ("RH_pct", "relative_humidity_pct", "relative_humidity_2m_pct", "RHum (%)"),
    PRESSURE: ("P_Pa", "pressure_pa", "Pressure (mbar)"),
}
"""Names of columns by quantity, in degC, percent and Pa, or mbar where the name says so."""

EPW_PLACES = {DRY_BULB: 6, DEW_POINT: 7, HUMIDITY: 8, PRESSURE: 9}
"""Fields of an EPW row, counted from 0; EnergyPlus Auxiliary Programs 25.2, chapter 2."""

EPW_HEADER_LINES = 8

SPANS = {
    DRY_BULB: (-90.0, 70.0),
    DEW_POINT: (-90.0, 70.0),
    HUMIDITY: (0.0, 110.0),
    PRESSURE: (31_000.0, 120_000.0),
}
"""What a value may be; the codes of the formats for a missing one lie outside."""

LONGEST_GAP = 6
"""Missing hours in a row that are drawn between their neighbours; assumption (2026)."""


class WeatherYear(NamedTuple):
    """Air by hour: temperatures [K], relative humidity [1] and pressure [Pa], arrays (hour)."""

    dry_bulb_k: Array
    dew_point_k: Array
    relative_humidity_frac: Array
    pressure_pa: Array


def read_year(file: Path, elevation_m: float = 0.0) -> WeatherYear:
    """Read the air of every hour of a weather file.

    Parameters
    ----------
    file : Path
        ``.epw``, or a CSV with some names of `COLUMNS` in its header, also of NREL's TMY3; gzipped or not.
    elevation_m : float
        Site above sea level [m], for the pressure of files without one.

    Raises
    ------
    ScenarioError
        When the file cannot be read, lacks the dry bulb or humidity, or has gaps of more than six hours.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "air.csv"
    >>> _ = file.write_text("T_db_C,RH_pct\\n20,50\\n")
    >>> float(read_year(file).dew_point_k.round(2)[0])
    282.42
    """
    table = _epw(file) if ".epw" in [s.lower() for s in file.suffixes] else _table(file)
    dry = _column(table, DRY_BULB)
    dew, humidity, pressure = (_column(table, name) for name in (DEW_POINT, HUMIDITY, PRESSURE))
    if humidity is None and dry is not None and dew is not None:
        vapour_pa, most_pa = (psychrometrics.saturation_pa(t + CELSIUS_ZERO_K) for t in (dew, dry))
        humidity = 100.0 * vapour_pa / most_pa
    if dry is None or humidity is None:
        found = f"columns {', '.join(table.columns) or 'none'}"
        expected = f"{' | '.join(COLUMNS[DRY_BULB])} and {' | '.join(COLUMNS[HUMIDITY])}"
        mend = "name the columns so"
        raise ScenarioError(f"{file} is no weather file", [Fault(str(file), 1, "", found, expected, mend)])
    if pressure is None:
        pressure = np.full_like(dry, float(standard_pressure_pa(elevation_m)))
    dry_k, share = dry + CELSIUS_ZERO_K, np.clip(humidity / 100.0, 1e-4, 1.0)
    vapour_pa = share * psychrometrics.saturation_pa(dry_k)
    dew_k = psychrometrics.dew_point_k(vapour_pa) if dew is None else dew + CELSIUS_ZERO_K
    return WeatherYear(dry_k, dew_k, share, pressure)


def _epw(file: Path) -> Table:
    lines = [r for r in csv.reader(io.StringIO(read_text(file))) if r][EPW_HEADER_LINES:]
    short = [n for n, row in enumerate(lines) if len(row) <= max(EPW_PLACES.values())]
    if short or not lines:
        faults = [
            Fault(
                str(file),
                n + EPW_HEADER_LINES + 1,
                "",
                f"{len(lines[n])} fields",
                "35 fields",
                "mend the row",
            )
            for n in short
        ]
        raise ScenarioError(f"{file} is no EPW file", first(faults) or [empty(file)])
    columns: dict[str, Sequence[Any]] = {
        COLUMNS[name][0]: [row[place] for row in lines] for name, place in EPW_PLACES.items()
    }
    return Table(str(file), columns, range(EPW_HEADER_LINES + 1, EPW_HEADER_LINES + 1 + len(lines)))


def _table(file: Path) -> Table:
    table = read_table(file)
    if not any(name in table.columns for name in COLUMNS[DRY_BULB]):
        # NREL's files name the station in a line of its own above the header
        rows = list(csv.reader(io.StringIO(read_text(file))))
        if len(rows) > 1 and any(name in rows[1] for name in COLUMNS[DRY_BULB]):
            held = [row for row in rows[2:] if len(row) == len(rows[1])]
            columns: dict[str, Sequence[Any]] = {
                name: [row[place] for row in held] for place, name in enumerate(rows[1])
            }
            table = Table(str(file), columns, range(3, 3 + len(held)))
    if not len(table.lines):
        raise ScenarioError(f"{file} has no rows", [empty(file)])
    return table


def _column(table: Table, quantity: str) -> Array | None:
    """Values of a quantity, short gaps drawn between their neighbours; None where the table lacks it."""
    name = next((n for n in COLUMNS[quantity] if n in table.columns), None)
    if name is None:
        return None
    low, high = SPANS[quantity]
    scale = 100.0 if "mbar" in name else 1.0
    values = scale * np.array([_number(v) for v in table.columns[name]])
    good = np.isfinite(values) & (values >= low) & (values <= high)
    ends = np.flatnonzero(np.concatenate([[True], good, [True]]))
    gap = int(np.max(np.diff(ends))) - 1
    if gap > LONGEST_GAP:
        # a quantity that a file holds nowhere counts as absent
        if not good.any():
            return None
        rows = np.flatnonzero(~good)
        raise ScenarioError(
            f"{table.file} lacks weather",
            list(table.faults(name, rows, f"{low:g} to {high:g} for each hour")),
        )
    hours = np.arange(values.size)
    return np.interp(hours, hours[good], values[good])


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
