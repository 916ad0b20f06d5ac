"""Writes a result file in blocks, so that a run killed at any moment leaves a file that opens.

Data are stored in chunks of fixed size without compression. A compressed chunk that grows is moved,
and whatever takes its old place destroys rows that were already on disk: replaying the writes of
such a file one by one, most of the states in which a kill can leave it lose rows of earlier blocks;
with fixed chunks none does. It also costs a third of the CPU time.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import ceil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import ArrayLike

from twin.errors import Fault, ResultsError
from twin.quantities import QUANTITIES
from twin.results import layout
from twin.results.layout import Column

TEXT = h5py.string_dtype("utf-8")
PACKAGES = ("ai-factory-twin", "numpy", "numba", "simpy", "networkx", "h5py", "pydantic")


class Writer:
    """An open result file.

    Every ``append_…`` is one block: it is on disk when the call returns. Use it as a context
    manager; leaving it with an error keeps what was written and notes the error in the file.

    Parameters
    ----------
    path : path
        File to make, or run folder in which ``trace.h5`` is made. What is there is replaced.
    run_id : str
        Name of the run.
    scenario_text : str
        The resolved scenario.
    overlays : sequence of str
        Overlays that made it.
    seed : int
        Seed of the run.
    start_iso : str
        Instant of simulated time zero, ISO 8601.
    numbers_version : str
        ``twin.NUMBERS``.
    sources : sequence of str
        What to cite for this run.

    Raises
    ------
    ResultsError
        When the file cannot be made, or when the instant is not ISO 8601.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> with Writer(folder, run_id="r", scenario_text="", overlays=[], seed=1,
    ...             start_iso="2026-07-15T00:00:00", numbers_version="1", sources=[]) as writer:
    ...     writer.open_series("rack.power_w", ["rack-1"], period_s=10.0)
    ...     writer.append_series([10.0, 20.0], {"rack.power_w": [[1e5], [2e5]]})
    >>> from twin.results import open_file
    >>> open_file(folder).series("rack.power_w").values[:, 0].tolist()
    [100000.0, 200000.0]
    """

    def __init__(
        self,
        path: str | Path,
        *,
        run_id: str,
        scenario_text: str,
        overlays: Sequence[str],
        seed: int,
        start_iso: str,
        numbers_version: str,
        sources: Sequence[str],
    ) -> None:
        self.path = layout.trace_path(path)
        self._began_s = time.monotonic()
        self._start = _instant(start_iso)
        self._group_of: dict[str, h5py.Group] = {}
        self._series: dict[str, list[str]] = {}
        self._hops: dict[str, int] = {}
        with self._disk():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # The earliest format opens plainly after a kill; newer ones want a repair first.
            self._file = h5py.File(self.path, "w", libver="earliest")
            self._file.attrs.update({
                "format": layout.FORMAT, "schema_version": layout.SCHEMA_VERSION, "complete": np.bool_(False),
                "error": "", "run_id": run_id, "numbers_version": numbers_version, "packages": _packages(),
                "seed": seed, "start": start_iso, "started": datetime.now(UTC).isoformat(timespec="seconds"),
            })  # fmt: skip
            scenario = self._file.create_dataset("scenario", data=scenario_text, dtype=TEXT)
            scenario.attrs["overlays"] = np.array(overlays, dtype=object).astype(TEXT)
            self._file.create_dataset("sources", data=list(sources), dtype=TEXT)
            for group in ("assets", "edges", "series"):
                self._file.create_group(group)
            # All tables exist from the start: a link added later could be cut in half by a kill.
            self._tables = {name: _Table(self._file, name) for name in layout.TABLES}
            self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(complete=error is None, error="" if error is None else f"{type(error).__name__}: {error}")

    def attrs(self, values: Mapping[str, Any]) -> None:
        """Write root attributes; mappings and lists become JSON.

        Parameters
        ----------
        values : mapping of str to value
            See :data:`twin.results.ROOT_ATTRS`.
        """
        with self._disk():
            for name, value in values.items():
                self._file.attrs[name] = json.dumps(value) if isinstance(value, dict | list) else value

    def assets(
        self,
        kind: str,
        ids: Sequence[str],
        place: ArrayLike,
        size: ArrayLike,
        parents: Sequence[str],
        catalog: Sequence[str],
        columns: Mapping[str, ArrayLike] | None = None,
    ) -> None:
        """Write all assets of a kind.

        Parameters
        ----------
        kind : str
            As in the names of series.
        ids : sequence of str
            In the order of the plant's arrays.
        place, size : (asset, xyz)
            Lowest corner and extent [m].
        parents : sequence of str
            Ids of what each belongs to, separated by commas, nearest first.
        catalog : sequence of str
            Catalog names, empty without one.
        columns : mapping of str to array
            Further columns, for example ``phases``.
        """
        group = self._new_group(f"assets/{kind}")
        with self._disk():
            _put(group, "id", ids)
            for name, value in (("place", place), ("size", size)):
                data = np.asarray(value, dtype=float).reshape(len(ids), 3)
                group.create_dataset(name, data=data).attrs["units"] = "m"
            _put(group, "parents", parents)
            _put(group, "catalog", catalog)
            for name, values in (columns or {}).items():
                _put(group, name, values)
            self._file.flush()

    def edges(
        self,
        kind: str,
        from_ids: Sequence[str],
        to_ids: Sequence[str],
        medium: Sequence[str],
        length_m: ArrayLike,
        routes: Sequence[np.ndarray],
    ) -> None:
        """Write all edges of a kind with their routes.

        Parameters
        ----------
        kind : str
            ``power``, ``coolant``, ``air``, ``network`` or ``nvlink``.
        from_ids, to_ids : sequence of str
            Ids of the assets at both ends.
        medium : sequence of str
            What it is made of: a catalog name or a medium.
        length_m : (edge,)
            Length [m].
        routes : sequence of (point, xyz)
            Polyline of each edge [m], empty when it is not drawn.
        """
        group = self._new_group(f"edges/{kind}")
        points = [np.asarray(r, dtype=float).reshape(-1, 3) for r in routes]
        start = np.concatenate([[0], np.cumsum([len(p) for p in points], dtype=np.int64)]).astype(np.int64)
        with self._disk():
            _put(group, "from", from_ids)
            _put(group, "to", to_ids)
            _put(group, "medium", medium)
            group.create_dataset("length_m", data=np.asarray(length_m, dtype=float)).attrs["units"] = "m"
            group.create_dataset("route_start", data=start)
            stacked = np.concatenate(points) if points else np.empty((0, 3))
            group.create_dataset("route_points", data=stacked).attrs["units"] = "m"
            self._file.flush()

    def open_series(self, name: str, ids: Sequence[str], period_s: float) -> None:
        """Announce a series; all of a period come with each of its blocks.

        Parameters
        ----------
        name : str
            One of :data:`twin.quantities.QUANTITIES`.
        ids : sequence of str
            Assets, in the order of the values.
        period_s : float
            Sample period [s], larger than zero.

        Raises
        ------
        ResultsError
            When the quantity is not declared or opened twice.
        """
        if name not in QUANTITIES or name in self._group_of:
            found = "opened twice" if name in self._group_of else "no declared quantity"
            raise self._wrong(
                name, found, "a name of twin.quantities, once", "declare the quantity, or open it once"
            )
        quantity = QUANTITIES[name]
        with self._disk():
            group = self._period_group(period_s)
            labels = self._labels(group, quantity.asset_kind, ids)
            chunk = (
                layout.SERIES_CHUNK[0],
                ceil(len(ids) / max(1, ceil(len(ids) / layout.SERIES_CHUNK[1]))) or 1,
            )
            data = group.create_dataset(
                name, (0, len(ids)), np.float32, chunks=chunk, maxshape=(None, len(ids)), fillvalue=np.nan
            )
            data.attrs.update({"units": quantity.unit, "long_name": quantity.meaning, "kind": quantity.kind})
            data.dims[0].attach_scale(group["time"])
            data.dims[1].attach_scale(labels)
        self._group_of[name] = group
        self._series.setdefault(group.name, []).append(name)

    def append_series(self, time_s: ArrayLike, values: Mapping[str, ArrayLike]) -> None:
        """Write a block of samples.

        Parameters
        ----------
        time_s : (time,)
            Ends of the sample periods [s], rising.
        values : mapping of str to (time, asset)
            All series of one period, in the unit of their quantity.

        Raises
        ------
        ResultsError
            When a series is missing or unknown, has another shape, or time does not rise.
        """
        times = np.asarray(time_s, dtype=float)
        if not values or not len(times):
            return
        group = self._check_block(times, values)
        with self._disk():
            first = int(group.attrs[layout.ROWS])
            for name, value in values.items():
                _extend(group[name], first, np.asarray(value))
            _extend(group["time"], first, times)
            self._commit([(group, first + len(times))])

    def append_requests(self, columns: Mapping[str, ArrayLike]) -> None:
        """Write a block of requests.

        Parameters
        ----------
        columns : mapping of str to (request,)
            See :data:`twin.results.REQUEST_COLUMNS`; the first block fixes the optional ones.

        Raises
        ------
        ResultsError
            When a column is missing, unknown or of another length.
        """
        self._append({"requests": columns})

    def append_events(self, events: Iterable[Any]) -> None:
        """Write a block of events: objects with ``time_s``, ``kind``, ``asset``, ``what``, ``cause``."""
        events = list(events)
        names = [c.name for c in layout.EVENT_COLUMNS]
        self._append({"events": {n: [getattr(e, n) for e in events] for n in names}})

    def append_spans(self, spans: Iterable[tuple[int, str, float, float]]) -> None:
        """Write spans of requests: row of the request, name of the hop, from and to [s]."""
        rows, hops, from_s, to_s = zip(*spans, strict=True) if (spans := list(spans)) else ((), (), (), ())
        fresh = [h for h in dict.fromkeys(hops) if h not in self._hops]
        self._hops.update({hop: len(self._hops) + i for i, hop in enumerate(fresh)})
        index = [self._hops[h] for h in hops]
        columns = {"row": rows, "hop": index, "from_s": from_s, "to_s": to_s}
        self._append({"spans/hops": {"name": fresh}, "spans": columns})

    def audit(self, balances: Mapping[str, Mapping[str, float]]) -> None:
        """Write the balances of the run: by name, ``in``, ``out``, ``inside`` and ``residual_rel``."""
        rows = list(balances.values())
        columns: dict[str, ArrayLike] = {"name": list(balances)}
        for column in layout.AUDIT_COLUMNS[1:]:
            columns[column.name] = [row[column.name] for row in rows]
        self._append({"audit": columns})

    def close(self, complete: bool = True, error: str | None = None) -> None:
        """Close the file; a second call does nothing.

        Parameters
        ----------
        complete : bool
            Whether the run reached its end. Written last, after everything else is on disk.
        error : str
            Why it did not.
        """
        if not self._file:
            return
        try:
            with self._disk():
                self._file.attrs["wall_s"] = time.monotonic() - self._began_s
                if error:
                    self._file.attrs["error"] = error
                self._file.flush()
                self._file.attrs.modify("complete", np.bool_(complete))
                self._file.flush()
        finally:
            self._file.close()

    def _append(self, blocks: Mapping[str, Mapping[str, ArrayLike]]) -> None:
        with self._disk():
            grown = [self._tables[name].extend(columns, self._wrong) for name, columns in blocks.items()]
            self._commit([g for g in grown if g is not None])

    def _commit(self, grown: list[tuple[h5py.Group, int]]) -> None:
        """Put rows on disk, and only then say that they are there."""
        if not grown:
            return
        self._file.flush()
        for group, rows in grown:
            group.attrs.modify(layout.ROWS, np.int64(rows))
        self._file.flush()

    def _check_block(self, times: np.ndarray, values: Mapping[str, ArrayLike]) -> h5py.Group:
        name = next(iter(values))
        opened = self._series.get(self._group_of[name].name, []) if name in self._group_of else []
        if missing := sorted(set(opened) ^ set(values)):
            expected = f"the opened series: {', '.join(opened) or 'none'}"
            raise self._wrong(
                missing[0], "missing or not opened", expected, "open each series, append all at once"
            )
        group = self._group_of[name]
        for series, value in values.items():
            shape = (len(times), group[series].shape[1])
            if np.shape(value) != shape:
                raise self._wrong(
                    series, f"shape {np.shape(value)}", f"shape {shape}", "give a value a time and asset"
                )
        rows = int(group.attrs[layout.ROWS])
        before = float(group["time"][rows - 1]) if rows else -np.inf
        if not np.all(np.diff(times, prepend=before) > 0.0):
            raise self._wrong(
                "time_s", str(times[:3]), f"rising instants after {before} s", "append in order of time"
            )
        return group

    def _period_group(self, period_s: float) -> h5py.Group:
        name = f"series/{layout.period_name(period_s)}"
        if name in self._file:
            return self._file[name]
        group = self._file.create_group(name)
        group.attrs.create(layout.ROWS, 0, dtype=np.int64)
        group.attrs["period_s"] = period_s
        time_s = group.create_dataset(
            "time",
            (0,),
            np.float64,
            chunks=(layout.COLUMN_CHUNK_ROWS // 8,),
            maxshape=(None,),
            fillvalue=np.nan,
        )
        time_s.attrs["units"] = f"seconds since {self._start:%Y-%m-%d %H:%M:%S}"
        time_s.attrs["long_name"] = "end of the sample period"
        time_s.make_scale("time")
        return group

    def _labels(self, group: h5py.Group, kind: str, ids: Sequence[str]) -> h5py.Dataset:
        if kind not in group:
            labels = group.create_dataset(kind, data=list(ids), dtype=TEXT)
            labels.make_scale(kind)
        elif len(group[kind]) != len(ids):
            raise self._wrong(
                kind, f"{len(ids)} ids", f"{len(group[kind])} ids", "give the same assets as before"
            )
        return group[kind]

    def _new_group(self, name: str) -> h5py.Group:
        if name in self._file:
            raise self._wrong(name, "written before", "each kind once", "write all of a kind in one call")
        return self._file.create_group(name)

    def _wrong(self, where: str, found: str, expected: str, mend: str) -> ResultsError:
        return ResultsError(
            "results that do not fit the file", [Fault(str(self.path), 0, where, found, expected, mend)]
        )

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            mend = "free space on the disk, check permissions, or give another --out"
            fault = Fault(str(self.path), 0, "", str(error), "a file that can be written", mend)
            raise ResultsError("the result file cannot be written", [fault]) from error


class _Table:
    """A growing group of columns of one length."""

    def __init__(self, file: h5py.File, name: str) -> None:
        self.group = file.require_group(name)
        self.group.attrs.create(layout.ROWS, 0, dtype=np.int64)
        self.columns = layout.TABLES[name]
        self.chunk_rows = (
            layout.COLUMN_CHUNK_ROWS if name in {"requests", "spans"} else layout.SMALL_CHUNK_ROWS
        )
        for column in self.columns:
            if column.is_required:
                self._create(column)

    def _create(self, column: Column) -> None:
        dtype = TEXT if column.dtype == "text" else np.dtype(column.dtype)
        data = self.group.create_dataset(
            column.name, (0,), dtype, chunks=(self.chunk_rows,), maxshape=(None,)
        )
        data.attrs.update({"units": column.unit, "long_name": column.meaning})

    def extend(self, columns: Mapping[str, ArrayLike], wrong: Any) -> tuple[h5py.Group, int] | None:
        """Add rows that count only once they are committed; None when there are none."""
        rows = int(self.group.attrs[layout.ROWS])
        if rows == 0:
            for column in self.columns:
                if column.name in columns and column.name not in self.group:
                    self._create(column)
        known = [c.name for c in self.columns if c.name in self.group]
        if odd := sorted(set(columns) ^ set(known)):
            found = "missing" if odd[0] in known else "unknown, or not in the first block"
            raise wrong(
                f"{self.group.name}/{odd[0]}", found, ", ".join(known), "give the same columns in every block"
            )
        lengths = {name: len(np.atleast_1d(values)) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise wrong(
                self.group.name, f"lengths {lengths}", "one length", "give one value a row in each column"
            )
        added = next(iter(lengths.values()))
        if not added:
            return None
        for name, values in columns.items():
            _extend(self.group[name], rows, np.asarray(values))
        return self.group, rows + added


def _extend(data: h5py.Dataset, first: int, values: np.ndarray) -> None:
    """Write rows behind those that are committed."""
    data.resize(first + len(values), axis=0)
    data[first:] = values if values.dtype.kind != "U" else values.astype(object)


def _put(group: h5py.Group, name: str, values: ArrayLike) -> None:
    array = np.asarray(values)
    if array.dtype.kind in "UO" or not array.size:
        group.create_dataset(name, data=[str(v) for v in array.tolist()], dtype=TEXT)
    else:
        group.create_dataset(name, data=array)


def _packages() -> str:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return json.dumps(found)


def _instant(start_iso: str) -> datetime:
    try:
        return datetime.fromisoformat(start_iso)
    except ValueError:
        fault = Fault(
            "", 0, "start_iso", repr(start_iso), "an instant in ISO 8601", "write 2026-07-15T00:00:00"
        )
        raise ResultsError("not an instant", [fault]) from None
