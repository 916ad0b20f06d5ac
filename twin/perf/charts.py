"""Frontiers as a picture: an interactive page (plotly) and a PNG."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twin.errors import Fault, MissingLibrary
from twin.perf.fleets import Fleets, kind
from twin.perf.frontier import Frontier
from twin.perf.points import written
from twin.perf.prediction import Prediction

COLOURS = ("#2f6fb0", "#d1662b", "#3b8f5a", "#8a4fa3", "#b8323f", "#6b5b3e", "#1f9aa8", "#7a7a7a")
"""One a system, and over again; told apart in print and by most of the colour-blind."""

MARKERS = {
    "one GPU": ("circle", "o"),
    "tensor parallel": ("square", "s"),
    "pipeline": ("triangle-up", "^"),
    "wide experts": ("diamond", "D"),
}
"""Marker of a kind of layout in plotly and in matplotlib; hollow where prefill is apart."""

X_TITLE = "speed of a user [tokens/s]"
KNEE = "max-Q (largest product of both)"


def write_html(found: Fleets, path: str | Path) -> Path:
    """Write a page that needs no network; pointing at a mark shows its configuration.

    Parameters
    ----------
    found : Fleets
    path : str or pathlib.Path
        File to write.
    """
    figure(found).write_html(str(path), include_plotlyjs=True, full_html=True)
    return Path(path)


def write_png(found: Fleets, path: str | Path) -> Path:
    """Write a PNG, by matplotlib or else by kaleido.

    Raises
    ------
    MissingLibrary
        When neither is installed.
    """
    if find_spec("matplotlib"):
        _png(found, Path(path))
    elif find_spec("kaleido"):
        figure(found).write_image(str(path), width=1200, height=750, scale=2)
    else:
        mend = "pip install matplotlib, or write --html"
        fault = Fault("", 0, "--png", "no library that draws PNG", "matplotlib or kaleido", mend)
        raise MissingLibrary("a PNG needs another package", [fault])
    return Path(path)


def figure(found: Fleets) -> Any:
    """Return the chart as a plotly figure: a colour a system, a marker a kind of layout."""
    import plotly.graph_objects as go

    fig, shown = go.Figure(), set[str]()
    for colour, one in _coloured(found):
        hover = [_hover(one, p, found.megawatts) for p in one.points]
        fig.add_scatter(
            x=_speeds(one), y=_yields(found, one), name=one.system, text=hover, hoverinfo="text",
            mode="lines+markers", line={"color": colour, "width": 2},
            marker={"color": colour, "size": 8, "symbol": [_symbol(p) for p in one.points]},
        )  # fmt: skip
        knee = one.knee
        fig.add_scatter(
            x=[knee.tokens_per_s_per_user], y=[knee.tokens_per_s_per_mw * found.megawatts], mode="markers",
            marker={"color": colour, "size": 18, "symbol": "star", "line": {"color": "white", "width": 1}},
            text=[_hover(one, knee, found.megawatts)], hoverinfo="text", showlegend=False,
        )  # fmt: skip
        shown |= {kind(p) for p in one.points}
    for name in _legend(shown):
        symbol = MARKERS[name.split(",")[0]][0] + ("-open" if "apart" in name else "")
        fig.add_scatter(
            x=[None], y=[None], mode="markers", name=name,
            marker={"color": "#444", "symbol": symbol, "size": 8},
        )  # fmt: skip
    fig.add_scatter(
        x=[None], y=[None], mode="markers", name=KNEE, marker={"color": "#444", "symbol": "star", "size": 14}
    )
    scales = [
        {"label": f"{name} scale", "method": "relayout", "args": [{"yaxis.type": name}]}
        for name in ("linear", "log")
    ]
    fig.update_layout(
        template="plotly_white", title=f"{found.title}: the best at equal power",
        xaxis={"title": X_TITLE, "rangemode": "tozero"}, yaxis={"title": _y_title(found), "rangemode": "tozero"},
        legend={"orientation": "v"},
        updatemenus=[{"buttons": scales, "type": "buttons", "direction": "right", "x": 1, "xanchor": "right",
                      "y": 1.08, "yanchor": "bottom"}],
        annotations=[{"text": line, "showarrow": False, "xref": "paper", "yref": "paper", "x": 0, "xanchor": "left",
                      "y": -0.16 - 0.045 * i, "font": {"size": 11, "color": "#666"}}
                     for i, line in enumerate(_notes(found))],
        margin={"b": 110 + 20 * len(_notes(found))},
    )  # fmt: skip
    return fig


def _png(found: Fleets, path: Path) -> None:
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter

    fig = Figure(figsize=(10.5, 6.5), layout="constrained")
    ax, shown = fig.subplots(), set[str]()
    for colour, one in _coloured(found):
        ax.plot(_speeds(one), _yields(found, one), color=colour, lw=1.8, label=one.system, zorder=2)
        for p in one.points:
            face = "white" if p.prefill else colour
            at = (p.tokens_per_s_per_user, p.tokens_per_s_per_mw * found.megawatts)
            ax.plot(*at, MARKERS[_base(p)][1], color=colour, mfc=face, ms=5, zorder=3, clip_on=False)
            shown.add(kind(p))
        knee = one.knee
        at = (knee.tokens_per_s_per_user, knee.tokens_per_s_per_mw * found.megawatts)
        ax.plot(*at, "*", color=colour, ms=17, mec="white", zorder=4)
    for name in _legend(shown):
        face = "white" if "apart" in name else "#444444"
        ax.plot([], [], MARKERS[name.split(",")[0]][1], color="#444444", mfc=face, ms=5, label=name)
    ax.plot([], [], "*", color="#444444", ms=12, label=KNEE)
    ax.set(xlabel=X_TITLE, ylabel=_y_title(found), title=f"{found.title}: the best at equal power")
    ax.set_xlim(left=0.0)
    ax.set_ylim(bottom=0.0)
    ax.yaxis.set_major_formatter(EngFormatter(sep=""))
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
    fig.supxlabel("\n".join(_notes(found)), fontsize=7.5, color="#666666", x=0.01, ha="left")
    fig.savefig(path, dpi=160)


def _coloured(found: Fleets) -> Iterator[tuple[str, Frontier]]:
    for i, one in enumerate(found.priced):
        yield COLOURS[i % len(COLOURS)], one


def _speeds(one: Frontier) -> list[float]:
    return [p.tokens_per_s_per_user for p in one.points]


def _yields(found: Fleets, one: Frontier) -> list[float]:
    return [p.tokens_per_s_per_mw * found.megawatts for p in one.points]


def _y_title(found: Fleets) -> str:
    return "tokens/s per MW" if found.megawatts == 1.0 else f"tokens/s of {found.megawatts:,g} MW"


def _base(p: Prediction) -> str:
    return kind(p).split(",")[0]


def _symbol(p: Prediction) -> str:
    return MARKERS[_base(p)][0] + ("-open" if p.prefill else "")


def _legend(shown: set[str]) -> list[str]:
    return [f"{base}{end}" for end in ("", ", prefill apart") for base in MARKERS if f"{base}{end}" in shown]


def _hover(one: Frontier, p: Prediction, megawatts: float) -> str:
    given = p.configuration
    low, high = (x * 1e3 for x in p.band["tpot_s"])
    lines = [
        f"<b>{one.system}</b>, {given.precision}" + (f", {given.drafts} drafts" if given.drafts else ""),
        f"{written(given)}, {given.gpus} GPUs, {given.concurrency:,.0f} in flight",
        *([f"prefill {written(p.prefill)}, {p.prefill.gpus} GPUs"] if p.prefill else []),
        f"{p.tokens_per_s_per_user:,.1f} tokens/s a user, {p.tokens_per_s_per_mw * megawatts:,.0f} tokens/s "
        f"on {megawatts:g} MW",
        f"{p.tokens_per_s_per_gpu:,.0f} tokens/s a GPU, {p.joules_per_token:.3g} J a token",
        f"TPOT {p.tpot_s * 1e3:.1f} ms ({low:.1f} to {high:.1f}), TTFT {p.ttft_s:.2f} s, bound by {p.bound}",
    ]
    return "<br>".join(lines)


def _notes(found: Fleets) -> list[str]:
    left_out = [
        f"{name} is left out: {why.split(';')[0].replace('(', '– ')}" for name, why in found.refused.items()
    ]
    return [line if len(line) < 170 else f"{line[:167]}…" for line in (*found.remarks, *left_out)]
