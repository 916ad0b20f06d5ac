"""``twin power``: what a site does to electricity, without or within a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(epilog="Example: twin power scenarios/gb200-hall.yaml --n-1 --svg one-line.svg")
def power(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).", show_default=False)],
    overlay: Annotated[list[Path], typer.Option("--overlay", "-o", help="Overlay file.")] = [],  # noqa: B006
    set_: Annotated[list[str], typer.Option("--set", "-s", help="Single value by path.")] = [],  # noqa: B006
    n_1: Annotated[bool, typer.Option("--n-1", help="Take out one element after the other.")] = False,
    down: Annotated[list[str], typer.Option(help="Element that is out; may be repeated.")] = [],  # noqa: B006
    at: Annotated[
        str | None,
        typer.Option(help="Loads at an instant of the run, e.g. '25 min'; else all at their most."),
    ] = None,
    grid: Annotated[float, typer.Option(min=0.5, max=1.5, help="Voltage of the grid over nominal.")] = 1.0,
    exact: Annotated[bool, typer.Option("--exact", help="Solve with power-grid-model.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the one-line diagram here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")] = False,
) -> None:
    """Load flow of a site: voltage, loading, loss and power factor of every element."""
    from twin.cli import powering
    from twin.cli.options import values_by_path

    powering.power(
        scenario, tuple(overlay), values_by_path(set_), n_1=n_1, down=down, at=at, grid_pu=grid, exact=exact, svg=svg,
        as_json=as_json,
    )  # fmt: skip
