"""Flows that share links max-min fairly, exact from event to event: see :class:`FlowNetwork`."""

from twin.models.flows.checks import FlowError
from twin.models.flows.network import FlowNetwork
from twin.models.flows.run import Completion, simulate

__all__ = ["Completion", "FlowError", "FlowNetwork", "simulate"]
