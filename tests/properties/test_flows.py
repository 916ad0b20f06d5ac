"""Flows on random networks: fair, within capacity, and the same however they are stepped or ordered."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validation.network import filling
from tests.validation.network.filling import Flow
from twin.models.flows import FlowNetwork, simulate

EXACT = 1e-9
numbers = st.sampled_from([0.5, 1.0, 2.0, 3.0, 0.1, 7.7])
instants = st.sampled_from([0.0, 1.0, 1.5, 2.0, 0.3, 4.1])


class Net(NamedTuple):
    capacity: list[float]
    flows: list[Flow]
    changes: list[tuple[float, int, float]]


@st.composite
def nets(draw: st.DrawFn, most_flows: int = 10) -> Net:
    links = draw(st.integers(1, 6))
    flows = []
    for i in range(draw(st.integers(1, most_flows))):
        crossed = draw(st.lists(st.integers(0, links - 1), min_size=0, max_size=4, unique=True))
        is_sprayed = draw(st.booleans())
        parts = {k: draw(st.sampled_from([0.25, 0.5, 1.0])) if is_sprayed else 1.0 for k in crossed}
        cap = draw(st.one_of(st.just(math.inf), numbers))
        after = draw(st.lists(st.integers(0, i - 1), max_size=2, unique=True)) if i else []
        size = draw(st.one_of(st.just(0.0), numbers, st.just(2.0)))
        flows.append(
            Flow(size, draw(instants), parts, draw(numbers), cap, draw(st.sampled_from([0.0, 0.1])), after)
        )
    capacity = draw(st.lists(numbers, min_size=links, max_size=links))
    change = st.tuples(instants, st.integers(0, links - 1), st.one_of(st.just(0.0), numbers))
    changes = draw(st.lists(change, max_size=4, unique_by=lambda c: c[:2]))
    return Net(capacity, flows, changes)


def offsets(rows: list) -> np.ndarray:
    return np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(int)


def build(net: Net, window_s: float = 0.0, is_anew: bool = False) -> FlowNetwork:
    """A network of flows; ``is_anew`` fills all links anew at every event, as many events at once do."""
    found = FlowNetwork(net.capacity, window_s)
    if is_anew:
        found._state.clock["many"] = 0
    flows = net.flows
    routes = found.add_routes(
        offsets([f.parts for f in flows]), [k for f in flows for k in f.parts],
        [p for f in flows for p in f.parts.values()], [f.weight for f in flows], [f.cap for f in flows],
    )  # fmt: skip
    if net.changes:
        found.change_capacity(*map(list, zip(*net.changes, strict=True)))
    found.add(
        routes, [f.size for f in flows], [f.start for f in flows], [f.delay for f in flows],
        offsets([f.after for f in flows]), [j for f in flows for j in f.after],
    )  # fmt: skip
    return found


def loads(net: Net, rate: np.ndarray) -> np.ndarray:
    found = np.zeros(len(net.capacity))
    for flow, r in zip(net.flows, rate, strict=True):
        for k, part in flow.parts.items():
            found[k] += part * r
    return found


def check_fair(net: Net, found: FlowNetwork) -> None:
    """No link above its capacity; every flow is capped or has a full link on which none is faster per weight."""
    rate, capacity, left = found.rate_bytes_per_s, found.capacity_bytes_per_s, found.remaining_bytes
    load = loads(net, rate)
    np.testing.assert_allclose(found.load_bytes_per_s, load, rtol=EXACT, atol=1e-12)
    assert np.all(load <= capacity * (1 + EXACT))
    begun = np.isfinite(found.released_at_s) & (found.released_at_s <= found.now_s)
    for i, flow in enumerate(net.flows):
        if rate[i] == 0 and not (begun[i] and left[i] > 0 and found.finished_at_s[i] == math.inf):
            continue
        if rate[i] == 0 and not any(capacity[k] == 0 for k in flow.parts):
            continue  # it still waits for its delay or for another flow
        full = [k for k in flow.parts if load[k] >= capacity[k] * (1 - EXACT)]
        fastest = {
            k: max(r / f.weight for f, r in zip(net.flows, rate, strict=True) if k in f.parts) for k in full
        }
        is_held = any(rate[i] / flow.weight >= fastest[k] * (1 - EXACT) for k in full)
        assert rate[i] >= flow.cap * (1 - EXACT) or is_held


@settings(max_examples=300, deadline=None)
@given(nets(), st.booleans())
def test_completions_are_those_of_progressive_filling(net: Net, is_anew: bool) -> None:
    release, end = filling.completions(net.capacity, net.flows, net.changes)
    found = build(net, is_anew=is_anew)
    found.advance()
    np.testing.assert_allclose(found.finished_at_s, end, rtol=EXACT)
    ended = np.isfinite(end)
    np.testing.assert_allclose(found.released_at_s[ended], np.array(release)[ended], rtol=EXACT)


@settings(max_examples=200, deadline=None)
@given(nets(), st.booleans())
def test_every_solve_is_fair_and_within_capacity_and_volume_is_conserved(net: Net, is_anew: bool) -> None:
    found = build(net, is_anew=is_anew)
    sent, last_s, before = np.zeros(len(net.flows)), 0.0, found.rate_bytes_per_s
    while found.next_event_s < math.inf:
        at_s = found.next_event_s
        found.advance(at_s)
        check_fair(net, found)
        sent += before * (at_s - last_s)
        last_s, before = at_s, found.rate_bytes_per_s
        size = np.array([f.size for f in net.flows])
        limited = np.array([bool(f.parts) or f.cap < math.inf for f in net.flows])
        np.testing.assert_allclose(
            (sent + found.remaining_bytes)[limited], size[limited], rtol=EXACT, atol=1e-9
        )


@settings(max_examples=100, deadline=None)
@given(nets(), st.lists(st.floats(0.0, 12.0), max_size=8))
def test_stepping_in_pieces_equals_one_go(net: Net, stops: list[float]) -> None:
    whole, pieces = build(net), build(net)
    whole.advance()
    ended = [pieces.advance(stop) for stop in sorted(stops)]
    assert pieces.now_s == max([0.0, *stops])
    ended.append(pieces.advance())
    assert np.array_equal(pieces.finished_at_s, whole.finished_at_s)
    assert sorted(np.concatenate(ended)) == np.flatnonzero(np.isfinite(whole.finished_at_s)).tolist()


@settings(max_examples=100, deadline=None)
@given(nets(), st.randoms())
def test_order_does_not_matter(net: Net, random) -> None:
    order = list(range(len(net.flows)))
    random.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    flows = [net.flows[i] for i in order]
    moved = [
        Flow(f.size, f.start, f.parts, f.weight, f.cap, f.delay, [place[j] for j in f.after]) for f in flows
    ]
    straight, shuffled = build(net), build(net._replace(flows=moved))
    straight.advance()
    shuffled.advance()
    np.testing.assert_allclose(shuffled.finished_at_s, straight.finished_at_s[order], rtol=EXACT)


@settings(max_examples=100, deadline=None)
@given(nets(), st.sampled_from([0.01, 0.5]))
def test_windows_stay_within_capacity_and_end_the_same_flows(net: Net, window_s: float) -> None:
    exact, windowed = build(net), build(net, window_s)
    exact.advance()
    while windowed.next_event_s < math.inf:
        windowed.advance(windowed.next_event_s)
        rate = windowed.rate_bytes_per_s
        assert np.all(loads(net, rate) <= windowed.capacity_bytes_per_s * (1 + EXACT))
    assert np.array_equal(np.isfinite(exact.finished_at_s), np.isfinite(windowed.finished_at_s))


@pytest.mark.parametrize("seed", range(6))
def test_crowded_networks_match_progressive_filling(seed: int) -> None:
    """A hundred flows with ties, repeated routes, weights and caps on 24 links."""
    rng = np.random.default_rng(seed)
    flows = []
    for _ in range(100):
        crossed = rng.choice(24, rng.integers(1, 6), replace=False).tolist()
        weight = float(rng.choice([1.0, 1.0, 2.0]))
        cap = float(rng.choice([math.inf, math.inf, 0.05]))
        size, start = float(rng.choice([1.0, 2.0, rng.random()])), float(rng.choice([0.0, rng.random()]))
        flows.append(Flow(size, start, dict.fromkeys(crossed, 1.0), weight, cap))
    flows += [Flow(f.size, f.start + 0.5, f.parts, f.weight, f.cap) for f in flows[:20]]
    capacity = rng.choice([1.0, 2.0], 24).tolist()
    _, end = filling.completions(capacity, flows)
    found = simulate(
        capacity, offsets([f.parts for f in flows]), [k for f in flows for k in f.parts], [f.size for f in flows],
        [f.start for f in flows], weight=[f.weight for f in flows], cap_bytes_per_s=[f.cap for f in flows],
    )  # fmt: skip
    np.testing.assert_allclose(found.finished_at_s, end, rtol=EXACT)
