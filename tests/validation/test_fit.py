"""The hierarchical fit: its slope, what a fit left out does not matter, and what it writes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.validation import fit
from twin import catalog
from twin.catalog.kinds import KINDS, attribute


@pytest.fixture(scope="module")
def some() -> list[fit.Run]:
    """Runs of all engines and families, with experts and without, with prefill apart and without."""
    return fit.runs()[::100]


def test_without_deviations_all_pairs_have_the_middle_values() -> None:
    table = fit.table_of(np.zeros(12 * len(fit.NAMES)))
    assert table == pytest.approx(np.array([[prior.middle for prior in fit.PRIORS.values()]] * 6))


def test_a_deviation_moves_those_that_it_belongs_to() -> None:
    x = np.zeros((12, len(fit.NAMES)))
    x[1 + fit.FAMILIES.index("hopper"), fit.NAMES.index("edge_time")] = 1.0
    moved = fit.table_of(x.ravel()) / fit.table_of(np.zeros(x.size)) != 1.0
    rows, columns = np.nonzero(moved)
    assert {fit.PAIRS[i][0] for i in rows} == {"hopper"} and len(rows) == 3
    assert {fit.NAMES[i] for i in columns} == {"edge_time"}


def test_slope_is_the_derivative(some: list[fit.Run]) -> None:
    held, rng = fit.Fit(some), np.random.default_rng(1)
    x = rng.normal(0.0, 0.1, 12 * len(fit.NAMES))
    step = rng.normal(0.0, 3e-3, x.size)
    change = held.misses(x - step / 2) - held.misses(x + step / 2)
    assert -held.slope(x) @ step == pytest.approx(change, abs=0.03 * np.abs(change).max())


def test_constants_matter_to_no_other_runs(some: list[fit.Run]) -> None:
    held = fit.Fit(some)
    table = fit.table_of(np.zeros(12 * len(fit.NAMES)))
    here = held.logs(table)
    for i, name in enumerate(fit.NAMES):
        less = table.copy()
        less[:, i] *= 0.7
        changed = np.abs(held.logs(less) - here).max(1) > 0.0
        assert all(fit.touches(name, run.asked) for run, is_hit in zip(some, changed, strict=True) if is_hit)


def test_a_run_that_is_left_out_has_no_say(some: list[fit.Run], monkeypatch: pytest.MonkeyPatch) -> None:
    def constants(held: list[fit.Run], name: str) -> fit.Array:
        monkeypatch.setattr(fit, "runs", lambda: held)
        fit._start.cache_clear()
        return fit.fitted(name)

    out = some[0].asked.fold
    absurd = [r._replace(ttft_s=9.0 * r.ttft_s) if r.asked.fold == out else r for r in some]
    with_it, without = (constants(held, f"fold {out}") for held in (some, absurd))
    assert (with_it == without).all()
    assert constants(absurd, fit.WHOLE) != pytest.approx(with_it, rel=1e-3)


def test_measured_times_pull_the_constants(some: list[fit.Run]) -> None:
    held = fit.Fit(some)
    start = held.logs(fit.table_of(np.zeros(12 * len(fit.NAMES))))
    fitted = held.logs(fit.table_of(held.solve()))
    before, after = (np.median(np.abs(logs - held.measured), 0) for logs in (start, fitted))
    assert (after < 0.7 * before).all()


def test_a_constant_at_its_limit_has_no_slope(some: list[fit.Run]) -> None:
    x, i = np.zeros((12, len(fit.NAMES))), fit.NAMES.index("memory_efficiency")
    held = fit.Fit(some)
    assert np.abs(held.slope(x.ravel()).reshape(-1, *x.shape)[:, 0, i]).max() > 0.0
    x[0, i] = 5.0
    assert fit.table_of(x.ravel())[:, i] == pytest.approx(1.0)
    assert not held.slope(x.ravel()).reshape(-1, *x.shape)[:, :, i].any()


def test_dense_parts_are_no_faster_than_kernels_alone() -> None:
    x = np.zeros((12, len(fit.NAMES)))
    x[0, fit.NAMES.index("bf16_compute_efficiency")] = 5.0
    for engine, card in fit.cards_of(fit.table_of(x.ravel())).items():
        for family, precision, kernel in (("hopper", "bf16", "bf16"), ("blackwell", "fp4", "nvfp4")):
            most = catalog.get("kernel", f"{family}-gemm-{kernel}").compute_efficiency_frac
            assert card.get(f"{family}_{precision}_compute_efficiency_frac") == most
            shipped = catalog.get("engine", engine).get(f"{family}_{precision}_compute_efficiency_frac")
            assert shipped <= 1.001 * most


def test_a_start_sees_only_what_its_fits_see() -> None:
    names = [*(f"fold {i}" for i in range(10)), *(f"without {name}" for name in "abc")]
    groups = {fit.beside(name, names) for name in names}
    assert sorted(len(group) for group in groups) == [1, 2, 5, 5]
    assert all(name in fit.beside(name, names) for name in names)


def test_repeated_runs_count_once() -> None:
    held = fit.runs()
    assert 0.0 < min(run.weight for run in held) < 1.0
    assert sum(run.weight for run in held) < len(held)


def test_shipped_constants_are_of_this_form() -> None:
    shipped = json.loads(fit.FOLDS_FILE.read_text())
    kept = {
        attribute(key, KINDS["engine"][key])
        for family in fit.FAMILIES
        for name in fit.NAMES
        if (key := f"{family}_{name}") in KINDS["engine"]
    }
    assert set(shipped["names"]) <= kept and len(shipped["names"]) >= 2 * len(fit.NAMES) - 2
    assert list(shipped["fits"]) == [name for name, _ in fit.parts(fit.runs())]


def test_a_card_keeps_all_but_its_constants(tmp_path: Path) -> None:
    card, path = catalog.get("engine", "vllm"), tmp_path / "vllm.yaml"
    text = (fit.CARDS / "vllm.yaml").read_text()
    path.write_text(text)
    fit._write_card(path, card)
    assert path.read_text() == text
    edge = replace(card.values["hopper_edge_time_s"], si=0.0125)
    fit._write_card(path, replace(card, values={**card.values, "hopper_edge_time_s": edge}))
    changed = [
        new for new, old in zip(path.read_text().splitlines(), text.splitlines(), strict=True) if new != old
    ]
    assert changed == ["  hopper_edge_time: {value: 12.5 ms, source: serving}"]
