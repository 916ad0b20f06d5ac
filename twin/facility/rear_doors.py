"""A year with rear-door exchangers: coils in the doors of the racks in place of air handlers in the hall.

Server fans blow through the doors, so the air circuit has no fans of its own; the few percent more that the servers'
fans draw counts as IT, as those fans do. The air leaves the doors at the set-point of the hall, which fixes the water:
``T_water = T_supply - Q (1/K - 1/C_air)`` at design, warmer than that of air handlers.
"""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import numpy as np

from twin.errors import Fault, ScenarioError
from twin.facility.annual_plant import AIR, Circuit
from twin.physics import rear_door


def in_place_of_coils(circuit: Circuit) -> Circuit:
    """An air circuit with doors for the same heat; a liquid circuit stays as it is.

    Parameters
    ----------
    circuit : Circuit
        Its plant stays, and is asked for warmer water.

    Examples
    --------
    >>> from twin.facility.annual_site import design
    >>> air = design(1e6, 0.0).circuits[0]
    >>> doors = in_place_of_coils(air)
    >>> [round(c.water_set_k - 273.15, 1) for c in (air, doors)], doors.drive_w
    ([14.0, 17.6], 0.0)
    """
    if circuit.name != AIR:
        return circuit
    air, heat = np.array(circuit.inner_w_per_k), np.array(circuit.capacity_w)
    door = rear_door.sized(air, heat)
    per_k = rear_door.EFFECTIVENESS_FRAC * min(circuit.inner_w_per_k, float(door.water_w_per_k))
    approach_k = circuit.capacity_w * (1.0 / per_k - 1.0 / circuit.inner_w_per_k)
    return replace(
        circuit,
        ua_w_per_k=float(door.ua_w_per_k),
        water_w_per_k=float(door.water_w_per_k),
        water_set_k=circuit.supply_k - approach_k,
        drive_w=0.0,
        exchanger="rear door",
    )


def check(graph: nx.MultiDiGraph) -> None:
    """Refuse racks whose air carries more heat than a door takes.

    Raises
    ------
    ScenarioError
        Naming the first rack of each system.
    """
    found: dict[str, tuple[str, float]] = {}
    for name, data in graph.nodes(data=True):
        if data["kind"] == "rack":
            heat_w = data["demand_max_w"] * (1.0 - data["liquid_frac"])
            if heat_w > rear_door.MOST_W:
                found.setdefault(data["catalog"], (name, heat_w))
    faults = [
        Fault(
            "", 0, rack, f"{heat_w / 1e3:,.1f} kW to air", f"at most {rear_door.MOST_W / 1e3:g} kW a door",
            "put fewer nodes in a rack, or leave --rear-doors out",
        )
        for rack, heat_w in found.values()
    ]  # fmt: skip
    if faults:
        raise ScenarioError("racks too hot for rear doors", faults)
