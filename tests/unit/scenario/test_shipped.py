"""Every shipped scenario, overlay and study can be used."""

from __future__ import annotations

import pytest

from twin.scenario import check, load, read_yaml, requests, weather

from .conftest import SCENARIOS

OVERLAYS = sorted(SCENARIOS.glob("overlays/*.yaml"))


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda p: p.stem)
def test_scenarios_have_no_faults(path):
    assert check(path) == []
    assert load(path).scenario == path.stem
    assert len(weather(load(path)).time_s) >= 2


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda p: p.stem)
def test_overlays_apply_and_change_something(path):
    base, changed = load(SCENARIOS / "gb200-hall.yaml"), load(SCENARIOS / "gb200-hall.yaml", [path])
    assert changed.model_dump() != base.model_dump()
    assert changed.source.overlays == (path.stem,)


def test_one_rack_is_enough_for_parity_and_small_enough_for_events():
    scenario = load(SCENARIOS / "one-rack.yaml")
    assert sum(group.count for group in scenario.racks.values()) == 1
    assert 2_000 <= len(requests(scenario).arrived_at_s) <= 50_000


def test_the_hall_has_a_million_requests_in_its_hour():
    assert len(requests(load(SCENARIOS / "gb200-hall.yaml")).arrived_at_s) >= 1_000_000


def test_the_halls_differ_only_in_hardware():
    liquid, air = load(SCENARIOS / "gb200-hall.yaml"), load(SCENARIOS / "h100-hall.yaml")
    for part in ("time", "weather", "workload", "serving", "economics"):
        assert getattr(liquid, part) == getattr(air, part)
    assert liquid.power.feed == air.power.feed


def test_the_study_is_three_overlays_by_eight_seeds():
    study = read_yaml(SCENARIOS / "studies/load-and-heat.yaml")
    base = study.folder / study.document["scenario"]
    variants = study.document["variants"]
    assert len(variants) * study.document["seeds"] == 24
    for overlays in variants.values():
        assert check(base, [study.folder / o for o in overlays], study.document["set"]) == []
