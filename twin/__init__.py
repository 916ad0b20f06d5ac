"""An open digital twin of AI data centers: requests, watts, coolant and money in one coupled simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from twin.quantities import NUMBERS

if TYPE_CHECKING:
    from twin.report import Run
    from twin.scenario import Scenario

__version__ = "0.1.0"

__all__ = ["NUMBERS", "__version__", "load", "open_run", "run"]


def load(
    path: str | PathLike[str],
    overlays: Iterable[str | PathLike[str]] = (),
    set: Mapping[str, Any] | None = None,
) -> Scenario:
    """Read a scenario file and its overlays into one validated scenario in SI units.

    Parameters
    ----------
    path : path
        A scenario file.
    overlays : iterable of path
        Overlay files, applied in this order.
    set : mapping of str to value
        Single values by path, ``{"serving.max_batch": 512, "weather.offset": "8 K"}``, applied last.

    Raises
    ------
    ScenarioError
        With all faults at once, each with file, line, what was found, what was expected and how to mend it.

    Examples
    --------
    >>> twin.load("scenarios/gb200-hall.yaml").racks["nvl72"].count
    8
    """
    from twin import scenario

    return scenario.load(path, overlays=overlays, set=set or {})


def run(
    scenario: Scenario | str | PathLike[str],
    fidelity: str | None = None,
    seed: int | None = None,
    out: str | PathLike[str] | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> Run:
    """Run a scenario and open its results.

    Parameters
    ----------
    scenario : Scenario or path
        What :func:`load` gave, or a file.
    fidelity : {"batch", "event"}
        In place of the scenario's.
    seed : int
        In place of the scenario's.
    out : path
        Folder in which the run folder is made; ``runs`` if left out.
    progress : callable
        Called with simulated and total seconds after each block.

    Returns
    -------
    Run
        The opened result file: ``run.kpis()``, ``run["rack.power_w"]``, ``run.requests``.

    Raises
    ------
    TwinError
        When the site cannot run, or left a physical range; what was recorded is kept.
    """
    from twin import report, simulate

    if not hasattr(scenario, "serving"):
        scenario = load(scenario)
    return report.open_run(simulate.run(scenario, fidelity=fidelity, seed=seed, out=out, progress=progress))


def open_run(path: str | PathLike[str]) -> Run:
    """Open the result file of a run, complete or torso.

    Parameters
    ----------
    path : path
        The run folder or its ``.h5`` file.

    Raises
    ------
    ResultsError
        When there is no result file or it cannot be read.
    """
    from twin import report

    return report.open_run(path)
