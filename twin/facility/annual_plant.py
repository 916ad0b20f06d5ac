"""A site's cooling over a year: loops between racks and outdoor air, every hour at rest.

A loop has an inner stream that meets the racks (technology coolant, or air), an exchanger (a CDU, or a CRAH's coil),
facility water, and a plant. Both streams follow the heat down to a least flow, their drives by the cube; all drive
power ends as heat in its stream. Inner supply is the set-point, or what the water allows if that is warmer:
``T_water + Q (1/K - 1/C_inner)``, K the exchanger's heat per kelvin between the inlets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, ScenarioError
from twin.facility.annual_electrical import Chain
from twin.facility.plant_parts import Answer, Array, Duty, Outdoor, Plant
from twin.physics.constants import COIL_AIR_RESISTANCE_FRAC
from twin.physics.fan_pump import drive_power_w
from twin.physics.heat_exchanger import counterflow_w_per_k, crossflow_w_per_k, film_w_per_k
from twin.plant.constants import LEAST_PUMP_SPEED_FRAC

HOUR_S = 3600.0
AIR, LIQUID = "air", "liquid"
LOSSLESS = Chain()


class AnnualError(ScenarioError):
    """A year that cannot be reckoned: a load beyond the plant, series of different lengths."""


@dataclass(frozen=True)
class Circuit:
    """A loop from racks to outdoor air; figures are those of all its units at design.

    Parameters
    ----------
    name : str
        ``liquid`` or ``air``.
    capacity_w : float
        Heat of the racks at full flow [W].
    inner_w_per_k, water_w_per_k : float
        Capacity flows of the inner stream and of facility water [W/K].
    ua_w_per_k : float
        Of the exchanger between them [W/K]; counterflow in a CDU, crossflow in a coil.
    supply_k, water_set_k : float
        Set-points of the inner supply and of facility water [K].
    drive_w, pump_w : float
        Pumps or fans of the inner stream, and facility pumps [W].
    plant : Plant
        From :func:`twin.facility.plant_sizing.build`.
    least_flow_frac : float
        Least flow of both streams [1]; 1 is constant flow.
    exchanger : str
        What meets the racks: ``cdu``, ``crah`` or ``rear door``.
    """

    name: str
    capacity_w: float
    inner_w_per_k: float
    water_w_per_k: float
    ua_w_per_k: float
    supply_k: float
    water_set_k: float
    drive_w: float
    pump_w: float
    plant: Plant
    least_flow_frac: float = LEAST_PUMP_SPEED_FRAC
    exchanger: str = ""

    def drives_w(self, heat_w: Array) -> Array:
        """Power of the inner stream's pumps or fans [W]."""
        return drive_power_w(np.asarray(self.drive_w), self.flow_frac(heat_w))

    def pumps_w(self, heat_w: Array) -> Array:
        """Power of the facility pumps [W]."""
        return drive_power_w(np.asarray(self.pump_w), self.flow_frac(heat_w))

    def flow_frac(self, heat_w: Array) -> Array:
        """Flow over design flow of both streams [1]."""
        return np.maximum(heat_w / self.capacity_w, self.least_flow_frac)

    def run(self, heat_w: Array, outdoor: Outdoor, reuse_w: float = 0.0, reuse_k: float = 0.0) -> Flow:
        """Carry the heat of racks and hall outdoors.

        Parameters
        ----------
        heat_w : array (hour)
            Heat that enters the inner stream, without its drives [W].
        outdoor : Outdoor
        reuse_w, reuse_k : float
            Heat that a neighbour takes from the return water where it is this warm or warmer [W, K].
        """
        frac = self.flow_frac(heat_w)
        drive_w, pump_w = self.drives_w(heat_w), self.pumps_w(heat_w)
        water, inner = self.water_w_per_k * frac, self.inner_w_per_k * frac
        passed_w = heat_w + drive_w
        into_w = passed_w + pump_w
        is_warm = self.water_set_k + into_w / water >= reuse_k
        reused_w = np.minimum(reuse_w, into_w) * is_warm
        answer = self.plant.run(Duty(into_w - reused_w, water, frac, self.water_set_k), outdoor)
        approach_k = passed_w * (1.0 / self._per_k(inner, water, frac) - 1.0 / inner)
        supply_k = np.maximum(self.supply_k, answer.outlet_k + approach_k)
        return_k = answer.outlet_k + into_w / water
        return Flow(
            self, heat_w, drive_w, pump_w, reused_w, supply_k, supply_k + passed_w / inner, return_k, answer
        )

    def _per_k(self, inner: Array, water: Array, frac: Array) -> Array:
        if self.name == LIQUID:
            return counterflow_w_per_k(film_w_per_k(np.asarray(self.ua_w_per_k), frac, frac), inner, water)
        ua = film_w_per_k(np.asarray(self.ua_w_per_k), frac, frac, COIL_AIR_RESISTANCE_FRAC)
        return crossflow_w_per_k(ua, inner, water)


