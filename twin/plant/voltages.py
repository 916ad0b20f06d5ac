"""Voltages of a run: the drop over transformers and PDUs at the loads of a tick, by the feeder sweep.

Two sorts of feeders, as in :mod:`twin.facility.site`: from the grid to the boards behind the transformers, and from
the UPS, which hold their voltage, to the PDUs. Loads hold their power. Cables are left out.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from twin import catalog
from twin.errors import Fault, PhysicalRangeError
from twin.models import feeder
from twin.models._power_flow import Flow
from twin.physics.load_flow import Branch

Array = NDArray[np.float64]
Index = NDArray[np.int64]

BASE_VA: Final = 1e6
SUPPLY_PF: Final = 0.99
MOTOR_PF: Final = 0.90
RATING_PF: Final = 0.95
"""Power factors, lagging, of UPS and supplies, of motors, and of ratings [1]; assumptions (2026), as for load flows."""
IMPEDANCE_FRAC: Final = 0.06
"""Short-circuit voltage where a card gives none [1]: IEC 60076-5:2006, table 1, for 2.5 MVA."""
BUSWAY_X_OVER_R: Final = 0.6
"""Reactance over resistance of busways and PDUs [1]; assumption (2026), range 0.5 to 1."""
MEDIUM_V: Final = 11e3
LOW_V: Final = 415.0
"""Nominal voltages of the feed, and behind transformers where a PDU card gives none [V]: IEC 60038:2009."""
MOTORS: Final = ("cdu", "facility_water", "dry_cooler", "crah", "chiller", "rear_door")


class Voltages(NamedTuple):
    """The feeders of a site, ready for any load.

    Parameters
    ----------
    params : feeder.Params
        Bus 0 is the grid, then the transformers, the UPS and the PDUs.
    transformers, pdus : array, int
        Their elements in the power chain.
    feed : int
        Element of the feed.
    children : array (transformer, element)
        Share of an element's draw that comes over a transformer [1].
    reactive_frac : array (element)
        Reactive over real power that an element draws [1].
    """

    params: feeder.Params
    transformers: Index
    pdus: Index
    feed: int
    children: Array
    reactive_frac: Array

    def drop_frac(self, flow: Flow, source_pu: float) -> Array:
        """Voltage at the output over that at the input, array (element) [1].

        Parameters
        ----------
        flow : Flow
            Powers of this instant.
        source_pu : float
            Voltage of the grid over nominal [1], above zero.

        Raises
        ------
        PhysicalRangeError
            When the loads are more than the feeders can carry at this voltage.
        """
        count, pdus = len(self.transformers), len(self.pdus)
        buses = int(self.params.far.max()) + 1  # PDUs come last
        power = np.zeros((1, buses), np.complex128)
        drawn = self.children * flow.in_w
        whole = drawn.sum(axis=1)
        reactive = np.divide(drawn @ self.reactive_frac, whole, out=np.zeros(count), where=whole > 0.0)
        power[0, 1 : 1 + count] = flow.out_w[self.transformers] * (1.0 + 1j * reactive)
        power[0, buses - pdus :] = flow.out_w[self.pdus] * (1.0 + 1j * _reactive(SUPPLY_PF))
        held = np.ones(buses, np.complex128)
        held[0] = source_pu
        none = np.zeros_like(power)
        out = feeder.solve(self.params, feeder.Inputs(power / BASE_VA, none, none, held))
        if not out.sweeps[0]:
            fault = Fault("", 0, "power", f"{flow.out_w[self.feed]:g} W at {source_pu:.3g} of nominal voltage",
                          "loads that the transformers can carry", "more transformers, or a milder sag")  # fmt: skip
            raise PhysicalRangeError("the voltage collapses", [fault])
        volts = np.abs(out.voltage_pu[0])
        drop = np.ones(len(flow.in_w))
        drop[self.transformers] = volts[1 : 1 + count] / source_pu
        drop[self.pdus] = volts[buses - pdus :]
        return drop


def _reactive(power_factor: float) -> float:
    return float(np.tan(np.arccos(power_factor)))


def build(graph: nx.MultiDiGraph, ids: dict[str, tuple[str, ...]], elements: dict[str, int]) -> Voltages:
    """Read the feeders off the graph.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The site.
    ids : dict of str to tuple of str
        Asset ids by kind.
    elements : dict of str to int
        Element of the power chain of each asset.
    """
    transformers, blocks, pdus = ids["transformer"], ids["ups"], ids["pdu"]
    names = ("feed", *transformers, *blocks, *pdus)
    bus = {name: i for i, name in enumerate(names)}
    series = [_transformer_pu(graph, name) for name in transformers] + [_pdu_pu(graph, name) for name in pdus]
    feeds = [(a, b) for a, b, kind in graph.edges(keys=True) if kind == "power"]
    source = {b: a for a, b in feeds if b in bus}
    far = np.array([bus[name] for name in (*transformers, *pdus)])
    near = np.array([bus[source[name]] for name in (*transformers, *pdus)])
    branches = Branch(np.ones(len(far), np.complex128), np.array(series), np.zeros(len(far), np.complex128))
    held = np.array([0, *(bus[name] for name in blocks)])
    children = np.zeros((len(transformers), len(elements)))
    reactive = np.full(len(elements), _reactive(SUPPLY_PF))
    for a, b in feeds:
        if a in transformers:
            children[transformers.index(a), elements[b]] = graph.edges[a, b, "power"]["share"]
        if graph.nodes[b]["kind"] in MOTORS:
            reactive[elements[b]] = _reactive(MOTOR_PF)
    return Voltages(
        feeder.build(branches, near, far, held),
        np.array([elements[name] for name in transformers]),
        np.array([elements[name] for name in pdus]),
        elements["feed"],
        children,
        reactive,
    )


def _transformer_pu(graph: nx.MultiDiGraph, name: str) -> complex:
    """Series impedance by the short-circuit voltage and the load loss of the card [1]."""
    node = graph.nodes[name]
    card = catalog.get("transformer", node["catalog"])
    rated_va = float(card.get("apparent_rating_va", node["rating_w"] / RATING_PF))
    resistance = node["loss_quadratic_frac"] * node["rating_w"] / rated_va
    whole = float(card.get("impedance_frac", IMPEDANCE_FRAC))
    reactance = np.sqrt(max(whole**2 - resistance**2, 0.0))
    return complex(resistance, float(reactance)) * BASE_VA / rated_va


def _pdu_pu(graph: nx.MultiDiGraph, name: str) -> complex:
    """Series impedance by the load loss of the card at its rating; a card without one is still a conductor [1]."""
    node = graph.nodes[name]
    card = catalog.get("pdu", node["catalog"])
    rated_va = float(node["rating_w"] / card.get("power_factor_frac", RATING_PF))
    resistance = max(float(node["loss_quadratic_frac"]), 1e-6) * node["rating_w"] / rated_va
    return complex(resistance, BUSWAY_X_OVER_R * resistance) * BASE_VA / rated_va
