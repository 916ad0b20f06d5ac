"""Runs the halls of a site side by side."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path

from twin.errors import StudyError, TwinError
from twin.launch.job import Job
from twin.launch.studies import check_place, run_jobs
from twin.simulate import FOLDER, Prepared, hall_ids, stitch_site


def run_site(
    site: Prepared,
    out: str | PathLike[str] = "runs",
    *,
    on: str = "local",
    workers: int = 2,
    progress: Callable[[float, float], None] | None = None,
) -> Path:
    """Run a site of several halls, each in a worker process, and return its run folder.

    Halls that are complete from an earlier attempt are not run again. The numbers are those of
    :func:`twin.simulate.run`, wherever they are computed.

    Parameters
    ----------
    site : Prepared
        From :func:`twin.simulate.prepare`, of a scenario with several halls.
    out : path
        Folder in which the run folder is made; workers on other machines must see it under the same path.
    on, workers
        As in :func:`~twin.launch.run_study`.
    progress : callable
        Called with simulated and total seconds of all halls.

    Raises
    ------
    StudyError
        When ``on`` or ``workers`` cannot be used, or a hall kills its worker.
    TwinError
        Whatever ends the run of a hall; what others recorded is kept.
    """
    check_place(on, workers, "the site")
    folder = Path(out).resolve() / site.run_id
    names, duration_s = hall_ids(site.scenario), site.scenario.time.duration
    jobs = [
        Job(name, {"scenario": site.scenario, "hall": index}, str(folder / FOLDER), RUNNER, SUMMARISE)
        for index, name in enumerate(names)
    ]
    for done, (_, future) in enumerate(run_jobs(jobs, on, workers), 1):
        if (error := future.exception()) is not None:
            raise error if isinstance(error, TwinError | KeyboardInterrupt) else StudyError(str(error), [])
        if progress is not None:
            progress(done * duration_s, len(names) * duration_s)
    return stitch_site(site, folder)


RUNNER, SUMMARISE = "twin.simulate:run_hall", "twin.launch.halls:nothing"


def nothing(folder: Path) -> dict[str, float]:
    """Summary of a hall: it is read from its file when the site is stitched."""
    return {}
