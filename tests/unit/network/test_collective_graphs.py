"""Flow graphs of collectives: the bytes of the closed forms on every link, and their time in the flow simulator."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from twin.errors import ScenarioError
from twin.network import flow_completion_times
from twin.network.collective_graphs import exchange_graph, flow_graph
from twin.network.collective_wiring import Wiring, one_switch, railed, two_tiers
from twin.physics.collective_exchange import Exchange, Tokens, exchange
from twin.physics.collectives import Group, load

LINK, NIC, SIZE = 400e9, 50e9, 8e9


def finish_s(case: dict[str, Any]) -> float:
    """Instant when the last flow ends, by the flow simulator."""
    took_s, end_at_s = flow_completion_times(case), dict[int, float]()
    for f in case["flows"]:  # in an order in which a flow stands behind those it waits for
        end_at_s[f["id"]] = max((end_at_s[d] for d in f["deps"]), default=0.0) + took_s[f["id"]]
    return max(end_at_s.values())


def link_bytes(case: dict[str, Any]) -> dict[str, float]:
    total: dict[str, float] = defaultdict(float)
    for f in case["flows"]:
        for path in f["paths"]:
            for link in path["links"]:
                total[link] += f["size_B"] * path["fraction"]
    return total


@pytest.mark.parametrize("gpus", [2, 5, 8])
@pytest.mark.parametrize(
    ("operation", "algorithm"),
    [("all_reduce", "ring"), ("all_reduce", "nvls"), ("all_gather", "ring"), ("reduce_scatter", "ring"),
     ("all_to_all", "direct"), ("broadcast", "ring"), ("reduce", "ring"), ("all_reduce", "tree")],
)  # fmt: skip
def test_one_switch(operation: str, algorithm: str, gpus: int) -> None:
    case = flow_graph(operation, algorithm, one_switch(gpus, LINK), SIZE, pieces=64)
    expected = load(operation, algorithm, gpus).link
    sent = link_bytes(case)
    assert max(sent.values()) == pytest.approx(expected * SIZE)
    # a pipeline of 64 pieces ends a few pieces after its last byte could have gone
    late = 1.0 if (operation, algorithm) in (("all_to_all", "direct"), *_RINGS) else 1.0 + 2.0 * gpus / 64
    assert 1.0 - 1e-9 <= finish_s(case) / (expected * SIZE / LINK) <= late + 1e-9


_RINGS = (("all_reduce", "ring"), ("all_gather", "ring"), ("reduce_scatter", "ring"))


@pytest.mark.parametrize(("operation", "algorithm"), [*_RINGS, ("all_to_all", "direct")])
def test_rails(operation: str, algorithm: str) -> None:
    case = flow_graph(operation, algorithm, railed(12, 3, LINK, NIC), SIZE)
    expected = load(operation, algorithm, 12, 3)
    sent = link_bytes(case)
    out = [sum(sent[f"g{d * 4 + i}>rail{i}"] for i in range(4)) for d in range(3)]
    assert out == pytest.approx([expected.network * SIZE] * 3)
    assert max(sent[f"g{i}>nv{i // 4}"] for i in range(12)) == pytest.approx(expected.link * SIZE)
    assert finish_s(case) >= expected.network * SIZE / (4 * NIC) * (1.0 - 1e-9)
    if algorithm == "direct":
        assert finish_s(case) == pytest.approx(expected.network * SIZE / (4 * NIC))


@pytest.mark.parametrize("domains", [2, 4, 8])
@pytest.mark.parametrize("algorithm", ["nvls", "tree", "sharp"])
def test_all_reduce_over_domains(algorithm: str, domains: int) -> None:
    on = railed(4 * domains, domains, LINK, NIC)
    case = flow_graph("all_reduce", algorithm, on, SIZE, pieces=32)
    sent, expected = link_bytes(case), load("all_reduce", algorithm, 4 * domains, domains)
    out = max(sum(sent[f"g{d * 4 + i}>rail{i}"] for i in range(4)) for d in range(domains))
    assert out == pytest.approx(expected.network * SIZE, rel=1e-9)
    assert max(sent[f"g{i}>nv{i // 4}"] for i in range(on.gpus)) <= expected.link * SIZE * (1.0 + 1e-9)
    bound = expected.network * SIZE / (4 * NIC)
    assert 1.0 - 1e-9 <= finish_s(case) / bound <= 1.45


def test_more_pieces_come_nearer_to_the_closed_form() -> None:
    times = [
        finish_s(flow_graph("all_reduce", "nvls", one_switch(8, LINK), SIZE, pieces=p)) for p in (1, 4, 32)
    ]
    assert times[0] > times[1] > times[2] > 1.125 * SIZE / LINK
    assert times[2] == pytest.approx(1.125 * SIZE / LINK, rel=0.05)


def test_every_step_of_a_ring_pays_the_latency_of_its_path() -> None:
    plain, late = (
        finish_s(flow_graph("all_reduce", "ring", one_switch(8, LINK, latency_s), SIZE))
        for latency_s in (0.0, 1e-6)
    )
    assert late - plain == pytest.approx(14 * 2e-6)


def test_two_tiers_at_full_rate() -> None:
    case = flow_graph("all_reduce", "ring", two_tiers(8, 2, 2, NIC), SIZE)
    assert finish_s(case) == pytest.approx(load("all_reduce", "ring", 8, 8).network * SIZE / NIC)


@pytest.mark.parametrize("operation", ["dispatch", "combine"])
@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_exchange(operation: str, mode: str) -> None:
    what = Tokens(4096, 7168, 8, 2.0, 4)
    case = exchange_graph(operation, mode, railed(32, 4, LINK, NIC), what, pieces=8)
    closed = exchange(Exchange(0.0, 0.0, 0.0, 1.0, 1.0), Group(32, 4, LINK, NIC), mode, what)
    sent = link_bytes(case)
    assert max(sent[f"g{i}>rail{i % 8}"] for i in range(32)) / NIC == pytest.approx(float(closed.network_s))
    assert max(sent[f"g{i}>nv{i // 8}"] for i in range(32)) / LINK == pytest.approx(float(closed.link_s))
    assert 1.0 - 1e-9 <= finish_s(case) / float(closed.total_s) <= 1.15


@pytest.mark.parametrize(
    ("operation", "algorithm", "on"),
    [("all_reduce", "sharp", one_switch(4, LINK)), ("all_reduce", "nvls", two_tiers(4, 2, 2, NIC)),
     ("all_gather", "tree", one_switch(4, LINK))],
)  # fmt: skip
def test_no_such_graph(operation: str, algorithm: str, on: Wiring) -> None:
    with pytest.raises(ScenarioError, match="no such flow graph"):
        flow_graph(operation, algorithm, on, 1e6)


def test_dependencies_point_back() -> None:
    for algorithm in ("ring", "tree", "nvls", "sharp"):
        flows = flow_graph("all_reduce", algorithm, railed(8, 2, LINK, NIC), 1e6, pieces=3)["flows"]
        assert [f["id"] for f in flows] == list(range(len(flows)))
        assert all(d < f["id"] for f in flows for d in f["deps"])
