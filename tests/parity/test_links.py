"""Links and switches that fail during a run: the same in both fidelities, and only while they are down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import twin

SCENARIOS = Path(__file__).parents[2] / "scenarios"
DESIGN = "{leaf: {switch: qm9700}, rail_optimised: true, oversubscription: 4.0, nodes_per_unit: 18}"
EVENTS = {
    "top": {"at": "3.5 s", "kind": "switch-down", "asset": "spine-1", "duration": "4 s"},
    "rail": {"at": "9 s", "kind": "switch-down", "asset": "leaf-2", "duration": "3 s"},
    "line": {"at": "10 s", "kind": "link-down", "asset": "rack-01/nic-01/optic"},
}


def run(folder: Path, fidelity: str, events: dict[str, Any]) -> Any:
    changes = {
        "network": f"{{design: {DESIGN}}}", "time.duration": "15 s", "time.sample": "1 s", "events": events,
        "workload.copies": 2, "fidelity": fidelity,
    }  # fmt: skip
    return twin.run(twin.load(SCENARIOS / "disaggregated.yaml", set=changes), out=folder)


def test_failing_links_are_alike_in_both_fidelities(tmp_path: Path) -> None:
    """The only spine is gone for four seconds: what then leaves its prefill decodes when it is back, and no sooner."""
    batch, event = (run(tmp_path / f, f, EVENTS) for f in ("batch", "event"))
    for column in ("first_token_at_s", "done_at_s"):
        np.testing.assert_allclose(batch.requests[column], event.requests[column], rtol=1e-9)
    up = batch["leaf.uplink_frac"].values
    np.testing.assert_allclose(up, event["leaf.uplink_frac"].values, rtol=1e-6, atol=1e-9)
    assert up[:3].any() and not up[4:7].any() and up[7:9].any()
    rail = batch["leaf.uplink_frac"].ids.index("leaf-2")
    assert not up[10:12, rail].any() and up[10:12].any(), "other rails carry what the second one cannot"
    said = list(zip(batch.file.events()["asset"], batch.file.events()["what"], strict=True))
    assert [what for asset, what in said if asset == "spine-1"] == ["switch down", "switch up"]
    well = run(tmp_path / "well", "batch", {})
    began, ended = (well.requests[c].to_numpy() for c in ("first_token_at_s", "done_at_s"))
    late = batch.requests["done_at_s"].to_numpy() - ended
    caught = (began > 3.5) & (ended < 7.5)
    assert caught.any() and (batch.requests["done_at_s"].to_numpy()[caught] > 7.5).all()
    np.testing.assert_allclose(late[ended < 3.5], 0.0, atol=1e-9)
