"""Predictions for one model on some GPUs, without a site: points, frontiers, the ledger of errors."""

from twin.perf.configuration import Configuration, resolve
from twin.perf.fleets import Fleets, Tier, frontiers
from twin.perf.frontier import Frontier, frontier
from twin.perf.points import point
from twin.perf.prediction import Prediction, predict
from twin.perf.runs import at_load, overlay, settings
from twin.perf.search import best

__all__ = [
    "Configuration",
    "Fleets",
    "Frontier",
    "Prediction",
    "Tier",
    "at_load",
    "best",
    "frontier",
    "frontiers",
    "overlay",
    "point",
    "predict",
    "resolve",
    "settings",
]
