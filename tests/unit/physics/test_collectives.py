"""Collectives: by hand where one part rules alone, and properties that hold for all algorithms."""

from __future__ import annotations

import numpy as np
import pytest

from twin.physics.collective_exchange import Exchange, Tokens, copies, exchange
from twin.physics.collectives import ALGORITHMS, Fabric, Group, Library, algorithms, load, parts, passes

PLAIN = Library(0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 20.0, 8.0)
FULL = Library(10e-6, 1e-6, 15e-6, 0.8, 0.9, 0.6, 3e6, 1e6, 2.3, 18.0, 1.75, 8.0)
FABRIC = Fabric(5e-6, 1.0, 1.0)


@pytest.mark.parametrize(
    ("operation", "algorithm", "link"),
    [
        ("all_reduce", "ring", 1.75), ("all_reduce", "nvls", 1.125), ("all_reduce", "tree", 2.0),
        ("all_gather", "ring", 0.875), ("reduce_scatter", "ring", 0.875), ("all_to_all", "direct", 0.875),
        ("broadcast", "ring", 1.0), ("reduce", "tree", 1.0),
    ],
)  # fmt: skip
def test_bytes_inside_one_domain(operation: str, algorithm: str, link: float) -> None:
    found = parts(PLAIN, FABRIC, Group(8, 1, 400e9), operation, algorithm, 4e9)
    assert load(operation, algorithm, 8).network == 0.0
    assert float(found.total_s) == pytest.approx(link * 0.01)


def test_a_tree_loads_two_domains_once_and_more_of_them_twice() -> None:
    assert [load("all_reduce", "nvls", 8 * n, n).network for n in (1, 2, 3, 20)] == [0.0, 1.0, 2.0, 2.0]
    assert load("all_reduce", "sharp", 64, 8).network == 1.0
    assert load("all_reduce", "ring", 32, 4).network == pytest.approx(2.0 * 31 / 32)


def test_the_slower_tier_counts() -> None:
    group = Group(32, 4, 400e9, 50e9)
    found = parts(PLAIN, FABRIC, group, "all_reduce", "nvls", 4e9)
    assert float(found.network_s) == pytest.approx(2.0 * 4e9 / (8 * 50e9))
    assert float(found.link_s) == pytest.approx(1.125 * 4e9 / 400e9)
    assert float(found.total_s) == pytest.approx(float(found.network_s), rel=1e-3)


def test_all_to_all_uses_every_nic() -> None:
    few = PLAIN._replace(most_rails=1.0)
    found = parts(few, FABRIC, Group(16, 2, 400e9, 50e9), "all_to_all", "direct", 16e9)
    assert float(found.network_s) == pytest.approx(8e9 / 50e9)


@pytest.mark.parametrize("domains", [1, 2, 5])
def test_time_rises_with_size_and_bandwidth_too(domains: int) -> None:
    sizes = np.logspace(2, 11, 60)
    group = Group(8 * domains, domains, 450e9, 50e9)
    for operation in ALGORITHMS:
        for algorithm in algorithms(operation, FULL, FABRIC, group):
            found = parts(FULL, FABRIC, group, operation, algorithm, sizes)
            assert np.all(np.diff(found.total_s) > 0.0), (operation, algorithm)
            assert np.all(np.diff(sizes / found.total_s) > 0.0), (operation, algorithm)
            assert np.all(found.total_s >= np.maximum(found.link_s, found.network_s))
            assert np.all(found.total_s >= found.floor_s * (1.0 - 1e-9))


def test_the_fill_is_whole_for_large_messages() -> None:
    filled = PLAIN._replace(buffer_bytes=1e6, slowdown=2.0)
    large, small = (
        float(parts(filled, FABRIC, Group(8, 1, 400e9), "all_reduce", "ring", s).fill_s) for s in (1e15, 1.0)
    )
    assert large == pytest.approx(1.75 * 8e6 / 400e9, rel=1e-3)
    assert small == pytest.approx(2.0 * 1.75 / 400e9, rel=1e-3)


def test_what_the_hardware_can_do() -> None:
    plain = FABRIC._replace(aggregation_efficiency_frac=0.0)
    assert "sharp" not in algorithms("all_reduce", FULL, plain, Group(16, 2, 450e9, 50e9))
    assert "sharp" in algorithms("all_reduce", FULL, FABRIC, Group(16, 2, 450e9, 50e9))
    assert "nvls" not in algorithms(
        "all_reduce", FULL._replace(multicast_efficiency_frac=0.0), FABRIC, Group(8, 1, 1e9)
    )


def test_passes_are_those_of_nccl_tests() -> None:
    assert passes("all_gather", 4) == 0.75 and passes("all_to_all", 4) == 0.75 and passes("reduce", 4) == 1.0


def test_copies_of_a_token() -> None:
    one = Tokens(1, 1, 8, 1.0)
    alone = copies("throughput", one, 8)
    assert float(alone.counted) == pytest.approx(8 * (1 - (7 / 8) ** 8)) and float(alone.network) == 0.0
    spread = copies("throughput", one._replace(most_domains=4), 64, 8)
    assert float(spread.counted) == pytest.approx(4 * (1 - 0.75**8))
    straight = copies("latency", one, 64, 8)
    assert float(straight.link + straight.network) == pytest.approx(8 * 63 / 64)


def test_combine_takes_twice_the_bytes_of_dispatch() -> None:
    on, group = Exchange(0.0, 0.0, 0.0, 1.0, 1.0), Group(32, 4, 450e9, 50e9)
    out, back = (float(exchange(on, group, "latency", Tokens(128, 7168, 8, b)).total_s) for b in (1.0, 2.0))
    assert back == pytest.approx(2.0 * out)
