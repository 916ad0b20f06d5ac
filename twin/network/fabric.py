"""Fabrics without a site: build, check, count, break and compare them.

A thin face of :mod:`twin.topology.fabric`.

Examples
--------
>>> from twin.network import fabric
>>> pod = fabric.build(fabric.preset("dgx-b200-superpod"))
>>> fabric.check_fabric(pod), fabric.bill(pod).count("switch", "spine")
([], 16)
"""

from twin.topology.fabric import (
    Bill,
    Block,
    Damage,
    Fabric,
    JobEffect,
    OpticsCase,
    Routes,
    Sizes,
    Words,
    bill,
    build,
    check_fabric,
    compare_optics,
    count_bill,
    fail,
    load,
    nvlink_domain,
    preset,
    presets,
    public_arithmetic,
    routes,
    sizes,
    wiring,
    write_wiring,
)

__all__ = [
    "Bill", "Block", "Damage", "Fabric", "JobEffect", "OpticsCase", "Routes", "Sizes", "Words", "bill", "build",
    "check_fabric", "compare_optics", "count_bill", "fail", "load", "nvlink_domain", "preset", "presets",
    "public_arithmetic", "routes", "sizes", "wiring", "write_wiring",
]  # fmt: skip
