"""The controller of a grid call, on a site that is a few lines long."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import simpy

from twin.engine import Context
from twin.processes.grid_call import course_frac, occur

POOLS = ("chat", "batch")
DRAWN_W = np.array([40e3, 60e3])


class Site:
    """Two pools and a constant rest; what pools draw shows at the meter three seconds after caps and pauses."""

    def __init__(self, rest_w: float = 50e3, wave: Callable[[float], float] = lambda now_s: 1.0) -> None:
        self.env = simpy.Environment()
        self.inputs = {"pool.cap_w": np.full(2, np.inf), "pool.pause_frac": np.zeros(2)}
        self.rest_w, self.wave, self.drawn_j, self.pool_w = rest_w, wave, 0.0, DRAWN_W.copy()
        self.asked, self.power_w = self.measures(), []
        self.ctx = Context(self.env, self.inputs, {"pool": POOLS, "site": ("site",)}, self.read, 1)
        self.env.process(self.tick())

    def measures(self) -> tuple[np.ndarray, np.ndarray]:
        return self.inputs["pool.cap_w"].copy(), self.inputs["pool.pause_frac"].copy()

    def read(self, name: str) -> np.ndarray:
        return np.array([self.drawn_j]) if name == "so_far.grid_j" else self.pool_w.copy()

    def tick(self):
        while True:
            yield self.env.timeout(1.0)
            self.drawn_j += (power := self.rest_w + self.pool_w.sum())
            self.power_w.append(power)
            (cap_w, pause_frac), self.asked = self.asked, self.measures()
            busy_w = np.clip(cap_w, 0.45 * DRAWN_W, DRAWN_W * self.wave(self.env.now))
            self.pool_w = busy_w * (1.0 - pause_frac) + 0.2 * DRAWN_W * pause_frac


def run(site: Site, until_s: float = 600.0, **changes: object) -> np.ndarray:
    call = {"at": 100.0, "window": 50.0, "notice": 20.0, "ramp": 30.0, "duration": 200.0, "interval": None,
            "amount": 0.25, "first": ["batch"]} | changes  # fmt: skip
    site.env.process(occur(site.ctx, SimpleNamespace(**call), "call"))
    site.env.run(until_s)
    return np.array(site.power_w) / 150e3


@pytest.mark.parametrize("amount", [0.05, 0.25, 0.4])
def test_it_holds_what_was_asked_for_and_lets_go(amount: float) -> None:
    site = Site()
    power = run(site, amount=amount)
    assert np.allclose(power[:120], 1.0)
    assert np.allclose(power[165:350], 1.0 - amount, atol=1e-3)
    assert np.allclose(power[400:], 1.0)
    assert np.isinf(site.inputs["pool.cap_w"]).all()
    assert not site.inputs["pool.pause_frac"].any()
    assert [e.what.split()[0] for e in site.ctx.events] == ["grid", "at", "caps"]


def test_a_step_swings_by_little() -> None:
    power = run(Site(), ramp=0.0, amount=0.3)
    assert power[123:].min() > 0.65
    assert power[126:320].max() < 0.75
    assert np.allclose(power[150:315], 0.7, atol=2e-3)
    assert np.allclose(power[340:], 1.0)


def test_the_pools_named_are_held_back_first() -> None:
    site = Site()
    run(site, until_s=250.0, amount=0.2)
    assert np.isinf(site.inputs["pool.cap_w"][0])
    assert site.inputs["pool.cap_w"][1] < DRAWN_W[1]


def test_more_than_there_is_takes_all_and_comes_back() -> None:
    site = Site()
    power = run(site, amount=0.9)
    assert power[200:350].min() == pytest.approx((50.0 + 20.0) / 150.0, rel=1e-3)
    assert np.allclose(power[-50:], 1.0)


def test_less_load_than_the_limit_winds_nothing_up() -> None:
    """Where the load falls by itself the caps go, and they are back soon after it has risen."""
    site = Site(wave=lambda now_s: 0.5 if 180.0 < now_s < 280.0 else 1.0)
    power = run(site, amount=0.2)
    assert np.allclose(power[190:275], (50.0 + 50.0) / 150.0, atol=1e-3)
    assert power[300:350].max() < 0.81


def test_the_course_is_continuous() -> None:
    found = [course_frac(t, 20.0, 100.0) for t in np.arange(0.0, 160.0)]
    assert max(abs(np.diff(found))) == pytest.approx(1.0 / 20.0)
    assert course_frac(0.0, 0.0, 10.0) == 1.0
    assert course_frac(10.1, 0.0, 10.0) == -np.inf
