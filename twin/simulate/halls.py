"""A site of several equal halls: each is a run of its own, and the run of the site is stitched from theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from twin import plant as plants
from twin import scenario as scenarios
from twin import topology
from twin.engine import Context
from twin.results import TRACE_NAME, Part, is_complete, stitch
from twin.rng import stream
from twin.scenario import Hall, Scenario
from twin.simulate.hall import Progress, run_one, writer_of
from twin.simulate.prepare import Prepared, hall_ids, prepare

ROAD_M = 12.0  # between buildings: a fire lane on either side; for the picture alone
FOLDER = "halls"
"""Folder of the hall runs in the run folder of their site."""


def of_hall(site: Prepared, index: int) -> Prepared:
    """One hall of a site, with its share of the requests, its own events and those of the site, and random streams.

    Parameters
    ----------
    site : Prepared
        From :func:`prepare`, of a scenario with several halls.
    index : int
        Which hall, from 0.
    """
    name, hall = hall_ids(site.scenario)[index], Hall(index, site.scenario.hall.count)
    events = {
        key: event.model_copy(update={"asset": event.asset and event.asset.removeprefix(f"{name}/")})
        for key, event in site.scenario.events.items()
        if event.asset is None or event.asset.startswith(f"{name}/")
    }
    seed = int(stream(site.scenario.seed, "hall", str(index)).integers(2**62))
    requests = site.requests if index == 0 else scenarios.requests(site.scenario, hall=hall)
    mine = site.scenario.model_copy(update={"events": events, "seed": seed})
    return replace(site, scenario=mine, requests=requests, run_id=name, hall=hall)


def run_hall(spec: Mapping[str, Any], out: str) -> str:
    """Run one hall; what a worker process is given.

    Parameters
    ----------
    spec : mapping
        ``scenario`` (of the site) and ``hall`` (from 0).
    out : str
        Folder in which the hall's run folder is made.

    Returns
    -------
    str
        The run folder.
    """
    site = _prepared(scenarios.run_id(spec["scenario"]), spec["scenario"])
    return str(run_one(of_hall(site, spec["hall"]), Path(out)))


_kept: dict[str, Prepared] = {}


def _prepared(key: str, scenario: Scenario) -> Prepared:
    """The site, built once in a process: its halls are equal."""
    if key not in _kept:
        _kept.clear()
        _kept[key] = _drawn(prepare(scenario))
    return _kept[key]


def _drawn(site: Prepared) -> Prepared:
    """The site with the blueprint of its halls."""
    return replace(site, blueprint=plants.lower(site.graph, site.scenario))


def run_halls(
    site: Prepared,
    folder: Path,
    progress: Progress | None = None,
    extra: Callable[[Context], None] | None = None,
) -> None:
    """Run the halls of a site that are not complete yet, one after the other.

    Parameters
    ----------
    site : Prepared
        A site of several halls.
    folder : Path
        Its run folder.
    progress, extra : callable
        As in :func:`~twin.simulate.run`.
    """
    site, halls, duration_s = _drawn(site), hall_ids(site.scenario), site.scenario.time.duration
    for index, name in enumerate(halls):
        if not is_complete(folder / FOLDER / name):
            run_one(of_hall(site, index), folder / FOLDER, extra=extra)
        if progress is not None:
            progress((index + 1) * duration_s, len(halls) * duration_s)


def stitch_site(site: Prepared, folder: Path) -> Path:
    """Write the run of a site whose halls are all complete.

    Returns
    -------
    Path
        The run folder.
    """
    names = hall_ids(site.scenario)
    spots = topology.spread(site.graph.nodes["site"]["size"], len(names), ROAD_M)
    parts = [
        Part(f"{name}/", folder / FOLDER / name / TRACE_NAME, spot)
        for name, spot in zip(names, spots, strict=True)
    ]
    with writer_of(folder / TRACE_NAME, site) as writer:
        stitch(writer, parts)
        writer.append("tariff", site.tariff._asdict())
        writer.close(complete=True)
    return folder
