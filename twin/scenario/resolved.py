"""A scenario written out whole: as text that loads again, and as a digest that names its runs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from twin.errors import UnitError
from twin.scenario.fields import DataFile, Measure
from twin.scenario.reader import trap
from twin.scenario.schema import Scenario
from twin.scenario.shape import annotation_at, leaves, marker
from twin.units import parse


def resolved_text(scenario: Scenario) -> str:
    """The whole scenario as YAML: overlays applied, defaults written out, units as people wrote them.

    The text loads to an equal scenario from the folder of the scenario file.

    Examples
    --------
    >>> from twin.scenario import load
    >>> "tick: 1 s" in resolved_text(load("scenarios/gb200-hall.yaml"))
    True
    """
    document = _written(scenario, scenario.source.document, "")
    if not scenario.has_requests:
        document = {k: v for k, v in document.items() if k not in ("workload", "serving")}
    for path, name, parent, key in _data_files(document):
        file = scenario.source.data_file(path, name)
        parent[key] = os.path.relpath(file, scenario.source.folder)
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def digest(scenario: Scenario, seed: int | None = None, numbers_version: str = "") -> str:
    """Name of a run: equal for equal content, wherever the files lie.

    Parameters
    ----------
    scenario : Scenario
        Its values in SI and the content of its data files count; how they are written does not.
    seed : int, optional
        Seed of the run; that of the scenario if left out.
    numbers_version : str
        Version of the numbers that the simulator gives.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    content = scenario.model_dump(mode="json", exclude={"seed"})
    for path, name, parent, key in _data_files(content):
        raw = scenario.source.data_file(path, name).read_bytes()
        parent[key] = hashlib.sha256(raw).hexdigest()
    run = [content, scenario.seed if seed is None else seed, str(numbers_version)]
    return hashlib.blake2b(json.dumps(run, sort_keys=True).encode(), digest_size=8).hexdigest()


def run_id(scenario: Scenario, seed: int | None = None, numbers_version: str = "") -> str:
    """Name of a run and of its folder: that of the scenario and twelve digits of its :func:`digest`."""
    return f"{scenario.scenario}-{digest(scenario, seed, numbers_version)[:12]}"


def _data_files(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], str]]:
    """Path and name of each data file, and the mapping and key under which the name stands."""
    found = []
    for path, annotation, name in leaves(document):
        if not isinstance(name, str) or not name:
            continue
        if marker(annotation, DataFile) or (path == "serving.model" and name.endswith(".json")):
            *way, key = path.split(".")
            parent = document
            for step in way:
                parent = parent[step]
            found.append((path, name, parent, key))
    return found


def _written(value: Any, document: Any, path: str) -> Any:
    """A value of the scenario as it stands in the document, or as text with its SI unit."""
    if isinstance(value, BaseModel | Mapping):
        entries = (
            value.items()
            if isinstance(value, Mapping)
            else ((k, getattr(value, k)) for k in type(value).model_fields)
        )
        given = document if isinstance(document, Mapping) else {}
        return {k: _written(v, given.get(k), f"{path}.{k}".lstrip(".")) for k, v in entries if v is not None}
    measure = marker(annotation_at(path), Measure)
    if measure is None:
        return list(value) if isinstance(value, list | tuple) else value
    if isinstance(document, str | int | float):
        try:
            if parse(document, measure.dimension) == value:
                return document
        except UnitError:
            pass  # changed after loading, through model_copy
    text = measure.write(value)
    return value if text.replace(".", "").isdigit() else text


class _Dumper(yaml.SafeDumper):
    """Quotes the texts that the strict reader would refuse unquoted."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if trap(text) else None)


_Dumper.add_representer(str, _text)
