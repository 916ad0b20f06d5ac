"""Calibration: known constants are found again in what they predict, and what is open is named."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twin import catalog
from twin.catalog.reader import read as read_card
from twin.cli import calibrating
from twin.errors import CatalogError, TwinError
from twin.perf import Configuration, predict
from twin.perf.calibration import Calibration, calibrate, predicted
from twin.perf.calibration_files import Measurement, card_of, read, write

MOVED = {"step_overhead_s": 2.0, "layer_overhead_s": 1.5, "memory_efficiency_frac": 0.85, "edge_time_s": 1.6}
LAYOUTS = (
    ("llama-3.1-8b", 1),
    ("llama-3.1-8b", 2),
    ("qwen3-32b", 2),
    ("llama-3.1-70b", 4),
    ("llama-3.1-70b", 8),
)
COLUMNS = ("system", "gpus", "model", "engine", "precision", "isl", "osl", "concurrency", "tensor")
GOOD = "h100-sxm,2,llama-3.1-8b,trtllm,bf16,1000,200,8,2"


def true_card() -> catalog.Card:
    card = catalog.get("engine", "trtllm")
    values = dict(card.values)
    for name, factor in MOVED.items():
        key = f"hopper_{name}"
        values[key] = dataclasses.replace(values[key], si=values[key].si * factor)
    return dataclasses.replace(card, values=values)


def measured(layouts: tuple[tuple[str, int], ...], noise: float) -> list[Measurement]:
    rng, card, rows = np.random.default_rng(7), true_card(), []
    for model, tensor in layouts:
        for isl, osl in ((1000, 200), (4000, 500)):
            for concurrency in (1, 8, 64):
                given = Configuration(
                    "h100-sxm", model, tensor, isl, osl, concurrency, precision="bf16", tensor=tensor
                )
                values = {
                    n: v * float(np.exp(rng.normal(0, noise))) for n, v in predicted(given, card).items()
                }
                rows.append(Measurement(len(rows) + 2, given, values))
    return rows


@pytest.fixture(scope="module")
def found() -> Calibration:
    return calibrate(measured(LAYOUTS, 0.05))


def test_predictions_of_known_constants_are_recovered(found: Calibration) -> None:
    for column in ("tpot_ms", "ttft_ms", "tokens_per_s_per_gpu"):
        misses = [
            abs(predicted(m.given, found.card)[column] / m.values[column] - 1) for m in measured(LAYOUTS, 0.0)
        ]
        assert np.median(misses) < 0.03
        assert found.after[column][0] < 0.5 * found.before[column][0]
        assert found.held_out[column][0] < 0.7 * found.before[column][0]


def test_what_one_layout_cannot_tell_is_named() -> None:
    one = calibrate(measured((("llama-3.1-70b", 8),), 0.0))
    named = {key[1:] for group in one.tangled for key in group}
    assert {"hopper_layer_overhead", "hopper_all_reduce_latency"} <= named
    assert "cannot be told apart" in one.sentences()[0]
    assert one.held_out == {}


def test_constants_that_no_row_touches_stay(found: Calibration) -> None:
    shipped = catalog.get("engine", "trtllm")
    assert not any("moe" in c.key or "blackwell" in c.key or "fp8" in c.key for c in found.constants)
    moved = {c.key for c in found.constants}
    for name, value in shipped.values.items():
        if not any(name.startswith(key) for key in moved):
            assert found.card.get(name) == value.si


def test_shipped_constants_stay_where_they_explain_the_rows() -> None:
    shipped = catalog.get("engine", "trtllm")
    given = Configuration("h100-sxm", "llama-3.1-8b", 1, 1000, 200, 8, precision="bf16")
    calm = calibrate([Measurement(2, given, predicted(given, shipped))])
    assert all(abs(c.after / c.before - 1) < 1e-3 for c in calm.constants)


def test_few_measurements_move_the_card_little() -> None:
    given = Configuration("h100-sxm", "llama-3.1-8b", 1, 1000, 200, 8, precision="bf16")
    tpot = 1.1 * predicted(given, catalog.get("engine", "trtllm"))["tpot_ms"]
    one = calibrate([Measurement(2, given, {"tpot_ms": tpot})])
    assert all(0.8 < c.after / c.before < 1.25 for c in one.constants)


def test_card_is_written_and_read_again(found: Calibration, tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    source.write_text("x")
    target = tmp_path / "cards" / "engine" / "mine.yaml"
    write(found, target, source)
    card, faults = read_card(target, "engine")
    assert not faults
    given = measured(LAYOUTS[:1], 0.0)[0].given
    assert predict(given, constants=card).tpot_s == pytest.approx(
        predict(given, constants=found.card).tpot_s, rel=1e-4
    )
    assert "rows.csv" in card.source_of("hopper_step_overhead_s").text
    assert card.source_of("blackwell_step_overhead_s") == catalog.get("engine", "trtllm").source_of(
        "blackwell_step_overhead_s"
    )
    assert card_of(str(target)).title == card.title
    code = "from twin import catalog; print(catalog.get('engine', 'mine').title)"
    env = os.environ | {"TWIN_CATALOG": str(tmp_path / "cards")}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == card.title


def test_name_of_a_shipped_engine_is_refused(found: Calibration, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="would not be found"):
        write(found, tmp_path / "trtllm.yaml", tmp_path)


def file_of(folder: Path, *rows: str, header: str = ",".join((*COLUMNS, "tpot_ms", "ttft_ms"))) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_file_is_read(tmp_path: Path) -> None:
    rows = read(file_of(tmp_path, f"{GOOD},9.5,", f"{GOOD},9.6,80"))
    assert [m.values for m in rows] == [{"tpot_ms": 9.5}, {"tpot_ms": 9.6, "ttft_ms": 80.0}]
    assert rows[1].line == 3 and rows[0].given.tensor == 2 and rows[0].group == rows[1].group


def test_all_faults_of_a_file_come_at_once(tmp_path: Path) -> None:
    path = file_of(
        tmp_path,
        f"{GOOD},9.5,80",
        f"{GOOD},,",
        f"{GOOD},nan,-3",
        GOOD.replace("llama-3.1-8b", "llama-9") + ",9.5,",
        GOOD.replace(",2,llama", ",1.5,llama") + ",9.5,",
        GOOD.replace("8b,trtllm,bf16", "405b,trtllm,bf16") + ",9.5,",
        f"{GOOD},9.5,80,7",
    )
    with pytest.raises(TwinError) as caught:
        read(path)
    assert [f.line for f in caught.value.faults] == [3, 4, 4, 5, 6, 7, 8]
    assert all(f.file == str(path) and f.mend for f in caught.value.faults)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (",".join(COLUMNS), "nothing measured"),
        (",".join((*COLUMNS, "tpot")), "tpot_ms"),
        (",".join((*COLUMNS[1:], "tpot_ms")), "no system"),
        ("", "no model"),
    ],
)
def test_wrong_headers_are_refused(tmp_path: Path, header: str, said: str) -> None:
    with pytest.raises(TwinError, match=said):
        read(file_of(tmp_path, header=header))


def test_two_engines_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="one engine a file"):
        read(file_of(tmp_path, f"{GOOD},9,", GOOD.replace("trtllm", "vllm") + ",9,"))
    with pytest.raises(TwinError, match="add rows"):
        read(file_of(tmp_path))


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, card = file_of(tmp_path, f"{GOOD},9.5,", f"{GOOD},9.6,80"), tmp_path / "engine" / "mine.yaml"
    calibrating.calibrate(path, None, card, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["rows"] == 2 and said["configurations"] == 1 and said["errors"]["held_out"] == {}
    calibrating.calibrate(path, str(card), tmp_path / "again.yaml", as_json=False)
    assert "fitted" in capsys.readouterr().out
