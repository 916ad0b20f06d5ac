"""Key figures of a year of cooling, for the whole and by month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from twin.errors import Fault
from twin.facility.annual_plant import AIR, LIQUID, AnnualError, Flow, Year
from twin.facility.plant_parts import MODES
from twin.physics.constants import CELSIUS_ZERO_K

Mask = NDArray[np.bool_]

J_PER_KWH: Final = 3.6e6
HOUR_S: Final = 3600.0
MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LEAP_H: Final = 8784
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

AIR_CLASSES: Final = {
    "recommended": (18.0, 27.0),
    "A1": (15.0, 32.0),
    "A2": (10.0, 35.0),
    "A3": (5.0, 40.0),
    "A4": (5.0, 45.0),
}
"""Air at rack inlets [°C]; ASHRAE TC 9.9, Thermal Guidelines, 5th edition (2021); humidity is not looked at."""

WATER_CLASSES: Final = {"W17": 17.0, "W27": 27.0, "W32": 32.0, "W40": 40.0, "W45": 45.0, "W+": np.inf}
"""Warmest facility water supply [°C]; ASHRAE TC 9.9 (2021)."""

OVER_K: Final = 0.01
"""Above a set-point by more than this counts as missed [K]."""


def kpis(year: Year) -> dict[str, float]:
    """Key figures of a year, the unit in every key.

    Parameters
    ----------
    year : Year
        From :func:`twin.facility.annual_plant.run`.

    Returns
    -------
    dict of str to float
        ``pue`` and its parts ``<part>_over_it``, ``wue_l_per_kwh``, ``ere`` with heat reused taken off, ``erf`` (heat
        reused over all energy), hours by mode, the largest hour, and by circuit the supplies.

    Examples
    --------
    >>> from twin.facility import annual_plant, annual_site, plant_parts
    >>> one = np.ones(8760)
    >>> air = plant_parts.Outdoor(283.15 * one, 280.0 * one, 0.005 * one, 101325.0 * one)
    >>> found = kpis(annual_plant.run(annual_site.design(20e6), air))
    >>> round(found["pue"], 3), round(found["hours"]), found["wue_l_per_kwh"]
    (1.086, 8760, 0.0)
    """
    whole = np.ones(year.it_w.shape, dtype=bool)
    found = _energies(year, whole) | _peaks(year)
    for flow in year.flows:
        found |= _circuit(year, flow)
    return found


def months(year: Year) -> list[dict[str, Any]]:
    """The figures of each month that the series touches, in the order of the calendar.

    Raises
    ------
    AnnualError
        When the series is longer than a year, so that a month would be two.
    """
    month = month_of(year)
    return [{"month": MONTHS[m], **_energies(year, month == m)} for m in range(12) if (month == m).any()]


def month_of(year: Year) -> NDArray[np.int64]:
    """Month of each instant, 0 to 11; a series that passes the end of the year goes on in January."""
    lasts_h = float(year.step_s.sum()) / HOUR_S
    if lasts_h > LEAP_H * (1.0 + 1e-9):
        found, mend = f"{lasts_h:,.0f} h", "cut the series to one year"
        fault = Fault("", 0, "weather", found, f"at most {LEAP_H:,} h", mend)
        raise AnnualError("more than a year", [fault])
    days = np.array(MONTH_DAYS)
    if lasts_h > 24.0 * days.sum() * (1.0 + 1e-9):
        days[1] = 29
    edges_s = np.cumsum(days) * 24 * HOUR_S
    middle_s = (year.begin_s + np.cumsum(year.step_s) - 0.5 * year.step_s) % edges_s[-1]
    return np.asarray(np.searchsorted(edges_s, middle_s), dtype=np.int64)


def hourly(year: Year) -> dict[str, Sequence[Any]]:
    """Columns of a table of all instants: weather, temperatures, power by part, water, mode."""
    columns: dict[str, Any] = {
        "at_s": year.begin_s + np.cumsum(year.step_s) - year.step_s,
        "dry_bulb_c": year.outdoor.dry_bulb_k - CELSIUS_ZERO_K,
        "wet_bulb_c": year.outdoor.wet_bulb_k - CELSIUS_ZERO_K,
    }
    columns |= {f"{name}_w": power_w for name, power_w in year.parts_w.items()}
    columns |= {"total_w": year.total_w, "make_up_kg_per_s": year.water_kg_per_s}
    for flow in year.flows:
        name = flow.circuit.name
        columns[f"{name}_supply_c"] = flow.supply_k - CELSIUS_ZERO_K
        columns[f"{name}_water_supply_c"] = flow.answer.outlet_k - CELSIUS_ZERO_K
        columns[f"{name}_water_return_c"] = flow.return_k - CELSIUS_ZERO_K
        columns[f"{name}_mode"] = [MODES[m] for m in flow.mode]
    return columns


def _energies(year: Year, where: Mask) -> dict[str, float]:
    lasts_s = year.step_s[where]

    def joules(power_w: Any) -> float:
        return float((np.broadcast_to(power_w, where.shape)[where] * lasts_s).sum())

    it_j, total_j = joules(year.it_w), joules(year.total_w)
    reused_j = joules(sum(flow.reused_w for flow in year.flows))
    water_kg = joules(year.water_kg_per_s)
    found = {
        "hours": float(lasts_s.sum()) / HOUR_S,
        "dry_bulb_mean_k": float(np.average(year.outdoor.dry_bulb_k[where], weights=lasts_s)),
        "it_j": it_j,
        "total_j": total_j,
        "cooling_j": joules(year.cooling_w),
        "water_kg": water_kg,
        "reused_j": reused_j,
        "pue": _ratio(total_j, it_j),
        "ere": _ratio(total_j - reused_j, it_j),
        "erf": _ratio(reused_j, total_j),
        "wue_l_per_kwh": _ratio(water_kg * J_PER_KWH, it_j),
    }
    parts = {name: joules(power_w) for name, power_w in year.parts_w.items() if name != "it"}
    found |= {f"{name}_over_it": _ratio(part_j, it_j) for name, part_j in parts.items()}
    modes = year.mode[where]
    return found | {f"{name}_h": float(lasts_s[modes == m].sum()) / HOUR_S for m, name in enumerate(MODES)}


def _peaks(year: Year) -> dict[str, float]:
    most = int(np.argmax(year.total_w))
    pue = year.total_w / np.maximum(year.it_w, 1e-9)
    loaded = year.it_w > 0.0
    return {
        "peak_w": float(year.total_w[most]),
        "peak_at_s": float(year.begin_s + year.step_s[:most].sum()),
        "peak_dry_bulb_k": float(year.outdoor.dry_bulb_k[most]),
        "cooling_peak_w": float(year.cooling_w.max()),
        "water_peak_kg_per_s": float(year.water_kg_per_s.max()),
        "pue_least": float(pue[loaded].min()) if loaded.any() else float("nan"),
        "pue_most": float(pue[loaded].max()) if loaded.any() else float("nan"),
    }


def _circuit(year: Year, flow: Flow) -> dict[str, float]:
    circuit, name, hours = flow.circuit, flow.circuit.name, year.step_s / HOUR_S
    over_k, water_c = flow.supply_k - circuit.supply_k, flow.answer.outlet_k - CELSIUS_ZERO_K
    is_wet = flow.circuit.plant.kind in ("tower", "water-chiller")
    sink_k = year.outdoor.wet_bulb_k if is_wet else year.outdoor.dry_bulb_k
    found = {
        "over_set_point_h": float(hours[over_k > OVER_K].sum()),
        "over_set_point_most_k": float(over_k.max()),
        "supply_most_k": float(flow.supply_k.max()),
        "water_supply_most_k": float(flow.answer.outlet_k.max()),
        "water_rise_mean_k": float(np.average(flow.return_k - flow.answer.outlet_k, weights=hours)),
        "approach_least_k": float((flow.answer.outlet_k - sink_k).min()),
        "approach_mean_k": float(np.average(flow.answer.outlet_k - sink_k, weights=hours)),
    }
    found |= {f"{mode}_h": float(hours[flow.mode == m].sum()) for m, mode in enumerate(MODES)}
    if name == AIR:
        air_c = flow.supply_k - CELSIUS_ZERO_K
        inside = {k: (air_c >= low - 1e-9) & (air_c <= high + 1e-9) for k, (low, high) in AIR_CLASSES.items()}
        found |= {f"{k}_h": float(hours[mask].sum()) for k, mask in inside.items()}
    if name == LIQUID:
        found |= {f"{k}_h": float(hours[water_c <= most + 1e-9].sum()) for k, most in WATER_CLASSES.items()}
    return {f"{name}_{key}": value for key, value in found.items()}


def narrowest_class(year: Year, flow: Flow) -> str:
    """ASHRAE class that holds all hours of a circuit; empty where none does.

    Parameters
    ----------
    year : Year
    flow : Flow
        Of its circuits: of air the class of rack inlets, of liquid that of facility water.
    """
    figures = _circuit(year, flow)
    classes = AIR_CLASSES if flow.circuit.name == AIR else WATER_CLASSES
    whole_h = float(year.step_s.sum()) / HOUR_S
    return next((k for k in classes if figures[f"{flow.circuit.name}_{k}_h"] >= whole_h - 1e-6), "")


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0.0 else float("nan")
