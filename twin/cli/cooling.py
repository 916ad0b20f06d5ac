"""``twin cooling``: a year of a site's cooling plant."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

_KINDS = "dry-cooler, adiabatic-cooler, tower, air-chiller or water-chiller"


@app.command(
    epilog="Example: twin cooling scenarios/gb200-hall.yaml --year chicago.epw --it-load 20MW --png year.png"
)
def cooling(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).", show_default=False)],
    overlay: Annotated[list[Path], typer.Option("--overlay", "-o", help="Overlay file.")] = [],  # noqa: B006
    set_: Annotated[list[str], typer.Option("--set", "-s", help="Single value by path.")] = [],  # noqa: B006
    year: Annotated[
        Path | None, typer.Option(help="EPW, TMY3 or CSV of a year; the scenario's own weather if left out.")
    ] = None,
    elevation: Annotated[str, typer.Option(help="Above sea level, for files without pressure.")] = "0m",
    plant: Annotated[
        str | None, typer.Option(help=f"{_KINDS}; of the liquid loop, or of the air where there is none.")
    ] = None,
    economiser: Annotated[str | None, typer.Option(help="none, full or partial; of that plant.")] = None,
    air_plant: Annotated[str | None, typer.Option(help="Plant of the air beside a liquid loop.")] = None,
    air_economiser: Annotated[str | None, typer.Option(help="Its economiser.")] = None,
    supply: Annotated[
        str | None, typer.Option(help="Supply to the racks, e.g. 45C; facility water moves with it.")
    ] = None,
    air_supply: Annotated[str | None, typer.Option(help="Air to the racks, e.g. 27C.")] = None,
    it_load: Annotated[
        str | None, typer.Option(help="IT power to which the site is scaled, e.g. 20MW; its own if left out.")
    ] = None,
    utilisation: Annotated[str, typer.Option(help="IT power of that, all year.")] = "100%",
    profile: Annotated[Path | None, typer.Option(help="CSV with it_frac for each hour.")] = None,
    rear_doors: Annotated[
        bool, typer.Option("--rear-doors", help="Exchangers in the doors of racks in place of air handlers.")
    ] = False,
    reuse: Annotated[str | None, typer.Option(help="Heat that a neighbour takes, e.g. 2MW.")] = None,
    reuse_at: Annotated[str, typer.Option(help="Return water that it needs.")] = "0C",
    csv: Annotated[Path | None, typer.Option(help="Write all hours here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write an interactive page here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the year here.")] = None,
    diagram: Annotated[
        Path | None,
        typer.Option(
            help="Draw the loops here (SVG), in the year's largest hour; without a year on a day of 35C."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")] = False,
) -> None:
    """PUE, water and free cooling of a site over a year of weather, and a diagram of its loops."""
    from twin.cli import cooling_year
    from twin.cli.options import values_by_path

    wanted = cooling_year.Wanted(
        year, elevation, plant, economiser, air_plant, air_economiser, supply, air_supply, it_load, utilisation,
        profile, reuse, reuse_at, rear_doors,
    )  # fmt: skip
    cooling_year.cooling(
        scenario, tuple(overlay), values_by_path(set_), wanted,
        cooling_year.Files(csv, html, png, diagram), as_json=as_json,
    )  # fmt: skip
