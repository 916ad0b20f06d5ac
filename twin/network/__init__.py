"""Fabrics, flows and collectives by themselves, without a site. Names load what they need when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.models.flows import FlowError, FlowNetwork, simulate
    from twin.network.collective_graphs import exchange_graph, flow_graph
    from twin.network.collective_wiring import one_switch, railed, two_tiers
    from twin.network.collectives import collective, curve, expert_exchange
    from twin.network.fat_tree import FatTree
    from twin.network.flow_case import read_case
    from twin.network.flow_completion import FlowOptions, flow_completion_times, flow_times
    from twin.network.flow_routing import Router

__all__ = [
    "FatTree",
    "FlowError",
    "FlowNetwork",
    "FlowOptions",
    "Router",
    "collective",
    "curve",
    "exchange_graph",
    "expert_exchange",
    "flow_completion_times",
    "flow_graph",
    "flow_times",
    "one_switch",
    "railed",
    "read_case",
    "simulate",
    "two_tiers",
]

_HOMES = {
    "FatTree": "twin.network.fat_tree",
    "FlowError": "twin.models.flows",
    "FlowNetwork": "twin.models.flows",
    "FlowOptions": "twin.network.flow_completion",
    "Router": "twin.network.flow_routing",
    "collective": "twin.network.collectives",
    "curve": "twin.network.collectives",
    "exchange_graph": "twin.network.collective_graphs",
    "expert_exchange": "twin.network.collectives",
    "flow_completion_times": "twin.network.flow_completion",
    "flow_graph": "twin.network.collective_graphs",
    "flow_times": "twin.network.flow_completion",
    "one_switch": "twin.network.collective_wiring",
    "railed": "twin.network.collective_wiring",
    "read_case": "twin.network.flow_case",
    "simulate": "twin.models.flows",
    "two_tiers": "twin.network.collective_wiring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
