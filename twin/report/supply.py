"""What became of the supply of a run: who carried it, how near the batteries came to their end, what tripped."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from twin.report.grid import during_j
from twin.report.source import Source

Floats = NDArray[np.float64]

SHOWN: Final = (
    "feed",
    "ring",
    "transformer",
    "ups",
    "pdu",
    "generator",
    "rack",
    "facility_water",
    "dry_cooler",
    "crah",
    "chiller",
)
"""Kinds of assets whose events tell the story of a supply."""
DARK: Final = "rack.dark_s"
"""Recorded wherever a supply was played out."""
TRIPS: Final = "trips on overload"
LEFT: Final = "leaves the grid"
BREACH: Final = "too early for the grid code"
ROUNDING: Final = 1e-4
"""Share by which a series of single precision may pass a limit [1]."""


def supply_figures(file: Source) -> dict[str, float]:
    """Key figures of a supply that was played out; none of another run.

    Parameters
    ----------
    file : Source
        An opened result file.

    Returns
    -------
    dict
        ``energy_battery_j`` and ``energy_generator_j``, what batteries and generators gave; ``generator_run_s`` of all
        together; ``fuel_j``, the heat of their fuel, with ``fuel_co2_kg`` and, where the scenario has its price,
        ``fuel_usd``; ``grid_generator_j``, given in calls of the grid;
        ``battery_lowest_frac`` and ``autonomy_lowest_s``, the lowest charge of a battery and the shortest time that
        one would have lasted, as samples saw them; ``supply_trips``; ``grid_left`` and ``grid_left_early``, how often
        the racks left a sagging grid and how often of that too early for the grid code; where the grid allows a ramp
        ``ramp_highest_frac``, the fastest change between samples over it, and ``ramp_above_s``, time above;
        ``rack_dark_s`` of all racks together; ``voltage_lowest_pu`` at a transformer with supply, and
        ``load_highest_frac`` of an element.
    """
    recorded = file.series_names()
    if DARK not in recorded:
        return {}
    found = {"rack_dark_s": float(_values(file, DARK).sum())}
    given_j = [_energy_j(file, name) for name in ("ups.battery_w", "feed.battery_w") if name in recorded]
    if given_j:
        found["energy_battery_j"] = sum(given_j)
        kinds = [kind for kind in ("ups", "feed") if f"{kind}.stored_frac" in recorded]
        found["battery_lowest_frac"] = min(
            float(_values(file, f"{kind}.stored_frac").min()) for kind in kinds
        )
        found["autonomy_lowest_s"] = min(float(np.nanmin(_values(file, f"{k}.autonomy_s"))) for k in kinds)
    if "generator.power_w" in recorded:
        found |= _generators(file)
    volts = _values(file, "transformer.voltage_pu")
    found["voltage_lowest_pu"] = float(volts[volts > 0.0].min()) if (volts > 0.0).any() else float("nan")
    loads = [
        kind for kind in ("feed", "ring", "transformer", "ups", "pdu") if f"{kind}.load_frac" in recorded
    ]
    found["load_highest_frac"] = max(float(_values(file, f"{kind}.load_frac").max()) for kind in loads)
    told = [str(what) for what in file.events()["what"]]
    for key, words in (("supply_trips", TRIPS), ("grid_left", LEFT), ("grid_left_early", BREACH)):
        found[key] = float(sum(words in what for what in told))
    if (ramp := float(file.json("grid_limits").get("ramp_w_per_s", 0.0))) > 0.0:
        found |= _ramps(file, ramp)
    return found


def _generators(file: Source) -> dict[str, float]:
    """What generators gave, how long they ran, and what their fuel emits and costs."""
    words, fuel_j = file.json("standby"), _energy_j(file, "generator.fuel_w")
    found = {
        "energy_generator_j": _energy_j(file, "generator.power_w"),
        "fuel_j": fuel_j,
        "fuel_co2_kg": fuel_j * words.get("carbon_kg_per_j", np.nan),
    }
    if "generator.run_s" in file.series_names():
        found["generator_run_s"] = float(_values(file, "generator.run_s").sum())
    if (price := words.get("fuel_usd_per_j")) is not None:
        found["fuel_usd"] = fuel_j * price
    if words.get("answers_calls") and (calls := file.json("grid_calls")):
        series = file.series("generator.power_w")
        time_s, power_w = series.time_s.astype(np.float64), series.values.sum(axis=1, dtype=np.float64)
        found["grid_generator_j"] = sum(during_j(call, time_s, power_w) for call in calls)
    return found


def _ramps(file: Source, limit_w_per_s: float) -> dict[str, float]:
    """How fast the power drawn changed from sample to sample, over what the grid allows."""
    series = file.series("site.power_w")
    power_w, time_s = series.values.sum(axis=1, dtype=np.float64), series.time_s.astype(np.float64)
    share = np.abs(np.diff(power_w)) / np.diff(time_s) / limit_w_per_s
    above_s = float(np.diff(time_s) @ (share > 1.0 + ROUNDING))
    return {"ramp_highest_frac": float(share.max(initial=0.0)), "ramp_above_s": above_s}


def own_energy_j(file: Source) -> float:
    """Energy from generators and batteries, less what batteries took [J]; 0 where no supply was played out."""
    names = {"ups.battery_w", "feed.battery_w", "generator.power_w"} & set(file.series_names())
    return sum(
        float(np.diff(file.series(name).time_s, prepend=0.0) @ _values(file, name).sum(axis=1))
        for name in names
    )


def story(file: Source) -> list[tuple[float, str, str, str]]:
    """Instants [s], assets, what happened and why, of a supply that was played out; replicas are counted together.

    Parameters
    ----------
    file : Source
        An opened result file.
    """
    if DARK not in file.series_names():
        return []
    columns = file.events()
    found: list[tuple[float, str, str, str]] = []
    fates: dict[tuple[float, str, str], int] = {}
    for at_s, kind, asset, what, cause in zip(
        *(columns[name] for name in ("time_s", "kind", "asset", "what", "cause")), strict=True
    ):
        if kind == "replica":
            key = (float(at_s), str(what), str(cause))
            fates[key] = fates.get(key, 0) + 1
        elif kind in SHOWN:
            found.append((float(at_s), str(asset), str(what), str(cause)))
    found += [
        (at_s, f"{count} replicas", _plural(what), cause) for (at_s, what, cause), count in fates.items()
    ]
    return sorted(found, key=lambda row: row[0])


def _plural(what: str) -> str:
    return what.replace("replica dies", "die").replace("replica starts", "start")


def _values(file: Source, name: str) -> Floats:
    return file.series(name).values.astype(np.float64)


def _energy_j(file: Source, name: str) -> float:
    """What assets of a kind gave; what they took is left out."""
    lengths_s = np.diff(file.series(name).time_s, prepend=0.0)
    return float(lengths_s @ np.maximum(_values(file, name), 0.0).sum(axis=1))
