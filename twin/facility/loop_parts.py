"""Loops as boxes and pipes with the figures of one hour: what a diagram of cooling draws, from a plant's own parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from twin.facility.annual_plant import LIQUID, Flow
from twin.facility.plant_dry_cooler import DryCooler
from twin.facility.plant_parts import Answer, Duty, Outdoor
from twin.facility.plant_tower import TowerPlant, Weather
from twin.physics import coolant, psychrometrics
from twin.physics.constants import AIR_HEAT_CAPACITY_J_PER_KG_K, CELSIUS_ZERO_K
from twin.physics.wet_tower import WATER_J_PER_KG_K

_ROUNDS = 8


class Box(NamedTuple):
    """A machine, or several alike.

    Parameters
    ----------
    name : str
        What it is, with its number where it is known.
    lines : tuple of str
        Figures under it.
    shape : str
        A key of the diagram's icons.
    is_aside : bool
        Whether only the return passes it.
    gives, takes : tuple of str
        Streams to and from outside, for example vapour and fresh water.
    """

    name: str
    lines: tuple[str, ...]
    shape: str
    is_aside: bool = False
    gives: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


class Pipe(NamedTuple):
    """Return and supply between two boxes: what flows, temperatures [K], flow [kg/s], power of its drives [W]."""

    name: str
    warm_k: float
    cold_k: float
    flow_kg_per_s: float
    pump_w: float = 0.0


class Lane(NamedTuple):
    """A loop from what it cools to where the heat goes; ``pipes[i]`` leads to ``boxes[i]``.

    Parameters
    ----------
    sources : tuple of str
        Names of the boxes that give it heat.
    boxes : tuple of Box
    pipes : tuple of Pipe
    out_w : float
        Heat to the outside, drives and compressors included [W].
    is_air : bool
        Whether air meets the sources.
    """

    sources: tuple[str, ...]
    boxes: tuple[Box, ...]
    pipes: tuple[Pipe, ...]
    out_w: float
    is_air: bool = False


class Chain(NamedTuple):
    """Boxes of a plant behind its loop, and the pipes between them: one less than boxes."""

    boxes: list[Box]
    pipes: list[Pipe]


def lane(flow: Flow, outdoor: Outdoor, sources: tuple[str, ...], head: Box, plant_name: str = "") -> Lane:
    """A circuit of a year in one hour.

    Parameters
    ----------
    flow : Flow
        Of the hour alone, arrays of one value.
    outdoor : Outdoor
        The same.
    sources : tuple of str
        Names of what it cools.
    head : Box
        The exchanger between inner stream and facility water.
    plant_name : str
        How the units of the plant are called, with their number; by the kind of the plant where empty.

    Examples
    --------
    >>> from twin.facility import annual_plant, annual_site
    >>> one = np.ones(1)
    >>> air = Outdoor(308.15 * one, 297.15 * one, 0.0141 * one, 101325.0 * one)
    >>> flow = annual_plant.run(annual_site.design(20e6), air).flows[0]
    >>> found = lane(flow, air, ("racks",), Box("CDU", (), "exchanger"))
    >>> [box.name for box in found.boxes], [round(pipe.warm_k - 273.15, 1) for pipe in found.pipes]
    (['CDU', 'dry cooler'], [56.7, 51.9])
    """
    circuit, answer = flow.circuit, flow.answer
    frac = circuit.flow_frac(flow.heat_w)
    is_liquid = circuit.name == LIQUID
    supply_k = float(flow.supply_k[0])
    inner_j_per_kg_k = _j_per_kg_k(supply_k) if is_liquid else AIR_HEAT_CAPACITY_J_PER_KG_K
    inner = Pipe(
        "technology coolant" if is_liquid else "hall air",
        float(flow.inner_return_k[0]),
        supply_k,
        float((circuit.inner_w_per_k * frac)[0]) / inner_j_per_kg_k,
    )
    water_k = float(answer.outlet_k[0])
    water = Pipe(
        "facility water" if is_liquid else "chilled water",
        float(flow.return_k[0]),
        water_k,
        float((circuit.water_w_per_k * frac)[0]) / _j_per_kg_k(water_k, "pg25" if is_liquid else "water"),
        float(flow.pump_w[0]),
    )
    duty = Duty(flow.duty_w, circuit.water_w_per_k * frac, frac, circuit.water_set_k)
    if circuit.exchanger == "rear door":
        head = Box("rear doors", head.lines, "door")
    chain = rejection(circuit.plant, duty, answer, outdoor, plant_name)
    drive = f"{'pumps' if is_liquid else 'fans'} {power(float(flow.drive_w[0]))}"
    drives = (drive,) if circuit.drive_w > 0.0 else ("server fans",)
    lines = (power(float((flow.heat_w + flow.drive_w)[0])), *drives, *head.lines)
    boxes, pipes = [head._replace(lines=lines)], [inner, water]
    if flow.reused_w[0] > 0.0:
        boxes.append(Box("neighbour", (f"takes {power(float(flow.reused_w[0]))}",), "house", is_aside=True))
        pipes.append(water._replace(warm_k=float(duty.return_k[0]) + water_k - duty.set_k, pump_w=0.0))
    out_w = float((answer.to_air_w + answer.fan_w)[0])
    return Lane(sources, (*boxes, *chain.boxes), (*pipes, *chain.pipes), out_w, not is_liquid)


def rejection(plant: Any, duty: Duty, answer: Answer, outdoor: Outdoor, name: str = "") -> Chain:
    """Parts of a plant between its loop and outdoor air, with the figures of one hour.

    Parameters
    ----------
    plant : Plant
        Of any kind.
    duty, answer, outdoor : Duty, Answer, Outdoor
        Arrays of one value.
    name : str
        How its units are called.
    """
    return _KINDS[plant.kind](plant, duty, answer, outdoor, name)


def _dry_cooler(plant: DryCooler, duty: Duty, answer: Answer, outdoor: Outdoor, name: str) -> Chain:
    return Chain([_coil(plant, duty, answer, outdoor, outdoor.dry_bulb_k, name or "dry cooler")], [])


def _adiabatic(plant: Any, duty: Duty, answer: Answer, outdoor: Outdoor, name: str) -> Chain:
    entering_k = outdoor.dry_bulb_k
    for _ in range(_ROUNDS):  # pads cool the air, which makes more of it, which takes up less each
        air = plant.coil.dry_air_kg_per_s(answer.speed_frac, entering_k, outdoor)
        rise = answer.evaporated_kg_per_s / np.maximum(air, 1e-9)
        entering_k = _dry_at(outdoor.wet_bulb_k, outdoor.humidity_ratio + rise, outdoor)
    box = _coil(plant.coil, duty, answer, outdoor, entering_k, name or "adiabatic cooler")
    return Chain([box._replace(shape="pads", takes=_water_in(answer))], [])


def _dry_at(wet_bulb_k: np.ndarray, humidity: np.ndarray, outdoor: Outdoor) -> np.ndarray:
    """Air that pads have cooled along its wet bulb [K]: the enthalpy stays, but for the water's own."""
    held = psychrometrics.enthalpy_j_per_kg(outdoor.dry_bulb_k, outdoor.humidity_ratio)
    gained = (humidity - outdoor.humidity_ratio) * WATER_J_PER_KG_K * (wet_bulb_k - CELSIUS_ZERO_K)
    moist = psychrometrics.DRY_AIR_J_PER_KG_K + humidity * psychrometrics.VAPOUR_J_PER_KG_K
    return CELSIUS_ZERO_K + (held + gained - humidity * psychrometrics.LATENT_J_PER_KG) / moist


