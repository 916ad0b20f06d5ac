"""The plant: the site as arrays, its step, its exchange, its audit."""

from twin.plant.capacity import capacities_tokens_per_s
from twin.plant.compile import compile_plant, sources
from twin.plant.maps import replica_ids
from twin.plant.plant import Plant
from twin.plant.serving import Served, start_batch

__all__ = [
    "Plant",
    "Served",
    "capacities_tokens_per_s",
    "compile_plant",
    "replica_ids",
    "sources",
    "start_batch",
]
