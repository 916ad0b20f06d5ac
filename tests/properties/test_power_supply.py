"""Whatever fails in whichever tree: currents add up, energy is kept, and nothing dead delivers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import twin
from twin.models import power_chain as chain

RTOL = 1e-9
LIMIT_S = 7200.0


class Tree(NamedTuple):
    """A site of any redundancy: feeds of each element, and the chain."""

    fed: list[int]
    feeder: list[int]
    share: list[float]
    levels: list[list[int]]
    params: chain.Params


@st.composite
def trees(draw: Any) -> Tree:
    """Feed and generators, transformers, UPS with batteries, PDUs, loads with one to three cords."""
    counts = [draw(st.integers(1, most)) for most in (2, 2, 4, 5, 5)]
    ends = np.cumsum([0, *counts])
    levels = [list(range(a, b)) for a, b in pairwise(ends)]
    fed, feeder, share = [], [], []
    for above, level in pairwise(levels):
        for element in level:
            cords = draw(st.lists(st.sampled_from(above), min_size=1, max_size=3, unique=True))
            fed += [element] * len(cords)
            feeder += cords
            share += [draw(st.floats(0.1, 1.0)) for _ in cords]
    size = int(ends[-1])
    pick = np.random.default_rng(draw(st.integers(0, 2**32)))
    has_store, has_trip = pick.random(size) < 0.4, pick.random(size) < 0.4
    never = np.where(has_trip, 1.0, np.inf)
    store = chain.Store(
        pick.uniform(1e5, 1e9, size) * has_store,
        pick.uniform(0, 5e4, size),
        pick.uniform(5e4, 1e6, size),
        *pick.uniform(0, 0.1, (3, size)),
    )
    trip = chain.Trip(
        pick.uniform(0.05, 1.5, size), pick.uniform(1, 300, size) * never, pick.uniform(1, 2.2, size),
        pick.uniform(0.5, 6, size) * never, pick.uniform(0.02, 1, size), pick.uniform(10, 900, size),
    )  # fmt: skip
    params = chain.build(
        pick.uniform(1e5, 1e6, size), *pick.uniform(0, 0.02, (3, size)), fed=fed, feeder=feeder, share_frac=share,
        lowest_pu=pick.uniform(0, 0.95, size), holds_voltage=pick.random(size) < 0.3, store=store, trip=trip,
    )  # fmt: skip
    return Tree(fed, feeder, share, levels, params)


def happen(inputs: chain.Inputs, pick: np.random.Generator) -> chain.Inputs:
    """One event: something fails or is mended, opens or closes, sags, loads change, or stores get orders."""
    what = pick.integers(7)
    if what == 6:
        size = len(inputs.demand_w)
        limits_w = (pick.uniform(0, 4e5, size) for _ in range(4))
        return inputs._replace(orders=chain.Orders(*limits_w, pick.uniform(0, 1e9, size)))
    name = ("is_up", "is_fed", "is_eco", "source_pu", "drop_frac", "demand_w")[what]
    changed = getattr(inputs, name).copy()
    hit = pick.random(len(changed)) < 0.25
    if what < 3:
        changed[hit] = ~changed[hit]
    else:
        low, high = ((0.0, 1.1), (0.9, 1.0), (0.0, 3e5))[what - 3]
        changed[hit] = pick.uniform(low, high, hit.sum())
    return inputs._replace(**{name: changed})


def kirchhoff(tree: Tree, inputs: chain.Inputs, state: chain.State) -> None:
    """What an element delivers is what hangs on it; the dead deliver nothing; feeders alive keep their shares."""
    now = chain.flow(tree.params, state, inputs)
    hanging = inputs.demand_w * now.served
    for element in {*tree.fed}:
        cords = [k for k, e in enumerate(tree.fed) if e == element]
        alive = sum(tree.share[k] * now.served[tree.feeder[k]] for k in cords)
        for k in cords:
            if alive > 0.0:
                feeder = tree.feeder[k]
                hanging[feeder] += now.in_w[element] * tree.share[k] * now.served[feeder] / alive
        assert alive > 0.0 or now.in_w[element] == 0.0
    np.testing.assert_allclose(now.out_w, hanging, rtol=RTOL, atol=1e-6)
    for part in (now.in_w, now.out_w, now.given_w, now.taken_w, now.voltage_pu, now.load_frac):
        assert (part[now.served == 0.0] == 0.0).all()
    assert (now.given_w[state.stored_j == 0.0] == 0.0).all()


def balance(tree: Tree, before: chain.State, after: chain.State, out: chain.Outputs) -> None:
    """Sources give what loads receive, what is lost and what is stored."""
    stored = (after.stored_j - before.stored_j).sum()
    put_in = out.in_j[tree.levels[0]].sum()
    gone = out.demand_j.sum() + out.loss_j.sum()
    passed = out.in_j.sum() + out.given_j.sum() + 1.0
    assert abs(put_in - gone - stored) <= RTOL * passed
    assert (after.stored_j >= 0.0).all()
    assert (after.stored_j <= tree.params.store.capacity_j).all()
    assert (out.loss_j >= 0.0).all()
    assert ((after.trip_share >= 0.0) & (after.trip_share <= 1.0)).all()


@settings(max_examples=60, deadline=None)
@given(trees(), st.integers(0, 2**32), st.lists(st.floats(1e-3, LIMIT_S), min_size=1, max_size=12))
def test_any_tree_keeps_its_balances_through_any_events(tree: Tree, seed: int, steps_s: list[float]) -> None:
    pick = np.random.default_rng(seed)
    state, inputs = chain.full(tree.params), chain.calm(tree.params)
    inputs = inputs._replace(demand_w=pick.uniform(0, 2e5, len(inputs.demand_w)))
    for dt_s in steps_s:
        inputs = happen(inputs, pick)
        kirchhoff(tree, inputs, state)
        before = state
        state, out = chain.step(tree.params, before, inputs, dt_s)
        kirchhoff(tree, inputs, state)
        balance(tree, before, state, out)
        assert (out.served_s <= dt_s * (1.0 + RTOL)).all()


@settings(max_examples=40, deadline=None)
@given(trees(), st.integers(0, 2**32), st.floats(1.0, LIMIT_S))
def test_what_is_due_comes_when_it_was_said(tree: Tree, seed: int, dt_s: float) -> None:
    """Up to the next change all powers are constant; just after it something has changed."""
    pick = np.random.default_rng(seed)
    inputs = chain.calm(tree.params)._replace(demand_w=pick.uniform(0, 3e5, len(tree.params.rating_w)))
    for _ in range(3):
        inputs = happen(inputs, pick)
    state = chain.full(tree.params)
    due_s = chain.next_change_s(tree.params, state, inputs)
    if not 1e-6 < due_s < dt_s:
        return
    first = chain.flow(tree.params, state, inputs)
    short, _ = chain.step(tree.params, state, inputs, due_s * (1.0 - 1e-6))
    np.testing.assert_array_equal(chain.flow(tree.params, short, inputs).out_w, first.out_w)
    late, _ = chain.step(tree.params, state, inputs, due_s * (1.0 + 1e-9))
    has_tripped = (late.tripped > short.tripped).any()
    ends_j = [np.zeros(len(late.stored_j)), tree.params.store.capacity_j, *inputs.orders[-1:]]
    at_end = np.logical_or.reduce([
        ((late.stored_j - end_j) * (short.stored_j - end_j) <= 0.0) & (short.stored_j != end_j)
        for end_j in ends_j if len(end_j)
    ])  # fmt: skip
    assert has_tripped or at_end.any()


@settings(max_examples=40, deadline=None)
@given(trees(), st.integers(0, 2**32))
def test_more_sources_never_leave_fewer_loads_served(tree: Tree, seed: int) -> None:
    """Mending an element, with nothing stored and no trips, darkens nobody."""
    pick = np.random.default_rng(seed)
    params = tree.params._replace(
        store=chain.no_store(len(tree.params.rating_w)), trip=chain.no_trip(len(tree.params.rating_w)),
        lowest_pu=np.zeros(len(tree.params.rating_w)),
    )  # fmt: skip
    up = pick.random(len(params.rating_w)) < 0.7
    fewer = chain.flow(params, chain.full(params), chain.calm(params)._replace(is_up=up))
    mended = up | (pick.random(len(up)) < 0.3)
    more = chain.flow(params, chain.full(params), chain.calm(params)._replace(is_up=mended))
    assert (more.served >= fewer.served).all()


@settings(max_examples=60, deadline=None)
@given(trees(), st.integers(0, 2**32), st.floats(1e-3, LIMIT_S))
def test_sources_beside_others_give_what_they_are_told_and_never_more(
    tree: Tree, seed: int, dt_s: float
) -> None:
    """What a level draws is what the one above delivers; an element whose feeders are all beside others is dead."""
    pick = np.random.default_rng(seed)
    state, inputs = chain.full(tree.params), chain.calm(tree.params)
    size, own = len(inputs.demand_w), np.concatenate(tree.levels[:2])
    inputs = happen(inputs._replace(demand_w=pick.uniform(0, 2e5, size)), pick)
    beside_w = np.full(size, np.inf)
    beside_w[own] = np.where(pick.random(len(own)) < 0.5, pick.uniform(0, 4e5, len(own)), np.inf)
    inputs = inputs._replace(beside_w=beside_w)
    now = chain.flow(tree.params, state, inputs)
    passed_w = now.out_w - inputs.demand_w * now.served
    for above, level in pairwise(tree.levels):
        assert passed_w[above].sum() == pytest.approx(now.in_w[level].sum(), rel=RTOL, abs=1e-6)
    is_beside = np.isfinite(beside_w)
    assert (passed_w[is_beside] <= beside_w[is_beside] + 1e-6).all()
    assert (passed_w >= -1e-6).all()
    for element in {*tree.fed}:
        feeders = [f for e, f in zip(tree.fed, tree.feeder, strict=True) if e == element]
        if not (now.served[feeders] * ~is_beside[feeders]).any():
            assert now.in_w[element] == 0.0
    after, out = chain.step(tree.params, state, inputs, dt_s)
    balance(tree, state, after, out)


KINDS = (
    "feed-loss",
    "voltage-sag",
    "frequency-dip",
    "ups-failure",
    "pdu-failure",
    "generator-fails-to-start",
)
ASSETS = {"ups-failure": "ups-2", "pdu-failure": "pdu-1", "generator-fails-to-start": "generator-1"}


@pytest.mark.parametrize(("seed", "mode"), [(1, "eco"), (2, "double-conversion")])
def test_runs_keep_their_balances_through_any_events(
    scenarios: Path, tmp_path: Path, seed: int, mode: str
) -> None:
    """Outages on top of each other at odd instants: energy, tokens and requests are all somewhere."""
    pick = np.random.default_rng(seed)
    events = {}
    for i, kind in enumerate(pick.choice(KINDS, 7)):
        event = {
            "at": f"{pick.uniform(1, 30):.3f} s",
            "kind": str(kind),
            "duration": f"{pick.choice([0.05, 2, 9]):g} s",
        }
        event |= {"asset": ASSETS[kind]} if kind in ASSETS else {}
        event |= {"depth": f"{pick.integers(3, 60)} %"} if kind in ("voltage-sag", "frequency-dip") else {}
        events[f"event-{i}"] = event
    changes = {
        "time.duration": "45 s", "time.sample": "1 s", "workload.copies": 2, "power.reboot": "3 s",
        "power.ups": {"unit": "ups-500kw", "count": 2, "battery": "0.5 s", "mode": mode}, "power.voltages": "solved",
        "power.generators": {"unit": "diesel-1000kw", "count": 2, "start": "4 s", "step": "1 s", "retransfer": "3 s"},
        "power.protection": {}, "events": events,
    }  # fmt: skip
    run = twin.run(twin.load(scenarios / "one-rack.yaml", set=changes), out=tmp_path)
    for name, book in run.audit.items():
        assert abs(book["residual_rel"]) < 1e-9, name
    kpis = run.kpis()
    fates = ("finished", "rejected", "shed", "cancelled", "in_flight")
    assert kpis["requests_arrived"] == sum(kpis[f"requests_{fate}"] for fate in fates)
    assert len(run.events) > len(events)
