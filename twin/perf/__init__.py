"""Predictions for one model on some GPUs, without a site: points, frontiers, the ledger of errors."""

from twin.perf.configuration import Configuration, resolve
from twin.perf.prediction import Prediction, predict

__all__ = ["Configuration", "Prediction", "predict", "resolve"]
