"""The layout of a result file, as tables: the only place that names groups, columns and attributes.

The layout only grows. A name is never given a second meaning; :data:`SCHEMA_VERSION` rises with
each addition.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

SCHEMA_VERSION = 1
FORMAT = "ai-factory-twin results"
TRACE_NAME = "trace.h5"

#: Rows of a chunk of a one-dimensional column. 64 chunks fill one index node of HDF5, and only
#: the splitting of a full node is not safe against a kill: 64 x 32,768 is two million requests.
COLUMN_CHUNK_ROWS = 32_768
#: Rows of a chunk of the small tables (events, audit), whose text would make wide chunks.
SMALL_CHUNK_ROWS = 256
#: Samples and assets of a chunk of a series.
SERIES_CHUNK = (200, 500)

#: Name of the attribute that says how many rows of a growing group are whole.
ROWS = "rows"


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
    Column("request", "i4", "", "row of the request among all arrivals of the run, in order of arrival"),
    Column("arrived_at_s", "f8", "s", "instant of arrival at the gateway"),
    Column("first_token_at_s", "f8", "s", "instant at which the first output token reached the gateway"),
    Column("done_at_s", "f8", "s", "instant at which the last output token reached the gateway"),
    Column("input_tokens", "i4", "1", "prompt tokens"),
    Column("output_tokens", "i4", "1", "generated tokens"),
    Column("replica", "i4", "", "row of the replica that decoded it in /assets/replica"),
    Column("admitted_at_s", "f8", "s", "instant at which it left the waiting queue", False),
    Column("prefill_replica", "i4", "", "row of the replica that computed the prompt, where another", False),
    Column("cached_tokens", "i4", "1", "prompt tokens found in a prefix cache", False),
    Column("request_class", "i2", "", "row of the request class in the scenario", False),
    Column("tier", "i2", "", "row of the service tier in the scenario", False),
)

EVENT_COLUMNS: tuple[Column, ...] = (
    Column("time_s", "f8", "s", "instant of the event"),
    Column("kind", "text", "", "class of event: failure, repair, policy, limit, phase"),
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
    Column("name", "text", "", "the balance: energy of what, tokens, requests, coolant, money"),
    Column("value", "f8", "", "what is left over when all terms are added up"),
    Column("scale", "f8", "", "size of the turnover that it is compared with"),
    Column("residual_rel", "f8", "1", "value over scale"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "requests": REQUEST_COLUMNS,
    "events": EVENT_COLUMNS,
    "spans": SPAN_COLUMNS,
    "spans/hops": HOP_COLUMNS,
    "audit": AUDIT_COLUMNS,
}

EDGE_KINDS = ("power", "coolant", "network", "nvlink")

#: Root attributes. Those after ``wall_s`` are written by the simulation and read by reports;
#: ``economics`` and ``slo`` are JSON objects.
ROOT_ATTRS: dict[str, str] = {
    "format": "what this file is",
    "schema_version": "version of this layout",
    "complete": "whether the run reached its end; False is a torso, readable up to its last block",
    "error": "why a run stopped before its end, empty otherwise",
    "run_id": "hash of resolved scenario, seed and numbers version",
    "numbers_version": "rises whenever a result may differ for the same scenario and seed",
    "packages": "JSON object of package versions",
    "seed": "seed of all random streams",
    "start": "instant of simulated time zero, ISO 8601",
    "started": "wall-clock instant at which the run started, ISO 8601 UTC",
    "wall_s": "wall-clock time that the run took",
    "end_s": "simulated time at the end [s]; absent in a torso",
    "fidelity": "how requests were computed: event, batch or fluid",
    "arrived_requests": "requests that arrived at the gateway",
    "rejected_requests": "requests refused because they can never fit",
    "in_flight_requests": "requests queued or served at the end",
    "economics": "JSON: electricity_usd_per_j, output_price_usd_per_token, input_price_usd_per_token",
    "slo": "JSON: ttft_s, tpot_s, the limits within which a request is good",
}


def run_id(scenario_text: str, seed: int, numbers_version: int | str) -> str:
    """Name of a run and of its folder.

    Parameters
    ----------
    scenario_text : str
        The resolved scenario.
    seed : int
        Seed of the run.
    numbers_version : int or str
        ``twin.NUMBERS``.

    Returns
    -------
    str
        16 hexadecimal digits: 64 bits keep a million runs apart with odds of 3e-8.

    Examples
    --------
    >>> run_id("site: {}", 1, 1) == run_id("site: {}", 2, 1)
    False
    """
    text = "\x1f".join((str(numbers_version), str(seed), scenario_text))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


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
