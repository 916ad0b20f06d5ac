"""Fabrics: from a few words to every switch, port and cable; checks, bills, routes and failures."""

from twin.scenario.fabric import Words, presets
from twin.topology.fabric.arrays import Block, Fabric
from twin.topology.fabric.bill import Bill, bill, count_bill
from twin.topology.fabric.build import build
from twin.topology.fabric.check import check_fabric
from twin.topology.fabric.domains import nvlink_domain
from twin.topology.fabric.failures import Damage, JobEffect, fail
from twin.topology.fabric.optics import OpticsCase, compare_optics, public_arithmetic
from twin.topology.fabric.reading import load, preset
from twin.topology.fabric.routing import Routes, routes
from twin.topology.fabric.sizes import Sizes, sizes
from twin.topology.fabric.wiring import wiring, write_wiring

__all__ = [
    "Bill", "Block", "Damage", "Fabric", "JobEffect", "OpticsCase", "Routes", "Sizes", "Words", "bill", "build",
    "check_fabric", "compare_optics", "count_bill", "fail", "load", "nvlink_domain", "preset", "presets",
    "public_arithmetic", "routes", "sizes", "wiring", "write_wiring",
]  # fmt: skip
