"""Case files: what is read, and every fault at once."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from twin.network import FlowError, flow_completion_times, read_case

GOOD: dict[str, Any] = {
    "name": "pair",
    "links": [
        {"id": "a>s", "src": "a", "dst": "s", "capacity_Bps": 10.0, "latency_s": 0.5},
        {"id": "s>b", "src": "s", "dst": "b", "capacity_Bps": 5.0, "latency_s": 0.5},
    ],
    "flows": [
        {"id": 0, "src": "a", "dst": "b", "size_B": 10, "start_s": 0,
         "paths": [{"links": ["a>s", "s>b"], "fraction": 1.0}]},
        {"id": "x", "src": "a", "dst": "s", "size_B": 5, "start_s": 1.0, "paths": [{"links": ["a>s"]}], "deps": [0],
         "rate_cap_Bps": 2.5},
    ],
    "link_events": [],
}  # fmt: skip


def changed(path: str, value: Any) -> dict[str, Any]:
    case = copy.deepcopy(GOOD)
    *front, last = [int(p) if p.isdigit() else p for p in path.split(".")]
    at: Any = case
    for step in front:
        at = at[step]
    at[last] = value
    return case


def test_a_good_case_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pair.json"
    file.write_text(json.dumps(GOOD))
    assert flow_completion_times(file) == flow_completion_times(str(file)) == {0: 3.0, "x": 2.5}
    assert list(flow_completion_times(GOOD)) == [0, "x"]
    read = read_case(file)
    assert (read.name, len(read.links), read.flows[1].after, read.is_sprayed) == ("pair", 2, [0], False)


@pytest.mark.parametrize(
    ("path", "value", "where", "found"),
    [
        ("links", None, "links", "nothing"),
        ("links.1.id", "a>s", "links[1].id", "a>s"),
        ("links.0.id", None, "links[0].id", "nothing"),
        ("links.0.capacity_Bps", -1, "links[0].capacity_Bps", "-1"),
        ("links.0.capacity_Bps", "10G", "links[0].capacity_Bps", "10G"),
        ("links.0.latency_s", math.nan, "links[0].latency_s", "nan"),
        ("flows.0", [], "flows[0]", "[]"),
        ("flows.1.id", "0", "flows[1].id", "0"),
        ("flows.0.size_B", -1, "flows[0].size_B", "-1"),
        ("flows.0.size_B", True, "flows[0].size_B", "True"),
        ("flows.0.size_B", 10**400, "flows[0].size_B", "1" + 79 * "0" + " …"),
        ("flows.0.paths", None, "flows[0].paths", "nothing"),
        ("flows.0.start_s", math.inf, "flows[0].start_s", "inf"),
        ("flows.0.paths", [], "flows[0].paths", "no path"),
        ("flows.0.paths.0.links", ["a>s", "s>c"], "flows[0].paths[0].links", "s>c"),
        ("flows.0.paths.0.links", ["s>b", "a>s"], "flows[0].paths[0].links", "a step from a to s"),
        ("flows.0.paths.0.links", ["a>s"], "flows[0].paths[0].links", "a step from s to b"),
        ("flows.0.paths.0.fraction", 0.5, "flows[0].paths", "fractions of 0.5 in sum"),
        ("flows.1.rate_cap_Bps", 0, "flows[1].rate_cap_Bps", "0"),
        ("flows.1.weight", -2, "flows[1].weight", "-2"),
        ("flows.1.deps", ["y"], "flows[1].deps", "y"),
        ("flows.1.deps", ["x"], "flows[1].deps", "x"),
        ("flows.0.deps", ["x"], "flows", "0 waits for x waits for 0"),
        ("link_events", [{"time_s": 1, "link": "z", "capacity_Bps": 1}], "link_events[0].link", "z"),
        ("link_events", [{"time_s": -1, "link": "a>s", "capacity_Bps": 1}], "link_events[0].time_s", "-1"),
        ("link_events", [{"time_s": 1, "link": "a>s"}], "link_events[0].capacity_Bps", "nothing"),
        ("reference_fct_s", {"other": [1.0]}, "reference_fct_s.other", "1"),
    ],
)  # fmt: skip
def test_one_fault(path: str, value: Any, where: str, found: str) -> None:
    case = changed(path, value) if path != "reference_fct_s" else {**GOOD, path: value}
    with pytest.raises(FlowError) as error:
        read_case(case)
    faults = {fault.where: fault for fault in error.value.faults}
    assert where in faults
    assert found in {f.found for f in error.value.faults}
    assert all(fault.expected and fault.mend for fault in error.value.faults)


def test_all_faults_at_once() -> None:
    case = copy.deepcopy(GOOD)
    case["links"][0]["capacity_Bps"] = -1
    case["flows"][0]["size_B"] = None
    case["flows"][1]["deps"] = [7]
    with pytest.raises(FlowError) as error:
        read_case(case)
    assert [f.where for f in error.value.faults] == [
        "links[0].capacity_Bps",
        "flows[0].size_B",
        "flows[1].deps",
    ]


@pytest.mark.parametrize(
    ("text", "line"), [("{\n  nonsense", 2), ("[]", 1), ("\udce9", 0), (100_000 * "[", 0)]
)
def test_files_that_are_no_case(tmp_path: Path, text: str, line: int) -> None:
    file = tmp_path / "wrong.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(FlowError) as error:
        read_case(file)
    assert (error.value.faults[0].file, error.value.faults[0].line) == (str(file), line)


ODD = [None, -1, True, math.nan, 10**400, "", "10G", [], {}, [[]], [None], 1e308, 5e-324, "\ud800"]


def spots(tree: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(spot for key, value in pairs for spot in spots(value, (*path, key)))]


def test_whatever_stands_anywhere_is_a_fault_or_a_time() -> None:
    """Every value of a case in turn is replaced by odd ones, or left out."""
    full = {**GOOD, "link_events": [{"time_s": 1, "link": "a>s", "capacity_Bps": 0}]}
    for *front, last in spots(full)[1:]:
        for value in [*ODD, ...]:
            case = copy.deepcopy(full)
            at: Any = case
            for step in front:
                at = at[step]
            if value is ...:
                del at[last]
            else:
                at[last] = value
            try:
                assert all(fct_s >= 0.0 for fct_s in flow_completion_times(case).values())
            except FlowError as error:
                assert error.faults and all(f.where and f.mend for f in error.faults)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="no such file"):
        read_case(tmp_path / "none.json")
    with pytest.raises(FlowError):
        read_case(tmp_path)
