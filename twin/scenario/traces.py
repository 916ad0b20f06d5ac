"""Series that drive a scenario: the weather."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import ScenarioError
from twin.physics import psychrometrics
from twin.physics.constants import STANDARD_PRESSURE_PA
from twin.scenario.schema import Scenario
from twin.scenario.series_file import Kind, read_series

DRY_BULB = Kind("dry_bulb_c", 1.0, -93.15, 66.85, "an outdoor temperature in degC", offset=273.15)
HUMIDITY = Kind("relative_humidity_pct", 0.01, 0.0, 100.0, "a relative humidity in percent")


class Series(NamedTuple):
    """Outdoor temperature over the run, linear between its points.

    Parameters
    ----------
    time_s : array of float64, shape (point,)
        From the start of the run, the first being 0 [s].
    dry_bulb_k : array of float64, shape (point,)
        Dry-bulb temperature [K].
    wet_bulb_k : array of float64, shape (point,), optional
        Wet-bulb temperature [K]; empty where nothing needs it.
    """

    time_s: NDArray[np.float64]
    dry_bulb_k: NDArray[np.float64]
    wet_bulb_k: NDArray[np.float64] = np.zeros(0)

    def wet_bulb_at(self, time_s: float) -> float:
        """Wet-bulb temperature [K] at an instant [s]; not a number where it was not asked for.

        Examples
        --------
        >>> Series(np.array([0.0]), np.array([300.0]), np.array([290.0])).wet_bulb_at(60.0)
        290.0
        """
        return float(np.interp(time_s, self.time_s, self.wet_bulb_k)) if len(self.wet_bulb_k) else math.nan

    def at(self, time_s: float) -> float:
        """Temperature [K] at an instant [s]; the ends hold outside.

        Examples
        --------
        >>> Series(np.array([0.0, 3600.0]), np.array([300.0, 302.0])).at(1800.0)
        301.0
        """
        return float(np.interp(time_s, self.time_s, self.dry_bulb_k))


def weather(scenario: Scenario) -> Series:
    """Outdoor temperature from the start of the run to its end, offset applied; the wet bulb where heat leaves by it.

    Raises
    ------
    ScenarioError
        When the file is missing or broken, or does not cover the run.
    """
    sky, end_s = scenario.weather, scenario.time.duration
    if sky.dry_bulb is not None:
        wet = np.zeros(0) if sky.wet_bulb is None else np.full(2, sky.wet_bulb)
        return Series(np.array([0.0, end_s]), np.full(2, sky.dry_bulb + sky.offset), wet)
    file = scenario.source.data_file("weather.file", sky.file or "")
    start = datetime.fromisoformat(scenario.time.start)
    time_s, dry_bulb_k = read_series(file, start, DRY_BULB)
    if time_s[0] > 0 or time_s[-1] < end_s:
        fault = scenario.source.fault(
            "time.start",
            f"{start:%Y-%m-%d %H:%M} and {end_s:g} s from then",
            f"a time in {file.name}: {time_s[0]:g} s to {time_s[-1]:g} s from the start",
            "move time.start, shorten time.duration, or name another weather.file",
        )
        raise ScenarioError("the weather does not cover the run", [fault])
    inside = (time_s > 0) & (time_s < end_s)
    times = np.concatenate([[0.0], time_s[inside], [end_s]])
    dry, wet = np.interp(times, time_s, dry_bulb_k), np.zeros(0)
    if is_wet(scenario):
        wet = _wet_bulb_k(dry, np.interp(times, *read_series(file, start, HUMIDITY)), sky.offset)
    return Series(times, dry + sky.offset, wet)


def is_wet(scenario: Scenario) -> bool:
    """Whether the humidity of outdoor air matters: heat leaves by evaporation."""
    liquid = scenario.cooling.liquid
    return liquid is not None and liquid.rejection in ("adiabatic", "tower", "chiller")


def _wet_bulb_k(
    dry_bulb_k: NDArray[np.float64], humidity_frac: NDArray[np.float64], warmer_k: float
) -> NDArray[np.float64]:
    """Wet bulb of air that is warmed while it keeps its vapour [K]; at sea level."""
    vapour_pa = humidity_frac * psychrometrics.saturation_pa(dry_bulb_k)
    total = np.full_like(dry_bulb_k, STANDARD_PRESSURE_PA)
    ratio = psychrometrics.humidity_ratio(vapour_pa, total)
    most = psychrometrics.saturated_ratio(dry_bulb_k + warmer_k, total)
    return psychrometrics.wet_bulb_k(dry_bulb_k + warmer_k, np.minimum(ratio, most), total)
