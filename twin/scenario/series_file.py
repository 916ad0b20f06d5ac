"""Series over time from data files: a clock and one column of numbers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError
from twin.scenario.workloads.tables import first, read_table

Floats = NDArray[np.float64]


class Kind(NamedTuple):
    """A column, and how its numbers become SI: ``value · scale + offset``.

    Parameters
    ----------
    column : str
        Its name, which says the unit.
    scale : float
        SI units in one of the file's.
    low, high : float
        Range of the numbers as they are written.
    expected : str
        The range in words.
    offset : float
        Added in SI.
    """

    column: str
    scale: float
    low: float
    high: float
    expected: str
    offset: float = 0.0


def read_series(file: Path, start: datetime, kind: Kind) -> tuple[Floats, Floats]:
    """Instants from ``start`` [s] and values [SI] of a data file.

    Parameters
    ----------
    file : Path
        With the kind's column and either ``time_s`` or ``time_local``, which must grow from row to row.
    start : datetime
        Local time that counts as 0 s; rows before it have negative instants.
    kind : Kind

    Returns
    -------
    array (row), array (row)

    Raises
    ------
    ScenarioError
        With every fault of the file, up to what is worth reading.
    """
    table = read_table(file)
    clock = "time_s" if "time_s" in table.columns else "time_local"
    table.need((clock, kind.column))
    times: list[float] = []
    values: list[float] = []
    faults: list[Fault] = []
    columns = table.columns[clock], table.columns[kind.column]
    for line, written, number in zip(table.lines, *columns, strict=True):
        try:
            instant, value = _instant_s(clock, written, start), float(number)
            is_good = np.isfinite(instant) and kind.low <= value <= kind.high
            if not is_good or (times and instant <= times[-1]):
                raise ValueError
        except (ValueError, TypeError):
            expected = f"a later {clock} and {kind.expected}"
            faults.append(
                Fault(str(file), line, "", f"{written},{number}", expected, "mend or remove the row")
            )
            continue
        times.append(instant)
        values.append(value)
    if faults:
        raise ScenarioError(f"{file} is not a series of {kind.column}", first(faults))
    return np.array(times), np.array(values) * kind.scale + kind.offset


def _instant_s(clock: str, written: str, start: datetime) -> float:
    if clock == "time_s":
        return float(written)
    return (datetime.fromisoformat(written).replace(tzinfo=None) - start).total_seconds()
