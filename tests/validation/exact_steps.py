"""Thermal models of a run against their equations, written down once more and integrated by SciPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from twin.models import cdu, gpu, hall_air, water_loop
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K as AIR_J_PER_KG_K

CASES = 24
LENGTHS = "0.1 s to 1 h"
CLOSE_K = 1e-6
"""The integration is held to 1e-10 of a temperature, so nearer than this is as near as it can tell."""


class Model(NamedTuple):
    """A model, a situation drawn for it, and the derivative of its state by its equations."""

    module: Any
    draw: Callable[[np.random.Generator], tuple[Any, Any, Any]]
    rate: Callable[[Any, Any, np.ndarray], list[float]]


def worst_k(name: str) -> str:
    """Largest difference of a temperature at the end of steps of random length, as it is written in a page."""
    difference_k = max(_difference_k(MODELS[name], seed) for seed in range(CASES))
    return f"below {CLOSE_K:.0e} K" if difference_k < CLOSE_K else f"{difference_k:.1e} K"


def _difference_k(model: Model, seed: int) -> float:
    from scipy.integrate import solve_ivp

    rng = np.random.default_rng(seed)
    params, state, inputs = model.draw(rng)
    dt_s = float(np.exp(rng.uniform(np.log(0.1), np.log(3600.0))))
    end, _ = model.module.step(params, state, inputs, dt_s)
    start = np.array([float(v[0]) for v in state])
    p, i = (type(given)(*(float(v[0]) for v in given)) for given in (params, inputs))
    found = solve_ivp(
        lambda _, y: model.rate(p, i, y), (0.0, dt_s), start, method="LSODA", rtol=1e-11, atol=1e-10
    )
    return float(np.abs(found.y[:, -1] - [float(v[0]) for v in end]).max())


def _one(rng: np.random.Generator, *ranges: tuple[float, float]) -> list[np.ndarray]:
    return [rng.uniform(low, high, 1) for low, high in ranges]


WATER = (285.0, 330.0)


def _gpu(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    params = gpu.Params(
        *_one(rng, (40, 150), (100, 800), (500, 2e3), (0.01, 0.03), (0.01, 0.03), (0.03, 0.05), (3900, 4200))
    )
    return (
        params,
        gpu.State(*_one(rng, WATER, WATER, WATER)),
        gpu.Inputs(*_one(rng, (100, 1500), WATER, (0.01, 0.05))),
    )


def _gpu_rate(p: gpu.Params, i: gpu.Inputs, y: np.ndarray) -> list[float]:
    die, plate, coolant = y
    down_w = (die - plate) / p.junction_k_per_w
    film_w = (plate - coolant) / p.film_k_per_w * (i.flow_kg_per_s / p.rated_flow_kg_per_s) ** 0.8
    away_w = i.flow_kg_per_s * p.coolant_j_per_kg_k * (coolant - i.inlet_k)
    return [
        (i.power_w - down_w) / p.die_j_per_k,
        (down_w - film_w) / p.plate_j_per_k,
        (film_w - away_w) / p.coolant_j_per_k,
    ]


def _cdu(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    params = cdu.Params(
        *_one(rng, (1e6, 3e6), (1e6, 3e6), (1e5, 4e5), (20, 40), (20, 40), (3900, 4000), (3900, 4000))
    )
    return (
        params,
        cdu.State(*_one(rng, WATER, WATER)),
        cdu.Inputs(*_one(rng, (1e5, 1e6), (10, 40), (10, 40), WATER)),
    )


def _cdu_rate(p: cdu.Params, i: cdu.Inputs, y: np.ndarray) -> list[float]:
    supply, back = y
    ours = i.flow_kg_per_s * p.coolant_j_per_kg_k
    theirs = i.facility_flow_kg_per_s * p.facility_j_per_kg_k
    films = (i.flow_kg_per_s / p.rated_flow_kg_per_s) ** -0.6 / 2
    films += (i.facility_flow_kg_per_s / p.rated_facility_flow_kg_per_s) ** -0.6 / 2
    units, ratio = p.exchanger_w_per_k / films / min(ours, theirs), min(ours, theirs) / max(ours, theirs)
    fade = np.exp(-units * (1.0 - ratio))
    passed_w = min(ours, theirs) * (1.0 - fade) / (1.0 - ratio * fade) * (back - i.facility_supply_k)
    return [
        (ours * (back - supply) - passed_w) / p.supply_j_per_k,
        (ours * (supply - back) + i.heat_w) / p.return_j_per_k,
    ]


def _water_loop(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    params = water_loop.Params(*_one(rng, (2e6, 2e7), (2e6, 2e7), (3900, 4200)))
    inputs = water_loop.Inputs(*_one(rng, (1e5, 3e5), (1e5, 3e5), (5, 60)))
    return params, water_loop.State(*_one(rng, WATER, WATER)), inputs


def _water_loop_rate(p: water_loop.Params, i: water_loop.Inputs, y: np.ndarray) -> list[float]:
    supply, back = y
    moved_w = i.flow_kg_per_s * p.water_j_per_kg_k * (back - supply)
    return [(moved_w - i.removed_w) / p.supply_j_per_k, (i.heat_w - moved_w) / p.return_j_per_k]


def _hall_air(rng: np.random.Generator) -> tuple[Any, Any, Any]:
    params = hall_air.Params(*_one(rng, (5e5, 3e6), (5e5, 3e6), (2e7, 1e8), (1e3, 1e4)))
    inputs = hall_air.Inputs(*_one(rng, (1e4, 1e5), (1e4, 1e5), (5, 60), (5, 60)))
    return params, hall_air.State(*_one(rng, (290, 310), (290, 320), (290, 310))), inputs


def _hall_air_rate(p: hall_air.Params, i: hall_air.Inputs, y: np.ndarray) -> list[float]:
    cold, hot, walls = y
    moved_w = max(i.server_kg_per_s, i.crah_kg_per_s) * AIR_J_PER_KG_K * (hot - cold)
    to_walls_w = p.structure_w_per_k * (cold - walls)
    return [
        (moved_w - i.removed_w - to_walls_w) / p.cold_j_per_k,
        (i.heat_w - moved_w) / p.hot_j_per_k,
        to_walls_w / p.structure_j_per_k,
    ]


MODELS = {
    "gpu": Model(gpu, _gpu, _gpu_rate),
    "cdu": Model(cdu, _cdu, _cdu_rate),
    "water_loop": Model(water_loop, _water_loop, _water_loop_rate),
    "hall_air": Model(hall_air, _hall_air, _hall_air_rate),
}
