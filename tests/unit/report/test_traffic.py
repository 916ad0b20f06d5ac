"""Figures of classes of traffic from the table of flows."""

from __future__ import annotations

import numpy as np
import pytest

from twin.report.traffic import classes


def flows(*rows):
    """Columns from rows of (class, to, bytes, began, ended, is_whole, alone)."""
    names = ("class", "to", "bytes", "began_at_s", "ended_at_s", "is_whole", "alone_s")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    return {name: values if name in ("class", "to") else np.array(values) for name, values in columns.items()}


def test_a_round_ends_with_its_last_flow() -> None:
    found = classes(flows(
        ("save", "storage", 6.0, 0.0, 3.0, 1, 2.0), ("save", "storage", 6.0, 0.0, 4.0, 1, 2.0),
        ("save", "storage", 6.0, 10.0, 12.0, 1, 2.0), ("save", "storage", 6.0, 10.0, 12.0, 1, 2.0),
    ))["save"]  # fmt: skip
    assert (found["rounds"], found["bytes"], found["open_flows"]) == (2.0, 24.0, 0.0)
    assert found["bytes_per_s"] == pytest.approx(24.0 / 6.0)
    assert (found["slowdown_mean"], found["slowdown_max"]) == (1.5, 2.0)


def test_replicas_are_rounds_of_their_own() -> None:
    found = classes(flows(
        ("weights", "replica-1", 8.0, 0.0, 4.0, 1, 2.0), ("weights", "replica-2", 8.0, 0.0, 2.0, 1, 2.0),
        ("weights", "replica-3", 3.0, 0.0, np.nan, 0, 2.0),
    ))["weights"]  # fmt: skip
    assert (found["rounds"], found["open_flows"], found["bytes"]) == (2.0, 1.0, 19.0)
    assert found["round_max_s"] == 4.0


def test_what_flows_all_the_time_ends_with_the_record() -> None:
    row = ("reads", "storage", 50.0, 5.0, np.nan, 0, np.nan)
    assert classes(flows(row))["reads"]["open_flows"] == 1.0
    found = classes(flows(row), 15.0)["reads"]
    assert (found["open_flows"], found["bytes_per_s"]) == (0.0, 5.0)
    assert np.isnan([found["slowdown_mean"], found["rounds"], found["round_max_s"]]).all()
