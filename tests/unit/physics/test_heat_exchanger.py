"""Heat exchangers against independent solutions, and their limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.physics import coolant
from twin.physics import heat_exchanger as hx

REFERENCE = json.loads((Path(__file__).parents[2] / "data" / "facility_reference.json").read_text())
CASES = {c["id"]: c for c in REFERENCE["exchangers"]}
FLOW = st.floats(0.0, 1e6)


def _a(value: float) -> np.ndarray:
    return np.array([value])


def _heat_capacity(fluid: str, temperature_c: float) -> float:
    name = "water" if fluid == "Water" else "pg" + fluid[-3:-1]
    return coolant.heat_capacity_j_per_kg_k(coolant.find(name), temperature_c + 273.15)


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith("HX")])
def test_counterflow_against_an_ode_with_local_properties(name: str) -> None:
    given_, want = CASES[name]["inputs"], CASES[name]["answer"]
    hot, cold = given_["hot"], given_["cold"]
    mean = [0.5 * (s["T_in_C"] + want[k]) for s, k in ((hot, "T_hot_out_C"), (cold, "T_cold_out_C"))]
    flows = [s["m_kg_s"] * _heat_capacity(s["fluid"], t) for s, t in zip((hot, cold), mean, strict=True)]
    passed = hx.counterflow_w_per_k(_a(given_["UA_W_K"]), _a(flows[0]), _a(flows[1]))[0]
    heat = passed * (hot["T_in_C"] - cold["T_in_C"])
    assert hot["T_in_C"] - heat / flows[0] == pytest.approx(want["T_hot_out_C"], abs=0.02)
    assert cold["T_in_C"] + heat / flows[1] == pytest.approx(want["T_cold_out_C"], abs=0.02)


@pytest.mark.parametrize("name", [n for n in CASES if n.startswith("XF")])
def test_crossflow_against_ht(name: str) -> None:
    given_, want = CASES[name]["inputs"], CASES[name]["answer"]
    flows = [given_[s]["m_kg_s"] * given_[s]["cp"] for s in ("hot", "cold")]
    passed = hx.crossflow_w_per_k(_a(given_["UA_W_K"]), _a(flows[0]), _a(flows[1]))[0]
    assert passed / min(flows) == pytest.approx(want["effectiveness"], abs=2e-3)
    heat = passed * (given_["hot"]["T_in_C"] - given_["cold"]["T_in_C"])
    assert given_["hot"]["T_in_C"] - heat / flows[0] == pytest.approx(want["T_hot_out_C"], abs=0.05)


def test_equal_capacity_flows_have_no_hole() -> None:
    ua, flow = _a(2000.0), _a(1000.0)
    exact = 1000.0 * 2.0 / 3.0
    assert hx.counterflow_w_per_k(ua, flow, flow)[0] == pytest.approx(exact, rel=1e-14)
    for nearly in (1 - 1e-15, 1 - 1e-9, 1 + 1e-9):
        assert hx.counterflow_w_per_k(ua, flow, flow * nearly)[0] == pytest.approx(exact, rel=1e-8)


@given(FLOW, FLOW, FLOW)
def test_never_more_than_the_smaller_stream_can_carry(ua: float, first: float, second: float) -> None:
    for relation in (hx.counterflow_w_per_k, hx.crossflow_w_per_k):
        passed = relation(_a(ua), _a(first), _a(second))[0]
        assert 0.0 <= passed <= min(first, second, ua) * (1 + 1e-9) + 1e-11
        assert passed == pytest.approx(relation(_a(ua), _a(second), _a(first))[0], rel=1e-12, abs=1e-12)


def test_counterflow_beats_crossflow() -> None:
    ua, first, second = _a(3000.0), _a(1000.0), _a(1200.0)
    assert hx.counterflow_w_per_k(ua, first, second) > hx.crossflow_w_per_k(ua, first, second)


def test_film_follows_the_weaker_flow() -> None:
    one, half, none = _a(1.0), _a(0.5), _a(0.0)
    by_hand = 100.0 / ((1.0 + 0.5**-0.6) / 2.0)
    assert hx.film_w_per_k(_a(100.0), one, half)[0] == pytest.approx(by_hand, rel=1e-14)
    assert hx.film_w_per_k(_a(100.0), none, none)[0] == 0.0


@given(st.floats(0.01, 0.95), st.floats(1.0, 1e5), st.floats(1.0, 1e5))
def test_conductance_of_a_data_sheet_gives_its_effectiveness_back(
    eps: float, first: float, second: float
) -> None:
    ua = hx.crossflow_ua_w_per_k(_a(eps), _a(first), _a(second))
    best = hx.crossflow_w_per_k(_a(1e4 * min(first, second)), _a(first), _a(second))[0] / min(first, second)
    found = hx.crossflow_w_per_k(ua, _a(first), _a(second))[0] / min(first, second)
    assert found == pytest.approx(min(eps, best), rel=1e-9)
