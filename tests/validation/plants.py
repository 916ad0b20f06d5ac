"""Pages of cooling plants: ``python -m tests.validation plants`` writes their tables and pictures anew.

A table stands in a page between ``<!-- made: NAME WORDS -->`` and ``<!-- end -->``; NAME is a function of `TABLES`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import twin
from tests.validation import exact_steps
from tests.validation.facility import runner
from twin import catalog, topology
from twin.facility import annual_plant, annual_site, loop_graph, loop_parts, plant_radiator
from twin.facility.annual_kpis import kpis
from twin.facility.loop_diagram import Picture, svg
from twin.facility.loop_parts import Box
from twin.facility.plant_parts import Outdoor
from twin.physics import immersion
from twin.physics.constants import CELSIUS_ZERO_K
from twin.physics.orbit import Orbit, surroundings
from twin.scenario.weather_year import read_year

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DATA = Path(__file__).parent / "facility" / "data"
PICTURES_AT = DOCS / "images" / "plants"
BLOCK = re.compile(r"<!-- made: (?P<name>\w+) (?P<words>[^>]*?)-->\n(?P<text>.*?)<!-- end -->", re.S)
TRIFLE = 1e-4
"""Share of what is allowed below which an error counts as rounding, which differs from machine to machine."""

CLIMATES = {
    "San Francisco": "USA_CA_San.Francisco.Intl.AP.724940_TMY3.csv.gz",
    "Golden": "USA_CO_Golden-NREL.724666_TMY3.csv.gz",
    "Chicago": "USA_IL_Chicago-OHare.Intl.AP.725300_TMY3.csv.gz",
    "Dulles": "USA_VA_Sterling-Washington.Dulles.Intl.AP.724030_TMY3.csv.gz",
    "Tampa": "USA_FL_Tampa.Intl.AP.722110_TMY3.csv.gz",
}
SITE_W = 20e6


class Block(NamedTuple):
    """A table in a page."""

    page: Path
    name: str
    words: tuple[str, ...]
    text: str


def pages() -> list[Path]:
    """Pages that may hold tables."""
    return sorted([*DOCS.glob("cooling-*.md"), *(DOCS / "plants").glob("*.md")])


def blocks() -> Iterator[Block]:
    """Every table of every page, as it stands."""
    for page in pages():
        for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
            yield Block(page, found["name"], tuple(found["words"].split()), found["text"].rstrip())


def write() -> None:
    """Write all tables and pictures anew."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        page.write_text(BLOCK.sub(_anew, text), encoding="utf-8")
    PICTURES_AT.mkdir(parents=True, exist_ok=True)
    for name, draw in PICTURES.items():
        (PICTURES_AT / f"{name}.svg").write_text(draw(), encoding="utf-8")


def _anew(found: re.Match[str]) -> str:
    head, words = found["name"], found["words"].split()
    return f"<!-- made: {' '.join([head, *words])} -->\n{TABLES[head](*words)}\n<!-- end -->"


def validation(family: str, *cases: str) -> str:
    """Worst error of each number of a family of reference cases, of all cases or some."""
    return family_table(_outcome(family), cases)


def family_table(outcome: runner.Outcome, cases: Sequence[str] = ()) -> str:
    """The same of cases that were answered."""
    by_name: dict[str, list[runner.Miss]] = {}
    for number in outcome.numbers:
        names = [part for part in number.path if not part.isdigit()]
        if (not cases or number.case in cases) and number.allowed > 0.0:
            by_name.setdefault(names[-1], []).append(number)
    rows = [("number", "cases", "values", "worst error", "allowed", "of allowed")]
    for name, found in by_name.items():
        worst = max(found, key=lambda n: n.share)
        small = worst.share < TRIFLE
        if small:  # which one is the worst of them is rounding as well
            worst = max(found, key=lambda n: n.allowed)
        error = f"below {_figure(TRIFLE * worst.allowed)}" if small else _figure(worst.error)
        share = f"below {100.0 * TRIFLE:.2g} %" if small else f"{100.0 * worst.share:.2g} %"
        rows.append(
            (
                f"`{name}`",
                f"{len({n.case for n in found})}",
                f"{len(found):,}",
                error,
                _figure(worst.allowed),
                share,
            )
        )
    return _table(rows)


def constants(module: str, *names: str) -> str:
    """Figures of a module with what its source says of them."""
    held = importlib.import_module(module)
    rows = [("figure", "value", "what it is, source")]
    for name in names:
        rows.append((f"`{name}`", _written(getattr(held, name)), _said(module, name)))
    return _table(_once(rows))


