"""Least storage for a ramp limit of the grid."""

from __future__ import annotations

import math
from typing import Any

from twin.facility import least_storage


def solve(case: dict[str, Any]) -> dict[str, float]:
    """Size of the store, and the largest power in the plan that was found."""
    given = case["inputs"]
    fall = given.get("ramp_down_limit_MW_per_s")
    plan = least_storage(
        [1e6 * power for power in given["load_MW"]],
        given["profile"]["dt_s"],
        1e6 * given["ramp_limit_MW_per_s"],
        None if fall is None else 1e6 * fall,
        cyclic=given.get("cyclic_soc", True),
        grid_min_w=1e6 * given.get("grid_power_min_MW", 0.0),
        grid_max_w=1e6 * given.get("grid_power_max_MW", math.inf),
    )
    return {
        "min_energy_MJ": plan.energy_j / 1e6,
        "min_energy_kWh": plan.energy_j / 3.6e6,
        "max_abs_storage_power_MW_at_this_solution": plan.power_w / 1e6,
    }
