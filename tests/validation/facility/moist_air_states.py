"""States of moist air: dry bulb, relative humidity and pressure give everything else."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.physics import psychrometrics
from twin.physics.constants import CELSIUS_ZERO_K

_ALLOWED = {
    "T_wb_C": "T_wb_C_abs",
    "T_dp_C": "T_dp_C_abs",
    "humidity_ratio": "humidity_ratio_rel",
    "rho_kg_per_m3": "rho_rel",
    "h_kJ_per_kg_da": "h_kJ_abs",
}


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Return wet bulb, dew point, humidity ratio, enthalpy and density."""
    given = case["inputs"]
    at = [np.array([float(given[k])]) for k in ("T_db_C", "RH", "P_Pa")]
    air = psychrometrics.state(at[0] + CELSIUS_ZERO_K, at[1], at[2])
    return {
        "humidity_ratio": float(air.humidity_ratio[0]),
        "T_wb_C": float(air.wet_bulb_k[0]) - CELSIUS_ZERO_K,
        "T_dp_C": float(air.dew_point_k[0]) - CELSIUS_ZERO_K,
        "h_kJ_per_kg_da": float(air.enthalpy_j_per_kg[0]) / 1e3,
        "rho_kg_per_m3": float(air.density_kg_per_m3[0]),
    }


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float | None:
    """Error that a number may have."""
    name = _ALLOWED.get(path[-1])
    if name is None:
        return None
    return float(tolerance[name]) * (abs(expected) if name.endswith("_rel") else 1.0)
