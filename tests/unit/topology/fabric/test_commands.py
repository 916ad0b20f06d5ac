"""``twin fabric …`` and the shipped files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from twin.cli.fabrics import app, check_file, is_fabric
from twin.errors import ScenarioError, TopologyError
from twin.network import fabric as face
from twin.topology import fabric as home
from twin.topology.fabric import bill, build, check_fabric, compare_optics, load, presets

ROOT = Path(__file__).parents[4]
SHIPPED = sorted((ROOT / "scenarios/fabrics").glob("*.yaml"))


def run(*words: str) -> dict:
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    return json.loads(done.stdout)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda f: f.stem)
def test_shipped_fabrics_are_sound(file) -> None:
    assert is_fabric(file)
    assert check_fabric(file) == []


def test_the_face_is_the_whole_package() -> None:
    assert set(face.__all__) == set(home.__all__)


def test_summary_and_bill() -> None:
    found = run("summary", "dgx-b200-superpod", "--set", "units=16")
    assert found["layers"]["compute"]["core"] == 64
    made = run("bill", "dgx-b200-superpod")
    assert made["totals"]["price_usd"] == pytest.approx(
        bill(build(face.preset("dgx-b200-superpod"))).total("price_usd")
    )


def test_the_networks_of_a_hall_are_a_fabric_too() -> None:
    hall = str(ROOT / "scenarios/one-rack.yaml")
    made = run("bill", hall)
    counts = {item["tier"]: item["count"] for item in made["items"] if item["what"] == "switch"}
    assert counts == {"spine": 4, "leaf": 8} and made["gpus"] == 72
    found = run("failures", hall, "--switch", "leaf-1", "--job-gpus", "72")
    assert [job["stranded_gpus"] for job in found["jobs"]] == [9]
    words = "{design: {preset: dgx-gb200-superpod, optics: cpo}}"
    other = run("summary", hall, "--set", f"network={words}")
    assert other["layers"]["compute"]["leaf"] == 4


def test_bill_and_cables_as_files(tmp_path: Path) -> None:
    csv, cables = tmp_path / "bill.csv", tmp_path / "cables.csv"
    done = CliRunner().invoke(app, ["bill", "dgx-b200-superpod", "--csv", str(csv), "--cables", str(cables)])
    assert done.exit_code == 0
    assert len(cables.read_text().splitlines()) == 2049
    assert csv.read_text().startswith("layer,tier,what")
    assert "price of cx7" in done.stdout


def test_check_of_a_file_with_a_planted_fault(tmp_path: Path, capsys) -> None:
    text = "fabric: pod\nsystem: dgx-b200\nunits: 1\nnodes_per_unit: 8\nleaf: {switch: qm9700}\nwiring: cables.csv\n"
    file = tmp_path / "pod.yaml"
    file.write_text(text)
    face.write_wiring(build(load(file)), tmp_path / "cables.csv")
    check_file(file, {}, as_json=False)
    assert "can run: 64 GPUs" in capsys.readouterr().out
    rows = (tmp_path / "cables.csv").read_text().splitlines()
    (tmp_path / "cables.csv").write_text("\n".join(rows[:-1]) + "\n")
    with pytest.raises(TopologyError) as error:
        check_file(file, {}, as_json=False)
    assert error.value.faults[0].found == "no cable"
    with pytest.raises(SystemExit):
        check_file(file, {}, as_json=True)
    assert json.loads(capsys.readouterr().out)["faults"]


def test_failures_of_jobs() -> None:
    found = run("failures", "dgx-b200-superpod", "--switch", "spine-03", "--job-gpus", "256")
    assert found["connected"] is True
    assert found["switches_down"] == ["spine-03"]
    assert [job["name"] for job in found["jobs"]] == ["job-1", "job-2", "job-3", "job-4"]
    assert found["part_left_frac"]["leaf-spine"] == pytest.approx(15 / 16)


def test_optics_study() -> None:
    found = run("optics", str(ROOT / "scenarios/studies/cpo-or-pluggable.yaml"))
    assert [case["gpus"] for case in found["cases"]][::2] == [1_000, 10_000, 100_000, 1_000_000]
    assert found["public_arithmetic"]["1000000"]["plug-1600"]["power_w"] == pytest.approx(180e6)


def test_tables_print(capsys) -> None:
    for words in (
        ["summary", "dgx-b300-superpod-spectrum-x"],
        ["failures", "dgx-b200-superpod", "--draw-links", "3"],
        ["optics", str(ROOT / "scenarios/studies/cpo-or-pluggable.yaml")],
        ["check", "dgx-h100-superpod"],
    ):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0
        assert "…" not in done.stdout


def test_optics_of_ready_words_are_those_of_the_mapping() -> None:
    words = load(
        fabric="f", gpus=64, gpus_per_node=8, nic="cx7", leaf={"switch": "qm9700"}, trunk_rate="400 Gbit/s"
    )
    given = {
        "fabric": "f",
        "gpus_per_node": 8,
        "nic": "cx7",
        "leaf": {"switch": "qm9700"},
        "trunk_rate": "400 Gbit/s",
    }
    assert compare_optics(words, [512]) == compare_optics(given, [512])


def test_wrong_names_are_told() -> None:
    with pytest.raises(ScenarioError) as error:
        run("summary", "dgx-b20-superpod")
    assert error.value.faults[0].expected == ", ".join(presets())
    with pytest.raises(ScenarioError):
        run("summary", "dgx-b200-superpod", "--set", "units")
