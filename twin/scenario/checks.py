"""Sense beyond the schema, as far as file and catalog tell; topology checks the site itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from twin.errors import CatalogError, Fault, ScenarioError
from twin.scenario.event_checks import check_events
from twin.scenario.fields import Named
from twin.scenario.jobs import check_jobs, jobs
from twin.scenario.power_checks import check_power
from twin.scenario.schema import Scenario
from twin.scenario.serving import model_name
from twin.scenario.serving_checks import check_serving
from twin.scenario.shape import annotation_at, example, leaves, marker
from twin.scenario.source import Source
from twin.scenario.tariff import check_tariff
from twin.scenario.tariff import readers as tariffs
from twin.scenario.traces import is_wet, weather
from twin.scenario.traffic_checks import check_traffic
from twin.scenario.workloads import check_workload, readers
from twin.units import parse

# EIA-310-E racks for AI systems stand 48 rack units high (Open Compute and vendor rack data sheets, 2024).
RACK_HEIGHT_M = parse("48 U", "length")

COUNTED = ("fabric", "leaf", "spine", "nic", "nic_optics", "trunk_optics")
"""Keys of a network of which leaves and spines are given by number."""


def check_names(source: Source) -> list[Fault]:
    """Names that stand for catalog cards, policies and processes, and are none."""
    faults: list[Fault] = []
    for path, annotation, value in leaves(source.document):
        named = marker(annotation, Named)
        if named is None or not isinstance(value, str):
            continue
        known = named.names()
        if named.home == "llm" and (
            "/" in value or value.endswith(".json") or model_name(source, value) != value
        ):
            faults += _model(source, path, value)
        elif value not in known:
            near = difflib.get_close_matches(value, known, 3, 0.4)
            mend = (
                f"write {' or '.join(near)}"
                if near
                else f"choose one of {', '.join(known[:8]) or 'none yet'}"
            )
            faults.append(source.fault(path, value, f"the name of {named.title}", mend))
    return faults


def _model(source: Source, path: str, value: str) -> Iterator[Fault]:
    """Faults of a model that is no card: a ``config.json`` that cannot be read, or a name on the hub without a card."""
    try:
        import_module("twin.catalog.huggingface").find(model_name(source, value))
    except CatalogError as error:
        for fault in error.faults:
            yield source.fault(path, fault.found, fault.expected, fault.mend)


def check_sense(scenario: Scenario) -> list[Fault]:
    """Faults between values of a scenario that is valid value by value."""
    return [fault for look in _LOOKS for fault in look(scenario)]


def _clock(scenario: Scenario) -> Iterator[Fault]:
    time = scenario.time
    pairs = (("sample", time.sample, "tick", time.tick), ("duration", time.duration, "sample", time.sample))
    for name, value, unit, step in pairs:
        times = max(1, round(value / step))
        if abs(value - times * step) > 1e-9 * value:
            yield scenario.source.fault(
                f"time.{name}",
                f"{value:g} s",
                f"a multiple of time.{unit}, {step:g} s",
                f"write {times * step:.15g} s",
            )


def _sky(scenario: Scenario) -> Iterator[Fault]:
    sky, source = scenario.weather, scenario.source
    if (sky.dry_bulb is None) == (sky.file is None):
        found = "neither" if sky.file is None else "both"
        mend = "add dry_bulb, for example 35 degC, or file" if sky.file is None else "remove one of them"
        yield source.fault("weather", found, "either dry_bulb or file", mend)
    elif sky.file is not None:
        yield from _data(source, "weather.file", lambda: weather(scenario))
    elif sky.wet_bulb is None and is_wet(scenario):
        mend = "add wet_bulb, for example 24 degC"
        yield source.fault("weather", "no wet_bulb", "the humidity of the air, for this rejection", mend)
    if sky.wet_bulb is not None and (sky.dry_bulb is None or sky.wet_bulb > sky.dry_bulb + sky.offset):
        expected = "a wet bulb beside dry_bulb, and not above it"
        yield source.fault("weather.wet_bulb", f"{sky.wet_bulb:g} K", expected, "lower it, or remove it")


def _tariff(scenario: Scenario) -> Iterator[Fault]:
    faults = list(check_tariff(scenario))
    yield from faults
    for path, read in tariffs(scenario) if not faults else ():
        yield from _data(scenario.source, path, read)


def _workload(scenario: Scenario) -> Iterator[Fault]:
    faults = list(check_workload(scenario))
    yield from faults
    for path, read in readers(scenario) if not faults else ():
        yield from _data(scenario.source, path, read)


def _data(source: Source, path: str, read: Callable[[], object]) -> Iterator[Fault]:
    """Faults of reading a data file; one about the file as a whole stands where it is named."""
    try:
        read()
    except ScenarioError as error:
        for fault in error.faults:
            if fault.line:
                yield fault
            else:
                found = f"{fault.file}: {fault.found}" if fault.file else fault.found
                yield source.fault(fault.where or path, found, fault.expected, _nearby(fault))


def _nearby(fault: Fault) -> str:
    folder = Path(fault.file).parent
    names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    near = difflib.get_close_matches(Path(fault.file).name, names, 1)
    return f"did you mean {near[0]}?" if near else fault.mend


def _loops(scenario: Scenario) -> Iterator[Fault]:
    """What does not go with CDUs that give their heat to the hall."""
    liquid, air, source = scenario.cooling.liquid, scenario.cooling.air, scenario.source
    if liquid is None:
        return
    path = "cooling.liquid"
    if liquid.is_to_air and liquid.reuse is not None:
        expected = "no neighbour where there is no facility water"
        yield source.fault(f"{path}.reuse", "reuse", expected, "remove it")
    if liquid.is_to_air and air is None:
        yield source.fault(path, "heat to the air of the hall", "cooling.air", "add cooling.air")
    if liquid.is_to_air and air is not None and air.field is not None:
        expected = "one inlet for all racks where CDUs give their heat to the hall"
        yield source.fault("cooling.air.field", "an air field", expected, "remove it")


def _racks(scenario: Scenario) -> Iterator[Fault]:
    catalog: Any = import_module("twin.catalog")
    source, cooling = scenario.source, scenario.cooling
    for name, group in scenario.racks.items():
        spot = f"racks.{name}.system"
        try:
            card = catalog.get("system", group.system)
            liquid = card.get("liquid_frac", 0.0)
            height = card.get("height_m")
        except CatalogError as error:
            yield from (source.fault(spot, f.found, f.expected, f.mend) for f in error.faults)
            continue
        if liquid > 0 and cooling.liquid is None:
            yield source.fault(
                spot,
                f"{group.system} gives {liquid:.0%} of its heat to liquid",
                "cooling.liquid",
                "add cooling.liquid",
            )
        if liquid < 1 and cooling.air is None:
            yield source.fault(
                spot,
                f"{group.system} gives {1 - liquid:.0%} of its heat to air",
                "cooling.air",
                "add cooling.air",
            )
        if group.nodes_per_rack > 1 and height and group.nodes_per_rack * height > RACK_HEIGHT_M * (1 + 1e-9):
            fit = int(RACK_HEIGHT_M * (1 + 1e-9) / height)
            yield source.fault(
                f"racks.{name}.nodes_per_rack",
                f"{group.nodes_per_rack} nodes of {height:.3g} m",
                f"nodes within the {RACK_HEIGHT_M:.3g} m of a 48 U rack",
                f"write {max(fit, 1)}" + (" and raise count" if fit else ""),
            )


def _network(scenario: Scenario) -> Iterator[Fault]:
    """A network that is described twice, or not enough."""
    source, network = scenario.source, scenario.network
    given = [name for name in COUNTED if getattr(network, name) is not None]
    if network.design is None:
        for name in COUNTED:
            if name not in given:
                sample = example(annotation_at(f"network.{name}"), type(network), name)
                mend = f"add `{name}: {sample}`, or a design in place of all"
                yield source.fault(f"network.{name}", "nothing", f"the key {name}", mend)
        return
    for name in given:
        mend = f"remove {name}, or the design"
        yield source.fault(f"network.{name}", f"{name} beside a design", "one of them", mend)
    if network.design.leaf is None and network.design.preset is None:
        mend = "add `leaf: {switch: qm9700}`"
        yield source.fault("network.design.leaf", "nothing", "the switch of the leaves, or a preset", mend)


def _jobs(scenario: Scenario) -> Iterator[Fault]:
    faults = list(check_jobs(scenario))
    yield from faults
    if scenario.jobs is not None and scenario.jobs.table is not None and not faults:
        yield from _data(scenario.source, "jobs.table", lambda: jobs(scenario))


_LOOKS = (
    _clock,
    _sky,
    _tariff,
    _workload,
    _loops,
    _racks,
    _network,
    check_serving,
    _jobs,
    check_events,
    check_traffic,
    check_power,
)
