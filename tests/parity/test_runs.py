"""Whole runs in both fidelities: the same instants and tokens for every request, the same watts and kelvins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import twin
from twin.report import Run


@pytest.fixture(scope="module")
def runs(scenarios: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """One rack with its cooling and a pump trip that throttles it, once in each fidelity."""
    trip = {"at": "1 min", "kind": "pump-trip", "asset": "cdu-1", "spare_after": "40 s"}
    scenario = twin.load(
        scenarios / "one-rack.yaml", set={"time.duration": "4 min", "events": {"trip": trip}}
    )
    out = tmp_path_factory.mktemp("parity")
    return twin.run(scenario, fidelity="event", out=out), twin.run(scenario, fidelity="batch", out=out)


def test_every_request_is_the_same(runs: tuple[Run, Run]) -> None:
    event, batch = (run.requests for run in runs)
    assert len(event) == len(batch) > 2000
    for column in ("arrived_at_s", "first_token_at_s", "done_at_s"):
        np.testing.assert_allclose(event[column], batch[column], rtol=0, atol=1e-9, equal_nan=True)
    for column in ("input_tokens", "output_tokens", "replica", "status"):
        np.testing.assert_array_equal(event[column], batch[column])


def test_the_coupling_acted(runs: tuple[Run, Run]) -> None:
    for run in runs:
        assert run["gpu.clock_frac"].values.min() < 1.0


@pytest.mark.parametrize(
    "name", ["site.power_w", "gpu.temperature_k", "cdu.return_k", "replica.output_tokens"]
)
def test_watts_kelvins_and_tokens_are_the_same(runs: tuple[Run, Run], name: str) -> None:
    event, batch = (run[name].values for run in runs)
    np.testing.assert_allclose(event, batch, rtol=1e-6)


def test_spans_tile_the_life_of_a_request(runs: tuple[Run, Run]) -> None:
    event = runs[0]
    spans, requests = event.spans, event.requests
    row = int(requests.index[requests["done_at_s"].notna()][100])
    mine = spans[spans["request"] == row].sort_values("from_s", kind="stable")
    assert mine["from_s"].iloc[0] == pytest.approx(requests.loc[row, "arrived_at_s"], abs=1e-9)
    assert mine["to_s"].iloc[-1] == pytest.approx(requests.loc[row, "done_at_s"], abs=1e-9)
    np.testing.assert_allclose(mine["from_s"].to_numpy()[1:], mine["to_s"].to_numpy()[:-1], atol=1e-9)
    assert {"queue", "prefill", "decode", "gateway"} <= set(mine["hop"])
