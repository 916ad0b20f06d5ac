"""Chillers by fitted curves: heat, power and COP at given temperatures and part load."""

from __future__ import annotations

from typing import Any

from twin.physics import chiller_curves
from twin.physics.constants import CELSIUS_ZERO_K


def solve(case: dict[str, Any]) -> dict[str, list[dict[str, float]]]:
    """Return available heat, load, power and COP of every point."""
    given = case["inputs"]
    machine = chiller_curves.FittedChiller(
        given["Q_ref_W"], given["COP_ref"], given["CAPFT"], given["EIRFT"], given["EIRFPLR"]
    )
    return {"points": [_point(machine, point) for point in given["points"]]}


def _point(machine: chiller_curves.FittedChiller, point: dict[str, float]) -> dict[str, float]:
    at_k = [point[name] + CELSIUS_ZERO_K for name in ("T_evap_out_C", "T_cond_in_C")]
    most_w = float(chiller_curves.available_w(machine, *at_k))
    heat_w = point["PLR"] * most_w
    drawn_w = float(chiller_curves.power_w(machine, heat_w, *at_k))
    return {
        **point,
        "available_kW": most_w / 1e3,
        "load_kW": heat_w / 1e3,
        "power_kW": drawn_w / 1e3,
        "COP": heat_w / drawn_w,
    }
