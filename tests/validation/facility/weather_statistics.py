"""Statistics of a weather year: extremes, hours over limits, hours that free cooling would serve."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.validation.facility._years import year
from twin.physics import psychrometrics, weather
from twin.physics.constants import CELSIUS_ZERO_K

DRY_LIMITS_C = (20, 25, 27, 30, 32, 35, 37, 40)
WET_LIMITS_C = (16, 18, 20, 22, 24, 26)
DRY_COOLER_C = ((25, 8), (30, 8), (32, 8), (35, 8), (40, 8), (45, 10), (45, 8))
TOWER_C = ((18, 4), (20, 4), (24, 4), (27, 4), (32, 4))
BASE_C = 18.0


def solve(case: dict[str, Any]) -> dict[str, Any]:
    """Return means, extremes, the 99.6th percentile and hours by limit."""
    air = year(case["inputs"]["epw"], case["folder"])
    humidity = psychrometrics.humidity_ratio(
        air.relative_humidity_frac * psychrometrics.saturation_pa(air.dry_bulb_k), air.pressure_pa
    )
    dry_c = air.dry_bulb_k - CELSIUS_ZERO_K
    wet_c = psychrometrics.wet_bulb_k(air.dry_bulb_k, humidity, air.pressure_pa) - CELSIUS_ZERO_K
    return {
        "T_db_mean_C": float(dry_c.mean()),
        "T_db_max_C": float(dry_c.max()),
        "T_db_min_C": float(dry_c.min()),
        "T_wb_mean_C": float(wet_c.mean()),
        "T_wb_max_C": float(wet_c.max()),
        "T_db_p99_6_C": float(np.percentile(dry_c, 99.6)),
        "P_mean_Pa": float(air.pressure_pa.mean()),
        "hours_T_db_above": _by_limit(weather.hours_above(dry_c, DRY_LIMITS_C), DRY_LIMITS_C),
        "hours_T_wb_above": _by_limit(weather.hours_above(wet_c, WET_LIMITS_C), WET_LIMITS_C),
        "dry_cooler_ok_hours": _served(dry_c, DRY_COOLER_C),
        "tower_ok_hours": _served(wet_c, TOWER_C),
        "cooling_degree_hours_base18": weather.degree_hours(dry_c, BASE_C),
    }


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float:
    """Error that a number may have: hours, kelvins over all hours of the year, or 1e-6 for the pressure."""
    if path[-1] == "P_mean_Pa":
        return 1e-6 * abs(expected)
    if path[-1].startswith("cooling_degree_hours"):
        return 8760.0 * float(tolerance["T_abs_C"])
    return float(tolerance["T_abs_C" if path[-1].endswith("_C") else "hours_abs"])


def _by_limit(hours: np.ndarray, limits: tuple[int, ...]) -> dict[str, int]:
    return {str(limit): int(count) for limit, count in zip(limits, hours, strict=True)}


def _served(values_c: np.ndarray, pairs: tuple[tuple[int, int], ...]) -> dict[str, int]:
    reach = weather.hours_reached(values_c, [supply - approach for supply, approach in pairs])
    names = (f"supply{supply}_approach{approach}" for supply, approach in pairs)
    return {name: int(count) for name, count in zip(names, reach, strict=True)}
