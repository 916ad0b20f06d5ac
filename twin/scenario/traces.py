"""Series that drive a scenario: the requests of a trace, laid over each other, and the weather."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import math
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ScenarioError, TwinError
from twin.rng import stream
from twin.scenario.schema import Scenario
from twin.units import parse

TRACE_COLUMNS = ("arrival_s", "context_tokens", "generated_tokens")
DRY_BULB_COLUMN = "dry_bulb_c"
_MAX_TOKENS = np.iinfo(np.int32).max
_SHOWN = 10  # faults of one data file that are worth reading


class Requests(NamedTuple):
    """Requests in order of arrival, ties in order of copy and row.

    Parameters
    ----------
    arrived_at_s : array of float64, shape (request,)
        From the start of the run [s].
    prompt_tokens, output_tokens : array of int32, shape (request,)
        At least 1 [tokens].
    """

    arrived_at_s: NDArray[np.float64]
    prompt_tokens: NDArray[np.int32]
    output_tokens: NDArray[np.int32]


class Series(NamedTuple):
    """Outdoor temperature over the run, linear between its points.

    Parameters
    ----------
    time_s : array of float64, shape (point,)
        From the start of the run, the first being 0 [s].
    dry_bulb_k : array of float64, shape (point,)
        Dry-bulb temperature [K].
    """

    time_s: NDArray[np.float64]
    dry_bulb_k: NDArray[np.float64]

    def at(self, time_s: float) -> float:
        """Temperature [K] at an instant [s]; the ends hold outside.

        Examples
        --------
        >>> Series(np.array([0.0, 3600.0]), np.array([300.0, 302.0])).at(1800.0)
        301.0
        """
        return float(np.interp(time_s, self.time_s, self.dry_bulb_k))


def requests(scenario: Scenario, seed: int | None = None) -> Requests:
    """Arrivals of the scenario's trace: its copies, time-shifted and repeated to fill the run.

    The trace repeats with a period of the next whole second after its last arrival. Copy 0
    keeps its times; each other copy is shifted around that circle by its own random amount,
    so load scales and the pattern of every copy stays that of the trace.

    Parameters
    ----------
    scenario : Scenario
        With ``workload`` and ``time.duration``.
    seed : int, optional
        Seed of the shifts; that of the scenario if left out.

    Raises
    ------
    ScenarioError
        When the file is missing, or a row cannot be a request.
    """
    work, end_s = scenario.workload, scenario.time.duration
    trace = read_trace(scenario.source.data_file("workload.trace", work.trace))
    period_s = math.floor(trace.arrived_at_s[-1]) + 1.0
    shifts = [
        stream(_seed(scenario, seed), "workload", "shift", str(i)).random() for i in range(1, work.copies)
    ]
    once = trace.arrived_at_s + period_s * np.array([0.0, *shifts])[:, None]
    once[once >= period_s] -= period_s
    flat = once.ravel()
    order = np.argsort(flat, kind="stable").astype(np.int32)
    flat = flat[order]
    rows = order % np.int32(len(trace.arrived_at_s))
    repeats = math.ceil(end_s / period_s)
    arrived = (np.arange(repeats)[:, None] * period_s + flat).ravel()
    count = int(np.searchsorted(arrived, end_s, "left"))
    count = min(count, work.limit or count)
    return Requests(
        arrived[:count].copy(),
        np.resize(trace.prompt_tokens[rows], count),
        np.resize(trace.output_tokens[rows], count),
    )


def weather(scenario: Scenario) -> Series:
    """Outdoor temperature from the start of the run to its end, offset applied.

    Raises
    ------
    ScenarioError
        When the file is missing or broken, or does not cover the run.
    """
    sky, end_s = scenario.weather, scenario.time.duration
    if sky.dry_bulb is not None:
        return Series(np.array([0.0, end_s]), np.full(2, sky.dry_bulb + sky.offset))
    file = scenario.source.data_file("weather.file", sky.file or "")
    start = datetime.fromisoformat(scenario.time.start)
    time_s, dry_bulb_k = read_weather(file, start)
    if time_s[0] > 0 or time_s[-1] < end_s:
        fault = scenario.source.fault(
            "time.start",
            f"{start:%Y-%m-%d %H:%M} and {end_s:g} s from then",
            f"a time in {file.name}: {time_s[0]:g} s to {time_s[-1]:g} s from the start",
            "move time.start, shorten time.duration, or name another weather.file",
        )
        raise ScenarioError("the weather does not cover the run", [fault])
    inside = (time_s > 0) & (time_s < end_s)
    times = np.concatenate([[0.0], time_s[inside], [end_s]])
    return Series(times, np.interp(times, time_s, dry_bulb_k) + sky.offset)


def read_trace(file: Path) -> Requests:
    """Read a trace, sorted by arrival; faults carry the line in the file."""
    text = _text(file)
    places = _places(file, text, TRACE_COLUMNS)
    if next(_rows(text), None) is None:
        raise ScenarioError(f"{file} is not a trace", [_empty(file)])
    try:
        rows = np.loadtxt(
            io.StringIO(text), delimiter=",", skiprows=1, usecols=places, ndmin=2, comments=None
        )
    except ValueError:
        rows = np.empty((0, 3))
    whole = np.floor(rows[:, 1:]) == rows[:, 1:]
    good = np.isfinite(rows).all() and (rows[:, 0] >= 0).all() and (rows[:, 1:] >= 1).all()
    if not len(rows) or not good or not whole.all() or (rows[:, 1:] > _MAX_TOKENS).any():
        raise ScenarioError(f"{file} is not a trace", _first(_bad_rows(file, text, places)))
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return Requests(rows[:, 0].copy(), rows[:, 1].astype(np.int32), rows[:, 2].astype(np.int32))


def read_weather(file: Path, start: datetime) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Instants [s] from ``start`` and dry-bulb temperatures [K] of a weather file."""
    text = _text(file)
    header = _header(text)
    clock = "time_s" if "time_s" in header else "time_local"
    places = _places(file, text, (clock, DRY_BULB_COLUMN))
    times: list[float] = []
    temperatures: list[float] = []
    faults: list[Fault] = []
    for line, cells in _rows(text):
        try:
            written = cells[places[0]]
            instant = (
                float(written)
                if clock == "time_s"
                else (datetime.fromisoformat(written).replace(tzinfo=None) - start).total_seconds()
            )
            kelvin = parse(f"{cells[places[1]]} degC", "temperature")
            if not math.isfinite(instant) or not 180.0 < kelvin < 340.0 or (times and instant <= times[-1]):
                raise ValueError
        except (ValueError, IndexError, TwinError):
            expected = f"a later {clock} and an outdoor temperature in degC"
            faults.append(Fault(str(file), line, "", ",".join(cells), expected, "mend or remove the row"))
            continue
        times.append(instant)
        temperatures.append(kelvin)
    if faults or not times:
        raise ScenarioError(f"{file} is not a weather series", _first(iter(faults or [_empty(file)])))
    return np.array(times), np.array(temperatures)


