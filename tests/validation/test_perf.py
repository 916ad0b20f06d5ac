"""The runner: every row is answered, nothing measured is read, files of other kinds are refused clearly."""

from __future__ import annotations

import csv
import gzip
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.validation import kernels, perf
from twin.perf import ledger, measurements, published

ROOT = Path(__file__).parents[2]
POINT = {
    "group": "B200", "generation": "B200", "system": "b200_sxm", "model": "MiniMaxAI/MiniMax-M2.5", "precision": "fp8",
    "mode": "agg", "backend": "vllm", "backend_version": "0.19.0", "isl": "1024", "osl": "1024", "concurrency": "64",
    "parallelism": "tp=4 pp=1 adp=1 moe_tp=4 moe_ep=1", "ttft_ms": "100", "tpot_ms": "12",
    "interactivity_tok_s_user": "83", "gpus": "4", "derived_out_tok_s": "5000", "derived_out_tok_s_per_gpu": "1250",
    "derived_note": "", "measured": "2026-04-22", "wip": "no", "source_id": "minimaxm2_5_b200_vllm_fp8_agg_c64_cfg633",
}  # fmt: skip


def _written(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _shuffled(rows: list[dict[str, str]], kept: tuple[str, ...]) -> list[dict[str, str]]:
    """Rows with everything but some columns dealt out anew, and made absurd here and there."""
    rng, out = random.Random(7), [dict(row) for row in rows]
    for name in rows[0]:
        if name in kept:
            continue
        values = [row[name] for row in rows]
        rng.shuffle(values)
        for row, value in zip(out, values, strict=True):
            row[name] = rng.choice((value, "", "0", "-1e9", "not a number"))
    return out


def _runs() -> tuple[list[dict[str, str]], tuple[str, ...]]:
    return measurements.rows_of(ledger.DATA / "serving.csv.gz")[::9], measurements.READ["runs"]


def _points() -> tuple[list[dict[str, str]], tuple[str, ...]]:
    rows = [{**POINT, "concurrency": str(n), "tpot_ms": str(9 + n)} for n in (1, 4, 64, 512)]
    return rows, measurements.READ["points"]


def _published() -> tuple[list[dict[str, str]], tuple[str, ...]]:
    return measurements.rows_of(ledger.DATA / "published.csv.gz")[::5], published.READ


def _kernels() -> tuple[list[dict[str, str]], tuple[str, ...]]:
    path = kernels.DATA / "gemm_h100_sxm_vllm.csv.gz"
    rows = [{**row, "system": "h100_sxm"} for row in kernels.read(path)[:40]]
    return rows, perf.KERNEL_COLUMNS


@pytest.mark.parametrize("make", [_runs, _points, _published, _kernels])
def test_measured_columns_are_not_read(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    rows, kept = make()
    plain = perf.answers(_written(tmp_path / "plain.csv", rows))
    assert plain == perf.answers(_written(tmp_path / "shuffled.csv", _shuffled(rows, kept)))
    bare = [perf.stripped(row, kept) for row in rows]
    assert plain == perf.answers(_written(tmp_path / "bare.csv", bare))


def test_no_measured_column_is_among_those_read() -> None:
    kept = {
        *published.READ,
        *perf.KERNEL_COLUMNS,
        *(name for names in measurements.READ.values() for name in names),
    }
    measured = {name for name in kept if name.endswith(("_ms", "_us", "_w", "tok_s", "per_gpu", "latency"))}
    assert not measured and not kept & {"value", "per_gpu", "interactivity_tok_s_user", "node_power_w"}


@pytest.mark.parametrize("make", [_runs, _points, _published])
def test_every_row_is_answered(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    rows, _ = make()
    found = perf.answers(_written(tmp_path / "rows.csv", rows))
    assert list(found) == [str(i) for i in range(len(rows))]
    for answer in found.values():
        if "refused" in answer:
            assert list(answer) == ["refused"] and answer["refused"]
            continue
        assert set(answer) == {"ttft_s", "tpot_s", "tokens_per_s_per_gpu", "gpu_power_w", "band"}
        assert all(answer[name] > 0.0 for name in answer if name != "band")
        low, high = answer["band"]["tpot_s"]
        assert low < answer["tpot_s"] < high
    json.dumps(found, allow_nan=False)


def test_points_and_runs_of_one_configuration_agree(tmp_path: Path) -> None:
    run = {
        "backend": "vllm", "backend_version": "0.19.0", "model_path": POINT["model"], "system": "b200_sxm",
        "precision": "fp8", "mode": "agg", "isl": "1024", "osl": "1024", "tp_size": "4", "moe_tp_size": "4",
        "moe_ep_size": "1", "batch_size": "64", "concurrency": "64", "measured_by": "InferenceX db-dump",
    }  # fmt: skip
    one = perf.answers(_written(tmp_path / "run.csv", [run]))
    assert one == perf.answers(_written(tmp_path / "point.csv", [POINT]))


def test_compressed_files_and_files_of_other_kinds(tmp_path: Path) -> None:
    path = _written(tmp_path / "points.csv", [POINT])
    packed = tmp_path / "points.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert perf.answers(packed) == perf.answers(path)
    other = perf.answers(_written(tmp_path / "other.csv", [{"colour": "red", "size": "3"}]))
    assert "no table is known with the columns colour, size" in other["0"]["refused"]


def test_command_line(tmp_path: Path) -> None:
    path, out = _written(tmp_path / "points.csv", [POINT]), tmp_path / "out.json"
    command = [sys.executable, "-m", "tests.validation", "perf", str(path), "--json", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "1 of 1 rows priced" in done.stderr
    assert json.loads(out.read_text())["0"]["tpot_s"] > 0.0
