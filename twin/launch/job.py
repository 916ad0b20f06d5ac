"""What a worker process is given, and what it does with it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twin.errors import Fault, StudyError

ATTEMPTS = 3
"""How often a run is tried whose worker process dies."""


@dataclass(frozen=True)
class Job:
    """One run to be done, in any process on any machine that sees the same files.

    Parameters
    ----------
    run_id : str
        Name of the run folder.
    spec : mapping
        ``scenario``, ``overlays``, ``set`` and ``seed``, as the runner takes them.
    out : str
        Absolute path of the folder of run folders.
    runner, summarise : str
        Import paths ``module:function``: ``runner(spec, out)`` runs and returns the run folder,
        ``summarise(folder)`` returns its row of the table.
    """

    run_id: str
    spec: Mapping[str, Any]
    out: str
    runner: str
    summarise: str


def execute(job: Job) -> dict[str, Any]:
    """Do a run unless its file is complete, and sum it up.

    Raises
    ------
    StudyError
        When the run turns out to be another one than was planned.
    TwinError
        Whatever the runner raises.
    """
    from twin.results import is_complete

    folder = Path(job.out) / job.run_id
    if not is_complete(folder):
        done = Path(_function(job.runner)(dict(job.spec), job.out))
        if done.name != job.run_id:
            fault = Fault("", 0, "run", done.name, job.run_id, "start the study again")
            raise StudyError("the scenario files changed after the study was planned", [fault])
    return dict(_function(job.summarise)(folder))


def died(job: Job) -> StudyError:
    """Error of a run whose worker process died at every attempt."""
    found = f"its worker process died {ATTEMPTS} times"
    mend = "look for a lack of memory, or run it alone"
    return StudyError("a run kills its worker", [Fault("", 0, job.run_id, found, "a run that ends", mend)])


def _function(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
