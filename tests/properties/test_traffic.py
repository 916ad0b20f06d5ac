"""Invariants of other traffic on random sites: bytes are conserved, no trunk is over its capacity."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.models import serving

PARITY = Path(__file__).parents[1] / "parity/serving_sites.py"
spec = importlib.util.spec_from_file_location("serving_sites", PARITY)
sites = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sites)

BESIDE = ("disaggregation", "trunks", "traffic")
MORE = st.sets(st.sampled_from(("weights", "deaths", "closing", "clocks", "push")))
TICK_S = 0.5


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.integers(0, 2**32 - 1), MORE)
def test_bytes_are_conserved_below_the_capacity_of_trunks(seed, more):
    """Flows move what they had, trunks book their shares of it as it moves, never more than they carry."""
    rng = np.random.default_rng(seed)
    features = sites.with_needed([*BESIDE, *sorted(more)])
    params = sites.make_site(features, rng, 4)
    requests = sites.make_requests(features, rng, 60)
    state = serving.start(params, requests)
    moved, before = [], np.zeros(len(params.trunk_bytes_per_s))
    steps = sites.make_steps(features, rng, params, 20.0)
    inputs = iter(steps)
    given_inputs, until_s = next(inputs)
    for end_s in np.arange(TICK_S, 60.0, TICK_S):
        while until_s < end_s:
            given_inputs, until_s = next(inputs)
        out = serving.advance(params, state, given_inputs, float(end_s))
        carried = state.traffic_bytes - before
        assert (carried >= 0.0).all()
        assert (carried <= params.trunk_bytes_per_s * TICK_S * (1.0 + 1e-9) + 1e-6).all()
        before = state.traffic_bytes.copy()
        moved.append(out.moved)
    moved = np.concatenate([*moved, serving.advance(params, state, steps[-1][0], np.inf).moved])
    whole = moved[moved["is_whole"] > 0]
    ends = params.flows["bytes"][whole["flow"]]
    finite = np.isfinite(ends)
    np.testing.assert_allclose(whole["bytes"][finite], ends[finite])
    booked = np.zeros(len(params.trunk_bytes_per_s))
    for row in moved:
        flow = row["flow"]
        for i in range(params.flow_start[flow], params.flow_start[flow + 1]):
            place = params.flow_link[i] - 2 * len(params.engines)
            if 0 <= place < len(params.narrow_trunks):
                share = params.flow_share[i] / params.flows["weight"][flow]
                booked[params.narrow_trunks[place]] += share * row["bytes"]
    np.testing.assert_allclose(state.traffic_bytes, booked, rtol=1e-9, atol=1e-6)
    assert (moved["ended_s"] >= moved["began_s"]).all()