def cards(kind: str) -> str:
    """Cards of a kind, a column each; with the confidence of every value's source."""
    held = [catalog.get(kind, name) for name in catalog.names(kind)]
    skipped = ("width", "depth", "height", "mass", "price")
    keys = [k for k in held[0].values if not k.startswith(skipped)]
    rows = [("value", *(f"`{card.name}`" for card in held), "source")]
    for key in keys:
        cells = [card.values[key].as_written if key in card.values else "" for card in held]
        source = held[0].values[key].source
        rows.append((f"`{key}`", *cells, f"{source.text} ({source.confidence}, {source.date})"))
    return _table(_once(rows))


def climates(*ways: str) -> str:
    """Years of 20 MW at full load in five climates: PUE / WUE / hours without compressors / hours above set-point.

    A way is LOOP:PLANT:WORD, the word a supply such as 45C or an economiser.
    """
    rows = [("plant", *CLIMATES)]
    for way in ways:
        name, kind, word = way.split(":")
        label = (
            f"{name}, {kind}, {word[:-1]} °C" if word.endswith("C") else f"{name}, {kind}, economiser {word}"
        )
        rows.append((label, *(year(name, kind, word, climate) for climate in CLIMATES)))
    return _table(rows)


@cache
def year(name: str, kind: str, word: str, climate: str) -> str:
    """A cell of :func:`climates`."""
    supply_k = float(word[:-1]) + CELSIUS_ZERO_K if word.endswith("C") else None
    choice = annual_site.Choice(kind, None if supply_k else word, supply_k=supply_k)
    file = "gb200-hall" if name == "liquid" else "h100-hall"
    site = annual_site.of_scenario(_scenario(file), SITE_W, choice, _graph(file))
    found = kpis(annual_plant.run(site, _air(climate)))
    free_h, missed_h = found[f"{name}_free_h"], found[f"{name}_over_set_point_h"]
    return f"{found['pue']:.3f} / {found['wue_l_per_kwh']:.2f} / {free_h:,.0f} / {missed_h:,.0f}"


def reused(megawatts: str, celsius: str) -> str:
    """The same years with heat for a neighbour: PUE / ERE / heat reused."""
    reuse_w, reuse_k = 1e6 * float(megawatts), float(celsius) + CELSIUS_ZERO_K
    choice = annual_site.Choice(reuse_w=reuse_w, reuse_k=reuse_k)
    site = annual_site.of_scenario(_scenario("gb200-hall"), SITE_W, choice, _graph("gb200-hall"))
    cells = []
    for climate in CLIMATES:
        found = kpis(annual_plant.run(site, _air(climate)))
        cells.append(f"{found['pue']:.3f} / {found['ere']:.3f} / {found['reused_j'] / 3.6e12:,.1f}")
    return _table([("plant", *CLIMATES), ("dry-cooler, 45 °C", *cells)])


@cache
def _air(climate: str) -> Outdoor:
    return Outdoor.of(read_year(DATA / "weather" / CLIMATES[climate]))


@cache
def _scenario(name: str) -> Any:
    return twin.load(ROOT / f"scenarios/{name}.yaml")


@cache
def _graph(name: str) -> Any:
    return topology.build(_scenario(name))


@cache
def _outcome(family: str) -> runner.Outcome:
    return runner.run(DATA / f"{family}.json")


