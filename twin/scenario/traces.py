"""Series that drive a scenario: the weather."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.errors import ScenarioError
from twin.scenario.schema import Scenario
from twin.scenario.series_file import Kind, read_series

DRY_BULB = Kind("dry_bulb_c", 1.0, -93.15, 66.85, "an outdoor temperature in degC", offset=273.15)


class Series(NamedTuple):
    """Outdoor temperature over the run, linear between its points.

    Parameters
    ----------
    time_s : array of float64, shape (point,)
        From the start of the run, the first being 0 [s].
    dry_bulb_k : array of float64, shape (point,)
        Dry-bulb temperature [K].
    """

    time_s: NDArray[np.float64]
    dry_bulb_k: NDArray[np.float64]

    def at(self, time_s: float) -> float:
        """Temperature [K] at an instant [s]; the ends hold outside.

        Examples
        --------
        >>> Series(np.array([0.0, 3600.0]), np.array([300.0, 302.0])).at(1800.0)
        301.0
        """
        return float(np.interp(time_s, self.time_s, self.dry_bulb_k))


def weather(scenario: Scenario) -> Series:
    """Outdoor temperature from the start of the run to its end, offset applied.

    Raises
    ------
    ScenarioError
        When the file is missing or broken, or does not cover the run.
    """
    sky, end_s = scenario.weather, scenario.time.duration
    if sky.dry_bulb is not None:
        return Series(np.array([0.0, end_s]), np.full(2, sky.dry_bulb + sky.offset))
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
    return Series(times, np.interp(times, time_s, dry_bulb_k) + sky.offset)
