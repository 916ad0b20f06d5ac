"""Design assumptions of a hall that no data sheet gives; each with unit, range and date."""

from __future__ import annotations

from typing import Final

SUPPLY_BAND_K: Final = 4.0
"""Rise above a set-point at which fans, valves and compressors work at full effort [K]; assumption (2026),
range 2 to 6."""

STABLE_BAND_FRAC: Final = 1.5
"""Largest change that full cooling may make in a tick, over the control band [1]; a proportional loop on one
volume is stable up to 2 (textbook sampled control); assumption (2026) with a margin for its second volume."""

AIR_RISE_K: Final = 15.0
"""Rise of air through racks at nominal power, which fixes the air flow of their fans [K]; assumption (2026),
range 12 to 20."""

CHILLED_WATER_RISE_K: Final = 6.0
"""Rise of chilled water at rated heat [K]; textbook (2026), range 5 to 8."""

CHILLED_WATER_M3_PER_W: Final = 1.0e-5
"""Volume of the chilled-water loop per rated heat [m3/W]; assumption (2026): 10 L/kW, range 5 to 20."""

COLD_PLATE_COOLANT_KG: Final = 0.28
"""Coolant in cold plate, hoses and manifold per GPU [kg]; assumption (2026): 20 kg a rack of 72."""

HEAT_SINK_AIR_KG: Final = 0.005
"""Air in a heat sink [kg]; assumption (2026)."""

HALL_AIR_HEIGHT_M: Final = 4.0
"""Clear height of a hall [m]; assumption (2026), range 3.5 to 6."""

FIELD_SUPPLY_FRAC: Final = 0.4
FIELD_RACKS_FRAC: Final = 0.4
"""Shares of a hall's air that is supply, and that is before and behind racks, in a run with an air field [1]; the rest
is on its way back to the CRAHs; assumption (2026)."""

STRUCTURE_J_PER_M2_K: Final = 2.0e5
"""Heat capacity of slab, racks and walls per floor area [J/(m2 K)]; assumption (2026): 10 cm of concrete
that follows within the hour."""

STRUCTURE_W_PER_M2_K: Final = 8.0
"""Conductance from hall air to the structure per floor area [W/(m2 K)]; textbook (2026), range 5 to 10."""

LEAST_PUMP_SPEED_FRAC: Final = 0.4
"""Lowest speed of variable-speed facility pumps [1]; assumption (2026), range 0.3 to 0.5."""

DRAUGHT_FRAC: Final = 0.02
"""Air through a coil with its fans off over rated air [1]; assumption (2026), range 0 to 0.05."""

PAD_FRAC: Final = 0.85
"""Effectiveness of wetted pads [1]; ASHRAE Systems and Equipment 2020, chapter 41: 0.7 to 0.95 by depth."""

DRY_SPEED_FRAC: Final = 0.7
"""Fan speed from which on pads are wetted [1]; assumption (2026): 0.6 to 1."""

PAD_CYCLES: Final = 3.0
"""Cycles of concentration of pad water [1]; assumption (2026), 2 to 5."""

PLATE_APPROACH_K: Final = 1.5
"""Water that leaves plate exchangers above tower water at design [K]; assumption (2026), 1 to 2.5."""

BASIN_S: Final = 600.0
"""Water in a tower's basin over the vapour of its rated heat [s]; assumption (2026): ten minutes without make-up,
300 to 1,800."""

SUPPLY_FRAC: Final = 2.0
"""Make-up that the supply brings over what rated heat needs [1]; assumption (2026), 1.5 to 3."""

REUSE_APPROACH_K: Final = 3.0
"""Return of facility water above the neighbour's water at full heat reuse [K]; assumption (2026), 2 to 5."""

FREE_EFFORT_FRAC: Final = 0.5
"""Effort of an economiser at which its coil is fully blown [1]; choice of this product (2026)."""

RADIATOR_RANGE_K: Final = 15.0
"""Fall of coolant along a radiator at rated heat [K]; assumption (2026), 10 to 20."""

BUOYANT_FLOW_FRAC: Final = 0.004
"""Flow of a technology loop without pumps, by buoyancy, over rated flow [1]; assumption (2026), 0 to 0.01."""

LOOP_SUPPLY_FRAC: Final = 4 / 9
LOOP_RETURN_FRAC: Final = 3 / 9
"""Shares of a technology loop's volume on the supply and the return side [1]; the rest is in the racks and
counted with the GPUs; assumption (2026)."""

STATIC_PRESSURE_FRAC: Final = 0.4
"""Pressure of a filled loop at rest over that behind its running pumps [1]; assumption (2026): 1.3 of 3.3 bar."""

LEAST_LEVEL_FRAC: Final = 0.95
"""Coolant left in a technology loop, over a full one, at which its pumps stop for want of suction pressure [1];
assumption (2026), range 0.9 to 0.98: what an expansion vessel holds."""

FACILITY_PUMP_RUN_DOWN_S: Final = 4.0
"""Time to half flow of a tripped facility-water pump [s]; assumption (2026), range 2 to 8."""
