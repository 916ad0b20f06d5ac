"""Plants that lose flow, facility water or fans, and load steps: temperatures, events, peak and energies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from twin.errors import Fault, ScenarioError
from twin.physics import disturbance
from twin.physics.constants import CELSIUS_ZERO_K
from twin.physics.lumped_plant import AirRoom, LiquidLoop, Throttle
from twin.physics.transient import Plant, play

_SAMPLES = 61
_LOOP = ("T_j_C", "T_coldplate_C", "T_rack_coolant_C", "T_return_C", "T_supply_C", "E_in_J", "Q_rejected_J")
_ROOM = ("T_room_C", "T_server_C", "T_structure_C", "T_chw_C", "T_gpu_C", "E_in_J", "Q_rejected_J")
WATER_J_PER_M3_K = 4.18e6
"""Heat capacity of water by volume for tanks that are given so [J/(m3 K)]; ASHRAE Fundamentals 2021."""


def solve(case: dict[str, Any]) -> dict[str, Any]:
    """Return the state at rest, events, the peak, and series at 61 instants."""
    given = case["inputs"]
    plant: Plant = _room(given) if given["model"] == "A" else _loop(given)
    names = _ROOM if given["model"] == "A" else _LOOP
    at_s = np.linspace(0.0, given["t_end_s"], _SAMPLES)
    found = play(plant, at_s)
    shift = np.array([CELSIUS_ZERO_K if name.endswith("_C") else 0.0 for name in names])
    states = found.states - shift
    return {
        "initial_state": dict(zip(names, states[0].tolist(), strict=True)),
        "events": {"t_throttle_s": found.throttled_at_s, "t_shutdown_s": found.shut_down_at_s},
        "peak": {"T_hot_C": found.peak_k - CELSIUS_ZERO_K, "t_s": found.peak_at_s},
        "time_s": at_s.tolist(),
        "series": {name: states[:, place].tolist() for place, name in enumerate(names)},
    }


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float:
    """Error that a number may have."""
    if any(name.endswith("_J") for name in path):
        return float(tolerance["energy_rel"]) * max(abs(expected), 1.0)
    if any(name.endswith("_C") for name in path):
        return float(tolerance["T_abs_K"])
    return float(tolerance["event_time_abs_s"])


def _pick(given: dict[str, Any], symbols: str, default: float | None = None) -> float:
    """Value of the first of these symbols of the equations; its key may go on with a unit."""
    for symbol in symbols.split():
        keys = [key for key in given if key == symbol or key.startswith(f"{symbol}_")]
        for key in sorted(keys, key=len):
            if isinstance(given[key], int | float):
                return float(given[key])
    if default is None:
        raise ScenarioError(
            "a case lacks a value", [Fault("", 0, symbols, "nothing", "a number", "write it")]
        )
    return default


def _throttle(given: dict[str, Any], least: str) -> Throttle:
    start_k = given["T_throttle_C"] + CELSIUS_ZERO_K
    return Throttle(start_k, given["T_full_throttle_C"] + CELSIUS_ZERO_K, _pick(given, least))


def _loop(given: dict[str, Any]) -> LiquidLoop:
    end_at_s = float(given["t_end_s"])
    return LiquidLoop(
        gpus=int(given["n_gpu"]),
        gpu_w=given["P0_W"],
        other_w=given["other_liquid_heat_W"],
        throttle=_throttle(given, "P_min"),
        shutdown_k=given["T_shutdown_C"] + CELSIUS_ZERO_K,
        die_k_per_w=given["R_jc_K_W"],
        film_k_per_w=given["R_conv0_K_W"],
        film_exponent=given["conv_exponent"],
        die_j_per_k=given["C_j_J_K"],
        plate_j_per_k=given["C_cp_J_K"],
        rack_j_per_k=given["C_rack_coolant_J_K"],
        return_j_per_k=given["C_return_J_K"],
        supply_j_per_k=given["C_supply_J_K"],
        loop_kg_per_s=given["m0_kg_s"],
        loop_j_per_kg_k=given["cp_J_kgK"],
        facility_kg_per_s=given["m_fac_kg_s"],
        facility_j_per_kg_k=given["cp_fac_J_kgK"],
        ua_w_per_k=given["UA0_W_K"],
        ua_exponent=given["UA_exponent"],
        facility_k=_temperature(given.get("fac_temp"), given["T_fac_in_C"]),
        flow=_flow(given.get("flow")),
        facility_flow=_flow(given.get("fac_flow")),
        power=_power(given.get("power"), end_at_s),
    )


def _room(given: dict[str, Any]) -> AirRoom:
    tank = given.get("tank") or given
    volume_m3 = _pick(tank, "volume V_tank", 0.0)
    tank_j_per_k = volume_m3 * WATER_J_PER_M3_K or _pick(tank, "C_tank C_J", 0.0)
    return AirRoom(
        servers=int(_pick(given, "n_servers n_server n")),
        server_w=_pick(given, "P_server"),
        throttle=_throttle(given, "P_server_min"),
        shutdown_k=_pick(given, "T_inlet_shutdown") + CELSIUS_ZERO_K,
        air_kg_per_s=_pick(given, "m_air0"),
        air_j_per_kg_k=_pick(given, "cp"),
        coil_effectiveness=_pick(given, "eps_crah"),
        chilled_k=_pick(given, "T_chw") + CELSIUS_ZERO_K,
        server_w_per_k=_pick(given, "hA_server"),
        structure_w_per_k=_pick(given, "hA_structure"),
        room_j_per_k=_pick(given, "C_room"),
        servers_j_per_k=_pick(given, "C_server"),
        structure_j_per_k=_pick(given, "C_structure"),
        gpu_w=_pick(given, "gpu_P0"),
        gpu_k_per_w=_pick(given, "R_gpu_air"),
        gpu_j_per_k=_pick(given, "C_gpu"),
        recirculated_frac=_pick(given, "recirculation"),
        tank_j_per_k=tank_j_per_k or math.inf,
        tank_from_at_s=_pick(tank, "t_loss", math.inf) if tank_j_per_k else math.inf,
        fans=_flow(given.get("fans")),
        power=_power(given.get("power"), float(given["t_end_s"])),
    )


def _flow(kind: dict[str, Any] | None) -> disturbance.Signal:
    if not kind or kind["kind"] == "constant":
        return disturbance.steady(_pick(kind or {}, "fraction", 1.0))
    if kind["kind"] != "trip":
        raise _unknown("flow", kind["kind"], "constant | trip")
    return disturbance.trip(
        kind["t_trip_s"],
        kind["tau_s"],
        kind.get("floor_fraction", 0.0),
        math.inf if kind.get("restart_delay_s") is None else kind["restart_delay_s"],
        kind.get("ramp_s", 0.0),
        kind.get("restart_fraction", 1.0),
    )


def _power(kind: dict[str, Any] | None, end_at_s: float) -> disturbance.Signal:
    if not kind or kind["kind"] == "constant":
        return disturbance.steady(_pick(kind or {}, "fraction", 1.0))
    if kind["kind"].startswith("square"):
        levels = kind["high_fraction"], kind["low_fraction"]
        return disturbance.swing(kind["period_s"], kind["duty"], *levels, end_at_s)
    if kind["kind"] not in ("step", "ramp"):
        raise _unknown("power", kind["kind"], "constant | step | ramp | square")
    return disturbance.change(
        _pick(kind, "t"), kind["before_fraction"], kind["after_fraction"], _pick(kind, "ramp", 0.0)
    )


def _temperature(kind: dict[str, Any] | None, rest_c: float) -> disturbance.Signal:
    """Facility water: constant, a step or a ramp to another temperature, or by a difference."""
    rest_k = rest_c + CELSIUS_ZERO_K
    if not kind or kind["kind"] == "constant":
        return disturbance.steady(rest_k)
    if kind["kind"] not in ("step", "ramp"):
        raise _unknown("fac_temp", kind["kind"], "constant | step | ramp")
    # by their units: _C is the level behind, _K a difference, _K_s a speed
    after_k = rest_k + _by_unit(kind, "_K", 0.0)
    after_k = _by_unit(kind, "_C", after_k - CELSIUS_ZERO_K) + CELSIUS_ZERO_K
    before_k = _pick(kind, "before T_before", rest_c) + CELSIUS_ZERO_K
    speed_k_per_s = abs(_by_unit(kind, "_K_s", _by_unit(kind, "_K_per_s", 0.0)))
    ramp_s = abs(after_k - before_k) / speed_k_per_s if speed_k_per_s else _pick(kind, "ramp duration", 0.0)
    return disturbance.change(_pick(kind, "t t0"), before_k, after_k, ramp_s)


def _by_unit(kind: dict[str, Any], unit: str, default: float) -> float:
    """Value of the first key with this unit that is not of the time before."""
    keys = [key for key in kind if key.endswith(unit) and "before" not in key]
    return float(kind[keys[0]]) if keys else default


def _unknown(where: str, found: str, expected: str) -> ScenarioError:
    return ScenarioError("unknown disturbance", [Fault("", 0, where, found, expected, "name one of these")])
