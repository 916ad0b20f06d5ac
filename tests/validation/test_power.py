"""The power command: every row gets an answer, nothing measured is read, errors stay where the page states them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.validation.power import answers, fit, pooling, split, timing
from tests.validation.power.known import shipped
from tests.validation.power.measured import SEEDS, TABLE, measured
from tests.validation.power.watts import power_w
from twin import catalog
from twin.perf import measurements

MEASURED = (
    "output_throughput_tokens_per_sec", "avg_power_watts", "energy_per_token_joules", "energy_per_request_joules",
    "median_itl_ms", "p90_itl_ms", "p95_itl_ms", "p99_itl_ms",
)  # fmt: skip


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    return measurements.rows_of(TABLE)


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


@pytest.mark.parametrize(
    ("calibration", "is_told", "power", "energy"),
    [
        ("half", False, 0.099, 0.112),
        ("all", False, 0.078, 0.097),
        ("rows", False, 0.078, 0.110),
        ("rows", True, 0.034, 0.055),
    ],
)
def test_errors_are_those_of_the_page(calibration: str, is_told: bool, power: float, energy: float) -> None:
    seen = measured()
    side = seen.side(calibration)
    found = fit.errors(seen, timing.constants(calibration).held, side if is_told else None)
    rows = np.ones_like(side) if calibration == "all" else ~side
    assert found["power"][rows].mean() == pytest.approx(power, abs=0.002)
    assert found["energy per output token"][rows].mean() == pytest.approx(energy, abs=0.002)


def test_beyond_measured_batches_relations_tell_what_lines_through_neighbours_do_not() -> None:
    seen, side = measured(), measured().side("rows")
    energy_j = seen.gpu_w * seen.mean_s / [case.configuration.concurrency for case in seen.cases]
    at = pooling.places(seen.cases)
    beyond, line = [], []
    for i in np.flatnonzero(~side):
        own = np.flatnonzero(side & (at.group == at.group[i]) & (at.task == at.task[i]))
        own = own[np.argsort(at.doublings[own])]
        if not at.doublings[own[0]] < at.doublings[i] < at.doublings[own[-1]]:
            beyond.append(i)
            said = np.exp(np.interp(at.doublings[i], at.doublings[own], np.log(energy_j[own])))
            line.append(abs(said / energy_j[i] - 1.0))
    found = fit.errors(seen, timing.constants("rows").held, side)["energy per output token"][beyond]
    assert len(beyond) == 37
    assert np.mean(line) == pytest.approx(0.27, abs=0.01)
    assert found.mean() == pytest.approx(0.131, abs=0.005)


def test_groups_without_measurements_get_the_relations_alone() -> None:
    seen = measured()
    told, side = shipped("half"), seen.side("half")
    for case in [case for case, is_known in zip(seen.cases, side, strict=True) if not is_known][::7]:
        time = told.held.times(case)
        assert told.corrected(case, time) == (time, 1.0)
        assert told.rows_of(case) == 0


def test_a_measured_row_moves_rows_of_its_own_configuration_alone(
    tmp_path: Path, table: list[dict[str, str]]
) -> None:
    """Half as many sequences as any run of it: told by them; on half as many GPUs: by the relations."""
    row = min((r for r in table if r["num_gpus"] == "4"), key=lambda r: float(r["max_num_seqs"]))
    other = {**row, "max_num_seqs": "6", "avg_batch_size": "6"}
    found = answers.answers(_file(tmp_path, [row, other, {**other, "num_gpus": "2", "expert_parallel": "2"}]))
    assert [found[str(i)]["measured_rows"] > 0 for i in range(3)] == [True, True, False]
    told = found["0"]["avg_power_watts"] / float(row["avg_power_watts"])
    assert told == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_power_stays_between_idle_and_tdp_whatever_was_measured(factor: float) -> None:
    told = shipped()
    for case in measured().cases[::97]:
        time = told.held.times(case)
        gpu = time.resolved.gpu
        watts = power_w(case, time, told.held, factor=factor)
        assert gpu.idle_power_w <= watts <= gpu.tdp_w
        assert watts == pytest.approx(gpu.tdp_w if factor > 1.0 else gpu.idle_power_w, rel=1e-3)


def test_scales_of_drawn_misses_are_found_again() -> None:
    rng = np.random.default_rng(1)
    names = [(f"g{g}", f"t{t}") for g in range(24) for t in range(3) for _ in range(4)]
    at = pooling.Places(
        np.array([g for g, _ in names]), np.array([t for _, t in names]), np.tile([3.0, 4.0, 5.0, 6.0], 72)
    )
    true = pooling.Scales(0.1, 0.2, 0.05)
    spread = pooling.covariance(at, at, true) + true.rest**2 * np.eye(len(names))
    misses = np.linalg.cholesky(spread) @ rng.standard_normal(len(names))
    assert pooling.fitted(at, misses) == pytest.approx(true, rel=0.3)


def test_alternate_rows_halve_every_series(table: list[dict[str, str]]) -> None:
    kept = split.by_rows(table)
    balance: dict[tuple[str, str], int] = {}
    for row, is_kept in zip(table, kept, strict=True):
        key = split.group_of(row), row["task"]
        balance[key] = balance.get(key, 0) + (1 if is_kept else -1)
    assert set(balance.values()) == {0, 1}
    assert sum(kept) == 246


def test_no_group_lies_on_both_sides(table: list[dict[str, str]]) -> None:
    sides = [split.by_groups(table), *(split.by_groups(table, seed) for seed in SEEDS)]
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


CARDS = {
    "hopper": ("h100-sxm", "h100-nvl", "h200-sxm", "h200-nvl"),
    "blackwell": ("b200-sxm", "b200-gb200", "b300-sxm", "b300-gb300", "rubin-vr200"),
}


def test_the_shares_of_the_cards_are_those_of_the_fit_to_all_rows() -> None:
    held = timing.constants().held
    for family, names in CARDS.items():
        shares = {**held["power_shares"], **held["families"][family]["power_shares"]}
        for name in names:
            card = catalog.get("gpu", name)
            assert {part: card.get(f"{part}_power_share_frac") for part in shares} == pytest.approx(
                shares, rel=1e-3
            )


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
