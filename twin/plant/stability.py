"""Whether set-points can be held with a tick: a controller that sees a volume once a tick must not overshoot it."""

from __future__ import annotations

import networkx as nx
import numpy as np

from twin.errors import ScenarioError
from twin.plant import constants as design
from twin.plant.maps import Maps
from twin.plant.node import Array, Node
from twin.scenario import Scenario
from twin.topology.rejection import KINDS

HELD = (("hall", ("crah",), "cold_j_per_k"), ("chilled_water", ("chiller",), "supply_j_per_k"),
        ("facility_water", tuple(KINDS.values()), "supply_j_per_k"), ("cdu", ("cdu",), "supply_j_per_k"))  # fmt: skip


def check_tick(graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, nodes: dict[str, Node]) -> None:
    """Refuse a tick in which full cooling moves a volume across its control band.

    Full cooling power times the tick may be at most ``STABLE_BAND_FRAC`` of the band times the heat capacity of
    the volume whose temperature is held; beyond about twice the band a proportional loop swings without end.

    Raises
    ------
    ScenarioError
        With every volume that is too small, and the largest tick.
    """
    faults = []
    for name, coolers, capacity in HELD:
        if name not in nodes:
            continue
        cooler = next(kind for kind in coolers if maps.ids.get(kind))
        held: Array = getattr(nodes[name].params, capacity)
        power_w = np.array([graph.nodes[unit]["rated_heat_w"] for unit in maps.ids[cooler]])
        cooling_w = power_w if name == "cdu" else power_w.sum(keepdims=True)
        largest_s = float(np.min(design.STABLE_BAND_FRAC * design.SUPPLY_BAND_K * held / cooling_w))
        if scenario.time.tick > largest_s:
            faults.append(
                scenario.source.fault(
                    "time.tick",
                    f"{scenario.time.tick:g} s: {cooler} at full power would swing the temperature of {name}",
                    f"at most {largest_s:.3g} s for this site",
                    f"write {np.floor(largest_s * 10.0) / 10.0:g} s or less",
                )
            )
    if faults:
        raise ScenarioError("the tick is too long for the cooling of this site", faults)
