"""Parallel racks on one loop: flows, pressures and temperatures of every pipe, node and rack."""

from __future__ import annotations

from typing import Any

import numpy as np

from twin.physics import pipe_network as network
from twin.physics.constants import CELSIUS_ZERO_K
from twin.physics.hydraulics import Liquid, Pipes

_BAR_PA = 1e5


def solve(case: dict[str, Any]) -> dict[str, Any]:
    """Return the state of every pipe, junction and rack; a temperature "out" is that of the node behind, mixed."""
    given = case["inputs"]
    fluid, supply = given["fluid"], given["supply"]
    liquid = Liquid(fluid["rho_kg_m3"], fluid["mu_Pa_s"], fluid["cp_J_kgK"])
    pipes = _pipes(given)
    names = list(dict.fromkeys(node for _, ends, _ in pipes for node in ends))
    places = {name: place for place, name in enumerate(names)}
    sizes = np.array([size for _, _, size in pipes]).T
    first, second = (np.array([places[ends[i]] for _, ends, _ in pipes]) for i in (0, 1))
    loop = network.Network(first, second, Pipes(*sizes), len(names))
    supply_pa = supply["p_bar"] * _BAR_PA
    held_pa = {places["SUP"]: supply_pa, places["RET"]: supply_pa - given["pump_dp_bar"] * _BAR_PA}
    found = network.solve(loop, liquid, held_pa)
    gain_k = _gains(
        given, [name for name, _, _ in pipes], found.flow_kg_per_s * liquid.heat_capacity_j_per_kg_k
    )
    supply_k = supply["T_C"] + CELSIUS_ZERO_K
    nodes_k = network.temperatures_k(loop, found.flow_kg_per_s, {places["SUP"]: supply_k}, gain_k, supply_k)
    return _answer(pipes, names, loop, found, nodes_k - CELSIUS_ZERO_K)


def allowed(path: tuple[str, ...], expected: float, tolerance: dict[str, Any]) -> float:
    """Error that a number may have."""
    kind = path[-1]
    if kind.endswith("_bar"):
        return float(tolerance["p_bar_abs"])
    if kind.endswith("_C"):
        return float(tolerance["T_abs_K"])
    return float(tolerance["mass_flow_rel"]) * abs(expected)


Pipe = tuple[str, tuple[str, str], tuple[float, float, float, float]]
"""Name, end nodes, and length, bore, roughness [m] and loss factor."""


def _pipes(given: dict[str, Any]) -> list[Pipe]:
    """Supply header, return header and the branch of each open rack."""
    count, header = int(given["n_racks"]), given["header"]
    reverse = given["return_topology"] == "reverse"
    out: list[Pipe] = []
    for i in range(1, count + 1):
        length = header["first_seg_length_m"] if i == 1 else header["seg_length_m"]
        out.append((f"HS{i}", ("SUP" if i == 1 else f"S{i - 1}", f"S{i}"), _size(header, length)))
    for i in range(1, count + 1):
        ends, length = (f"R{i}", "RET" if i == 1 else f"R{i - 1}"), header["seg_length_m"]
        if reverse:
            ends = (f"R{i}", f"R{i + 1}" if i < count else "RET")
        if reverse and i == count:
            length = header["first_seg_length_m"] + (count - 1) * header["seg_length_m"]
        elif not reverse and i == 1:
            length = header["first_seg_length_m"]
        out.append((f"HR{i}", ends, _size(header, length)))
    branch, closed = given["rack_branch"], {int(i) for i in given["rack_closed"]}
    for i in range(1, count + 1):
        if i not in closed:
            zeta = given["rack_zeta_overrides"].get(str(i), branch["zeta"])
            length, bore, rough, _ = _size(branch | {"zeta_per_seg": 0.0}, branch["length_m"])
            out.append((f"BR{i}", (f"S{i}", f"R{i}"), (length, bore, rough, float(zeta))))
    return out


def _size(kind: dict[str, float], length_m: float) -> tuple[float, float, float, float]:
    return float(length_m), kind["d_mm"] / 1e3, kind["k_mm"] / 1e3, float(kind["zeta_per_seg"])


def _gains(given: dict[str, Any], names: list[str], flow_w_per_k: np.ndarray) -> np.ndarray:
    """Rise of temperature along each pipe [K]: racks heat what flows through their branch."""
    heat_w = [1e3 * given["rack_heat_kw"][int(n[2:]) - 1] if n.startswith("BR") else 0.0 for n in names]
    return np.array(heat_w) / np.maximum(np.abs(flow_w_per_k), 1e-6)


def _answer(
    pipes: list[Pipe],
    names: list[str],
    loop: network.Network,
    found: network.Flows,
    nodes_c: np.ndarray,
) -> dict[str, Any]:
    ahead = found.flow_kg_per_s >= 0.0
    upstream, downstream = np.where(ahead, (loop.first, loop.second), (loop.second, loop.first))
    answer: dict[str, Any] = {"pipes": {}, "junctions": {}, "racks": {}}
    for i, name in enumerate(names):
        answer["junctions"][name] = {"p_bar": found.pressure_pa[i] / _BAR_PA, "T_C": float(nodes_c[i])}
    for i, (name, ends, _) in enumerate(pipes):
        enters_c = float(nodes_c[upstream[i]])
        answer["pipes"][name] = {
            "m_kg_s": float(found.flow_kg_per_s[i]),
            "v_m_s": float(found.speed_m_per_s[i]),
            "Re": float(found.reynolds[i]),
            "f": float(found.friction[i]),
            "dp_bar": float(found.loss_pa[i]) / _BAR_PA,
            "t_out_C": float(nodes_c[downstream[i]]),
        }
        if name.startswith("BR"):
            # the heat enters behind the branch's friction: a node of its own at the pressure of the return
            rack = name.removeprefix("BR")
            answer["junctions"][f"M{rack}"] = answer["junctions"][ends[1]] | {"T_C": enters_c}
            answer["racks"][f"Q{rack}"] = {
                "m_kg_s": float(found.flow_kg_per_s[i]),
                "t_in_C": enters_c,
                "t_out_C": float(nodes_c[downstream[i]]),
            }
            answer["pipes"][name]["t_out_C"] = enters_c
    return answer
