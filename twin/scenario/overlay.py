"""Changes to a scenario by path: ``set`` what the schema knows, ``add`` what people name, ``remove`` what stands."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from twin.errors import Fault
from twin.scenario.shape import annotation_at, is_group, paths, section_of
from twin.scenario.source import Mark, Source, dotted

VERBS = ("set", "add", "remove")


def apply(base: Source, change: Source, name: str) -> tuple[Source, list[Fault]]:
    """Apply one change.

    Parameters
    ----------
    base : Source
        What is changed; stays as it is.
    change : Source
        A document with ``set`` and ``add`` (values by path) and ``remove`` (a list of paths).
    name : str
        Name of the overlay; empty when it needs none.

    Returns
    -------
    Source, list of Fault
        The changed source, whose changed values have their place in the overlay, and all
        paths that could not be applied.
    """
    work = _Work(base, change)
    for verb in VERBS:
        entries = change.document.get(verb)
        if entries is None:
            continue
        if not isinstance(entries, list if verb == "remove" else Mapping):
            shape = "a list of paths" if verb == "remove" else "values by path"
            example = f"{verb}: [events.trip]" if verb == "remove" else f"{verb}: {{serving.max_batch: 128}}"
            work.faults.append(change.fault(verb, "something else", shape, f"write for example {example}"))
            continue
        for i, path in enumerate(entries):
            if verb == "remove":
                work.remove(str(path), f"remove.{i}")
            else:
                work.put(verb, str(path), entries[path])
    overlays = (*base.overlays, name) if name else base.overlays
    files = (*base.files, *(f for f in change.files if f not in base.files))
    return replace(
        base, files=files, document=work.document, marks=work.marks, overlays=overlays
    ), work.faults


class _Work:
    """A copy of a document while it is changed."""

    def __init__(self, base: Source, change: Source) -> None:
        self.base, self.change = base, change
        self.document: dict[str, Any] = copy.deepcopy(dict(base.document))
        self.marks: dict[str, Mark] = dict(base.marks)
        self.faults: list[Fault] = []

    def put(self, verb: str, written: str, value: object) -> None:
        path = dotted(written)
        spot = f"{verb}.{written}"
        holder, key = self._holder(path, verb)
        known = path in set(paths(self.document))
        stands = _has(holder, key)
        if verb == "add" and stands:
            self._refuse(spot, f"{path} is there already", "a path that is not there", "put it under set")
        elif holder is None or (verb == "set" and not known):
            self._refuse_unknown(spot, path, verb, holder)
        else:
            _store(holder, key, copy.deepcopy(value))
            self._forget(path)
            self.marks[path] = self.change.line_of(spot)
            under = f"{spot}."
            self.marks |= {
                f"{path}.{w[len(under) :]}": m for w, m in self.change.marks.items() if w.startswith(under)
            }

    def remove(self, written: str, spot: str) -> None:
        path = dotted(written)
        holder, key = self._holder(path)
        if not _has(holder, key):
            self._refuse_unknown(spot, path, "remove", holder)
            return
        if isinstance(holder, list):
            del holder[int(key)]
            self._forget(path.rpartition(".")[0], keep=True)
        else:
            del holder[key]
            self._forget(path)

    def _holder(self, path: str, verb: str = "remove") -> tuple[Any, str]:
        """What holds the last key; a group or section on the way that was left out is opened."""
        *way, last = path.split(".")
        here: Any = self.document
        for i, key in enumerate(way):
            if isinstance(here, dict) and here.get(key) is None and _may_open(verb, path, way[: i + 1]):
                here[key] = {}
            if not _has(here, key):
                return None, last
            here = here[int(key)] if isinstance(here, list) else here[key]
        return (here if isinstance(here, dict | list) else None), last

    def _forget(self, path: str, keep: bool = False) -> None:
        self.marks = {
            p: m
            for p, m in self.marks.items()
            if not (p == path and not keep) and not p.startswith(f"{path}.")
        }

    def _refuse(self, spot: str, found: str, expected: str, mend: str) -> None:
        self.faults.append(self.change.fault(spot, found, expected, mend))

    def _refuse_unknown(self, spot: str, path: str, verb: str, holder: object) -> None:
        known = list(paths(self.document))
        parent = path.rpartition(".")[0]
        near = difflib.get_close_matches(path, known, 1, 0.5)
        mend = f"write {near[0]}" if near else f"look at the keys of {self.base.files[0]}"
        if (
            verb == "set"
            and isinstance(holder, dict)
            and section_of(annotation_at(parent)) is None
            and annotation_at(path)
        ):
            mend += ", or put it under add"
        if verb == "add":
            self._refuse(
                spot,
                f"{parent} is not there",
                "a path whose parent is there",
                f"add {parent} as a whole, or {mend}",
            )
        else:
            self._refuse(spot, f"{path} is not there", f"a path of {self.base.files[0]}", mend)


def _may_open(verb: str, path: str, way: list[str]) -> bool:
    """Whether a verb opens what was left out: ``add`` a group such as events, ``set`` a section of the schema."""
    found = annotation_at(".".join(way))
    if verb == "add":
        return is_group(found)
    is_named = is_group(annotation_at(".".join(way[:-1])))  # a name that people give, perhaps mistyped
    return (
        verb == "set" and section_of(found) is not None and not is_named and annotation_at(path) is not None
    )


def _has(holder: object, key: str) -> bool:
    if isinstance(holder, list):
        return key.isdigit() and int(key) < len(holder)
    return isinstance(holder, dict) and key in holder


def _store(holder: Any, key: str, value: object) -> None:
    if not isinstance(holder, list):
        holder[key] = value
    elif key.isdigit() and int(key) < len(holder):
        holder[int(key)] = value
    else:
        holder.append(value)
