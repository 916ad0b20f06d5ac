"""Files of a calibration: the measurements that are read, the engine card that is written."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import difflib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from twin import catalog
from twin.catalog import Card, Source
from twin.catalog.kinds import KINDS, Field, attribute
from twin.catalog.reader import read as read_card
from twin.errors import CatalogError, Fault, ScenarioError, TwinError
from twin.perf.configuration import Configuration, resolve

if TYPE_CHECKING:
    from twin.perf.calibration import Calibration

TEXTS = {"system": "", "model": "", "engine": "", "precision": "", "kv_cache": None}
COUNTS = {"gpus": 0, "tensor": 1, "pipeline": 1, "experts": 1, "attention_data": 1, "drafts": 0}
NUMBERS = ("isl", "osl", "concurrency")
NEEDED = ("system", "gpus", "model", "engine", "precision", "isl", "osl", "concurrency")
NOISE = {"tpot_ms": 0.1, "ttft_ms": 0.25, "tokens_per_s_per_gpu": 0.1}
"""Measured columns, and how far prediction and measurement stay apart in the logarithm: what the shipped cards miss."""


_WHOLE = "a whole number, 0 or more"
_ANY = "a number above 0, in the unit of the column"


class Measurement(NamedTuple):
    """A row of a file.

    Parameters
    ----------
    line : int
        In the file, from 1.
    given : Configuration
        What was measured.
    values : dict of str to float
        Measured columns of :data:`NOISE`, in the units of their names.
    """

    line: int
    given: Configuration
    values: dict[str, float]

    @property
    def group(self) -> Configuration:
        """The configuration without its load, which is never torn apart."""
        return dataclasses.replace(self.given, isl=1, osl=1, concurrency=1)


def read(path: Path, base: Card | None = None) -> list[Measurement]:
    """Read a file of measurements.

    Parameters
    ----------
    path : pathlib.Path
        CSV with the columns of :data:`NEEDED`; if wanted ``tensor, pipeline, experts, attention_data`` (1 if left out),
        ``drafts`` (0), ``kv_cache``; and one or more of ``ttft_ms``, ``tpot_ms`` (means), ``tokens_per_s_per_gpu``
        (output). An empty cell was not measured.
    base : Card, optional
        Engine card in place of that of the catalog.

    Raises
    ------
    ScenarioError
        With all faults of all lines.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        faults = _header_faults(str(path), reader.fieldnames or ())
        found = []
        for row in [] if faults else reader:
            found.append(_measurement(row, reader.line_num, str(path), base, faults))
    rows = [m for m in found if m is not None]
    engines = sorted({m.given.engine for m in rows})
    if len(engines) > 1:
        names = ", ".join(engines)
        faults.append(Fault(str(path), 0, "engine", names, "one engine a file", "calibrate each by itself"))
    if not rows and not faults:
        faults.append(Fault(str(path), 0, "rows", "none", "one measurement or more", "add rows"))
    if faults:
        raise ScenarioError(f"{path.name} cannot be calibrated on", faults)
    return rows


def _header_faults(file: str, names: Sequence[str]) -> list[Fault]:
    known = [*TEXTS, *COUNTS, *NUMBERS, *NOISE]
    faults = []
    for name in names:
        if name not in known or names.count(name) > 1:
            near = difflib.get_close_matches(name, known, 1)
            mend = f"write {near[0]}" if near else "remove the column"
            faults.append(Fault(file, 1, "column", str(name), f"one each of {', '.join(known)}", mend))
    for name in NEEDED:
        if name not in names:
            faults.append(Fault(file, 1, "column", f"no {name}", ", ".join(NEEDED), f"add {name}"))
    if not set(names) & set(NOISE):
        wanted = " or ".join(NOISE)
        faults.append(Fault(file, 1, "column", "nothing measured", wanted, "add what was measured"))
    return faults


