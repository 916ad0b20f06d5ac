"""Overlays: what may be set, added and removed, and whose line a value has."""

from __future__ import annotations

import pytest

from twin.errors import ScenarioError
from twin.scenario import check, load

OVERLAY = "overlay: test\n"


@pytest.fixture
def site(hall_text, write):
    return write(hall_text)


def faults_of(site, write, text):
    return check(site, [write(OVERLAY + text, "o.yaml")])


def test_set_changes_a_value_and_takes_its_line(site, write):
    overlay = write(
        OVERLAY + "\nset:\n  serving.max_batch: 64\n  cooling.liquid.cdu.supply: 40 degC\n", "o.yaml"
    )
    scenario = load(site, [overlay])
    assert scenario.serving.max_batch == 64
    assert scenario.cooling.liquid.cdu.supply == pytest.approx(313.15)
    assert scenario.source.line_of("serving.max_batch") == (str(overlay), 4)
    assert scenario.source.line_of("serving.model").file == str(site)
    assert scenario.source.overlays == ("test",)
    assert load(site).serving.max_batch == 256


def test_set_reaches_defaults_and_options_that_were_left_out(site, write):
    text = "set: {weather.offset: 8 K, workload.limit: 2000, racks.nvl72.fed_by: [pdu-1, pdu-2]}\n"
    scenario = load(site, [write(OVERLAY + text, "o.yaml")])
    assert scenario.weather.offset == 8.0
    assert scenario.workload.limit == 2000
    assert scenario.racks["nvl72"].fed_by == ["pdu-1", "pdu-2"]


def test_set_opens_sections_that_were_left_out(hall_text, write):
    assert "recording:" not in hall_text
    site = write(hall_text)
    text = "set: {recording.requests: 10 %}\n"
    assert load(site, [write(OVERLAY + text, "o.yaml")]).recording.requests == 0.1
    assert load(site, set={"recording.requests": "10 %"}).recording.requests == 0.1


def test_a_section_opened_by_one_value_asks_for_the_rest(hall_text, write):
    site = write(hall_text)
    faults = check(site, set={"hall.ai.gap": "1"}) + check(site, set={"racks.nvl27.count": "2"})
    assert all("is not there" in f.found for f in faults) and len(faults) == 2
    without = write(OVERLAY + "remove: [cooling.liquid]\n", "air.yaml")
    faults = check(site, [without], set={"cooling.liquid.cdu.supply": "40 degC"})
    assert {"cooling.liquid.facility_water", "cooling.liquid.cdu.unit"} <= {f.where for f in faults}


def test_set_replaces_whole_sections(site, write):
    text = "set:\n  serving.slo:\n    ttft: 3 s\n    tpot: 0.1 s\n"
    overlay = write(OVERLAY + text, "o.yaml")
    scenario = load(site, [overlay])
    assert scenario.serving.slo.ttft == 3.0
    assert scenario.source.line_of("serving.slo.tpot") == (str(overlay), 5)


def test_list_items_can_be_set_added_and_removed(site, write):
    first = write(OVERLAY + "set: {racks.nvl72.fed_by: [pdu-1, pdu-2, pdu-3]}\n", "1.yaml")
    changes = ("set: {'racks.nvl72.fed_by[0]': pdu-4}", "add: {racks.nvl72.fed_by.3: pdu-1}")
    text = "\n".join((*changes, "remove: [racks.nvl72.fed_by.1]\n"))
    second = write(OVERLAY + text, "2.yaml")
    assert load(site, [first, second]).racks["nvl72"].fed_by == ["pdu-4", "pdu-3", "pdu-1"]


def test_later_overlays_and_values_win(site, write):
    one = write(OVERLAY + "set: {workload.copies: 10}\n", "1.yaml")
    two = write(OVERLAY + "set: {workload.copies: 20}\n", "2.yaml")
    assert load(site, [one, two]).workload.copies == 20
    assert load(site, [two, one]).workload.copies == 10
    assert load(site, [two, one], {"workload.copies": "30"}).workload.copies == 30
    assert load(site, set={"workload.copies": 40}).workload.copies == 40


def test_add_creates_a_group_that_was_left_out(site, write):
    text = "add:\n  events.trip: {at: 5 min, kind: pump-trip, asset: cdu-1}\n"
    scenario = load(site, [write(OVERLAY + text, "o.yaml")])
    assert scenario.events["trip"].at == 300.0


