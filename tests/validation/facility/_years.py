"""Weather years by the names that the cases use."""

from __future__ import annotations

from pathlib import Path

from twin.errors import Fault, ScenarioError
from twin.scenario.weather_year import WeatherYear, read_year

_HELD = Path(__file__).parent / "data" / "weather"


def year(name: str, folder: Path) -> WeatherYear:
    """Air of the year with this name: the EPW itself, or its excerpt, beside the cases or among ours."""
    stem = name.removesuffix(".epw")
    places = [folder / name, folder / "weather" / name]
    for home in (folder, folder / "weather", folder / "data" / "weather", _HELD):
        places += [home / f"{stem}.csv.gz", home / f"{stem}.csv"]
    for file in places:
        if file.is_file():
            return read_year(file)
    fault = Fault("", 0, "epw", name, "a file beside the cases or in weather/", "put the file there")
    raise ScenarioError("no such weather year", [fault])
