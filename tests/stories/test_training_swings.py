"""Racks that train in step swing together, and storage in their shelves takes the swing off the grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import twin
from twin.errors import ScenarioError
from twin.report import Run

PERIOD_S, FULL_FRAC = 2.0, 0.75
NODES, GPU_W = 18, 4 * (1200.0 - 175.0)  # of a rack; of a node, from idle to full load
TIME = {"time.duration": "100 s", "racks.nvl72.count": 1}


@pytest.fixture(scope="module")
def path(scenarios: Path) -> Path:
    return scenarios / "training-swings.yaml"


def run(path: Path, out: Path, **changes: Any) -> Run:
    """One rack in training, whose balances hold."""
    (out / "jobs.csv").write_text(f"submit_s,duration_s,nodes\n5,85,{NODES}\n")
    found = twin.run(twin.load(path, set={**TIME, "jobs.table": str(out / "jobs.csv"), **changes}), out=out)
    for name, book in found.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    return found


def swing_w(found: Run, name: str = "rack.power_w") -> float:
    """From lowest to highest while the job runs and all has settled."""
    series = found[name]
    values = series.values[(series.time_s > 60.0) & (series.time_s < 88.0)].sum(axis=1, dtype=float)
    return float(values.max() - values.min())


def test_all_racks_swing_with_the_iterations(path: Path, tmp_path: Path) -> None:
    found = run(path, tmp_path, **{"power.smoothing": None})
    wanted_w = (
        NODES * GPU_W * 0.95 * 0.75
    )  # the shares of the scenario: 95 % of the range, and a quarter of it
    assert swing_w(found) == pytest.approx(wanted_w, rel=0.06), "and the loss of the shelves"
    power_w = found["rack.power_w"].values[150:230, 0].astype(float)
    strongest = np.argmax(np.abs(np.fft.rfft(power_w - power_w.mean()))) / (len(power_w) * 0.2)
    assert strongest == pytest.approx(1.0 / PERIOD_S, rel=0.05)


def test_enough_storage_flattens_them_and_too_little_does_not(path: Path, tmp_path: Path) -> None:
    """A swing of height A, period T and share d takes ``A T d (1 - d)`` out of a store and back."""
    none = run(path, tmp_path, **{"power.smoothing": None})
    needed_j = swing_w(none) * PERIOD_S * FULL_FRAC * (1.0 - FULL_FRAC)
    enough = run(path, tmp_path, **{"power.smoothing": {"energy": f"{3 * needed_j:.0f} J", "window": "10 s"}})
    little = run(path, tmp_path, **{"power.smoothing": {"energy": f"{needed_j / 2:.0f} J", "window": "10 s"}})
    assert swing_w(enough) < 0.12 * swing_w(none)
    assert 0.4 * swing_w(none) < swing_w(little)
    assert swing_w(enough, "gpu.power_w") == pytest.approx(swing_w(none, "gpu.power_w"), rel=1e-3)
    stored = enough["psu.stored_frac"].values[300:440, 0]
    assert stored.min() > 0.1 and stored.max() < 0.9, "neither empty nor full"
    lost_j = enough.kpis()["energy_site_j"] - none.kpis()["energy_site_j"]
    assert 0.0 < lost_j < 0.02 * none.kpis()["energy_site_j"], "storage is not free"


def test_storage_of_shelves_lengthens_their_hold_up(path: Path, tmp_path: Path) -> None:
    loss = {"events": {"loss": {"at": "40 s", "kind": "feed-loss", "duration": "400 ms"}}}
    dark = run(path, tmp_path, **loss, **{"power.smoothing": None})
    held = run(path, tmp_path, **loss)
    assert dark["rack.dark_s"].values.sum() > 0.1
    assert held["rack.dark_s"].values.sum() < dark["rack.dark_s"].values.sum()


def test_a_window_shorter_than_two_ticks_is_refused(path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        twin.load(path, set={"power.smoothing.window": "150 ms"})
    assert [fault.where for fault in caught.value.faults] == ["power.smoothing.window"]


def test_a_name_for_a_profile_and_a_cycle_is_refused(path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        twin.load(path, set={"jobs.profiles": {"iteration": ["50 %"]}})
    assert "iteration in profiles and cycles" in str(caught.value)
