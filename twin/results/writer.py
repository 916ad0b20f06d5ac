"""Writes a result file in blocks, each on disk when its call returns."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from os.path import relpath
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Fault, ResultsError
from twin.quantities import QUANTITIES
from twin.results.layout import (
    FORMAT,
    LEAST_CHUNK_ROWS,
    MOST_CHUNKS,
    ROWS,
    SCHEMA_VERSION,
    SERIES_CHUNK,
    TABLES,
    period_name,
)

PACKAGES = ("numpy", "numba", "simpy", "networkx", "h5py", "ai-factory-twin")
# only for what is written once: a compressed chunk that grows is moved, and a kill can catch it homeless
COMPRESSED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def _text(values: Sequence[str], least: int = 1) -> NDArray[np.bytes_]:
    encoded = [v.encode() for v in values]
    return np.array(encoded, dtype=f"S{max([least, *map(len, encoded)])}")


class Writer:
    """A result file being written.

    Parameters
    ----------
    path : Path
        File to create; its folder exists.
    run_id, scenario_text, overlays, seed, start_iso, numbers_version, sources
        See ``ROOT_ATTRS`` and the layout.
    more : mapping
        Further root attributes, on disk with the first write.

    Raises
    ------
    ResultsError
        When the file cannot be created.
    """

    def __init__(
        self,
        path: Path,
        *,
        run_id: str,
        scenario_text: str,
        overlays: Sequence[str],
        seed: int,
        start_iso: str,
        numbers_version: str,
        sources: Sequence[str],
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        try:
            self._file = h5py.File(path, "w", libver="earliest")
        except OSError as error:
            fault = Fault(
                str(path), 0, "result file", str(error), "a place that can be written", "choose --out"
            )
            raise ResultsError("a result file cannot be created", [fault]) from None
        self._began = time.perf_counter()
        self._series: dict[str, h5py.Dataset] = {}
        self._start_iso = start_iso
        self.attrs(
            {
                "format": FORMAT, "schema_version": SCHEMA_VERSION, "complete": False, "error": "",
                "run_id": run_id, "numbers_version": numbers_version, "seed": seed, "start": start_iso,
                "started": datetime.now(UTC).isoformat(timespec="seconds"), "packages": json.dumps(_versions()), **more,
            }
        )  # fmt: skip
        self._file.create_dataset("scenario", data=_text([scenario_text])[0])
        self._file["scenario"].attrs["overlays"] = json.dumps(list(overlays))
        self._file.create_dataset("sources", data=_text(sources))
        for table in ("events", "audit"):
            self._table(table, LEAST_CHUNK_ROWS)
        self._file.flush()

    def attrs(self, values: Mapping[str, Any]) -> None:
        """Set root attributes."""
        self._file.attrs.update(values)

    def assets(
        self,
        kind: str,
        ids: Sequence[str],
        place: ArrayLike,
        size: ArrayLike,
        parents: Sequence[str],
        catalog: Sequence[str],
    ) -> None:
        """Write all assets of a kind.

        Parameters
        ----------
        kind : str
            Kind of asset.
        ids, parents, catalog : sequence of str (asset)
            Id, ids of what holds it (comma between several), card in the catalog.
        place, size : array (asset, 3)
            Corner with the smallest coordinates, and extent [m].
        """
        group = self._file.create_group(f"assets/{kind}")
        group.create_dataset("id", data=_text(ids))
        for name, values in (("place", place), ("size", size)):
            column = group.create_dataset(name, data=np.asarray(values, dtype=np.float64).reshape(-1, 3))
            column.attrs["units"] = "m"
        group.create_dataset("parents", data=_text(parents), **COMPRESSED)
        group.create_dataset("catalog", data=_text(catalog), **COMPRESSED)

    def edges(
        self, kind: str, from_ids: Sequence[str], to_ids: Sequence[str], medium: Sequence[str], length_m: ArrayLike,
        routes: Sequence[Sequence[Sequence[float]] | NDArray[np.float64]],
    ) -> None:  # fmt: skip
        """Write all edges of a kind with their routes.

        Parameters
        ----------
        kind : str
            power, coolant, air, network, nvlink.
        from_ids, to_ids, medium : sequence of str (edge)
            Ids of the two ends, and card in the catalog.
        length_m : array (edge)
            Length with slack [m].
        routes : sequence (edge) of points or array (point, 3)
            Way through the hall, empty where it is inside an asset [m].
        """
        group = self._file.create_group(f"edges/{kind}")
        for name, values in (("from_id", from_ids), ("to_id", to_ids), ("medium", medium)):
            group.create_dataset(name, data=_text(values), **COMPRESSED)
        group.create_dataset("length_m", data=np.asarray(length_m, dtype=np.float64), **COMPRESSED)
        starts = np.concatenate(([0], np.cumsum([len(r) for r in routes]))).astype(np.int64)
        group.create_dataset("route_start", data=starts, **COMPRESSED)
        flat = chain.from_iterable(chain.from_iterable(routes))
        points = np.fromiter(flat, dtype=np.float64, count=3 * starts[-1]).astype(np.float32).reshape(-1, 3)
        group.create_dataset("route_m", data=points, **(COMPRESSED if len(points) else {}))

    def open_series(self, name: str, ids: Sequence[str], period_s: float, samples: int = 0) -> None:
        """Declare a series before its first block.

        Parameters
        ----------
        name : str
            A name of :data:`twin.quantities.QUANTITIES`.
        ids : sequence of str
            Assets, in the order of the columns.
        period_s : float
            Sample period [s].
        samples : int
            How many are expected, for the size of chunks.
        """
        group = self._labelled(name, ids, period_s, samples)
        wide = min(max(len(ids), 1), SERIES_CHUNK[1])
        bands = -(-max(len(ids), 1) // wide)
        long = max(SERIES_CHUNK[0], -(-samples * bands // MOST_CHUNKS))
        data = group.create_dataset(name, (0, len(ids)), "f4", maxshape=(None, len(ids)), chunks=(long, wide))
        self._describe(data, name)
        self._series[name] = data

    def link_series(
        self, name: str, ids: Sequence[str], period_s: float, samples: int, parts: Mapping[Path, int]
    ) -> None:
        """Lay the series of other files side by side, as a view that holds no values of its own.

        Parameters
        ----------
        name, ids, period_s
            As in :meth:`open_series`.
        samples : int
            Rows of every part.
        parts : mapping of Path to int
            Files, and how many assets each has; found again as long as they lie where they do from here.
        """
        layout = h5py.VirtualLayout((samples, len(ids)), "f4")
        start, here = 0, Path(self._file.filename).parent
        for path, width in parts.items():
            source = (relpath(path, here), f"series/{period_name(period_s)}/{name}", (samples, width))
            layout[:, start : start + width] = h5py.VirtualSource(*source, dtype="f4")
            start += width
        group = self._labelled(name, ids, period_s, samples)
        self._describe(group.create_virtual_dataset(name, layout), name)

    def _labelled(self, name: str, ids: Sequence[str], period_s: float, samples: int) -> h5py.Group:
        """Group of a period, with its clock and the ids of this kind."""
        group = self._file.require_group(f"series/{period_name(period_s)}")
        if "time_s" not in group:
            clock = group.create_dataset(
                "time_s", (0,), "f8", maxshape=(None,), chunks=(_chunk_rows(samples),)
            )
            clock.attrs["units"] = f"seconds since {self._start_iso}"
            clock.make_scale("time_s")
            group.attrs["period_s"] = period_s
            group.attrs[ROWS] = 0
        labels = f"{QUANTITIES[name].asset_kind}_id"
        if labels not in group:
            group.create_dataset(labels, data=_text(ids)).make_scale(labels)
        return group

    def _describe(self, data: h5py.Dataset, name: str) -> None:
        """Units, meaning and scales of a series."""
        quantity, group = QUANTITIES[name], data.parent
        data.attrs.update({"units": quantity.unit, "long_name": quantity.meaning, "kind": quantity.kind})
        data.dims[0].attach_scale(group["time_s"])
        data.dims[1].attach_scale(group[f"{quantity.asset_kind}_id"])

    def append_series(self, time_s: NDArray[np.float64], values: Mapping[str, NDArray[np.float64]]) -> None:
        """Write one block of samples of all series; it is on disk when this returns.

        Parameters
        ----------
        time_s : array (sample)
            Instants at which the samples end [s].
        values : mapping of str to array (sample, asset)
            One block a series.
        """
        group = next(iter(self._series.values())).parent
        rows = int(group.attrs[ROWS])
        series = {"time_s": group["time_s"], **self._series}
        for name, block in (("time_s", time_s), *values.items()):
            _extend(series[name], rows, block)
        self._count(group, rows + len(time_s))

    def expect(self, table: str, rows: int) -> None:
        """Lay out a growing table for about so many rows."""
        self._table(table, _chunk_rows(rows))

    def append(self, table: str, columns: Mapping[str, ArrayLike]) -> None:
        """Write one block of rows of a table; it is on disk when this returns.

        Parameters
        ----------
        table : str
            A name of ``TABLES``.
        columns : mapping of str to array (row)
            Columns of the table, equally long; those with a default may be left out.
        """
        added = len(np.asarray(next(iter(columns.values()))))
        if table not in self._file:
            self.expect(table, added)
        if not added:
            return
        group = self._file[table]
        rows = int(group.attrs[ROWS])
        for column in TABLES[table]:
            is_left_out = column.name not in columns and column.default is not None
            values = column.missing(added) if is_left_out else columns[column.name]
            if column.dtype.startswith("S"):
                values = _text([str(v) for v in values], int(column.dtype[1:])).astype(column.dtype)  # type: ignore[union-attr]
            data = group[column.name]
            data.resize(rows + added, axis=0)
            data[rows:] = values
        self._count(group, rows + added)

    def _count(self, group: h5py.Group, rows: int) -> None:
        """Say that rows are there, once they are: a flush that is killed may write its parts in any order."""
        self._file.flush()
        group.attrs[ROWS] = rows
        self._file.flush()

    def _table(self, name: str, chunk_rows: int) -> None:
        group = self._file.create_group(name)
        group.attrs[ROWS] = 0
        for column in TABLES[name]:
            data = group.create_dataset(
                column.name, (0,), column.dtype, maxshape=(None,), chunks=(chunk_rows,)
            )
            data.attrs["long_name"] = column.meaning
            if column.unit:
                data.attrs["units"] = column.unit

    def close(self, complete: bool, error: str = "") -> None:
        """Finish the file; ``complete`` is the last thing that is written."""
        if not self._file:
            return
        self.attrs({"wall_s": time.perf_counter() - self._began, "error": error})
        self._file.flush()
        self.attrs({"complete": complete})
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(complete=False, error=str(error or ""))


def _extend(data: h5py.Dataset, rows: int, block: NDArray[np.float64]) -> None:
    """Write a block behind the rows that are there; by the low-level interface, at a third of the time."""
    shape = (rows + len(block), *block.shape[1:])
    data.id.set_extent(shape)
    place = data.id.get_space()
    place.select_hyperslab((rows, *(0 for _ in shape[1:])), block.shape)
    data.id.write(
        h5py.h5s.create_simple(block.shape), place, np.ascontiguousarray(block, dtype=data.id.dtype)
    )


def _chunk_rows(rows: int) -> int:
    return max(LEAST_CHUNK_ROWS, -(-rows // MOST_CHUNKS))


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
