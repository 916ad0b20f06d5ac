"""Planted faults are found and named, in memory and in files; and at 100,000 GPUs in time."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twin.errors import ScenarioError
from twin.topology.fabric import build, check_fabric, preset, routes, write_wiring

LARGE = {
    "fabric": "large", "gpus": 100_000, "gpus_per_node": 8, "nic": "cx8", "rail_optimised": True,
    "leaf": {"switch": "q3400"},
}  # fmt: skip


@pytest.fixture(scope="module")
def pod():
    return build(preset("dgx-b200-superpod"))


def moved(fabric, link, **values):
    """The fabric with one link changed."""
    arrays = {name: getattr(fabric, name).copy() for name in values}
    for name, value in values.items():
        arrays[name][link] = value
    return replace(fabric, **arrays)


def test_a_missing_cable_is_named_at_both_ends(pod) -> None:
    (fault,) = check_fabric(pod.without([1024]))
    assert fault.where == "leaf-01 port 33"
    assert fault.expected == "a cable to spine-01 port 1"
    assert "plug the missing cable" in fault.mend


def test_a_port_used_twice(pod) -> None:
    faults = check_fabric(moved(pod, 1024, port_b=pod.port_b[1056]))
    twice = next(f for f in faults if "two cables" in f.found)
    assert twice.where == "spine-01 port 3"
    assert "leaf-01 port 33" in twice.found
    assert "leaf-02 port 33" in twice.found


def test_a_cable_in_the_wrong_port(pod) -> None:
    faults = check_fabric(moved(pod.without([1056]), 1024, port_b=pod.port_b[1056]))
    assert any(f.where == "leaf-01 port 33" and "move" in f.mend for f in faults)
    assert any(f.where == "leaf-02 port 33" and f.found == "no cable" for f in faults)


def test_ports_above_the_radix(pod) -> None:
    faults = check_fabric(moved(pod, 1024, port_b=64))
    assert any(f.where == "spine-01 port 65" and f.expected == "ports 1 to 64" for f in faults)


def test_rates_that_do_not_match(pod) -> None:
    (fault,) = check_fabric(moved(pod, 1024, rate_bytes_per_s=25e9))
    assert (fault.found, fault.expected) == ("a line of 200 Gbit/s", "400 Gbit/s")
    faults = check_fabric(moved(pod, 1024, rate_bytes_per_s=100e9))
    assert any("qm9700" in f.expected for f in faults)


def test_ends_that_cannot_be_reached(pod) -> None:
    faults = check_fabric(pod.without([0]))
    assert any(f.where == "node-001/gpu-1" and "cut off" in f.found for f in faults)
    leaf = pod.b[0]
    faults = check_fabric(pod.without(np.flatnonzero(pod.a == leaf)))
    cut = next(f for f in faults if "cut off" in f.found)
    assert "31 more" in cut.found


def test_planes_that_differ() -> None:
    fabric = build(preset("dgx-b300-superpod-spectrum-x", units=1))
    faults = check_fabric(fabric.without([fabric.links - 1]))
    assert any(f.where == "plane 2" and "511" not in f.expected for f in faults)


def test_cables_beyond_their_reach() -> None:
    words = preset("dgx-b200-superpod", optics="dac-400")
    faults = check_fabric(build(words))
    assert any("at most the 2 m of dac-400" in f.expected for f in faults)


def test_all_faults_at_once(pod) -> None:
    broken = moved(moved(pod.without([5]), 1100, port_b=70), 1300, rate_bytes_per_s=25e9)
    assert len(check_fabric(broken)) >= 4


def test_a_file_with_its_wiring(tmp_path: Path, pod) -> None:
    cables = tmp_path / "cables.csv"
    write_wiring(pod, cables)
    file = tmp_path / "pod.yaml"
    text = "fabric: pod\nsystem: dgx-b200\nrail_optimised: true\nunits: 4\nnodes_per_unit: 32\nleaf: {switch: qm9700}\n"
    file.write_text(text + "floor: {nodes_per_rack: 2}\nwiring: cables.csv\n")
    assert check_fabric(file) == []
    rows = pd.read_csv(cables, dtype=str)
    rows = rows.drop(index=1500)
    rows.loc[1600, "to_port"] = rows.loc[1601, "to_port"]
    rows.loc[1600, "to"] = rows.loc[1601, "to"]
    rows.to_csv(cables, index=False)
    found = check_fabric(file)
    assert any(f.found == "no cable" for f in found)
    assert any("two cables" in f.found for f in found)
    assert {f.file for f in found} == {str(file)}


def test_wiring_that_cannot_be_read(tmp_path: Path, pod) -> None:
    cables = tmp_path / "cables.csv"
    rows = pd.DataFrame(
        [["leaf-1x", "1", "spine-01", "1"], ["leaf-01", "a", "spine-01", "0"]],
        columns=["from", "from_port", "to", "to_port"],
    )
    rows.to_csv(cables, index=False)
    words = preset("dgx-b200-superpod", wiring=str(cables))
    with pytest.raises(ScenarioError) as error:
        check_fabric(words)
    assert [(f.line, f.where) for f in error.value.faults] == [(2, "from"), (3, "from_port"), (3, "to_port")]
    assert error.value.faults[0].mend.startswith("write leaf-")


def test_a_hundred_thousand_gpus_in_six_gigabytes() -> None:
    fabric = build(LARGE)
    planted = moved(fabric.without([250_000]), 120_000, port_b=fabric.port_b[120_001], b=fabric.b[120_001])
    faults = check_fabric(planted)
    found = routes(fabric)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 6e9
    assert check_fabric(fabric) == []
    assert len(fabric.of_kind("gpu")) == 100_000
    assert sum(f.found == "no cable" for f in faults) == 1
    assert sum("two cables" in f.found for f in faults) == 1
    assert found.hops.max() == 4
    assert (found.group_of >= 0).sum() == found.group_of.size - len(found.leaves)
