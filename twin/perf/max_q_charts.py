"""The Max-Q curve as a picture: an interactive page (plotly) and a PNG (matplotlib)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from twin.errors import Fault, MissingLibrary
from twin.perf.max_q import MaxQ

CURVE, WHOLE, NAMEPLATE, BEST = "#2f6fb0", "#1f9aa8", "#7a7a7a", "#d1662b"
X_TITLE = "mean power of a GPU [W]"


class _Mark(NamedTuple):
    """A point that the chart names."""

    gpu_w: float
    value: float
    text: str
    colour: str


def write_png(found: MaxQ, path: str | Path) -> Path:
    """Write a PNG.

    Raises
    ------
    MissingLibrary
        Without matplotlib.
    """
    if not find_spec("matplotlib"):
        mend = "pip install matplotlib, or write --html"
        fault = Fault("", 0, "--png", "no library that draws PNG", "matplotlib", mend)
        raise MissingLibrary("a PNG needs another package", [fault])
    from matplotlib.figure import Figure

    fig = Figure(figsize=(9.5, 6.0), layout="constrained")
    ax, (watts, smooth, whole, clocks) = fig.subplots(), _curve(found)
    ax.plot(watts, smooth, color=CURVE, lw=2.0, label="as many racks as fit by draw, parts counted")
    ax.plot(watts, whole, "o", color=WHOLE, ms=4.5, label="whole racks")
    for i in range(0, len(clocks), 4):
        ax.annotate(f"{clocks[i]:.2g}", (watts[i], smooth[i]), xytext=(0, 7), textcoords="offset points",
                    fontsize=8, color=CURVE, ha="right")  # fmt: skip
    for mark in _marks(found):
        ax.plot(mark.gpu_w, mark.value, "*", color=mark.colour, ms=16, mec="white", label=mark.text, zorder=4)
    ax.axhline(_marks(found)[0].value, color=NAMEPLATE, lw=0.9, ls=":")
    ax.set(xlabel=X_TITLE, ylabel=_y_title(found), title=_title(found))
    ax.set_ylim(0.0, 1.1 * max(smooth))
    ax.yaxis.set_major_formatter(lambda y, _: f"{y:,.0f}")
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    fig.supxlabel("numbers on the curve: clock over maximum clock", fontsize=8, color="#666666")
    fig.savefig(path, dpi=150)
    return Path(path)


def write_html(found: MaxQ, path: str | Path) -> Path:
    """Write a page that needs no network; pointing at a mark shows its setting."""
    import plotly.graph_objects as go

    fig, (watts, smooth, whole, _) = go.Figure(), _curve(found)
    hover = [_hover(found.row(s)) for s in found.curve]
    fig.add_scatter(x=watts, y=smooth, name="parts of racks counted", line={"color": CURVE}, hoverinfo="skip")
    fig.add_scatter(x=watts, y=whole, name="whole racks", mode="markers", marker={"color": WHOLE, "size": 8},
                    text=hover, hoverinfo="text")  # fmt: skip
    rows = found.row(found.nameplate, is_nameplate=True), found.row(found.best)
    for mark, row in zip(_marks(found), rows, strict=True):
        fig.add_scatter(
            x=[mark.gpu_w], y=[mark.value], name=mark.text, mode="markers", text=[_hover(row)],
            hoverinfo="text", marker={"color": mark.colour, "size": 18, "symbol": "star"},
        )  # fmt: skip
    fig.update_layout(
        template="plotly_white", title=_title(found), xaxis={"title": X_TITLE},
        yaxis={"title": _y_title(found), "rangemode": "tozero"},
    )  # fmt: skip
    fig.write_html(str(path), include_plotlyjs=True, full_html=True)
    return Path(path)


def _curve(found: MaxQ) -> tuple[list[float], list[float], list[float], list[float]]:
    """Watts of a GPU, value with parts of racks and with whole ones, clock."""
    held = found.curve
    return (
        [s.mean_gpu_w for s in held],
        [found.feed.fit(s.rack_power_w) * s.value(found.tiers) for s in held],
        [found.value(s) for s in held],
        [s.clock_frac for s in held],
    )


def _marks(found: MaxQ) -> list[_Mark]:
    rated, best = found.nameplate, found.best
    provisioned = found.nameplate_racks * rated.value(found.tiers)
    gain = found.gains["all"]
    return [
        _Mark(rated.mean_gpu_w, provisioned, f"nameplate: {found.nameplate_racks} racks, full clock", NAMEPLATE),
        _Mark(
            best.mean_gpu_w, found.value(best),
            f"max-Q: {found.racks(best)} racks, clock {best.clock_frac:.2f}, {gain:+.1%}", BEST,
        ),
    ]  # fmt: skip


def _y_title(found: MaxQ) -> str:
    unit = "USD an hour" if found.tiers else "tokens/s"
    return f"{unit} of {found.feed.feed_w / 1e6:g} MW"


def _title(found: MaxQ) -> str:
    return f"{found.title}: what a fixed feed gives"


def _hover(row: dict[str, Any]) -> str:
    ahead = (
        f"; prompts {row['prefill_layout']} at clock {row['prefill_clock_frac']:.2f}"
        if row["prefill_layout"]
        else ""
    )
    return (
        f"{row['layout']} at clock {row['clock_frac']:.2f}{ahead}<br>{row['racks']} racks, {row['gpu_power_w']:,.0f} W"
        f" a GPU, {row['site_power_w'] / 1e6:,.3f} MW<br>{row['tokens_per_s']:,.0f} tokens/s, TPOT"
        f" {row['tpot_s'] * 1e3:,.1f} ms, TTFT {row['ttft_s']:,.2f} s"
    )
