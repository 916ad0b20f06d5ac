"""A run as one HTML file that works offline: curves of the whole circle, latency, tables, scenario."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, ResultsError
from twin.quantities import QUANTITIES
from twin.report.figures import written
from twin.report.kpis import DISPLAY, by_group
from twin.report.networks import network_rows
from twin.report.rendering import amounts_of
from twin.report.run import Run
from twin.report.tables import (
    Rows,
    call_rows,
    fault_rows,
    group_rows,
    inlet_rows,
    link_rows,
    sampling_note,
    statistics_rows,
    story_rows,
)
from twin.report.traffic import traffic_rows

COLOURS = {"it": "#4f46e5", "cooling": "#0d9488", "loss": "#d97706", "other": "#64748b", "hot": "#dc2626"}
MOST_POINTS = 2000
MOST_ROWS = 200
SLICES = 240
TICKS_MS = [m * 10**e for e in range(7) for m in (1, 2, 5)]
LEVELS = np.concatenate([np.linspace(0, 99, 200), np.linspace(99, 100, 60)])

# title, and its lines: series, reduction over assets, label
PANELS: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    ("Temperatures", (
        ("gpu.temperature_k", "max", "hottest GPU"), ("cdu.return_k", "max", "CDU return"),
        ("cdu.supply_k", "max", "CDU supply"), ("facility_water.supply_k", "max", "facility water supply"),
        ("hall.air_k", "max", "rack inlet air"), ("outdoor.dry_bulb_k", "max", "outdoor"),
    )),
    ("Clock", (("gpu.clock_frac", "min", "slowest GPU"), ("gpu.clock_frac", "mean", "mean of GPUs"))),
    ("Batch and queue of a replica", (
        ("replica.batch_requests", "mean", "running, mean"), ("replica.queue_requests", "mean", "waiting, mean"),
        ("replica.queue_requests", "max", "waiting, largest"),
    )),
    ("KV cache of a replica", (
        ("replica.kv_frac", "mean", "in use, mean"), ("replica.kv_frac", "max", "in use, fullest"),
    )),
    ("Links between pods and cores, share that KV transfers took", (
        ("spine.uplink_frac", "max", "hottest pod, up"), ("spine.downlink_frac", "max", "hottest pod, down"),
    )),
    ("Links between leaves and spines, share that was taken", (
        ("leaf.uplink_frac", "max", "hottest leaf, up"), ("leaf.uplink_frac", "mean", "mean of leaves, up"),
        ("leaf.downlink_frac", "max", "hottest leaf, down"),
        ("leaf.uplink_other_frac", "max", "no KV, up"), ("leaf.downlink_other_frac", "max", "no KV, down"),
    )),
    ("Preemptions in a sample", (("replica.preemptions", "sum", "all replicas"),)),
    ("Tokens computed in vain", (("replica.lost_tokens", "sum", "all replicas"),)),
    ("Current over rating, highest of a kind", (
        ("feed.load_frac", "max", "feed"), ("ring.load_frac", "max", "ring"),
        ("transformer.load_frac", "max", "transformers"), ("ups.load_frac", "max", "UPS"),
        ("pdu.load_frac", "max", "PDUs"),
    )),
    ("Power from stores and generators", (
        ("ups.battery_w", "sum", "UPS batteries"), ("feed.battery_w", "sum", "battery of the site"),
        ("generator.power_w", "sum", "generators"), ("psu.storage_w", "sum", "storage of power shelves"),
    )),
    ("Charge of stores", (
        ("ups.stored_frac", "min", "UPS, lowest"), ("feed.stored_frac", "min", "battery of the site"),
        ("psu.stored_frac", "mean", "power shelves, mean"),
    )),
    ("Lowest voltage over nominal", (
        ("feed.voltage_pu", "min", "feed"), ("transformer.voltage_pu", "min", "transformers"),
        ("ups.voltage_pu", "min", "UPS"), ("pdu.voltage_pu", "min", "PDUs"),
    )),
    ("PUE", (("site.pue", "mean", "PUE"),)),
)  # fmt: skip

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1e293b;background:#f8fafc;margin:0}
main{max-width:1180px;margin:0 auto;padding:28px 24px 60px}
h1{margin:0 0 2px;font-size:28px}h2{font-size:17px;margin:34px 0 10px}
.sub{color:#64748b}.torso{background:#fee2e2;color:#991b1b;padding:10px 14px;border-radius:8px;margin-top:14px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:16px;align-items:start}
.card{background:#fff;border:1px solid #e2e8f0;border-radius:10px;padding:14px 16px}
.card h3{margin:0 0 6px;font-size:13px;text-transform:uppercase;letter-spacing:.06em;color:#64748b}
table{border-collapse:collapse;width:100%}td{padding:2px 0;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums;padding-left:10px;white-space:nowrap}
td.u{color:#94a3b8;padding-left:6px;width:70px}
.plot{background:#fff;border:1px solid #e2e8f0;border-radius:10px;margin-bottom:14px;padding:6px}
img{width:100%;margin-top:18px;border-radius:10px;border:1px solid #e2e8f0}
pre{background:#fff;border:1px solid #e2e8f0;border-radius:10px;padding:14px;overflow:auto;font-size:12.5px}
"""


