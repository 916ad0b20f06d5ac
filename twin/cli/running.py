"""Commands that run: run, check, compare, study."""

from __future__ import annotations

import dataclasses
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

import twin
from twin.cli import fabrics
from twin.cli.output import print_json, stderr, stdout
from twin.errors import MissingLibrary, ScenarioError, TopologyError


@contextmanager
def _bar(
    title: str, quiet: bool, unit: str = "min", unit_s: float = 60.0
) -> Iterator[Callable[[float, float], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[where]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr(quiet), disable=quiet, transient=True) as progress:
        task = progress.add_task(title, total=None, where="building; kernels compile once, a minute")

        def update(done: float, total: float) -> None:
            progress.update(
                task, completed=done, total=total, where=f"{done / 60:.0f} of {total / 60:.0f} min"
            )

        yield update


def run(
    path: Path, overlays: tuple[Path, ...], sets: dict[str, str], fidelity: str | None, seed: int | None, out: Path,
    *, on: str, workers: int, picture: bool, dry_run: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Run one scenario and show what came out."""
    from twin import report, simulate

    ready = simulate.prepare(twin.load(path, overlays, sets), fidelity, seed)
    if dry_run:
        _show_plan(ready, out, as_json=as_json)
        return
    with _bar(ready.scenario.scenario, quiet) as progress:
        wall, cpu = time.perf_counter(), time.process_time()
        if ready.is_site:
            from twin import launch

            folder = launch.run_site(ready, out, on=on, workers=workers, progress=progress)
        else:
            folder = simulate.run(ready, out=out, progress=progress)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    del ready  # its graph is most of the memory, and reports read the file alone
    opened = twin.open_run(folder)
    drawn = _draw(folder, quiet) if picture else None
    report.write_html(opened, folder / "report.html")
    if as_json:
        print_json({"run": str(folder), "picture": drawn and str(drawn), **report.kpis_json(opened)})
        return
    stdout().print(report.render_kpis(opened))
    _remark_speed(stderr(quiet), opened.attrs, wall, cpu)
    for label, file in (
        ("trace", folder / "trace.h5"),
        ("report", folder / "report.html"),
        ("picture", drawn),
    ):
        if file is not None:
            stdout().print(f"{label:8s}{file}", soft_wrap=True, highlight=False)


def _remark_speed(console: Any, attrs: Mapping[str, Any], wall: float, cpu: float) -> None:
    arrivals, duration, halls = int(attrs["arrivals"]), float(attrs["duration_s"]), int(attrs.get("halls", 1))
    if halls > 1:
        cpu = float(attrs["cpu_s"])
    peak = (
        max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, float(attrs["peak_memory_bytes"]))
        / 2**20
    )
    console.print(
        f"{arrivals:,} requests over {duration / 60:.0f} min in {cpu:.1f} s of CPU ({wall:.1f} s): "
        f"{duration / max(wall, 1e-9):,.1f} x real time, {arrivals / max(cpu, 1e-9):,.0f} requests a CPU second, "
        f"peak memory {peak:,.0f} MB" + (" of a process" if halls > 1 else ""),
        highlight=False,
    )


def _draw(folder: Path, quiet: bool) -> Path | None:
    """Draw the floor plan; a machine without the libraries gets a sentence, and keeps its run.

    In a process of its own: graphics take more memory than the run, and give it back this way.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(_render, folder, folder / "hall.png").result()
    except MissingLibrary as error:
        stderr(quiet).print(f"no picture: {error}", highlight=False, soft_wrap=True)
    except BrokenProcessPool:
        stderr(quiet).print(
            "no picture: the graphics libraries crashed; draw it again with: twin view", highlight=False
        )
    return None


def _render(folder: Path, out: Path) -> Path:
    import viz

    return Path(viz.render(folder, out))


def _show_plan(ready: Any, out: Path, *, as_json: bool) -> None:
    from twin import topology

    site = topology.summary(ready.graph)
    plan = {
        "run": str(out / ready.run_id),
        "requests": ready.requests.rows,
        "halls": ready.scenario.hall.count,
        "duration_s": ready.scenario.time.duration,
        "fidelity": ready.scenario.fidelity,
        "site": {**dataclasses.asdict(site), "survives_ups_loss": site.survives_ups_loss},
    }
    if as_json:
        print_json(plan)
        return
    counts = ", ".join(f"{n:,} {kind}" for kind, n in site.counts.items())
    cables = ", ".join(f"{n:,} {medium}" for medium, n in site.cables.items())
    halls = ready.scenario.hall.count
    lines = (
        *([f"{halls} equal halls; the figures are those of the first"] if halls > 1 else []),
        f"would run {plan['run']}: {plan['requests']:,} requests over {plan['duration_s'] / 60:.0f} min",
        f"assets   {counts}",
        f"cables   {cables}; {sum(site.cable_m.values()) / 1e3:,.1f} km",
        f"power    at most {site.feed_max_w / 1e3:,.0f} kW from the grid; optics {site.optics_w / 1e3:,.1f} kW",
        f"UPS      {'carries' if site.survives_ups_loss else 'does not carry'} the load when the worst block is out",
    )
    for line in lines:
        stdout().print(line, highlight=False)


def check(path: Path, overlays: tuple[Path, ...], sets: dict[str, str], *, as_json: bool) -> None:
    """Prove that a scenario can run, or say everything that is in the way; or the same of a fabric."""
    if fabrics.is_fabric(path):
        fabrics.check_file(path, sets, as_json=as_json)
        return
    try:
        scenario = twin.load(path, overlays, sets)
        from twin import simulate  # after the file was read: most faults need no simulator

        ready = simulate.prepare(scenario)
        simulate.prove(ready)
    except (ScenarioError, TopologyError) as error:
        if not as_json:
            raise
        faults = [dataclasses.asdict(f) for f in error.faults]
        print_json({"ok": False, "message": error.message, "faults": faults})
        raise SystemExit(error.exit_code) from None
    assets, arrivals, halls = ready.graph.number_of_nodes(), ready.requests.rows, scenario.hall.count
    if as_json:
        found = {"assets": assets, "requests": arrivals, "halls": halls, "faults": []}
        print_json({"ok": True, "scenario": scenario.scenario, **found})
    else:
        each = f", in each of {halls} halls or nearly" if halls > 1 else ""
        stdout().print(f"{path} can run: {assets:,} assets, {arrivals:,} requests{each}", highlight=False)


def compare(a: Path, b: Path, seed: int | None, out: Path, *, as_json: bool, quiet: bool) -> None:
    """Lay two runs side by side; scenario files are run first, on the same seed."""
    from twin import report

    runs = [_run_or_open(p, seed, out, quiet) for p in (a, b)]
    comparison = report.compare(*runs)
    if as_json:
        print_json(comparison)
    else:
        stdout().print(report.render_comparison(comparison))


def _run_or_open(path: Path, seed: int | None, out: Path, quiet: bool) -> Any:
    from twin import simulate

    if path.is_dir() or path.suffix == ".h5":
        return twin.open_run(path)
    with _bar(path.stem, quiet) as progress:
        return twin.open_run(simulate.run(twin.load(path), seed=seed, out=out, progress=progress))


def study(file: Path, on: str, workers: int, out: Path, *, dry_run: bool, as_json: bool, quiet: bool) -> None:
    """Plan a study, run what is missing, and write its table; one of optics is counted, not run."""
    if fabrics.is_optics_study(file):
        fabrics.optics(file, None, as_json)
        return
    from twin import launch, report
    from twin import study as studies

    plan = studies.plan(file, numbers_version=twin.NUMBERS)
    if dry_run:
        rows = [{"run": s.run_id, "name": s.name, "seed": s.seed} for s in plan.runs]
        if as_json:
            print_json(rows)
        else:
            for row in rows:
                stdout().print(f"{row['name']}  seed {row['seed']}  {row['run']}", highlight=False)
        return
    with _bar(plan.name, quiet, "runs", 1.0) as progress:
        outcome = launch.run_study(
            plan, out, on=on, workers=workers, runner="twin.simulate:run_spec", summarise="twin.report:kpis_of",
            progress=progress,
        )  # fmt: skip
    if as_json:
        print_json(report.study_json(outcome.table))
    else:
        stdout().print(report.render_study(outcome.table))
        stdout().print(f"table   {outcome.table}", soft_wrap=True, highlight=False)
    outcome.raise_if_failed()
