"""What a tick of the coupled plant costs, as a ratio to the chase timed in the same session; seconds are printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import twin
from twin import plant as plants
from twin import simulate
from twin.engine import Agenda, Recorder, Ticks, run_loop

TICKS = 600
# 52,000 to 62,000 steps of the chase were seen (16 ns each on an AMD EPYC of 2026); 1,000 times real time are 63,000
CHASES_PER_TICK = 90_000


class Nowhere:
    """Keeps nothing: the plant is timed, not the disk."""

    def append_series(self, time_s: object, values: object) -> None:
        """Forget a block."""


def test_a_hall_of_96_racks(
    scenarios: Path, chase_s: float, timed: Callable[[Callable[[], object]], float]
) -> None:
    """Liquid and air cooling, power chain, 6,912 GPUs, 864 replicas under a light load, ticks of a second."""
    wanted = {"hall.count": 1, "time.tick": "1 s", "time.duration": "1 h", "workload.copies": 20}
    ready = simulate.prepare(twin.load(scenarios / "gigawatt.yaml", set=wanted))
    blueprint = plants.lower(ready.graph, ready.scenario)

    def begun() -> Callable[[], None]:
        plant = plants.start_plant(blueprint, ready.scenario, ready.requests, ready.weather)
        recorder = Recorder(plant.sample, Nowhere(), ready.scenario.time.sample)
        return lambda: run_loop(plant, Agenda(), Ticks(1.0), recorder, float(TICKS))

    begun()()  # compiles
    took_s = min(timed(begun()) for _ in range(5)) / TICKS
    print(
        f"a tick of 96 racks: {took_s * 1e3:.2f} ms, {1 / took_s:,.0f} times real time, {took_s / chase_s:,.0f} chases"
    )
    assert took_s / chase_s < CHASES_PER_TICK
