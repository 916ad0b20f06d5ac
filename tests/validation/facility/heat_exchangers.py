"""Exchangers: plates between two liquids, and coils and plates with given heat capacities."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.validation.facility._liquids import glycol_frac
from twin.errors import Fault, ScenarioError
from twin.physics import exchanger_duty as exchanger
from twin.physics import heat_exchanger as relations
from twin.physics import liquid
from twin.physics.constants import CELSIUS_ZERO_K

_ARRANGEMENTS = {
    "counterflow": relations.counterflow_w_per_k,
    "counterflow plate hx": relations.counterflow_w_per_k,
    "parallel": relations.parallel_w_per_k,
    "crossflow": relations.crossflow_exact_w_per_k,
    "crossflow approximate": relations.crossflow_w_per_k,
    "crossflow, mixed cmin": relations.crossflow_least_mixed_w_per_k,
    "crossflow, mixed cmax": relations.crossflow_most_mixed_w_per_k,
}
_EFFECTIVENESS = ("effectiveness", "Q_kW", "NTU", "C_ratio")


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Return heat, outlets, effectiveness and what it depends on."""
    given = case["inputs"]
    arrangement = _arrangement(str(given.get("arrangement", given.get("type"))))
    pressure_pa = float(given.get("P_Pa", liquid.LOOP_PRESSURE_PA))
    hot, cold = given["hot"], given["cold"]
    if "cp" in hot:
        flows = [side["m_kg_s"] * side["cp"] for side in (hot, cold)]
        inlets = [side["T_in_C"] + CELSIUS_ZERO_K for side in (hot, cold)]
        found = exchanger.duty(arrangement, given["UA_W_K"], *flows, *inlets)
    else:
        streams = (_stream(hot), _stream(cold))
        found = exchanger.liquid_duty(given["UA_W_K"], *streams, pressure_pa, arrangement)
    return _answer(found, float(cold["T_in_C"]))


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float | None:
    """Error that a number may have: kelvins for temperatures, a share for the rest."""
    if path[-1] in _EFFECTIVENESS:
        return float(tolerance["effectiveness_abs"]) * (1.0 if path[-1] == "effectiveness" else abs(expected))
    return float(tolerance["counterflow_T_abs_K"])


def _arrangement(name: str) -> exchanger.Arrangement:
    if name.lower() in _ARRANGEMENTS:
        return _ARRANGEMENTS[name.lower()]
    fault = Fault("", 0, "arrangement", name, " | ".join(_ARRANGEMENTS), "name one of these")
    raise ScenarioError("unknown arrangement of an exchanger", [fault])


def _stream(side: dict[str, Any]) -> exchanger.LiquidStream:
    inlet_k = np.asarray(side["T_in_C"] + CELSIUS_ZERO_K)
    return exchanger.LiquidStream(side["m_kg_s"], inlet_k, glycol_frac(side["fluid"]))


def _answer(found: exchanger.Duty, cold_in_c: float) -> dict[str, float]:
    hot_out_c = float(found.hot_out_k) - CELSIUS_ZERO_K
    return {
        "NTU": float(found.transfer_units),
        "C_ratio": float(found.capacity_ratio),
        "effectiveness": float(found.effectiveness_frac),
        "Q_kW": float(found.heat_w) / 1e3,
        "T_hot_out_C": hot_out_c,
        "T_cold_out_C": float(found.cold_out_k) - CELSIUS_ZERO_K,
        "approach_hot_out_minus_cold_in_K": hot_out_c - cold_in_c,
    }
