"""``twin air``: the air of a hall in three dimensions, without a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from twin.plant.air.field import AirField
    from twin.plant.air.hall import AirHall
    from twin.scenario import Scenario

app = typer.Typer()

MOST_ROWS = 12
"""Racks on a screen, the warmest; JSON holds all."""


@app.command(epilog="Example: twin air scenarios/h100-hall.yaml --gap rack-06 --png air.png")
def air(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (YAML).", show_default=False)],
    overlay: Annotated[list[Path], typer.Option("--overlay", "-o", help="Overlay file.")] = [],  # noqa: B006
    set_: Annotated[list[str], typer.Option("--set", "-s", help="Single value by path.")] = [],  # noqa: B006
    containment: Annotated[str, typer.Option(help="Which aisles are closed: none, cold or hot.")] = "none",
    leakage: Annotated[float, typer.Option(help="Open share of the panels that close them.")] = 0.03,
    supply: Annotated[
        str, typer.Option(help="floor (tiles in the cold aisles) or wall (CRAH fronts).")
    ] = "floor",
    air_over_racks: Annotated[
        float, typer.Option("--air", help="Air of the CRAHs over that of the racks.")
    ] = 1.0,
    gap: Annotated[list[str], typer.Option(help="Rack that lacks blanking panels; may be repeated.")] = [],  # noqa: B006
    cell: Annotated[str | None, typer.Option(help="Largest cell; 0.3 m, more in large halls.")] = None,
    vtk: Annotated[Path | None, typer.Option(help="Write the volume here (.vtr).")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw slice and volume here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")] = False,
) -> None:
    """Air field of a hall at nominal power: inlet of every rack, recirculation, bypass. Potential flow, not CFD."""
    import twin
    from twin import topology
    from twin.cli.options import values_by_path
    from twin.cli.output import print_json, stderr
    from twin.facility import air_field, air_picture

    found = twin.load(scenario, tuple(overlay), values_by_path(set_))
    cell_m = None if cell is None else _length(cell)
    hall = _hall(found, topology.build(found), air_over_racks, supply, gap)
    field = air_field.solve(hall, containment=containment, leakage_frac=leakage, cell_m=cell_m)
    written = [air_picture.write_vtk(field, vtk)] if vtk else []
    written += [air_picture.draw(field, png)] if png else []
    for file in written:
        stderr().print(f"written {file}", soft_wrap=True, highlight=False)
    if as_json:
        print_json(_plain(found, field))
    else:
        _print(found, field)


def _length(text: str) -> float:
    """Length from the command line [m]."""
    from twin.errors import Fault, ScenarioError, UnitError
    from twin.units import parse

    try:
        return parse(text, "length")
    except UnitError as error:
        fault = error.faults[0]
        faults = [Fault("", 0, "--cell", fault.found, fault.expected, "write --cell '0.3 m'")]
        raise ScenarioError("not a length", faults) from None


def _hall(found: Scenario, graph: Any, air_frac: float, supply: str, gaps: list[str]) -> AirHall:
    from twin.facility import air_site

    wanted = found.cooling.air
    # without CRAHs the hall says so itself
    supply_k = wanted.crah.supply if wanted else 293.15
    return air_site.air_hall(graph, supply_k, air_frac=air_frac, supply=supply, gaps=gaps)


def _plain(found: Scenario, field: AirField) -> dict[str, Any]:
    names = ("supply_heat_index", "return_heat_index", "recirculation_frac", "bypass_frac")
    return {
        "scenario": found.scenario,
        "containment": field.containment,
        "cells": list(field.grid.shape),
        "supply_k": field.hall.supply_k,
        "rack_kg_per_s": field.hall.rack_kg_per_s,
        "crah_kg_per_s": field.hall.supply_kg_per_s,
        "mean_inlet_k": field.mean_inlet_k,
        **{name: getattr(field, name) for name in names},
        "mass_residual_frac": field.mass_residual_frac,
        "energy_residual_frac": field.energy_residual_frac,
        "return_k": field.return_k,
        "racks": [rack._asdict() for rack in field.racks],
    }


def _print(found: Scenario, field: AirField) -> None:
    from rich.table import Table

    from twin.cli.output import stdout
    from twin.physics.constants import CELSIUS_ZERO_K as ZERO_K

    console, hall = stdout(), field.hall
    halls = f", each of {found.hall.count} halls alike" if found.hall.count > 1 else ""
    cells = " x ".join(map(str, field.grid.shape))
    console.print(
        f"{found.scenario}{halls}: {len(field.racks)} racks at nominal power, containment {field.containment}, "
        f"{cells} cells\n"
        f"CRAHs supply {hall.supply_kg_per_s:,.1f} kg/s at {hall.supply_k - ZERO_K:.1f} °C, "
        f"racks move {hall.rack_kg_per_s:,.1f} kg/s; inlets {field.mean_inlet_k - ZERO_K:.2f} °C on average\n"
        f"recirculation {field.recirculation_frac:.1%}, bypass {field.bypass_frac:.1%}, "
        f"supply heat index {field.supply_heat_index:.3f}, return heat index {field.return_heat_index:.3f}",
        highlight=False,
    )  # fmt: skip
    heads = ("rack", "inlet °C", "most °C", "outlet °C", "cold CI", "hot CI", "gap kg/s")
    table = Table(*heads, box=None, header_style="bold")
    for rack in sorted(field.racks, key=lambda r: -r.inlet_k)[:MOST_ROWS]:
        degrees = (f"{k - ZERO_K:.2f}" for k in (rack.inlet_k, rack.inlet_max_k, rack.outlet_k))
        gap = f"{rack.gap_kg_per_s:.3f}" if rack.gap_kg_per_s else ""
        table.add_row(
            rack.name, *degrees, f"{rack.cold_capture_frac:.1%}", f"{rack.hot_capture_frac:.1%}", gap
        )
    if len(field.racks) > MOST_ROWS:
        table.add_row(f"and {len(field.racks) - MOST_ROWS} more")
    console.print(table)
    console.print("potential flow without buoyancy, jets or turbulence: see docs/air-field.md", style="dim")
