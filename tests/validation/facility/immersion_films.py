"""Films of free convection in a tank: conductance, flux, and the rise that a flux needs."""

from __future__ import annotations

from typing import Any

from twin.physics import immersion


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Return the conductance, the flux at the rise of the case, and the rise found back from that flux."""
    given = case["inputs"]
    liquid = immersion.Dielectric(
        given["rho_kg_m3"], given["cp_J_kgK"], given["k_W_mK"], given["mu_Pa_s"], given["beta_1_K"]
    )
    film = float(immersion.film_w_per_m2_k(given["rise_K"], given["height_m"], liquid))
    flux = film * float(given["rise_K"])
    return {
        "h_W_m2K": film,
        "flux_W_m2": flux,
        "rise_K": float(immersion.surface_rise_k(flux, given["height_m"], liquid)),
    }
