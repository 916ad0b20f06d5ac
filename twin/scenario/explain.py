"""Validation errors in the words that a user needs to mend the file."""

from __future__ import annotations

import difflib
import re
from typing import Any

from pydantic import ValidationError

from twin.errors import Fault
from twin.scenario.schema import Scenario
from twin.scenario.shape import annotation_at, below, example, paths, section_of
from twin.scenario.source import Source

_WHAT = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "string_type": "a text",
    "list_type": "a list",
    "too_short": "at least one entry",
    "string_pattern_mismatch": "lower case letters, digits and dashes",
}


def left_out(source: Source) -> list[Fault]:
    """Sections that only a scenario with jobs may leave out."""
    wanted = ("workload", "serving")
    is_bare = "jobs" in source.document and not any(key in source.document for key in wanted)
    return [] if is_bare else [_missing(source, k, "", k) for k in wanted if k not in source.document]


def explain(error: ValidationError, source: Source) -> list[Fault]:
    """Turn a validation error into faults with file, line, path and mend."""
    return [_fault(dict(details), source) for details in error.errors()]


def _fault(details: dict[str, Any], source: Source) -> Fault:
    keys = [str(k) for k in details["loc"] if k != "[key]"]
    path, parent, key = ".".join(keys), ".".join(keys[:-1]), keys[-1] if keys else ""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if "[key]" in details["loc"]:
        written = re.sub(r"[^a-z0-9]+", "-", key.lower()).strip("-") or "name"
        return source.fault(path, key, "lower case letters, digits and dashes", f"write {written}")
    if kind == "missing":
        return _missing(source, path, parent, key)
    if kind == "extra_forbidden":
        return _unknown(source, path, parent, key)
    if kind == "fault":
        return source.fault(path, context["found"], context["expected"], context["mend"])
    found = _shown(value)
    section = section_of(annotation_at(path))
    if section:
        return source.fault(
            path, found, f"keys: {', '.join(section.model_fields)}", f"write for example {_example(path)}"
        )
    if kind == "literal_error":
        choices = [c.strip("' ") for c in context["expected"].replace(" or ", ",").split(",")]
        near = difflib.get_close_matches(str(value), choices, 1, 0.4) or choices
        return source.fault(path, found, " or ".join(choices), f"write {near[0]}")
    if kind == "string_pattern_mismatch" and path == "time.start":
        return source.fault(path, found, "day and time", f"write for example {_example(path)}")
    expected = _WHAT.get(kind) or details["msg"].replace("Input should be ", "").lower()
    return source.fault(path, found, expected, f"write for example {_example(path)}")


def _example(path: str) -> str:
    parent, _, key = path.rpartition(".")
    section = section_of(annotation_at(parent))
    return example(annotation_at(path), section, key if section else "")


def _missing(source: Source, path: str, parent: str, key: str) -> Fault:
    section = section_of(annotation_at(parent)) or Scenario
    text = section.model_fields[key].description
    expected = f"the key {key}" + (f": {text}" if text else "")
    under = f" under {parent}" if parent else ""
    return source.fault(path, "nothing", expected, f"add `{key}: {_example(path)}`{under}")


def _unknown(source: Source, path: str, parent: str, key: str) -> Fault:
    section = section_of(annotation_at(parent)) or Scenario
    known = list(section.model_fields)
    near = difflib.get_close_matches(key, known, 1)
    homes = [
        p
        for p in paths(source.document)
        if p.rpartition(".")[2] == key and below(annotation_at(p.rpartition(".")[0]), key)
    ]
    if near:
        mend = f"write {near[0]}"
    elif homes:
        mend = f"move it to {homes[0]}"
    else:
        mend = "remove it"
    return source.fault(path, f"the unknown key {key}", f"one of {', '.join(known)}", mend)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a group of keys" if value else "an empty group"
    return "a list" if isinstance(value, list) else str(value)
