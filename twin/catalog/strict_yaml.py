"""YAML without its traps: repeated keys, ``12:30`` as 750, ``on`` as true, ``1.0e6`` as text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import yaml

from twin.errors import Fault

# The C scanner is ten times faster; the pure one reads the same language.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
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
    try:
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        found = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML")
        mend = "mend the indentation, quotes or brackets on this line"
        return Document(None, {}, [Fault(file, mark.line + 1 if mark else 0, "", found, "YAML text", mend)])
    reader = _Reader(file)
    try:
        data = reader.value(root, "") if root is not None else None
    except RecursionError:
        fault = Fault(file, 0, "", "brackets nested without end", "a few levels", "write fewer levels")
        return Document(None, {}, [fault])
    return Document(data, reader.lines, reader.faults)


class _Reader:
    """Walks the node tree once; PyYAML's own resolver, with its traps, is not used."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._seen: set[int] = set()

    def value(self, node: yaml.Node, path: str) -> object:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) in self._seen:  # aliases can grow without bound, and hide where a value stands
            self._fault(node, path, "an alias", "values written out", "write the value here again")
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{path}.{i}".lstrip(".")) for i, item in enumerate(node.value)]
        return self._mapping(node, path)

    def _mapping(self, node: yaml.Node, path: str) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, path, "a key that is a list or mapping", "a text key", "write one word")
                continue
            key = str(key_node.value)
            below = f"{path}.{key}".lstrip(".")
            if key in result:
                found = f"the key {key} for the second time (first on line {self.lines[below]})"
                self._fault(key_node, below, found, "each key once", f"remove one {key} or rename it")
                continue
            self.lines[below] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, below)
        return result

    def _fault(self, node: yaml.Node, path: str, found: str, expected: str, mend: str) -> None:
        self.faults.append(Fault(self.file, node.start_mark.line + 1, path, found, expected, mend))


def _scalar(node: yaml.ScalarNode) -> object:
    text = str(node.value)
    if node.style is not None:  # quoted and block texts stay texts
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
