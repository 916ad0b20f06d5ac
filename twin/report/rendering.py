"""A run in the terminal: key figures by group, balances with their residuals."""

from __future__ import annotations

from typing import Any

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from twin.report.figures import digits_of, written
from twin.report.kpis import DISPLAY, J_PER_MWH, by_group
from twin.report.run import Run
from twin.report.serving import GROUPINGS
from twin.report.tables import (
    call_rows,
    fault_rows,
    group_rows,
    inlet_rows,
    link_rows,
    rich_table,
    sampling_note,
    statistics_rows,
    story_rows,
)
from twin.report.traffic import traffic_rows

MOST_GROUPS = 1000
BALANCED = 1e-9
"""Residual of a balance, relative to its turnover, above which a run is not to be trusted."""


def _group(name: str, figures: dict[str, float]) -> Table:
    table = Table(
        title=name, title_justify="left", title_style="bold", box=None, show_header=False, pad_edge=False
    )
    table.add_column(width=26)
    table.add_column(justify="right", style="cyan", min_width=10)
    table.add_column(style="dim", width=8)
    for key, value in figures.items():
        _, label, unit, _, _ = DISPLAY[key]
        table.add_row(label, written(key, value), unit)
    return table


def balances(run: Run) -> Table:
    """Balances of energy, tokens, requests and coolant."""
    table = Table(
        title="balances",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        header_style="dim",
    )
    table.add_column("of", min_width=12)
    for column in ("in", "out", "inside", "", "residual"):
        table.add_column(column, justify="right" if column else "left")
    for name, row in run.audit.items():
        unit, *amounts = amounts_of(name, row)
        table.add_row(
            name,
            *amounts,
            Text(unit, style="dim"),
            Text(
                f"{row['residual_rel']:.1e}", style="" if abs(row["residual_rel"]) < BALANCED else "bold red"
            ),
        )
    return table


def amounts_of(name: str, row: dict[str, float]) -> tuple[str, ...]:
    """Unit, in, out and inside of a balance as people read them.

    Examples
    --------
    >>> amounts_of("energy", {"in": 7.2e9, "out": 7.2e9, "inside": 0.0})
    ('MWh', '2', '2', '0')
    """
    unit, scale = {
        "energy": ("MWh", 1 / J_PER_MWH),
        "unserved": ("MWh", 1 / J_PER_MWH),
        "supply": ("MWh", 1 / J_PER_MWH),
        "coolant": ("kg", 1.0),
    }.get(name, ("", 1.0))
    shown = (round(row[k] * scale, 4) + 0.0 for k in ("in", "out", "inside"))
    return unit, *(f"{v:,.{digits_of(v)}f}" for v in shown)


def render_kpis(run: Run) -> RenderableType:
    """Key figures and balances of a run, for a terminal.

    Parameters
    ----------
    run : Run
        Complete or torso; a torso says so on top.
    """
    attrs, figures = run.attrs, run.kpis()
    head = Text(f"{attrs['scenario']}", style="bold")
    head.append(
        f"  {attrs['fidelity']}, seed {attrs['seed']}, {attrs['duration_s'] / 60:.0f} min from {attrs['start']}",
        style="dim",
    )
    parts: list[RenderableType] = [head, Text(str(attrs["description"]))]
    if not run.complete:
        why = attrs["error"] or "it was cut off"
        parts.append(Text(f"This run is incomplete: {why}. What was recorded follows.", style="bold red"))
    if note := sampling_note(run):
        parts.append(Text(note, style="bold yellow"))
    shown = [_group(name, found) for name, found in by_group(figures).items()]
    for i in range(0, len(shown), 2):
        parts += [Text(), Columns(shown[i : i + 2], padding=(0, 2))]  # stacked where the screen is narrow
    tables = (
        link_rows(run),
        traffic_rows(run),
        fault_rows(run),
        call_rows(run),
        inlet_rows(run),
        story_rows(run),
    )
    for table in (statistics_rows(run), *group_rows(run), *tables):
        parts += [Text(), rich_table(table)] if table else []
    if any(abs(row["residual_rel"]) > BALANCED for row in run.audit.values()):
        parts.append(Text("A balance does not close: do not trust this run.", style="bold red"))
    if run.complete:
        parts += [Text(), balances(run)]
    return Group(*parts)


def kpis_json(run: Run) -> dict[str, Any]:
    """Key figures and balances for machines: SI values, and how people read them.

    Parameters
    ----------
    run : Run
        Complete or torso.

    Returns
    -------
    dict
        ``kpis`` and ``display`` by key; ``metrics`` with statistics by metric; ``by`` with figures of each tier,
        tenant, kind and replica, a thousand of each at most; ``sampling`` with the shares that were written; ``audit``.
    """
    figures = run.kpis()
    display = {k: f"{written(k, v)} {DISPLAY[k][2]}".strip() for k, v in figures.items()}
    return {
        "run": str(run.path),
        "run_id": run.attrs["run_id"],
        "scenario": run.attrs["scenario"],
        "complete": run.complete,
        "kpis": figures,
        "display": display,
        "metrics": run.statistics,
        "by": {grouping: run.serving.by(grouping, MOST_GROUPS) for grouping in GROUPINGS},
        "sampling": run.file.json("sampling"),
        "audit": run.audit,
    }
