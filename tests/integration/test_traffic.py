"""Other traffic in a whole run: from the scenario to the table of flows and the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin.report import Run
from twin.report.traffic import traffic_rows

SCENARIO = Path(__file__).parents[2] / "scenarios/shared-fabric.yaml"
SHORT = {"time.duration": "1 min", "workload.copies": 1, "events.failure.at": "10 s"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return twin.run(twin.load(SCENARIO, set=SHORT), out=tmp_path_factory.mktemp("traffic"))


def test_every_class_moves_what_it_should(run: Run) -> None:
    flows = run.flows
    sums = flows.groupby("class")["bytes"].sum()
    assert sums["samples"] == pytest.approx(4e9 * 60.0)
    assert sums["prompts"] == pytest.approx(3e6 * run.attrs["arrivals"])
    saved = flows[flows["class"] == "checkpoint"]
    assert saved["bytes"].sum() == pytest.approx(1e12)
    assert set(saved["to"]) == {"storage"}
    # storage is the neck: 1 TB at 200 GB/s, beside at most a few transfers
    assert 5.0 <= (saved["ended_at_s"] - saved["began_at_s"]).max() < 7.0
    steps = flows[(flows["class"] == "training") & (flows["is_whole"] == 1)]
    gaps_s = steps["began_at_s"].to_numpy()[1:] - steps["ended_at_s"].to_numpy()[:-1]
    np.testing.assert_allclose(gaps_s, 0.3, atol=1e-9)
    lasted_s = steps["ended_at_s"] - steps["began_at_s"]
    assert (lasted_s >= steps["alone_s"] * (1.0 - 1e-9)).all()
    assert lasted_s.max() > steps["alone_s"].max() * 1.001, "KV and checkpoints slow it down"


def test_a_replica_opens_when_its_weights_have_come(run: Run) -> None:
    (row,) = run.flows[run.flows["class"] == "weights"].itertuples()
    started_s = float(run.events[run.events["what"] == "replica starts"]["time_s"].iloc[0])
    assert row.began_at_s == started_s == 40.0
    assert row.to == "replica-003"
    admitted = run.requests[run.requests["entry_replica"] == 2]["admitted_at_s"]
    assert not ((admitted > 10.0) & (admitted < row.ended_at_s)).any()


def test_links_add_up(run: Run) -> None:
    """What leaves carried for other traffic is what flows moved over them."""
    up = run["leaf.uplink_other_frac"].values
    assert (run["leaf.uplink_frac"].values >= up - 1e-6).all()
    assert run["leaf.uplink_frac"].values.max() <= 1.0 + 1e-6
    moved = run.flows.groupby("class")["bytes"].sum()
    expected = moved["training"] + moved["checkpoint"] + moved["answers"]
    # eight leaves with seven lines of 100 GB/s each; a quarter of the bytes of a rack on each
    assert up.mean(axis=0).sum() * 700e9 * 60.0 == pytest.approx(expected, rel=1e-3)
    kv_bytes = run["replica.sent_bytes"].values.sum(dtype=float)
    assert run["site.leaf_up_bytes"].values.sum(dtype=float) == pytest.approx(expected + kv_bytes, rel=1e-3)


def test_report_tells_it_by_class(run: Run) -> None:
    table = traffic_rows(run)
    assert table is not None
    assert [row[0] for row in table.rows][-1] == "KV transfers"
    assert {row[0] for row in table.rows} > {
        "training",
        "checkpoint",
        "samples",
        "prompts",
        "answers",
        "weights",
    }


def test_without_the_section_nothing_is_recorded(tmp_path: Path) -> None:
    quiet = twin.run(
        twin.load(SCENARIO, set=SHORT | {"traffic": None, "time.duration": "20 s"}), out=tmp_path
    )
    assert quiet.flows.empty
    assert traffic_rows(quiet) is None
    assert "leaf.uplink_other_frac" not in quiet.file.series_names()


def test_both_fidelities_move_the_same(tmp_path: Path) -> None:
    """Twenty seconds with a checkpoint, steps, a death and a restart: flows and requests to 1e-9 s."""
    short = SHORT | {"time.duration": "20 s", "events.failure.at": "5 s", "events.failure.spare_after": "5 s",
                     "traffic.flows.checkpoint.start": "2 s"}  # fmt: skip
    batch, event = (
        twin.run(twin.load(SCENARIO, set=short | {"fidelity": fidelity}), out=tmp_path)
        for fidelity in ("batch", "event")
    )
    order = ["class", "to", "began_at_s"]
    one, other = (run.flows.sort_values(order, ignore_index=True) for run in (batch, event))
    assert {"checkpoint", "training", "weights"} <= set(one["class"])
    for name in ("began_at_s", "ended_at_s", "bytes"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-12, atol=1e-9)
    for name in ("first_token_at_s", "done_at_s"):
        np.testing.assert_allclose(batch.requests[name], event.requests[name], rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(batch["leaf.uplink_frac"].values, event["leaf.uplink_frac"].values, atol=1e-6)
