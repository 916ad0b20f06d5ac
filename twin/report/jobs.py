"""What became of batch jobs."""

from __future__ import annotations

import numpy as np

from twin.report.source import Source


def job_figures(file: Source) -> dict[str, float]:
    """Key figures of the jobs of a run; none of a run without jobs.

    Parameters
    ----------
    file : Source
        An opened result file.

    Returns
    -------
    dict
        Waits are of jobs that began, energy of those that ended; NaN where there are none. Utilisation is the share of
        the time of all nodes that jobs held.
    """
    nodes = file.attrs.get("job_nodes")
    if nodes is None:
        return {}
    table, lasted_s = file.jobs(), float(file.attrs["duration_s"])
    began, ended = np.isfinite(table["started_at_s"]), np.isfinite(table["ended_at_s"])
    wait_s = (table["started_at_s"] - table["submitted_at_s"])[began]
    until_s = np.where(ended, table["ended_at_s"], lasted_s)
    held_s = np.where(began, (until_s - table["started_at_s"]) * table["nodes"], 0.0)
    return {
        "jobs_submitted": float(len(began)),
        "jobs_started": float(began.sum()),
        "jobs_ended": float(ended.sum()),
        "job_node_utilisation_frac": float(held_s.sum() / (nodes * lasted_s)),
        "job_wait_mean_s": _of(np.mean, wait_s),
        "job_wait_p50_s": _of(np.median, wait_s),
        "job_wait_p95_s": _of(lambda v: np.percentile(v, 95), wait_s),
        "job_energy_mean_j": _of(np.mean, table["energy_j"][ended]),
        "job_energy_j": float(table["energy_j"].sum()),
    }


def _of(gather: object, values: np.ndarray) -> float:
    return float(gather(values)) if len(values) else float("nan")  # type: ignore[operator]
