"""Control loops of the cooling: the policy of each, with what it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from twin.plant import constants as design
from twin.plant.node import Array
from twin.policies.setpoint import Control, Memory, Reading
from twin.registry import find
from twin.scenario import Scenario


@dataclass
class _Held:
    """A temperature that is held: by whom, at what and within what [K], by how many units; what is remembered."""

    policy: Control
    setpoint_k: Array
    band_k: Array
    units: int
    memory: Memory = field(default_factory=Memory)


class Controls:
    """Who holds which temperature, and how.

    Parameters
    ----------
    scenario : Scenario
        Set-points and policies of its section ``cooling``.
    units : mapping of str to int
        Units that share the work, by the name of the loop; one where it has none.
    cdus : int
        Number of CDUs, each of which is a loop; the others are one loop.
    """

    def __init__(self, scenario: Scenario, units: Mapping[str, int], cdus: int = 1) -> None:
        self.tick_s = scenario.time.tick
        self._units = units
        self._held: dict[str, _Held] = {}
        liquid, air = scenario.cooling.liquid, scenario.cooling.air
        if liquid is not None:
            self._add("cdu", liquid.cdu.supply, liquid.cdu.control, cdus)
            if not liquid.is_to_air:
                self._add("facility_water", liquid.facility_water.supply, liquid.dry_cooler.control)
        if air is not None:
            self._add("crah", air.crah.supply, air.crah.control)
            self._add("chiller", air.chiller.supply, air.chiller.control)

    def _add(self, name: str, setpoint_k: float, policy: str, loops: int = 1) -> None:
        found: Any = find("twin.policies.setpoint", policy, "control")
        wanted_k, band_k = np.full(loops, setpoint_k), np.full(loops, design.SUPPLY_BAND_K)
        self._held[name] = _Held(found, wanted_k, band_k, self._units.get(name, 1))

    def effort_frac(self, name: str, measured_k: Array) -> Array:
        """Effort of a loop for the tick to come [1].

        Parameters
        ----------
        name : str
            ``cdu``, ``facility_water``, ``crah`` or ``chiller``.
        measured_k : array (loop)
            What its sensors show [K].
        """
        held = self._held[name]
        reading = Reading(measured_k, held.setpoint_k, held.band_k, held.units)
        effort, held.memory = held.policy(held.memory, reading, self.tick_s)
        return effort
