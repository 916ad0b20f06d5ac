"""Names of :mod:`twin.plant.air.site` in this room."""

from twin.plant.air.site import TILE_M, air_hall

__all__ = ["TILE_M", "air_hall"]
