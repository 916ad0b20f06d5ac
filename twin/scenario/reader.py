"""Strict reading of one YAML file: what two people may read differently is refused."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from twin.catalog import strict_yaml
from twin.errors import Fault, ScenarioError
from twin.scenario.source import Mark, Source

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLOCK = re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?")
_EXPONENT = re.compile(r"[-+]?\d[\d_]*(\.[\d_]*)?[eE][-+]?\d+")
_SIGNED_EXPONENT = re.compile(r"[-+]?\d+\.\d*[eE][-+]\d+")
_OTHER_BASE = re.compile(r"[-+]?(0\d+|0x[\da-fA-F_]+|0o[0-7]+|0b[01_]+|\d[\d_]*_[\d_]*)")
_NOT_FINITE = re.compile(r"[-+]?\.?(nan|inf|infinity)", re.IGNORECASE)
_SWITCH = {"yes", "no", "on", "off", "y", "n"}


def trap(text: str) -> tuple[str, str, str] | None:
    """What is wrong with a plain scalar that YAML versions read differently, if anything.

    Returns
    -------
    tuple of str or None
        Found, expected, mend.

    Examples
    --------
    >>> trap("12:30")[2]
    'write the value with its unit, or quote it: "12:30"'
    >>> trap("400 Gbit/s") is None
    True
    """
    quoted = f'quote it: "{text}"'
    if _CLOCK.fullmatch(text):
        return (
            f"{text}, which YAML 1.1 reads in base 60",
            "a number or a text",
            f"write the value with its unit, or {quoted}",
        )
    if text.lower() in _SWITCH:
        truth = "true" if text.lower() in {"yes", "on", "y"} else "false"
        return (
            f"{text}, which YAML 1.1 reads as {truth}",
            "true, false or a text",
            f"write {truth}, or {quoted}",
        )
    if text.lower() in {"true", "false"} and text != text.lower():
        return text, "true, false or a text", f"write {text.lower()}, or {quoted}"
    if _NOT_FINITE.fullmatch(text):
        return text, "a finite number", "write a number, or remove the key"
    if _OTHER_BASE.fullmatch(text):
        return (
            f"{text}, which YAML versions read as different numbers",
            "a plain decimal number",
            f"write its digits alone, or {quoted}",
        )
    if _EXPONENT.fullmatch(text) and not _SIGNED_EXPONENT.fullmatch(text):
        return (
            f"{text}, which YAML 1.1 reads as a text",
            "a plain decimal number",
            f"write {float(text.replace('_', '')):.15g}, or {quoted}",
        )
    return None


def read(path: str | Path) -> tuple[Source, list[Fault]]:
    """Read one file.

    Parameters
    ----------
    path : str or pathlib.Path
        A UTF-8 text file with a YAML mapping.

    Returns
    -------
    Source, list of Fault
        What could be read, and all that was refused besides.

    Raises
    ------
    ScenarioError
        When nothing can be read: no such file, not text, empty, not YAML, not a mapping.
    """
    file = str(path)
    text = _text(Path(path))
    document = strict_yaml.loads(text, file)
    if not isinstance(document.data, dict):
        faults = document.faults or [_no_mapping(file, document.data)]
        raise ScenarioError(f"{file} cannot be read", [_on_a_line(f) for f in faults])
    marks = {where: Mark(file, line) for where, line in document.lines.items() if where}
    traps = list(_traps(text, file))
    return Source((file,), document.data, marks), [_on_a_line(f) for f in document.faults] + traps


def read_value(text: str) -> object:
    """Value of a scalar, list or mapping written in one line, as after ``--set a.b=``.

    Examples
    --------
    >>> read_value("512"), read_value("8 K"), read_value("[pdu-1, pdu-2]")
    (512, '8 K', ['pdu-1', 'pdu-2'])
    """
    document = strict_yaml.loads(text)
    faults = document.faults or list(_traps(text, ""))
    if faults:
        raise ScenarioError("not a value", faults)
    return document.data


def _text(path: Path) -> str:
    file = str(path)
    try:
        raw = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        near = _nearby(path)
        mend = f"did you mean {near}?" if near else "check the path and its permissions"
        fault = Fault(
            file,
            0,
            "",
            (getattr(error, "strerror", None) or str(error)).lower(),
            "a readable YAML file",
            mend,
        )
        raise ScenarioError(f"{file} cannot be read", [fault]) from None
    try:
        text = raw.decode("utf-8-sig")
        binary = next((i for i, c in enumerate(text) if c < " " and c not in "\t\n\r"), None)
    except UnicodeDecodeError as error:
        binary = error.start
    if binary is not None:
        found = f"byte 0x{raw[binary]:02x} at offset {binary}: a binary file"
        line = raw[:binary].count(b"\n") + 1
        raise ScenarioError(
            f"{file} is not text", [Fault(file, line, "", found, "YAML text in UTF-8", "name a YAML file")]
        )
    tabs = [
        i for i, line in enumerate(text.splitlines(), 1) if "\t" in line[: len(line) - len(line.lstrip())]
    ]
    if tabs:
        faults = [
            Fault(file, i, "", "a tab in the indentation", "spaces", "indent with two spaces") for i in tabs
        ]
        raise ScenarioError(f"{file} is indented with tabs", faults)
    return text


def _nearby(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    names = [p.name for p in path.parent.iterdir() if p.suffix in {".yaml", ".yml"}]
    return next((str(path.parent / n) for n in difflib.get_close_matches(path.name, names, 1)), "")


def _no_mapping(file: str, data: object) -> Fault:
    found = "an empty file" if data is None else f"a {'list' if isinstance(data, list) else 'single value'}"
    return Fault(
        file,
        1,
        "",
        found,
        "keys with values",
        "begin with `scenario: NAME`, or copy one of the shipped files",
    )


def _on_a_line(fault: Fault) -> Fault:
    return Fault(fault.file, fault.line or 1, fault.where, fault.found, fault.expected, fault.mend)


def _traps(text: str, file: str) -> Iterator[Fault]:
    """Faults of plain scalars, merge keys and tags in a text that is YAML."""
    way: list[_Level] = []
    events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            return  # a second document was refused already
        if isinstance(event, yaml.CollectionEndEvent):
            way.pop()
        if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            continue
        mark: Any = event.start_mark
        line, text_here = mark.line + 1, getattr(event, "value", None)
        is_key = bool(way) and text_here is not None and way[-1].take_key(text_here)
        where = ".".join(level.key for level in way)
        if is_key:
            if text_here == "<<":
                yield Fault(
                    file, line, where, "a merge key <<", "keys written out", "write the merged keys here"
                )
            continue
        tag = getattr(event, "tag", None)
        if tag:
            yield Fault(file, line, where, f"the tag {tag}", "a value without a tag", "remove the tag")
        if isinstance(event, yaml.ScalarEvent) and not event.style:
            wrong = trap(event.value)
            if wrong:
                yield Fault(file, line, where, *wrong)
        if isinstance(event, yaml.CollectionStartEvent):
            way.append(_Level(isinstance(event, yaml.MappingStartEvent)))
        elif way:
            way[-1].next()


class _Level:
    """Where a walk through events stands in one mapping or list."""

    def __init__(self, is_mapping: bool) -> None:
        self.is_mapping, self.wants_key = is_mapping, is_mapping
        self.key = "" if is_mapping else "0"

    def take_key(self, key: str) -> bool:
        """Take a scalar as the key, if one is due."""
        taken = self.wants_key
        if taken:
            self.key, self.wants_key = key, False
        return taken

    def next(self) -> None:
        """Go on to the next key or place."""
        self.wants_key = self.is_mapping
        self.key = "" if self.is_mapping else str(int(self.key) + 1)
