"""The loop: order at an instant, exact ticks, means and sums that do not depend on cuts."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.engine import Agenda, Context, Recorder, Ticks, run_loop
from twin.errors import PhysicalRangeError, TwinError


class Ramp:
    """A plant whose power is 10 W a tick number, and which knows every step it was asked for."""

    def __init__(self, tick_s: float) -> None:
        self.tick_s, self.now_s, self.span_s, self.energy_j, self.ticks = tick_s, 0.0, 0.0, 0.0, 0
        self.log: list[str] = []

    def step(self, dt_s: float) -> None:
        self.now_s += dt_s
        self.span_s += dt_s
        self.energy_j += 10.0 * self.ticks * dt_s

    def exchange(self) -> None:
        self.ticks += 1
        self.log.append(f"exchange {self.now_s:g}")

    def observe(self) -> dict[str, np.ndarray]:
        found = {
            "rack.power_w": np.array([self.energy_j / self.span_s]),
            "cdu.supply_k": np.array([300.0 + self.ticks]),
            "replica.output_tokens": np.array([self.energy_j]),
        }
        self.span_s = self.energy_j = 0.0
        return found


class Shelf:
    """Keeps the blocks."""

    def __init__(self) -> None:
        self.time_s: list[float] = []
        self.rows: dict[str, list[float]] = {}

    def append_series(self, time_s: np.ndarray, values: Any) -> None:
        self.time_s += time_s.tolist()
        for name, block in values.items():
            self.rows.setdefault(name, []).extend(block[:, 0].tolist())


def run(cuts: list[float], period_s: float = 2.0, end_s: float = 8.0) -> tuple[Ramp, Shelf]:
    plant, shelf, agenda = Ramp(1.0), Shelf(), Agenda()

    def noise(env: Any) -> Generator[Any, Any, None]:
        for at in sorted(cuts):
            yield env.timeout(max(0.0, at - env.now))
            plant.log.append(f"event {env.now:g}")

    agenda.env.process(noise(agenda.env))
    recorder = Recorder(plant.observe, shelf, period_s, block=3)
    run_loop(plant, agenda, Ticks(1.0), recorder, end_s)
    recorder.flush(end_s)
    return plant, shelf


@given(st.lists(st.floats(0.0, 8.0), max_size=30))
def test_events_cut_steps_and_change_nothing(cuts: list[float]) -> None:
    _, calm = run([])
    plant, cut = run(cuts)
    assert plant.ticks == 8
    assert cut.time_s == calm.time_s == [2.0, 4.0, 6.0, 8.0]
    for name, values in calm.rows.items():
        assert cut.rows[name] == pytest.approx(values, rel=1e-12), name


def test_means_points_and_sums() -> None:
    _, shelf = run([])
    assert shelf.rows["rack.power_w"] == pytest.approx([5.0, 25.0, 45.0, 65.0])
    assert shelf.rows["replica.output_tokens"] == pytest.approx([10.0, 50.0, 90.0, 130.0])
    assert shelf.rows["cdu.supply_k"] == pytest.approx([302.0, 304.0, 306.0, 308.0])


def test_exchange_comes_before_the_events_of_a_tick() -> None:
    plant, _ = run([3.0])
    assert plant.log.index("exchange 3") < plant.log.index("event 3")


def test_a_range_error_says_when() -> None:
    plant = Ramp(1.0)

    def fails(dt_s: float) -> None:
        raise PhysicalRangeError("too hot")

    plant.step = fails  # type: ignore[method-assign]
    with pytest.raises(PhysicalRangeError, match=r"at 1\.000 s: too hot"):
        run_loop(plant, Agenda(), Ticks(1.0), Recorder(plant.observe, Shelf(), 1.0), 2.0)


def test_ticks_do_not_drift() -> None:
    ticks = Ticks(0.1)
    for _ in range(100_000):
        assert ticks.due(ticks.next())
    assert ticks.next() == pytest.approx(10_000.1, abs=1e-9)


def test_a_process_writes_inputs_and_nothing_else() -> None:
    agenda = Agenda()
    pumps = np.array([1.0, 1.0])
    ctx = Context(agenda.env, {"cdu.pumps_up": pumps}, {"cdu": ("cdu-1", "cdu-2")}, lambda name: pumps, 1)
    ctx.write("cdu.pumps_up", "cdu-2", 0.0)
    assert pumps.tolist() == [1.0, 0.0]
    assert ctx.value("cdu.pumps_up", "cdu-2") == 0.0
    for name, asset in (("cdu.pumps_up", "cdu-9"), ("cdu.supply_k", "cdu-1")):
        with pytest.raises(TwinError) as caught:
            ctx.write(name, asset, 0.0)
        assert caught.value.faults[0].mend
