"""``twin fabric``: summary, bill of material, check, failures and optics of a fabric."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from twin.network import fabric as fabrics

app = typer.Typer(help="Fabrics: switches, cables, optics, failures.", no_args_is_help=True)

Asked = Annotated[
    str, typer.Argument(help="Fabric file (YAML), the name of a preset, or a scenario.", show_default=False)
]
Sets = Annotated[list[str], typer.Option("--set", "-s", help="Word in place of the file's, e.g. units=16.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]

MOST_JOBS = 20
"""Jobs on a screen, the slowest first; JSON holds all."""


def _words(asked: str, sets: list[str]) -> fabrics.Words:
    """Words of a file or a preset, with those of the command line in their place."""
    from twin.errors import Fault, ScenarioError
    from twin.network import fabric as fabrics
    from twin.scenario.reader import read_value

    wrong = [text for text in sets if "=" not in text]
    if wrong:
        faults = [Fault("", 0, "--set", t, "word=value", f"write --set {t}=VALUE") for t in wrong]
        raise ScenarioError("a --set without a value", faults)
    changes: dict[str, Any] = {k.strip(): read_value(v) for k, v in (t.split("=", 1) for t in sets)}
    if asked in fabrics.presets():
        return fabrics.preset(asked, **changes)
    if not Path(asked).suffix and not Path(asked).exists():
        return fabrics.preset(asked, **changes)
    return fabrics.load(asked, **changes)


def _built(asked: str, sets: list[str]) -> fabrics.Fabric:
    """The fabric of a file or a preset, or the networks of the hall of a scenario."""
    from twin.network import fabric as fabrics

    if {"scenario", "base"} & _keys(Path(asked)):
        import twin
        from twin import topology

        values = dict(text.split("=", 1) for text in sets if "=" in text)
        found: fabrics.Fabric = topology.build(twin.load(asked, set=values)).graph["fabric"]
        return found
    return fabrics.build(_words(asked, sets))


@app.command(epilog="Example: twin fabric summary dgx-b200-superpod --set units=16")
def summary(fabric: Asked, set_: Sets = [], as_json: Json = False) -> None:  # noqa: B006
    """Switches and cables by tier, oversubscription, watts."""
    from twin.cli.output import print_json, stdout
    from twin.network import fabric as fabrics

    built = _built(fabric, set_)
    found = _summary(built, fabrics.bill(built))
    if as_json:
        print_json(found)
        return
    table = _table("layer", "what", "count")
    for layer, counts in found["layers"].items():
        for what, count in counts.items():
            table.add_row(layer, what, f"{count:,}")
    console = stdout()
    console.print(f"{found['fabric']}: {found['gpus']:,} GPUs, {built.nodes:,} nodes, {built.links:,} lines")
    console.print(table)
    watts = found["power_w"]
    console.print(
        f"optics {watts['optics'] / 1e3:,.1f} kW, {watts['optics_per_gpu']:,.1f} W a GPU; switches that have a "
        f"figure {watts['switches'] / 1e3:,.1f} kW; cables {found['cable_m']:,.0f} m"
    )


def _summary(built: fabrics.Fabric, made: fabrics.Bill) -> dict[str, Any]:
    layers: dict[str, dict[str, int]] = {}
    for item in made.items:
        if item.what in ("switch", "cable"):
            name = item.tier if item.what == "switch" else f"{item.tier} cables, {item.name}"
            layers.setdefault(item.layer, {})[name] = item.count
    for block in built.blocks:
        if block.kind == "nvswitch":
            layers.setdefault("nvlink", {})[f"switch chips, tier {block.tier}"] = block.count
    optics_w = made.total("power_w", "module")
    power_w = {"optics": optics_w, "optics_per_gpu": optics_w / max(made.gpus, 1),
               "switches": made.total("power_w", "switch")}  # fmt: skip
    return {
        "fabric": made.fabric, "gpus": made.gpus, "nodes": built.nodes, "lines": built.links, "layers": layers,
        "power_w": power_w, "cable_m": made.total("length_m"), "unknown": list(made.unknown),
    }  # fmt: skip


@app.command(epilog="Example: twin fabric bill dgx-b200-superpod --csv bill.csv --cables cables.csv")
def bill(
    fabric: Asked,
    set_: Sets = [],  # noqa: B006
    csv: Annotated[Path | None, typer.Option(help="Write the bill as CSV.")] = None,
    cables: Annotated[Path | None, typer.Option(help="Write every cable with its ports as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Bill of material: counts, watts, dollars and metres by layer and tier."""
    from twin.cli.output import print_json, stdout
    from twin.network import fabric as fabrics

    built = _built(fabric, set_)
    made = fabrics.bill(built)
    if csv:
        made.write_csv(csv)
    if cables:
        fabrics.write_wiring(built, cables)
    if as_json:
        print_json(made.json())
        return
    table = _table("layer", "tier", "item", "count", "kW", "kUSD", "m")
    for i in made.items:
        numbers = [None if v is None else v / 1e3 for v in (i.power_w, i.price_usd)]
        cells = [_number(v) for v in (*numbers, i.length_m)]
        table.add_row(i.layer, i.tier, f"{i.what} {i.name}", f"{i.count:,}", *cells)
    totals = [made.total("power_w") / 1e3, made.total("price_usd") / 1e3, made.total("length_m")]
    table.add_section()
    table.add_row("", "", "all that is known", "", *(_number(v) for v in totals))
    console = stdout()
    console.print(table)
    if made.unknown:
        console.print(f"not known, and left out: {', '.join(made.unknown)}", style="yellow", highlight=False)
    for file in filter(None, (csv, cables)):
        console.print(f"written {file}", soft_wrap=True, highlight=False)


