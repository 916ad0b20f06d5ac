"""A run with tiers, tenants, a cache and every way in which a request can end, written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twin import quantities, report
from twin.quantities import Quantity
from twin.report import Run
from twin.requests import CANCELLED, FINISHED, INSIDE, REJECTED, SHED
from twin.results import Writer

PERIOD_S = 10.0
NAN = np.nan
LATER = ("cached_tokens", "lost_tokens", "preemptions", "sent_bytes")

ATTRS = {
    "scenario": "serving", "description": "by hand", "fidelity": "batch", "duration_s": 20.0, "tick_s": 1.0,
    "arrivals": 8,
    "economics": json.dumps({
        "electricity_usd_per_j": 1e-6, "input_price_usd_per_token": 0.01, "output_price_usd_per_token": 0.1,
    }),
    "slo": json.dumps({"ttft_s": 1.0, "tpot_s": 0.15}),
    "labels": json.dumps({"tenants": ["acme", "zeta"], "tiers": ["gold", "economy"], "kinds": ["chat"]}),
    "tiers": json.dumps([
        {"name": "gold", "ttft_s": 0.5, "tpot_s": 0.05, "input_usd_per_token": 0.02, "output_usd_per_token": 0.2},
        {"name": "economy", "ttft_s": 10.0, "tpot_s": None},
    ]),
    "sampling": json.dumps({"requests_frac": 1.0, "gaps_frac": 1.0}),
}  # fmt: skip

REQUESTS = {
    "request": np.arange(8),
    "arrived_at_s": np.arange(8.0),
    "first_token_at_s": [0.4, 1.9, 7.0, 3.2, NAN, NAN, 6.1, NAN],
    "done_at_s": [0.8, 2.3, 8.0, 3.2, NAN, NAN, NAN, NAN],
    "input_tokens": [100, 100, 200, 100, 300, 100, 100, 100],
    "output_tokens": [11, 11, 11, 1, 50, 50, 50, 50],
    "replica": [0, 0, 1, 1, -1, -1, 1, 0],
    "status": [FINISHED, FINISHED, FINISHED, FINISHED, REJECTED, SHED, CANCELLED, INSIDE],
    "admitted_at_s": [0.1, 1.5, 6.0, 3.1, NAN, NAN, 6.05, NAN],
    "cached_tokens": [50, 0, 100, 0, 0, 0, 0, 0],
    "generated_tokens": [11, 11, 11, 1, 0, 0, 3, 0],
    "entry_replica": [0, 0, 1, 1, -1, -1, 1, 0],
    "tenant": [0, 1, 1, 0, 0, 0, 1, 1],
    "tier": [0, 0, 1, 1, 0, 0, 0, 0],
    "kind": [0] * 8,
    "session": [-1] * 8,
    "attempts": [1, 2, 1, 1, 1, 1, 1, 1],
}

GAPS = {
    "group": [0, 0, 1],
    "sequences": [2, 1, 3],
    "steps": [10, 1, 4],
    "first_s": [0.04, 0.5, 0.1],
    "growth_s": [0.001, 0.0, -0.01],
}

SERIES = {
    "site.power_w": [[1000.0], [3000.0]], "site.it_power_w": [[800.0], [2200.0]],
    "site.cooling_power_w": [[150.0], [600.0]], "site.loss_w": [[50.0], [200.0]], "site.pue": [[1.25], [1.36]],
    "gpu.temperature_k": [[340.0, 350.0], [345.0, 365.0]], "gpu.clock_frac": [[1.0, 1.0], [1.0, 0.5]],
    "gpu.throttled_s": [[0.0, 0.0], [0.0, 10.0]], "outdoor.dry_bulb_k": [[300.0], [302.0]],
    "replica.output_tokens": [[40.0, 0.0], [44.0, 0.0]], "replica.prefill_tokens": [[100.0, 50.0], [300.0, 0.0]],
    "replica.batch_requests": [[2.0, 0.0], [4.0, 0.0]], "replica.queue_requests": [[0.0, 0.0], [1.0, 0.0]],
    "replica.kv_frac": [[0.1, 0.1], [0.3, 0.1]], "replica.cached_tokens": [[50.0, 100.0], [0.0, 0.0]],
    "replica.lost_tokens": [[3.0, 0.0], [0.0, 4.0]], "replica.preemptions": [[1.0, 0.0], [0.0, 1.0]],
    "replica.sent_bytes": [[1e9, 0.0], [0.0, 0.0]],
}  # fmt: skip


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Writes the run and opens it; attributes by name replace those above, None leaves one out."""
    for name in LATER:
        if f"replica.{name}" not in quantities.QUANTITIES:
            quantity = Quantity(f"replica.{name}", "1", "sum", name, "")
            monkeypatch.setitem(quantities.QUANTITIES, quantity.name, quantity)

    def write(file: str = "trace.h5", series: int = len(SERIES), **attrs: object) -> Run:
        with Writer(
            tmp_path / file, run_id="serving-1", scenario_text="scenario: serving", overlays=[], seed=1,
            start_iso="2022-07-20 13:00", numbers_version="1", sources=["gpu/x: a sheet"],
        ) as writer:  # fmt: skip
            writer.attrs({k: v for k, v in (ATTRS | attrs).items() if v is not None})
            for kind in ("gpu", "replica"):
                ids = [f"{kind}-1", f"{kind}-2"]
                writer.assets(kind, ids, np.zeros((2, 3)), np.ones((2, 3)), ["", ""], ["", ""])
            written = dict(list(SERIES.items())[:series])
            for name, values in written.items():
                kind = name.split(".")[0]
                writer.open_series(name, [f"{kind}-{i + 1}" for i in range(len(values[0]))], PERIOD_S)
            writer.append_series(np.array([10.0, 20.0]), {k: np.array(v) for k, v in written.items()})
            writer.append("requests", REQUESTS)
            writer.append("gaps", GAPS)
            books = {"in": [1.0], "out": [1.0], "inside": [0.0], "residual_rel": [0.0]}
            writer.append("audit", {"name": ["energy"], **books})
            writer.close(complete=True)
        return report.open_run(tmp_path / file)

    return write
