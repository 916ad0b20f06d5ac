"""The plant: the site as arrays, its step, its exchange, its audit."""

from twin.plant.capacity import capacities_tokens_per_s
from twin.plant.compile import Blueprint, compile_plant, lower, sources, start_plant
from twin.plant.maps import replica_ids
from twin.plant.plant import Plant
from twin.plant.serving import Served, start_batch

__all__ = [
    "Blueprint",
    "Plant",
    "Served",
    "capacities_tokens_per_s",
    "compile_plant",
    "lower",
    "replica_ids",
    "sources",
    "start_batch",
    "start_plant",
]
