"""Collectives against published measurements: all rows, and the half that no constant has seen."""

from __future__ import annotations

import numpy as np
import pytest

from tests.validation.collectives import fit, measured
from twin import catalog
from twin.network.collectives import collective, expert_exchange

Errors = dict[str, list[float]]


@pytest.fixture(scope="module")
def reduces() -> list[tuple[measured.Reduce, float]]:
    found = []
    for row in measured.reduces():
        got = collective("all_reduce", row.system, row.gpus, row.size_bytes, row.algorithm)
        found.append((row, abs(got.time_s / row.time_s - 1.0)))
    return found


@pytest.fixture(scope="module")
def swaps() -> list[tuple[measured.Swap, float]]:
    found = []
    for row in measured.swaps():
        got = expert_exchange(
            row.operation, row.system, row.gpus, row.tokens, row.mode, most_domains=row.most_domains
        )
        found.append((row, abs(row.logical_bytes_per_s / got.bus_bytes_per_s - 1.0)))
    return found


def test_all_reduce(reduces: list[tuple[measured.Reduce, float]]) -> None:
    large = [(row, off) for row, off in reduces if row.size_bytes >= measured.MEGABYTE]
    small = [(row, off) for row, off in reduces if row.size_bytes < measured.MEGABYTE]
    assert len(large) == 83 and len(small) == 40
    assert np.mean([off for _, off in large]) <= 0.03
    assert np.mean([off for _, off in small]) <= 0.07
    assert np.mean([off for row, off in large if not row.calibrates]) <= 0.035
    assert np.mean([off for row, off in small if not row.calibrates]) <= 0.12


@pytest.mark.parametrize(
    ("name", "most"),
    [("GB200 NVL72 2 racks + 400G IB", 0.03), ("ND_H100_v5", 0.13), ("HGX H200 248 nodes 8x400G", 0.09)],
)
def test_groups_that_no_constant_has_seen(
    name: str, most: float, reduces: list[tuple[measured.Reduce, float]]
) -> None:
    found = [off for row, off in reduces if row.name == name]
    assert found and np.mean(found) <= most


def test_exchange_with_experts(swaps: list[tuple[measured.Swap, float]]) -> None:
    assert len(swaps) == 28
    assert np.mean([off for _, off in swaps]) <= 0.05
    assert np.mean([off for row, off in swaps if not row.calibrates]) <= 0.06
    assert max(off for _, off in swaps) <= 0.18


def test_about_half_calibrates() -> None:
    share = np.mean([row.calibrates for row in (*measured.reduces(), *measured.swaps())])
    assert 0.4 <= share <= 0.55


def test_cards_hold_what_the_fit_finds() -> None:
    found = fit.constants()
    names = {
        "link": "link_efficiency_frac", "multicast": "multicast_efficiency_frac", "launch_s": "launch_s",
        "buffer_bytes": "buffer_bytes", "network_buffer_bytes": "network_buffer_bytes", "most_rails": "most_rails",
        "network_slowdown": "network_slowdown",
    }  # fmt: skip
    checked = 0
    for key, value in found.items():
        family, _, name = key.partition(" ")
        if family in ("ampere", "hopper", "blackwell"):
            assert getattr(catalog.get("collective", family), names[name]) == pytest.approx(
                value, rel=0.01
            ), key
            checked += 1
    assert checked == 14
    hopper, fabric = catalog.get("collective", "hopper"), catalog.get("collective", "infiniband")
    assert hopper.exchange_link_efficiency_frac == pytest.approx(found["exchange link"], rel=0.01)
    assert fabric.exchange_nic_efficiency_frac == pytest.approx(found["exchange nic"], rel=0.01)
    assert fabric.aggregation_efficiency_frac == pytest.approx(found["aggregation"], rel=0.01)
