"""YAML without its traps: repeated keys, ``12:30`` as 750, ``on`` as true, ``1.0e6`` as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from twin.errors import Fault

# The C scanner is ten times faster; the pure one reads the same language.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST = 40
_INTEGER = re.compile(r"[-+]?\d+")
_FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


class Document(NamedTuple):
    """What a YAML file says, and where it says it.

    Parameters
    ----------
    data : object
        Plain dicts (with text keys), lists, texts, numbers, booleans and ``None``.
    lines : dict of str to int
        Line counted from 1 of every key path, such as ``values.tdp.source`` or ``points.0``.
    faults : list of Fault
        Everything that was refused; ``data`` holds what could be read besides.
    """

    data: object
    lines: dict[str, int]
    faults: list[Fault]


def read(path: Path) -> Document:
    """Read one YAML file.

    Parameters
    ----------
    path : pathlib.Path
        A UTF-8 text file holding a single document.

    Returns
    -------
    Document
        Never raises for what stands in the file: faults are in the document.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte {error.object[error.start]:#04x} at offset {error.start}"
        return Document(None, {}, [Fault(str(path), 0, "", found, "a UTF-8 text file", "name a YAML file")])
    except OSError as error:
        mend = "check the path and its permissions"
        return Document(None, {}, [Fault(str(path), 0, "", error.strerror or "", "a readable file", mend)])
    return loads(text, str(path))


def loads(text: str, file: str = "") -> Document:
    """Read YAML text; ``file`` is the name that faults carry.

    Examples
    --------
    >>> loads("supply: 45 degC\\nat: 12:30\\nfast: on").data
    {'supply': '45 degC', 'at': '12:30', 'fast': 'on'}
    >>> loads("a: 1\\na: 2").faults[0].found
    'the key a for the second time (first on line 1)'
    """
    reader = _Reader(text, file)
    try:
        data = reader.document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        found = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML")
        mend = "mend the indentation, quotes or brackets on this line"
        return Document(None, {}, [Fault(file, mark.line + 1 if mark else 0, "", found, "YAML text", mend)])
    return Document(data, reader.lines, reader.faults)


class _Reader:
    """Builds the data from parser events; PyYAML's own resolver, with its traps, is not used.

    PyYAML's composer is not used either: it overflows the C stack on brackets nested deeply.
    """

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)

    def document(self) -> object:
        """Return the data of the only document; None when there is none."""
        data = None
        starts = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                starts += 1
                value = self._value(next(self._events), "", 0)
                data = value if starts == 1 else data
                if starts == 2:
                    self._fault(event, "", "a second document", "one document a file", "remove the line ---")
        return data

    def _value(self, event: Any, path: str, depth: int) -> object:
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        if isinstance(event, yaml.AliasEvent):  # aliases grow without bound, and hide where a value stands
            self._fault(event, path, "an alias", "values written out", "write the value here again")
            return None
        if depth == _DEEPEST:
            found = f"more than {_DEEPEST} levels"
            raise yaml.MarkedYAMLError(problem=found, problem_mark=event.start_mark)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        return self._mapping(path, depth)

    def _sequence(self, path: str, depth: int) -> list[object]:
        result: list[object] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            result.append(self._value(event, f"{path}.{len(result)}".lstrip("."), depth + 1))
        return result

    def _mapping(self, path: str, depth: int) -> dict[str, object]:
        result: dict[str, object] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._fault(event, path, "a key that is not a text", "a text key", "write one word")
                self._value(event, f"{path}.?", depth + 1)
                self._value(next(self._events), f"{path}.?", depth + 1)
                continue
            key = str(event.value)
            below = f"{path}.{key}".lstrip(".")
            if key in result:
                found = f"the key {key} for the second time (first on line {self.lines[below]})"
                self._fault(event, below, found, "each key once", f"remove one {key} or rename it")
                self._value(next(self._events), f"{path}.?", depth + 1)
                continue
            self.lines[below] = _line(event)
            result[key] = self._value(next(self._events), below, depth + 1)
        return result

    def _fault(self, event: Any, path: str, found: str, expected: str, mend: str) -> None:
        self.faults.append(Fault(self.file, _line(event), path, found, expected, mend))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _scalar(event: yaml.ScalarEvent) -> object:
    text = str(event.value)
    if event.style:  # quoted and block texts stay texts
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
