"""Control loops of the cooling: the policy of each, with what it remembers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from twin.plant import constants as design
from twin.plant.node import Array
from twin.policies.setpoint import Control, Memory, Reading
from twin.registry import find
from twin.scenario import Scenario

BAND_K = np.array([design.SUPPLY_BAND_K])


class Controls:
    """Who holds which temperature, and how.

    Parameters
    ----------
    scenario : Scenario
        Set-points and policies of its section ``cooling``.
    units : mapping of str to int
        Units that share the work, by the name of the loop; one where it has none.
    """

    def __init__(self, scenario: Scenario, units: Mapping[str, int]) -> None:
        self.tick_s = scenario.time.tick
        self.units = units
        self.setpoint_k: dict[str, Array] = {}
        self._policy: dict[str, Control] = {}
        self._memory: dict[str, Memory] = {}
        liquid, air = scenario.cooling.liquid, scenario.cooling.air
        if liquid is not None:
            self._add("cdu", liquid.cdu.supply, liquid.cdu.control)
            if not liquid.is_to_air:
                self._add("facility_water", liquid.facility_water.supply, liquid.dry_cooler.control)
        if air is not None:
            self._add("crah", air.crah.supply, air.crah.control)
            self._add("chiller", air.chiller.supply, air.chiller.control)

    def _add(self, name: str, setpoint_k: float, policy: str) -> None:
        found: Any = find("twin.policies.setpoint", policy, "control")
        self.setpoint_k[name] = np.array([setpoint_k])
        self._policy[name], self._memory[name] = found, Memory()

    def effort_frac(self, name: str, measured_k: Array) -> Array:
        """Effort of a loop for the tick to come [1].

        Parameters
        ----------
        name : str
            ``cdu``, ``facility_water``, ``crah`` or ``chiller``.
        measured_k : array (loop)
            What its sensors show [K].
        """
        reading = Reading(measured_k, self.setpoint_k[name], BAND_K, self.units.get(name, 1))
        effort, self._memory[name] = self._policy[name](self._memory[name], reading, self.tick_s)
        return effort
