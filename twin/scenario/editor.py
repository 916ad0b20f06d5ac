"""JSON Schema of scenario files, for editors that complete and check while one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twin.scenario.overlay import VERBS
from twin.scenario.schema import Scenario

_BY_PATH = {"type": "object", "description": "values by dotted path, for example serving.max_batch: 128"}
_CHANGES: dict[str, Any] = {
    "set": {**_BY_PATH, "title": "change what is there"},
    "add": {**_BY_PATH, "title": "add what is not there"},
    "remove": {"type": "array", "items": {"type": "string"}, "title": "remove what stands"},
}


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario file, of one with a ``base``, and of an overlay.

    Examples
    --------
    >>> "slo" in json_schema()["$defs"]["Serving"]["required"]
    True
    """
    whole = Scenario.model_json_schema()
    parts = whole.pop("$defs")
    parts["Scenario"] = whole
    parts["ScenarioWithBase"] = _changed(
        "scenario", {"base": {"type": "string", "description": "the scenario to change"}}
    )
    parts["Overlay"] = _changed("overlay", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of a digital twin of AI data centers",
        "if": {"required": ["overlay"]},
        "then": {"$ref": "#/$defs/Overlay"},
        "else": {
            "if": {"required": ["base"]},
            "then": {"$ref": "#/$defs/ScenarioWithBase"},
            "else": {"$ref": "#/$defs/Scenario"},
        },
        "$defs": dict(sorted(parts.items())),
    }


def write_json_schema(path: str | Path) -> None:
    """Write :func:`json_schema` to a file, always with the same bytes for the same content."""
    Path(path).write_text(json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _changed(name: str, more: dict[str, Any]) -> dict[str, Any]:
    texts = {name: {"type": "string", "description": "its name"}, "description": {"type": "string"}}
    return {
        "type": "object",
        "properties": {**texts, **more, **{v: _CHANGES[v] for v in VERBS}},
        "required": [name, *more],
        "additionalProperties": False,
    }
