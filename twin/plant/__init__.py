"""The plant: the site as arrays, its step, its exchange, its audit."""

from twin.plant.compile import compile_plant, sources
from twin.plant.plant import Plant
from twin.plant.serving import start_batch

__all__ = ["Plant", "compile_plant", "sources", "start_batch"]
