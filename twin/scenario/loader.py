"""From files, overlays and command-line values to one validated scenario, or to all their faults."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from twin.errors import Fault, ScenarioError
from twin.scenario.checks import check_names, check_sense
from twin.scenario.explain import explain, left_out
from twin.scenario.overlay import VERBS, apply
from twin.scenario.reader import read, read_value
from twin.scenario.schema import Scenario
from twin.scenario.serving import model_name
from twin.scenario.source import COMMAND_LINE, Mark, Source

PathLike = str | Path


def load(
    path: PathLike,
    overlays: Iterable[PathLike] = (),
    set: Mapping[str, object] | None = None,
) -> Scenario:
    """Read a scenario, apply overlays and values, validate it.

    Parameters
    ----------
    path : str or pathlib.Path
        A scenario file, whole or with a ``base``.
    overlays : iterable of path
        Overlay files, applied in this order.
    set : mapping, optional
        Values by dotted path, applied last; texts are read as YAML, so ``"512"`` is a number.

    Returns
    -------
    Scenario
        Frozen, in SI units; ``scenario.source`` knows the line of every value.

    Raises
    ------
    ScenarioError
        With all faults at once.

    Examples
    --------
    >>> load("scenarios/gb200-hall.yaml", set={"time.duration": "30 min"}).time.duration
    1800.0
    """
    scenario, faults = _assemble(path, overlays, set or {})
    if faults or scenario is None:
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ScenarioError(f"{path} has {count}", faults)
    return scenario


def check(
    path: PathLike,
    overlays: Iterable[PathLike] = (),
    set: Mapping[str, object] | None = None,
) -> list[Fault]:
    """All faults of a scenario with its overlays and values; takes what :func:`load` takes.

    Examples
    --------
    >>> check("scenarios/gb200-hall.yaml", set={"power.feed.capacity": "2 MWh"})[0].mend
    'write 2 MW'
    """
    return _assemble(path, overlays, set or {})[1]


def read_yaml(path: PathLike) -> Source:
    """Read another YAML file, such as a study, with the same strictness.

    Raises
    ------
    ScenarioError
        With all faults of the file.
    """
    source, faults = read(path)
    if faults:
        raise ScenarioError(f"{path} cannot be used", sorted(faults))
    return source


def _assemble(
    path: PathLike, overlays: Iterable[PathLike], values: Mapping[str, object]
) -> tuple[Scenario | None, list[Fault]]:
    try:
        source, faults = _open(path, ())
    except ScenarioError as error:
        return None, list(error.faults)
    for overlay in overlays:
        try:
            change, found = _open_overlay(overlay)
            source, unapplied = apply(source, change, str(change.document["overlay"]))
            faults += found + unapplied
        except ScenarioError as error:
            faults += error.faults
    if values:
        change, found = _from_command_line(values)
        source, unapplied = apply(source, change, "")
        faults += found + unapplied
    scenario, invalid = _validate(source)
    if scenario is not None and scenario.has_requests:
        serving = scenario.serving.model_copy(update={"model": model_name(source, scenario.serving.model)})
        scenario = scenario.model_copy(update={"serving": serving})
    faults += _beyond(invalid, faults)
    faults += _beyond(check_names(source), faults)
    if scenario is not None and not faults:
        faults += check_sense(scenario)
    return scenario, sorted(dict.fromkeys(faults))


def _open(path: PathLike, opened: tuple[Path, ...]) -> tuple[Source, list[Fault]]:
    """Read a scenario file; one with a ``base`` is the base, changed."""
    source, faults = read(path)
    here = Path(path).resolve()
    wrong = next((k for k in ("overlay", "study") if k in source.document), None)
    if wrong:
        mend = "give it with --overlay" if wrong == "overlay" else "run it with `twin study`"
        raise ScenarioError(
            f"{path} is not a scenario", [source.fault(wrong, f"a file of kind {wrong}", "a scenario", mend)]
        )
    if "base" not in source.document:
        return source, faults
    base_path = Path(path).parent / str(source.document["base"])
    if base_path.resolve() in (*opened, here):
        raise ScenarioError(
            f"{path} leads back to itself",
            [
                source.fault(
                    "base",
                    str(source.document["base"]),
                    "another scenario",
                    "name a scenario without this base",
                )
            ],
        )
    if not base_path.is_file():
        written = str(source.document["base"])
        fault = source.fault(
            "base", f"{base_path}: no such file", "a scenario file", f"correct the path {written}"
        )
        raise ScenarioError(f"the base of {path} cannot be read", [fault])
    faults += _only(source, ("scenario", "description", "base", *VERBS))
    base, below = _open(base_path, (*opened, here))
    merged, unapplied = apply(base, _with_own_name(source), "")
    files = (str(path), *(f for f in merged.files if f != str(path)))
    return Source(files, merged.document, merged.marks, merged.overlays), faults + below + unapplied


def _with_own_name(source: Source) -> Source:
    """The change that a scenario with a base makes, its name and description included."""
    own = {k: source.document[k] for k in ("scenario", "description") if k in source.document}
    changes = source.document.get("set") or {}
    if not isinstance(changes, Mapping):
        return source
    marks = {f"set.{k}": source.marks[k] for k in own}
    return Source(source.files, {**source.document, "set": {**changes, **own}}, {**source.marks, **marks})


def _open_overlay(path: PathLike) -> tuple[Source, list[Fault]]:
    source, faults = read(path)
    if not isinstance(source.document.get("overlay"), str):
        fault = source.fault("overlay", "no name", "an overlay with its name", "begin with `overlay: NAME`")
        raise ScenarioError(f"{path} is not an overlay", [fault])
    return source, faults + _only(source, ("overlay", "description", *VERBS))


def _only(source: Source, known: tuple[str, ...]) -> list[Fault]:
    faults = []
    for key in source.document:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            mend = (
                f"write {near[0]}"
                if near
                else f"put it by path under set or add, for example set: {{{key}: …}}"
            )
            faults.append(source.fault(key, f"the unknown key {key}", f"one of {', '.join(known)}", mend))
    return faults


def _from_command_line(values: Mapping[str, object]) -> tuple[Source, list[Fault]]:
    read_values: dict[str, object] = {}
    faults: list[Fault] = []
    for path, value in values.items():
        try:
            read_values[path] = read_value(value) if isinstance(value, str) else value
        except ScenarioError as error:
            faults += [Fault(COMMAND_LINE, 0, path, f.found, f.expected, f.mend) for f in error.faults]
    marks = {f"set.{p}": Mark(COMMAND_LINE, 0) for p in read_values}
    return Source((COMMAND_LINE,), {"set": read_values}, marks), faults


def _validate(source: Source) -> tuple[Scenario | None, list[Fault]]:
    try:
        scenario = Scenario.model_validate(dict(source.document))
    except ValidationError as error:
        return None, explain(error, source) + left_out(source)
    scenario._source = source
    faults = left_out(source)
    return (None if faults else scenario), faults


def _beyond(faults: list[Fault], known: list[Fault]) -> list[Fault]:
    """Faults at places that have none yet: one mistake is told once."""
    places = {(f.file, f.line, f.where.rpartition(".")[2]) for f in known}
    return [f for f in faults if (f.file, f.line, f.where.rpartition(".")[2]) not in places]
