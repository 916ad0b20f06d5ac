"""Lays out the runs of a study: variants times grid points times seeds, each proved to load."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from twin import scenario as scenarios
from twin.errors import Fault, ScenarioError, StudyError
from twin.scenario import Scenario, Source
from twin.scenario.source import dotted
from twin.study.reading import StudyReader, Variant
from twin.study.spec import Plan, RunSpec


def plan(file: str | Path, numbers_version: str) -> Plan:
    """Read a study file and lay out its runs.

    Every variant is loaded at every grid point, so whatever is wrong with a scenario, an overlay or
    a value shows before the first run.

    Parameters
    ----------
    file : path
        A study: ``study`` (name), ``scenario`` (path), and as wanted ``variants`` (overlay lists by
        name) or ``overlays`` (a list, one case each), ``set`` (values by path for all runs), ``grid``
        (lists of values by path) and ``seeds`` (how many, or a list). Paths are relative to the file.
    numbers_version : str
        Version of the numbers that the simulator gives; part of the name of each run.

    Raises
    ------
    ScenarioError
        When the file cannot be read.
    StudyError
        With all faults of the study, and of the scenarios that it makes, at once.

    Examples
    --------
    >>> runs = plan("scenarios/studies/load-and-heat.yaml", numbers_version="1").runs
    >>> len(runs), runs[0].name, runs[0].seed
    (24, 'hot-day', 1)
    """
    source = scenarios.read_yaml(file)
    reader = StudyReader(source)
    name, base, variants = reader.name(), reader.scenario(), reader.variants()
    values, grid, seeds = reader.values(), reader.grid(), reader.seeds()
    points = [dict(zip(grid, combination, strict=True)) for combination in itertools.product(*grid.values())]
    runs: list[RunSpec] = []
    faults = reader.faults
    if base is not None:
        for variant, point in itertools.product(variants, points):
            try:
                loaded = scenarios.load(base, variant.overlays, {**values, **point})
            except ScenarioError as error:
                faults += [_in_study(fault, source, values, point, grid) for fault in error.faults]
                continue
            runs += _runs(base, variant, point, values, loaded, seeds, numbers_version)
    if faults:
        faults = sorted(dict.fromkeys(faults))
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise StudyError(f"{file} has {count}", faults)
    return Plan(name, numbers_version, tuple(runs))


def _runs(
    base: Path,
    variant: Variant,
    point: Mapping[str, Any],
    values: Mapping[str, Any],
    loaded: Scenario,
    seeds: list[int] | None,
    numbers_version: str,
) -> Iterator[RunSpec]:
    """One variant at one grid point, with each seed."""
    overlays = tuple(str(overlay.resolve()) for overlay in variant.overlays)
    for seed in [loaded.seed] if seeds is None else seeds:
        yield RunSpec(
            run_id=scenarios.run_id(loaded, seed, numbers_version),
            variant=variant.name,
            grid=point,
            scenario=str(base.resolve()),
            overlays=overlays,
            set={**values, **point},
            seed=seed,
        )


def _in_study(
    fault: Fault,
    source: Source,
    values: Mapping[str, Any],
    point: Mapping[str, Any],
    grid: Mapping[str, list[Any]],
) -> Fault:
    """A fault of a value that the study gives, at its line in the study file."""
    if fault.line:
        return fault
    written = fault.where.removeprefix("set.")
    path = next((p for p in (*values, *point) if f"{written}.".startswith(f"{dotted(p)}.")), None)
    if path is None:
        return fault
    where = f"grid.{path}.{grid[path].index(point[path])}" if path in point else f"set.{path}"
    mark = source.line_of(where)
    return replace(fault, file=mark.file, line=mark.line, where=where)
