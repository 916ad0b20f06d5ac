"""Cooling towers by the Merkel equation: the water that leaves."""

from __future__ import annotations

from typing import Any

from twin.physics import cooling_tower
from twin.physics.constants import CELSIUS_ZERO_K


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Return the outlet, its approach to the wet bulb, and the range."""
    given = case["inputs"]
    inlet_c, wet_bulb_c = float(given["T_water_in_C"]), float(given["T_wetbulb_C"])
    outlet_c = CELSIUS_ZERO_K * -1.0 + float(
        cooling_tower.merkel_outlet_k(
            inlet_c + CELSIUS_ZERO_K,
            wet_bulb_c + CELSIUS_ZERO_K,
            given["L_over_G"],
            given["Me_KaV_over_L"],
            given["P_Pa"],
            given["cw_kJ_kgK"] * 1e3,
        )
    )
    return {
        "T_water_out_C": outlet_c,
        "approach_K": outlet_c - wet_bulb_c,
        "range_K": inlet_c - outlet_c,
    }


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float:
    """Error that a number may have [K]."""
    return float(tolerance["T_abs_K"])
