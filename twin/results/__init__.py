"""Result files: one self-describing HDF5 file a run, written in blocks and readable after a kill."""

from twin.results.layout import (
    FINISHED,
    INSIDE,
    REJECTED,
    ROOT_ATTRS,
    SCHEMA_VERSION,
    TABLES,
    TRACE_NAME,
    trace_path,
)
from twin.results.reader import Edges, File, Series, is_complete, open_file
from twin.results.stitching import Part, stitch
from twin.results.writer import Writer

__all__ = [
    "FINISHED",
    "INSIDE",
    "REJECTED",
    "ROOT_ATTRS",
    "SCHEMA_VERSION",
    "TABLES",
    "TRACE_NAME",
    "Edges",
    "File",
    "Part",
    "Series",
    "Writer",
    "is_complete",
    "open_file",
    "stitch",
    "trace_path",
]