def write_html(run: Run, path: Path) -> None:
    """Write the report of a run.

    Parameters
    ----------
    run : Run
        Complete or torso.
    path : Path
        File to write; plotly.js is inside, so it needs no network.

    Raises
    ------
    ResultsError
        When the file cannot be written.
    """
    from plotly.offline import get_plotlyjs

    text = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(run.attrs['run_id'])}</title>"
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script><main>{_head(run)}{_picture(run)}"
        f"{_cards(run)}{_tables(run)}"
        f"<h2>Course of the run</h2>{_plots(run)}{_events(run)}<h2>Scenario as it was resolved</h2>"
        f"<pre>{html.escape(run.scenario)}</pre>{_sources(run)}</main></html>"
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        fault = Fault(
            str(path), 0, "report", str(error), "a file that can be written", "choose another --html"
        )
        raise ResultsError("the report cannot be written", [fault]) from None


def _plots(run: Run) -> str:
    """Curves of what was recorded."""
    import plotly.io as pio

    figures = [f for title, lines in PANELS if (f := _panel(run, title, lines))]
    if "site.power_w" in run.file.series_names():
        figures = [_power(run), *(_latency(run) if len(run.serving.ttft_s) else ()), *figures]
    if hits := _hits(run):
        figures.append(hits)
    quiet = {"displayModeBar": False}
    drawn = (
        pio.to_html(f, quiet, include_plotlyjs=False, full_html=False, div_id=f"plot-{i}")
        for i, f in enumerate(figures)
    )
    return "".join(f'<div class="plot">{plot}</div>' for plot in drawn)


def _head(run: Run) -> str:
    attrs = run.attrs
    torso = (
        ""
        if run.complete
        else f'<div class="torso">Incomplete: {html.escape(attrs["error"] or "cut off")}</div>'
    )
    sampled = f'<div class="torso">{html.escape(note)}</div>' if (note := sampling_note(run)) else ""
    return (
        f"<h1>{html.escape(attrs['scenario'])}</h1><div>{html.escape(attrs['description'])}</div>"
        f'<div class="sub">{attrs["fidelity"]} fidelity · seed {attrs["seed"]} · '
        f"{attrs['duration_s'] / 60:.0f} min from {html.escape(attrs['start'])} · tick {attrs['tick_s']:g} s · "
        f"run {html.escape(attrs['run_id'])} · numbers {attrs['numbers_version']}</div>{torso}{sampled}"
    )


def _picture(run: Run) -> str:
    """The floor plan, where the run folder has one."""
    file = run.folder / "hall.png"
    if not file.is_file():
        return ""
    return (
        f'<img alt="floor plan" src="data:image/png;base64,{base64.b64encode(file.read_bytes()).decode()}">'
    )


