"""Sense of a workload beyond its schema: streams that are whole, and files that can be read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from twin.errors import Fault
from twin.scenario.workloads.build import file_of, path_of
from twin.scenario.workloads.clients import read_lengths, read_rates
from twin.scenario.workloads.formats import read_trace
from twin.scenario.workloads.kinds import KINDS
from twin.scenario.workloads.lengths import missing, typical
from twin.scenario.workloads.schema import Lengths, Stream, Synthetic
from twin.scenario.workloads.sessions import rows_of_user
from twin.scenario.workloads.synthetic import LEAST, completed

if TYPE_CHECKING:
    from twin.scenario.schema import Scenario

MOST_ROWS = 100_000_000
"""Largest number of requests of a stream: what fits into the memory of a workstation, at some 60 bytes each."""
Files = Iterator[tuple[str, Callable[[], object]]]
Wrong = Iterator[tuple[str, str, str, str]]  # key, found, expected, mend
_SOURCES = ("trace", "clients", "synthetic")


def check_workload(scenario: Scenario) -> Iterator[Fault]:
    """Faults within and between the streams, as far as the scenario file tells."""
    for name, part in scenario.workload.named.items():
        for key, found, expected, mend in (*_source(part), *_class(scenario, part), *_drawn(scenario, part)):
            yield scenario.source.fault(path_of(name, key).rstrip("."), found, expected, mend)


def readers(scenario: Scenario) -> Files:
    """Path of each data file of the workload, and the function that reads it or tells what is wrong."""
    block = scenario.workload.prefix_block
    for name, part in scenario.workload.named.items():
        if part.trace is not None:
            yield path_of(name, "trace"), _trace(scenario, name, part, block)
        if part.clients is not None:
            rates = file_of(scenario, name, "clients.rates", part.clients.rates)
            lengths = file_of(scenario, name, "clients.lengths", part.clients.lengths)
            yield path_of(name, "clients.rates"), lambda file=rates: read_rates(file)  # type: ignore[misc]
            yield path_of(name, "clients.lengths"), lambda file=lengths: read_lengths(file)  # type: ignore[misc]
        if part.synthetic is not None and part.synthetic.lengths:
            pairs = file_of(scenario, name, "synthetic.lengths", part.synthetic.lengths)
            read = lambda file=pairs: read_trace(file, prefix_block=block)  # noqa: E731
            yield path_of(name, "synthetic.lengths"), read


def _trace(scenario: Scenario, name: str, part: Stream, block: int) -> Callable[[], object]:
    file = file_of(scenario, name, "trace", part.trace or "")
    return lambda: read_trace(file, part.format, part.columns, part.spread, block)


def _source(part: Stream) -> Wrong:
    """One source, and only options that this source knows."""
    given = [key for key in _SOURCES if getattr(part, key) is not None]
    if len(given) != 1:
        mend = "remove all but one" if given else "add `trace: FILE`"
        yield "", " and ".join(given) or "no source", f"one of {', '.join(_SOURCES)}", mend
        return
    for key in ("columns", "format", "spread", "repeat", "copies"):
        is_default = getattr(part, key) == Stream.model_fields[key].default
        if given[0] != "trace" and not is_default:
            yield key, f"{key} of a stream without trace", "a trace", f"remove {key}"
    if part.columns is not None and part.format != "auto":
        yield "format", part.format, "either a known format or columns", "remove one of them"
    if part.scale is not None:
        yield from _scale(part, given[0])


def _scale(part: Stream, source: str) -> Wrong:
    scale = part.scale
    assert scale is not None
    if source == "synthetic":
        yield "scale", "scale of a stream that is drawn", "another rate", "change the rate or the users"
    elif source == "clients" and scale.by == "resample":
        yield "scale.by", scale.by, "superposition, thinning or time-warp for clients", "write superposition"
    if part.copies != 1:
        yield "copies", "copies and scale", "one of them", "remove copies"
    if scale.by == "thinning" and scale.factor > 1:
        yield (
            "scale.factor",
            f"{scale.factor:g}",
            "at most 1 for thinning",
            "write by: superposition for more load",
        )


def _class(scenario: Scenario, part: Stream) -> Wrong:
    tiers = list(scenario.workload.tiers)
    if part.tier and part.tier not in tiers:
        near = difflib.get_close_matches(part.tier, tiers, 1) or tiers
        mend = f"write {near[0]}" if near else f"add workload.tiers.{part.tier}"
        yield "tier", part.tier, f"one of workload.tiers: {', '.join(tiers) or 'none yet'}", mend


def _drawn(scenario: Scenario, part: Stream) -> Wrong:
    if part.synthetic is None:
        return
    spec = completed(part.synthetic, KINDS[part.kind])
    if (spec.arrivals is None) == (spec.closed is None):
        found = "neither" if spec.closed is None else "both"
        yield "synthetic", found, "either arrivals or closed", "add `arrivals: {rate: 5 1/s}`, or remove one"
    if spec.closed is not None and spec.session is not None:
        yield (
            "synthetic.closed",
            "users and sessions",
            "one of them",
            "take another kind, or arrivals of sessions",
        )
    if spec.lengths and (spec.prompt or spec.output or spec.session):
        yield "synthetic.lengths", "lengths beside prompt, output or session", "one of them", "remove lengths"
    yield from _arrivals(spec)
    for key, lengths in _distributions(spec):
        lacks = "the lengths" if lengths is None else missing(lengths)
        if lacks:
            mend = "write for example {mean: 1000, cv: 1}, or name a kind"
            yield f"synthetic.{key}", "nothing" if lengths is None else f"a {lengths.shape}", lacks, mend
    if spec.prefix is not None:
        yield from _prefix(scenario, spec)
    yield from _size(scenario, spec)


def _size(scenario: Scenario, spec: Synthetic) -> Wrong:
    end_s, rows = scenario.time.duration, 0.0
    if spec.arrivals is not None:
        rows = spec.arrivals.rate * end_s * (typical(spec.session.turns) if spec.session else 1)
    elif spec.closed is not None:
        rows = spec.closed.users * rows_of_user(spec.closed, typical(spec.output or LEAST), end_s)
    if rows > MOST_ROWS:
        expected = f"at most {MOST_ROWS:,}"
        yield (
            "synthetic",
            f"about {rows:,.0f} requests",
            expected,
            "lower the rate or the users, or shorten the run",
        )


def _arrivals(spec: Synthetic) -> Wrong:
    arrivals = spec.arrivals
    if arrivals is None:
        return
    if (arrivals.process in ("gamma", "weibull")) != (arrivals.cv is not None):
        found = f"{arrivals.process} {'without' if arrivals.cv is None else 'with'} cv"
        mend = "add for example cv: 2" if arrivals.cv is None else "remove cv, or write process: gamma"
        yield "synthetic.arrivals", found, "cv for gamma and weibull, and only there", mend
    hourly = arrivals.hourly
    if hourly is not None and (len(hourly) != 24 or not sum(hourly) > 0 or arrivals.process != "diurnal"):
        found = f"{len(hourly)} weights of a {arrivals.process} process"
        yield "synthetic.arrivals.hourly", found, "24 weights of a diurnal one, not all 0", "write 24 weights"


def _distributions(spec: Synthetic) -> Iterator[tuple[str, Lengths | None]]:
    if not spec.lengths:
        yield "prompt", spec.prompt
        yield "output", spec.output
    if spec.session is not None:
        yield "session.turns", spec.session.turns
        yield "session.new", spec.session.new
        sub = spec.session.sub_agents
        for key in ("count", "prompt", "output") if sub else ():
            yield f"session.sub_agents.{key}", getattr(sub, key)


def _prefix(scenario: Scenario, spec: Synthetic) -> Wrong:
    assert spec.prefix is not None
    tokens, block = spec.prefix.tokens, scenario.workload.prefix_block
    if tokens < block:
        expected = f"at least a block, workload.prefix_block: {block} tokens"
        yield "synthetic.prefix.tokens", str(tokens), expected, f"write prefix_block: {max(tokens // 4, 1)}"
    if spec.session is not None and tokens + 2 > spec.session.context:
        yield (
            "synthetic.prefix.tokens",
            str(tokens),
            f"less than the context, {spec.session.context}",
            "raise context",
        )
