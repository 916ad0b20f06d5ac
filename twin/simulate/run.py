"""Running a scenario, whatever the number of its halls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from twin.engine import Context
from twin.scenario import Scenario, load
from twin.simulate.hall import Progress, run_one
from twin.simulate.halls import run_halls, stitch_site
from twin.simulate.prepare import Prepared, prepare


def run(
    scenario: Scenario | Prepared,
    fidelity: str | None = None,
    seed: int | None = None,
    out: str | PathLike[str] | None = None,
    progress: Progress | None = None,
    extra: Callable[[Context], None] | None = None,
) -> Path:
    """Run a scenario and return its run folder.

    The halls of a site of several run one after the other; :func:`twin.launch.run_site` runs them side by side.

    Parameters
    ----------
    scenario : Scenario or Prepared
        A validated scenario, or one that was prepared already.
    fidelity, seed : optional
        In place of the scenario's.
    out : path
        Folder in which the run folder is made; ``runs`` if left out.
    progress : callable
        Called with simulated and total seconds after each recorded block, or hall.
    extra : callable
        Puts further processes on the agenda, of every hall; for tests and scripts.

    Raises
    ------
    TwinError
        When the site cannot run or leaves a physical range; what was recorded is kept.
    """
    ready = scenario if isinstance(scenario, Prepared) else prepare(scenario, fidelity, seed)
    folder = Path(out or "runs")
    if not ready.is_site:
        return run_one(ready, folder, progress, extra)
    run_halls(ready, folder / ready.run_id, progress, extra)
    return stitch_site(ready, folder / ready.run_id)


def run_spec(spec: Mapping[str, Any], out: str) -> str:
    """Run one entry of a study; what a worker process is given.

    Parameters
    ----------
    spec : mapping
        ``scenario`` (path), ``overlays`` (paths), ``set`` (values by path) and ``seed``.
    out : str
        Folder in which the run folder is made.

    Returns
    -------
    str
        The run folder.
    """
    loaded = load(spec["scenario"], overlays=spec["overlays"], set=spec["set"])
    return str(run(loaded, seed=spec["seed"], out=out))
