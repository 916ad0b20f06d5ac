"""``twin perf point`` and ``twin perf frontier``: predictions without a site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from twin import perf
from twin.cli.output import print_json, stdout
from twin.errors import Fault, ScenarioError, UnitError
from twin.perf.points import written
from twin.units import parse

BAR_WIDTH = 32
MOST_ROWS = 14
"""Rows of a system on a screen; files and JSON hold all points."""


def point(*, as_json: bool, overlay: Path | None, load: float, **asked: Any) -> None:
    """Price one configuration and print it, and write down how to run it."""
    found = perf.point(**asked)
    if overlay is not None:
        overlay.write_text(perf.overlay(found, load))
    if as_json:
        print_json(found.json())
        return
    console = stdout()
    given, ahead = found.configuration, found.prefill
    console.print(
        Text(f"{given.model} ({given.precision}) on {given.system} with {given.engine}", style="bold")
    )
    at = f"{given.isl:,.0f} tokens in, {given.osl:,.0f} out, {given.concurrency:,.0f} requests in flight"
    console.print(Text(at))
    how = "layout  " if any(asked[name] for name in ("tp", "pp", "ep", "dp")) else "layout, of most tokens  "
    side = f"; prefill {written(ahead)} on {ahead.gpus} GPUs" if ahead else ""
    console.print(Text(f"{how}{written(given)} on {given.gpus} GPUs{side}\n"))
    console.print(_figures(found))
    console.print(_parts(found))
    if overlay is not None:
        console.print(Text(f"\nrun it  twin run SCENARIO --overlay {overlay}"))


def _figures(p: perf.Prediction) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    given = p.configuration
    used = f"{p.batch * (given.isl + 0.5 * given.osl):,.0f} in use by {p.batch:,.1f} sequences"

    def band(name: str, value_s: float, scale: float, digits: int) -> tuple[str, str]:
        low, high = (f"{x * scale:,.{digits}f}" for x in p.band[name])
        return f"{value_s * scale:,.{digits}f}", f"four of five lie in {low} to {high}"

    for name, (value, note) in (
        ("time to first token [ms]", band("ttft_s", p.ttft_s, 1e3, 0)),
        ("time per output token [ms]", band("tpot_s", p.tpot_s, 1e3, 2)),
        ("tokens/s per user", (f"{p.tokens_per_s_per_user:,.1f}", "")),
        ("tokens/s per GPU", (f"{p.tokens_per_s_per_gpu:,.0f}", "")),
        ("tokens/s", (f"{p.tokens_per_s:,.0f}", f"{p.requests_per_s:,.2f} requests/s")),
        ("tokens/s per MW", (f"{p.tokens_per_s_per_mw:,.0f}", "of the GPUs and their share of the system")),
        ("energy per token [J]", (f"{p.joules_per_token:,.3g}", "")),
        ("power [kW]", (f"{p.power_w / 1e3:,.1f}", f"{p.gpu_power_w:,.0f} W a GPU")),
        ("KV cache of a replica [tokens]", (f"{p.room_tokens:,}", used)),
    ):  # fmt: skip
        table.add_row(Text(name), value, note)
    return table


def _parts(p: perf.Prediction) -> Table:
    """A bar for each part of the time of a token."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column()
    table.add_row("")
    table.add_row(Text("where the time of a token goes", style="bold"), Text("ms"), Text("%"))
    for name, part_s in sorted(p.parts_s.items(), key=lambda item: -item[1]):
        share = part_s / p.tpot_s
        mark = " binds" if name == p.bound else ""
        bar = "█" * round(BAR_WIDTH * share)
        table.add_row(name, f"{part_s * 1e3:,.3f}", f"{share * 100:.0f}", Text(bar + mark, style="cyan"))
    return table


