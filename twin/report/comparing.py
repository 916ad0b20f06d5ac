"""Two runs side by side; paired request by request where both served the same arrivals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from twin.report.figures import digits_of, written
from twin.report.kpis import DISPLAY
from twin.report.run import Run
from twin.results import FINISHED

LEVELS = (10, 50, 90, 99)


def compare(a: Run, b: Run) -> dict[str, Any]:
    """Compare two runs.

    Parameters
    ----------
    a, b : Run
        Any two runs.

    Returns
    -------
    dict
        ``a`` and ``b`` (ids), ``kpis`` with ``a``, ``b``, ``difference`` (b - a) and ``ratio`` (b / a) by key, and
        ``paired``: differences request by request, empty unless both had the same arrivals.
    """
    left, right = a.kpis(), b.kpis()
    rows = {}
    for key in DISPLAY:
        if key in left or key in right:
            x, y = left.get(key, math.nan), right.get(key, math.nan)
            rows[key] = {"a": x, "b": y, "difference": y - x, "ratio": y / x if x else math.nan}
    return {"a": _who(a), "b": _who(b), "kpis": rows, "paired": _paired(a, b)}


def _who(run: Run) -> dict[str, Any]:
    keys = ("run_id", "scenario", "seed", "fidelity")
    return {**{k: run.attrs[k] for k in keys}, "complete": run.complete}


def _finished(run: Run) -> dict[str, NDArray[Any]]:
    columns = run.file.requests()
    done = columns["status"] == FINISHED
    order = np.argsort(columns["request"][done])
    return {k: v[done][order] for k, v in columns.items()}


def _paired(a: Run, b: Run) -> dict[str, Any]:
    """Differences b - a of the requests that both finished; the same row is the same request."""
    if a.attrs["arrivals"] != b.attrs["arrivals"] or a.attrs["seed"] != b.attrs["seed"]:
        return {}
    left, right = _finished(a), _finished(b)
    _, i, j = np.intersect1d(left["request"], right["request"], assume_unique=True, return_indices=True)
    same = ("arrived_at_s", "input_tokens", "output_tokens")
    if not len(i) or any(not np.array_equal(left[k][i], right[k][j]) for k in same):
        return {}
    found: dict[str, Any] = {"requests": len(i)}
    for name, column in (("ttft", "first_token_at_s"), ("e2e", "done_at_s")):
        difference = right[column][j] - left[column][i]
        found[f"{name}_difference_mean_s"] = float(difference.mean())
        levels = np.percentile(difference, LEVELS)
        found |= {f"{name}_difference_p{p}_s": float(v) for p, v in zip(LEVELS, levels, strict=True)}
    return found


def render_comparison(comparison: dict[str, Any]) -> RenderableType:
    """A comparison for a terminal."""
    a, b = comparison["a"], comparison["b"]
    names = [w["scenario"] if a["scenario"] != b["scenario"] else w["run_id"] for w in (a, b)]
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("", *names, "unit", "b - a", "b / a"):
        table.add_column(column, justify="left" if column in ("", "unit") else "right", overflow="fold")
    group = ""
    for key, row in comparison["kpis"].items():
        now, label, unit, scale, _ = DISPLAY[key]
        if now != group:
            table.add_row(Text(now, style="bold"))
            group = now
        ratio = "–" if not math.isfinite(row["ratio"]) or unit == "°C" else f"{row['ratio']:.3f}"
        change = row["difference"] * scale
        changed = f"{change:+,.{digits_of(change)}f}" if math.isfinite(change) else "–"
        table.add_row(
            f"  {label}", written(key, row["a"]), written(key, row["b"]), Text(unit, style="dim"), changed, ratio,
        )  # fmt: skip
    parts: list[RenderableType] = [table]
    if paired := comparison["paired"]:
        parts.append(Text(f"\nThe same {paired['requests']:,} requests, one by one (b - a):", style="bold"))
        for name, label in (("ttft", "TTFT"), ("e2e", "end to end")):
            levels = ", ".join(f"p{p} {paired[f'{name}_difference_p{p}_s'] * 1e3:+,.0f} ms" for p in LEVELS)
            parts.append(Text(f"  {label:11s} {levels}"))
    return Group(*parts)
