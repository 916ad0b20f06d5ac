"""The power command: every row gets an answer, nothing measured is read, errors stay where the page states them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.validation.power import answers, fit, timing
from twin import catalog
from twin.perf import measurements

MEASURED = (
    "output_throughput_tokens_per_sec", "avg_power_watts", "energy_per_token_joules", "energy_per_request_joules",
    "median_itl_ms", "p90_itl_ms", "p95_itl_ms", "p99_itl_ms",
)  # fmt: skip


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    return measurements.rows_of(fit.TABLE)


def _file(folder: Path, table: list[dict[str, str]]) -> Path:
    file = folder / "rows.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    return file


def test_nothing_measured_is_read(tmp_path: Path, table: list[dict[str, str]]) -> None:
    some = table[::29]
    blind = [{k: ("" if k in MEASURED else v) for k, v in row.items()} for row in some]
    known = answers.answers(_file(tmp_path, some))
    assert answers.answers(_file(tmp_path, blind)) == known
    assert all(set(answers.FIGURES) <= set(answer) for answer in known.values())


def test_rows_without_workload_columns_get_an_answer(tmp_path: Path, table: list[dict[str, str]]) -> None:
    bare = [{k: v for k, v in table[0].items() if k not in ("avg_batch_size", "avg_output_len")}]
    full = answers.answers(_file(tmp_path, table[:1]))["0"]
    found = answers.answers(_file(tmp_path, bare))["0"]
    assert found["avg_power_watts"] == pytest.approx(full["avg_power_watts"], rel=0.05)


def test_unknown_rows_are_refused_with_a_reason(tmp_path: Path, table: list[dict[str, str]]) -> None:
    other = [
        {**table[0], "gpu_model": "TPU"},
        {**table[0], "num_gpus": "many"},
        {**table[0], "model_id": "no/body"},
    ]
    found = answers.answers(_file(tmp_path, other))
    assert "TPU" in found["0"]["refused"]
    assert "cannot be read" in found["1"]["refused"]
    assert "no/body" in found["2"]["refused"]


@pytest.mark.parametrize(("calibration", "power", "energy"), [("half", 0.113, 0.201), ("all", 0.085, 0.117)])
def test_errors_are_those_of_the_page(calibration: str, power: float, energy: float) -> None:
    seen = fit.measured()
    found = fit.errors(seen, timing.constants(calibration).held)
    half = seen.halves["models"]
    rows = ~half if calibration == "half" else np.ones_like(half)
    assert found["power"][rows].mean() == pytest.approx(power, abs=0.01)
    assert found["energy per output token"][rows].mean() == pytest.approx(energy, abs=0.01)


def test_the_shares_of_the_cards_are_those_of_the_fit_to_all_rows() -> None:
    held = timing.constants().held
    for family, name in (("hopper", "h100-sxm"), ("blackwell", "b200-sxm")):
        for part, share in {**held["power_shares"], **held["families"][family]["power_shares"]}.items():
            assert catalog.get("gpu", name).get(f"{part}_power_share_frac") == pytest.approx(share, rel=0.01)


def test_the_command_writes_every_row(tmp_path: Path, table: list[dict[str, str]]) -> None:
    out = tmp_path / "out.json"
    command = [
        sys.executable,
        "-m",
        "tests.validation",
        "power",
        str(_file(tmp_path, table[:3])),
        "--json",
        str(out),
    ]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], capture_output=True)
    assert list(json.loads(out.read_text())) == ["0", "1", "2"]
