"""The power command: every row gets an answer, nothing measured is read, errors stay where the page states them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.validation.power import answers, fit, split, timing
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


@pytest.mark.parametrize(("calibration", "power", "energy"), [("half", 0.099, 0.112), ("all", 0.078, 0.097)])
def test_errors_are_those_of_the_page(calibration: str, power: float, energy: float) -> None:
    seen = fit.measured()
    found = fit.errors(seen, timing.constants(calibration).held)
    half = seen.halves["groups"]
    rows = ~half if calibration == "half" else np.ones_like(half)
    assert found["power"][rows].mean() == pytest.approx(power, abs=0.01)
    assert found["energy per output token"][rows].mean() == pytest.approx(energy, abs=0.01)


def test_no_group_lies_on_both_sides(table: list[dict[str, str]]) -> None:
    sides = [split.by_groups(table), *(split.by_groups(table, seed) for seed in fit.SEEDS)]
    for kept in sides:
        names = [{split.group_of(row) for row, is_kept in zip(table, kept, strict=True) if is_kept is side}
                 for side in (True, False)]  # fmt: skip
        assert not names[0] & names[1]
        assert abs(len(names[0]) - len(names[1])) <= 1


def test_tiles_of_64_rows_make_the_step_jump_past_the_experts_of_a_gpu(tmp_path: Path) -> None:
    row = {
        "task": "lm-arena-chat", "model_id": "Qwen/Qwen3-235B-A22B-Instruct-2507", "weight_precision": "bfloat16",
        "gpu_model": "B200", "num_gpus": "8", "expert_parallel": "8", "avg_output_len": "870",
    }  # fmt: skip
    sizes = ("15", "16", "17", "18")
    found = answers.answers(_file(tmp_path, [{**row, "max_num_seqs": size} for size in sizes]))
    steps = [found[str(i)]["mean_itl_ms"] for i in range(len(sizes))]
    assert steps[2] - steps[1] > 5 * (steps[1] - steps[0])
    assert steps[3] - steps[2] < 0.2 * (steps[2] - steps[1])


def test_the_shares_of_the_cards_tell_the_rows_as_the_page_says() -> None:
    held = json.loads(json.dumps(timing.constants().held))
    for family, name in (("hopper", "h100-sxm"), ("blackwell", "b200-sxm")):
        card = catalog.get("gpu", name)
        shares = {
            part: card.get(f"{part}_power_share_frac") for part in ("active", "link", "compute", "memory")
        }
        held["families"][family]["power_shares"] = shares
    found = fit.errors(fit.measured(), held)["power at the measured time"]
    assert found.mean() == pytest.approx(0.089, abs=0.005)


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
