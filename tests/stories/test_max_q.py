"""What an operator must see before racks go in beyond nameplate: the feed holds, and tokens follow."""

from __future__ import annotations

from pathlib import Path

import pytest

import twin
from twin import simulate, topology

MAX_Q = Path(__file__).parents[2] / "scenarios" / "max-q.yaml"
CONTRACT_W = 1.45e6
NAMEPLATE = {"racks.nvl72.count": "9", "network.leaf.count": "9"}


def run(folder: Path, changes: dict[str, str]) -> tuple[float, float]:
    """Highest power of the site over a sample [W], and output tokens per second once batches are full."""
    scenario = twin.load(MAX_Q, (), {"time.duration": "3 min", **changes})
    found = twin.open_run(simulate.run(scenario, out=folder))
    tokens = found["replica.output_tokens"].values.sum(axis=1)
    late = tokens[len(tokens) // 3 :]
    return float(found["site.power_w"].values.max()), float(late.mean()) / scenario.time.sample


def test_nameplate_forbids_the_tenth_rack() -> None:
    for changes, paths in (({}, ["power.feed.capacity"]), (NAMEPLATE, [])):
        scenario = twin.load(MAX_Q, (), {"power.feed.capacity": "1.45 MW", **changes})
        faults = topology.check(topology.build(scenario), scenario)
        assert [fault.where.split()[-1] for fault in faults] == paths


@pytest.mark.slow
def test_ten_racks_under_more_load_than_they_serve_stay_inside_the_feed(tmp_path: Path) -> None:
    peak_w, tokens_per_s = run(tmp_path, {})
    rated_peak_w, rated_tokens_per_s = run(tmp_path, NAMEPLATE)
    gain = tokens_per_s / rated_tokens_per_s - 1.0
    print(f"\nnine racks: {rated_peak_w / 1e3:.0f} kW at most, {rated_tokens_per_s:,.0f} tokens/s;"
          f" ten: {peak_w / 1e3:.0f} kW, {tokens_per_s:,.0f} tokens/s, {gain:+.1%}")  # fmt: skip
    assert rated_peak_w < peak_w < CONTRACT_W
    assert gain > 0.1
