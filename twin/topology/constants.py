"""Constants of buildings and cables that stand on no catalog card, each with source and date.

"Assumption" is an editable default of good practice, not a published figure. All lengths in metres.
"""

from __future__ import annotations

# --- latency, one way, no queueing, in seconds -------------------------------------------------
# Default of the SimAI topology generator (aliyun/SimAI, gen_Topo_Template.py, 2026-08) is 25 ns for
# the link; 250 ns covers link, switch chip and both ends. Assumption between that and the 1-2 us
# that software sees, 2026-11.
NVLINK_LATENCY_S = 250e-9
# Adapter and PCIe, one way; assumption within the "about 1 us per step" end-point floor of
# spicemonkey.github.io/collective-comm/04, 2026-11.
NIC_LATENCY_S = 600e-9
# InfiniBand NDR port to port, "< 150 ns" (router-switch.com, QM9700), and KP4 FEC about 100 ns a hop
# (engineering figure), 2026-11.
INFINIBAND_HOP_S = 150e-9
FEC_S = 100e-9
# Ethernet switch of the AI class, FEC included: 200-400 ns cut-through (spicemonkey.github.io) to
# 450 ns (Broadcom, via telecomate.com); rounded up, 2026-11.
ETHERNET_HOP_S = 500e-9
# The two signal processors of a pluggable pair; none in copper or co-packaged optics. Assumption, 2026-11.
SIGNAL_PROCESSORS_S = 100e-9
# Propagation, s/m: glass of index 1.468 and copper twinax. Physics.
FIBRE_S_PER_M = 4.9e-9
COPPER_S_PER_M = 4.3e-9

# --- racks and devices, assumptions of common practice, 2026-11 ---------------------------------
CABINET_M = (0.60, 1.20, 2.20)  # width, depth, height where a card gives none: 600 mm wide, 47 U
CABINET_KG = 150.0  # empty cabinet that nodes stand in
NODE_M = (0.482, 0.90, 0.356)  # 19 inch, 8 U: an 8-GPU node
NETWORK_RACK_M = (0.80, 1.20, 2.20)
SWITCH_M = (0.44, 0.75, 0.0445)  # 1 U where a card gives no height
RACK_UNIT_M = 0.04445  # EIA-310
REAR_DOOR_M = 0.10  # depth of a coil in the back of a rack
NETWORK_RACK_UNITS = 40  # of 47, the rest is for patch panels
GPU_M = (0.08, 0.10, 0.02)
CHIP_M = (0.06, 0.06, 0.015)
NIC_M = (0.07, 0.17, 0.02)
OPTIC_M = (0.0226, 0.1078, 0.013)  # OSFP MSA module
UNIT_M = {  # width, depth, height of plant where a card gives none
    "feed": (1.6, 1.2, 2.2),
    "transformer": (2.4, 1.6, 2.3),
    "ups": (3.6, 0.9, 2.0),
    "pdu": (0.9, 0.8, 2.0),
    "cdu": (0.9, 1.2, 2.2),
    "facility_water": (2.4, 1.4, 1.8),
    "chilled_water": (2.4, 1.4, 1.8),
    "dry_cooler": (9.0, 2.3, 2.5),
    "crah": (2.5, 0.9, 2.0),
    "chiller": (8.0, 2.3, 2.5),
    "generator": (6.5, 2.3, 3.0),
}
UNIT_KG = {"cdu": 900.0, "pdu": 700.0}  # those that stand on the floor of the hall

# --- rejection, assumptions 2026-11 ------------------------------------------------------------
PAD_FAN_FRAC = 1.15  # fan power with pads over that without: 20 Pa on an air path of 120 Pa, 1.1 to 1.25
FLOODED_APPROACH_K = 2.0  # of evaporators and condensers of centrifugal machines, 1 to 3
FLOODED_CARNOT_FRAC = 0.55  # share of Carnot of centrifugal machines, textbook, 0.5 to 0.62
RADIATOR_PUMP_FRAC = 0.005  # pumps of a radiator loop over its heat, 0.003 to 0.01

# --- building, assumptions of common practice, 2026-11 ------------------------------------------
CELL_GAP_M = 0.10  # between a CDU or network rack and the racks of its row
BANK_GAP_M = 0.40  # between units that stand side by side along a wall
WALL_M = 0.30
PLANT_GAP_M = 1.20  # way around plant in the electrical room and the yard
YARD_DEPTH_M = 15.0  # least length of a column of plant in the yard
CEILING_GAP_M = 1.80  # from the tallest box to the ceiling
NETWORK_TRAY_M = 0.30  # trays and pipes above the tallest box of the hall
COOLANT_PIPE_M = 0.60
WATER_PIPE_M = 0.85
POWER_TRAY_M = 1.15
TRAY_WIDTH_M = 0.30  # cables spread over it
CABLE_SLACK_M = 1.5  # service loops of a cable, both ends together
GATEWAY_LINES_PER_SPINE = 1

DESIGN_OUTDOOR_K = 308.15  # 35 degC, rating point of AHRI 550/590, where a chiller card gives none
STANDARD_GRAVITY_M_PER_S2 = 9.80665  # ISO 80000-3