def _measurement(
    row: dict[str, str], line: int, file: str, base: Card | None, faults: list[Fault]
) -> Measurement | None:
    """A row as a measurement, or its faults."""
    cells = {name: (cell or "").strip() for name, cell in row.items() if name}
    numbers = {
        name: cells[name] for name in (*NUMBERS, *NOISE, *COUNTS) if cells.get(name) or name in NUMBERS
    }
    wrong = [
        Fault(file, line, name, repr(cell), _WHOLE if name in COUNTS else _ANY, "correct the cell")
        for name, cell in numbers.items()
        if not _is_right(cell, name)
    ]
    if len(cells) < len(row):
        wrong.append(Fault(file, line, "row", "too many cells", f"{len(cells)} cells", "remove some"))
    if not any(cells.get(name) for name in NOISE):
        wrong.append(
            Fault(file, line, "row", "nothing measured", " or ".join(NOISE), "fill one or remove the row")
        )
    if wrong:
        faults += wrong
        return None
    texts = {name: cells.get(name) or default for name, default in TEXTS.items()}
    counts = {name: int(float(numbers.get(name, default))) for name, default in COUNTS.items()}
    given = Configuration(**texts, **counts, **{n: float(numbers[n]) for n in NUMBERS})  # type: ignore[arg-type]
    try:
        resolve(given, base)
    except TwinError as error:
        faults += [dataclasses.replace(f, file=file, line=line) for f in error.faults]
        return None
    return Measurement(line, given, {name: float(numbers[name]) for name in NOISE if name in numbers})


def _is_right(cell: str, name: str) -> bool:
    """Whether a cell is a number that its column can hold."""
    try:
        value = float(cell)
    except ValueError:
        return False
    return math.isfinite(value) and value >= 0.0 and (value == int(value) if name in COUNTS else value > 0.0)


def card_of(name: str) -> Card:
    """Return an engine card by its name in the catalog, or from a file.

    Raises
    ------
    CatalogError
        When there is none, or it has faults.

    Examples
    --------
    >>> card_of("trtllm").title
    'TensorRT-LLM'
    """
    if not name.endswith((".yaml", ".yml")):
        return catalog.get("engine", name)
    card, faults = read_card(Path(name), "engine")
    if faults:
        raise CatalogError(f"the engine card {name} cannot be used", faults)
    return card


def write(found: Calibration, path: Path, measurements: Path) -> None:
    """Write the fitted card.

    Parameters
    ----------
    found : Calibration
    path : pathlib.Path
        ``<name>.yaml``; the name is the one to use.
    measurements : pathlib.Path
        The file that the card names as its source, with its date.

    Raises
    ------
    CatalogError
        When the name is taken by the catalog.
    """
    if path.suffix != ".yaml" or path.stem in catalog.names("engine"):
        want = "a file .yaml, not named as an engine of the catalog"
        fault = Fault("", 0, "-o", str(path), want, f"write -o my-{path.stem}.yaml")
        raise CatalogError("the card would not be found", [fault])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_text(found, path.stem, measurements), encoding="utf-8")
    if faults := read_card(path, "engine").faults:
        raise CatalogError("the fitted card cannot be used", faults)


def _text(found: Calibration, name: str, measurements: Path) -> str:
    """The card as YAML."""
    day = datetime.date.fromtimestamp(measurements.stat().st_mtime)
    own = Source(
        f"{found.rows} measurements of {found.groups} configurations in {measurements.name}, robust least squares "
        f"drawn towards {found.card.name}", f"{day:%Y-%m}", "measured, fitted jointly",
    )  # fmt: skip
    fitted = {c.key: c for c in found.constants}
    sources = list(dict.fromkeys([own, *(v.source for v in found.card.values.values())]))
    names = {source: f"source_{i}" if i else "measurements" for i, source in enumerate(sources)}
    doubt = ", ".join(f"{c.key} {c.sd_frac:.0%}" for c in found.constants)
    lines = ["kind: engine", f"name: {name}", f"title: {json.dumps(f'{found.card.title}, calibrated')}"]
    lines.append(f"note: {json.dumps(f'Standard deviations: {doubt}. {found.card.note}')}")
    lines.append("sources:")
    for source, key in names.items():
        lines.append(f"  {key}: {{text: {json.dumps(source.text)}, date: {source.date}, "
                     f"confidence: {json.dumps(source.confidence)}}}")  # fmt: skip
    lines.append("values:")
    for key, field in KINDS["engine"].items():
        value = found.card.values.get(attribute(key, field))
        if key in fitted:
            lines.append(f"  {key}: {{value: {_written(fitted[key].after, field)}, source: measurements}}")
        elif value is not None:
            lines.append(f"  {key}: {{value: {value.as_written}, source: {names[value.source]}}}")
    return "\n".join(lines) + "\n"


def _written(value: float, field: Field) -> str:
    return f"{value * 1e6:.6g} us" if field.dimension == "time" else f"{value:.6g}"
