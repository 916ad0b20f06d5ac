"""From the workload of a scenario to its requests."""

from __future__ import annotations

import math
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from twin.requests import Requests, make
from twin.rng import stream as random_stream
from twin.scenario.workloads.clients import mixed
from twin.scenario.workloads.formats import read_trace
from twin.scenario.workloads.halls import ONLY, Hall, dealt, has_parts, part_of
from twin.scenario.workloads.kinds import KINDS
from twin.scenario.workloads.merge import first_requests, merged
from twin.scenario.workloads.scaling import filled, scaled
from twin.scenario.workloads.schema import Stream
from twin.scenario.workloads.synthetic import completed, synthetic

if TYPE_CHECKING:
    from pathlib import Path

    from twin.scenario.schema import Scenario


def requests(scenario: Scenario, seed: int | None = None, hall: Hall = ONLY) -> Requests:
    """All requests of the scenario, or of one of its halls.

    Each stream draws from random streams that carry its name, so that one more stream or tenant leaves the
    others as they are. A trace repeats with a period of the next whole second after its last arrival, to
    fill the run; copy 0 keeps its times, and each other copy is shifted around that circle by its own random
    amount, so load scales and the pattern of every copy stays that of the trace.

    Parameters
    ----------
    scenario : Scenario
        With ``workload`` and ``time``.
    seed : int, optional
        Seed of the draws; that of the scenario if left out.
    hall : Hall
        Which of how many halls; see :mod:`twin.scenario.workloads.halls` for who gets what.

    Returns
    -------
    Requests
        Sorted by arrival, ties in the order of stream names; those that follow others come last.

    Raises
    ------
    ScenarioError
        When a file is missing, or a row cannot be a request.

    Examples
    --------
    >>> from twin.scenario import load
    >>> requests(load("scenarios/one-rack.yaml", set={"workload.limit": 3})).rows
    3
    """
    if not scenario.has_requests:
        return make(*np.zeros((3, 0)))
    seed = scenario.seed if seed is None else seed
    limit = scenario.workload.limit
    parts = [
        _stream(scenario, name, part, seed, hall if limit is None else ONLY)
        for name, part in scenario.workload.named.items()
    ]
    found = first_requests(merged(parts), limit)
    return found if limit is None else dealt(found, hall, partial(random_stream, seed, "workload"))


def file_of(scenario: Scenario, name: str, key: str, value: str) -> Path:
    """Data file that a key of a stream names."""
    return scenario.source.data_file(path_of(name, key), value)


def path_of(name: str, key: str) -> str:
    """Path of a key of a stream in the scenario."""
    return f"workload.streams.{name}.{key}" if name else f"workload.{key}"


def _stream(scenario: Scenario, name: str, part: Stream, seed: int, hall: Hall) -> Requests:
    """Requests of a stream that a hall serves."""
    draw = partial(random_stream, seed, "workload", *([name] if name else []))
    if not has_parts(part, hall):
        return dealt(_stream(scenario, name, part, seed, ONLY), hall, draw)
    end_s, block = scenario.time.duration, scenario.workload.prefix_block
    if part.trace is not None:
        file = file_of(scenario, name, "trace", part.trace)
        trace = read_trace(file, part.format, part.columns, part.spread, block)
        lap = scaled(trace, part.copies, part.scale, draw, end_s, hall)
        found = filled(trace, lap, end_s, part.repeat, None if name else scenario.workload.limit)
    elif part.clients is not None:
        rates, lengths = (
            file_of(scenario, name, f"clients.{key}", getattr(part.clients, key))
            for key in ("rates", "lengths")
        )
        found = mixed(part.clients, rates, lengths, end_s, part.scale, draw)
        found = found._replace(prefix_block_tokens=block)
    else:
        assert part.synthetic is not None, "checked with the scenario"
        if hall.count > 1:
            draw = partial(draw, "hall", str(hall.index))
        mine = part_of(part, hall).synthetic
        assert mine is not None, "it is a part of one"
        spec = completed(mine, KINDS[part.kind])
        pairs = None
        if spec.lengths:
            pairs = read_trace(file_of(scenario, name, "synthetic.lengths", spec.lengths), prefix_block=block)
        start = datetime.fromisoformat(scenario.time.start)
        begin_of_day_s = start.hour * 3600.0 + start.minute * 60.0 + start.second
        found = synthetic(spec, pairs, end_s, begin_of_day_s, block, draw)
    return first_requests(_dressed(scenario, name, part, found), part.limit)


def _dressed(scenario: Scenario, name: str, part: Stream, found: Requests) -> Requests:
    """Requests with tenant, tier, kind, priority, patience and adapter of their stream."""
    kind, tiers = KINDS[part.kind], tuple(scenario.workload.tiers) or ("standard",)
    patience_s = kind.patience_s if part.patience is None else part.patience
    changed: dict[str, object] = {
        "tiers": tiers,
        "tier": np.full(found.rows, tiers.index(part.tier) if part.tier else 0, np.int16),
        "kinds": (part.kind,),
        "priority": np.full(found.rows, kind.priority if part.priority is None else part.priority, np.int8),
    }
    if math.isfinite(patience_s):
        changed["patience_s"] = np.full(found.rows, patience_s, np.float32)
    if part.adapter is not None:
        changed["adapter"] = np.full(found.rows, part.adapter, np.int16)
    tenant = part.tenant or name or "all"
    if part.tenant or found.tenants == ("all",):
        changed |= {"tenants": (tenant,), "tenant": np.zeros(found.rows, np.int16)}
    elif part.clients is not None:
        changed["tenants"] = tuple(f"{tenant}-{client}" for client in found.tenants)
    return found._replace(**changed)  # type: ignore[arg-type]  # columns of the types above
