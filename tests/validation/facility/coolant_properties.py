"""Properties of water and propylene glycol, and the flow that a heat load needs."""

from __future__ import annotations

from typing import Any

from tests.validation.facility._liquids import glycol_frac
from twin.physics import liquid
from twin.physics.constants import CELSIUS_ZERO_K

_ALLOWED = {
    "rho_kg_m3": "rho_rel",
    "cp_J_kgK": "cp_rel",
    "mu_Pa_s": "mu_rel",
    "k_W_mK": "k_rel",
    "lpm_per_kW": "lpm_rel",
    "kg_s_per_MW": "lpm_rel",
    "Pr": "mu_rel",
    "rho_cp_kJ_m3K": "cp_rel",
}


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Return the properties at a temperature, or the flow for a rise of temperature."""
    given = case["inputs"]
    share = glycol_frac(given.get("coolprop_name", given["fluid"]))
    if "dT_K" in given:
        return _flow(given["T_supply_C"] + CELSIUS_ZERO_K, given["dT_K"], share)
    pressure_pa = given.get("P_Pa", liquid.LOOP_PRESSURE_PA)
    found = liquid.properties(given["T_C"] + CELSIUS_ZERO_K, share, pressure_pa)
    return {
        "rho_kg_m3": float(found.density_kg_per_m3),
        "cp_J_kgK": float(found.heat_capacity_j_per_kg_k),
        "mu_Pa_s": float(found.viscosity_pa_s),
        "k_W_mK": float(found.conductivity_w_per_m_k),
        "Pr": float(found.prandtl),
        "rho_cp_kJ_m3K": float(found.density_kg_per_m3 * found.heat_capacity_j_per_kg_k) / 1e3,
    }


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float | None:
    """Error that a number may have; products of two properties have that of the looser one."""
    name = _ALLOWED.get(path[-1])
    return None if name is None else float(tolerance[name]) * abs(expected)


def _flow(supply_k: float, rise_k: float, share: float) -> dict[str, float]:
    litres_per_minute = liquid.flow_m3_per_s(1e3, supply_k, rise_k, share) * 60e3
    return {
        "lpm_per_kW": float(litres_per_minute),
        "kg_s_per_MW": float(liquid.mass_flow_kg_per_s(1e6, supply_k, rise_k, share)),
    }
