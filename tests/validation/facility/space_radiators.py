"""Radiators in space: area, mass and specific power for a heat load."""

from __future__ import annotations

from typing import Any

from twin.physics import radiator
from twin.physics.constants import CELSIUS_ZERO_K


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Return the area with the fluxes at its ends, and what it weighs."""
    given = case["inputs"]
    panel = radiator.Panel(
        given["emissivity"], given["absorptivity"], given["sides"], given.get("fin_efficiency", 1.0)
    )
    around = radiator.Surroundings(
        given["solar_W_m2"],
        given["solar_view_cos"],
        given["albedo"],
        given["earth_view_factor"],
        given["earth_ir_W_m2"],
        given["T_sink_K"],
    )
    inlet_c = given["T_in_C"] if "T_in_C" in given else given["T_C"]
    inlet_k = inlet_c + CELSIUS_ZERO_K
    outlet_k = given.get("T_out_C", inlet_c) + CELSIUS_ZERO_K
    heat_w = given["Q_kW"] * 1e3
    area_m2 = float(radiator.area_m2(heat_w, inlet_k, outlet_k, panel, around))
    mass_kg = area_m2 * given.get("areal_density_kg_m2", 0.0)
    return {
        "area_m2": area_m2,
        "mean_net_flux_W_m2": heat_w / area_m2,
        "env_absorbed_W_m2": radiator.absorbed_w_per_m2(panel, around),
        "q_at_T_in_W_m2": float(radiator.net_flux_w_per_m2(inlet_k, panel, around)),
        "q_at_T_out_W_m2": float(radiator.net_flux_w_per_m2(outlet_k, panel, around)),
        "mass_kg": mass_kg,
        "W_per_kg": heat_w / mass_kg if mass_kg > 0.0 else 0.0,
    }
