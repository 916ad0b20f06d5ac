"""``twin perf max-q``: racks, clocks and batch for a fixed feed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from twin.perf.max_q import MaxQ
    from twin.perf.max_q_feed import Feed
    from twin.perf.max_q_setting import Setting

app = typer.Typer()

EVERY = 4
"""Of the curve, each fourth clock on a screen; files and JSON hold all."""


@app.command(
    "max-q",
    epilog="Example: twin perf max-q --system gb200-nvl72 --model deepseek-r1 --isl 1024 --osl 1024 --megawatts 1.45 "
    "--slo-tpot 50ms --png max-q.png",
)
def max_q(
    system: Annotated[str, typer.Option(help="Rack or server of the catalog.", show_default=False)],
    model: Annotated[
        str, typer.Option(help="Model card, name on Hugging Face, or a config.json.", show_default=False)
    ],
    isl: Annotated[float, typer.Option(help="Prompt tokens of a request.", show_default=False)],
    osl: Annotated[float, typer.Option(help="Output tokens of a request.", show_default=False)],
    megawatts: Annotated[float | None, typer.Option(help="The feed; that of --scenario if left out.")] = None,
    scenario: Annotated[
        Path | None,
        typer.Option(help="Take the feed and what its plant draws beside racks from this scenario."),
    ] = None,
    at_racks: Annotated[
        bool, typer.Option("--at-racks", help="The feed is that at the racks: nothing draws beside them.")
    ] = False,
    overhead: Annotated[
        float | None, typer.Option(help="Losses and cooling for each watt into a rack.")
    ] = None,
    overhead_rack: Annotated[
        str | None, typer.Option(help="What each rack costs besides, whatever it draws, e.g. 20kW.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Share of the feed kept free; 0.05 if left out.")
    ] = None,
    racks: Annotated[int | None, typer.Option(help="Racks at most.")] = None,
    slo_ttft: Annotated[str, typer.Option(help="Latest first token, mean.")] = "10s",
    slo_tpot: Annotated[str | None, typer.Option(help="Slowest output token, mean, e.g. 50ms.")] = None,
    phases: Annotated[
        bool,
        typer.Option("--phases", help="Prefill on GPUs of its own as well, each phase at its own clock."),
    ] = False,
    precision: Annotated[
        list[str], typer.Option(help="Repeatable; fp8 and fp4 where the GPU computes them if left out.")
    ] = [],  # noqa: B006
    engine: Annotated[str, typer.Option(help="trtllm, vllm or sglang.")] = "trtllm",
    kv_cache: Annotated[
        str | None, typer.Option(help="bf16 or fp8; fp8 beside narrower weights if left out.")
    ] = None,
    tier: Annotated[
        list[str],
        typer.Option(
            help="Price NAME:tokens/s per user:USD per million tokens; then money counts. Repeatable."
        ),
    ] = [],  # noqa: B006
    csv: Annotated[Path | None, typer.Option(help="Write nameplate, optimum and curve here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive chart here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the chart here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")] = False,
) -> None:
    """More GPUs than nameplate inside a fixed feed: clocks, batch and racks with the most tokens or money."""
    from twin import perf
    from twin.cli.output import print_json

    prices = [perf.Tier.parse(text) for text in tier]
    times = {"ttft_s": _quantity("--slo-ttft", slo_ttft, "time", "10s")}
    if slo_tpot:
        times["tpot_s"] = _quantity("--slo-tpot", slo_tpot, "time", "50ms")
    feed = _feed(megawatts, scenario, at_racks, overhead, overhead_rack, margin, racks)
    found = perf.max_q(
        system, model, isl, osl, feed, engine=engine, precisions=precision, kv_cache=kv_cache,
        limits=perf.Limits(**times), tiers=prices, is_apart=phases,
    )  # fmt: skip
    files = _write(found, csv, html, png)
    if as_json:
        print_json(found.json())
    else:
        _print(found, files)


def _feed(
    megawatts: float | None, scenario: Path | None, at_racks: bool, overhead: float | None, overhead_rack: str | None,
    margin: float | None, racks: int | None,
) -> Feed:  # fmt: skip
    """The feed of a scenario or of the options, which go first."""
    from dataclasses import replace

    from twin.errors import Fault, ScenarioError
    from twin.perf.max_q_feed import Feed, of_scenario

    if megawatts is None and scenario is None:
        fault = Fault(
            "", 0, "--megawatts", "neither it nor --scenario", "the power of a feed", "write --megawatts 1.45"
        )
        raise ScenarioError("no feed is given", [fault])
    given: dict[str, Any] = {"margin_frac": margin, "most_racks": racks, "overhead_frac": overhead}
    if megawatts is not None:
        given["feed_w"] = megawatts * 1e6
    if overhead_rack is not None:
        given["overhead_rack_w"] = _quantity("--overhead-rack", overhead_rack, "power", "20kW")
    if at_racks:
        given |= {"overhead_frac": 0.0, "overhead_rack_w": 0.0, "overhead_w": 0.0}
    told = {name: value for name, value in given.items() if value is not None}
    return replace(of_scenario(scenario), **told) if scenario else Feed(**told)


def _quantity(name: str, text: str, dimension: str, example: str) -> float:
    from twin.errors import Fault, ScenarioError, UnitError
    from twin.units import parse

    try:
        found = parse(text, dimension)
    except UnitError as error:
        fault = error.faults[0]
        faults = [Fault("", 0, name, fault.found, fault.expected, f"write {name} {example}")]
        raise ScenarioError(f"not a {dimension}", faults) from None
    if found < 0.0 or (dimension == "time" and found == 0.0):
        raise ScenarioError(
            f"not a {dimension}", [Fault("", 0, name, text, "above 0", f"write {name} {example}")]
        )
    return found


def _write(found: MaxQ, csv: Path | None, html: Path | None, png: Path | None) -> list[Path]:
    from twin.perf import max_q_charts as charts

    if csv:
        found.write_csv(csv)
    if html:
        charts.write_html(found, html)
    if png:
        charts.write_png(found, png)
    return [file for file in (csv, html, png) if file]


def _print(found: MaxQ, files: list[Path]) -> None:
    from rich.text import Text

    from twin.cli.output import stdout
    from twin.perf.max_q_public import compared

    console, feed, gains = stdout(), found.feed, found.gains
    console.print(Text(f"{found.title}; a feed of {feed.feed_w / 1e6:g} MW", style="bold"))
    console.print(Text(
        f"beside racks: {feed.overhead_frac:.1%} of what they draw, {(feed.overhead_rack_w or 0.0) / 1e3:.1f} kW for"
        f" each and {feed.overhead_w / 1e3:.0f} kW in all; {feed.margin_frac:.0%} of the feed kept free", style="dim",
    ))  # fmt: skip
    console.print(_settings(found))
    for line in _engines(found):
        console.print(Text(line, style="dim"))
    console.print(Text(
        f"{gains['all']:+.1%} over nameplate provisioning: racks by draw {gains['headroom']:+.1%}, batch and layout"
        f" {gains['batch']:+.1%}, clock {gains['clock']:+.1%}; with parts of racks {gains['unrounded']:+.1%}; over"
        f" provisioning at TDP {gains['over_tdp']:+.1%}", style="bold",
    ))  # fmt: skip
    for table in (_curve(found), _swept(found), _public(found)):
        console.print(table)
    for p in compared(found):
        console.print(Text(f"{p.what}: {p.source}; {p.why}", style="dim"))
    for file in files:
        console.print(f"written {file}", soft_wrap=True, highlight=False)


def _table(title: str, *heads: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, title=title, title_justify="left")
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left")
    return table


def _settings(found: MaxQ) -> Table:
    heads = ("", "racks", "clock", "W a GPU", "kW site", "tokens/s", "USD/h", "TPOT ms", "TTFT s")
    table = _table("", *(h for h in heads if found.tiers or h != "USD/h"))
    for name, s in _named(found):
        row = found.row(s, name == "nameplate")
        usd = [f"{row['usd_per_hour']:,.0f}"] if found.tiers else []
        table.add_row(
            name, str(row["racks"]), f"{s.clock_frac:.3g}", f"{row['gpu_power_w']:,.0f}",
            f"{row['site_power_w'] / 1e3:,.0f}", f"{row['tokens_per_s']:,.0f}", *usd, f"{s.tpot_s * 1e3:,.1f}",
            f"{s.ttft_s:,.2f}",
        )  # fmt: skip
    return table


def _named(found: MaxQ) -> list[tuple[str, Setting]]:
    return [("nameplate", found.nameplate), ("full clock", found.full_clock), ("max-Q", found.best)]


def _engines(found: MaxQ) -> list[str]:
    """How each setting shares the model."""
    said = []
    for name, s in _named(found):
        row = found.row(s)
        ahead = (
            f", prompts apart on {row['prefill_gpu_share_frac']:.0%} of the GPUs: {row['prefill_layout']} at clock"
            f" {s.prefill_clock_frac:.3g} and {s.prefill_gpu_power_w:,.0f} W"
            if s.prefill
            else ""
        )
        said.append(
            f"{name}: {row['precision']} {row['layout']}, {row['concurrency_per_gpu']:.1f} requests a GPU{ahead}"
        )
    return said


def _curve(found: MaxQ) -> Table:
    table = _table(
        "the curve", "clock", "W a GPU", "racks", "tokens/s", "with parts of racks", "tokens/s a GPU"
    )
    for row in map(found.row, found.curve[::EVERY]):
        values = (row["tokens_per_s"], row["tokens_per_s_unrounded"], row["tokens_per_s_per_gpu"])
        shown = (f"{value:,.0f}" for value in values)
        table.add_row(f"{row['clock_frac']:.2f}", f"{row['gpu_power_w']:,.0f}", str(row["racks"]), *shown)
    return table


def _swept(found: MaxQ) -> Table:
    table = _table("if it were otherwise", "", "nameplate racks", "racks", "clock", "gain")
    for row in found.sensitivity():
        counts = str(row["nameplate_racks"]), str(row["racks"])
        table.add_row(row["what"], *counts, f"{row['clock_frac']:.2f}", f"{row['gain_frac']:+.1%}")
    return table


def _public(found: MaxQ) -> Table:
    from twin.perf.max_q_public import compared

    table = _table("public figures (agrees: within a third)", "", "theirs", "ours", "")
    for p in compared(found):
        table.add_row(
            p.what, f"{p.theirs:g} {p.unit}", f"{p.ours:,.1f} {p.unit}", "agrees" if p.agrees else "differs"
        )
    return table
