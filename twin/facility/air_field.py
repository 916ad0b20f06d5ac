"""Names of :mod:`twin.plant.air.field` in this room."""

from twin.plant.air.field import AirField, RackAir, solve

__all__ = ["AirField", "RackAir", "solve"]
