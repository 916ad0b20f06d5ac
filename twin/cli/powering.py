"""Body of ``twin power``: load flow of a built site, its outages and its one-line diagram."""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

import twin
from twin import facility
from twin.cli.output import print_json, stderr, stdout
from twin.errors import Fault, ScenarioError, UnitError
from twin.topology.rejection import KINDS
from twin.units import parse

if TYPE_CHECKING:
    from twin.scenario import Scenario

MOST_ROWS = 16
"""Elements of a kind on a screen, the most loaded; JSON holds all."""
LOADS = ("rack", "cdu", "facility_water", *KINDS.values(), "crah", "chiller", "rear_door")
CHAIN = ("transformer", "ups", "pdu")


def power(
    path: Path, overlays: tuple[Path, ...], sets: dict[str, str], *, n_1: bool, down: list[str], at: str | None,
    grid_pu: float, exact: bool, svg: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Solve a site with its loads at their most, or as they were at an instant of its run."""
    from twin import simulate

    scenario = twin.load(path, overlays, sets)
    solver = facility.solve_exact if exact else facility.solve
    ready = simulate.prepare(scenario)
    drawn_w: dict[str, float] = {}
    wiring = facility.Wiring(ready.graph, grid_pu)
    _refuse_unknown(wiring, down)
    at_s = None if at is None else _instant(at, scenario)
    if at_s is not None:
        drawn_w, dead = _at_instant(path, overlays, sets, at_s)
        down = [*down, *dead]
    flow = facility.solve_site(wiring, drawn_w, down, solver)
    outages = facility.site_outages(wiring, drawn_w, down, solver) if n_1 else []
    if svg is not None:
        svg.write_text(facility.one_line(flow, scenario.scenario), encoding="utf-8")
        stderr().print(f"one-line diagram: {svg}", soft_wrap=True, highlight=False)
    if as_json:
        print_json(_plain(scenario, at_s, flow, outages if n_1 else None))
        return
    _print(scenario, flow)
    if n_1:
        _print_outages(outages)


def _refuse_unknown(wiring: facility.Wiring, down: list[str]) -> None:
    known = [name for kind in ("feed", *CHAIN) for name in wiring.parts[kind]]
    known += wiring.ring.sections if wiring.ring is not None else ()
    faults = [
        Fault("", 0, "--down", name, f"an element of the chain: {', '.join(known[:8])}, …", "write its id")
        for name in down
        if name not in known
    ]
    if faults:
        raise ScenarioError("no such element", faults)


def _instant(at: str, scenario: Scenario) -> float:
    """Instant of a run [s], a whole number of samples."""
    try:
        at_s = parse(at, "time")
    except UnitError as error:
        fault = error.faults[0]
        faults = [Fault("", 0, "--at", fault.found, fault.expected, "write --at '25 min'")]
        raise ScenarioError("not an instant", faults) from None
    if scenario.hall.count > 1:
        found = f"a site of {scenario.hall.count} halls"
        faults = [Fault("", 0, "--at", found, "one hall, as all are alike", "add --set hall.count=1")]
        raise ScenarioError("too much to run for one instant", faults)
    clock = scenario.time
    if not 0.0 < at_s <= clock.duration:
        expected = f"above 0 s, at most {clock.duration:g} s"
        raise ScenarioError(
            "an instant outside the run", [Fault("", 0, "--at", at, expected, "choose another")]
        )
    return math.ceil(at_s / clock.sample - 1e-9) * clock.sample


def _at_instant(
    path: Path, overlays: tuple[Path, ...], sets: Mapping[str, str], at_s: float
) -> tuple[dict[str, float], list[str]]:
    """Power of the loads in the sample that ends at an instant, and what was down, by running up to it."""
    from twin import simulate

    stderr().print(f"running up to {at_s:g} s", highlight=False)
    scenario = twin.load(path, overlays, {**sets, "time.duration": f"{at_s} s"})
    drawn_w: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        run = twin.open_run(simulate.run(scenario, out=folder))
        for kind in LOADS:
            if f"{kind}.power_w" in run.file.series_names():
                found = run[f"{kind}.power_w"]
                drawn_w |= dict(zip(found.ids, map(float, found.values[-1]), strict=True))
        # a converter draws its constant loss while it lives, a PDU what hangs on it
        down = [
            name
            for kind in CHAIN
            for name, drawn in zip(run[f"{kind}.power_w"].ids, run[f"{kind}.power_w"].values[-1], strict=True)
            if drawn == 0.0
        ]
    return drawn_w, down


def _plain(
    scenario: Scenario, at_s: float | None, flow: facility.SiteFlow, outages: list[facility.SiteOutage] | None
) -> dict[str, Any]:
    found = {
        "scenario": scenario.scenario,
        "halls": scenario.hall.count,
        "at_s": at_s,
        "grid_pu": flow.wiring.grid_pu,
        "totals": flow.totals,
        "mismatch_va": flow.mismatch_va,
        "elements": [e._asdict() for e in flow.elements],
    }
    if outages is not None:
        found["outages"] = [{**o._asdict(), "is_borne": o.is_borne} for o in outages]
    return found


def _print(scenario: Scenario, flow: facility.SiteFlow) -> None:
    console, totals = stdout(), flow.totals
    each = f", each of {scenario.hall.count} halls alike" if scenario.hall.count > 1 else ""
    console.print(
        f"{scenario.scenario}{each}: {totals['grid_w'] / 1e3:,.1f} kW from the grid at power factor "
        f"{totals['power_factor']:.3f}, {totals['loads_w'] / 1e3:,.1f} kW of loads",
        highlight=False,
    )
    heads = ("element", "in kW", "loss kW", "loading", "power factor", "V in pu", "V out pu")
    table = Table(*heads, box=None, header_style="bold")
    by_kind: dict[str, list[facility.Element]] = defaultdict(list)
    for element in flow.elements:
        by_kind[element.kind].append(element)
    for kind, found in by_kind.items():
        if kind in ("feed", *CHAIN, "cable"):
            worst = sorted(found, key=lambda e: -e.loading_frac)[:MOST_ROWS]
            for element in (e for e in found if e in worst):
                table.add_row(*_row(element))
            if len(found) > MOST_ROWS:
                table.add_row(f"and {len(found) - MOST_ROWS} more {kind}")
        else:
            table.add_row(*_row(_together(kind, found)))
    console.print(table)
    lost = {kind: totals[f"{kind}_loss_w"] for kind in (*CHAIN, "cable")}
    told = ", ".join(f"{kind} {lost_w / 1e3:,.1f} kW" for kind, lost_w in lost.items())
    share = sum(lost.values()) / totals["grid_w"] if totals["grid_w"] else 0.0
    console.print(f"lost: {told}; {share:.2%} of what the grid gives", highlight=False)


def _together(kind: str, loads: list[facility.Element]) -> facility.Element:
    """Loads of a kind as one, with the lowest voltage."""
    shown = "rack" if kind == "psu" else kind
    volts = [e.in_pu for e in loads if not math.isnan(e.in_pu)]
    return loads[0]._replace(
        name=f"{len(loads)} {shown}", is_up=bool(volts), in_w=sum(e.in_w for e in loads),
        loading_frac=max(e.loading_frac for e in loads), in_pu=min(volts, default=math.nan),
    )  # fmt: skip


def _row(e: facility.Element) -> tuple[str, ...]:
    if not e.is_up:
        return e.name, "dead"
    volts = ("" if math.isnan(v) else f"{v:.4f}" for v in (e.in_pu, e.out_pu))
    loading = f"{e.loading_frac:.1%}" if e.loading_frac else ""
    loss = f"{e.loss_w / 1e3:,.2f}" if e.loss_w else ""
    return e.name, f"{e.in_w / 1e3:,.1f}", loss, loading, f"{e.power_factor:.3f}", *volts


def _print_outages(outages: list[facility.SiteOutage]) -> None:
    """Those that are not borne; JSON holds all."""
    borne = [o for o in outages if o.is_borne]
    worst = max(borne, key=lambda o: o.highest_loading_frac, default=None)
    told = f", with {worst.at_element} at {worst.highest_loading_frac:.1%} at the most" if worst else ""
    stdout().print(f"\n{len(borne)} of {len(outages)} single outages are borne{told}", highlight=False)
    table = Table(
        "not borne", "highest loading", "lowest V pu", "what happens", box=None, header_style="bold"
    )
    for o in (o for o in outages if not o.is_borne):
        highest = f"{o.highest_loading_frac:.1%} {o.at_element}" if o.overloaded else ""
        lowest = "" if math.isnan(o.lowest_pu) else f"{o.lowest_pu:.4f}"
        table.add_row(o.part, highest, lowest, _why(o))
    if table.row_count:
        stdout().print(table)


def _why(o: facility.SiteOutage) -> str:
    if o.collapsed:
        return "no load flow: voltages collapse"
    if o.dark:
        return f"{len(o.dark)} loads of {o.dark_w / 1e3:,.0f} kW without supply"
    if o.overloaded:
        return f"above their rating: {', '.join(o.overloaded)}"
    return "voltage out of limits"
