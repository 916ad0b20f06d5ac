"""Scenario files: strict reading, overlays, units, faults with line and mend; SI and frozen inside."""

from twin.scenario.editor import json_schema, write_json_schema
from twin.scenario.jobs import jobs, racks_of_jobs
from twin.scenario.loader import check, load, read_yaml
from twin.scenario.resolved import digest, resolved_text, run_id
from twin.scenario.schema import Scenario
from twin.scenario.source import Source
from twin.scenario.tariff import Tariff, tariff
from twin.scenario.traces import Series, weather
from twin.scenario.workloads import ONLY, Hall, Requests, requests

__all__ = [
    "ONLY",
    "Hall",
    "Requests",
    "Scenario",
    "Series",
    "Source",
    "Tariff",
    "check",
    "digest",
    "jobs",
    "json_schema",
    "load",
    "racks_of_jobs",
    "read_yaml",
    "requests",
    "resolved_text",
    "run_id",
    "tariff",
    "weather",
    "write_json_schema",
]
