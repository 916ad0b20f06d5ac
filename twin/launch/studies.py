"""Runs what is missing of a study and writes its table."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from twin.errors import Fault, StudyError, TwinError
from twin.launch.cluster import run_on_cluster
from twin.launch.job import Job
from twin.launch.local import run_local
from twin.launch.table import write_manifest, write_table
from twin.study import Plan, RunSpec

PLACES = ("local", "dask", "slurm")


@dataclass(frozen=True)
class Outcome:
    """What came of a study.

    Parameters
    ----------
    name : str
        Name of the study.
    table : Path
        The table, one row a run.
    failed : tuple of (RunSpec, Exception)
        Runs that did not end, and why; the others are complete.
    """

    name: str
    table: Path
    failed: tuple[tuple[RunSpec, Exception], ...]

    def raise_if_failed(self) -> None:
        """Raise when a run failed.

        Raises
        ------
        StudyError
            With the faults of all failed runs.
        """
        if self.failed:
            count = "one run" if len(self.failed) == 1 else f"{len(self.failed)} runs"
            faults = [fault for spec, error in self.failed for fault in _faults(spec, error)]
            raise StudyError(f"{count} of the study {self.name} failed", faults)


def run_study(
    plan: Plan,
    out: str | PathLike[str],
    *,
    runner: str,
    summarise: str,
    on: str = "local",
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Run all runs of a study that are not complete, and write its table.

    Results lie in ``<out>/<study>``: a folder a run, ``manifest.json`` and ``table.csv``. The table
    has the same bytes wherever the runs were done. A run that fails does not stop the others.

    Parameters
    ----------
    plan : Plan
        From :func:`twin.study.plan`.
    out : path
        Folder of the study's folder; workers on other machines must see it under the same path.
    runner : str
        Import path ``module:function`` of what does a run: ``runner(spec, out)`` takes a mapping with
        scenario, overlays, set and seed, makes the folder ``out/<run id>`` and returns it.
    summarise : str
        Import path of what sums up a run folder as a mapping of values by column.
    on : str
        ``local``, ``dask``, ``slurm``, or the address of a dask scheduler (``tcp://host:8786``).
    workers : int
        Worker processes, 1 or more; an address has its own.
    progress : callable
        Called with done and total runs.

    Raises
    ------
    StudyError
        When ``on`` or ``workers`` cannot be used; a failed run is in ``Outcome.failed`` instead.
    MissingLibrary
        Without the library that ``on`` needs.
    """
    check_place(on, workers, "the study")
    folder = Path(out).resolve() / plan.name
    folder.mkdir(parents=True, exist_ok=True)
    # Cases that change nothing are the same run under two names: it is done once.
    jobs = [_job(spec, folder, runner, summarise) for spec in {s.run_id: s for s in plan.runs}.values()]
    summaries: dict[str, Mapping[str, Any]] = {}
    errors: dict[str, Exception] = {}
    manifest = folder / "manifest.json"
    write_manifest(manifest, plan, {})
    for done, (job, future) in enumerate(run_jobs(jobs, on, workers), 1):
        error = future.exception()
        if error is None:
            summaries[job.run_id] = future.result()
        elif isinstance(error, Exception):
            errors[job.run_id] = error
        else:
            raise error  # an interrupt
        write_manifest(manifest, plan, {**dict.fromkeys(summaries, ""), **_messages(errors)})
        if progress is not None:
            progress(done, len(jobs))
    table = folder / "table.csv"
    write_table(table, plan, summaries)
    failed = tuple((spec, errors[spec.run_id]) for spec in plan.runs if spec.run_id in errors)
    return Outcome(plan.name, table, failed)


def run_jobs(jobs: Sequence[Job], on: str, workers: int) -> Iterator[tuple[Job, Future[dict[str, Any]]]]:
    """Run jobs where they are to run; yields each with its future as it ends."""
    if on == "local":
        return run_local(jobs, min(workers, len(jobs)))
    return run_on_cluster(jobs, workers, on)


def check_place(on: str, workers: int, what: str) -> None:
    """Refuse a place or a number of workers that cannot be.

    Raises
    ------
    StudyError
        With both faults; ``what`` names what would run.
    """
    faults = []
    if on not in PLACES and "://" not in on:
        near = difflib.get_close_matches(on, PLACES, 1)
        expected = f"{', '.join(PLACES)} or an address such as tcp://host:8786"
        faults.append(Fault("", 0, "--on", on, expected, f"write --on {near[0] if near else PLACES[0]}"))
    if workers < 1:
        faults.append(Fault("", 0, "--workers", str(workers), "1 or more", "write --workers 1"))
    if faults:
        raise StudyError(f"{what} cannot run like this", faults)


def _job(spec: RunSpec, folder: Path, runner: str, summarise: str) -> Job:
    entry = {
        "scenario": spec.scenario,
        "overlays": list(spec.overlays),
        "set": dict(spec.set),
        "seed": spec.seed,
    }
    return Job(spec.run_id, entry, str(folder), runner, summarise)


def _messages(errors: Mapping[str, Exception]) -> dict[str, str]:
    return {run_id: f"{type(error).__name__}: {error}" for run_id, error in errors.items()}


def _faults(spec: RunSpec, error: Exception) -> list[Fault]:
    """Faults of a failed run, each saying which run it was."""
    run = f"{spec.name}, seed {spec.seed}"
    if isinstance(error, TwinError) and error.faults:
        return [replace(fault, where=f"{fault.where} ({run})".strip()) for fault in error.faults]
    overlays = [word for overlay in spec.overlays for word in ("--overlay", overlay)]
    values = [word for path, value in spec.set.items() for word in ("--set", f"{path}={_written(value)}")]
    alone = shlex.join(["twin", "run", spec.scenario, *overlays, *values, "--seed", str(spec.seed)])
    found = error.message if isinstance(error, TwinError) else f"{type(error).__name__}: {error}"
    return [Fault("", 0, run, found, "a run that ends", f"run it alone: {alone}")]


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