def frontier(
    systems: list[str], model: str, isl: float, osl: float, *, engine: str, kv_cache: str | None,
    precisions: list[str], drafts: list[int], disaggregated: bool, ttft: str, tpot: str | None,
    megawatts: float, tiers: list[str], csv: Path | None, html: Path | None, png: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Search frontiers; print, write and draw them."""
    prices = [perf.Tier.parse(text) for text in tiers]
    limits = {"most_ttft_s": _time("--ttft", ttft)} | ({"most_tpot_s": _time("--tpot", tpot)} if tpot else {})
    found = perf.frontiers(
        systems, model, isl, osl, engine=engine, kv_cache=kv_cache, precisions=precisions, drafts=drafts,
        is_apart=disaggregated, megawatts=megawatts, **limits,
    )  # fmt: skip
    files = _write(found, csv, html, png)
    if as_json:
        print_json(found.json(prices))
        return
    console = stdout()
    console.print(Text(f"{found.title}; first token within {ttft}", style="bold"))
    for one in found.priced:
        console.print(_points(found, one))
    console.print(_summary(found, prices))
    console.print(Text(
        "* max-Q: largest product of tokens/s per MW and tokens/s per user. Area: tokens/s per MW summed over the "
        "logarithm of tokens/s per user.", style="dim",
    ))  # fmt: skip
    for remark in found.remarks:
        console.print(Text(remark, style="dim"))
    for system, why in found.refused.items():
        console.print(Text(f"left out: {system}: {why}", style="yellow"))
    for file in files:
        console.print(f"written {file}", soft_wrap=True, highlight=False)


def _write(found: perf.Fleets, csv: Path | None, html: Path | None, png: Path | None) -> list[Path]:
    from twin.perf import charts

    if csv:
        found.write_csv(csv)
    if html:
        charts.write_html(found, html)
    if png:
        charts.write_png(found, png)
    return [file for file in (csv, html, png) if file]


def _points(found: perf.Fleets, one: perf.Frontier) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, title=Text(one.system, style="bold"),
                  title_justify="left")  # fmt: skip
    for name in ("tok/s user", "tok/s MW", "TPOT ms", "TTFT s", "load"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("engines; those for prompts")
    rows = len(one.points)
    picked = {round(i * (rows - 1) / (MOST_ROWS - 1)) for i in range(MOST_ROWS)}
    for i in sorted(picked | {one.points.index(one.knee)}):
        p = one.points[i]
        given = p.configuration
        drafted = f" {given.drafts} drafts" if given.drafts else ""
        ahead = f"; {written(p.prefill)}" if p.prefill else ""
        table.add_row(
            ("*" if p is one.knee else "") + f"{p.tokens_per_s_per_user:,.1f}",
            f"{p.tokens_per_s_per_mw:,.0f}", f"{p.tpot_s * 1e3:,.1f}",
            f"{p.ttft_s:,.2f}", f"{given.concurrency:,.0f}", f"{given.precision}{drafted} {written(given)}{ahead}",
        )  # fmt: skip
    return table


def _summary(found: perf.Fleets, prices: list[perf.Tier]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("system", no_wrap=True)
    gpus_title = f"GPUs on {found.megawatts:g} MW"
    for name in (
        "area [M]",
        "max-Q tok/s user",
        "max-Q M tok/s MW",
        gpus_title,
        *(f"{tier.name} USD/MWh" for tier in prices),
    ):
        table.add_column(Text(name), justify="right")
    for one in found.priced:
        knee = one.knee
        gpus = knee.configuration.gpus + (knee.prefill.gpus if knee.prefill else 0)
        table.add_row(
            one.system, f"{one.area / 1e6:,.2f}", f"{knee.tokens_per_s_per_user:,.1f}",
            f"{knee.tokens_per_s_per_mw / 1e6:,.3f}", f"{found.megawatts * 1e6 * gpus / knee.power_w:,.0f}",
            *(f"{tier.usd_per_hour(one):,.0f}" for tier in prices),
        )  # fmt: skip
    return table


def _time(name: str, text: str) -> float:
    try:
        found = parse(text, "time")
    except UnitError as error:
        fault = error.faults[0]
        mend = f"write {name} 2s, or {name} 50ms"
        raise ScenarioError("not a time", [Fault("", 0, name, fault.found, fault.expected, mend)]) from None
    if found <= 0.0:
        raise ScenarioError("not a time", [Fault("", 0, name, text, "above 0", f"write {name} 2s")])
    return found
