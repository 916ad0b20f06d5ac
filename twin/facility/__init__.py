"""Networks, storage, air and cooling loops of a site, without a run. Names load what they need on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twin.facility.air_field import AirField
    from twin.facility.air_hall import AirHall, AirHandler, AirRack, Aisle, Tile
    from twin.facility.air_site import air_hall
    from twin.facility.contingency import Outage, n_minus_1
    from twin.facility.diagram import one_line
    from twin.facility.electrical import Bus, Line, Load, Network, NetworkError, Source, Tie, Transformer
    from twin.facility.load_flow import LoadFlow, solve
    from twin.facility.loop_graph import cooling_diagram
    from twin.facility.power_grid_model import solve_exact
    from twin.facility.ramp_storage import StorageError, StoragePlan, least_storage
    from twin.facility.site import Wiring
    from twin.facility.site_elements import Element
    from twin.facility.site_flow import SiteFlow, SiteOutage, site_outages, solve_site

__all__ = [
    "AirField",
    "AirHall",
    "AirHandler",
    "AirRack",
    "Aisle",
    "Bus",
    "Element",
    "Line",
    "Load",
    "LoadFlow",
    "Network",
    "NetworkError",
    "Outage",
    "SiteFlow",
    "SiteOutage",
    "Source",
    "StorageError",
    "StoragePlan",
    "Tie",
    "Tile",
    "Transformer",
    "Wiring",
    "air_hall",
    "cooling_diagram",
    "least_storage",
    "n_minus_1",
    "one_line",
    "site_outages",
    "solve",
    "solve_exact",
    "solve_site",
]

_HOMES = {
    "AirField": "air_field",
    "AirHall": "air_hall",
    "AirHandler": "air_hall",
    "AirRack": "air_hall",
    "Aisle": "air_hall",
    "Bus": "electrical",
    "Element": "site_elements",
    "Line": "electrical",
    "Load": "electrical",
    "LoadFlow": "load_flow",
    "Network": "electrical",
    "NetworkError": "electrical",
    "Outage": "contingency",
    "SiteFlow": "site_flow",
    "SiteOutage": "site_flow",
    "Source": "electrical",
    "StorageError": "ramp_storage",
    "StoragePlan": "ramp_storage",
    "Tie": "electrical",
    "Tile": "air_hall",
    "Transformer": "electrical",
    "Wiring": "site",
    "air_hall": "air_site",
    "cooling_diagram": "loop_graph",
    "least_storage": "ramp_storage",
    "n_minus_1": "contingency",
    "one_line": "diagram",
    "site_outages": "site_flow",
    "solve": "load_flow",
    "solve_exact": "power_grid_model",
    "solve_site": "site_flow",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"twin.facility.{_HOMES[name]}"), name)