def _cards(run: Run) -> str:
    cards = []
    for group, figures in by_group(run.kpis()).items():
        rows = [
            f'<tr><td>{html.escape(DISPLAY[k][1])}<td class="n">{written(k, v)}<td class="u">{DISPLAY[k][2]}'
            for k, v in figures.items()
        ]
        cards.append(f'<div class="card"><h3>{group}</h3><table>{"".join(rows)}</table></div>')
    books = []
    for name, row in run.audit.items():
        unit, turnover, _, _ = amounts_of(name, row)
        residual = f"{row['residual_rel']:.0e}"
        books.append(f'<tr><td>{name}<td class="n">{turnover}<td class="u">{unit}<td class="n">{residual}')
    if books:
        head = '<tr class="sub"><td>of<td class="n">in<td><td class="n">residual'
        cards.append(f'<div class="card"><h3>balances</h3><table>{head}{"".join(books)}</table></div>')
    return f'<h2>Key figures</h2><div class="cards">{"".join(cards)}</div>'


def _tables(run: Run) -> str:
    """What requests got, over all and by tier, tenant, kind and replica."""
    return "".join(
        _table(table)
        for table in (
            statistics_rows(run),
            *group_rows(run, MOST_ROWS),
            link_rows(run, MOST_ROWS),
            traffic_rows(run, MOST_ROWS),
            fault_rows(run),
            call_rows(run),
            inlet_rows(run, MOST_ROWS),
            *network_rows(run),
            story_rows(run, MOST_ROWS),
        )
        if table
    )


def _table(table: Rows) -> str:
    cells = [
        f"<td>{html.escape(label)}" + "".join(f'<td class="n">{value}' for value in values)
        for label, *values in (table.heads, *table.rows)
    ]
    head, *rows = cells
    body = f'<tr class="sub">{head}' + "".join(f"<tr>{row}" for row in rows)
    note = f'<div class="sub">{html.escape(table.note)}</div>' if table.note else ""
    return f'<h2>{html.escape(table.title)}</h2><div class="card"><table>{body}</table>{note}</div>'


def _events(run: Run) -> str:
    columns = run.file.events()
    rows = [
        f'<tr><td class="n">{t / 60:.2f} min<td style="padding-left:14px">{html.escape(a)}<td>{html.escape(w)}'
        for t, a, w in zip(columns["time_s"], columns["asset"], columns["what"], strict=True)
    ]
    return f'<h2>Events</h2><div class="card"><table>{"".join(rows)}</table></div>' if rows else ""


def _sources(run: Run) -> str:
    lines = "".join(f"<li>{html.escape(s)}" for s in run.file.sources)
    count = f"<summary>{len(run.file.sources)} entries</summary>"
    return f"<h2>Sources of the figures used</h2><details>{count}<ul>{lines}</ul></details>"


def _figure(title: str, unit: str, time_s: NDArray[np.float64] | None = None) -> Any:
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 15}}, height=300, margin={"l": 60, "r": 20, "t": 42, "b": 42},
        template="plotly_white", hovermode="x unified",
        legend={"orientation": "h", "y": 1.16, "x": 1, "xanchor": "right"},
        yaxis_title=unit, xaxis_title="minutes" if time_s is not None else "",
    )  # fmt: skip
    return figure


def _power(run: Run) -> Any:
    figure = _figure("Power from the grid", "kW", run["site.power_w"].time_s)
    for name, label, colour in (
        ("it_power", "IT", "it"),
        ("cooling_power", "cooling", "cooling"),
        ("loss", "losses", "loss"),
    ):
        series = run[f"site.{name}_w"]
        x, y = _thin(series.time_s / 60.0, series.values[:, 0] / 1e3)
        figure.add_scatter(
            x=x, y=y, name=label, stackgroup="power", line={"width": 0.5, "color": COLOURS[colour]},
            hovertemplate="%{y:,.0f} kW",
        )  # fmt: skip
    return figure


