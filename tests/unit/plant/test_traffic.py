"""From classes of traffic to jobs on the links of a hall."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin import topology
from twin.plant import replicas as replica_params
from twin.plant import traffic
from twin.plant.maps import build_maps
from twin.scenario import load

SCENARIO = Path(__file__).parents[3] / "scenarios/shared-fabric.yaml"


@pytest.fixture(scope="module")
def hall():
    scenario = load(SCENARIO)
    graph = topology.build(scenario)
    maps = build_maps(graph, scenario)
    params = replica_params.build(graph, scenario, maps, replica_params.paths(graph, maps))
    return graph, maps, params


def built(hall, **flows):
    """Traffic of a hall with these classes."""
    graph, maps, params = hall
    section = {"storage": {"read": "400 GB/s", "write": "200 GB/s"}, "flows": flows}
    found = traffic.build(graph, load(SCENARIO, set={"traffic": section}), maps, params)
    return found, found.put_on(params, 10.0)


def test_no_section_no_traffic(hall) -> None:
    graph, maps, params = hall
    assert traffic.build(graph, load(SCENARIO, set={"traffic": None}), maps, params) is None


def test_a_ring_over_two_racks_crosses_half_of_its_bytes_each_way(hall) -> None:
    """Two domains send 2 (2-1)/2 of the message (142 more GPUs: 2 * 143/144), each to the other above four leaves."""
    found, _ = built(
        hall, training={"among": ["train-a", "train-b"], "bytes": "140 GB", "pause": "1 s", "streams": 3}
    )
    (job,) = found.jobs
    (flow,) = job.flows
    assert flow.bytes == pytest.approx(2 * 140e9 * 2 * 143 / 144)
    assert flow.weight == 2 * 3
    trunks = {place: share for (kind, place), share in flow.shares.items() if kind == "trunk"}
    assert sorted(trunks) == list(range(16)), "both racks up and down, four leaves each, eight of them"
    assert list(trunks.values()) == pytest.approx([0.125] * 16)
    assert job.pause_s == 1.0
    assert job.stop_s == 300.0


def test_each_to_each_and_ring_are_alike_between_two(hall) -> None:
    shares = []
    for name in ("all_to_all", "all_gather"):
        found, _ = built(hall, job={"among": ["train-a", "train-b"], "bytes": "1 GB", "collective": name})
        shares.append(found.jobs[0].flows[0].shares)
    assert shares[0] == pytest.approx(shares[1])


def test_writes_of_idle_racks_cross_their_leaves_and_storage(hall) -> None:
    found, params = built(
        hall, save={"source": ["train-a", "train-b"], "target": ["storage"], "bytes": "1 TB"}
    )
    first, second = found.jobs[0].flows
    assert first.bytes == second.bytes == 0.5e12
    for flow, leaves in ((first, range(4)), (second, range(4, 8))):
        kinds = {kind for kind, _ in flow.shares}
        assert kinds == {"trunk", "port"}
        assert [p for k, p in flow.shares if k == "trunk"] == list(leaves), "up alone"
    assert found.ends[0][1] == "storage"
    # 1 TB at 200 GB/s of storage; uplinks carry 2.8 TB/s of each
    assert found.alone_s(params) == pytest.approx([5.0, 5.0])


def test_racks_that_serve_share_the_adapters_of_their_replicas(hall) -> None:
    found, _ = built(hall, reads={"source": ["storage"], "target": ["gb200"], "bytes": "36 GB"})
    (flow,) = found.jobs[0].flows
    adapters = [share for (kind, _), share in flow.shares.items() if kind == "receive"]
    assert adapters == pytest.approx([1.0 / 18.0] * 18)


def test_bytes_of_requests_become_a_rate(hall) -> None:
    _, params = built(hall, prompts={"source": ["outside"], "target": ["gb200"], "each_request": "2 MB"})
    assert params.flows["cap_bytes_per_s"].tolist() == [20e6]
    assert np.isinf(params.flows["bytes"]).all()


def test_weights_are_those_that_a_replica_holds(hall) -> None:
    graph, maps, params = hall
    section = {"storage": {"read": "400 GB/s", "write": "200 GB/s"}, "weights": "restart"}
    found = traffic.build(graph, load(SCENARIO, set={"traffic": section}), maps, params)
    assert set(found.names) == {"weights"}
    assert len(found.jobs) == len(params.engines)
    # 70.6e9 parameters in FP8, embedding and head of 128,256 x 8,192 each in 16 bits
    assert found.jobs[0].flows[0].bytes == pytest.approx(70.55e9 + 2 * 128256 * 8192, rel=2e-3)
    assert found.jobs[3].flows[0].shares["receive", 3] == 1.0


def test_a_job_in_one_rack_is_refused(hall) -> None:
    with pytest.raises(Exception, match="two or more"):
        built(hall, job={"among": ["train-a"], "bytes": "1 GB"})


def test_a_storage_network_of_its_own_carries_storage() -> None:
    """Reads go over the adapters of trays and the leaves of that network; no replica lends its own."""
    network = {
        "design": {
            "leaf": {"switch": "sn5600"},
            "storage": {"nic": "bf3", "leaf": {"switch": "sn5600"}, "servers": 4},
        }
    }
    section = {
        "storage": {"read": "400 GB/s", "write": "200 GB/s"},
        "weights": "restart",
        "flows": {"reads": {"source": ["storage"], "target": ["gb200"], "bytes": "36 GB"}},
    }
    scenario = load(SCENARIO, set={"network": network, "traffic": section})
    graph = topology.build(scenario)
    maps = build_maps(graph, scenario)
    params = replica_params.build(graph, scenario, maps, replica_params.paths(graph, maps))
    found = traffic.build(graph, scenario, maps, params)
    jobs = dict(zip(found.names, found.jobs, strict=True))
    (rack,) = topology.domains(graph, ["gb200"]).values()
    trays = len({graph.nodes[gpu]["parents"][0] for gpu in rack})
    for name, hosts in (("reads", trays), ("weights", 1)):
        shares = jobs[name].flows[0].shares
        assert not any(kind in ("send", "receive") for kind, _ in shares)
        ports = sorted(share for (kind, _), share in shares.items() if kind == "port")
        assert ports == pytest.approx([1.0 / hosts] * hosts + [1.0])
        columns = params.attached_frac.shape[1]
        crossed = [place % columns for kind, place in shares if kind == "trunk"]
        assert not params.attached_frac[:, crossed].any(), "leaves of the GPUs have nothing to do with it"
