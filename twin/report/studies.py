"""The table of a study: a row a run; means over seeds with their confidence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from twin.errors import Fault, ResultsError
from twin.report.figures import written
from twin.report.kpis import DISPLAY

if TYPE_CHECKING:
    import pandas as pd

SHOWN = (
    "requests_finished", "good_frac", "goodput_tokens_per_s", "ttft_p50_s", "ttft_p99_s", "tpot_p50_s", "itl_p99_s",
    "output_tokens_per_s", "cache_hit_frac", "preemptions", "pue", "energy_site_j", "gpu_temperature_max_k",
    "throttled_gpu_s",
)  # fmt: skip

WIDEST_NAME = 26
"""Cells that the name of a case may take in a line; longer ones go on in the next line."""


def _by_case(path: Path) -> pd.DataFrame:
    """Mean over seeds and half width of its 95 % interval (Student's t), a row a case."""
    import pandas as pd
    from scipy.stats import t

    try:
        # as text: a case may be called 1.0 or NA
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        table["run"]
    except (OSError, ValueError, KeyError) as error:
        fault = Fault(
            str(path), 0, "table", str(error), "a row a run, with a column run", "run the study again"
        )
        raise ResultsError("the table of a study cannot be read", [fault]) from None
    figures = [k for k in DISPLAY if k in table.columns]
    table[figures] = table[figures].apply(pd.to_numeric, errors="coerce")
    grouped = table.groupby("run", sort=False)[figures]
    mean, spread, count = grouped.mean(), grouped.std(), grouped.count()
    half_width = spread / count**0.5 * t.ppf(0.975, (count - 1).clip(lower=1))
    return pd.concat({"mean": mean, "half_width": half_width}, axis=1)


def study_json(path: Path) -> dict[str, Any]:
    """Means over seeds and half widths of their 95 % intervals, by case.

    Raises
    ------
    ResultsError
        When the table cannot be read.
    """
    summary = _by_case(path)
    cases = {
        str(name): {part: {k: float(v) for k, v in row[part].items()} for part in ("mean", "half_width")}
        for name, row in summary.iterrows()
    }
    return {"table": str(path), "cases": cases}


def render_study(path: Path) -> RenderableType:
    """Means over seeds with 95 % intervals, a column a case; as many tables as the cases need.

    Raises
    ------
    ResultsError
        When the table cannot be read.
    """
    summary = _by_case(path)
    keys = [key for key in SHOWN if ("mean", key) in summary.columns]
    cases = {
        str(name): [_interval(k, float(row["mean", k]), float(row["half_width", k])) for k in keys]
        for name, row in summary.iterrows()
    }
    return _Study(keys, cases)


class _Study:
    """Cases side by side, in tables that are no wider than the screen, so that no name or figure is cut."""

    def __init__(self, keys: list[str], cases: dict[str, list[str]]) -> None:
        self._keys, self._cases = keys, cases

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = "mean ± 95 %"
        labels = [DISPLAY[key][1] for key in self._keys]
        units = [DISPLAY[key][2] for key in self._keys]
        room = options.max_width - _widest([head, *labels]) - _widest(["unit", *units]) - 2
        names = list(self._cases)
        while names:
            table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
            table.add_column(head, no_wrap=True)
            fitting = _fitting({name: self._width(name) + 2 for name in names}, room)
            for name in fitting:
                table.add_column(Text(name, overflow="fold"), justify="right", min_width=self._width(name))
            table.add_column("unit", style="dim", no_wrap=True)
            columns = (labels, *(self._cases[name] for name in fitting), units)
            for row in zip(*columns, strict=True):
                table.add_row(*row)
            yield table
            names = names[len(fitting) :]
            if names:
                yield Text()

    def _width(self, name: str) -> int:
        return max(min(cell_len(name), WIDEST_NAME), _widest(self._cases[name]))


def _widest(texts: list[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _fitting(widths: dict[str, int], room: int) -> list[str]:
    """The first cases that fit into the room, one at least."""
    taken: list[str] = []
    for name, width in widths.items():
        room -= width
        if taken and room < 0:
            break
        taken.append(name)
    return taken


def _interval(key: str, mean: float, half_width: float) -> str:
    """Mean and half width with the decimals that the half width deserves."""
    _, _, _, scale, offset = DISPLAY[key]
    half = half_width * scale
    if not math.isfinite(half) or half <= 0.0:
        return written(key, mean)
    decimals = max(0, 1 - math.floor(math.log10(half)))
    return f"{mean * scale + offset:,.{decimals}f} ± {half:,.{decimals}f}"