def _panel(run: Run, title: str, lines: tuple[tuple[str, str, str], ...]) -> Any | None:
    recorded = run.file.series_names()
    lines = tuple(line for line in lines if line[0] in recorded and line[0] in QUANTITIES)
    if not lines:
        return None
    quantity = QUANTITIES[lines[0][0]]
    figure = _figure(title, quantity.shown_as if quantity.shown_as != "1" else "", run[lines[0][0]].time_s)
    for name, reduction, label in lines:
        series, shown = run[name], QUANTITIES[name]
        values = getattr(np, reduction)(series.values, axis=1) * shown.scale + shown.offset
        x, y = _thin(series.time_s / 60.0, values)
        figure.add_scatter(x=x, y=y, name=label, mode="lines", hovertemplate="%{y:,.2f}")
    return figure


def _hits(run: Run) -> Any | None:
    """Prompt tokens found in the prefix cache, of those found and those computed, sample by sample."""
    names = ("replica.cached_tokens", "replica.prefill_tokens")
    if not set(names) <= set(run.file.series_names()):
        return None
    found, computed = (run[name].values.sum(axis=1, dtype=float) for name in names)
    total = found + computed
    share = np.divide(found, total, out=np.full(len(total), np.nan), where=total > 0.0)
    time_s = run[names[0]].time_s
    figure = _figure("Input tokens found in the cache", "%", time_s)
    x, y = _thin(time_s / 60.0, share * 100.0)
    figure.add_scatter(x=x, y=y, name="hit rate", mode="lines", hovertemplate="%{y:,.1f} %")
    return figure


def _latency(run: Run) -> tuple[Any, Any]:
    """Latency over the run, by the instant at which it was known, and its distribution."""
    course = _figure("Latency", "ms", run["site.power_w"].time_s)
    course.update_yaxes(type="log", tickvals=TICKS_MS)
    spread = _figure("Share of requests that were faster", "%")
    spread.update_xaxes(title="ms", type="log", tickvals=TICKS_MS)
    for label, colour, at_s, ms in _latencies_ms(run):
        if not len(ms):
            continue
        spread.add_scatter(
            x=np.percentile(ms, LEVELS), y=LEVELS, name=label, mode="lines", line={"color": colour},
            hovertemplate="%{y:.1f} % under %{x:,.0f} ms",
        )  # fmt: skip
        minutes, *curves = _over_time(at_s, ms)
        for curve, level, dash in zip(curves, ("p50", "p99"), ("solid", "dot"), strict=True):
            course.add_scatter(
                x=minutes, y=curve, name=f"{label} {level}", mode="lines", line={"color": colour, "dash": dash},
                hovertemplate="%{y:,.0f} ms",
            )  # fmt: skip
    return course, spread


def _latencies_ms(run: Run) -> Iterator[tuple[str, str, NDArray[Any], NDArray[Any]]]:
    """Label, colour, instants [s] and values; TTFT also of requests that were still decoding at the end."""
    serving, columns = run.serving, run.serving.columns
    for label, colour, at, values in (
        ("TTFT", "it", "first_token_at_s", serving.ttft_s),
        ("TPOT", "hot", "done_at_s", serving.tpot_s),
        ("queue", "cooling", "admitted_at_s", serving.queue_s),
    ):
        is_known = ~np.isnan(values)
        yield label, COLOURS[colour], columns[at][is_known], values[is_known] * 1e3


def _over_time(at_s: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Middles [minutes], medians and 99th percentiles of equal slices of time; empty ones are left out."""
    edges = np.linspace(0.0, at_s.max(), SLICES + 1)
    order = np.argsort(at_s)
    pieces = np.split(values[order], np.searchsorted(at_s[order], edges[1:-1]))
    rows = [
        (middle / 60.0, *np.percentile(piece, (50, 99)))
        for middle, piece in zip((edges[1:] + edges[:-1]) / 2, pieces, strict=True)
        if len(piece)
    ]
    return tuple(np.array(rows).T)


def _thin(x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Every so many points, so that a long run stays a small file."""
    every = max(1, -(-len(x) // MOST_POINTS))
    return np.round(x[::every], 4), np.round(y[::every].astype(float), 4)