def _coil(
    plant: DryCooler, duty: Duty, answer: Answer, outdoor: Outdoor, entering_k: np.ndarray, name: str
) -> Box:
    air = plant.dry_air_kg_per_s(answer.speed_frac, entering_k, outdoor)
    moist = psychrometrics.DRY_AIR_J_PER_KG_K + outdoor.humidity_ratio * psychrometrics.VAPOUR_J_PER_KG_K
    leaving_k = entering_k + (answer.to_air_w + answer.fan_w) / np.maximum(air * moist, 1e-9)
    lines = (power(float(duty.heat_w[0])), _fans(answer))
    warmed = f"{celsius(float(entering_k[0]))} to {celsius(float(leaving_k[0]))}" if air[0] > 0.0 else "still"
    return Box(name, (*lines, f"air {mass_flow(float(air[0]))}", warmed), "coil")


def _tower_plant(plant: TowerPlant, duty: Duty, answer: Answer, outdoor: Outdoor, name: str) -> Chain:
    frac = plant.flow_frac(duty)
    water = plant.tower.water_w_per_k * frac
    per_k = plant.plate.per_k(duty, water, frac)
    into_k = answer.outlet_k - duty.heat_w / per_k + duty.heat_w / duty.water_w_per_k
    plates = Box("plate exchangers", (power(float(duty.heat_w[0])),), "exchanger")
    pipe = Pipe(
        "tower water",
        float((into_k + duty.heat_w / water)[0]),
        float(into_k[0]),
        float(water[0]) / WATER_J_PER_KG_K,
        float(answer.pump_w[0]),
    )
    return Chain([plates, _tower(answer, name or "cooling tower")], [pipe])


def _tower(answer: Answer, name: str) -> Box:
    lines = (power(float(answer.to_air_w[0])), _fans(answer))
    vapour = f"vapour {mass_flow(float(answer.evaporated_kg_per_s[0]))}"
    left_kg_per_s = float((answer.make_up_kg_per_s - answer.evaporated_kg_per_s)[0])
    blow_down = f"blow-down {mass_flow(left_kg_per_s)}"
    return Box(name, lines, "tower", False, (vapour, blow_down), _water_in(answer))


