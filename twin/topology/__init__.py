"""The site as one graph: what stands where, what feeds, cools and reaches what, and whether it can run."""

from twin.topology.build import build
from twin.topology.check import check
from twin.topology.paths import domains, replicas, request_path
from twin.topology.summary import Summary, summary

__all__ = ["Summary", "build", "check", "domains", "replicas", "request_path", "summary"]
