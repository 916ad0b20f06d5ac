"""Tables of what requests got, as rows of text for a terminal and for a page."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from twin.physics.constants import CELSIUS_ZERO_K as ZERO_K
from twin.report.aiperf import METRICS
from twin.report.cooling import faults
from twin.report.figures import digits_of
from twin.report.run import Run
from twin.report.serving import GROUPINGS
from twin.report.storage import calls
from twin.report.supply import story

STATISTICS = ("avg", "min", "max", "p99", "p90", "p75", "p50", "std")
SHOWN_UNITS = {"tokens/s/user": "tokens/s"}
MOST_ROWS = 12
MOST_EVENTS = 60

GROUP_COLUMNS = {
    "requests": ("requests", 1.0),
    "good_frac": ("in SLO %", 100.0),
    "ttft_p50_s": ("TTFT p50", 1e3),
    "ttft_p99_s": ("p99 ms", 1e3),
    "tpot_p50_s": ("TPOT p50", 1e3),
    "tpot_p99_s": ("p99 ms", 1e3),
    "goodput_tokens_per_s": ("good tok/s", 1.0),
    "cache_hit_frac": ("cached %", 100.0),
    "revenue_usd": ("USD", 1.0),
}
"""Figures of a group that are shown: head of the column and scale."""


class Rows(NamedTuple):
    """A table as text: title, heads of the columns, rows whose first cell is a label, and a line below."""

    title: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""


def cell(value: float) -> str:
    """A number with three significant digits at least, a dash where there is none.

    Examples
    --------
    >>> cell(1234.5), cell(0.1234), cell(float("nan"))
    ('1,234', '0.123', '–')
    """
    return f"{value:,.{digits_of(value)}f}" if math.isfinite(value) else "–"


def fault_rows(run: Run) -> Rows | None:
    """How long GPUs went on after each fault of the cooling; none without faults."""
    each = faults(run.file)
    if not each:
        return None
    rows: list[tuple[str, ...]] = [
        (f"{one['kind']} of {one['asset']}", cell(one["at_s"] / 60.0), cell(one["throttle_after_s"]),
         cell(one["shutdown_after_s"]), cell(one["throttled_gpus"]), cell(one["shut_down_gpus"]))
        for one in each
    ]  # fmt: skip
    heads = ("", "at min", "throttles after s", "shuts down after s", "GPUs throttled", "shut down")
    return Rows("faults of the cooling", heads, rows)


def call_rows(run: Run) -> Rows | None:
    """What each call of the grid asked for and got, and how much of it battery and generators gave."""
    each = calls(run.file)
    if not each:
        return None
    rows: list[tuple[str, ...]] = [
        (f"call at {cell(one['at_s'] / 60.0)} min", cell(one["asked_w"] / 1e3), cell(one["given_w"] / 1e3),
         cell(one["not_drawn_j"] / 3.6e6), cell(one["battery_j"] / 3.6e6),
         cell(one["generators_j"] / 3.6e6),
         cell((one["not_drawn_j"] - one["battery_j"] - one["generators_j"]) / 3.6e6), cell(one["payment_usd"]))
        for one in each
    ]  # fmt: skip
    heads = (
        "",
        "asked kW",
        "given kW",
        "not drawn kWh",
        "of it battery",
        "generators",
        "held back",
        "payment USD",
    )
    return Rows("calls of the grid", heads, rows)


def inlet_rows(run: Run, most: int = MOST_ROWS) -> Rows | None:
    """Racks with the warmest air; none where the hall had no air field."""
    if "rack.inlet_k" not in run.file.series_names():
        return None
    inlet, cold = run["rack.inlet_k"], run["rack.cold_capture_frac"]
    if not len(inlet.time_s):
        return None
    hottest = np.argsort(-inlet.values.max(axis=0), kind="stable")[:most]
    columns = (
        inlet.values.mean(axis=0) - ZERO_K,
        inlet.values.max(axis=0) - ZERO_K,
        100.0 * cold.values.min(axis=0),
    )
    rows = [(inlet.ids[i], *(cell(float(column[i])) for column in columns)) for i in hottest]
    left = len(inlet.ids) - len(rows)
    recirculated = float(run["hall.recirculation_frac"].values.max())
    note = f"recirculation up to {recirculated:.1%} of all racks' air"
    heads = ("rack", "inlet mean °C", "most °C", "least cold capture %")
    return Rows("air of the racks", heads, rows, f"{note}; {left} more: rack.inlet_k" if left else note)


def story_rows(run: Run, most: int = MOST_EVENTS) -> Rows | None:
    """What happened to the supply, in its order; none where it was not played out or nothing happened."""
    each = story(run.file)
    if not each:
        return None
    rows: list[tuple[str, ...]] = [
        (asset, f"{at_s:,.3f}", what, cause) for at_s, asset, what, cause in each[:most]
    ]
    left = len(each) - len(rows)
    return Rows(
        "what happened to the supply",
        ("", "at s", "what", "by"),
        rows,
        f"{left} more: run.events" if left else "",
    )


def statistics_rows(run: Run) -> Rows | None:
    """Distribution of every metric that has one; none without requests."""
    rows = []
    for key, row in run.statistics.items():
        label, unit, scale = METRICS[key]
        if len(row) > 1:
            name = f"{_short(label)} ({SHOWN_UNITS.get(unit, unit)})"
            rows.append((name, *(cell(row[s] * scale) for s in STATISTICS)))
    if not any(set(row[1:]) != {"–"} for row in rows):
        return None
    note = "Inter Token Latency: mean gap of each request (TPOT)."
    if "gap_s" in run.statistics:
        note += " Gap Between Tokens: every gap counts (ITL)."
    return Rows("requests as a load generator sees them", ("metric", *STATISTICS), rows, note)


def _short(label: str) -> str:
    return label.replace("Output Token Throughput Per User", "Per User").replace("Sequence Length", "Length")


def group_rows(run: Run, most: int = MOST_ROWS) -> Iterator[Rows]:
    """What tiers, tenants, kinds and replicas got, where there are several."""
    for grouping in GROUPINGS:
        count = run.serving.groups(grouping)
        if count < 2:
            continue
        groups = run.serving.by(grouping, most)
        rows = [
            (name, *(cell(figures[key] * scale) for key, (_, scale) in GROUP_COLUMNS.items()))
            for name, figures in groups.items()
        ]
        left = count - len(rows)
        note = f"{left} more: run.by({grouping!r}), or --json" if left else ""
        yield Rows(f"by {grouping}", (grouping, *(head for head, _ in GROUP_COLUMNS.values())), rows, note)


def link_rows(run: Run, most: int = MOST_ROWS) -> Rows | None:
    """Leaves whose links to the spines carried most; none where nothing crosses them."""
    if "leaf.uplink_frac" not in run.file.series_names():
        return None
    ways = [run[f"leaf.{way}_frac"] for way in ("uplink", "downlink")]
    if not len(ways[0].time_s):
        return None
    shares = np.stack([f(way.values, axis=0) for way in ways for f in (np.mean, np.max)], axis=1)
    hottest = np.argsort(-shares.max(axis=1), kind="stable")[:most]
    rows = [(ways[0].ids[i], *(cell(100.0 * share) for share in shares[i])) for i in hottest]
    left = len(shares) - len(rows)
    note = f"KV transfers are booked when they arrive; peak: largest mean of a sample. {_tiers(run)}"
    heads: tuple[str, ...] = ("leaf", "up mean %", "peak %", "down mean %", "peak %")
    if "leaf.uplink_other_frac" in run.file.series_names():
        others = [run[f"leaf.{way}_other_frac"].values.mean(axis=0) for way in ("uplink", "downlink")]
        rows = [
            (*row, *(cell(100.0 * mean[i]) for mean in others)) for row, i in zip(rows, hottest, strict=True)
        ]
        heads += ("no KV up %", "down %")
    return Rows(
        "links between leaves and spines", heads, rows, note + (f" {left} more leaves." if left else "")
    )


def _tiers(run: Run) -> str:
    """Mean bandwidth that each tier of links carried."""
    names, time_s = run.file.series_names(), run["leaf.uplink_frac"].time_s
    said = []
    for tier, label in (("leaf", "All leaves"), ("spine", "Pods")):
        if f"site.{tier}_up_bytes" not in names:
            continue
        up, down = (
            run[f"site.{tier}_{way}_bytes"].values.sum(dtype=float) / time_s[-1] for way in ("up", "down")
        )
        said.append(f"{label}: {cell(up / 1e9)} GB/s up, {cell(down / 1e9)} GB/s down.")
    return " ".join(said)


def sampling_note(run: Run) -> str:
    """What was written only in part, and what that means; empty when all was.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> file = SimpleNamespace(json=lambda name: {"requests_frac": 0.1, "gaps_frac": 1.0})
    >>> sampling_note(SimpleNamespace(file=file))
    'Sampled: 10 % of requests. Counts, rates and revenue are scaled up from them, latencies are theirs.'
    """
    shares = run.file.json("sampling")
    parts = [f"{v * 100:.3g} % of {k[:-5]}" for k, v in shares.items() if k.endswith("_frac") and v < 1.0]
    means = (
        " Counts, rates and revenue are scaled up from them, latencies are theirs."
        if shares.get("requests_frac", 1.0) < 1.0
        else ""
    )
    return f"Sampled: {', '.join(parts)}.{means}" if parts else ""


def rich_table(table: Rows) -> Table:
    """The table for a terminal; where it is narrow heads and long names fold, none is cut."""
    shown = Table(
        title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim",
        caption=Text(table.note, style="dim") if table.note else None, caption_justify="left",
    )  # fmt: skip
    for place, head in enumerate(table.heads):
        if place:
            shown.add_column(head, justify="right", style="cyan", overflow="fold")
        else:
            shown.add_column(head, overflow="fold")
    for row in table.rows:
        shown.add_row(*row)
    return shown
