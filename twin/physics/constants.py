"""Physical constants and model assumptions, each with unit, source and date.

A figure marked *assumption* has no measurement behind it that is public; its usual range stands beside it.
"""

from __future__ import annotations

from typing import Final

CELSIUS_ZERO_K: Final = 273.15
"""0 °C in kelvin [K]; SI brochure, 9th edition (2019)."""

LOWEST_K: Final = 230.0
HIGHEST_K: Final = 450.0
"""Temperatures [K] outside which no relation here holds; assumption (2026): coldest site air to solder."""

STANDARD_PRESSURE_PA: Final = 101_325.0
"""Standard atmosphere at sea level [Pa]; ISO 2533:1975."""

DRY_AIR_GAS_CONSTANT_J_PER_KG_K: Final = 287.055
"""Specific gas constant of dry air [J/(kg K)]; ISO 2533:1975 , rounded."""

AIR_HEAT_CAPACITY_J_PER_KG_K: Final = 1006.0
"""Dry air near 300 K at constant pressure [J/(kg K)]; ASHRAE Fundamentals 2021, chapter 1."""

PLATE_FLOW_EXPONENT: Final = 0.8
"""Film conductance of a cold plate or heat sink ~ flow^0.8 [1]; Dittus-Boelter, textbook (laminar 0.5)."""

EXCHANGER_FLOW_EXPONENT: Final = 0.6
"""Film conductance of plate exchangers and finned coils ~ flow^0.6 [1]; textbook (0.5 to 0.75)."""

COIL_AIR_RESISTANCE_FRAC: Final = 0.8
"""Share of a finned coil's resistance on its air side at rated flows [1]; assumption (2026), 0.7 to 0.9."""

VOLTAGE_KNEE_FRAC: Final = 0.6
"""Clock below which the core voltage falls no further, as a share of the maximum clock [1];
assumption (2026), range 0.5 to 0.7."""

VOLTAGE_FLOOR_FRAC: Final = 0.75
"""Core voltage at and below the knee over that at maximum clock [1]; assumption (2026), range 0.65 to 0.8."""

LEAKAGE_PER_K: Final = 0.004
"""Rise of static power above the reference temperature [1/K]; assumption (2026), range 0.003 to 0.005."""

LEAKAGE_REFERENCE_K: Final = 333.15
"""Temperature at and below which idle power is quoted [K]; assumption (2026)."""

CLOCK_FLOOR_FRAC: Final = 0.2
"""Lowest clock under thermal throttling as a share of the maximum [1]; assumption (2026), range 0.1 to 0.4:
idle clocks of data-centre GPUs lie near 0.2 of boost."""

CLOCK_RECOVERY_PER_S: Final = 0.05
"""Rate at which a throttled clock may rise again [1/s]; assumption (2026), range 0.02 to 0.2."""

RESTART_MARGIN_K: Final = 10.0
"""A GPU that shut down starts again this far below its throttle temperature [K]; assumption (2026)."""

CHILLER_LEAST_LIFT_K: Final = 10.0
"""Least difference of condensing and evaporating temperature [K]: below it the compressor holds the lift;
assumption (2026), range 8 to 15."""
