"""Kernel tables: the held-back half of the shipped excerpts stays within the goals, and every row is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.validation import kernels

FILES = sorted(kernels.DATA.glob("*.csv.gz"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name.partition(".")[0])
def test_held_back_rows_are_within_the_goal(path: Path) -> None:
    found = kernels.errors(path)
    assert found.refused == 0 and found.rows > 50
    assert found.median_frac <= kernels.GOALS[found.kind]


def test_bands_hold_nine_rows_of_ten() -> None:
    inside = []
    for path in FILES:
        rows = kernels.read(path)
        kind = kernels.recognise(rows[0])
        assert kind is not None
        for got, row in zip(kernels.predict(kind, rows, kernels.system_of(path.name)), rows, strict=True):
            assert isinstance(got, kernels.Prediction)
            inside.append(abs(got.latency_s / kernels.latency_s(row) - 1.0) <= got.band_frac)
    assert 0.85 <= sum(inside) / len(inside) <= 0.95


def test_only_the_configuration_is_read() -> None:
    for path in FILES:
        rows = kernels.read(path)[:20]
        kind = kernels.recognise(rows[0])
        assert kind is not None
        bare = [{k: v for k, v in row.items() if not k.startswith("latency")} for row in rows]
        system = kernels.system_of(path.name)
        assert kernels.predict(kind, bare, system) == kernels.predict(kind, rows, system)


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("gemm", {"gemm_dtype": "int3", "m": "1", "n": "64", "k": "64"}, "precision 'int3'"),
        ("gemm", {"gemm_dtype": "bfloat16", "m": "0", "n": "64", "k": "64"}, "m is 0"),
        ("gemm", {"gemm_dtype": "bfloat16", "n": "64", "k": "64"}, "m is not given"),
        (
            "gemm",
            {"gemm_dtype": "nvfp4", "m": "1", "n": "64", "k": "64"},
            "no kernel constants for gemm nvfp4",
        ),
        (
            "gemm",
            {"gemm_dtype": "bfloat16", "m": "1", "n": "64", "k": "64", "system": "v100"},
            "system 'v100'",
        ),
        ("nccl", {"op_name": "all_reduce", "num_gpus": "1", "message_bytes": "64"}, "two GPUs"),
    ],
)
def test_a_row_that_cannot_be_priced_says_why(kind: str, row: dict[str, str], reason: str) -> None:
    (got,) = kernels.predict(kind, [row], "h100_sxm")
    assert isinstance(got, str) and reason in got
