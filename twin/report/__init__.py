"""What a run says: key figures, tables, comparison, HTML, traces. Reads result files only."""

from twin.report.aiperf import aiperf_table
from twin.report.comparing import compare, render_comparison
from twin.report.html import write_html
from twin.report.perfetto import trace_events, write_perfetto
from twin.report.rendering import kpis_json, render_kpis
from twin.report.run import LabelledArray, Run, kpis_of, open_run
from twin.report.studies import render_study, study_json

__all__ = [
    "LabelledArray",
    "Run",
    "aiperf_table",
    "compare",
    "kpis_json",
    "kpis_of",
    "open_run",
    "render_comparison",
    "render_kpis",
    "render_study",
    "study_json",
    "trace_events",
    "write_html",
    "write_perfetto",
]
