"""Picture of the shipped loss of the grid for the documentation: ``python -m tests.validation.outages [-o FOLDER]``."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import twin
from tests.validation.pictures import COLOURS, INK, save
from twin.report import Run

SCENARIO = Path(__file__).parents[2] / "scenarios/feed-loss.yaml"


def draw(run: Run) -> Any:
    """Who carries the site, what batteries hold, voltage behind the transformers, and the air of the hall."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 7.5), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True, height_ratios=(3, 1, 1, 1))
    minutes = run["site.power_w"].time_s / 60.0
    parts = {
        "grid": run["site.power_w"].values[:, 0],
        "batteries": run["ups.battery_w"].values.sum(axis=1).clip(0.0),
        "generators": run["generator.power_w"].values.sum(axis=1),
    }
    colours = (COLOURS[0], COLOURS[1], COLOURS[2])
    axes[0].stackplot(
        minutes, [p / 1e3 for p in parts.values()], labels=list(parts), colors=colours, step="pre"
    )
    it = run["site.it_power_w"].values[:, 0] / 1e3
    axes[0].plot(minutes, it, color=INK, linewidth=1, label="racks and network")
    axes[0].legend(loc="lower right", fontsize=8, ncols=4)
    lines = (
        (axes[1], run["ups.stored_frac"].values.min(axis=1) * 100.0, "charge, %"),
        (axes[2], run["transformer.voltage_pu"].values[:, 0] * 100.0, "voltage, %"),
        (axes[3], run["hall.air_k"].values[:, 0] - 273.15, "hall air, °C"),
    )
    axes[0].set_ylabel("power, kW", fontsize=8)
    for ax, values, label in lines:
        ax.plot(minutes, values, color=COLOURS[3], linewidth=1.2, drawstyle="steps-pre")
        ax.set_ylabel(label, fontsize=8)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(colors=INK, labelsize=8)
        ax.grid(alpha=0.2)
        ax.set_xlim(2.0, 17.0)
    axes[3].set_xlabel("minutes", fontsize=8)
    return figure


def main() -> None:
    """Run the scenario and write the picture."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("-o", "--out", type=Path, default=SCENARIO.parents[1] / "docs/images")
    folder = options.parse_args().out
    with tempfile.TemporaryDirectory() as scratch:
        save(draw(twin.run(twin.load(SCENARIO), out=scratch)), folder / "feed-loss.png")


if __name__ == "__main__":
    main()
