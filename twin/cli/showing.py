"""Commands that read: report, view, catalog, schema."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

import twin
from twin.cli.output import print_json, stderr, stdout
from twin.errors import CatalogError, Fault, ScenarioError, UnitError
from twin.units import parse

COLUMNS = ("key", "as_written", "source", "date", "confidence")


def report(path: Path, html: Path | None, perfetto: Path | None, *, as_json: bool) -> None:
    """Print what a run says of itself."""
    from twin import report as reports

    run = twin.open_run(path)
    if html is not None:
        reports.write_html(run, html)
        stderr().print(f"report: {html}")
    if perfetto is not None:
        reports.write_perfetto(run, perfetto)
        stderr().print(f"spans: {perfetto} (open it in ui.perfetto.dev)")
    if as_json:
        print_json(reports.kpis_json(run))
    else:
        stdout().print(reports.render_kpis(run))


def view(
    path: Path,
    out: Path,
    quantity: str | None,
    at: str | None,
    camera: str,
    *,
    theme: str,
    cables: bool,
    labels: bool,
    size: str,
) -> None:
    """Draw the floor plan of a run."""
    import viz

    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", size)
    if not match:
        raise ScenarioError(
            "a picture without a size",
            [Fault("", 0, "--size", size, "WIDTHxHEIGHT in pixels", "write --size 1920x1080")],
        )
    run = twin.open_run(path)
    drawn = viz.render(
        run.path, out, quantity=quantity, at_s=_instant(at), view=camera, theme=theme, cables=cables, labels=labels,
        size=(int(match[1]), int(match[2])),
    )  # fmt: skip
    stdout().print(str(drawn), soft_wrap=True, highlight=False)


def _instant(at: str | None) -> float | None:
    if at is None:
        return None
    try:
        return parse(at, "time")
    except UnitError as error:
        fault = error.faults[0]
        raise ScenarioError(
            "not an instant", [Fault("", 0, "--at", fault.found, fault.expected, "write --at '25 min'")]
        ) from None


def catalog_list(kind: str | None, *, as_json: bool) -> None:
    """List kinds, or the components of one kind."""
    from twin import catalog

    kinds = [kind] if kind else catalog.kinds()
    listing = {k: list(catalog.names(k)) for k in kinds}
    if as_json:
        print_json(listing)
        return
    table = Table("kind", "components", box=None, header_style="bold")
    for k, found in listing.items():
        table.add_row(k, ", ".join(found))
    stdout().print(table)


def catalog_show(name: str, *, as_json: bool) -> None:
    """Show one component with the source of every value."""
    from twin import catalog

    kind, _, short = name.rpartition("/")
    kinds = [kind] if kind else [k for k in catalog.kinds() if name in catalog.names(k)]
    if not kinds:
        import difflib

        everything = [n for k in catalog.kinds() for n in catalog.names(k)]
        near = difflib.get_close_matches(name, everything, 3, 0.4)
        mend = f"write {near[0]}" if near else "list them with: twin catalog list"
        raise CatalogError(
            "no such component",
            [Fault("", 0, "catalog", name, ", ".join(near) or "a name of the catalog", mend)],
        )
    cards = [catalog.get(k, short) for k in kinds]
    if as_json:
        print_json(
            [
                {
                    "kind": c.kind,
                    "name": c.name,
                    "title": c.title,
                    "note": c.note,
                    "values": [dict(zip(COLUMNS, row, strict=True)) for row in c.table()],
                }
                for c in cards
            ]
        )
        return
    for card in cards:
        stdout().print(_card_table(card))
        if card.note:
            stdout().print(card.note)


def _card_table(card: Any) -> Group:
    """Values of a card, and below them the sources that their numbers stand for."""
    rows = card.table()
    sources = list(dict.fromkeys((source, date, confidence) for _, _, source, date, confidence in rows))
    table = Table("value", "as written", "source", box=None, header_style="bold", pad_edge=False)
    for key, written, *source in rows:
        table.add_row(key, Text(str(written)), Text(f"[{sources.index(tuple(source)) + 1}]"))
    notes = Table(box=None, show_header=False, pad_edge=False)
    for i, (source, date, confidence) in enumerate(sources, 1):
        notes.add_row(Text(f"[{i}]"), Text(f"{source} ({date}; {confidence})"))
    return Group(Text(f"{card.kind}/{card.name}: {card.title}", style="bold"), table, notes)


def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from twin import scenario

    print_json(scenario.json_schema())
