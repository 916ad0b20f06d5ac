"""The flow network by hand: shares, caps, weights, coupling, changes, dependencies, and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from twin.models.flows import FlowError, FlowNetwork, simulate


def test_chain_of_bottlenecks_by_hand() -> None:
    """Flow 0 crosses both links; the second is tighter for it, and what it leaves of the first goes to flow 1."""
    net = FlowNetwork([10.0, 4.0])
    net.add(net.add_routes([0, 2, 3, 4], [0, 1, 0, 1]), 100.0, 0.0)
    net.advance(0.0)
    assert net.rate_bytes_per_s.tolist() == [2.0, 8.0, 2.0]
    assert net.load_bytes_per_s.tolist() == [10.0, 4.0]


def test_weights_and_caps() -> None:
    net = FlowNetwork([12.0])
    net.add(
        net.add_routes(
            [0, 1, 2, 3], [0, 0, 0], weight=[1.0, 2.0, 1.0], cap_bytes_per_s=[np.inf, np.inf, 1.5]
        ),
        1.0,
        0.0,
    )
    net.advance(0.0)
    np.testing.assert_allclose(net.rate_bytes_per_s, [3.5, 7.0, 1.5])


def test_sprayed_flow_is_one_flow() -> None:
    """Half of flow 0 crosses the shared link, so equal rates load it with 1.5 times a rate."""
    found = simulate([3.0, 9.0], [0, 2, 3], [0, 1, 0], [2.0, 2.0], parts=[0.5, 0.5, 1.0])
    np.testing.assert_allclose(found.fct_s, [1.0, 1.0])


def test_a_link_named_twice_counts_twice() -> None:
    found = simulate([4.0], [0, 2], [0, 0], 4.0)
    np.testing.assert_allclose(found.fct_s, [2.0])


def test_delay_loads_nothing() -> None:
    found = simulate([1.0], [0, 1, 2], [0, 0], 1.0, delay_s=[0.0, 1.0])
    np.testing.assert_allclose(found.fct_s, [1.0, 2.0])


def test_capacity_to_zero_and_back() -> None:
    found = simulate(
        [1.0], [0, 1], [0], 2.0, change_at_s=[1.0, 3.0], change_link=0, change_capacity_bytes_per_s=[0.0, 0.5]
    )
    np.testing.assert_allclose(found.finished_at_s, [5.0])


def test_what_never_ends_is_infinite_and_so_is_what_waits_for_it() -> None:
    found = simulate([0.0, 1.0], [0, 1, 2], [0, 1], 1.0, after_first=[0, 0, 1], after=[0])
    assert found.finished_at_s.tolist() == [math.inf, math.inf]


def test_dependencies_release_at_the_last_end() -> None:
    found = simulate(
        [1.0, 2.0, 1.0], [0, 1, 2, 3], [0, 1, 2], 2.0, [0.0, 0.0, 0.5], after_first=[0, 0, 0, 2], after=[0, 1]
    )
    assert found.released_at_s.tolist() == [0.0, 0.0, 2.0]
    np.testing.assert_allclose(found.fct_s, [2.0, 1.0, 2.0])


def test_empty_flows_and_empty_routes_take_their_delay() -> None:
    found = simulate([1.0], [0, 1, 1], [0], [0.0, 5.0], delay_s=[0.25, 0.5])
    assert found.fct_s.tolist() == [0.25, 0.5]


def test_equal_routes_are_one_variable() -> None:
    net = FlowNetwork([8.0, 8.0])
    routes = net.add_routes([0, 2, 4, 6], [0, 1, 0, 1, 1, 0])
    assert routes.tolist() == [0, 0, 1]
    assert net.add_routes([0, 2], [0, 1]).tolist() == [0]
    net.add(routes[:2], [8.0, 4.0], 0.0)
    assert net.advance().tolist() == [1, 0]
    assert net.finished_at_s.tolist() == [1.5, 1.0]


def test_flows_and_changes_are_added_on_the_way() -> None:
    net = FlowNetwork([1.0])
    route = net.add_routes([0, 1], [0])
    first = net.add(route, 2.0, 0.0)
    assert net.advance(1.0).tolist() == []
    np.testing.assert_allclose(net.remaining_bytes, [1.0])
    second = net.add(route, 1.0, 1.0)
    net.advance(2.0)
    np.testing.assert_allclose(net.remaining_bytes, [0.5, 0.5])
    net.change_capacity(2.0, 0, 4.0)
    after = net.add(route, 4.0, 2.0, 0.0, [0, 1], first)
    assert set(net.advance(2.5)) == {*first, *second}
    np.testing.assert_allclose(net.finished_at_s[:2], 2.25)
    net.advance()
    np.testing.assert_allclose(net.finished_at_s[after], 3.25)
    late = net.add(route, 4.0, 5.0, 0.0, [0, 1], after)
    net.advance()
    np.testing.assert_allclose([net.released_at_s[late[0]], net.finished_at_s[late[0]]], [5.0, 6.0])


def test_many_routes_are_found_again_after_growth() -> None:
    rng = np.random.default_rng(0)
    links = rng.random((5000, 20)).argsort(axis=1)[:, :3]
    net = FlowNetwork(np.ones(20))
    given = np.concatenate(
        [net.add_routes(np.arange(0, 3 * len(part) + 1, 3), part.ravel()) for part in np.split(links, 10)]
    )
    again = net.add_routes(np.arange(0, 15001, 3), links.ravel())
    assert np.array_equal(given, again)
    _, first = np.unique(links, axis=0, return_inverse=True)
    assert len(np.unique(given)) == len(np.unique(first))


def test_symmetric_flows_end_in_one_event() -> None:
    """All-to-all of 64 over one switch: 4,032 flows, one solve to begin and one to end."""
    src, dst = np.divmod(np.arange(64 * 64), 64)
    kept = src != dst
    links = np.stack([src[kept], 64 + dst[kept]], axis=1)
    net = FlowNetwork(np.full(128, 63.0))
    net.add(net.add_routes(np.arange(0, links.size + 1, 2), links.ravel()), 1.0, 0.0)
    net.advance()
    np.testing.assert_allclose(net.finished_at_s, 1.0, rtol=1e-12)
    assert net.solves == 2


@pytest.mark.parametrize(
    ("call", "where"),
    [
        (lambda: FlowNetwork([1.0, -1.0]), "capacity_bytes_per_s of link 1"),
        (lambda: FlowNetwork([math.nan]), "capacity_bytes_per_s of link 0"),
        (lambda: FlowNetwork([1.0], -1.0), "window_s 0"),
        (lambda: simulate([1.0], [0, 1], [1], 1.0), "link of crossing 0"),
        (lambda: simulate([1.0], [0, 2], [0], 1.0), "routes"),
        (lambda: simulate([1.0], [0, 1], [0], 1.0, parts=[0.0]), "part of crossing 0"),
        (lambda: simulate([1.0], [0, 1], [0], 1.0, weight=0.0), "weight of route 0"),
        (lambda: simulate([1.0], [0, 1], [0], 1.0, cap_bytes_per_s=0.0), "cap_bytes_per_s of route 0"),
        (lambda: simulate([1.0], [0, 1], [0], -1.0), "size_bytes of flow 0"),
        (lambda: simulate([1.0], [0, 1], [0], 1.0, -1.0), "start_at_s of flow 0"),
        (lambda: simulate([1.0], [0, 1], [0], 1.0, after_first=[0, 1], after=[7]), "dependency 0"),
        (lambda: FlowNetwork([1.0]).change_capacity(1.0, 3, 1.0), "link of change 0"),
    ],
)  # fmt: skip
def test_faults_say_where(call, where: str) -> None:
    with pytest.raises(FlowError) as error:
        call()
    assert [fault.where for fault in error.value.faults] == [where]


def test_all_faults_of_a_call_at_once() -> None:
    net = FlowNetwork([1.0])
    route = net.add_routes([0, 1], [0])[0]
    with pytest.raises(FlowError) as error:
        net.add([route, 9], [-1.0, 1.0], [0.0, math.inf])
    assert {fault.where for fault in error.value.faults} == {
        "size_bytes of flow 0",
        "route of flow 1",
        "start_at_s of flow 1",
    }
    assert net.flows == 0