def _seed(scenario: Scenario, seed: int | None) -> int:
    return scenario.seed if seed is None else seed


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
        return (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fault = Fault(
            str(file),
            0,
            "",
            reason.lower(),
            "a readable CSV file",
            "check the path; it is relative to the scenario file",
        )
        raise ScenarioError(f"{file} cannot be read", [fault]) from None


def _header(text: str) -> list[str]:
    return [c.strip() for c in next(csv.reader(io.StringIO(text)), [])]


def _places(file: Path, text: str, columns: tuple[str, ...]) -> tuple[int, ...]:
    """Positions of columns in the header."""
    header = _header(text)
    faults = []
    for column in columns:
        if column not in header:
            near = difflib.get_close_matches(column, header, 1)
            mend = f"rename {near[0]} to {column}" if near else f"add a column {column}"
            faults.append(
                Fault(
                    str(file), 1, column, f"columns {', '.join(header) or 'none'}", f"a column {column}", mend
                )
            )
    if faults:
        raise ScenarioError(f"{file} lacks columns", faults)
    return tuple(header.index(c) for c in columns)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank."""
    reader = csv.reader(io.StringIO(text))
    next(reader, None)
    for cells in reader:
        if cells:
            yield reader.line_num, cells


def _bad_rows(file: Path, text: str, places: tuple[int, ...]) -> Iterator[Fault]:
    """The slow look at a trace that was refused: what is wrong in which row."""
    for line, cells in _rows(text):
        for column, place in zip(TRACE_COLUMNS, places, strict=True):
            written = cells[place] if place < len(cells) else "nothing"
            try:
                number = float(written)
            except ValueError:
                number = math.nan
            is_time = column == "arrival_s"
            fits = 0 <= number < math.inf if is_time else 1 <= number <= _MAX_TOKENS and number == int(number)
            if not fits:
                expected = "a time of 0 s or later" if is_time else "a whole number of tokens, at least 1"
                yield Fault(str(file), line, column, written, expected, "mend or remove the row")


def _empty(file: Path) -> Fault:
    return Fault(str(file), 1, "", "no rows", "at least one row under the header", "name a file with data")


def _first(faults: Iterator[Fault]) -> list[Fault]:
    return [fault for fault, _ in zip(faults, range(_SHOWN), strict=False)]
