"""Names of :mod:`twin.plant.air.hall` in this room."""

from twin.plant.air.hall import AirError, AirHall, AirHandler, AirRack, Aisle, Tile

__all__ = ["AirError", "AirHall", "AirHandler", "AirRack", "Aisle", "Tile"]
