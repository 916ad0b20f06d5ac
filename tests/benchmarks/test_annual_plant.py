"""Speed of a year of a 20 MW plant, as ratios to the chase timed in the same session; seconds are printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from twin.facility.annual_kpis import kpis
from twin.facility.annual_plant import run
from twin.facility.annual_site import Choice, design
from twin.facility.plant_parts import Outdoor
from twin.facility.plant_sizing import KINDS
from twin.scenario.weather_year import read_year

WEATHER = Path(__file__).parents[1] / "validation" / "facility" / "data" / "weather"
SITE_W = 20e6

# limit in steps of the chase (25 ns on a busy AMD EPYC of 2026); the dearest kind took 27 M, 0.44 s
CHASES_PER_YEAR = 80e6

Timed = Callable[[Callable[[], object]], float]


@pytest.mark.parametrize("kind", KINDS)
def test_a_year_of_both_circuits(kind: str, chase_s: float, timed: Timed) -> None:
    outdoor = Outdoor.of(read_year(next(WEATHER.glob("*Chicago*"))))
    economiser = "partial" if kind.endswith("chiller") else None
    site = design(SITE_W, 0.6, choice=Choice(kind, economiser, kind, economiser))
    took_s = min(timed(lambda: kpis(run(site, outdoor))) for _ in range(3))
    print(f"{kind}: {took_s:.3f} s a year of two circuits, {took_s / chase_s:,.0f} chases")
    assert took_s / chase_s < CHASES_PER_YEAR
