"""Data files as columns that remember their lines: CSV and JSON lines, gzipped or not, and Parquet."""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, MissingLibrary, ScenarioError

SHOWN = 10  # faults of one data file that are worth reading


@dataclass(frozen=True)
class Table:
    """Columns of a file.

    Parameters
    ----------
    file : str
        Path, for faults.
    columns : dict of str to sequence
        Values by column, texts or what JSON and Parquet hold; ``None`` for missing ones.
    lines : sequence of int
        Line of each row, counted from 1.
    """

    file: str
    columns: dict[str, Sequence[Any]]
    lines: Sequence[int]

    def need(self, names: Iterable[str]) -> None:
        """Refuse a file without these columns, or without rows."""
        have = list(self.columns)
        faults = []
        for name in dict.fromkeys(names):
            if name not in have:
                near = difflib.get_close_matches(name, have, 1)
                mend = f"rename {near[0]} to {name}" if near else f"add a column {name}"
                found = f"columns {', '.join(have) or 'none'}"
                faults.append(Fault(self.file, 1, name, found, f"a column {name}", mend))
        if faults:
            raise ScenarioError(f"{self.file} lacks columns", faults)
        if not len(self.lines):
            raise ScenarioError(f"{self.file} has no rows", [empty(self.file)])

    def numbers(self, name: str, low: float, high: float, expected: str, whole: bool = True) -> _Read:
        """Numbers of a column, and a fault for each that is none or out of range.

        Returns
        -------
        (row,) of float64, list of Fault
        """
        raw = self.columns[name]
        try:
            values = np.array(raw, dtype=np.float64)
        except (TypeError, ValueError):
            values = np.array([_number(v) for v in raw])
        good = (values >= low) & (values <= high) & np.isfinite(values)
        if whole:
            good &= values == np.floor(values)
        return values, list(self.faults(name, np.flatnonzero(~good), expected))

    def faults(self, name: str, rows: Iterable[int], expected: str) -> Iterator[Fault]:
        """A fault for each of these rows, the first few of them."""
        for row, _ in zip(rows, range(SHOWN), strict=False):
            value = self.columns[name][row]
            found = "nothing" if value is None else str(value)
            yield Fault(self.file, int(self.lines[row]), name, found, expected, "mend or remove the row")


_Read = tuple[NDArray[np.float64], list[Fault]]


def read_table(file: Path) -> Table:
    """Read a data file by its name: ``.jsonl``, ``.json`` or ``.ndjson``, ``.parquet``, all else as CSV.

    Raises
    ------
    ScenarioError
        When it cannot be read, with the line where that is known.
    MissingLibrary
        For Parquet without pyarrow.
    """
    kinds = [s for s in file.suffixes if s != ".gz"]
    kind = kinds[-1] if kinds else ""
    if kind in {".parquet", ".pq"}:
        return _parquet(file)
    text = read_text(file)
    return _json_lines(file, text) if kind in {".jsonl", ".json", ".ndjson"} else _csv(file, text)


def read_text(file: Path) -> str:
    """Text of a file in UTF-8, gzipped if its name ends so."""
    try:
        raw = file.read_bytes()
        return (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise _unreadable(file, error, "a readable data file") from None


def empty(file: str | Path) -> Fault:
    """The fault of a file without rows."""
    return Fault(str(file), 1, "", "no rows", "at least one row under the header", "name a file with data")


def first(faults: Iterable[Fault]) -> list[Fault]:
    """The first faults by line, as many as are worth reading."""
    return sorted(faults, key=lambda fault: fault.line)[:SHOWN]


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _unreadable(file: Path, error: Exception, expected: str) -> ScenarioError:
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    mend = "check the path: in a scenario and in --set it starts at the scenario file, in other options where you are"
    return ScenarioError(f"{file} cannot be read", [Fault(str(file), 0, "", reason, expected, mend)])


def _csv(file: Path, text: str) -> Table:
    reader = csv.reader(io.StringIO(text))
    try:
        header = [c.strip() for c in next(reader, [])]
        read = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        fault = Fault(str(file), reader.line_num, "", str(error), "a row of a CSV file", "mend the quotes")
        raise ScenarioError(f"{file} is not CSV", [fault]) from None
    width = len(header)
    cells = [(row + [None] * width)[:width] if len(row) < width else row[:width] for _, row in read]
    columns = list(zip(*cells, strict=True)) if cells else [()] * width
    return Table(str(file), dict(zip(header, columns, strict=True)), [line for line, _ in read])


def _json_lines(file: Path, text: str) -> Table:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not an object")
        except ValueError as error:
            expected = "one JSON object a line"
            faults.append(
                Fault(str(file), number, "", str(error).lower(), expected, "mend or remove the line")
            )
            continue
        rows.append(row)
        lines.append(number)
    if faults:
        raise ScenarioError(f"{file} is not JSON lines", first(faults))
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(str(file), {name: [row.get(name) for row in rows] for name in names}, lines)


def _parquet(file: Path) -> Table:
    import pandas as pd

    try:
        frame = pd.read_parquet(file)
    except ImportError:
        fault = Fault(
            str(file), 0, "", "no pyarrow", "the package pyarrow, which reads Parquet",
            "pip install 'ai-factory-twin[parquet]', or write the trace as CSV",
        )  # fmt: skip
        raise MissingLibrary("Parquet files need another package", [fault]) from None
    except (OSError, ValueError) as error:
        raise _unreadable(file, error, "a readable Parquet file") from None
    columns = {str(name): frame[name].tolist() for name in frame.columns}
    return Table(str(file), columns, range(1, len(frame) + 1))