def _air_chiller(plant: Any, duty: Duty, answer: Answer, outdoor: Outdoor, name: str) -> Chain:
    lifted_w = float((duty.heat_w - answer.free_w)[0])
    boxes, pipes = _ahead(plant, "economiser coil", "coil", duty, answer)
    compressor_w = float(answer.compressor_w[0])
    lines = (
        power(lifted_w),
        f"compressors {power(compressor_w)}",
        _fans(answer),
        _cop(lifted_w, compressor_w),
    )
    return Chain([*boxes, Box(name or "air-cooled chiller", lines, "compressor")], pipes)


def _water_chiller(plant: Any, duty: Duty, answer: Answer, outdoor: Outdoor, name: str) -> Chain:
    lifted_w = float((duty.heat_w - answer.free_w)[0])
    boxes, pipes = _ahead(plant, "plate exchangers", "exchanger", duty, answer)
    compressor_w, towers = float(answer.compressor_w[0]), plant.towers
    water = towers.tower.water_w_per_k * towers.flow_frac(duty)
    speed = np.where(answer.speed_frac > 0.0, answer.speed_frac, 1.0)
    air = Weather.of(outdoor)
    cold_k = (
        towers.tower.outlet_k(answer.to_air_w, speed, towers.flow_frac(duty), air) + answer.pump_w / water
    )
    warm_k = cold_k + (duty.heat_w + answer.compressor_w) / water
    pipe = Pipe(
        "tower water",
        float(warm_k[0]),
        float(cold_k[0]),
        float(water[0]) / WATER_J_PER_KG_K,
        float(answer.pump_w[0]),
    )
    lines = (power(lifted_w), f"compressors {power(compressor_w)}", _cop(lifted_w, compressor_w))
    chiller = Box(name or "water-cooled chiller", lines, "compressor")
    return Chain([*boxes, chiller, _tower(answer, "cooling tower")], [*pipes, pipe])


def _radiator(plant: Any, duty: Duty, answer: Answer, outdoor: Any, name: str) -> Chain:
    heat_w = float(duty.heat_w[0])
    flux = f"{heat_w / plant.area_m2:,.0f} W/m²"
    lines = (power(heat_w), f"{plant.area_m2:,.0f} m²", flux, f"{plant.mass_kg / 1e3:,.1f} t")
    return Chain([Box(name or "radiator panels", lines, "panel")], [])


def _ahead(plant: Any, name: str, shape: str, duty: Duty, answer: Answer) -> tuple[list[Box], list[Pipe]]:
    """The economiser in the return, and the pipe from it to the compressors."""
    if plant.economiser == "none":
        return [], []
    warm_k = duty.return_k - answer.free_w / duty.water_w_per_k
    box = Box(name, (f"free {power(float(answer.free_w[0]))}",), shape, is_aside=True)
    flow = float(duty.water_w_per_k[0]) / _j_per_kg_k(duty.set_k, "water")
    return [box], [Pipe("chilled water", float(warm_k[0]), duty.set_k, flow)]


_KINDS: dict[str, Callable[[Any, Duty, Answer, Outdoor, str], Chain]] = {
    "dry-cooler": _dry_cooler,
    "adiabatic-cooler": _adiabatic,
    "tower": _tower_plant,
    "air-chiller": _air_chiller,
    "water-chiller": _water_chiller,
    "radiator": _radiator,
}


def _fans(answer: Answer) -> str:
    return f"fans {power(float(answer.fan_w[0]))}"


def _cop(lifted_w: float, compressor_w: float) -> str:
    return f"COP {lifted_w / compressor_w:.1f}" if compressor_w > 0.0 else "at rest"


def _water_in(answer: Answer) -> tuple[str, ...]:
    return (f"fresh water {mass_flow(float(answer.make_up_kg_per_s[0]))}",)


def _j_per_kg_k(temperature_k: float, name: str = "pg25") -> float:
    return float(coolant.heat_capacity_j_per_kg_k(coolant.find(name), temperature_k))


def power(power_w: float) -> str:
    """Power as people write it.

    Examples
    --------
    >>> power(1.306e6), power(48.2e3), power(12.0)
    ('1.31 MW', '48 kW', '0 kW')
    """
    if power_w >= 1e6:
        return f"{power_w / 1e6:,.2f} MW"
    return f"{power_w / 1e3:,.1f} kW" if 50.0 <= power_w < 9.95e3 else f"{power_w / 1e3:,.0f} kW"


def celsius(temperature_k: float) -> str:
    """Temperature in °C.

    Examples
    --------
    >>> celsius(318.15)
    '45.0 °C'
    """
    return f"{temperature_k - CELSIUS_ZERO_K:.1f} °C"


def mass_flow(flow_kg_per_s: float) -> str:
    """Mass flow.

    Examples
    --------
    >>> mass_flow(25.23), mass_flow(0.417)
    ('25.2 kg/s', '0.42 kg/s')
    """
    return f"{flow_kg_per_s:,.1f} kg/s" if flow_kg_per_s >= 10.0 else f"{flow_kg_per_s:,.2f} kg/s"
