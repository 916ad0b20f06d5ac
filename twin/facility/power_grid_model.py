"""The same load flow by ``power-grid-model`` (Newton-Raphson in C++), for meshed feeders and as a second opinion.

Library: Alliander and LF Energy, *power-grid-model* 1.12, MPL-2.0, 2026; extra ``power``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault, MissingLibrary
from twin.facility.circuit import BASE_VA, Circuit, circuit
from twin.facility.electrical import Network
from twin.facility.load_flow import LoadFlow, expanded, refuse_collapse, solve
from twin.models.feeder import MOST_SWEEPS
from twin.physics import load_flow

Complex = NDArray[np.complex128]

SOURCE_VA = 1e14 * BASE_VA
"""Short-circuit power of a source [VA], stiff enough that no voltage drops in it (2026)."""
TOLERANCE_PU = 1e-12
"""Largest mismatch of voltage that the library may leave [1]; its default of 1e-8 loses digits (2026)."""


def solve_exact(network: Network) -> LoadFlow:
    """Solve every step of a network's loads by ``power-grid-model``.

    Parameters
    ----------
    network : Network
        As for :func:`twin.facility.solve`, radial or meshed.

    Returns
    -------
    LoadFlow
        Agrees with :func:`twin.facility.solve` to 1e-9 of the voltage.

    Raises
    ------
    MissingLibrary
        When ``power-grid-model`` is not installed.
    NetworkError
        Where loads are beyond what the network can carry.
    """
    pgm, net = _library(), circuit(network)
    if not len(net.held):  # the library takes no network without a source
        return solve(network)
    voltage = _voltages(pgm, net)
    refuse_collapse(np.all(np.isfinite(voltage), axis=1))
    flow = load_flow.flow(net.branches, voltage[:, net.first], voltage[:, net.second])
    return expanded(network, net, voltage, flow)


def _library() -> Any:
    try:
        import power_grid_model
    except ImportError:
        fault = Fault(
            "",
            0,
            "power-grid-model",
            "not installed",
            "the extra 'power'",
            "pip install 'ai-factory-twin[power]'",
        )
        raise MissingLibrary("an exact load flow needs another package", [fault]) from None
    return power_grid_model


def _voltages(pgm: Any, net: Circuit) -> Complex:
    """Voltages (time, node) [1]; NaN in the steps that do not converge."""
    model = pgm.PowerGridModel(_components(pgm, net))
    kinds = (net.power, net.current, net.impedance)
    drawn = np.concatenate(kinds, axis=1) * BASE_VA
    update = pgm.initialize_array("update", "sym_load", drawn.shape)
    update["id"] = _load_ids(net)
    update["p_specified"], update["q_specified"] = drawn.real, drawn.imag
    found = model.calculate_power_flow(
        update_data={"sym_load": update},
        error_tolerance=TOLERANCE_PU,
        max_iterations=MOST_SWEEPS,
        continue_on_batch_error=True,
        output_component_types={"node": ["u_pu", "u_angle"]},
    )["node"]
    voltage: Complex = found["u_pu"] * np.exp(1j * found["u_angle"])
    if model.batch_error is not None:
        voltage[model.batch_error.failed_scenarios] = np.nan
    return voltage


def _load_ids(net: Circuit) -> NDArray[np.int32]:
    first = len(net.nominal_v) + len(net.branch) + len(net.held)
    return np.arange(first, first + 3 * len(net.nominal_v), dtype=np.int32)


def _components(pgm: Any, net: Circuit) -> dict[str, Any]:
    """Nodes, branches, sources and three loads a node, numbered in this order."""
    nodes, branches, held = len(net.nominal_v), len(net.branch), len(net.held)
    node = pgm.initialize_array("input", "node", nodes)
    node["id"], node["u_rated"] = np.arange(nodes), net.nominal_v
    branch = pgm.initialize_array("input", "generic_branch", branches)
    branch["id"] = nodes + np.arange(branches)
    branch["from_node"], branch["to_node"] = net.first, net.second
    branch["from_status"] = branch["to_status"] = 1
    base_ohm = net.nominal_v[net.second] ** 2 / BASE_VA
    series, shunt = net.branches.series_pu * base_ohm, net.branches.shunt_pu / base_ohm
    branch["r1"], branch["x1"], branch["g1"], branch["b1"] = series.real, series.imag, shunt.real, shunt.imag
    branch["k"], branch["theta"] = np.abs(net.branches.ratio), np.angle(net.branches.ratio)
    source = pgm.initialize_array("input", "source", held)
    source["id"], source["node"] = nodes + branches + np.arange(held), net.held
    source["status"], source["sk"], source["rx_ratio"] = 1, SOURCE_VA, 0.0
    source["u_ref"], source["u_ref_angle"] = np.abs(net.held_pu), np.angle(net.held_pu)
    load = pgm.initialize_array("input", "sym_load", 3 * nodes)
    load["id"], load["node"], load["status"] = _load_ids(net), np.tile(np.arange(nodes), 3), 1
    kind = pgm.LoadGenType
    load["type"] = np.repeat([kind.const_power, kind.const_current, kind.const_impedance], nodes)
    load["p_specified"] = load["q_specified"] = 0.0
    return {"node": node, "generic_branch": branch, "source": source, "sym_load": load}
