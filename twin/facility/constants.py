"""What stands on no card: conductors, voltages and power factors of a site. Each is an assumption that may be changed.

"Assumption" is an editable default of good practice, not a published figure.
"""

from __future__ import annotations

# --- conductors ------------------------------------------------------------------------------------
# Copper at 20 degC, 1.7241e-8 Ohm m (IEC 60028:1925), and 0.393 %/K up to 70 degC, the limit of PVC (IEC 60364-5-52).
COPPER_OHM_M = 1.7241e-8 * (1 + 0.00393 * 50)
# Current a section of copper at the rating of a cable, A/m2; assumption for single cores in trays, 2026-11.
CABLE_A_PER_M2 = 2.0e6
# Largest core, m2, and reactance of one run, Ohm/m: 240 mm2 and 0.08 mOhm/m (IEC 60364-5-52, annex G), 2026-11.
CORE_M2 = 240e-6
RUN_REACTANCE_OHM_PER_M = 0.08e-3
# Steady load of a breaker and its cable as a share of the rating: NEC 210.20 and 215.3, 2023.
CONTINUOUS_FRAC = 0.8
# Reactance over resistance of busways and PDUs; assumption within the 0.5-1 of catalogues, 2026-11.
BUSWAY_X_OVER_R = 0.6

# --- voltages --------------------------------------------------------------------------------------
# Between two phases, V: IEC 60038:2009 with 415 V where a PDU card gives none; assumptions, 2026-11.
MEDIUM_V = 11e3
HIGH_V = 33e3
LOW_V = 415.0
# Rated power of a transformer above which a site is fed at HIGH_V, VA; assumption, 2026-11.
LARGE_VA = 10e6
# Current of a transformer without load over its rated one; assumption for dry-type units, 2026-11.
NO_LOAD_CURRENT_FRAC = 0.003
# Short-circuit voltage where a card gives none: IEC 60076-5:2006, table 1, for 2.5 MVA.
IMPEDANCE_FRAC = 0.06

# --- power factors, all lagging --------------------------------------------------------------------
# Active front end of a UPS, corrected power supplies, motors of pumps, fans and chillers; assumptions, 2026-11.
UPS_PF = 0.99
SUPPLY_PF = 0.99
MOTOR_PF = 0.90
# Of PDUs whose card gives none, as for the ratings of the catalog; assumption, 2026-11.
RATING_PF = 0.95
