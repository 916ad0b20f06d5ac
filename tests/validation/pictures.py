"""Pictures of networks for the documentation: ``python -m tests.validation.pictures [-o docs/images] [NAME ...]``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.validation.collectives import measured
from tests.validation.network import loads, reference
from twin.models.flows import FlowNetwork
from twin.network import FatTree, collective, fabric, flow_times
from twin.topology.fabric.optics import read_study

INK, PALE = "#2b2f36", "#8a9099"
COLOURS = ("#2f6fb0", "#d1662b", "#3b8f5a", "#8a4fa3", "#1f9aa8", "#b5892a")
DOTS_PER_INCH = 100
STUDY = Path(__file__).parents[2] / "scenarios/studies/cpo-or-pluggable.yaml"


def _figure(width: float, height: float, panels: int = 1) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK, labelsize=8)
        ax.grid(alpha=0.2)
    return figure, axes


def save(figure: Any, file: Path) -> None:
    """Write a picture in few colours, which keeps it small."""
    from PIL import Image

    figure.savefig(file, dpi=DOTS_PER_INCH)
    with Image.open(file) as drawn:
        few = drawn.convert("RGB").quantize(256)
    few.save(file, optimize=True)


def rates(tree: FatTree, dst: np.ndarray, queue_pairs: int | None, seed: int = 0) -> np.ndarray:
    """Share (host) of line rate when every host sends to another; sprayed without queue pairs."""
    src = np.arange(tree.hosts)
    paths = tree.ecmp(src, dst, queue_pairs, seed) if queue_pairs else tree.spray(src, dst)
    net = FlowNetwork(np.ones(tree.links))
    net.add(net.add_routes(paths.first, paths.links, paths.parts), 1.0, 0.0)
    net.advance(0.0)
    share: np.ndarray = net.rate_bytes_per_s.reshape(tree.hosts, queue_pairs or 1).sum(axis=1)
    return share


def hashing() -> Any:
    """Share of line rate of each of 1,024 flows, slowest first, hashed over queue pairs and sprayed."""
    tree, order = FatTree(16), np.random.default_rng(0).permutation(1024)
    dst = np.empty_like(order)
    dst[order] = np.roll(order, 1)
    figure, (ax,) = _figure(7.5, 4.0)
    flows = np.arange(1, tree.hosts + 1)
    for colour, pairs in zip(COLOURS, (1, 2, 4, 16, None), strict=False):
        share = np.sort(rates(tree, dst, pairs))
        name = f"hashed, {pairs} queue pair{'s' * (pairs > 1)}" if pairs else "sprayed"
        ax.step(flows, share, color=colour, lw=1.8, where="mid", label=f"{name}: mean {share.mean():.2f}")
    ax.set(xlabel="flows, slowest first", ylabel="share of line rate", xlim=(0, tree.hosts), ylim=(0, 1.04))
    ax.set_title("1,024 hosts, full permutation, non-blocking fat tree", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def speed() -> Any:
    """Flows a CPU second of the recorded runs, and of SimGrid 4.1 where it was run."""
    rows = [row for row in loads.recorded() if row.window_s == 0.0][::-1]
    figure, (ax,) = _figure(8.0, 0.32 * len(rows) + 1.0)
    at = np.arange(len(rows))
    ax.barh(at, [row.flows_per_s for row in rows], 0.6, color=COLOURS[0], label="exact mode")
    peers = [
        (i, loads.SIMGRID_FLOWS_PER_S[row.name])
        for i, row in enumerate(rows)
        if row.name in loads.SIMGRID_FLOWS_PER_S
    ]
    ax.plot(*np.array([(rate, i) for i, rate in peers]).T, "D", color=COLOURS[1], ms=5, label="SimGrid 4.1")
    ax.set_yticks(at, [f"{row.name} ({row.flows:,})" for row in rows], fontsize=8)
    ax.set_xscale("log")
    ax.set(xlabel="flows a CPU second, one core", xlim=(20, None))
    ax.legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0))
    return figure


def errors() -> Any:
    """Completion times of every flow of the public cases: the flow level against other simulators."""
    names = {
        "simgrid_maxmin": "SimGrid, max-min",
        "ns3_dctcp": "ns-3, DCTCP",
        "htsim_eqds_spray": "htsim, EQDS, sprayed",
    }
    figure, (ax,) = _figure(7.0, 3.6)
    found = [flow_times(case) for case in reference.CASES]
    for i, ((name, label), colour) in enumerate(zip(names.items(), COLOURS, strict=False)):
        for row, t in enumerate(found):
            if name in t.case.references_s:
                off = 100.0 * (t.fct_s / np.array(t.case.references_s[name]) - 1.0)
                at = row + 0.2 * (i - 1) + np.linspace(-0.06, 0.06, len(off))
                ax.plot(at, off, "o", ms=4.5, color=colour, alpha=0.8, mew=0, label="" if row else label)
    ax.axhline(0.0, color=INK, lw=0.8, zorder=0)
    texts = (
        "P1: seven into one",
        "P2: staggered\ndumbbell",
        "P3: parking lot",
        "P4: leaf and spine,\nhashed",
    )
    ax.set_xticks(range(len(found)), texts)
    ax.set(ylabel="completion time, flow level\nagainst the other [%]")
    ax.legend(frameon=False, fontsize=8)
    return figure


def windows() -> Any:
    """Error of windows over their length."""
    figure, (ax,) = _figure(5.2, 3.6)
    lengths_s = np.logspace(-8, -5, 7)
    for (name, load), colour in zip(reference.WORKLOADS.items(), COLOURS, strict=False):
        exact = reference.run(name).fct_s
        off = [np.abs(reference.run(name, w).fct_s / exact - 1.0).mean() for w in lengths_s]
        ax.loglog(
            1e6 * lengths_s,
            100 * np.array(off),
            "o-",
            ms=3.5,
            color=colour,
            label=f"{name}, {load.k**3 // 4} hosts",
        )
    ax.set(xlabel="window [us]", ylabel="mean error of completion times [%]")
    ax.legend(frameon=False, fontsize=8)
    return figure


SMALL: tuple[dict[str, Any], ...] = (
    {"units": 2, "nodes_per_unit": 4, "tiers": 2, "spines": 4}, {"units": 8, "nodes_per_unit": 8, "tiers": 3},
)  # fmt: skip
MANY = {"gpu": "GPUs", "leaf": "leaves", "spine": "spines", "core": "cores"}
TIERS = {"gpu": 0, "leaf": 1, "spine": 2, "core": 3}


def tiers() -> Any:
    """Rail-optimised fabrics of two tiers and of three, lines in the colour of their rail, parallel ones as one."""
    figure, axes = _figure(10.0, 3.8, 2)
    for ax, words in zip(axes, SMALL, strict=True):
        made = fabric.build({"fabric": "drawn", "gpus_per_node": 8, "nics_per_gpu": 1, "nic": "cx7",
                             "rail_optimised": True, "leaf": {"switch": "qm9700"}, **words})  # fmt: skip
        _draw(ax, made)
        gpus = np.count_nonzero(made.is_end)
        ax.set_title(
            f"{words['tiers']} tiers, {words['units']} units: {gpus:,} GPUs, {made.links:,} lines",
            fontsize=10,
        )
    return figure


def _draw(ax: Any, made: fabric.Fabric) -> None:
    from matplotlib.collections import LineCollection

    kind = made.per_node("kind")
    at = np.zeros((made.nodes, 2))
    for tier, level in TIERS.items():
        here = np.flatnonzero(kind == tier)
        at[here, 0] = (np.arange(len(here)) + 0.5) / max(len(here), 1)
        at[here, 1] = level
    a, b = np.unique(np.stack([made.a, made.b], axis=1), axis=0).T
    colours = np.array([*COLOURS, PALE, INK])[np.maximum(made.rail[a], made.rail[b])]
    lines = LineCollection(
        np.stack([at[a], at[b]], axis=1).tolist(), colors=colours.tolist(), lw=0.5, alpha=0.7
    )
    ax.add_collection(lines)
    names = [tier for tier in TIERS if np.any(kind == tier)]
    for tier in names:
        ax.scatter(*at[kind == tier].T, 1 if tier == "gpu" else 9, color=INK, marker="s", zorder=3, lw=0)
    ax.set_yticks([TIERS[t] for t in names], [f"{np.count_nonzero(kind == t):,} {MANY[t]}" for t in names])
    ax.set(xticks=[], xlim=(-0.01, 1.01), ylim=(-0.2, TIERS[names[-1]] + 0.2))
    ax.grid(visible=False)
    ax.spines[["left", "bottom"]].set_visible(False)


def bill() -> Any:
    """Watts and dollars a GPU of a SuperPOD from two to three tiers, by what is bought."""
    figure, panels = _figure(9.0, 3.4, 2)
    units = (4, 8, 16, 64)
    bills = [
        fabric.count_bill(fabric.preset("dgx-b200-superpod", units=n, optics="osfp-2x400-sm")) for n in units
    ]
    for ax, (quantity, label) in zip(
        panels, (("power_w", "W a GPU"), ("price_usd", "USD a GPU")), strict=True
    ):
        below = np.zeros(len(units))
        for what, colour in zip(("switch", "module", "adapter"), COLOURS, strict=False):
            each = np.array([made.total(quantity, what) / made.gpus for made in bills])
            if each.any():
                bars = ax.bar(range(len(units)), each, 0.6, bottom=below, color=colour, label=what)
                ax.bar_label(
                    bars, [f"{v:,.0f}" for v in each], label_type="center", fontsize=8, color="white"
                )
            below += each
        ax.set_xticks(range(len(units)), [f"{made.gpus:,}" for made in bills])
        ax.set(ylabel=label, xlabel="GPUs")
        ax.legend(frameon=False, fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0.0, 1.0))
    return figure


def optics() -> Any:
    """Watts and failures of pluggable and co-packaged optics by the size of the fabric."""
    _, words, sizes = read_study(STUDY)
    cases = fabric.compare_optics(words, sizes)
    figure, (watts, failures) = _figure(9.0, 3.4, 2)
    for i, (kind, colour) in enumerate(zip(("pluggable", "cpo"), COLOURS, strict=False)):
        mine = [case for case in cases if case.optics == kind]
        at = np.arange(len(mine)) + 0.36 * i - 0.18
        bars = watts.bar(at, [case.power_w / case.gpus for case in mine], 0.34, color=colour, label=kind)
        watts.bar_label(bars, fmt="%.0f", fontsize=8)
        low, high = np.array([case.failures_per_day for case in mine]).T
        failures.bar(at, high - low, 0.34, bottom=low, color=colour, label=kind)
        for ax in (watts, failures):
            ax.set_xticks(np.arange(len(mine)), [f"{case.gpus:,}\n{case.tiers} tiers" for case in mine])
    watts.set(ylabel="optics, W a GPU")
    failures.set(ylabel="failures a day, published spread", yscale="log")
    watts.legend(frameon=False, fontsize=8)
    return figure


def bandwidth() -> Any:
    """Bus bandwidth of all-reduce over its size: measured rows, calibrating and held back, and the model."""
    rows = measured.reduces()
    systems = {
        "ND_H200_v5": "8 H200", "ND_A100_v4": "8 A100", "GB200 NVL72 1 rack": "72 GB200, one rack",
        "GB200 NVL72 2 racks + 400G IB": "144 GB200, two racks",
        "GB200 NVL72 20 racks + 400G IB": "1,440 GB200, 20 racks",
        "HGX H100 8 nodes 8x400G IB SHARP": "64 H100, SHARP",
    }  # fmt: skip
    figure, (ax,) = _figure(8.0, 4.6)
    for (name, label), colour in zip(systems.items(), COLOURS, strict=True):
        mine = [row for row in rows if row.name == name]
        first = mine[0]
        low, high = np.log2([mine[0].size_bytes, mine[-1].size_bytes])
        sizes = 2.0 ** np.linspace(low, high, 80)
        made = [
            collective("all_reduce", first.system, first.gpus, s, algorithm=first.algorithm) for s in sizes
        ]
        ax.plot(sizes, [m.bus_bytes_per_s / 1e9 for m in made], color=colour, lw=1.6, label=label)
        for calibrates in (True, False):
            some = [row for row in mine if row.calibrates == calibrates]
            passes = 2.0 * (first.gpus - 1) / first.gpus
            rate = [passes * row.size_bytes / row.time_s / 1e9 for row in some]
            ax.plot(
                [row.size_bytes for row in some],
                rate,
                "o",
                ms=4.5,
                color=colour,
                mfc=colour if calibrates else "white",
            )
    ax.set(xscale="log", xlabel="message of a GPU [bytes]", ylabel="bus bandwidth [GB/s]")
    ax.set_title("all-reduce: lines are the model; open points were held back", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


PICTURES: dict[str, Callable[[], Any]] = {
    "flow-hashing": hashing, "flow-speed": speed, "flow-errors": errors, "flow-windows": windows,
    "fabric-tiers": tiers, "fabric-bill": bill, "fabric-optics": optics, "collective-bandwidth": bandwidth,
}  # fmt: skip


def main() -> None:
    """Draw all, or those that are named."""
    parser = argparse.ArgumentParser(description="Pictures of networks for the documentation.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    for name in asked.names or PICTURES:
        file = asked.out / f"{name}.png"
        save(PICTURES[name](), file)
        print(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
