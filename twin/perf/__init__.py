"""Predictions for one model on some GPUs, without a site: points, frontiers, the ledger of errors."""

from twin.perf.configuration import Configuration, resolve
from twin.perf.fleets import Fleets, Tier, frontiers
from twin.perf.frontier import Frontier, frontier
from twin.perf.max_q import MaxQ, max_q
from twin.perf.max_q_feed import Feed
from twin.perf.max_q_search import Limits
from twin.perf.points import point
from twin.perf.prediction import Prediction, predict
from twin.perf.runs import at_load, overlay, settings
from twin.perf.search import best

__all__ = [
    "Configuration",
    "Feed",
    "Fleets",
    "Frontier",
    "Limits",
    "MaxQ",
    "Prediction",
    "Tier",
    "at_load",
    "best",
    "frontier",
    "frontiers",
    "max_q",
    "overlay",
    "point",
    "predict",
    "resolve",
    "settings",
]
