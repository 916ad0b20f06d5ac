"""Constants of cables, failures and repair that stand on no catalog card, each with source and date.

"Assumption" is an editable default, not a published figure.
"""

from __future__ import annotations

HOUR_S = 3600.0
DAY_S = 86400.0

# --- failures, device seconds between two failures ------------------------------------------------
# Pluggable module: 0.5 to 1 million hours in service (100gmodules.com, which cites Meta at ECOC); parts
# add up to 250-1,000 FIT, so 1 to 4 million hours on paper (luxoptx.com), 2026-11.
PLUGGABLE_MTBF_S = (0.5e6 * HOUR_S, 1.0e6 * HOUR_S)
# Co-packaged port: more than 1 million port-hours without a flap (Broadcom and Meta, via ico-optics.org)
# to 2.6 million device hours (Meta at ECOC, via 100gmodules.com), 2026-11.
CPO_MTBF_S = (1.0e6 * HOUR_S, 2.6e6 * HOUR_S)
# Failures per 1e9 device hours of a port's parts, low and high (luxoptx.com, 2026-11): the laser sits
# in a module of its own, driver, amplifier and photodiode in the engine beside the switch chip.
LASER_FIT = (50.0, 200.0)
ENGINE_FIT = (50.0 + 30.0 + 20.0, 200.0 + 150.0 + 100.0)
# Laser modules of a co-packaged switch of 144 ports, changed in service (wedoany.com, Q3450-LD, 2026-11).
PORTS_PER_LASER_MODULE = 144 / 18

# --- repair, from the failure until the lines are up, assumptions, 2026-11 -------------------------
MODULE_REPAIR_S = 4 * HOUR_S  # a spare on site, plugged by hand
LASER_MODULE_REPAIR_S = 4 * HOUR_S
SWITCH_REPAIR_S = 24 * HOUR_S  # a box unplugged, changed and set up; its coolant loop too

# --- lanes and cables ----------------------------------------------------------------------------
# Switches sold from this year on signal at 200 Gbit/s a lane (Quantum-X800, Spectrum-6 CPO), those
# before at 100 Gbit/s or less (Quantum-2, Spectrum-4); NVIDIA data sheets, 2026-11.
FIRST_YEAR_OF_200G_LANES = 2024
IN_RACK_SLACK_M = 0.5  # of a cable that stays in its rack; assumption, 2026-11

# --- public arithmetic of optics ------------------------------------------------------------------
# NVIDIA GTC 2025 keynote: six transceivers a GPU at three tiers; the 9 W of a co-packaged port from Hot
# Chips 2025 (techpowerup.com, notebookcheck). Watts and dollars themselves stand on the optics cards.
ENDS_PER_TIER = 2
