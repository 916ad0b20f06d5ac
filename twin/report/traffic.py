"""What shared the links of a hall with KV transfers: bytes, bandwidth and slowdown of each class."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin.report.run import Run
from twin.report.tables import MOST_ROWS, Rows, cell

KV = "KV transfers"
HEADS = ("class", "rounds", "GB", "GB/s in rounds", "round p50 s", "longest s", "slowdown mean", "most")


def classes(flows: dict[str, Any], lasted_s: float = math.inf) -> dict[str, dict[str, float]]:
    """Figures of each class of traffic.

    Parameters
    ----------
    flows : dict of str to array (flow)
        Columns of the table ``flows`` of a result file.
    lasted_s : float
        End of the record, where what flows all the time is cut off [s].

    Returns
    -------
    dict
        By class: ``rounds`` that were completed, ``bytes`` of all that moved, ``open_flows`` given up or under way at
        the end; of the completed rounds ``bytes_per_s`` while one ran, ``round_p50_s``, ``round_max_s``, and
        ``slowdown_mean`` and ``slowdown_max``, their time over that of their tightest link alone. NaN where
        there is nothing to measure: what flows all the time has no rounds. Each replica that loads its weights is
        a round.

    Examples
    --------
    >>> found = classes({
    ...     "class": ("save", "save"), "to": ("storage",) * 2, "bytes": np.array([6.0, 4.0]),
    ...     "began_at_s": np.zeros(2), "ended_at_s": np.array([3.0, 4.0]), "is_whole": np.ones(2, int),
    ...     "alone_s": np.array([2.0, 2.0])})
    >>> found["save"]["bytes_per_s"], found["save"]["slowdown_max"]
    (2.5, 2.0)
    """
    found = {}
    names = np.array(flows["class"])
    is_steady = np.isnan(flows["ended_at_s"]) & np.isnan(flows["alone_s"]) & (lasted_s < math.inf)
    flows = flows | {
        "ended_at_s": np.where(is_steady, lasted_s, flows["ended_at_s"]),
        "is_whole": np.where(is_steady, 1, flows["is_whole"]),
    }
    for name in dict.fromkeys(flows["class"]):
        rows = np.flatnonzero(names == name)
        began = flows["began_at_s"][rows]
        keys: list[Any] = list(
            zip(began, np.array(flows["to"])[rows] if name == "weights" else began, strict=True)
        )
        index = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        found[name] = _figures(flows, rows, np.array([index[key] for key in keys]))
    return found


def _figures(flows: dict[str, Any], rows: NDArray[np.int64], of: NDArray[np.int64]) -> dict[str, float]:
    """Figures of the flows of a class, given the round of each."""
    count = int(of.max(initial=-1)) + 1
    whole = flows["is_whole"][rows] > 0
    done = np.bincount(of, ~whole, count) == 0
    moved = np.bincount(of, flows["bytes"][rows], count)
    lasted_s, alone_s = np.zeros(count), np.full(count, np.nan)
    np.maximum.at(lasted_s, of[whole], (flows["ended_at_s"] - flows["began_at_s"])[rows][whole])
    alone_s[of] = flows["alone_s"][rows]
    slowdown = lasted_s[done] / alone_s[done]
    known = slowdown[np.isfinite(slowdown)]
    total_s = lasted_s[done].sum()
    nothing, has_rounds = float("nan"), bool(np.isfinite(alone_s).any())
    return {
        "rounds": float(done.sum()) if has_rounds else nothing,
        "bytes": float(moved.sum()),
        "open_flows": float((~whole).sum()),
        "bytes_per_s": float(moved[done].sum() / total_s) if total_s > 0.0 else nothing,
        "round_p50_s": float(np.median(lasted_s[done])) if has_rounds and done.any() else nothing,
        "round_max_s": float(lasted_s[done].max()) if has_rounds and done.any() else nothing,
        "slowdown_mean": float(known.mean()) if len(known) else nothing,
        "slowdown_max": float(known.max()) if len(known) else nothing,
    }


def traffic_rows(run: Run, most: int = MOST_ROWS) -> Rows | None:
    """What moved over the links, by class; none without other traffic."""
    found = classes(run.file.flows(), run.serving.lasted_s)
    if not found:
        return None
    rows = []
    for name, figures in list(found.items())[:most]:
        values = (figures["rounds"], figures["bytes"] / 1e9, figures["bytes_per_s"] / 1e9)
        times = (figures[key] for key in ("round_p50_s", "round_max_s", "slowdown_mean", "slowdown_max"))
        rows.append((name, *(cell(value) for value in (*values, *times))))
    kv_bytes = float(run["replica.sent_bytes"].values.sum(dtype=float))
    rows.append((KV, "–", cell(kv_bytes / 1e9), *["–"] * 5))
    note = "Slowdown: time of a round over what its tightest link alone would take; KV that went to other replicas."
    left = sum(figures["open_flows"] for figures in found.values())
    return Rows(
        "traffic on the links", HEADS, rows, note + (f" {left:.0f} flows not completed." if left else "")
    )
