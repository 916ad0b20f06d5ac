"""Families of reference cases: inside their tolerance, and refusals that let the other cases go on."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.validation.facility import power_loadflow, runner
from twin.errors import TwinError
from twin.facility import least_storage

DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(
    ("file", "cases"), [("power_loadflow", 5), ("power_loadflow_variants", 4), ("ramp_limited_storage", 2)]
)
def test_every_number_is_inside_its_tolerance(file: str, cases: int) -> None:
    found = runner.run(DATA / f"{file}.json")
    assert len(found.answers) == cases
    assert not found.refused
    assert max(number.share for number in found.numbers) <= 1e-3, "the physics is the same, not only near"


def test_all_numbers_of_an_answer_are_compared() -> None:
    found = runner.run(DATA / "power_loadflow.json")
    held = json.loads((DATA / "power_loadflow.json").read_text())
    numbers = sum(1 for case in held["cases"] for _ in runner._leaves(case["answer"]))
    assert len(found.numbers) == numbers == 783


def _site(**changes: object) -> dict:
    inputs = copy.deepcopy(json.loads((DATA / "power_loadflow.json").read_text())["cases"][0]["inputs"])
    return {"inputs": inputs | changes}


def test_capacitors_raise_the_power_factor_with_the_square_of_the_voltage() -> None:
    plain = power_loadflow.solve(_site())
    bank = {"id": "C1", "bus": "MV_A", "q_mvar": 2.0}
    mended = power_loadflow.solve(_site(shunt_capacitors=[bank]))
    gained = plain["source"]["POI"]["q_mvar"] - mended["source"]["POI"]["q_mvar"]
    assert gained == pytest.approx(2.0 * mended["bus"]["MV_A"]["v_pu"] ** 2, rel=0.1)
    assert mended == power_loadflow.solve(_site(shunt_capacitors=[bank | {"q_mvar": -2.0}]))


def test_a_battery_takes_load_off_the_grid() -> None:
    plain = power_loadflow.solve(_site())["source"]["POI"]["p_mw"]
    found = power_loadflow.solve(_site(bess=[{"id": "B1", "bus": "MV_A", "p_mw": 3.0}]))
    assert found["source"]["B1"]["p_mw"] == 3.0
    assert plain - 3.0 > found["source"]["POI"]["p_mw"] > plain - 3.1
    assert found["totals"]["source_kw"] == pytest.approx(
        1e3 * (found["source"]["POI"]["p_mw"] + 3.0), rel=1e-12
    )


def test_leading_supplies_and_a_feeder_out() -> None:
    case = _site()
    for feeder in case["inputs"]["feeders"]:
        feeder["ups_pf_sign"] = "leading"
    case["inputs"]["feeders"][7]["in_service"] = False
    found = power_loadflow.solve(case)
    assert found["totals"]["it_output_kw"] == 7 * 2300
    assert "LV8" not in found["bus"]
    assert found["source"]["POI"]["q_mvar"] < power_loadflow.solve(_site())["source"]["POI"]["q_mvar"]
    assert abs(found["totals"]["energy_balance_residual_kw"]) < 1e-6


def test_refusals_let_the_others_go_on(tmp_path: Path) -> None:
    held = json.loads((DATA / "power_loadflow.json").read_text())
    broken, overload, other = (copy.deepcopy(held["cases"][0]) for _ in range(3))
    del broken["inputs"]["feeders"][0]["cable"]
    broken["id"] = "broken"
    overload["inputs"]["feeders"][0]["it_output_kw"] = 90e3
    overload["id"] = "overload"
    other |= {"id": "other", "family": "perpetual_motion"}
    held["cases"] = [broken, overload, other, held["cases"][0]]
    file = tmp_path / "mixed.json"
    file.write_text(json.dumps(held))
    found = runner.run(file)
    assert list(found.answers) == ["PWR-01"]
    assert "cable" in found.refused["broken"]
    assert "collapse" in found.refused["overload"]
    assert "one of" in found.refused["other"]


def test_a_case_without_its_answer_is_answered(tmp_path: Path) -> None:
    held = json.loads((DATA / "ramp_limited_storage.json").read_text())
    wanted = held["cases"][0].pop("answer")
    file = tmp_path / "open.json"
    file.write_text(json.dumps(held))
    found = runner.run(file)
    assert found.answers["GRD-01"]["min_energy_MJ"] == pytest.approx(wanted["min_energy_MJ"], rel=1e-9)
    assert {n.case for n in found.numbers} == {"GRD-04"}


@pytest.mark.parametrize("text", ["", "{", "{}", "[1]", '{"family": "nothing", "cases": []}'])
def test_files_that_are_none(text: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text(text)
    if text in ("", "{", "{}"):
        with pytest.raises(TwinError):
            runner.run(file)
    else:
        assert not runner.run(file).answers


def test_the_command_writes_answers(tmp_path: Path) -> None:
    out, file = tmp_path / "out.json", str(DATA / "ramp_limited_storage.json")
    command = [sys.executable, "-m", "tests.validation", "facility", file, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert "2 of 2 with every number inside its tolerance" in done.stdout
    assert set(json.loads(out.read_text())) == {"GRD-01", "GRD-04"}


def test_the_energy_of_the_cases_follows_the_limit() -> None:
    case = json.loads((DATA / "ramp_limited_storage.json").read_text())["cases"][1]["inputs"]
    load = [1e6 * power for power in case["load_MW"]]
    found = [least_storage(load, 1.0, 1e6 * limit).energy_j for limit in (0.25, 0.5, 1.0, 60.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(0.0, abs=1.0)
