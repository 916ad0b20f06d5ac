"""The table that load generators print, from the requests of a run.

Rows and columns follow AIPerf of NVIDIA, so that a run can be laid beside a measurement. *Inter Token Latency* is
the mean gap of each request there (TPOT elsewhere); all gaps in one pool, the ITL of the vLLM benchmark,
stand in a row of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from twin.report.itl import Gaps
from twin.report.serving import Floats, Serving, known, percentiles, ratio

if TYPE_CHECKING:
    import pandas as pd

    from twin.report.run import Run

LEVELS = (99, 95, 90, 75, 50, 25, 10, 5, 1)
STATISTICS = ("avg", "min", "max", *(f"p{level}" for level in LEVELS), "std")


class Metric(NamedTuple):
    """A row of the table: label, unit in which it is shown, and ``shown = value * scale``."""

    label: str
    unit: str
    scale: float = 1.0


METRICS = {
    "ttft_s": Metric("Time to First Token", "ms", 1e3),
    "queue_s": Metric("Queue Time", "ms", 1e3),
    "e2e_s": Metric("Request Latency", "ms", 1e3),
    "tpot_s": Metric("Inter Token Latency", "ms", 1e3),
    "gap_s": Metric("Gap Between Tokens", "ms", 1e3),
    "output_tokens_per_s_per_user": Metric("Output Token Throughput Per User", "tokens/s/user"),
    "input_tokens": Metric("Input Sequence Length", "tokens"),
    "cached_tokens": Metric("Cached Input Tokens", "tokens"),
    "output_tokens": Metric("Output Sequence Length", "tokens"),
    "output_tokens_per_s": Metric("Output Token Throughput", "tokens/s"),
    "input_tokens_per_s": Metric("Input Token Throughput", "tokens/s"),
    "requests_per_s": Metric("Request Throughput", "requests/s"),
    "goodput_requests_per_s": Metric("Goodput", "requests/s"),
    "goodput_tokens_per_s": Metric("Goodput in Tokens", "tokens/s"),
    "requests_finished": Metric("Request Count", "requests"),
}
"""Rows by key, the unit of the values in every key."""


def statistics(serving: Serving) -> dict[str, dict[str, float]]:
    """Statistics of every metric that a run has, in SI units.

    Parameters
    ----------
    serving : Serving
        Requests of the run.

    Returns
    -------
    dict
        By key of :data:`METRICS`: avg, min, max, p99 to p1 and std (over n); throughputs and counts have
        avg only. Latencies to the first token include those of requests that are not finished. Throughputs are
        of finished requests, as a load generator sees them. Pooled gaps have exact order statistics.
    """
    done, columns = serving.done, serving.columns
    tpot = known(serving.tpot_s)
    samples = {
        "ttft_s": known(serving.ttft_s),
        "e2e_s": known(serving.e2e_s),
        "tpot_s": tpot,
        "output_tokens_per_s_per_user": 1.0 / tpot[tpot > 0.0],
        "input_tokens": columns["input_tokens"][done],
        "output_tokens": columns["output_tokens"][done],
    }
    if serving.knows_queue:
        samples |= {"queue_s": known(serving.queue_s), "cached_tokens": columns["cached_tokens"][done]}
    found = {key: _of_sample(values.astype(float)) for key, values in samples.items()}
    if serving.knows_gaps:
        found["gap_s"] = _of_gaps(serving.gaps)
    found |= {key: {"avg": value} for key, value in _rates(serving).items()}
    return {key: found[key] for key in METRICS if key in found}


def _rates(serving: Serving) -> dict[str, float]:
    done, good, columns = serving.done, serving.good, serving.columns
    totals = {
        "output_tokens_per_s": columns["output_tokens"][done].sum(dtype=float),
        "input_tokens_per_s": columns["input_tokens"][done].sum(dtype=float),
        "requests_per_s": float(done.sum()),
        "goodput_requests_per_s": float(good.sum()),
        "goodput_tokens_per_s": columns["output_tokens"][good].sum(dtype=float),
    }
    rates = {key: ratio(serving.weight * float(total), serving.lasted_s) for key, total in totals.items()}
    return rates | {"requests_finished": serving.weight * float(done.sum())}


def _of_sample(values: Floats) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(STATISTICS, float("nan"))
    levels = percentiles(values, LEVELS)
    row = (values.mean(), values.min(), values.max(), *levels, values.std())
    return {name: float(value) for name, value in zip(STATISTICS, row, strict=True)}


def _of_gaps(gaps: Gaps) -> dict[str, float]:
    row = (gaps.mean_s, *gaps.quantiles_s([0.0, 1.0, *(level / 100 for level in LEVELS)]), gaps.std_s)
    return {name: float(value) for name, value in zip(STATISTICS, row, strict=True)}


def aiperf_table(run: Run) -> pd.DataFrame:
    """The table of a load generator, for a notebook or ``to_csv``.

    Parameters
    ----------
    run : Run
        Complete or torso.

    Returns
    -------
    DataFrame
        A row a metric with its unit in the index (``Time to First Token (ms)``), columns :data:`STATISTICS` in that
        unit; empty cells where a statistic means nothing.

    Raises
    ------
    ResultsError
        When the file is damaged.

    Examples
    --------
    >>> aiperf_table(run).loc["Time to First Token (ms)", "p99"]  # doctest: +SKIP
    412.7
    """
    import pandas as pd

    rows = {
        f"{METRICS[key].label} ({METRICS[key].unit})": [
            row.get(name, np.nan) * METRICS[key].scale for name in STATISTICS
        ]
        for key, row in run.statistics.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(STATISTICS))
    return table.rename_axis("Metric")
