"""The layout of a result file, as tables: the only place that names groups, columns and attributes.

The layout only grows. A name is never given a second meaning; :data:`SCHEMA_VERSION` rises with
each addition.

::

    /                  attributes: ROOT_ATTRS
    /scenario          the resolved scenario as text; attribute overlays
    /sources           what to cite for this run
    /assets/<kind>     id, place, size, parents, catalog
    /edges/<kind>      from_id, to_id, medium, length_m, route_start, route_m
    /series/<period>   time_s and one dataset a quantity (time, asset)
    /requests, /gaps, /events, /spans, /flows, /audit, /tariff, /jobs    columns of TABLES
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.requests import CANCELLED, FINISHED, INSIDE, REJECTED, SHED, STATUS

__all__ = [
    "CANCELLED",
    "FINISHED",
    "FORMAT",
    "INSIDE",
    "LEAST_CHUNK_ROWS",
    "MOST_CHUNKS",
    "REJECTED",
    "ROOT_ATTRS",
    "ROWS",
    "SCHEMA_VERSION",
    "SERIES_CHUNK",
    "SHED",
    "TABLES",
    "TRACE_NAME",
    "Column",
    "period_name",
    "trace_path",
]

SCHEMA_VERSION = 4
"""1: the first; 2: further columns of requests, the table of gaps, labels, tiers and sampling; 3: sites of several
halls, whose series are views of the halls' files; 4: the table of tariffs."""

FORMAT = "ai-factory-twin results"
TRACE_NAME = "trace.h5"

ROWS = "rows"
"""Attribute that says how many rows of a growing group are whole; written after them."""

MOST_CHUNKS = 60
"""Chunks of a dataset. 64 fill one index node of HDF5, and the splitting of a full node is the one
write that a kill can leave unreadable; larger data get larger chunks. For the same reason nothing that grows
is compressed."""

LEAST_CHUNK_ROWS = 4096
SERIES_CHUNK = (200, 500)


