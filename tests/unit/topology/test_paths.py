"""Ways of requests and replicas in NVLink domains."""

from __future__ import annotations

import networkx as nx
import pytest

from twin.errors import TopologyError
from twin.topology import domains, groups, request_path


def test_a_request_passes_spine_and_leaf(hall: nx.MultiDiGraph) -> None:
    for gpus in groups(hall, 8)[:5]:
        way = request_path(hall, gpus)
        kinds = [hall.nodes[n]["kind"] for n, _ in way]
        assert kinds == [
            "gateway", "optic", "optic", "spine", "optic", "optic", "leaf", "optic", "optic", "nic", "gpu",
        ]  # fmt: skip
        assert way[-1][0] in gpus
        assert 1e-6 < sum(s for _, s in way) < 5e-6


def test_latency_is_that_of_its_parts(gb200: nx.MultiDiGraph) -> None:
    """Three switches of 500 ns, three fibres with 100 ns at the ends and 4.9 ns/m, an adapter of 600 ns."""
    way = request_path(gb200, ["rack-05/gpu-10"])
    names = [n for n, _ in way]
    metres = sum(
        gb200.edges[a, b, "network"]["length_m"]
        for a, b in ((1, 2), (4, 5), (7, 8))
        for a, b in [(names[a], names[b])]
    )
    assert sum(s for _, s in way) == pytest.approx(3 * 500e-9 + 3 * 100e-9 + 4.9e-9 * metres + 600e-9)


def test_infiniband_pays_for_error_correction(h100: nx.MultiDiGraph) -> None:
    way = dict(request_path(h100, ["rack-01/gpu-01"]))
    assert way["gateway/optic-001"] == pytest.approx(250e-9)


def test_the_quickest_gpu_of_a_replica_is_taken(gb200: nx.MultiDiGraph) -> None:
    gpus = [f"rack-03/gpu-{i:02d}" for i in range(1, 9)]
    each = [sum(s for _, s in request_path(gb200, [g])) for g in gpus]
    assert sum(s for _, s in request_path(gb200, gpus)) == min(each)


def test_a_cut_fibre_is_a_fault(gb200: nx.MultiDiGraph) -> None:
    cut = gb200.copy()
    cut.remove_node("rack-01/nic-01/optic")
    with pytest.raises(TopologyError, match="cannot be reached"):
        request_path(cut, ["rack-01/gpu-01"])


def test_a_lost_spine_is_gone_round(gb200: nx.MultiDiGraph) -> None:
    cut = gb200.copy()
    taken = next(n for n, _ in request_path(gb200, ["rack-01/gpu-01"]) if gb200.nodes[n]["kind"] == "spine")
    cut.remove_node(taken)
    assert any(n.startswith("spine") and n != taken for n, _ in request_path(cut, ["rack-01/gpu-01"]))


@pytest.mark.parametrize(("width", "count"), [(1, 576), (8, 72), (72, 8), (10, 56)])
def test_replicas_of_racks(gb200: nx.MultiDiGraph, width: int, count: int) -> None:
    made = groups(gb200, width)
    assert len(made) == count
    domain_of = {gpu: domain for domain, gpus in domains(gb200).items() for gpu in gpus}
    assert all(len({domain_of[g] for g in gpus}) == 1 and len(gpus) == width for gpus in made)
    assert len({g for gpus in made for g in gpus}) == count * width


def test_replicas_of_nodes(h100: nx.MultiDiGraph) -> None:
    assert len(groups(h100, 8)) == 96
    with pytest.raises(TopologyError, match="at most the 8 GPU packages"):
        groups(h100, 9, 9)
