"""A year of cooling as a picture: parts of PUE by month, free hours over the day, PUE by hour; page and PNG."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from twin.errors import Fault, MissingLibrary
from twin.facility.annual_kpis import HOUR_S, MONTHS, month_of, months
from twin.facility.annual_plant import Year
from twin.facility.plant_parts import Array

COLOURS = {
    "compressors": "#c0453c",
    "outdoor_fans": "#3b8f5a",
    "water_pumps": "#2f6fb0",
    "technology_pumps": "#1f9aa8",
    "air_handlers": "#8a4fa3",
}
LOSS_COLOURS = {"pdu": "#8d8d8d", "ups": "#b0b0b0", "transformer": "#d3d3d3"}
LOSS_COLOUR = "#b0b0b0"
PARTS_TITLE, HOURS_TITLE, FREE_TITLE = "PUE − 1 by part", "PUE by hour", "share of heat without compressors"


def write_html(year: Year, path: str | Path, title: str = "") -> Path:
    """Write a page that needs no network.

    Parameters
    ----------
    year : Year
        Not longer than a year.
    path : str or pathlib.Path
    title : str
        Heading.
    """
    from plotly.subplots import make_subplots

    names, shares = parts_by_month(year)
    fig: Any = make_subplots(
        rows=2, cols=2, specs=[[{}, {}], [{"colspan": 2}, None]], subplot_titles=(PARTS_TITLE, FREE_TITLE, HOURS_TITLE),
    )  # fmt: skip
    for part, values in shares.items():
        fig.add_bar(x=names, y=values, name=label(part), marker_color=colour(part), row=1, col=1)
    table = free_by_hour(year)
    fig.add_heatmap(
        z=table, x=list(MONTHS), y=list(range(24)), zmin=0.0, zmax=1.0, colorscale="Blues", row=1, col=2,
        colorbar={"len": 0.4, "y": 0.8},
    )  # fmt: skip
    fig.add_scattergl(
        x=_days(year), y=_pue(year), mode="lines", line={"width": 0.6, "color": "#444"}, name="PUE",
        showlegend=False, row=2, col=1,
    )  # fmt: skip
    fig.update_layout(
        template="plotly_white",
        title=title,
        barmode="stack",
        height=850,
        legend={"orientation": "h", "y": -0.08},
    )
    fig.update_yaxes(title="hour of the day", row=1, col=2)
    fig.update_xaxes(title="day of the year", row=2, col=1)
    fig.write_html(str(path), include_plotlyjs=True, full_html=True)
    return Path(path)


def write_png(year: Year, path: str | Path, title: str = "") -> Path:
    """Write the same as a PNG.

    Parameters
    ----------
    year : Year
        Not longer than a year.
    path : str or pathlib.Path
    title : str
        Heading.

    Raises
    ------
    MissingLibrary
        Without matplotlib.
    """
    if not find_spec("matplotlib"):
        mend = "pip install 'ai-factory-twin[viz]', or write --html"
        fault = Fault("", 0, "--png", "no matplotlib", "matplotlib", mend)
        raise MissingLibrary("a PNG needs matplotlib", [fault])
    from matplotlib.figure import Figure

    fig = Figure(figsize=(11.0, 7.0), layout="constrained")
    axes: Any = fig.subplot_mosaic([["parts", "free"], ["hours", "hours"]])
    fig.suptitle(title)
    names, shares = parts_by_month(year)
    bottom = np.zeros(len(names))
    for part, values in shares.items():
        axes["parts"].bar(names, values, bottom=bottom, label=label(part), color=colour(part))
        bottom = bottom + values
    axes["parts"].legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
    axes["parts"].set_ylim(top=1.35 * float(np.nanmax(bottom)))
    axes["parts"].tick_params(axis="x", labelsize=8)
    image = axes["free"].imshow(
        free_by_hour(year), aspect="auto", origin="lower", cmap="Blues", vmin=0.0, vmax=1.0,
        extent=(-0.5, 11.5, 0.0, 24.0),
    )  # fmt: skip
    axes["free"].set_xticks(range(12), MONTHS, fontsize=8)
    axes["free"].set_ylabel("hour of the day")
    fig.colorbar(image, ax=axes["free"])
    axes["hours"].plot(_days(year), _pue(year), lw=0.4, color="#444")
    axes["hours"].set_xlabel("day of the year")
    for name, heading in (("parts", PARTS_TITLE), ("free", FREE_TITLE), ("hours", HOURS_TITLE)):
        axes[name].set_title(heading, fontsize=10)
        axes[name].spines[["top", "right"]].set_visible(False)
    fig.savefig(path, dpi=140)
    return Path(path)


def parts_by_month(year: Year) -> tuple[list[str], dict[str, Array]]:
    """Names of the months, and each part's energy over that of IT, arrays (month)."""
    rows = months(year)
    ending = "_over_it"
    parts = [key.removesuffix(ending) for key in rows[0] if key.endswith(ending)]
    shares = {part: np.array([row[part + ending] for row in rows]) for part in parts}
    return [row["month"] for row in rows], {p: v for p, v in shares.items() if np.nansum(v) > 0.0}


def free_by_hour(year: Year) -> Array:
    """Share of heat that leaves without compressors, array (hour of the day, month); NaN where there is none."""
    at_s = year.begin_s + np.cumsum(year.step_s) - 0.5 * year.step_s
    place = (at_s / HOUR_S % 24).astype(int) * 12 + month_of(year)
    free_j = np.bincount(place, year.step_s * sum(flow.answer.free_w for flow in year.flows), 24 * 12)
    all_j = np.bincount(place, year.step_s * sum(flow.duty_w for flow in year.flows), 24 * 12)
    shares = np.where(all_j > 0.0, free_j / np.maximum(all_j, 1e-9), np.nan)
    return shares.reshape(24, 12)


def label(part: str) -> str:
    """How a part of PUE is written."""
    return part.replace("_", " ") + (" loss" if part not in COLOURS and part != "losses" else "")


def colour(part: str) -> str:
    """Colour of a part of PUE."""
    return (COLOURS | LOSS_COLOURS).get(part, LOSS_COLOUR)


def _days(year: Year) -> Array:
    return (year.begin_s + np.cumsum(year.step_s)) / (24.0 * HOUR_S)


def _pue(year: Year) -> Array:
    return np.where(year.it_w > 0.0, year.total_w / np.maximum(year.it_w, 1e-9), np.nan)