@dataclass(frozen=True)
class Flow:
    """A loop hour by hour, arrays (hour): heat and power [W], temperatures [K].

    Parameters
    ----------
    circuit : Circuit
    heat_w, drive_w, pump_w, reused_w : array (hour)
        Heat of racks and hall, inner drives, facility pumps, heat for a neighbour [W].
    supply_k, inner_return_k, return_k : array (hour)
        Inner supply and return, facility water that returns [K].
    answer : Answer
        Of the plant; its outlet is the facility water supply.
    """

    circuit: Circuit
    heat_w: Array
    drive_w: Array
    pump_w: Array
    reused_w: Array
    supply_k: Array
    inner_return_k: Array
    return_k: Array
    answer: Answer

    @property
    def duty_w(self) -> Array:
        """Heat that the plant takes [W]."""
        return self.heat_w + self.drive_w + self.pump_w - self.reused_w

    @property
    def mode(self) -> NDArray[np.int64]:
        """How each hour is cooled."""
        return self.answer.mode(self.duty_w)


@dataclass(frozen=True)
class Site:
    """What a year needs to know of a site.

    Parameters
    ----------
    it_w : float
        IT power at design [W].
    liquid_frac : float
        Share of IT heat that goes to liquid [1].
    circuits : tuple of Circuit
        ``liquid``, ``air``, or both; the whole heat goes to the only one.
    chain : Chain
        Electrical losses.
    reuse_w, reuse_k : float
        Heat that a neighbour takes from the first circuit's return water where it is this warm [W, K].
    """

    it_w: float
    liquid_frac: float
    circuits: tuple[Circuit, ...]
    chain: Chain = LOSSLESS
    reuse_w: float = 0.0
    reuse_k: float = 0.0

    def heats_w(self, it_w: Array) -> dict[str, Array]:
        """Heat that enters each circuit [W]: IT by its split, losses in the hall to air."""
        names = [circuit.name for circuit in self.circuits]
        if AIR not in names:
            return {LIQUID: it_w}
        share = self.liquid_frac if LIQUID in names else 0.0
        found = {LIQUID: share * it_w} if LIQUID in names else {}
        backed_w = it_w + self._technology_w(found)
        return found | {AIR: (1.0 - share) * it_w + self.chain.hall_loss_w(backed_w)}

    def backed_w(self, it_w: Array) -> Array:
        """IT and technology pumps, which hang on the UPS [W]."""
        return it_w + self._technology_w(self.heats_w(it_w))

    def _technology_w(self, heats_w: dict[str, Array]) -> Array | float:
        liquid = next((c for c in self.circuits if c.name == LIQUID), None)
        return 0.0 if liquid is None else liquid.drives_w(heats_w[LIQUID])


@dataclass(frozen=True)
class Year:
    """A site hour by hour; arrays (hour).

    Parameters
    ----------
    site : Site
    outdoor : Outdoor
    it_w : array (hour)
        IT power [W].
    step_s : array (hour)
        How long each lasts [s].
    begin_s : float
        From the start of the year to the first [s].
    flows : tuple of Flow
        Of the site's circuits.
    """

    site: Site
    outdoor: Outdoor
    it_w: Array
    step_s: Array
    begin_s: float
    flows: tuple[Flow, ...]

    @cached_property
    def parts_w(self) -> dict[str, Array]:
        """Power by part [W]: IT, what cools, losses; together what the site draws."""
        found = {"it": self.it_w}
        for flow in self.flows:
            inner = "technology_pumps" if flow.circuit.name == LIQUID else "air_handlers"
            for name, power_w in (
                (inner, flow.drive_w),
                ("water_pumps", flow.pump_w + flow.answer.pump_w),
                ("outdoor_fans", flow.answer.fan_w),
                ("compressors", flow.answer.compressor_w),
            ):
                found[name] = found.get(name, 0.0) + power_w
        backed_w = self.site.backed_w(self.it_w)
        cooling_w = sum(power_w for name, power_w in found.items() if name != "it")
        mechanical_w = self.it_w + cooling_w - backed_w
        return found | self.site.chain.losses_w(backed_w, mechanical_w)

    @property
    def total_w(self) -> Array:
        """What the site draws from the grid [W]."""
        return np.asarray(sum(self.parts_w.values()))

    @property
    def cooling_w(self) -> Array:
        """All that cools [W]."""
        lost = {bank.name for stage in self.site.chain for bank in stage}
        return np.asarray(sum(w for name, w in self.parts_w.items() if name != "it" and name not in lost))

    @property
    def water_kg_per_s(self) -> Array:
        """Fresh water [kg/s]."""
        return np.asarray(sum(flow.answer.make_up_kg_per_s for flow in self.flows))

    @property
    def mode(self) -> NDArray[np.int64]:
        """How each hour is cooled: free if all circuits are, mechanical if all are, else partial."""
        modes = np.stack([flow.mode for flow in self.flows])
        same = modes.max(axis=0) == modes.min(axis=0)
        return np.where(same, modes[0], 1)


