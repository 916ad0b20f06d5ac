"""Speed of load flows of a 20 MW site, as ratios to the chase timed in the same session; seconds are printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.validation.facility import power_loadflow
from twin import topology
from twin.facility import Network, n_minus_1, site_outages, solve, solve_exact
from twin.scenario import load

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "validation" / "facility" / "data" / "power_loadflow.json"
HOURS = 8_760

# limits in steps of the chase (25 ns on a busy AMD EPYC of 2026, where the figures after "for" were seen)
CHASES_PER_YEAR = 20e6  # 5 M for 0.13 s
CHASES_PER_OUTAGES = 15e6  # 3 M for 0.08 s
CHASES_PER_HALL_OUTAGES = 400e6  # 160 M for 4 s


def site(hours: int = 1) -> Network:
    """The reference site of 18.4 MW IT, its halls following days and weeks, each in its own way."""
    network = power_loadflow.network(json.loads(CASES.read_text())["cases"][0]["inputs"])
    if hours == 1:
        return network
    rng, hour = np.random.default_rng(1), np.arange(hours)
    day = 0.85 + 0.1 * np.sin(2 * np.pi * hour / 24) + 0.05 * np.sin(2 * np.pi * hour / 168)
    loads = (
        replace(load, power_va=load.power_va * day * rng.uniform(0.95, 1.0, hours)) for load in network.loads
    )
    return replace(network, loads=tuple(loads))


Timed = Callable[[Callable[[], object]], float]


def test_a_year_of_hours(chase_s: float, timed: Timed) -> None:
    network = site(HOURS)
    solve(site())
    took_s = min(timed(lambda: solve(network)) for _ in range(3))
    print(
        f"a year: {took_s:.3f} s, {HOURS / took_s:,.0f} load flows a CPU second, {took_s / chase_s:,.0f} chases"
    )
    assert took_s / chase_s < CHASES_PER_YEAR


@pytest.mark.parametrize("solver", [solve, solve_exact])
def test_every_outage(solver: Callable, chase_s: float, timed: Timed) -> None:
    if solver is solve_exact:
        pytest.importorskip("power_grid_model", reason="the extra 'power' is not installed")
    network = site()
    solver(network)
    took_s = timed(lambda: n_minus_1(network, solver))
    print(f"N-1 by {solver.__name__}: {took_s:.3f} s for 21 outages, {took_s / chase_s:,.0f} chases")
    assert took_s / chase_s < CHASES_PER_OUTAGES


def test_every_outage_of_a_built_hall(chase_s: float, timed: Timed) -> None:
    """15 MW: 96 racks and 108 switches, each on 13 PDUs; 3,000 cables."""
    hall = topology.build(load(ROOT / "scenarios" / "gigawatt.yaml"))
    site_outages(topology.build(load(ROOT / "scenarios" / "one-rack.yaml")))
    found = []
    took_s = timed(lambda: found.extend(site_outages(hall)))
    print(f"N-1 of a hall: {took_s:.2f} s for {len(found)} outages, {took_s / chase_s:,.0f} chases")
    assert took_s / chase_s < CHASES_PER_HALL_OUTAGES
