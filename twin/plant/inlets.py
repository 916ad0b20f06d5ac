"""Inlets of racks in a run, from the air field of their hall."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import networkx as nx
import numpy as np

from twin.errors import ScenarioError
from twin.models import hall_racks
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K
from twin.plant import constants as design
from twin.plant._over_gpus import total
from twin.plant.air.hall import AirError, AirHall
from twin.plant.air.site import air_hall, gap_of
from twin.plant.maps import Index
from twin.plant.node import Array, Node
from twin.topology import SWITCHES

if TYPE_CHECKING:
    from twin.plant.air.influence import Shares
    from twin.plant.maps import Maps
    from twin.plant.plant import Plant
    from twin.plant.power import Chain
    from twin.scenario import Scenario

SOLVED: Final = (0.0625, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Air of the CRAHs over that of the racks for which a field is solved [1]; between them shares follow a line, beyond
them they stay."""
STEP_FRAC: Final = 0.0625
"""Steps of that ratio in which a run follows it [1]; standing CRAHs let through a sixteenth."""


class Inlets:
    """Who takes whose air in a hall.

    Parameters
    ----------
    graph : networkx.MultiDiGraph
        The site, with CRAHs.
    scenario : Scenario
        With ``cooling.air.field``.
    maps : Maps
    chain : Chain
        Air of the racks, power of network boxes.

    Attributes
    ----------
    flow_kg_per_s : array (cabinet)
        Air through each cabinet that moves any: racks and network racks.
    shares : Shares
        As they are now.

    Raises
    ------
    ScenarioError
        When the hall has no such field.
    """

    def __init__(self, graph: nx.MultiDiGraph, scenario: Scenario, maps: Maps, chain: Chain) -> None:
        air = scenario.cooling.air
        assert air is not None
        assert air.field is not None
        self.wanted = air.field
        try:
            planned = air_hall(
                graph, air.crah.supply, supply=air.field.supply, gaps=tuple(air.field.gaps or ())
            )
            self.hall = _moving(planned, graph, maps, chain)
            self.shares = self._solved(self.hall, 1.0)
        except AirError as error:
            path = "cooling.air.field"
            faults = [
                scenario.source.fault(path, f"{f.where}: {f.found}", f.expected, f.mend) for f in error.faults
            ]
            raise ScenarioError("the air of this hall has no such field", faults) from None
        moving = [rack for rack in self.hall.racks if rack.flow_kg_per_s > 0.0]
        place = {rack.name: i for i, rack in enumerate(moving)}
        self.flow_kg_per_s = np.array([rack.flow_kg_per_s for rack in moving])
        self._racks = maps.ids["rack"]
        self._cabinet_of_rack = np.array([place.get(rack, -1) for rack in maps.ids["rack"]])
        self._cabinet_of: dict[str, Index] = {
            kind: np.array([place.get(graph.nodes[box]["parents"][0], -1) for box in maps.ids[kind]])
            for kind in SWITCHES
            if kind in maps.ids
        }
        self._now: tuple[float, bytes] = (1.0, b"")

    def _solved(self, hall: AirHall, air_frac: float) -> Shares:
        from twin.plant.air.influence import at_air, shares  # only halls with a field need its libraries

        wanted = self.wanted
        return shares(at_air(hall, air_frac), wanted.containment, wanted.leakage, wanted.cell)

    def _between(self, hall: AirHall, air_frac: float) -> Shares:
        """Shares at any ratio."""
        above = next(i for i, ratio in enumerate(SOLVED) if ratio >= air_frac)
        if SOLVED[above] == air_frac:
            return self._solved(hall, air_frac)
        low, high = SOLVED[above - 1], SOLVED[above]
        part = (air_frac - low) / (high - low)
        ends = self._solved(hall, low), self._solved(hall, high)
        return type(ends[0])(*((1.0 - part) * a + part * b for a, b in zip(*ends, strict=True)))

    def _follow(self, crah_kg_per_s: float, gaps: Array) -> float:
        """Take up shares for the air that CRAHs move and the racks whose panels are missing; returns that air."""
        whole = float(self.flow_kg_per_s.sum())
        steps = round(crah_kg_per_s / whole / STEP_FRAC)
        air_frac = min(max(steps, 1) * STEP_FRAC, SOLVED[-1])
        now = (air_frac, gaps.tobytes() if gaps.any() else b"")
        if now != self._now:
            self._now = now
            self.shares = self._between(self._open(gaps), air_frac)
        return air_frac * whole

    def _open(self, gaps: Array) -> AirHall:
        """The hall with gaps in some of its racks."""
        if not gaps.any():
            return self.hall
        names = {self._racks[i] for i in np.flatnonzero(gaps)}
        racks = tuple(
            replace(rack, gap_m=gap_of(rack.box)) if rack.name in names else rack for rack in self.hall.racks
        )
        return replace(self.hall, racks=racks)

    def tell(self, p: Plant, rack_w: Array, heat_w: float, removed_w: Array, crah_kg_per_s: float) -> None:
        """Heat and air of the tick to come.

        Parameters
        ----------
        p : Plant
        rack_w : array (rack)
            Heat of each rack to the air that leaves it [W].
        heat_w : float
            Heat to the air of the hall, theirs and all other [W].
        removed_w : array (hall)
            Heat that coils take [W].
        crah_kg_per_s : float
            Air that CRAHs move [kg/s].
        """
        count, owner = len(self.flow_kg_per_s), self._cabinet_of_rack
        cabinet_w = total(rack_w, owner, count)
        for kind, power_w in p.network_w().items():
            cabinet_w += total(power_w, self._cabinet_of[kind], count)
        crah = self._follow(crah_kg_per_s, p.upsets.inputs["rack.gap_frac"])
        p.nodes["hall"].tell(
            heat_w=cabinet_w, other_w=np.array([heat_w - cabinet_w.sum()]), removed_w=removed_w,
            crah_kg_per_s=np.array([crah]), share_frac=self.shares.share_frac,
        )  # fmt: skip

    def of_racks_k(self, hall: Node) -> Array:
        """Air that racks take, array (rack); the supply for those that move none [K]."""
        taken = hall_racks.inlet_k(hall.state, hall.inputs)
        found: Array = np.append(taken, hall.state.cold_k)[self._cabinet_of_rack]
        return found

    @property
    def cold_capture_frac(self) -> Array:
        """Share of the air of racks that met no rack since it was supplied [1], array (rack)."""
        found: Array = np.append(self.shares.cold_capture_frac, 1.0)[self._cabinet_of_rack]
        return found

    @property
    def recirculation_frac(self) -> float:
        """Share of the air that all cabinets take that met one since it was supplied [1]."""
        return 1.0 - float(self.shares.cold_capture_frac @ self.flow_kg_per_s / self.flow_kg_per_s.sum())


def _moving(hall: AirHall, graph: nx.MultiDiGraph, maps: Maps, chain: Chain) -> AirHall:
    """The hall with the air that its cabinets move in a run, and as much before each in its tiles."""
    air = dict(zip(maps.ids["rack"], chain.air_of_rack_kg_per_s.tolist(), strict=True))
    for kind, power_w in chain.network_w.items():
        for box, each_w in zip(maps.ids[kind], power_w.tolist(), strict=True):
            cabinet = graph.nodes[box]["parents"][0]
            moved = each_w / (AIR_HEAT_CAPACITY_J_PER_KG_K * design.AIR_RISE_K)
            air[cabinet] = air.get(cabinet, 0.0) + moved
    racks = tuple(replace(rack, flow_kg_per_s=air.get(rack.name, 0.0), heat_w=0.0) for rack in hall.racks)
    before = [rack.name for rack in hall.racks if rack.flow_kg_per_s > 0.0]
    tiles = tuple(
        replace(tile, share=air[name])
        for tile, name in zip(hall.tiles, before, strict=False)
        if air.get(name, 0.0) > 0.0
    )
    return replace(hall, racks=racks, tiles=tiles)
