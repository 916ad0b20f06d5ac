"""GPU, CDU and pump models, coupled tick by tick, against independent transients of one liquid-cooled rack.

The reference mixes other heat into the rack coolant ahead of the GPUs; here it warms the inlet by as much.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from twin.models import cdu, gpu, pump
from twin.physics.constants import CELSIUS_ZERO_K

CASES: dict[str, Any] = {
    c["id"]: c
    for c in json.loads((Path(__file__).parents[2] / "data" / "facility_reference.json").read_text())[
        "transients"
    ]
}
ONE = np.ones(1)
Flow = Callable[[float, float], float]


def _mean_flow(law: dict[str, Any]) -> Flow:
    """Mean of the reference's flow law over an interval, over rated flow."""
    if law["kind"] == "constant":
        return lambda start, end: 1.0
    trip, tau, floor = law["t_trip_s"], law["tau_s"], law["floor_fraction"]

    def moved_s(t: float) -> float:
        after = max(t - trip, 0.0)
        return min(t, trip) + floor * after + (1.0 - floor) * tau * np.log1p(after / tau)

    return lambda start, end: (moved_s(end) - moved_s(start)) / (end - start)


def _power(case: dict[str, Any]) -> Callable[[float], float]:
    law = case["inputs"]["power"]
    if law["kind"] == "constant":
        return lambda t: 1.0
    return lambda t: law["after_fraction"] if t >= law["t_s"] - 1e-9 else law["before_fraction"]


class Rack:
    """One rack of the reference, stepped by the models under test."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.x = x = case["inputs"]
        self.n, self.rated = x["n_gpu"], x["m0_kg_s"] / x["n_gpu"]
        self.gpu = gpu.Params(
            *(x[k] * ONE for k in ("C_j_J_K", "C_cp_J_K")),
            x["C_rack_coolant_J_K"] / self.n * ONE,
            *(x[k] * ONE for k in ("R_jc_K_W", "R_conv0_K_W")),
            self.rated * ONE,
            x["cp_J_kgK"] * ONE,
        )
        keys = (
            "C_supply_J_K",
            "C_return_J_K",
            "UA0_W_K",
            "m0_kg_s",
            "m_fac_kg_s",
            "cp_J_kgK",
            "cp_fac_J_kgK",
        )
        self.cdu = cdu.Params(*(x[k] * ONE for k in keys))
        start = {k: (v + CELSIUS_ZERO_K) * ONE for k, v in case["initial"].items()}
        self.die = gpu.State(start["T_j_C"], start["T_coldplate_C"], start["T_rack_coolant_C"])
        self.loop = cdu.State(start["T_supply_C"], start["T_return_C"])
        self.off = False

    def tick(self, dt_s: float, demand: float, flow: float, facility: float) -> None:
        x = self.x
        die_c = float(self.die.die_k[0]) - CELSIUS_ZERO_K
        self.off |= die_c >= x["T_shutdown_C"]
        share = np.clip((die_c - x["T_throttle_C"]) / (x["T_full_throttle_C"] - x["T_throttle_C"]), 0.0, 1.0)
        wanted = x["P0_W"] * demand
        power = 0.0 if self.off else wanted - share * max(0.0, wanted - x["P_min_W"])
        other = 0.0 if self.off else x["other_liquid_heat_W"] * demand
        inlet = self.loop.supply_k + other / (flow * x["m0_kg_s"] * x["cp_J_kgK"])
        self.die, out = gpu.step(
            self.gpu, self.die, gpu.Inputs(power * ONE, inlet, flow * self.rated * ONE), dt_s
        )
        heat_w = self.n * out.heat_to_coolant_j / dt_s + other
        facility_k = (x["T_fac_in_C"] + CELSIUS_ZERO_K) * ONE
        flows = flow * x["m0_kg_s"] * ONE, facility * x["m_fac_kg_s"] * ONE
        self.loop, _ = cdu.step(self.cdu, self.loop, cdu.Inputs(heat_w, *flows, facility_k), dt_s)


def _run(case: dict[str, Any], tick_s: float, flow: Flow | None = None) -> dict[str, Any]:
    rack, x = Rack(case), case["inputs"]
    flow, facility, power = flow or _mean_flow(x["flow"]), _mean_flow(x["fac_flow"]), _power(case)
    times, die, supply = [0.0], [rack.die.die_k[0]], [rack.loop.supply_k[0]]
    for k in range(round(x["t_end_s"] / tick_s)):
        start = k * tick_s
        rack.tick(tick_s, power(start), flow(start, start + tick_s), facility(start, start + tick_s))
        times.append(start + tick_s)
        die.append(rack.die.die_k[0])
        supply.append(rack.loop.supply_k[0])
    die_c, supply_c = np.array(die) - CELSIUS_ZERO_K, np.array(supply) - CELSIUS_ZERO_K

    def crossing(limit_c: float) -> float | None:
        above = np.flatnonzero(die_c >= limit_c)
        return None if above.size == 0 else float(times[above[0]])

    at = case["time_s"]
    return {
        "die_error_k": float(np.max(np.abs(np.interp(at, times, die_c) - case["die_c"]))),
        "supply_error_k": float(np.max(np.abs(np.interp(at, times, supply_c) - case["supply_c"]))),
        "throttle_s": crossing(x["T_throttle_C"]),
        "shutdown_s": crossing(x["T_shutdown_C"]),
        "peak_c": float(die_c.max()),
    }


@pytest.mark.parametrize("name", CASES)
def test_a_fine_tick_follows_the_reference(name: str) -> None:
    case = CASES[name]
    found = _run(case, tick_s=0.05)
    assert found["die_error_k"] < 0.02
    assert found["supply_error_k"] < 0.005
    for event in ("throttle_s", "shutdown_s"):
        want = case["events"]["t_" + event]
        assert found[event] == (None if want is None else pytest.approx(want, abs=0.06)), event


def test_halving_the_tick_halves_the_coupling_error() -> None:
    errors = [_run(CASES["TRN-10"], tick_s)["die_error_k"] for tick_s in (2.0, 1.0, 0.5)]
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.5)
    assert errors[1] / errors[2] == pytest.approx(2.0, abs=0.5)


def _pumped(restart_s: float | None, run_down_s: float = 1.0, trip_s: float = 10.0) -> Flow:
    bank = pump.Params(*(v * ONE for v in (1.0, 1.0, 0.0, run_down_s, 0.004)))
    state = pump.running(bank)

    def flow(start: float, end: float) -> float:
        nonlocal state
        down = start >= trip_s - 1e-9 and (restart_s is None or start < trip_s + restart_s - 1e-9)
        state, out = pump.step(bank, state, pump.Inputs((not down) * ONE, ONE, ONE), end - start)
        return float(out.moved_kg[0]) / (end - start)

    return flow


def test_a_pump_trip_throttles_in_two_and_a_half_seconds() -> None:
    found = _run(CASES["TRN-01"], 0.05, _pumped(None))
    assert found["throttle_s"] == pytest.approx(12.4, abs=0.2)
    assert found["shutdown_s"] == pytest.approx(52.4, abs=3.0)


def test_a_spare_pump_after_three_seconds_saves_the_rack() -> None:
    found = _run(CASES["TRN-01"], 0.05, _pumped(3.0))
    assert found["throttle_s"] == pytest.approx(12.4, abs=0.2)
    assert found["shutdown_s"] is None
    assert found["peak_c"] == pytest.approx(88.6, abs=0.7)
