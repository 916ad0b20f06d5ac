"""The site as one graph: what stands where, what feeds, cools and reaches what, and whether it can run."""

from twin.topology.assets import SWITCHES
from twin.topology.attachment import Attachment, attachment
from twin.topology.build import build
from twin.topology.check import check
from twin.topology.layout import spread
from twin.topology.networks import networks
from twin.topology.paths import adapter_bytes_per_s, aside_s, request_path
from twin.topology.placement import domains, groups, is_joined
from twin.topology.summary import Summary, summary

__all__ = [
    "SWITCHES",
    "Attachment",
    "Summary",
    "adapter_bytes_per_s",
    "aside_s",
    "attachment",
    "build",
    "check",
    "domains",
    "groups",
    "is_joined",
    "networks",
    "request_path",
    "spread",
    "summary",
]
