"""From study files to runs: names, order, ids, and faults with lines of the study file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import twin
from twin import simulate
from twin.errors import Fault, ScenarioError, StudyError
from twin.scenario import load
from twin.study import Plan, plan

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SHIPPED = SCENARIOS / "studies" / "load-and-heat.yaml"


@pytest.fixture
def study(tmp_path: Path) -> Callable[[str], Plan]:
    """Plan a study whose file is the given text after its name and scenario."""

    def _study(text: str, head: str = "study: s\nscenario: {folder}/one-rack.yaml\n") -> Plan:
        folder = os.path.relpath(SCENARIOS, tmp_path)
        file = tmp_path / "study.yaml"
        file.write_text((head + text).replace("{folder}", folder))
        return plan(file, numbers_version="1")

    return _study


@pytest.fixture
def faults(study) -> Callable[..., tuple[Fault, ...]]:
    def _faults(text: str, **options: str) -> tuple[Fault, ...]:
        with pytest.raises(StudyError) as caught:
            study(text, **options)
        return caught.value.faults

    return _faults


def test_the_shipped_study_is_three_variants_with_the_same_eight_seeds():
    made = plan(SHIPPED, numbers_version=twin.NUMBERS)
    assert made.name == "load-and-heat"
    assert [run.variant for run in made.runs] == ["hot-day"] * 8 + ["high-load"] * 8 + ["small-batch"] * 8
    assert [run.seed for run in made.runs] == list(range(1, 9)) * 3
    assert len({run.run_id for run in made.runs}) == 24


def test_a_run_is_named_as_the_simulator_names_it():
    spec = plan(SHIPPED, numbers_version=twin.NUMBERS).runs[3]
    ready = simulate.prepare(load(spec.scenario, spec.overlays, spec.set), seed=spec.seed)
    assert spec.run_id == ready.run_id


def test_the_numbers_version_names_other_runs():
    old, new = (plan(SHIPPED, numbers_version=v).runs for v in ("1", "2"))
    assert not {run.run_id for run in old} & {run.run_id for run in new}


def test_grid_points_are_all_combinations_on_top_of_set(study):
    runs = study(
        "set: {time.duration: 1 min}\n"
        "grid:\n  serving.max_batch: [64, 128]\n  weather.offset: [0 K, 8 K]\nseeds: [5]\n"
    ).runs
    assert [run.name for run in runs] == [
        f"base serving.max_batch={batch} weather.offset={offset}"
        for batch in (64, 128)
        for offset in ("0 K", "8 K")
    ]
    assert runs[1].set == {"time.duration": "1 min", "serving.max_batch": 64, "weather.offset": "8 K"}
    assert runs[1].grid == {"serving.max_batch": 64, "weather.offset": "8 K"}
    loaded = load(runs[1].scenario, runs[1].overlays, runs[1].set)
    assert (loaded.serving.max_batch, loaded.weather.offset, loaded.time.duration) == (64, 8.0, 60.0)


def test_a_study_of_a_scenario_alone_is_one_run_with_its_seed(study):
    (run,) = study("").runs
    assert (run.name, run.overlays, run.seed) == ("base", (), load(run.scenario).seed)


def test_a_list_of_overlays_is_one_case_each(study):
    runs = study("overlays: [none, '{folder}/overlays/hot-day.yaml']\n").runs
    assert [(run.name, len(run.overlays)) for run in runs] == [("base", 0), ("hot-day", 1)]


def test_paths_are_absolute_so_that_workers_anywhere_find_them(study):
    (run,) = study("variants: {hot: ['{folder}/overlays/hot-day.yaml']}\n").runs
    assert Path(run.scenario) == SCENARIOS / "one-rack.yaml"
    assert [Path(o) for o in run.overlays] == [SCENARIOS / "overlays" / "hot-day.yaml"]


@pytest.mark.parametrize(
    ("text", "line", "where", "mend"),
    [
        ("sedes: 3\n", 3, "sedes", "write seeds"),
        ("seeds: 0\n", 3, "seeds", "write for example `seeds: 8`"),
        ("seeds: true\n", 3, "seeds", "write for example `seeds: 8`"),
        ("seeds: [1, 1]\n", 3, "seeds", "write for example `seeds: 8`"),
        ("seeds: [-1]\n", 3, "seeds", "write for example `seeds: 8`"),
        ("seeds:\n", 3, "seeds", "write for example `seeds: 8`"),
        ("variants:\n  hot: ['{folder}/overlays/hot-dya.yaml']\n", 4, "variants.hot.0", "hot-day.yaml?"),
        ("variants:\n  hot: [none]\n", 4, "variants.hot.0", "correct the path"),
        ("variants:\n  hot: [1]\n", 4, "variants.hot.0", "write its path"),
        ("variants:\n  hot: none\n", 4, "variants.hot", "write hot: []"),
        ("variants: []\n", 3, "variants", "write for example variants:"),
        ("overlays: none\n", 3, "overlays", "write for example overlays:"),
        ("overlays: [none, none]\n", 3, "overlays.1", "name them under variants"),
        ("variants: {base: []}\noverlays: [none]\n", 4, "overlays", "name all cases under variants"),
        ("set: 5 min\n", 3, "set", "write for example set:"),
        ("set:\n  seed: 2\n", 4, "set.seed", "write the seeds under seeds"),
        ("grid:\n  seed: [1, 2]\n", 4, "grid.seed", "write the seeds under seeds"),
        ("grid:\n  serving.max_batch: 64\n", 4, "grid.serving.max_batch", "write serving.max_batch: [64]"),
        ("grid:\n  serving.max_batch: []\n", 4, "grid.serving.max_batch", "list values"),
        ("grid:\n  serving.max_batch: [64, 64]\n", 4, "grid.serving.max_batch", "remove one"),
        ("set: {time.tick: 1 s}\ngrid: {time.tick: [1 s]}\n", 4, "grid.time.tick", "remove it under set"),
    ],
)  # fmt: skip
def test_says_what_is_wrong_and_where(faults, text, line, where, mend):
    (fault,) = faults(text)
    assert Path(fault.file).name == "study.yaml"
    assert (fault.line, fault.where) == (line, where)
    assert mend in fault.mend


def test_wrong_values_are_told_at_their_line_in_the_study(faults):
    found = faults(
        "set:\n  time.duraton: 5 min\n  time.tick: 5 kg\n"
        "grid:\n  serving.max_batch:\n    - 64\n    - many\n  weather.offset: [0 K, 1 K, 2 K]\n"
    )
    assert [(Path(f.file).name, f.line, f.where) for f in found] == [
        ("study.yaml", 4, "set.time.duraton"),
        ("study.yaml", 5, "set.time.tick"),
        ("study.yaml", 9, "grid.serving.max_batch.1"),
    ]  # each once, though six runs have them


def test_a_fault_of_an_overlay_keeps_its_own_place(faults, tmp_path):
    (tmp_path / "bad.yaml").write_text("overlay: bad\nset:\n  serving.max_bach: 3\n")
    (fault,) = faults("variants: {bad: [bad.yaml], fine: []}\n")
    assert (Path(fault.file).name, fault.line) == ("bad.yaml", 3)


@pytest.mark.parametrize(
    ("head", "where"),
    [
        ("scenario: {folder}/one-rack.yaml\n", "study"),
        ("study: a/b\nscenario: {folder}/one-rack.yaml\n", "study"),
        ("study: s\n", "scenario"),
        ("study: s\nscenario: {folder}/one-rock.yaml\n", "scenario"),
    ],
)
def test_refuses_a_study_without_name_or_scenario(faults, head, where):
    (fault,) = faults("", head=head)
    assert fault.where == where


def test_all_faults_come_at_once(faults):
    assert len(faults("seeds: 0\nsedes: 1\nset: {time.tick: 5 kg}\nvariants: {a: [no.yaml]}\n")) >= 3


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ScenarioError):
        plan(tmp_path / "no.yaml", numbers_version="1")