def test_remove_takes_away(site, write):
    text = "remove: [weather.file]\nset: {weather.dry_bulb: 20 degC}\n"
    assert load(site, [write(OVERLAY + text, "o.yaml")]).weather.file is None


@pytest.mark.parametrize(
    ("text", "found", "mend"),
    [
        ("set: {serving.max_bach: 1}", "serving.max_bach is not there", "write serving.max_batch"),
        (
            "set: {racks.other: {system: gb200-nvl72, count: 1}}",
            "racks.other is not there",
            "put it under add",
        ),
        ("add: {workload.copies: 1}", "workload.copies is there already", "put it under set"),
        ("add: {plant.x: 1}", "plant is not there", "add plant as a whole"),
        ("remove: [weather.dry_bulb]", "weather.dry_bulb is not there", "write "),
        ("remove: {a: 1}", "something else", "write for example remove: [events.trip]"),
        ("set: [a]", "something else", "write for example set:"),
        ("sett: {a: 1}", "the unknown key sett", "write set"),
    ],
)
def test_paths_that_cannot_be_applied(site, write, text, found, mend):
    fault = next(f for f in faults_of(site, write, text + "\n") if found in f.found)
    assert mend in fault.mend
    assert fault.line == 2
    assert fault.file.endswith("o.yaml")


def test_an_invalid_value_of_an_overlay_is_a_fault_of_the_overlay(site, write):
    faults = faults_of(site, write, "set:\n  power.feed.capacity: 2\n")
    assert [(f.line, f.where) for f in faults] == [(3, "power.feed.capacity")]
    assert faults[0].file.endswith("o.yaml")


def test_command_line_values(site):
    assert load(site, set={"weather.offset": "8 K"}).weather.offset == 8.0
    fault = check(site, set={"serving.max_bach": "1"})[0]
    assert fault.file == "--set"
    assert "serving.max_batch" in fault.mend
    assert check(site, set={"serving.max_batch": "1e3"})[0].found.startswith("1e3")
    assert check(site, set={"serving.max_batch": "[1"})[0].file == "--set"


def test_a_base_is_changed_and_keeps_its_data_files(hall_text, write):
    write(hall_text, "hall.yaml")
    child = write("scenario: child\nbase: hall.yaml\nset: {workload.copies: 2}\n", "child.yaml")
    grandchild = write("scenario: grandchild\nbase: child.yaml\nset: {serving.max_batch: 2}\n", "grand.yaml")
    scenario = load(grandchild)
    assert (scenario.scenario, scenario.workload.copies, scenario.serving.max_batch) == ("grandchild", 2, 2)
    assert scenario.source.line_of("workload.copies") == (str(child), 3)
    assert scenario.source.files[0] == str(grandchild)
    assert "Eight liquid-cooled" in scenario.description


def test_a_base_that_leads_back_is_refused(write):
    write("scenario: a\nbase: b.yaml\n", "a.yaml")
    path = write("scenario: b\nbase: a.yaml\n", "b.yaml")
    with pytest.raises(ScenarioError) as caught:
        load(path)
    assert caught.value.faults[0].mend == "name a scenario without this base"


def test_a_base_that_is_missing_has_the_line_that_names_it(write):
    fault = check(write("scenario: a\nbase: nowhere.yaml\n"))[0]
    assert (fault.line, fault.where) == (2, "base")
    assert "no such file" in fault.found


def test_keys_beside_a_base_say_where_they_belong(hall_text, write):
    write(hall_text, "hall.yaml")
    child = write("scenario: child\nbase: hall.yaml\nworkload: {copies: 2}\n", "child.yaml")
    fault = check(child)[0]
    assert (fault.line, fault.where) == (3, "workload")
    assert "set" in fault.mend


def test_overlays_studies_and_scenarios_are_not_confused(site, write):
    overlay = write(OVERLAY + "set: {workload.copies: 2}\n", "o.yaml")
    assert "--overlay" in check(overlay)[0].mend
    assert "twin study" in check(write("study: s\nscenario: site.yaml\n", "s.yaml"))[0].mend
    assert "overlay: NAME" in check(site, [site])[0].mend
