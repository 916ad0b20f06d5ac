"""The public face of collectives: what it answers, what it refuses, files and pictures, the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from twin.cli import collecting
from twin.errors import TwinError
from twin.network import collective_charts
from twin.network.collective_group import ground
from twin.network.collectives import SIZES, collective, curve, expert_exchange, write_csv


def test_bandwidths_follow_from_the_time() -> None:
    found = collective("all_reduce", "dgx-h100", 8, "1 GB")
    assert found.algorithm_bytes_per_s == pytest.approx(1e9 / found.time_s)
    assert found.bus_bytes_per_s == pytest.approx(1.75 * found.algorithm_bytes_per_s)
    assert found.time_s == found.algorithms_s[found.algorithm] == min(found.algorithms_s.values())


def test_auto_leaves_aggregation_in_the_network_to_those_who_ask() -> None:
    found = collective("all_reduce", "dgx-h100", 64, "8GB")
    assert "sharp" in found.algorithms_s and found.algorithm != "sharp"
    asked = collective("all_reduce", "dgx-h100", 64, "8GB", "sharp")
    assert asked.time_s == found.algorithms_s["sharp"] and asked.binds == "network"


def test_a_gpu_stands_for_boards_of_eight() -> None:
    assert ground("h800-sxm", 16).group == (16, 2, 200e9, 50e9)
    assert ground("dgx-a100", 16, nic="800 Gbit/s").group.nic_bytes_per_s == 100e9
    assert ground("vr-nvl72", 72).is_inherited and not ground("gb200-nvl72", 72).is_inherited


def test_a_slower_fabric_takes_longer() -> None:
    times = [
        collective("all_reduce", "dgx-b200", 64, "8GB", fabric=fabric).time_s
        for fabric in ("infiniband", "spectrum-x", "ethernet-ecmp")
    ]
    assert times == sorted(times) and times[2] > 1.5 * times[0]


def test_more_domains_take_longer() -> None:
    times = [collective("all_reduce", "gb200-nvl72", 72 * n, "1GB").time_s for n in (1, 2, 4, 8, 16)]
    assert times == sorted(times)


def test_many_tokens_go_faster_once_to_each_domain() -> None:
    many = {m: expert_exchange("dispatch", "dgx-h100", 32, 8192, m).time_s for m in ("latency", "throughput")}
    assert many["throughput"] < many["latency"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (("all_reduc", "dgx-h100", 8, "1GB"), ["all_reduc", "write all_reduce"]),
        (("all_reduce", "gb200-nvl7", 8, "1GB"), ["gb200-nvl7", "write gb200-nvl72"]),
        (("all_reduce", "dgx-h100", 0, "8"), ["gpus", "2 to 10,000,000", "bare number 8"]),
        (("all_reduce", "dgx-h100", 1, "8 s"), ["gpus", "unit of time"]),
        (("all_reduce", "dgx-h100", 9, "1GB"), ["write 8 or 10"]),
        (("all_reduce", "dgx-h100", 8, 0.0), ["1 byte or more"]),
        (("all_reduce", "dgx-h100", 8, float("nan")), ["1 byte or more"]),
        (("all_reduce", "dgx-a100", 8, "1GB", "nvls"), ["nvls, which this hardware cannot do", "write auto"]),
        (("all_reduce", "dgx-h100", 8, "1GB", "sharp"), ["sharp, which this hardware cannot do"]),
        (("all_reduce", "dgx-h100", 16, "1GB", "rings"), ["write ring"]),
        (("all_reduce", "dgx-h100", 16, "1GB", "auto", "token-ring"), ["token-ring", "infiniband"]),
        (("all_reduce", "dgx-h100", 16, "1GB", "auto", "infiniband", "400"), ["data rate"]),
        (("all_reduce", "dgx1-v100", 8, "1GB"), ["Volta"]),
        (("all_reduce", "dgx-spark", 2, "1GB"), ["nvlink_bandwidth"]),
    ],
)
def test_refuses(asked: tuple, words: list[str]) -> None:  # type: ignore[type-arg]
    with pytest.raises(TwinError) as caught:
        collective(*asked)
    for word in words:
        assert word in str(caught.value)


def test_refuses_an_exchange_that_makes_no_sense() -> None:
    with pytest.raises(TwinError) as caught:
        expert_exchange("dispatch", "dgx-h100", 8, 0, "fast", active=-1)
    assert [fault.where for fault in caught.value.faults] == ["mode", "tokens", "active"]
    with pytest.raises(TwinError, match="lacks constants"):
        expert_exchange("combine", "dgx-a100", 8)


def test_csv(tmp_path: Path) -> None:
    found = curve("all_gather", "dgx-b200", 16)
    rows = list(csv.DictReader(write_csv(found, tmp_path / "curve.csv").open()))
    assert len(rows) == len(SIZES)
    assert [float(row["time_s"]) for row in rows] == [one.time_s for one in found]


def test_pictures(tmp_path: Path) -> None:
    found = curve("all_reduce", "dgx-h100", 16)
    assert b"nvls" in collective_charts.write_html(found, tmp_path / "curve.html").read_bytes()
    pytest.importorskip("matplotlib")
    assert collective_charts.write_png(found, tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "curve.csv"
    collecting.collective("all_reduce", "gb200-nvl72", 144, size="8GB", csv=file)
    shown = capsys.readouterr().out
    for word in ("time", "algorithm", "bus bandwidth", "algorithm bandwidth", "binds", "curve.csv"):
        assert word in shown
    collecting.collective("all-reduce", "gb200-nvl72", 144, size="8GB", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["gpus"] == 144 and data["time_s"] > 0.0 and len(data["curve"]) == len(SIZES)


def test_command_for_experts(capsys: pytest.CaptureFixture[str]) -> None:
    collecting.collective("combine", "h800-sxm", 64, size=None, mode="latency", as_json=True)
    data = json.loads(capsys.readouterr().out)
    assert data["algorithm"] == "latency" and data["time_s"] == pytest.approx(314e-6, rel=0.15)
    with pytest.raises(TwinError, match="does not take"):
        collecting.collective("combine", "h800-sxm", 64, size="1GB")
    with pytest.raises(TwinError, match="does not take"):
        collecting.collective("all_reduce", "dgx-h100", 8, size="1GB", tokens=4)
