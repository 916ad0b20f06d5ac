"""Result files: one self-describing HDF5 file a run, written in blocks and readable after a kill."""

from twin.results.layout import REQUEST_COLUMNS, ROOT_ATTRS, SCHEMA_VERSION, TRACE_NAME, trace_path
from twin.results.reader import Edges, File, Series, is_complete, open_file
from twin.results.writer import Writer

__all__ = [
    "REQUEST_COLUMNS",
    "ROOT_ATTRS",
    "SCHEMA_VERSION",
    "TRACE_NAME",
    "Edges",
    "File",
    "Series",
    "Writer",
    "is_complete",
    "open_file",
    "trace_path",
]