def run(
    site: Site,
    outdoor: Outdoor,
    it_w: ArrayLike | None = None,
    step_s: ArrayLike = HOUR_S,
    begin_s: float = 0.0,
) -> Year:
    """Reckon a year, or any series of instants.

    Parameters
    ----------
    site : Site
    outdoor : Outdoor
        Air, arrays (hour).
    it_w : float or array (hour)
        IT power [W], zero to that of the design; the design's where left out.
    step_s : float or array (hour)
        How long each instant lasts [s].
    begin_s : float
        From the start of the year to the first [s].

    Raises
    ------
    AnnualError
        When a series has another length, or a load is beyond what a circuit is sized for.

    Examples
    --------
    >>> from twin.facility.annual_site import design
    >>> one = np.ones(2)
    >>> air = Outdoor(np.array([283.15, 308.15]), 282.0 * one, 0.006 * one, 101325.0 * one)
    >>> year = run(design(20e6), air)
    >>> (year.total_w / year.it_w).round(3)
    array([1.086, 1.132])
    """
    hours = outdoor.dry_bulb_k.size
    load_w, lasts_s = (np.asarray(v, dtype=float) for v in (site.it_w if it_w is None else it_w, step_s))
    _check_lengths(hours, (("it_w", load_w), ("step_s", lasts_s)))
    load_w, lasts_s = (np.broadcast_to(v, (hours,)).copy() for v in (load_w, lasts_s))
    heats_w = site.heats_w(load_w)
    _check_loads(site, load_w, heats_w)
    flows = []
    for i, circuit in enumerate(site.circuits):
        reuse = (site.reuse_w, site.reuse_k) if i == 0 else (0.0, 0.0)
        flows.append(circuit.run(heats_w[circuit.name], outdoor, *reuse))
    return Year(site, outdoor, load_w, lasts_s, begin_s, tuple(flows))


def _check_lengths(hours: int, series: Sequence[tuple[str, Array]]) -> None:
    faults = [
        Fault(
            "",
            0,
            name,
            f"{values.size} values",
            f"one, or {hours} as the weather",
            "give one for each instant",
        )
        for name, values in series
        if values.ndim > 1 or values.size not in (1, hours)
    ]
    if faults:
        raise AnnualError("a series that does not go with the weather", faults)


def _check_loads(site: Site, it_w: Array, heats_w: dict[str, Array]) -> None:
    faults = []
    if not np.all(np.isfinite(it_w)) or it_w.size == 0 or it_w.min() < 0.0:
        faults.append(
            Fault("", 0, "it_w", "no power, or one below zero", "zero or more [W]", "mend the series")
        )
    for circuit in site.circuits:
        most_w, plant_w = float(heats_w[circuit.name].max(initial=0.0)), circuit.plant.capacity_w
        full_w = most_w + float(circuit.drives_w(np.array(most_w)) + circuit.pumps_w(np.array(most_w)))
        for what, found_w, holds_w in (("units", most_w, circuit.capacity_w), ("plant", full_w, plant_w)):
            if found_w > holds_w * (1.0 + 1e-9):
                found = f"{found_w / 1e6:,.3f} MW of heat for the {what}"
                expected = f"at most {holds_w / 1e6:,.3f} MW"
                faults.append(
                    Fault("", 0, f"cooling.{circuit.name}", found, expected, "add units, or lower the load")
                )
    if faults:
        raise AnnualError("more heat than the cooling is sized for", faults)
