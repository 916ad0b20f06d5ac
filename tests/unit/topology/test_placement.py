"""Groups of replicas on racks, in one NVLink domain and across several."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import pytest

from twin.errors import TopologyError
from twin.scenario import Scenario
from twin.topology import adapter_bytes_per_s, aside_s, build, check, domains, groups, is_joined, request_path


def test_a_group_larger_than_a_node_goes_across_nodes(h100: nx.MultiDiGraph) -> None:
    made = groups(h100, 16, 8)
    assert len(made) == 48
    domain_of = {gpu: domain for domain, gpus in domains(h100).items() for gpu in gpus}
    for group in made:
        assert not is_joined(h100, group)
        assert [len({domain_of[g] for g in group[i : i + 8]}) for i in (0, 8)] == [1, 1]


def test_spread_begins_in_another_domain_each_time(gb200: nx.MultiDiGraph) -> None:
    racks = [group[0].split("/")[0] for group in groups(gb200, 8, placement="spread")[:8]]
    assert len(set(racks)) == 8


def test_only_named_racks_are_taken_and_groups_are_of_one_gpu(make: Callable[..., Scenario]) -> None:
    site = build(make("disaggregated"))
    for name in ("gb200", "gb300"):
        made = groups(site, 4, racks=[name])
        assert len(made) == 18
        assert {site.nodes[site.nodes[g]["rack"]]["group"] for group in made for g in group} == {name}
    for group in groups(site, 8):
        assert len({site.nodes[g]["catalog"] for g in group}) == 1


def test_a_group_larger_than_the_site_is_refused(h100: nx.MultiDiGraph) -> None:
    with pytest.raises(TopologyError, match="at most the 768 of these racks"):
        groups(h100, 1000, 8)


def test_adapters_of_a_gpu_and_the_way_aside(gb200: nx.MultiDiGraph) -> None:
    assert adapter_bytes_per_s(gb200, "rack-01/gpu-01") == pytest.approx(50e9)
    way = request_path(gb200, ["rack-01/gpu-01"])
    assert 0.0 < aside_s(gb200, way) < sum(s for _, s in way)


@pytest.mark.parametrize(
    ("key", "value", "mend"),
    [("tensor_parallel", 73, "write 72 or less"), ("pipeline_parallel", 80, "split the model less")],
)
def test_splits_without_room_are_faults(
    make: Callable[..., Scenario], key: str, value: int, mend: str
) -> None:
    scenario = make("gb200-hall", **{f"serving__{key}": value})
    faults = [f for f in check(build(scenario), scenario) if f.where.startswith("serving")]
    assert [(f.where, f.mend[: len(mend)]) for f in faults] == [(f"serving.{key}", mend)]
