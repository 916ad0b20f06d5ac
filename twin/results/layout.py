"""The layout of a result file, as tables: the only place that names groups, columns and attributes.

The layout only grows. A name is never given a second meaning; :data:`SCHEMA_VERSION` rises with
each addition.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SCHEMA_VERSION = 1
FORMAT = "ai-factory-twin results"
TRACE_NAME = "trace.h5"

COLUMN_CHUNK_ROWS = 32_768
"""Rows of a chunk of the large tables. HDF5 splits a chunk index at its 65th chunk, and only that
split is unsafe against a kill: 64 times 32,768 rows are two million requests."""

SMALL_CHUNK_ROWS = 256
"""Rows of a chunk of the small tables."""

SERIES_CHUNK = (200, 500)
"""Samples and assets of a chunk of a series."""

ROWS = "rows"
"""Attribute of a growing group: how many rows of it are whole. Written, in a flush of its own,
after the rows themselves are on disk."""


@dataclass(frozen=True)
class Column:
    """A column of a growing table.

    Parameters
    ----------
    name : str
        Name of the dataset.
    dtype : str
        NumPy type, or ``"text"``.
    unit : str
        SI unit, empty for text and for indices.
    meaning : str
        One line for a reader who sees only the file.
    is_required : bool
        Whether each block must bring it.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    is_required: bool = True


REQUEST_COLUMNS: tuple[Column, ...] = (
    Column("row", "i4", "", "row of the request among all arrivals of the run, in order of arrival"),
    Column("arrived_at_s", "f8", "s", "instant of arrival at the gateway"),
    Column("first_token_at_s", "f8", "s", "instant at which the first output token reached the gateway"),
    Column("done_at_s", "f8", "s", "instant at which the last output token reached the gateway"),
    Column("prompt_tokens", "i4", "1", "prompt tokens"),
    Column("output_tokens", "i4", "1", "tokens to generate"),
    Column("replica", "i4", "", "row of the replica that decoded it in /assets/replica, -1 without one"),
    Column("rejected", "u1", "", "1 for a request that was refused because it can never fit"),
    Column("admitted_at_s", "f8", "s", "instant at which it left the waiting queue", False),
    Column("prefill_replica", "i4", "", "row of the replica that computed the prompt, where another", False),
    Column("cached_tokens", "i4", "1", "prompt tokens found in a prefix cache", False),
    Column("request_class", "i2", "", "row of the request class in the scenario", False),
    Column("tier", "i2", "", "row of the service tier in the scenario", False),
)
"""Requests in the order in which they finished or were rejected; a complete run ends with those
that were still in the house, whose missing instants are NaN."""

EVENT_COLUMNS: tuple[Column, ...] = (
    Column("time_s", "f8", "s", "instant of the event"),
    Column("kind", "text", "", "class of event"),
    Column("asset", "text", "", "id of the asset, or of the site"),
    Column("what", "text", "", "what happened"),
    Column("cause", "text", "", "why, empty when unknown"),
)

SPAN_COLUMNS: tuple[Column, ...] = (
    Column("request", "i4", "", "row of the request among all arrivals of the run"),
    Column("hop", "i4", "", "row of the hop's name in /spans/hops/name"),
    Column("from_s", "f8", "s", "instant at which the request entered the hop"),
    Column("to_s", "f8", "s", "instant at which it left the hop"),
)

HOP_COLUMNS: tuple[Column, ...] = (Column("name", "text", "", "name of a hop"),)

AUDIT_COLUMNS: tuple[Column, ...] = (
    Column("name", "text", "", "the balance: energy, tokens, requests, coolant, money"),
    Column("in", "f8", "", "what went in, in the SI unit of the balance"),
    Column("out", "f8", "", "what came out"),
    Column("inside", "f8", "", "what is inside at the end beyond what was inside at the start"),
    Column("residual_rel", "f8", "1", "in - out - inside, over the turnover"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "requests": REQUEST_COLUMNS,
    "events": EVENT_COLUMNS,
    "spans": SPAN_COLUMNS,
    "spans/hops": HOP_COLUMNS,
    "audit": AUDIT_COLUMNS,
}

#: Root attributes. ``economics`` and ``slo`` are JSON objects; a run may add further attributes.
ROOT_ATTRS: dict[str, str] = {
    "format": "what this file is",
    "schema_version": "version of this layout",
    "complete": "whether the run reached its end; False is a torso, readable up to its last block",
    "error": "why a run stopped before its end, empty otherwise",
    "run_id": "name of the run: hash of resolved scenario, seed and numbers version",
    "numbers_version": "rises whenever a result may differ for the same scenario and seed",
    "packages": "JSON object of package versions",
    "seed": "seed of all random streams",
    "start": "instant of simulated time zero, ISO 8601",
    "started": "wall-clock instant at which the run started, ISO 8601 UTC",
    "wall_s": "wall-clock time that the run took",
    "cpu_s": "CPU time that the run took",
    "peak_memory_bytes": "largest memory of the process",
    "scenario": "name of the scenario",
    "description": "its description",
    "fidelity": "how requests were computed: event, batch or fluid",
    "duration_s": "simulated time that was asked for",
    "tick_s": "time between two exchanges of the models",
    "arrivals": "requests that the workload holds",
    "economics": "JSON: electricity_usd_per_j, input_price_usd_per_token, output_price_usd_per_token",
    "slo": "JSON: ttft_s, tpot_s, the limits within which a request is good",
}


def trace_path(path: str | Path) -> Path:
    """File of a run, given the file itself or the run's folder.

    Examples
    --------
    >>> trace_path("runs/ab12.h5").name, trace_path("runs/ab12").name
    ('ab12.h5', 'trace.h5')
    """
    path = Path(path)
    return path if path.suffix in {".h5", ".hdf5"} else path / TRACE_NAME


def period_name(period_s: float) -> str:
    """Name of the group of the series with this sample period.

    Examples
    --------
    >>> period_name(10.0), period_name(0.5)
    ('10s', '0.5s')
    """
    return f"{period_s:.12g}s"
