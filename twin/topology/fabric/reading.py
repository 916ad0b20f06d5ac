"""From a file, a mapping or keyword arguments to the words of a fabric, or to all their faults at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from twin import catalog
from twin.errors import Fault, ScenarioError
from twin.scenario.fabric import PRESETS, Words, presets
from twin.scenario.reader import read
from twin.scenario.section import Section
from twin.scenario.shape import below, example, section_of
from twin.scenario.source import Source


def preset(name: str, **changes: Any) -> Words:
    """Return a shipped fabric, changed by keyword.

    Parameters
    ----------
    name : str
        One of :func:`presets`.
    **changes
        Words in place of those of the preset, for example ``units=8``.

    Raises
    ------
    ScenarioError
        When there is no such preset, or the changed words have faults.

    Examples
    --------
    >>> preset("dgx-b200-superpod", units=8).gpu_count
    2048
    """
    if name not in presets():
        near = difflib.get_close_matches(name, presets(), 1, 0.3)
        mend = f"write {near[0] if near else presets()[0]}"
        raise ScenarioError(f"no preset {name!r}", [Fault("", 0, "preset", name, ", ".join(presets()), mend)])
    return load(PRESETS / f"{name}.yaml", **changes)


def load(asked: str | Path | Mapping[str, Any] | None = None, /, **words: Any) -> Words:
    """Read the words of a fabric.

    Parameters
    ----------
    asked : path, mapping or None
        A YAML file, or what would stand in one.
    **words
        Added to it, or in its place; values as people write them (``trunk_rate="400 Gbit/s"``).

    Returns
    -------
    Words
        Valid, though it may still not fit: :func:`twin.topology.fabric.build` and
        :func:`twin.topology.fabric.sizes` tell.

    Raises
    ------
    ScenarioError
        With all faults of the file, each with its line.

    Examples
    --------
    >>> load(fabric="small", gpus=64, gpus_per_node=8, nic="cx7", leaf={"switch": "qm9700"}).nodes
    8
    """
    faults: list[Fault] = []
    if isinstance(asked, str | Path):
        source, faults = read(asked)
    else:
        source = Source(("fabric",), dict(asked or {}), {})
    document = {"fabric": "fabric", **source.document, **words} if words or asked is None else source.document
    source = Source(source.files, document, source.marks)
    made: Words | None = None
    try:
        made = Words.model_validate(dict(document))
        made._source = source
        faults += sense(made)
    except ValidationError as error:
        faults += [_fault(dict(details), source) for details in error.errors()]
    if faults or made is None:
        raise ScenarioError(f"{source.files[0]} describes no fabric", sorted(dict.fromkeys(faults)))
    return made


def _fault(details: dict[str, Any], source: Source) -> Fault:
    """A validation error in the words that mend the file."""
    keys = [str(k) for k in details["loc"] if k != "[key]"]
    path, parent, key = ".".join(keys), _annotation(keys[:-1]), keys[-1] if keys else ""
    section: type[Section] = section_of(parent) or Words
    kind, context = details["type"], details.get("ctx", {})
    if kind == "fault":
        return source.fault(path, context["found"], context["expected"], context["mend"])
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(key, section.model_fields, 1)
        mend = f"write {near[0]}" if near else "remove it"
        return source.fault(path, f"the unknown key {key}", f"one of {', '.join(section.model_fields)}", mend)
    sample = example(_annotation(keys), section, key) if key in section.model_fields else "a value"
    if kind == "missing":
        return source.fault(path, "nothing", f"the key {key}", f"add `{key}: {sample}`")
    shown = details["input"]
    found = "a group of keys" if isinstance(shown, Mapping) else str(shown)
    if kind == "literal_error":
        choices = [c.strip("' ") for c in context["expected"].replace(" or ", ",").split(",")]
        near = difflib.get_close_matches(found, choices, 1, 0.3) or choices
        return source.fault(path, found, " or ".join(choices), f"write {near[0]}")
    expected = details["msg"].replace("Input should be ", "").lower()
    return source.fault(path, found, expected, f"write for example {sample}")


def _annotation(keys: list[str]) -> Any:
    found: Any = Words
    for key in keys:
        found = below(found, key) if found is not None else None
    return found


def sense(words: Words) -> Iterator[Fault]:
    """Find faults between words that are valid one by one."""
    said = words.source.fault
    if words.kind == "custom":
        if not words.graph:
            yield said("graph", "nothing", "a file with the graph", "add `graph: links.csv`")
        return
    if words.leaf is None:
        yield said("leaf", "nothing", "the switch of the leaves", "add `leaf: {switch: qm9700}`")
    if not words.adapter:
        yield said("nic", "nothing", "the adapter, or a system that has one", "add `nic: cx7`")
    if words.gpus is None and not (words.units and words.nodes_per_unit):
        yield said("gpus", "nothing", "gpus, or units and nodes_per_unit", "add `gpus: 1024`")
    if words.gpus is not None and (words.units or words.spare_nodes):
        yield said("gpus", "gpus beside units or spare_nodes", "one of them", "remove gpus, or units")
    elif words.gpus is None and words.nodes < 1:
        yield said("spare_nodes", str(words.spare_nodes), "fewer than the places of the units", "write 1")
    if words.gpus is not None and words.gpus % words.node_gpus:
        more = words.nodes * words.node_gpus
        yield said("gpus", str(words.gpus), f"a multiple of the {words.node_gpus} of a node", f"write {more}")
    if words.kind == "dragonfly" and (words.planes > 1 or words.dual_tor or words.rail_optimised):
        yield said("kind", "a dragonfly with rails, planes or twin leaves", "none of them", "write fat-tree")
    if words.spines and words.tiers not in (None, 2):
        yield said("spines", str(words.spines), "two tiers", "remove spines, or write `tiers: 2`")
    for path, names in (("prices", words.prices), ("powers", words.powers)):
        known = [n for k in ("switch", "optics", "nic") for n in catalog.names(k)]
        for name in set(names) - set(known):
            near = difflib.get_close_matches(name, known, 1, 0.4)
            yield said(f"{path}.{name}", name, "a switch, optics or nic card", f"write {(near or known)[0]}")
