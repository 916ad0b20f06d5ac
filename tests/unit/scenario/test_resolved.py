"""The resolved text loads again to the same scenario; the digest names equal content equally."""

from __future__ import annotations

import re
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.scenario import digest, load, resolved_text
from twin.scenario.fields import Measure

from .conftest import SCENARIOS

SHIPPED = ["gb200-hall", "h100-hall", "cdu-pump-trip", "one-rack"]


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SCENARIOS, tmp_path / "s")
    return tmp_path / "s"


@pytest.mark.parametrize("name", SHIPPED)
def test_round_trip(folder, name):
    scenario = load(folder / f"{name}.yaml", set={"weather.offset": "0.1 K"})
    text = resolved_text(scenario)
    (folder / "again.yaml").write_text(text)
    again = load(folder / "again.yaml")
    assert again.model_dump() == scenario.model_dump()
    assert resolved_text(again) == text
    assert digest(again) == digest(scenario)


def test_values_stay_as_people_wrote_them_and_changes_are_in_si(folder):
    scenario = load(folder / "gb200-hall.yaml")
    assert "capacity: 1.45 MW" in resolved_text(scenario)
    changed = scenario.model_copy(
        update={"fidelity": "event", "hall": scenario.hall.model_copy(update={"aisle": 2.5})}
    )
    text = resolved_text(changed)
    assert "fidelity: event" in text
    assert "aisle: 2.5 m" in text


def test_texts_that_look_like_traps_are_quoted(folder):
    path = folder / "gb200-hall.yaml"
    path.write_text(re.sub("description: .*", 'description: "12:30"', path.read_text()))
    (folder / "again.yaml").write_text(resolved_text(load(path)))
    assert load(folder / "again.yaml").description == "12:30"


def test_digest_ignores_how_and_where_it_is_written(folder):
    scenario = load(folder / "gb200-hall.yaml")
    assert re.fullmatch(r"[0-9a-f]{16}", digest(scenario))
    other = load(
        SCENARIOS / "gb200-hall.yaml", set={"time.duration": "60 min", "power.feed.capacity": "1450 kW"}
    )
    assert digest(other, 1, "1") == digest(scenario, 1, "1")
    assert digest(load(folder / "gb200-hall.yaml", set={"seed": 9}), 1) == digest(scenario, 1)


def test_digest_sees_every_kind_of_change(folder):
    scenario = load(folder / "gb200-hall.yaml")
    seen = {digest(scenario, 1, "1"), digest(scenario, 2, "1"), digest(scenario, 1, "2")}
    seen.add(digest(load(folder / "gb200-hall.yaml", set={"workload.copies": 91}), 1, "1"))
    weather = folder / "data/weather-dallas-2022.csv"
    weather.write_text(weather.read_text().replace("38.5", "38.6"))
    seen.add(digest(scenario, 1, "1"))
    assert len(seen) == 5


@given(st.floats(min_value=200.0, max_value=400.0))
def test_si_text_reads_back_to_the_same_bits(value):
    measure = Measure("temperature", "1 K", low=200.0, high=400.0)
    assert measure.read(measure.write(value)) == value


@given(st.floats(min_value=0.0, max_value=1.0))
def test_fractions_read_back_to_the_same_bits(value):
    measure = Measure("fraction", "90 %", low=0.0, high=1.0)
    assert measure.read(float(measure.write(value))) == value
