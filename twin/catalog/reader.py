"""Reads one card file and lists everything that is wrong with it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from twin import units
from twin.catalog import points, strict_yaml
from twin.catalog.card import Card, Source, Value
from twin.catalog.kinds import KINDS, Field, attribute
from twin.errors import Fault, TwinError

_KEYS = ("kind", "name", "title", "note", "sources", "values", "points")
_SOURCE_KEYS = ("text", "date", "confidence")


class Reading(NamedTuple):
    """A card as far as it could be read, and its faults."""

    card: Card
    faults: list[Fault]


def read(path: Path, kind: str) -> Reading:
    """Read and check the card in a file.

    Parameters
    ----------
    path : pathlib.Path
        ``<kind>/<name>.yaml``.
    kind : str
        A key of :data:`twin.catalog.kinds.KINDS`.

    Returns
    -------
    Reading
        All faults at once: keys, units, sources, plausible ranges, points.
    """
    return _CardReader(path, kind).read()


class _CardReader:
    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        self.kind = kind
        self.document = strict_yaml.read(path)
        self.faults = list(self.document.faults)

    def read(self) -> Reading:
        data = self._mapping(self.document.data, "", _KEYS)
        for key, expected in (("kind", self.kind), ("name", self.path.stem)):
            if data and data.get(key) != expected:
                self._fault(key, repr(data.get(key)), expected, f"write {key}: {expected}")
        sources = self._sources(data.get("sources"))
        values = self._values(data.get("values"), sources) if data else {}
        title, note = str(data.get("title") or self.path.stem), str(data.get("note") or "")
        card = Card(self.kind, self.path.stem, title, note, values, str(self.path))
        if not self.faults:
            self._points(card, data.get("points"), sources)
        return Reading(card, self.faults)

    def _sources(self, data: object) -> dict[str, Source]:
        sources = {}
        for key, entry in self._mapping(data or {}, "sources").items():
            where = f"sources.{key}"
            fields = self._mapping(entry, where, _SOURCE_KEYS)
            texts = {k: str(fields.get(k) or "") for k in _SOURCE_KEYS}
            for missing in (k for k, text in texts.items() if not text):
                self._fault(where, f"no {missing}", "text, date and confidence", f"add {missing}: …")
            sources[key] = Source(**texts)
        return sources

    def _values(self, data: object, sources: dict[str, Source]) -> dict[str, Value]:
        fields = KINDS[self.kind]
        values = {}
        for key, entry in self._mapping(data or {}, "values", tuple(fields)).items():
            if key not in fields:
                continue
            where = f"values.{key}"
            parts = self._mapping(entry, where, ("value", "source"))
            source = self._source(where, parts, sources)
            value = self._si(where, fields[key], parts.get("value"))
            if source is not None and value is not None:
                name = attribute(key, fields[key])
                values[name] = Value(name, value, str(parts["value"]), fields[key].dimension, source)
        for key, field in fields.items():
            if field.required and attribute(key, field) not in values:
                mend = f"add {key}: {{value: …, source: …}}"
                self._fault("values", f"no {key}", f"a {self.kind} with its {key}", mend)
        return values

    def _source(self, where: str, parts: dict[str, object], sources: dict[str, Source]) -> Source | None:
        key = parts.get("source")
        if isinstance(key, str) and key in sources:
            return sources[key]
        expected = " or ".join(sources) or "a key under sources"
        self._fault(where, f"source {key!r}", expected, "name the source")
        return None

    def _si(self, where: str, field: Field, written: object) -> float | int | str | None:
        try:
            value = in_si(field, written)
        except TwinError as error:
            for fault in error.faults:
                self._fault(where, fault.found, fault.expected, fault.mend)
            return None
        if isinstance(value, str) or field.low <= value <= field.high:
            return value
        base = units.BASE.get(field.dimension, "")
        expected = f"{field.low:g} to {field.high:g} {base}".rstrip()
        mend = "check the unit; a true value outside needs a wider range in kinds.py"
        self._fault(where, f"{written} = {value:g} {base}".rstrip(), expected, mend)
        return None

    def _points(self, card: Card, data: object, sources: dict[str, Source]) -> None:
        for i, entry in enumerate(data if isinstance(data, list) else []):
            where = f"points.{i}"
            point = self._mapping(entry, where, ("relation", "at", "value", "within", "source"))
            self._source(where, point, sources)
            for found, expected, mend in points.check(card, point):
                self._fault(where, found, expected, mend)

    def _mapping(self, data: object, where: str, known: Iterable[str] = ()) -> dict[str, object]:
        if not isinstance(data, dict):
            if not self.faults:
                found = "nothing" if data is None else f"{data!r:.60}"
                self._fault(where, found, "keys with values", f"write {', '.join(known) or 'key: value'}")
            return {}
        for key in data:
            if known and key not in known:
                near = difflib.get_close_matches(key, list(known), 1)
                path = f"{where}.{key}".lstrip(".")
                mend = f"write {near[0]}" if near else f"remove {key}"
                self._fault(path, f"the unknown key {key}", ", ".join(known), mend)
        return data

    def _fault(self, where: str, found: str, expected: str, mend: str) -> None:
        lines, path = self.document.lines, where
        while path not in lines and "." in path:
            path = path.rpartition(".")[0]
        self.faults.append(Fault(str(self.path), lines.get(path, 0), where, found, expected, mend))


def in_si(field: Field, written: object) -> float | int | str:
    """Return a value as written in SI, by the dimension of its field.

    Raises
    ------
    TwinError
        When it cannot be read as that dimension.

    Examples
    --------
    >>> in_si(Field("power"), "120 kW"), in_si(Field("count"), 72)
    (120000.0, 72)
    """
    plain = _PLAIN.get(field.dimension)
    if plain is not None:
        right, expected = plain
        if right(written):
            return written  # type: ignore[return-value]
        fault = Fault("", 0, "", repr(written), expected, f"write {expected}")
        raise TwinError("not a plain value", [fault])
    return units.parse(written, field.dimension)


def _is_number(written: object) -> bool:
    return isinstance(written, (int, float)) and not isinstance(written, bool) and math.isfinite(written)


def _is_count(written: object) -> bool:
    return isinstance(written, int) and not isinstance(written, bool)


def _is_text(written: object) -> bool:
    return isinstance(written, str) and bool(written)


_PLAIN: dict[str, tuple[Callable[[object], bool], str]] = {
    "count": (_is_count, "a whole number without unit"),
    "number": (_is_number, "a number without unit"),
    "text": (_is_text, "a text (in quotes if it is a number)"),
}
