"""What the battery at the grid connection did: calls met, peaks cut, energy lost, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.physics.storage import cycle_depths, cycle_wear_frac
from twin.report.grid import during_j, figures_of
from twin.report.source import Source
from twin.report.tariff import charges_of, cost_usd, tariff_figures

Floats = NDArray[np.float64]

POWER: Final = "feed.battery_w"
"""Recorded where there is such a battery."""
MADE: Final = "generator.power_w"
"""Recorded where there are generators."""


def storage_figures(file: Source) -> dict[str, float]:
    """Key figures of the battery of a site; none where it has no orders beyond outages.

    Parameters
    ----------
    file : Source
        An opened result file; what it says of power is a mean over each sample.

    Returns
    -------
    dict
        ``storage_given_j`` and ``storage_taken_j`` at its terminals; ``storage_loss_j``, what of that did not come
        back and is not stored, with what its converter drew without load; ``storage_cycles``, energy given over
        capacity; ``storage_lowest_frac``, its lowest charge; ``storage_energy_usd``, what energy taken cost less what
        energy given would have; of calls ``grid_battery_j``, given from the begin of the first ramp to the end of the
        second. Where the scenario has a demand charge ``demand_peak_without_w``, the highest demand window of the
        same load without the battery, and ``storage_demand_usd``, by how much the charge would have been higher.
        ``storage_wear_cycle_frac`` and ``storage_wear_calendar_frac``, shares of its life taken by cycles and by
        time; ``storage_wear_usd``, these of the price of its cells; ``storage_worth_usd``, the demand charge saved
        and the payment for what it gave in calls, less energy, what it lacks at the end at the mean price, and wear.
    """
    words = file.json("storage")
    if not words or POWER not in file.series_names():
        return {}
    battery_w, steps_s = _sum(file, POWER), _steps_s(file)
    site_w = _sum(file, "site.power_w")
    stored = file.series("feed.stored_frac").values.astype(float)
    capacity_j = float(words["energy_j"]) * stored.shape[1]
    given_j, taken_j = (float(steps_s @ np.maximum(sign * battery_w, 0.0)) for sign in (1.0, -1.0))
    change_j = (float(stored[-1].mean()) - words.get("keep_frac", 1.0)) * capacity_j if len(stored) else 0.0
    idle_w = float(words.get("idle_w", 0.0)) * stored.shape[1]
    found = {
        "storage_given_j": given_j,
        "storage_taken_j": taken_j,
        "storage_loss_j": taken_j - given_j - change_j + idle_w * float(steps_s.sum()),
        "storage_cycles": given_j / capacity_j,
        "storage_lowest_frac": float(stored.min()) if stored.size else float("nan"),
        "storage_energy_usd": -cost_usd(file, battery_w - idle_w),
    }
    if calls := file.json("grid_calls"):
        found["grid_battery_j"] = sum(during_j(call, _ends_s(file), battery_w) for call in calls)
    with_, without = charges_of(file, site_w), charges_of(file, site_w + battery_w - idle_w)
    if "demand_peak_w" in without:
        found["demand_peak_without_w"] = without["demand_peak_w"]
        found["storage_demand_usd"] = without["demand_charge_usd"] - with_["demand_charge_usd"]
    return found | _worth(file, words, stored, found) if "cells_usd_per_j" in words else found


def _worth(
    file: Source, words: Mapping[str, float], stored_frac: Floats, found: Mapping[str, float]
) -> dict[str, float]:
    """What the run wore off the cells, and what is left of what the battery earned."""
    full = np.full((1, stored_frac.shape[1]), words["keep_frac"])
    curve = (words["cycle_life"], words["cycle_depth_frac"], words["depth_exponent"])
    cycles = [
        cycle_wear_frac(cycle_depths(column), *curve) for column in np.concatenate([full, stored_frac]).T
    ]
    cycle, calendar = float(np.mean(cycles)), float(_steps_s(file).sum()) / words["calendar_life_s"]
    cells_usd = words["cells_usd_per_j"] * words["energy_j"] * stored_frac.shape[1]
    wear_usd = cells_usd * (cycle + calendar)
    paid = float(file.json("economics").get("demand_response_usd_per_j") or 0.0)
    now_frac = float(stored_frac[-1].mean()) if len(stored_frac) else words["keep_frac"]
    lacks_j = (words["keep_frac"] - now_frac) * words["energy_j"] * stored_frac.shape[1]
    price = tariff_figures(file)["electricity_price_usd_per_j"]
    earned_usd = found.get("storage_demand_usd", 0.0) + paid * found.get("grid_battery_j", 0.0)
    return {
        "storage_wear_cycle_frac": cycle,
        "storage_wear_calendar_frac": calendar,
        "storage_wear_usd": wear_usd,
        "storage_worth_usd": earned_usd - found["storage_energy_usd"] - lacks_j * price - wear_usd,
    }


def calls(file: Source) -> list[dict[str, float]]:
    """Each call of the grid in its order: what was asked for and given, and by what.

    Parameters
    ----------
    file : Source
        An opened result file.

    Returns
    -------
    list of dict
        ``at_s``, ``asked_w``, ``given_w``, the mean between the ramps; ``not_drawn_j`` from the begin of the first ramp
        to the end of the second, ``battery_j`` and ``generators_j`` of it from the battery and the generators of the
        site, and ``payment_usd``.
    """
    told = sorted(file.json("grid_calls"), key=lambda call: call["at_s"])
    if not told or not len(_steps_s(file)):
        return []
    site_w = _sum(file, "site.power_w")
    own_w = [
        _sum(file, name) if name in file.series_names() else np.zeros_like(site_w) for name in (POWER, MADE)
    ]
    price = float(file.json("economics").get("demand_response_usd_per_j") or 0.0)
    found = []
    for call in told:
        got = figures_of(call, _ends_s(file), site_w)
        found.append({
            "at_s": float(call["at_s"]),
            "asked_w": call["amount_frac"] * got["grid_baseline_w"],
            "given_w": got["grid_reduction_frac"] * got["grid_baseline_w"],
            "not_drawn_j": got["grid_not_drawn_j"],
            "battery_j": during_j(call, _ends_s(file), own_w[0]),
            "generators_j": during_j(call, _ends_s(file), own_w[1]),
            "payment_usd": max(got["grid_not_drawn_j"], 0.0) * price,
        })  # fmt: skip
    return found


def _sum(file: Source, name: str) -> Floats:
    found: Floats = file.series(name).values.sum(axis=1, dtype=np.float64)
    return found


def _ends_s(file: Source) -> Floats:
    return file.series("site.power_w").time_s.astype(np.float64)


def _steps_s(file: Source) -> Floats:
    found: Floats = np.diff(_ends_s(file), prepend=0.0)
    return found