@app.command(epilog="Example: twin fabric check my-fabric.yaml")
def check(fabric: Asked, set_: Sets = [], as_json: Json = False) -> None:  # noqa: B006
    """All faults of a fabric and of its wiring at once, each with switch, port and mend."""
    check_words(_words(fabric, set_), as_json=as_json)


def check_file(path: Path, sets: dict[str, str], *, as_json: bool) -> None:
    """Check a file that has a fabric, as ``twin check`` does."""
    check_words(_words(str(path), [f"{word}={value}" for word, value in sets.items()]), as_json=as_json)


def is_fabric(path: Path) -> bool:
    """Whether a YAML file describes a fabric, and not a scenario or a study: it has the key ``fabric``.

    Examples
    --------
    >>> is_fabric(Path("scenarios/gb200-hall.yaml")), is_fabric(Path("scenarios/fabrics/b200-pod.yaml"))
    (False, True)
    """
    return "fabric" in (keys := _keys(path)) and "study" not in keys


def is_optics_study(path: Path) -> bool:
    """Whether a YAML file is a study of the optics of a fabric.

    Examples
    --------
    >>> is_optics_study(Path("scenarios/studies/cpo-or-pluggable.yaml"))
    True
    """
    return {"fabric", "study"} <= _keys(path)


def _keys(path: Path) -> set[str]:
    """Words at the left edge of a file; none if it cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return {line.split(":")[0] for line in lines if line[:1].isalpha()}


def check_words(words: fabrics.Words, *, as_json: bool) -> None:
    """Check a fabric and its wiring; print, or raise what is wrong."""
    import dataclasses

    from twin.cli.output import print_json, stdout
    from twin.errors import TopologyError
    from twin.network import fabric as fabrics

    faults = fabrics.check_fabric(words)
    if as_json:
        listed = [dataclasses.asdict(f) for f in faults]
        print_json({"ok": not faults, "fabric": words.fabric, "faults": listed})
        if faults:
            raise SystemExit(TopologyError.exit_code)
        return
    if faults:
        raise TopologyError(f"the fabric {words.fabric} cannot run as it is", faults)
    what = f" with the wiring of {words.wiring}" if words.wiring else ""
    stdout().print(f"{words.fabric}{what} can run: {words.gpu_count:,} GPUs", highlight=False)


@app.command(epilog="Example: twin fabric failures dgx-b200-superpod --draw-links 20 --job-gpus 256")
def failures(
    fabric: Asked,
    set_: Sets = [],  # noqa: B006
    link: Annotated[list[str], typer.Option(help="A port of a cable that is down, e.g. leaf-01:33.")] = [],  # noqa: B006
    switch: Annotated[list[str], typer.Option(help="A switch that is down, e.g. spine-01.")] = [],  # noqa: B006
    draw_links: Annotated[int, typer.Option(min=0, help="Cables down, drawn by chance.")] = 0,
    draw_switches: Annotated[int, typer.Option(min=0, help="Switches down, drawn by chance.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 1,
    job_gpus: Annotated[int, typer.Option(min=0, help="Neighbouring GPUs of a job; 0 for one of all.")] = 0,
    plain: Annotated[
        bool, typer.Option("--plain-ecmp", help="Hash over lines alike, no adaptive routing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Links or switches down: connected or not, bandwidth left, jobs that slow down."""
    from twin.cli.output import print_json, stdout
    from twin.network import fabric as fabrics

    built = _built(fabric, set_)
    gpus = built.of_kind("gpu")
    jobs = None
    if job_gpus:
        parts = [gpus[i : i + job_gpus] for i in range(0, len(gpus), job_gpus)]
        jobs = {f"job-{i + 1}": part.tolist() for i, part in enumerate(parts)}
    found = fabrics.fail(
        built, links=link, switches=switch, draw_links=draw_links, draw_switches=draw_switches, seed=seed,
        jobs=jobs, balance="even" if plain else "adaptive",
    )  # fmt: skip
    if as_json:
        print_json(_damage(built, found))
        return
    console = stdout()
    state = "every end still reaches every other" if found.is_connected else "ends are cut off"
    console.print(f"{len(found.links):,} cables and {len(found.switches):,} switches down: {state}")
    console.print(_left(found))
    console.print(_jobs(found))


