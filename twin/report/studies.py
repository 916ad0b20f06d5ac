"""The table of a study: a row a run; means over seeds with their confidence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table

from twin.report.kpis import DISPLAY
from twin.report.rendering import written

if TYPE_CHECKING:
    import pandas as pd

SHOWN = (
    "requests_finished", "good_frac", "ttft_p50_s", "ttft_p99_s", "tpot_p50_s", "output_tokens_per_s", "pue",
    "energy_site_j", "gpu_temperature_max_k", "throttled_gpu_s",
)  # fmt: skip


def _by_case(path: Path) -> pd.DataFrame:
    """Mean over seeds and half width of its 95 % interval (Student's t), a row a case."""
    import pandas as pd
    from scipy.stats import t

    table = pd.read_csv(path)
    figures = [k for k in DISPLAY if k in table.columns]
    grouped = table.groupby("run", sort=False)[figures]
    mean, spread, count = grouped.mean(), grouped.std(), grouped.count()
    half_width = spread / count**0.5 * t.ppf(0.975, (count - 1).clip(lower=1))
    return pd.concat({"mean": mean, "half_width": half_width}, axis=1)


def study_json(path: Path) -> dict[str, Any]:
    """Means over seeds and half widths of their 95 % intervals, by case."""
    summary = _by_case(path)
    cases = {
        str(name): {part: {k: float(v) for k, v in row[part].items()} for part in ("mean", "half_width")}
        for name, row in summary.iterrows()
    }
    return {"table": str(path), "cases": cases}


def render_study(path: Path) -> RenderableType:
    """Means over seeds with 95 % intervals, a column a case."""
    summary = _by_case(path)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("mean ± 95 %")
    for name in summary.index:
        table.add_column(str(name), justify="right", no_wrap=True)
    table.add_column("unit", style="dim")
    for key in SHOWN:
        if ("mean", key) not in summary.columns:
            continue
        _, label, unit, _, _ = DISPLAY[key]
        rows = (summary.loc[name] for name in summary.index)
        cells = [_interval(key, float(row["mean", key]), float(row["half_width", key])) for row in rows]
        table.add_row(label, *cells, unit)
    return table


def _interval(key: str, mean: float, half_width: float) -> str:
    """Mean and half width with the decimals that the half width deserves."""
    _, _, _, scale, offset = DISPLAY[key]
    half = half_width * scale
    if not math.isfinite(half) or half <= 0.0:
        return written(key, mean)
    decimals = max(0, 1 - math.floor(math.log10(half)))
    return f"{mean * scale + offset:,.{decimals}f} ± {half:,.{decimals}f}"
