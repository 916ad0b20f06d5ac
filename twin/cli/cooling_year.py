"""Body of ``twin cooling``: a year of a site's cooling, its table by month and its pictures."""

from __future__ import annotations

import csv as csv_files
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

import twin
from twin import topology
from twin.cli.output import print_json, stderr, stdout
from twin.errors import Fault, ScenarioError, UnitError
from twin.facility import annual_charts, annual_kpis, annual_plant, annual_site, annual_weather, loop_graph
from twin.physics.constants import CELSIUS_ZERO_K
from twin.scenario import Scenario
from twin.units import parse


class Wanted(NamedTuple):
    """Options of the command as they were written."""

    year: Path | None
    elevation: str
    plant: str | None
    economiser: str | None
    air_plant: str | None
    air_economiser: str | None
    supply: str | None
    air_supply: str | None
    it_load: str | None
    utilisation: str
    profile: Path | None
    reuse: str | None
    reuse_at: str
    rear_doors: bool = False


class Files(NamedTuple):
    """What is to be written, and where."""

    csv: Path | None
    html: Path | None
    png: Path | None
    diagram: Path | None


class _Options:
    """Reads options with units, all faults at once."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def value(self, name: str, text: str | None, dimension: str, example: str, least: float) -> float | None:
        """Value in SI units; None where left out or wrong. Also written without a space, and C for degC."""
        if text is None:
            return None
        spaced = re.sub(r"(?<=[0-9.])\s*(?=[A-Za-z°%])", " ", text.strip())
        spaced = re.sub(r" C$", " degC", spaced)
        try:
            found = parse(spaced, dimension)
        except UnitError as error:
            fault = error.faults[0]
            self.faults.append(Fault("", 0, name, text, fault.expected, f"write {name} {example}"))
            return None
        if found < least:
            self.faults.append(
                Fault("", 0, name, text, f"{least:g} or more in SI units", f"write {name} {example}")
            )
        return found

    def refuse(self) -> None:
        """Raise what was gathered."""
        if self.faults:
            raise ScenarioError("options that cannot be read", self.faults)


def cooling(
    path: Path,
    overlays: tuple[Path, ...],
    sets: dict[str, str],
    wanted: Wanted,
    files: Files,
    *,
    as_json: bool,
) -> None:
    """Reckon a year; print, write and draw it. Without a year of weather a diagram is drawn on a design day."""
    options = _Options()
    choice, it_w, share_frac, elevation_m = _read(options, wanted)
    options.refuse()
    scenario = twin.load(path, overlays, sets)
    graph = topology.build(scenario)
    site = annual_site.of_scenario(scenario, it_w, choice, graph)
    if files.diagram and wanted.year is None and not annual_weather.has_year(scenario):
        source, year = "design day", annual_plant.run(site, loop_graph.design_day(), share_frac * site.it_w)
        files = Files(None, None, None, files.diagram)
    else:
        air = annual_weather.read(scenario, wanted.year, elevation_m)
        source, hours = air.source, air.outdoor.dry_bulb_k.size
        share = share_frac if wanted.profile is None else annual_weather.read_profile(wanted.profile, hours)
        load_w = site.it_w * np.broadcast_to(share, (hours,))
        year = annual_plant.run(site, air.outdoor, load_w, begin_s=air.begin_s)
    title = f"{scenario.scenario}, {Path(source).name}: {site.it_w / 1e6:,.3g} MW of IT"
    _write(year, title, files)
    if files.diagram:
        _draw(scenario, graph, year, choice, files.diagram)
    if as_json:
        print_json(_plain(scenario.scenario, source, year))
    elif year.it_w.size > 1:
        _print(year, title)
    else:
        _print_day(year, title)
    for file in (file for file in files if file):
        stderr().print(f"written {file}", soft_wrap=True, highlight=False)


def _draw(
    scenario: Scenario, graph: Any, year: annual_plant.Year, choice: annual_site.Choice, file: Path
) -> None:
    """Loops of one hall in the hour of the largest power."""
    whole_w = annual_site.of_scenario(scenario, None, choice, graph).it_w
    halls = year.site.it_w / whole_w * scenario.hall.count
    one = replace(choice, reuse_w=choice.reuse_w / halls)
    hall = annual_site.of_scenario(scenario, whole_w / scenario.hall.count, one, graph)
    outdoor, share_frac = loop_graph.hottest(year)
    text = loop_graph.cooling_diagram(graph, hall, outdoor, share_frac, scenario.scenario, halls)
    file.write_text(text, encoding="utf-8")


def _read(options: _Options, wanted: Wanted) -> tuple[annual_site.Choice, float | None, float, float]:
    cold = 150.0
    supply_k = options.value("--supply", wanted.supply, "temperature", "45C", cold)
    air_supply_k = options.value("--air-supply", wanted.air_supply, "temperature", "27C", cold)
    it_w = options.value("--it-load", wanted.it_load, "power", "20MW", 1.0)
    share_frac = options.value("--utilisation", wanted.utilisation, "fraction", "70%", 0.0)
    if share_frac is not None and share_frac > 1.0:
        options.faults.append(Fault("", 0, "--utilisation", wanted.utilisation, "0 to 100 %", "write 70%"))
    elevation_m = options.value("--elevation", wanted.elevation, "length", "500m", -500.0)
    reuse_w = options.value("--reuse", wanted.reuse, "power", "2MW", 0.0)
    reuse_k = options.value("--reuse-at", wanted.reuse_at, "temperature", "45C", cold)
    choice = annual_site.Choice(
        wanted.plant, wanted.economiser, wanted.air_plant, wanted.air_economiser, supply_k, air_supply_k,
        reuse_w or 0.0, reuse_k or 0.0, wanted.rear_doors,
    )  # fmt: skip
    return choice, it_w, 1.0 if share_frac is None else share_frac, elevation_m or 0.0


def _write(year: annual_plant.Year, title: str, files: Files) -> None:
    if files.csv:
        columns = annual_kpis.hourly(year)
        with files.csv.open("w", newline="", encoding="utf-8") as file:
            rows = csv_files.writer(file)
            rows.writerow(columns)
            rows.writerows(zip(*(_written(values) for values in columns.values()), strict=True))
    if files.html:
        annual_charts.write_html(year, files.html, title)
    if files.png:
        annual_charts.write_png(year, files.png, title)


def _written(values: Any) -> list[str]:
    return [value if isinstance(value, str) else f"{value:.6g}" for value in values]


def _plain(name: str, source: str, year: annual_plant.Year) -> dict[str, Any]:
    return {
        "scenario": name,
        "weather": source,
        "it_design_w": year.site.it_w,
        "circuits": {
            flow.circuit.name: {
                "plant": flow.circuit.plant.kind,
                "economiser": getattr(flow.circuit.plant, "economiser", "none"),
                "supply_k": flow.circuit.supply_k,
                "water_set_k": flow.circuit.water_set_k,
                "ashrae_class": annual_kpis.narrowest_class(year, flow),
            }
            for flow in year.flows
        },
        "year": annual_kpis.kpis(year),
        "months": annual_kpis.months(year),
    }


def _print(year: annual_plant.Year, title: str) -> None:
    console, found = stdout(), annual_kpis.kpis(year)
    console.print(Text(title, style="bold"))
    for flow in year.flows:
        console.print(Text(_sentence(year, flow, found)))
    console.print(_table([*annual_kpis.months(year), {"month": "year", **found}]))
    console.print(Text(_parts(found)))
    console.print(Text(
        f"largest hour {found['peak_w'] / 1e6:,.3f} MW at {found['peak_dry_bulb_k'] - CELSIUS_ZERO_K:.1f} °C, hour "
        f"{found['peak_at_s'] / 3600.0:,.0f} of the year; {_pue(found, 'pue_least', 'pue_most')}; "
        f"water at most {found['water_peak_kg_per_s']:,.2f} kg/s"
    ))  # fmt: skip
    if found["reused_j"] > 0.0:
        console.print(
            Text(f"heat reused {found['reused_j'] / 3.6e12:,.2f} GWh; ERE {_told(found['ere'], 3)}")
        )


def _print_day(year: annual_plant.Year, title: str) -> None:
    """One hour: loops, and what they need."""
    console, found = stdout(), annual_kpis.kpis(year)
    console.print(Text(title, style="bold"))
    for flow in year.flows:
        console.print(Text(_sentence(year, flow, found)))
    console.print(Text(
        f"outdoors {found['peak_dry_bulb_k'] - CELSIUS_ZERO_K:.1f} °C: {_pue(found, 'pue')}, "
        f"{found['peak_w'] / 1e6:,.3f} MW, {_told(found['wue_l_per_kwh'], 3)} L/kWh; --year FILE.epw gives a year"
    ))  # fmt: skip
    console.print(Text(_parts(found)))


def _sentence(year: annual_plant.Year, flow: annual_plant.Flow, found: dict[str, float]) -> str:
    circuit, name = flow.circuit, flow.circuit.name
    economiser = getattr(circuit.plant, "economiser", "none")
    with_ = "" if economiser == "none" else f" with a {economiser} economiser"
    supply_c, water_c = circuit.supply_k - CELSIUS_ZERO_K, circuit.water_set_k - CELSIUS_ZERO_K
    told = (
        f"{name}: {circuit.plant.kind}{with_}, {supply_c:.1f} °C to the racks from water of {water_c:.1f} °C"
    )
    missed_h = found[f"{name}_over_set_point_h"]
    if missed_h:
        told += f"; {missed_h:,.0f} h warmer, by {found[f'{name}_over_set_point_most_k']:.1f} K at most"
    ashrae = annual_kpis.narrowest_class(year, flow)
    return told + (f"; ASHRAE {ashrae}" if ashrae else "; outside the ASHRAE classes")


def _parts(found: dict[str, float]) -> str:
    if not found["it_j"]:
        return f"no IT load all year, so no PUE; the plant alone takes {found['total_j'] / 3.6e12:,.4f} GWh"
    ending = "_over_it"
    parts = {k.removesuffix(ending): v for k, v in found.items() if k.endswith(ending) and v > 0.0}
    told = ", ".join(f"{annual_charts.label(part)} {share:.4f}" for part, share in parts.items())
    return f"PUE = 1 + {told}"


def _pue(found: dict[str, float], *keys: str) -> str:
    """PUE or its range, where there is an IT load to measure it by."""
    return f"PUE {' to '.join(f'{found[key]:.3f}' for key in keys)}" if found["it_j"] else "no IT load"


def _told(value: float, digits: int) -> str:
    """A number, a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("", no_wrap=True)
    for head in ("IT GWh", "PUE", "cooling / IT", "L/kWh", "m3", "free h", "part h", "mech. h"):
        table.add_column(head, justify="right", overflow="fold")  # heads fold where the screen is narrow
    for row in rows:
        table.add_row(
            row["month"], f"{row['it_j'] / 3.6e12:,.3f}", _told(row["pue"], 4),
            _told(row["cooling_j"] / row["it_j"] if row["it_j"] else math.nan, 4), _told(row["wue_l_per_kwh"], 3),
            f"{row['water_kg'] / 1e3:,.0f}",
            *(f"{row[f'{mode}_h']:,.0f}" for mode in ("free", "partial", "mechanical")),
            style="bold" if row["month"] == "year" else None,
        )  # fmt: skip
    return table
