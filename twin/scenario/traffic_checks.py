"""Sense of the ``traffic`` section: between its values, and against racks, pools and clock."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from twin.errors import Fault
from twin.scenario.serving import placed, racks_of
from twin.scenario.traffic import OUTSIDE, STORAGE, Flows

if TYPE_CHECKING:
    from twin.scenario.schema import Scenario


def check_traffic(scenario: Scenario) -> Iterator[Fault]:
    """All faults of the section.

    Examples
    --------
    >>> from twin.scenario import check
    >>> burst = {"source": ["gb200"], "target": ["storage"], "bytes": "1 TB"}
    >>> fault, = check("scenarios/disaggregated.yaml", set={"traffic": {"flows": {"burst": burst}}})
    >>> fault.where, fault.mend
    ('traffic', 'add storage: {read: 200 GB/s, write: 100 GB/s}')
    """
    traffic, source = scenario.traffic, scenario.source
    if traffic is None:
        return
    ends = [end for flow in traffic.flows.values() for end in (*(flow.source or ()), *(flow.target or ()))]
    if traffic.storage is None and (traffic.weights is not None or STORAGE in ends):
        expected, mend = "storage that is read and written", "add storage: {read: 200 GB/s, write: 100 GB/s}"
        yield source.fault("traffic", "no storage", expected, mend)
    for name, flow in traffic.flows.items():
        path = f"traffic.flows.{name}"
        yield from _ends(scenario, path, flow)
        yield from _amounts(scenario, path, flow)
        yield from _times(scenario, path, flow)


def _ends(scenario: Scenario, path: str, flow: Flows) -> Iterator[Fault]:
    source, groups = scenario.source, list(scenario.racks)
    has_ends, has_job = flow.source is not None and flow.target is not None, flow.among is not None
    if has_ends == has_job or (has_job and (flow.source or flow.target)):
        found = "both" if has_job else "neither"
        mend = "leave source and target out" if has_job else "add for example source: [storage]"
        yield source.fault(path, found, "either source and target, or among", mend)
        return
    for key in ("source", "target", "among"):
        known = groups if key == "among" else [*groups, STORAGE, OUTSIDE]
        for i, end in enumerate(getattr(flow, key) or ()):
            if end not in known:
                near = (difflib.get_close_matches(end, known, 1) or known)[0]
                yield source.fault(f"{path}.{key}[{i}]", end, f"one of {', '.join(known)}", f"write {near}")
    for key in ("source", "target"):
        given = getattr(flow, key) or ()
        if len(given) > 1 and (STORAGE in given or OUTSIDE in given):
            yield source.fault(
                f"{path}.{key}", ", ".join(given), "racks, or storage, or outside", "write one"
            )
    if not has_job and {*(flow.source or ()), *(flow.target or ())} <= {STORAGE, OUTSIDE}:
        yield source.fault(
            path, "no racks at either end", "a group of racks at one end", f"write {groups[0]}"
        )
    serving = {
        g: p.name for p in placed(scenario.serving) for g in racks_of(scenario.serving, p.name, groups)
    }
    for i, rack in enumerate(flow.among or ()):
        if rack in serving:
            found = f"{rack}, whose GPUs serve{' pool ' + serving[rack] if serving[rack] else ''}"
            mend = "name other racks, and in serving.pools the racks of every pool"
            yield source.fault(f"{path}.among[{i}]", found, "racks of the job alone", mend)


def _amounts(scenario: Scenario, path: str, flow: Flows) -> Iterator[Fault]:
    source = scenario.source
    amounts = [key for key in ("bytes", "rate", "each_request") if getattr(flow, key) is not None]
    if not amounts:
        yield source.fault(path, "no amount", "bytes, rate or each_request", "add for example bytes: 2 TB")
    if "each_request" in amounts and len(amounts) > 1:
        found = f"each_request beside {amounts[0]}"
        yield source.fault(f"{path}.each_request", found, "one of them", f"remove {amounts[0]}")
    if flow.among is not None and flow.bytes is None:
        expected = "the message that each GPU holds"
        yield source.fault(path, "among without bytes", expected, "add for example bytes: 20 GB")
    if flow.bytes is None:
        for key in ("every", "pause"):
            if getattr(flow, key) is not None:
                expected = "rounds of so many bytes, or a flow all the time"
                yield source.fault(f"{path}.{key}", f"{key} without bytes", expected, f"remove {key}")


def _times(scenario: Scenario, path: str, flow: Flows) -> Iterator[Fault]:
    source, end_s = scenario.source, scenario.time.duration
    if flow.every is not None and flow.pause is not None:
        yield source.fault(f"{path}.pause", "every and pause", "one of them", "remove pause")
    stop_s = end_s if flow.stop is None else flow.stop
    if flow.start >= min(stop_s, end_s):
        expected = f"before {min(stop_s, end_s):g} s, where it stops"
        yield source.fault(f"{path}.start", f"{flow.start:g} s", expected, "start earlier")
