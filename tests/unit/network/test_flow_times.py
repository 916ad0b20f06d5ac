"""Options of flow completion times, by hand, and the command that prints them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from twin.cli import flowing
from twin.errors import TwinError
from twin.network import FlowError, FlowOptions, flow_completion_times, flow_times

DATA = Path(__file__).parents[2] / "validation/network/data"


def link(name: str, capacity: float, latency_s: float = 0.0) -> dict[str, Any]:
    return {"id": name, "capacity_Bps": capacity, "latency_s": latency_s}


def flow(number: int, size: float, *paths: list[str], **more: Any) -> dict[str, Any]:
    rows = [{"links": path, "fraction": 1.0 / len(paths)} for path in paths]
    return {"id": number, "size_B": size, "start_s": 0.0, "paths": rows, **more}


SPRAYED = {
    "links": [link("a", 4.0, 0.1), link("b", 4.0, 0.3), link("c", 4.0)],
    "flows": [flow(0, 4.0, ["c", "a"], ["c", "b"]), flow(1, 4.0, ["c"])],
}


def test_shares_of_a_sprayed_flow() -> None:
    """Coupled, it begins 0.3 s later and is one flow beside another; split, it holds two thirds of the link."""
    coupled = flow_completion_times(SPRAYED, shares="coupled")
    assert coupled == pytest.approx({0: 2.0, 1: 1.7})
    both = {"links": SPRAYED["links"], "flows": [flow(0, 4.0, ["c"], ["c"]), flow(1, 4.0, ["c"])]}
    assert flow_completion_times(both, shares="split") == pytest.approx({0: 1.5, 1: 2.0})
    assert flow_completion_times(both) == pytest.approx({0: 2.0, 1: 2.0})


def test_a_case_says_which_shares_its_references_mean() -> None:
    both = {"links": SPRAYED["links"], "flows": [flow(0, 4.0, ["c"], ["c"]), flow(1, 4.0, ["c"])]}
    times = [0.0, 0.0]
    split = {**both, "reference_fct_s": {"simgrid_maxmin": times}}
    assert flow_completion_times(split) == flow_completion_times(both, shares="split")
    named = {**both, "reference_fct_s": {"simgrid_maxmin": times, "simgrid_coupled": times}}
    assert flow_completion_times(named) == flow_completion_times(both, shares="coupled")


def test_the_cap_of_a_split_flow_holds_for_the_whole() -> None:
    capped = {
        "links": [link("a", 4.0), link("b", 4.0)],
        "flows": [flow(0, 4.0, ["a"], ["b"], rate_cap_Bps=2.0)],
    }
    for shares in ("coupled", "split"):
        assert flow_completion_times(capped, shares=shares) == pytest.approx({0: 2.0})


def test_dependents_wait_for_all_shares_and_count_from_their_release() -> None:
    case = {
        "links": [link("a", 1.0), link("b", 3.0)],
        "flows": [flow(0, 4.0, ["a"], ["b"]), flow(1, 3.0, ["b"], deps=[0])],
    }
    found = flow_times(case, FlowOptions(shares="split"))
    assert found.released_at_s.tolist() == [0.0, 2.0]
    assert found.by_id == pytest.approx({0: 2.0, 1: 1.0})


def test_weights_by_rtt() -> None:
    case = {
        "links": [link("a", 4.0, 1.0), link("b", 9.0, 2.0)],
        "flows": [flow(0, 3.0, ["a"]), flow(1, 3.0, ["a", "b"])],
    }
    # rates 3 and 1 once both have begun; flow 0 begins 2 s earlier and is done by then
    assert flow_completion_times(case, weighting="rtt") == pytest.approx({0: 1.75, 1: 3.75})
    case["flows"][0]["start_s"] = 2.0
    assert flow_completion_times(case, weighting="rtt") == pytest.approx({0: 2.0, 1: 4.5})
    with pytest.raises(FlowError, match="latency"):
        flow_completion_times({"links": [link("a", 1.0)], "flows": [flow(0, 1.0, ["a"])]}, weighting="rtt")


def test_spray_efficiency_touches_sprayed_flows_only() -> None:
    case = {
        "links": [link("a", 4.0), link("b", 4.0), link("c", 4.0)],
        "flows": [flow(0, 8.0, ["a"], ["b"]), flow(1, 4.0, ["c"])],
    }
    assert flow_completion_times(case, spray_efficiency=0.8) == pytest.approx({0: 1.25, 1: 1.0})


def test_start_up() -> None:
    """A round trip of 2 s, 16 bytes in flight on a full path; 1, 2, 4, 8 bytes come before."""
    case = {
        "links": [link("a", 8.0, 1.0)],
        "flows": [flow(0, 31.0, ["a"]), flow(1, 3.0, ["a"], start_s=50.0)],
    }
    exact = flow_completion_times(case)
    found = flow_completion_times(case, initial_window_bytes=1.0, handshake_rtts=1.0)
    assert found[0] - exact[0] == pytest.approx(2.0 + 4 * 2.0 - 15.0 / 8.0)
    assert found[1] - exact[1] == pytest.approx(2.0 + 2 * 2.0 - 3.0 / 8.0)


def test_options_out_of_range_all_at_once() -> None:
    with pytest.raises(FlowError) as error:
        FlowOptions(window_s=-1.0, spray_efficiency=2.0, weighting="luck")
    assert [f.where for f in error.value.faults] == ["window_s", "weighting", "spray_efficiency"]


ENDLESS = {
    "links": [link("a", 0.0), link("b", 1.0)],
    "flows": [flow(0, 1.0, ["a"]), flow(1, 1.0, ["b"]), flow(2, 1.0, ["b"], deps=[0])],
}


def test_what_never_ends_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flow_completion_times(ENDLESS) == {0: math.inf, 1: 1.0, 2: math.inf}
    file = tmp_path / "case.json"
    file.write_text(json.dumps(ENDLESS))
    flowing.flows(file, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert (found["fct_s"], found["never_end"]) == ({"0": None, "1": 1.0, "2": None}, [0, 2])
    flowing.flows(file)
    assert "2 flows never end" in capsys.readouterr().out


def test_the_command_prints_times_errors_and_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case, out = DATA / "P3_parking_lot.json", tmp_path / "times.csv"
    flowing.flows(case, csv=out, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["fct_s"]["3"] == pytest.approx(0.001802, rel=1e-9)
    assert found["errors"]["simgrid_maxmin"]["max_frac"] < 1e-6 < found["errors"]["ns3_dctcp"]["mean_frac"]
    rows = out.read_text().splitlines()
    assert rows[0] == "id,released_at_s,finished_at_s,fct_s" and len(rows) == 6
    assert float(rows[4].split(",")[3]) == found["fct_s"]["3"]
    flowing.flows(case, mode="windowed", window="2us")
    text = capsys.readouterr().out
    assert "windows against exact" in text and "ns3_dctcp" in text


@pytest.mark.parametrize(("more", "where"), [
    ({"mode": "fast"}, "--mode"), ({"mode": "windowed", "window": "3 kg"}, "--window"),
    ({"mode": "windowed", "window": "0 s"}, "--window"), ({"shares": "half"}, "shares"),
])  # fmt: skip
def test_wrong_options_of_the_command(more: dict[str, Any], where: str) -> None:
    with pytest.raises(TwinError) as error:
        flowing.flows(DATA / "P1_star8_incast.json", **more)
    assert error.value.faults[0].where == where
