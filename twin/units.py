"""Values with units at the edge; SI base units inside.

A closed list of units, because a closed list can name the nearest one and refuse the rest.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from twin.errors import Fault, UnitError


@dataclass(frozen=True)
class Unit:
    """A unit that people write: ``si = value * scale + offset`` in the base unit of its dimension."""

    name: str
    dimension: str
    scale: float
    offset: float = 0.0


# dimension -> (base unit, suffix of names inside, {unit: scale or (scale, offset)})
_TABLE: dict[str, tuple[str, str, dict[str, float | tuple[float, float]]]] = {
    "time": (
        "s",
        "_s",
        {
            "ns": 1e-9,
            "us": 1e-6,
            "ms": 1e-3,
            "s": 1.0,
            "min": 60.0,
            "h": 3600.0,
            "d": 86400.0,
            "day": 86400.0,
            "days": 86400.0,
            "week": 604800.0,
            "weeks": 604800.0,
            "year": 31557600.0,
            "years": 31557600.0,
        },
    ),
    "length": (
        "m",
        "_m",
        {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3, "ft": 0.3048, "in": 0.0254, "U": 0.04445},
    ),
    "area": ("m2", "_m2", {"m2": 1.0, "ft2": 0.09290304}),
    "volume": ("m3", "_m3", {"m3": 1.0, "L": 1e-3}),
    "mass": ("kg", "_kg", {"g": 1e-3, "kg": 1.0, "t": 1e3, "lb": 0.45359237}),
    "temperature": (
        "K",
        "_k",
        {"K": 1.0, "degC": (1.0, 273.15), "°C": (1.0, 273.15), "degF": (5 / 9, 459.67 * 5 / 9)},
    ),
    "temperature difference": ("K", "_k", {"K": 1.0}),
    "power": ("W", "_w", {"mW": 1e-3, "W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9}),
    "power ramp": (
        "W/s",
        "_w_per_s",
        {"W/s": 1.0, "kW/s": 1e3, "MW/s": 1e6, "kW/min": 1e3 / 60.0, "MW/min": 1e6 / 60.0},
    ),
    "energy": (
        "J",
        "_j",
        {"pJ": 1e-12, "J": 1.0, "kJ": 1e3, "MJ": 1e6, "Wh": 3600.0, "kWh": 3.6e6, "MWh": 3.6e9},
    ),
    "apparent power": ("VA", "_va", {"VA": 1.0, "kVA": 1e3, "MVA": 1e6}),
    "pressure": ("Pa", "_pa", {"Pa": 1.0, "hPa": 100.0, "kPa": 1e3, "bar": 1e5, "psi": 6894.757293168}),
    "frequency": ("Hz", "_hz", {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}),
    "voltage": ("V", "_v", {"V": 1.0, "kV": 1e3}),
    "current": ("A", "_a", {"A": 1.0, "kA": 1e3}),
    "data": (
        "bytes",
        "_bytes",
        {
            "bytes": 1.0,
            "B": 1.0,
            "kB": 1e3,
            "MB": 1e6,
            "GB": 1e9,
            "TB": 1e12,
            "PB": 1e15,
            "KiB": 2.0**10,
            "MiB": 2.0**20,
            "GiB": 2.0**30,
        },
    ),
    "data rate": (
        "bytes/s",
        "_bytes_per_s",
        {
            "bytes/s": 1.0,
            "B/s": 1.0,
            "MB/s": 1e6,
            "GB/s": 1e9,
            "TB/s": 1e12,
            "PB/s": 1e15,
            "Mbit/s": 1.25e5,
            "Gbit/s": 1.25e8,
            "Tbit/s": 1.25e11,
        },
    ),
    "compute rate": (
        "FLOP/s",
        "_flop_per_s",
        {"FLOP/s": 1.0, "GFLOP/s": 1e9, "TFLOP/s": 1e12, "PFLOP/s": 1e15, "EFLOP/s": 1e18},
    ),
    "mass flow": ("kg/s", "_kg_per_s", {"kg/s": 1.0}),
    "volume flow": (
        "m3/s",
        "_m3_per_s",
        {"m3/s": 1.0, "m3/h": 1 / 3600.0, "L/s": 1e-3, "L/min": 1e-3 / 60.0, "CFM": 4.719474432e-4},
    ),
    "thermal resistance": ("K/W", "_k_per_w", {"K/W": 1.0, "K/kW": 1e-3}),
    "conductance": ("W/K", "_w_per_k", {"W/K": 1.0, "kW/K": 1e3}),
    "heat capacity": ("J/K", "_j_per_k", {"J/K": 1.0, "kJ/K": 1e3, "MJ/K": 1e6}),
    "fraction": ("1", "_frac", {"%": 0.01, "percent": 0.01}),
    "money": ("USD", "_usd", {"USD": 1.0, "kUSD": 1e3, "MUSD": 1e6}),
    "energy price": ("USD/J", "_usd_per_j", {"USD/J": 1.0, "USD/kWh": 1 / 3.6e6, "USD/MWh": 1 / 3.6e9}),
    "power price": ("USD/W", "_usd_per_w", {"USD/W": 1.0, "USD/kW": 1e-3, "USD/MW": 1e-6}),
    "token price": (
        "USD/token",
        "_usd_per_token",
        {"USD/token": 1.0, "USD/Mtoken": 1e-6, "USD/ktoken": 1e-3},
    ),
    "rate": ("1/s", "_per_s", {"1/s": 1.0, "1/min": 1 / 60.0, "1/h": 1 / 3600.0, "1/year": 1 / 31557600.0}),
    "token rate": ("tokens/s", "_tokens_per_s", {"tokens/s": 1.0, "token/s": 1.0}),
    "time per length": ("s/m", "_s_per_m", {"ns/m": 1e-9, "us/km": 1e-9, "s/m": 1.0}),
    "speed": ("m/s", "_m_per_s", {"m/s": 1.0}),
    "floor load": ("Pa", "_pa", {"kg/m2": 9.80665, "Pa": 1.0, "kPa": 1e3}),
    "emission": ("kg/J", "_kg_per_j", {"g/kWh": 1e-3 / 3.6e6, "kg/MWh": 1 / 3.6e9}),
    "angle": ("deg", "_deg", {"deg": 1.0}),
}

DIMENSIONS = tuple(_TABLE)
SUFFIX = {dim: suffix for dim, (_, suffix, _) in _TABLE.items()}
BASE = {dim: base for dim, (base, _, _) in _TABLE.items()}
_UNITS: dict[str, dict[str, Unit]] = {
    dim: {n: Unit(n, dim, *(s if isinstance(s, tuple) else (s, 0.0))) for n, s in units.items()}
    for dim, (_, _, units) in _TABLE.items()
}
_NUMBER = re.compile(r"^\s*([+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")


def units_of(dimension: str) -> tuple[str, ...]:
    """Units that a value of this dimension may be written in.

    Examples
    --------
    >>> units_of("mass")
    ('g', 'kg', 't', 'lb')
    """
    return tuple(_UNITS[dimension])


def parse(text: object, dimension: str) -> float:
    """Read a value with its unit and return it in SI base units.

    Parameters
    ----------
    text : object
        What a person wrote: ``"45 degC"``, ``"400 Gbit/s"``. A bare number is refused,
        except for a fraction, where ``0.87`` and ``"87 %"`` are the same.
    dimension : str
        One of :data:`DIMENSIONS`.

    Returns
    -------
    float
        The value in :data:`BASE` of the dimension.

    Raises
    ------
    UnitError
        Without unit, with an unknown unit, with one of another dimension, or not finite.

    Examples
    --------
    >>> parse("45 degC", "temperature")
    318.15
    >>> parse("20 MW", "power")
    20000000.0
    """
    known = _UNITS[dimension]
    sample = next((u for u in known if u == BASE[dimension]), next(iter(known)))
    expected = f"a {dimension} with its unit ({', '.join(list(known)[:8])})"
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        raise UnitError(
            f"not a {dimension}", [Fault("", 0, "", repr(text), expected, f"write for example 1 {sample}")]
        )
    if isinstance(text, (int, float)) and dimension == "fraction" and math.isfinite(text):
        return float(text)
    match = _NUMBER.match(str(text))
    if not match:
        raise UnitError(
            f"not a {dimension}",
            [Fault("", 0, "", repr(text), expected, f"write a number and a unit, for example 1 {sample}")],
        )
    number, name = match.groups()
    if not name:
        raise UnitError(
            "a value without its unit",
            [
                Fault(
                    "",
                    0,
                    "",
                    f"the bare number {text}",
                    expected,
                    f"write {number} {sample} if you mean that",
                )
            ],
        )
    if name not in known:
        other = [d for d, units in _UNITS.items() if name in units]
        near = difflib.get_close_matches(name, known, 1, 0.5) or [
            u for u in known if u.lower() == name.lower()
        ]
        mend = f"write {number} {near[0] if near else sample}" + ("" if near else " or convert the value")
        found = f"{text!r}: {name} is a unit of {other[0]}" if other else f"{text!r}: unknown unit {name!r}"
        raise UnitError(f"not a unit of {dimension}", [Fault("", 0, "", found, expected, mend)])
    unit = known[name]
    value = float(number.replace("_", "")) * unit.scale + unit.offset
    if not math.isfinite(value):
        raise UnitError(
            "not a finite value", [Fault("", 0, "", repr(text), expected, "write a finite number")]
        )
    return value


def to(value: float, unit: str, dimension: str) -> float:
    """Express an SI value in a unit that people read.

    Examples
    --------
    >>> round(to(318.15, "degC", "temperature"), 6)
    45.0
    """
    u = _UNITS[dimension][unit]
    return (value - u.offset) / u.scale
