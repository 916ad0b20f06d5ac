"""Spans of requests in the Trace Event format, which Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twin.errors import Fault, ResultsError
from twin.report.run import Run


def trace_events(spans: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Spans as complete events: one track a request, times in microseconds as the format wants them.

    Parameters
    ----------
    spans : mapping
        Columns ``request``, ``hop``, ``from_s``, ``to_s``.

    Examples
    --------
    >>> next(trace_events({"request": [7], "hop": ["prefill"], "from_s": [1.0], "to_s": [1.5]}))["dur"]
    500000.0
    """
    columns = (spans[k] for k in ("request", "hop", "from_s", "to_s"))
    for request, hop, from_s, to_s in zip(*columns, strict=True):
        yield {
            "name": hop, "cat": "request", "ph": "X", "pid": 0, "tid": int(request),
            "ts": float(from_s) * 1e6, "dur": float(to_s - from_s) * 1e6,
        }  # fmt: skip


def write_perfetto(run: Run, path: Path) -> None:
    """Write the spans of a run.

    Raises
    ------
    ResultsError
        When the run has none, or the file cannot be written.
    """
    spans = run.file.spans()
    if not len(spans["hop"]):
        fault = Fault(
            str(run.path), 0, "spans", "none", "a run in event fidelity", "run it with --fidelity event"
        )
        raise ResultsError("this run has no spans", [fault])
    name = {
        "name": "process_name",
        "ph": "M",
        "pid": 0,
        "args": {"name": f"requests of {run.attrs['scenario']}"},
    }
    try:
        with path.open("w", encoding="utf-8") as file:
            json.dump({"displayTimeUnit": "ms", "traceEvents": [name, *trace_events(spans)]}, file)
    except OSError as error:
        fault = Fault(
            str(path), 0, "spans", str(error), "a file that can be written", "choose another --perfetto"
        )
        raise ResultsError("the spans cannot be written", [fault]) from None
