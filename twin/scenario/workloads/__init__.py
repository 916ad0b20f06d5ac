"""Requests of a scenario: recorded traces, mixes of clients, and drawn streams, laid together by arrival."""

from twin.requests import Requests
from twin.scenario.workloads.build import requests
from twin.scenario.workloads.checks import check_workload, readers
from twin.scenario.workloads.formats import read_trace
from twin.scenario.workloads.halls import ONLY, Hall
from twin.scenario.workloads.kinds import KINDS, Kind
from twin.scenario.workloads.merge import merged

__all__ = [
    "KINDS",
    "ONLY",
    "Hall",
    "Kind",
    "Requests",
    "check_workload",
    "merged",
    "read_trace",
    "readers",
    "requests",
]
