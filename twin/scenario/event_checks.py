"""Sense of the ``events`` section: every kind has the keys that it needs, and no others."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from twin.errors import Fault
from twin.registry import find
from twin.scenario.serving import placed

if TYPE_CHECKING:
    from twin.scenario.schema import Event, Scenario

COMMON = ("at", "kind")
GRID_CALL = "grid-call"


def check_events(scenario: Scenario) -> Iterator[Fault]:
    """All faults of the section; assets are looked up when the site is built.

    Examples
    --------
    >>> from twin.scenario import check
    >>> call = {"at": "2 min", "kind": "grid-call", "amount": "25 %", "ramp": "10 s", "duration": "1 min",
    ...         "window": "3 min"}
    >>> fault, = check("scenarios/one-rack.yaml", set={"events": {"call": call}})
    >>> fault.where, fault.mend
    ('events.call.window', 'write 120 s or less')
    """
    for name, event in scenario.events.items():
        yield from _keys(scenario, name, event)
        yield from _values(scenario, f"events.{name}", event)
    yield from _overlaps(scenario)


def _keys(scenario: Scenario, name: str, event: Event) -> Iterator[Fault]:
    needs: Any = find("twin.processes", event.kind, "NEEDS")
    takes: Any = find("twin.processes", event.kind, "TAKES")
    given = [key for key in type(event).model_fields if getattr(event, key) is not None]
    for key in needs:
        if key not in given:
            fields = type(event).model_fields
            example = (fields[key].examples or ["…"])[0]
            yield scenario.source.fault(
                f"events.{name}", f"no {key}", f"{key} of a {event.kind}", f"add for example {key}: {example}"
            )
    for key in given:
        if key not in (*COMMON, *needs, *takes):
            expected = f"of a {event.kind} only {', '.join((*COMMON, *needs, *takes))}"
            yield scenario.source.fault(f"events.{name}.{key}", key, expected, "remove it")


def _values(scenario: Scenario, path: str, event: Event) -> Iterator[Fault]:
    source, tick_s = scenario.source, scenario.time.tick
    if event.window is not None and event.window > event.at:
        found, mend = f"{event.window:g} s before {event.at:g} s", f"write {event.at:g} s or less"
        yield source.fault(f"{path}.window", found, "a window within the run", mend)
    if event.kind == "panel-gap" and (scenario.cooling.air is None or scenario.cooling.air.field is None):
        mend = "add cooling.air.field: {}"
        yield source.fault(f"{path}.kind", event.kind, "a hall with an air field", mend)
    takes: Any = find("twin.processes", event.kind, "TAKES")
    interval_s = event.interval or takes.get("interval", tick_s)
    if interval_s < tick_s:
        expected = f"a tick, {tick_s:g} s, or more"
        yield source.fault(f"{path}.interval", f"{interval_s:g} s", expected, f"write interval: {tick_s:g} s")
    pools = [pool.name for pool in placed(scenario.serving) if pool.name]
    for i, name in enumerate(event.first or ()):
        if name not in pools:
            near = difflib.get_close_matches(name, pools, 1) or pools[:1]
            mend = f"write {near[0]}" if near else "remove first, or name pools"
            expected = f"a pool: {', '.join(pools) or 'none has a name here'}"
            yield source.fault(f"{path}.first[{i}]", name, expected, mend)


def _overlaps(scenario: Scenario) -> Iterator[Fault]:
    """Calls of the grid that begin before the one before them is over."""
    calls = sorted((e.at, name, e) for name, e in scenario.events.items() if e.kind == GRID_CALL)
    for (_, before, first), (_, name, second) in pairwise(calls):
        over_at_s = first.at + (first.notice or 0.0) + 2.0 * (first.ramp or 0.0) + (first.duration or 0.0)
        begins_at_s = second.at - (second.window or 0.0)
        if begins_at_s < over_at_s:
            found = f"power is averaged from {begins_at_s:g} s on, and {before} lasts until {over_at_s:g} s"
            mend = f"write {second.at + over_at_s - begins_at_s:g} s or more"
            yield scenario.source.fault(f"events.{name}.at", found, "one call after the other", mend)
