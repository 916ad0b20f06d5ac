"""A curve of a collective over sizes as a picture: an interactive page (plotly) and a PNG (matplotlib)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twin.errors import Fault, MissingLibrary
from twin.network.collectives import Prediction

COLOURS = {"ring": "#2f6fb0", "tree": "#3b8f5a", "nvls": "#d1662b", "sharp": "#8a4fa3", "direct": "#1f9aa8"}
X_TITLE = "message of a GPU [bytes]"
Y_TITLE = "bus bandwidth [GB/s]"


def write_html(curve: list[Prediction], path: str | Path) -> Path:
    """Write a page that needs no network: bus bandwidth over size, a line for each algorithm.

    Parameters
    ----------
    curve : list of Prediction
        Of one collective, sizes rising.
    path : str or pathlib.Path
    """
    import plotly.graph_objects as go

    fig = go.Figure()
    for name, (sizes, rates) in _lines(curve).items():
        fig.add_scatter(
            x=sizes, y=rates, name=name, mode="lines+markers", line={"color": COLOURS.get(name, "#555")}
        )
    fig.update_layout(
        template="plotly_white", title=_title(curve),
        xaxis={"title": X_TITLE, "type": "log"}, yaxis={"title": Y_TITLE, "rangemode": "tozero"},
    )  # fmt: skip
    fig.write_html(str(path), include_plotlyjs=True, full_html=True)
    return Path(path)


def write_png(curve: list[Prediction], path: str | Path) -> Path:
    """Write the same as a PNG.

    Parameters
    ----------
    curve : list of Prediction
    path : str or pathlib.Path

    Raises
    ------
    MissingLibrary
        Without matplotlib.
    """
    if not find_spec("matplotlib"):
        mend = "pip install 'ai-factory-twin[viz]', or write --html"
        raise MissingLibrary(
            "a PNG needs matplotlib", [Fault("", 0, "--png", "no matplotlib", "matplotlib", mend)]
        )
    from matplotlib.figure import Figure

    fig = Figure(figsize=(8.5, 5.0), layout="constrained")
    ax: Any = fig.subplots()
    for name, (sizes, rates) in _lines(curve).items():
        ax.plot(sizes, rates, "o-", ms=3.5, color=COLOURS.get(name, "#555"), label=name)
    ax.set_xscale("log")
    ax.set(xlabel=X_TITLE, ylabel=Y_TITLE, title=_title(curve))
    ax.set_ylim(bottom=0.0)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    fig.savefig(path, dpi=160)
    return Path(path)


def _title(curve: list[Prediction]) -> str:
    one = curve[0]
    return f"{one.operation} over {one.gpus:,} GPUs of {one.system}, {one.fabric}"


def _lines(curve: list[Prediction]) -> dict[str, tuple[list[float], list[float]]]:
    """Sizes and bus bandwidths [GB/s] of every algorithm."""
    sizes = [one.size_bytes for one in curve]
    passes = curve[0].bus_bytes_per_s / curve[0].algorithm_bytes_per_s
    return {
        name: (sizes, [passes * one.size_bytes / one.algorithms_s[name] / 1e9 for one in curve])
        for name in curve[0].algorithms_s
    }
