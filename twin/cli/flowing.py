"""``twin flows``: completion times of the flows of a case file."""

from __future__ import annotations

import csv as csv_files
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from twin.cli.output import print_json, stdout
from twin.errors import Fault, ScenarioError, UnitError
from twin.network.flow_completion import FlowGap, FlowOptions, FlowTimes, errors, flow_times
from twin.units import parse

MOST_ROWS = 12
"""Flows on a screen, slowest first; JSON and CSV hold all."""


class WindowError(NamedTuple):
    """What windows did to completion times, against the exact mode: relative, over flows that end."""

    mean_frac: float
    max_frac: float
    bias_frac: float


def flows(
    case: Path, *, mode: str = "exact", window: str = "1us", shares: str | None = None,
    weighting: str = "equal", spray_efficiency: float = 1.0, csv: Path | None = None, as_json: bool = False,
) -> None:  # fmt: skip
    """Simulate a case and print its completion times; windows are measured against the exact mode."""
    options: dict[str, Any] = {
        "shares": shares, "weighting": weighting, "spray_efficiency": spray_efficiency,
    }  # fmt: skip
    window_s = _window_s(mode, window)
    found = flow_times(case, FlowOptions(**options, window_s=window_s))
    cost = _window_error(found, flow_times(found.case, FlowOptions(**options))) if window_s else None
    gaps = errors(found)
    if csv:
        _write(found, csv)
    if as_json:
        print_json(_json(found, cost, gaps))
        return
    console = stdout()
    console.print(Text(f"{found.case.name}: {len(found.case.flows):,} flows over {len(found.case.links):,} links",
                       style="bold"))  # fmt: skip
    console.print(_figures(found, cost))
    if gaps:
        console.print(_gaps(gaps))
    console.print(_slowest(found))
    for line in _endless(found):
        console.print(Text(line, style="yellow"))
    if csv:
        console.print(f"written {csv}", soft_wrap=True, highlight=False)


def _window_s(mode: str, window: str) -> float:
    if mode not in {"exact", "windowed"}:
        fault = Fault("", 0, "--mode", mode, "exact or windowed", "write --mode exact")
        raise ScenarioError("not a mode", [fault])
    if mode == "exact":
        return 0.0
    try:
        window_s = float(parse(window, "time"))
    except UnitError as error:
        found, expected = error.faults[0].found, error.faults[0].expected
        fault = Fault("", 0, "--window", found, expected, "write --window 1us")
        raise ScenarioError("not a time", [fault]) from None
    if not 0.0 < window_s < math.inf:
        fault = Fault("", 0, "--window", window, "above 0", "write --window 1us, or --mode exact")
        raise ScenarioError("not a window", [fault])
    return window_s


def _window_error(found: FlowTimes, exact: FlowTimes) -> WindowError:
    ended = np.isfinite(exact.fct_s) & np.isfinite(found.fct_s)
    a, b = found.fct_s[ended], exact.fct_s[ended]
    if not len(a):
        return WindowError(0.0, 0.0, 0.0)
    off = np.abs(a - b) / np.maximum(b, 1e-300) * (a != b)
    return WindowError(float(off.mean()), float(off.max()), float(a.sum() / max(b.sum(), 1e-300) - 1.0))


def _json(found: FlowTimes, cost: WindowError | None, gaps: list[FlowGap]) -> dict[str, Any]:
    endless = [flow for flow, fct_s in found.by_id.items() if not math.isfinite(fct_s)]
    answer: dict[str, Any] = {"fct_s": found.by_id, "never_end": endless}
    if cost:
        answer["window_error"] = cost._asdict()
    answer["errors"] = {g.reference: {k: v for k, v in g._asdict().items() if k != "reference"} for g in gaps}
    return answer


def _write(found: FlowTimes, file: Path) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv_files.writer(out)
        rows.writerow(["id", "released_at_s", "finished_at_s", "fct_s"])
        columns = (found.released_at_s, found.finished_at_s, found.fct_s)
        for flow, *times in zip(found.case.flows, *(c.tolist() for c in columns), strict=True):
            rows.writerow([flow.id, *map(repr, times)])


def _figures(found: FlowTimes, cost: WindowError | None) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    ended = found.fct_s[np.isfinite(found.fct_s)]
    if len(ended):
        last_s = found.finished_at_s[np.isfinite(found.finished_at_s)].max()
        p99_s = float(np.percentile(ended, 99))
        for name, value_s in (("mean", ended.mean()), ("99th percentile", p99_s), ("largest", ended.max())):
            table.add_row(Text(f"completion time, {name} [ms]"), f"{value_s * 1e3:,.6g}")
        table.add_row(Text("last end [ms]"), f"{last_s * 1e3:,.6g}")
    if cost:
        table.add_row("windows against exact, mean error", f"{cost.mean_frac:.3%}")
        table.add_row("largest error", f"{cost.max_frac:.3%}")
        table.add_row("bias of the mean", f"{cost.bias_frac:+.3%}")
    return table


def _gaps(gaps: list[FlowGap]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("against", "largest error", "mean error", "bias of the mean"):
        table.add_column(name, justify="left" if name == "against" else "right")
    for gap in gaps:
        texts = (f"{gap.max_frac:.2g}", f"{gap.mean_frac:.2g}", f"{gap.bias_frac:+.2g}")
        table.add_row(gap.reference, *texts)
    return table


def _slowest(found: FlowTimes) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for name in ("flow", "released ms", "ended ms", "completion ms", "mean GB/s"):
        table.add_column(name, justify="left" if name == "flow" else "right")
    for i in np.argsort(-found.fct_s, kind="stable")[:MOST_ROWS]:
        flow, fct_s = found.case.flows[i], found.fct_s[i]
        times = (found.released_at_s[i], found.finished_at_s[i], fct_s)
        rate = f"{flow.size_bytes / fct_s / 1e9:,.3f}" if 0.0 < fct_s < math.inf else ""
        table.add_row(
            str(flow.id), *(f"{t * 1e3:,.6g}" if math.isfinite(t) else "never" for t in times), rate
        )
    return table


def _endless(found: FlowTimes) -> list[str]:
    ids = [str(flow) for flow, fct_s in found.by_id.items() if not math.isfinite(fct_s)]
    if not ids:
        return []
    named = ", ".join(ids[:MOST_ROWS]) + (", …" if len(ids) > MOST_ROWS else "")
    why = "a link on their way stays at 0, or they wait for a flow that never ends"
    return [f"{len(ids):,} flows never end ({why}): {named}"]