@dataclass(frozen=True)
class Column:
    """A column of a growing table.

    Parameters
    ----------
    name : str
        Name of the dataset.
    dtype : str
        NumPy type; ``S<n>`` for UTF-8 text of at most n bytes.
    unit : str
        SI unit, empty for text and indices.
    meaning : str
        One line for a reader who sees only the file.
    default : float, optional
        What a file without the column is taken to say; a column without default is always there.

    Examples
    --------
    >>> next(c for c in TABLES["requests"] if c.name == "attempts").missing(3).tolist()
    [1, 1, 1]
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    default: float | None = None

    def missing(self, rows: int) -> NDArray[Any]:
        """What stands for the column in a file that lacks it, array (row)."""
        return np.full(rows, 0 if self.default is None else self.default, dtype=self.dtype)


TABLES: dict[str, tuple[Column, ...]] = {
    "requests": (
        Column("request", "i4", "", "row among all arrivals of the run, in order of arrival"),
        Column("arrived_at_s", "f8", "s", "instant of arrival at the gateway"),
        Column("first_token_at_s", "f8", "s", "instant at which the first token was back at the gateway"),
        Column("done_at_s", "f8", "s", "instant at which the last token was back at the gateway"),
        Column("input_tokens", "i4", "1", "prompt tokens"),
        Column("output_tokens", "i4", "1", "tokens generated, or asked for while unfinished"),
        Column("replica", "i4", "", "row in /assets/replica, -1 for a rejected request"),
        Column("status", "i1", "", ", ".join(f"{i} {word}" for i, word in enumerate(STATUS[:5]))),
        Column("admitted_at_s", "f8", "s", "instant of first admission to a batch", math.nan),
        Column("cached_tokens", "i4", "1", "prompt tokens found in the prefix cache", 0),
        Column("generated_tokens", "i4", "1", "tokens generated when it left, -1 unknown", -1),
        Column("entry_replica", "i4", "", "row in /assets/replica of where its prompt was computed", -1),
        Column("tenant", "i2", "", "place in tenants of the attribute labels", 0),
        Column("tier", "i2", "", "place in tiers of the attribute labels", 0),
        Column("kind", "i2", "", "place in kinds of the attribute labels", 0),
        Column("session", "i4", "", "conversation or agent, -1 for none", -1),
        Column("attempts", "i1", "", "times it came to the gateway, 1 unless its replica died", 1),
    ),
    "gaps": (
        Column("group", "i4", "", "replicas that step together"),
        Column("sequences", "i4", "1", "sequences that got a token in each of these iterations"),
        Column("steps", "i8", "1", "iterations in a row"),
        Column("first_s", "f8", "s", "length of the first iteration, the gap between two tokens"),
        Column("growth_s", "f8", "s", "by how much each iteration is longer than the one before"),
    ),
    "events": (
        Column("time_s", "f8", "s", "instant of the event"),
        Column("kind", "S32", "", "kind of asset"),
        Column("asset", "S64", "", "id of the asset"),
        Column("what", "S128", "", "what happened"),
        Column("cause", "S64", "", "why, empty when unknown"),
    ),
    "spans": (
        Column("request", "i4", "", "row among all arrivals of the run"),
        Column("hop", "S64", "", "hop of the path, or queue, prefill, decode"),
        Column("from_s", "f8", "s", "instant at which the request entered the hop"),
        Column("to_s", "f8", "s", "instant at which it left the hop"),
    ),
    "flows": (
        Column("class", "S64", "", "class of traffic, as in the scenario; weights of replicas that start"),
        Column("from", "S64", "", "source: NVLink domain, storage, outside"),
        Column("to", "S64", "", "target: the same, or a replica"),
        Column("bytes", "f8", "bytes", "what it moved"),
        Column("began_at_s", "f8", "s", "instant at which it began"),
        Column("ended_at_s", "f8", "s", "instant at which it ended, NaN if it has not"),
        Column("is_whole", "i1", "", "1 if it moved all that it had, 0 if it was given up or has not ended"),
        Column(
            "alone_s",
            "f8",
            "s",
            "least time of a round of its class by the tightest link, NaN without an end",
        ),
    ),
    "audit": (
        Column("name", "S32", "", "the balance"),
        Column("in", "f8", "", "what went in"),
        Column("out", "f8", "", "what came out"),
        Column("inside", "f8", "", "what is still inside"),
        Column("residual_rel", "f8", "1", "what is left over, relative to the turnover"),
    ),
    "jobs": (
        Column("job", "i4", "", "row among all jobs of the run, in order of arrival"),
        Column("submitted_at_s", "f8", "s", "instant of arrival in the queue"),
        Column("started_at_s", "f8", "s", "instant at which it began, NaN while it waits"),
        Column("ended_at_s", "f8", "s", "instant at which it ended, NaN before"),
        Column("nodes", "i4", "1", "whole nodes"),
        Column("gpu_frac", "f4", "1", "utilisation of its GPUs"),
        Column("cpu_frac", "f4", "1", "utilisation of its CPUs"),
        Column("energy_j", "f8", "J", "energy of its nodes behind the power shelves, leakage apart"),
    ),
    "tariff": (
        Column("time_s", "f8", "s", "instant from which the row holds, until the next or the end of the run"),
        Column("electricity_usd_per_j", "f8", "USD/J", "price of energy from the grid"),
        Column("carbon_kg_per_j", "f8", "kg/J", "CO2 that it emits, NaN unknown"),
    ),
}

ROOT_ATTRS: dict[str, str] = {
    "format": "what this file is",
    "schema_version": "version of this layout",
    "complete": "whether the run reached its end; a torso is readable up to its last block",
    "error": "why a run stopped before its end, empty otherwise",
    "run_id": "scenario name and hash of resolved scenario, seed and numbers version",
    "numbers_version": "rises whenever the same scenario and seed give other numbers",
    "packages": "JSON object of package versions",
    "seed": "seed of all random streams",
    "start": "local time of the site at simulated time zero",
    "started": "wall-clock instant at which the run started, ISO 8601 UTC",
    "wall_s": "wall-clock time that the run took",
    "cpu_s": "CPU time that the run took",
    "peak_memory_bytes": "largest resident memory of the process",
    "scenario": "name of the scenario",
    "description": "its description",
    "fidelity": "how requests were computed: event or batch",
    "duration_s": "simulated time that was asked for",
    "tick_s": "period of the exchange between models",
    "arrivals": "requests that the workload brings over the whole run",
    "economics": "JSON: electricity_usd_per_j, input_price_usd_per_token, output_price_usd_per_token, "
    "demand_response_usd_per_j, and by_hour_usd_per_j, null or 24 prices of the local day; demand_usd_per_w, "
    "demand_window_s, capacity_usd_per_w and capacity_w, what a month costs",
    "grid_calls": "JSON list: at_s, window_s, notice_s, ramp_s, duration_s, amount_frac of each call of the grid",
    "cooling_faults": "JSON list: name, kind, asset, at_s of each event that takes cooling away",
    "storage": "JSON: energy_j, power_w, idle_w, wear of a battery at the grid connection with more to do than outages",
    "grid_limits": "JSON: ramp_w_per_s, the fastest change of power that the grid allows, where the scenario says so",
    "slo": "JSON: ttft_s, tpot_s, the limits that a good request keeps",
    "labels": "JSON: tenants, tiers, kinds, the names behind the columns of requests",
    "tiers": "JSON list: name, ttft_s, tpot_s, input_usd_per_token, output_usd_per_token",
    "sampling": "JSON: requests_frac, gaps_frac, the shares that were written; 1 is all",
    "job_nodes": "nodes that run jobs",
    "halls": "equal halls of the site; their own files lie in halls/<id> beside this one when there are several",
}


def trace_path(path: str | Path) -> Path:
    """File of a run, given the file itself or the run's folder.

    Examples
    --------
    >>> trace_path("runs/ab12.h5").name, trace_path("runs/ab12").name
    ('ab12.h5', 'trace.h5')
    """
    path = Path(path)
    is_file = path.is_file() or (path.suffix in {".h5", ".hdf5"} and not path.is_dir())
    return path if is_file else path / TRACE_NAME


def period_name(period_s: float) -> str:
    """Name of the group of the series with this sample period.

    Examples
    --------
    >>> period_name(10.0), period_name(0.5)
    ('10s', '0.5s')
    """
    return f"{period_s:.12g}s"
