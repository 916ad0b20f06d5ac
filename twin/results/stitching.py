"""The file of a site of several halls: one more look at the files of its halls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twin.results.layout import TABLES
from twin.results.reader import File, open_file
from twin.results.writer import Writer

WHOLE = "site"
"""The kind of which there is one, however many halls there are."""


class Part(NamedTuple):
    """A hall as part of a site.

    Parameters
    ----------
    prefix : str
        Put before its asset ids.
    path : Path
        Its result file, complete.
    offset_m : tuple of float
        Where it stands on the site, x and y [m].
    """

    prefix: str
    path: Path
    offset_m: tuple[float, float]


def stitch(writer: Writer, parts: Sequence[Part]) -> None:
    """Fill the file of a site from the complete files of its halls.

    Assets get the prefix of their hall; what stands inside racks stays in the files of the halls unless a series
    is about it. Series are views of those files, those of the site their sums. Tables are copied, with rows and
    sessions numbered on; balances are added up.

    Parameters
    ----------
    writer : Writer
        A new file.
    parts : sequence of Part
        Halls with equal assets, at least one.

    Raises
    ------
    ResultsError
        When a file cannot be read.
    """
    files = [open_file(part.path) for part in parts]
    try:
        _assets(writer, files, parts)
        _series(writer, files, parts)
        _tables(writer, files, parts)
        used = {
            name: [float(f.attrs.get(name, 0.0)) for f in files] for name in ("cpu_s", "peak_memory_bytes")
        }
        arrivals = sum(int(f.attrs["arrivals"]) for f in files)
        writer.attrs({
            "cpu_s": sum(used["cpu_s"]), "peak_memory_bytes": max(used["peak_memory_bytes"]), "arrivals": arrivals,
        })  # fmt: skip
    finally:
        for file in files:
            file.close()


def _assets(writer: Writer, files: Sequence[File], parts: Sequence[Part]) -> None:
    measured = {name.split(".", 1)[0] for name in files[0].series_names()}
    for kind in files[0].kinds():
        found = files[0].asset(kind)
        if kind == WHOLE:
            ends = np.array([part.offset_m for part in parts]).max(axis=0)
            size = found["size"] + np.array([*ends, 0.0])
            writer.assets(kind, found["id"], found["place"], size, found["parents"], found["catalog"])
        elif kind in measured or not any("/" in name for name in found["id"][:1]):
            place = [found["place"] + np.array([*part.offset_m, 0.0]) for part in parts]
            writer.assets(
                kind, _prefixed(found["id"], parts), np.concatenate(place), np.tile(found["size"], (len(parts), 1)),
                _prefixed(found["parents"], parts), found["catalog"] * len(parts),
            )  # fmt: skip


def _prefixed(ids: Sequence[str], parts: Sequence[Part]) -> list[str]:
    """Ids, or comma-separated lists of them, of every hall; the site keeps its own."""

    def one(prefix: str, name: str) -> str:
        return name if name in ("", WHOLE) else prefix + name

    return [",".join(one(part.prefix, n) for n in text.split(",")) for part in parts for text in ids]


def _series(writer: Writer, files: Sequence[File], parts: Sequence[Part]) -> None:
    sums: dict[str, NDArray[np.float64]] = {}
    time_s, period_s = np.empty(0), 0.0
    for name in files[0].series_names():
        first, period_s = files[0].series(name), files[0].period_s(name)
        time_s = first.time_s
        if name.split(".", 1)[0] == WHOLE:
            sums[name] = np.sum([f.series(name).values for f in files], axis=0, dtype=float)
        else:
            paths = {part.path: len(first.ids) for part in parts}
            writer.link_series(name, _prefixed(first.ids, parts), period_s, len(time_s), paths)
    if {"site.pue", "site.power_w", "site.it_power_w"} <= sums.keys():
        it_w = sums["site.it_power_w"]
        sums["site.pue"] = np.divide(
            sums["site.power_w"], it_w, out=np.full_like(it_w, np.nan), where=it_w > 0.0
        )
    for name in sums:
        writer.open_series(name, [WHOLE], period_s, len(time_s))
    writer.append_series(time_s, sums)


def _tables(writer: Writer, files: Sequence[File], parts: Sequence[Part]) -> None:
    rows = {"request": 0, "session": 0, "replica": 0}
    audit: dict[str, NDArray[np.float64]] = {}
    for file, part in zip(files, parts, strict=True):
        requests, gaps, events = file.requests(), file.gaps(), file.events()
        following = rows | {"request": rows["request"] + int(file.attrs["arrivals"])}
        following["session"] += int(requests["session"].max(initial=-1)) + 1
        following["replica"] += len(file.asset("replica")["id"])
        for name, kind in (
            ("request",) * 2,
            ("session",) * 2,
            ("replica",) * 2,
            ("entry_replica", "replica"),
        ):
            requests[name] = np.where(requests[name] >= 0, requests[name] + rows[kind], -1)
        gaps["group"] = gaps["group"] + rows["replica"]
        if len(events["time_s"]):
            events["asset"] = [part.prefix + name for name in events["asset"]]
            writer.append("events", events)
        flows = file.flows()
        if len(flows["bytes"]):
            for end in ("from", "to"):
                flows[end] = [part.prefix + name for name in flows[end]]
            writer.append("flows", flows)
        writer.append("requests", requests)
        writer.append("gaps", gaps)
        for name, book in file.audit().items():
            audit[name] = audit.get(name, np.zeros(3)) + np.array([book["in"], book["out"], book["inside"]])
        rows = following
    writer.append("audit", _books(audit))


def _books(audit: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Balances of all halls together, their residuals relative to the turnover."""
    sums = np.array(list(audit.values()))
    scale = np.maximum(np.abs(sums[:, :2]).max(axis=1), 1.0)
    residual = (sums[:, 0] - sums[:, 1] - sums[:, 2]) / scale
    columns = (list(audit), *sums.T, residual)
    return dict(zip((column.name for column in TABLES["audit"]), columns, strict=True))