def _damage(built: fabrics.Fabric, found: fabrics.Damage) -> dict[str, Any]:
    return {
        "connected": found.is_connected, "links_down": list(found.links),
        "switches_down": [built.name_of(s) for s in found.switches],
        "cut_ends": [built.name_of(int(e)) for e in found.cut_ends[:1000]], "cut_ends_count": len(found.cut_ends),
        "weak_ends_count": len(found.weak_ends), "part_left_frac": found.part_left_frac,
        "leaf_left_frac": found.leaf_left_frac, "bisection_bytes_per_s": found.bisection_bytes_per_s,
        "bisection_left_frac": found.bisection_left_frac,
        "jobs": [vars(job) for job in found.jobs],
    }  # fmt: skip


def _left(found: fabrics.Damage) -> Table:
    table = _table("what is left", "")
    for part, share in found.part_left_frac.items():
        table.add_row(part, f"{100 * share:.2f} %")
    table.add_row("above the worst leaf", f"{100 * found.leaf_left_frac:.2f} %")
    half = f"{found.bisection_bytes_per_s / 1e12:,.2f} TB/s, {100 * found.bisection_left_frac:.2f} %"
    table.add_row("between the halves", half)
    table.add_row("ends cut off", f"{len(found.cut_ends):,}")
    table.add_row("ends with fewer lines", f"{len(found.weak_ends):,}")
    return table


def _jobs(found: fabrics.Damage) -> Table:
    table = _table("job", "GPUs", "slow-down", "stranded GPUs")
    for job in sorted(found.jobs, key=lambda j: -j.slow_down)[:MOST_JOBS]:
        slow = "stops" if job.stranded_gpus else f"{job.slow_down:.3f}"
        table.add_row(job.name, f"{job.gpus:,}", slow, f"{job.stranded_gpus:,}")
    return table


@app.command(epilog="Example: twin fabric optics scenarios/studies/cpo-or-pluggable.yaml")
def optics(
    study: Annotated[Path, typer.Argument(help="Study of optics (YAML).", show_default=False)],
    csv: Annotated[Path | None, typer.Option(help="Write the table as CSV.")] = None,
    as_json: Json = False,
) -> None:
    """Pluggable against co-packaged optics at several sizes, beside the public arithmetic."""
    from twin.cli.output import print_json, stdout
    from twin.network import fabric as fabrics
    from twin.topology.fabric.optics import read_study

    name, words, gpus = read_study(study)
    cases = fabrics.compare_optics(words, gpus)
    if csv:
        import pandas as pd

        pd.json_normalize([case.json() for case in cases]).to_csv(csv, index=False)
    public = {
        str(n): {k: fabrics.public_arithmetic(n, card=k) for k in ("plug-1600", "cpo-1600")} for n in gpus
    }
    if as_json:
        print_json({"study": name, "cases": [case.json() for case in cases], "public_arithmetic": public})
        return
    table = _table("GPUs", "optics", "ends", "W", "MW", "MUSD", "failures/day", "ns", "lines")
    for case in cases:
        usd = None if case.price_usd is None else case.price_usd / 1e6
        table.add_row(
            f"{case.gpus:,}", case.optics, f"{case.modules_per_gpu:.2f}", f"{case.power_w / case.gpus:.1f}",
            f"{case.power_w / 1e6:,.2f}", _number(usd), _span(*case.failures_per_day), f"{case.latency_s * 1e9:.0f}",
            f"{case.lines_per_failure:,.0f}/{case.largest_failure_lines:,.0f}",
        )  # fmt: skip
    console = stdout()
    console.print(table)
    console.print(
        "ends, W: a GPU; ns: signal processors of a way; lines: down by a failure, mean and worst",
        style="dim",
    )
    plug, packaged = (fabrics.public_arithmetic(gpus[-1], card=k) for k in ("plug-1600", "cpo-1600"))
    console.print(
        f"public arithmetic, three tiers, {gpus[-1]:,} GPUs: {plug['modules_per_gpu']:.0f} modules, "
        f"{plug['power_per_gpu_w']:.0f} W and {plug['price_per_gpu_usd']:,.0f} USD a GPU, {_mw(plug)} MW; "
        f"co-packaged {packaged['power_per_gpu_w']:.0f} W a GPU, {_mw(packaged)} MW", highlight=False,
    )  # fmt: skip


def _mw(found: dict[str, float | None]) -> str:
    return f"{(found['power_w'] or 0.0) / 1e6:,.1f}"


def _span(low: float, high: float) -> str:
    return f"{low:,.1f}-{high:,.1f}" if high > 10 else f"{low:.2f}-{high:.2f}"


def _number(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:,.1f}"


def _table(*names: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    texts = ("layer", "what", "tier", "item", "what is left", "job", "optics")
    for name in names:
        table.add_column(Text(name), justify="left" if name in texts else "right")
    return table
