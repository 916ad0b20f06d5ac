"""Faults of a scenario file: each with line, what was found and expected, and the mend; all at once."""

from __future__ import annotations

import copy
import pickle

import pytest

from twin.errors import ScenarioError
from twin.scenario import check, load, read_yaml


@pytest.mark.parametrize(
    ("old", "new", "where", "found", "mend"),
    [
        ("max_batch: 256", "max_bach: 256", "serving.max_bach", "max_bach", "write max_batch"),
        ("  routing: ", "  aisle: 2 m\n  routing: ", "serving.aisle", "aisle", "move it to hall.aisle"),
        ("capacity: 1.45 MW", "capacity: 1.45", "power.feed.capacity", "bare number 1.45", "write 1.45 W"),
        ("capacity: 1.45 MW", "capacity: 1.45 Mw", "power.feed.capacity", "Mw", "write 1.45 MW"),
        ("45 degC", "45 kW", "cooling.liquid.cdu.supply", "unit of power", "convert"),
        ("45 degC", "500 degC", "cooling.liquid.cdu.supply", "500 degC (773.15 K)", "write for example"),
        ("tick: 1 s", "tick: 0 s", "time.tick", "0 s", "write for example"),
        ("copies: 80", "copies: 80.5", "workload.copies", "80.5", "write for example 1"),
        ("copies: 80", "copies: 0", "workload.copies", "0", "write for example 1"),
        ("copies: 80", "copies: many", "workload.copies", "many", "write for example 1"),
        ("weights: fp8", "weights: fp6", "serving.weights", "fp6", "write fp"),
        ("  model: llama-3.1-405b\n", "", "serving.model", "nothing", "add `model: "),
        ("slo: {ttft: 2 s, tpot: 60 ms}", "slo:", "serving.slo", "nothing", "{ttft: 2 s, tpot: 60 ms}"),
        ("  slo: {ttft: 2 s, tpot: 60 ms}\n", "", "serving.slo", "nothing", "{ttft: 2 s, tpot: 60 ms}"),
        ("model: llama-3.1-405b", "model: llama-3.1-504b", "serving.model", "504b", "llama-3.1-405b"),
        ("system: gb200-nvl72", "system: Gb200", "racks.nvl72.system", "Gb200", "write"),
        (
            "routing: least-outstanding-tokens",
            "routing: best",
            "serving.routing",
            "best",
            "least-outstanding-tokens",
        ),
        (
            "start: 2022-07-20 13:00",
            "start: 2022-07-32 13:00",
            "time.start",
            "2022-07-32",
            "2022-07-20 13:00",
        ),
        ("start: 2022-07-20 13:00", "start: yesterday", "time.start", "yesterday", "2022-07-20 13:00"),
        ("memory_utilization: 90 %", "memory_utilization: 90", "serving.memory_utilization", "90", "90 %"),
        (
            "weights: fp8",
            "kv: {prefix_cache: maybe}\n  weights: fp8",
            "serving.kv.prefix_cache",
            "maybe",
            "write for example true",
        ),
        (
            "{system: gb200-nvl72, count: 8}",
            "{system: gb200-nvl72, count: 8, fed_by: pdu-1}",
            "racks.nvl72.fed_by",
            "pdu-1",
            "[",
        ),
    ],
)
def test_each_fault_says_where_what_and_how(*, broken, line_of, old, new, where, found, mend):
    faults = check(broken(old, new))
    assert [f.where for f in faults] == [where]
    fault = faults[0]
    assert found in fault.found
    assert mend in fault.mend
    assert fault.expected
    anchor = old.strip() if new else f"{where.partition('.')[0]}:"  # a missing key: the line of its section
    assert fault.line == line_of(anchor)


def test_all_faults_are_told_at_once_in_the_order_of_the_file(hall_text, write):
    text = (
        hall_text.replace("capacity: 1.45 MW", "capacity: 1.45")
        .replace("tick: 1 s", "tik: 1 s")
        .replace("gb200-nvl72", "gb200-nvl27")
    )
    text = text.replace("tensor_parallel: 8", "tensor_parallel: 1e1")
    faults = check(write(text))
    assert [f.where for f in faults] == [
        "time.tik",
        "serving.tensor_parallel",
        "racks.nvl72.system",
        "power.feed.capacity",
    ]
    assert [f.line for f in faults] == sorted(f.line for f in faults)
    with pytest.raises(ScenarioError) as caught:
        load(write(text))
    assert list(caught.value.faults) == faults
    assert "4 faults" in caught.value.message


def test_a_trap_is_told_once(broken):
    faults = check(broken("tick: 1 s", "tick: 12:30"))
    assert len(faults) == 1
    assert "base 60" in faults[0].found


def test_values_are_in_si_and_frozen(hall_text, write):
    scenario = load(write(hall_text))
    assert scenario.power.feed.capacity == 1.45e6
    assert scenario.cooling.liquid.cdu.supply == pytest.approx(318.15)
    assert scenario.economics.electricity == pytest.approx(80 / 3.6e9)
    assert scenario.hall.floor_load == pytest.approx(2000 * 9.80665)
    assert scenario.serving.memory_utilization == pytest.approx(0.9)
    with pytest.raises(ValueError, match="frozen"):
        scenario.seed = 2


def test_scenarios_travel_between_processes(hall_text, write):
    scenario = load(write(hall_text))
    for twin in (
        pickle.loads(pickle.dumps(scenario)),
        copy.deepcopy(scenario),
        scenario.model_copy(update={"seed": 5}),
    ):
        assert twin.source.line_of("power.feed") == scenario.source.line_of("power.feed")


def test_group_names_have_no_dots_because_paths_do(broken):
    fault = check(broken("  nvl72: {", "  nvl.72: {"))[0]
    assert "lower case" in fault.expected


def test_other_files_are_read_with_the_same_strictness(write):
    study = read_yaml(write("study: s\nseeds: 8\n"))
    assert study.document == {"study": "s", "seeds": 8}
    assert study.fault("seeds", "a", "b", "c").line == 2
    with pytest.raises(ScenarioError):
        read_yaml(write("seeds: 8\nseeds: 9\n"))
