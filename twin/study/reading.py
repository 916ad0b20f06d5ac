"""Reads the parts of a study file, collecting everything that is wrong with them."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from twin.errors import Fault
from twin.scenario import Source

KEYS = ("study", "description", "scenario", "variants", "overlays", "set", "grid", "seeds")
BASE = "base"
"""Name of the variant without overlays."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Variant(NamedTuple):
    """A named list of overlay files."""

    name: str
    overlays: tuple[Path, ...]


class StudyReader:
    """The parts of one study file.

    Parameters
    ----------
    source : Source
        The file, read strictly.

    Attributes
    ----------
    faults : list of Fault
        All that was refused so far; a refused part reads as empty.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.faults: list[Fault] = []
        for key in source.document:
            if key not in KEYS:
                near = difflib.get_close_matches(key, KEYS, 1)
                mend = f"write {near[0]}" if near else f"change the scenario by path: set: {{{key}: …}}"
                self._refuse(key, f"the unknown key {key}", f"one of {', '.join(KEYS)}", mend)

    def name(self) -> str:
        """Name of the study, fit for a folder."""
        value = self.source.document.get("study")
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        found = "no name" if value is None else repr(value)
        self._refuse("study", found, "letters, digits, dots and dashes", "begin with `study: NAME`")
        return ""

    def scenario(self) -> Path | None:
        """The scenario file."""
        if "scenario" in self.source.document:
            return self._file("scenario", self.source.document["scenario"], "a scenario file")
        self._refuse(
            "scenario", "no scenario", "a scenario file", "write `scenario: PATH`, relative to this file"
        )
        return None

    def variants(self) -> list[Variant]:
        """The variants, from whichever of the two forms is used; the base alone without either."""
        given = [key for key in ("variants", "overlays") if key in self.source.document]
        if len(given) == 2:
            self._refuse(
                "overlays", "both variants and overlays", "one of them", "name all cases under variants"
            )
            return []
        if not given:
            return [Variant(BASE, ())]
        return self._named() if given == ["variants"] else self._listed()

    def values(self) -> dict[str, Any]:
        """Values by path that hold for all runs."""
        values = self._mapping("set", "values by path", "set: {time.duration: 5 min}")
        return {path: value for path, value in values.items() if self._is_free("set", path)}

    def grid(self) -> dict[str, list[Any]]:
        """Lists of values by path, of which every combination is run."""
        grid: dict[str, list[Any]] = {}
        fixed = self.source.document.get("set")
        for path, values in self._mapping(
            "grid", "lists by path", "grid: {serving.max_batch: [64, 128]}"
        ).items():
            where = f"grid.{path}"
            if not isinstance(values, list) or not values:
                mend = f"write {path}: [{values}]" if values else f"list values, or remove {path}"
                self._refuse(where, repr(values), "a list of values", mend)
            elif any(value in values[:i] for i, value in enumerate(values)):
                self._refuse(where, f"a value twice in {values}", "each value once", "remove one of them")
            elif isinstance(fixed, Mapping) and path in fixed:
                self._refuse(
                    where, f"{path}, which is under set too", "each path once", "remove it under set"
                )
            elif self._is_free("grid", path):
                grid[path] = values
        return grid

    def seeds(self) -> list[int] | None:
        """The seeds; none where the file leaves them to the scenario."""
        value = self.source.document.get("seeds")
        if value is None and "seeds" not in self.source.document:
            return None
        if _is_count(value) and value > 0:  # type: ignore[operator]
            return list(range(1, value + 1))  # type: ignore[operator]
        if isinstance(value, list) and value and all(map(_is_count, value)) and len(set(value)) == len(value):
            return value
        expected = "how many, or a list of different whole numbers from 0"
        self._refuse("seeds", repr(value), expected, "write for example `seeds: 8` or `seeds: [1, 2, 3]`")
        return []

    def _named(self) -> list[Variant]:
        found = []
        example = "variants: {base: [], hot-day: [../overlays/hot-day.yaml]}"
        for name, overlays in self._mapping("variants", "lists of overlay files by name", example).items():
            where = f"variants.{name}"
            if not isinstance(overlays, list):
                mend = f"write {name}: []" if overlays in (None, "none") else f"write {name}: [{overlays}]"
                self._refuse(where, repr(overlays), "a list of overlay files", mend)
                continue
            files = [self._file(f"{where}.{i}", o, "an overlay file") for i, o in enumerate(overlays)]
            if None not in files:
                found.append(Variant(name, tuple(f for f in files if f)))
        return found

    def _listed(self) -> list[Variant]:
        entries = self.source.document["overlays"]
        if not isinstance(entries, list) or not entries:
            mend = "write for example overlays: [none, ../overlays/hot-day.yaml]"
            self._refuse("overlays", repr(entries), "a list of overlay files", mend)
            return []
        found: dict[str, Variant] = {}
        for i, entry in enumerate(entries):
            where = f"overlays.{i}"
            is_base = entry in (None, "none")
            file = None if is_base else self._file(where, entry, "an overlay file, or none")
            name = BASE if is_base else Path(str(entry)).stem
            if name in found:
                self._refuse(
                    where, f"{name} for the second time", "each overlay once", "name them under variants"
                )
            elif is_base or file:
                found[name] = Variant(name, (file,) if file else ())
        return list(found.values())

    def _mapping(self, key: str, expected: str, example: str) -> Mapping[str, Any]:
        value = self.source.document.get(key)
        if value is None and key not in self.source.document:
            return {}
        if isinstance(value, Mapping) and value:
            return value
        self._refuse(key, "nothing" if not value else repr(value), expected, f"write for example {example}")
        return {}

    def _file(self, where: str, value: object, expected: str) -> Path | None:
        if not isinstance(value, str):
            self._refuse(where, repr(value), expected, "write its path, relative to this file")
            return None
        path = Path(os.path.normpath(self.source.folder / value))
        if path.is_file():
            return path
        near = _nearby(path)
        mend = f"did you mean {(Path(value).parent / near).as_posix()}?" if near else "correct the path"
        self._refuse(where, f"{value}: no such file", expected, mend)
        return None

    def _is_free(self, key: str, path: str) -> bool:
        if path != "seed":
            return True
        self._refuse(f"{key}.seed", "the seed", "a path other than seed", "write the seeds under seeds")
        return False

    def _refuse(self, where: str, found: str, expected: str, mend: str) -> None:
        self.faults.append(self.source.fault(where, found, expected, mend))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _nearby(path: Path) -> str:
    names = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
    return next(iter(difflib.get_close_matches(path.name, names, 1)), "")