def _once(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Rows whose last cell says "as above" where it repeats the one before."""
    again = [False, *(b[-1] == a[-1] for a, b in itertools.pairwise(rows))]
    return [(*row[:-1], "as above") if same else row for row, same in zip(rows, again, strict=True)]


def _figure(value: float) -> str:
    """Two digits."""
    if value < 10.0:
        return f"{value:.2g}"
    return f"{round(value, 1 - math.floor(math.log10(value))):,.0f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in lines)


def _written(value: Any) -> str:
    if isinstance(value, float | int):
        return f"{value:,.6g}"
    if isinstance(value, np.ndarray):
        return f"{value.size} from {value.min():.3g} to {value.max():.3g}"
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return ", ".join(f"{k} {_written(v)}" for k, v in value._asdict().items())
    return str(value)


def _said(module: str, name: str) -> str:
    """What stands under a constant, where it is made or where that module has it from."""
    source = inspect.getsource(importlib.import_module(module))
    found = _docstrings(source)
    if name in found:
        return found[name]
    aside = re.search(rf"^{name}\b[^#\n]*#\s*(.+)$", source, re.M)
    if aside:
        return aside[1]
    homes = (
        node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and name in (alias.name for alias in node.names)
    )
    return _said(str(next(homes)), name)


def _docstrings(source: str) -> dict[str, str]:
    """What stands under each constant of a module; several in a row share it."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            waiting += [target.id] if isinstance(target, ast.Name) else []
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found |= dict.fromkeys(waiting, " ".join(str(node.value.value).split()))
            waiting = []
        else:
            waiting = []
    return found


def _loops(name: str, day: Outdoor, **chosen: Any) -> str:
    graph = _graph(name)
    scenario = _scenario(name)
    it_w = annual_site.of_scenario(scenario, None, graph=graph).it_w / scenario.hall.count
    site = annual_site.of_scenario(scenario, it_w, annual_site.Choice(**chosen), graph)
    return loop_graph.cooling_diagram(graph, site, day, title=name, halls=scenario.hall.count)


def _in_orbit() -> str:
    """A megawatt in a low orbit, on panels sized for its hottest instant, at that instant."""
    hot = surroundings(Orbit(550e3), np.zeros(1), 0.1)
    site = annual_site.design(1e6, 1.0, _AT_45C)
    circuit = site.circuits[0]
    heat_w = np.array([circuit.capacity_w])
    duty_w = float((heat_w + circuit.drives_w(heat_w) + circuit.pumps_w(heat_w))[0])
    panels = plant_radiator.sized(duty_w, circuit.water_w_per_k, circuit.water_set_k, hot)
    flow = replace(circuit, plant=panels).run(heat_w, hot)
    lane = loop_parts.lane(flow, hot, ("racks",), Box("CDU", (), "exchanger"))
    racks = Box("racks", (loop_parts.power(site.it_w), "all to liquid"), "rack")
    told = "1 MW of IT at 550 km, where the sun stands highest; panels with a tenth more area than that needs"
    return svg(Picture("in orbit", told, (racks,), (lane,), ("space", "2.7 K")))


def _immersed() -> str:
    """A megawatt in tanks: the loop of a site whose liquid takes all heat, its coolant a dielectric one."""
    day, site = _day(*HOT), annual_site.design(1e6, 1.0, _AT_45C)
    flow = annual_plant.run(site, day).flows[0]
    tank = Box("tank exchangers", (), "exchanger")
    lane = loop_parts.lane(flow, day, ("tanks",), tank)
    moved = flow.circuit.inner_w_per_k * float(flow.circuit.flow_frac(flow.heat_w)[0])
    bath = lane.pipes[0]._replace(
        name="dielectric liquid", flow_kg_per_s=moved / immersion.FLUOROETHER.j_per_kg_k
    )
    lane = lane._replace(pipes=(bath, *lane.pipes[1:]))
    tanks = Box("tanks", (loop_parts.power(site.it_w), "all to liquid"), "tank")
    sink = ("outdoor air", loop_parts.celsius(float(day.dry_bulb_k[0])))
    return svg(Picture("immersion", "1 MW of IT on a day of 35 °C", (tanks,), (lane,), sink))


def _day(dry_c: float, wet_c: float) -> Outdoor:
    return loop_graph.design_day(dry_c + CELSIUS_ZERO_K, wet_c + CELSIUS_ZERO_K)


HOT, MILD = (35.0, 24.0), (14.0, 11.0)
_AT_35C, _AT_45C = 35.0 + CELSIUS_ZERO_K, 45.0 + CELSIUS_ZERO_K


def exact(*models: str) -> str:
    """How far steps of models lie from an independent integration of their equations."""
    rows = [("model", "cases", "steps", "worst difference")]
    for name in models:
        found = exact_steps.worst_k(name)
        rows.append((f"`twin/models/{name}.py`", f"{exact_steps.CASES}", exact_steps.LENGTHS, found))
    return _table(rows)


TABLES: dict[str, Callable[..., str]] = {
    "validation": validation, "exact": exact, "reused": reused, "constants": constants, "cards": cards,
    "climates": climates,
}  # fmt: skip

PICTURES: dict[str, Callable[[], str]] = {
    "gb200-hall": lambda: _loops("gb200-hall", _day(*HOT)),
    "h100-hall": lambda: _loops("h100-hall", _day(*HOT)),
    "one-rack": lambda: _loops("one-rack", _day(*HOT)),
    "gigawatt": lambda: _loops("gigawatt", _day(*HOT)),
    "adiabatic-cooler": lambda: _loops("gb200-hall", _day(*HOT), plant="adiabatic-cooler", supply_k=_AT_35C),
    "tower": lambda: _loops("gb200-hall", _day(*HOT), plant="tower", supply_k=_AT_35C),
    "air-chiller": lambda: _loops("h100-hall", _day(*MILD), plant="air-chiller", economiser="partial"),
    "water-chiller": lambda: _loops("h100-hall", _day(*MILD), plant="water-chiller", economiser="partial"),
    "rear-door": lambda: _loops("h100-hall", _day(*HOT), rear_doors=True),
    "radiator": _in_orbit,
    "immersion": _immersed,
    "heat-reuse": lambda: _loops("gb200-hall", _day(*HOT), reuse_w=400e3, reuse_k=318.15),
}
"""Pictures of loops by name: docs/images/plants/NAME.svg."""
