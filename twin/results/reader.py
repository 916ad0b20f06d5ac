"""Reads result files: lazily, and only what was committed, so that a torso reads as far as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import h5py
import numpy as np

from twin.errors import Fault, ResultsError
from twin.results import layout


@dataclass(frozen=True, eq=False)
class Series:
    """A recorded quantity over time; NumPy takes it for its values.

    Parameters
    ----------
    name : str
        ``kind.quantity_unit``.
    values : (time, asset)
        In SI.
    time_s : (time,)
        Ends of the sample periods [s].
    ids : tuple of str
        Assets.
    unit : str
        SI unit.
    kind : {"mean", "point", "sum"}
        Mean over the period, value at its end, or total over it.
    meaning : str
        One line.
    period_s : float
        Sample period [s].
    """

    name: str
    values: np.ndarray
    time_s: np.ndarray
    ids: tuple[str, ...]
    unit: str
    kind: str
    meaning: str
    period_s: float

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return len(self.values)

    def of(self, asset: str) -> np.ndarray:
        """Values (time,) of one asset.

        Raises
        ------
        ResultsError
            When the series has no such asset.
        """
        if asset not in self.ids:
            raise _unknown(self.name, asset, self.ids)
        values: np.ndarray = self.values[:, self.ids.index(asset)]
        return values

    @property
    def durations_s(self) -> np.ndarray:
        """Lengths (time,) of the sample periods [s]; the last one of a run may be shorter."""
        lengths: np.ndarray = np.diff(self.time_s, prepend=0.0)
        return lengths


class Edges(NamedTuple):
    """All edges of a kind.

    Parameters
    ----------
    from_ids, to_ids, medium : (edge,)
        Assets at both ends and what lies between.
    length_m : (edge,)
        Length [m].
    routes : list of (point, xyz)
        Polylines [m].
    """

    from_ids: np.ndarray
    to_ids: np.ndarray
    medium: np.ndarray
    length_m: np.ndarray
    routes: list[np.ndarray]


class File:
    """An open result file; :func:`open_file` gives it.

    Parameters
    ----------
    path : path
        Of the HDF5 file.
    handle : h5py.File
        Open for reading.
    """

    def __init__(self, path: Path, handle: h5py.File) -> None:
        self.path = path
        self._file = handle
        self.attrs: dict[str, Any] = {
            k: v.item() if hasattr(v, "item") else v for k, v in handle.attrs.items()
        }
        periods = handle["series"].values()
        self._series = {n: g for g in periods for n, d in g.items() if d.ndim == 2}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return bool(self.attrs["complete"])

    @property
    def scenario(self) -> str:
        """The resolved scenario as text."""
        return str(self._file["scenario"].asstr()[()])

    @property
    def overlays(self) -> tuple[str, ...]:
        """Overlays that made the scenario."""
        return tuple(self._file["scenario"].attrs["overlays"])

    @property
    def sources(self) -> tuple[str, ...]:
        """What to cite for this run."""
        return tuple(self._file["sources"].asstr()[()])

    @property
    def asset_kinds(self) -> tuple[str, ...]:
        """Kinds of assets."""
        return tuple(self._file["assets"])

    @property
    def edge_kinds(self) -> tuple[str, ...]:
        """Kinds of edges."""
        return tuple(self._file["edges"])

    @property
    def series_names(self) -> tuple[str, ...]:
        """Names of the recorded series."""
        return tuple(self._series)

    def assets(self, kind: str) -> dict[str, np.ndarray]:
        """Columns of the assets of a kind: ``id``, ``place``, ``size`` [m], ``parents``, ``catalog``.

        Raises
        ------
        ResultsError
            When the file has no such kind.
        """
        if kind not in self._file["assets"]:
            raise _unknown(str(self.path), kind, self.asset_kinds)
        with _reading(self.path):
            return {name: _values(data) for name, data in self._file["assets"][kind].items()}

    def edges(self, kind: str) -> Edges:
        """Edges of a kind with their routes.

        Raises
        ------
        ResultsError
            When the file has no such kind.
        """
        if kind not in self._file["edges"]:
            raise _unknown(str(self.path), kind, self.edge_kinds)
        with _reading(self.path):
            group = self._file["edges"][kind]
            points, start = group["route_points"][()], group["route_start"][()]
            routes = [points[a:b] for a, b in zip(start[:-1], start[1:], strict=True)]
            ends = [_values(group[n]) for n in ("from", "to", "medium")]
            return Edges(ends[0], ends[1], ends[2], group["length_m"][()], routes)

    def series(self, name: str) -> Series:
        """One recorded series, whole.

        Raises
        ------
        ResultsError
            When it was not recorded; names the nearest.
        """
        if name not in self._series:
            raise _unknown(str(self.path), name, self.series_names)
        group = self._series[name]
        data = group[name]
        with _reading(self.path):
            rows = _rows(group)
            ids = tuple(data.dims[1][0].asstr()[()])
            about = {k: str(data.attrs[k]) for k in ("units", "kind", "long_name")}
            return Series(
                name, data[:rows], group["time"][:rows], ids, about["units"], about["kind"], about["long_name"],
                float(group.attrs["period_s"]),
            )  # fmt: skip

    def table(self, name: str, columns: Iterable[str] | None = None) -> dict[str, np.ndarray]:
        """Columns of ``requests``, ``events``, ``spans``, ``spans/hops`` or ``audit``.

        Parameters
        ----------
        name : str
            The table.
        columns : iterable of str, optional
            Those to read, as far as the file has them; all if left out.
        """
        with _reading(self.path):
            group = self._file.get(name)
            if group is None:  # a file from before the table was added to the layout
                return {}
            rows = _rows(group)
            order = [c.name for c in layout.TABLES[name] if c.name in group]
            wanted = order if columns is None else [c for c in columns if c in group]
            return {c: _values(group[c], rows) for c in wanted}

    def spans(self) -> dict[str, np.ndarray]:
        """Columns ``row``, ``hop`` (its name), ``from_s`` and ``to_s`` of all spans."""
        spans = self.table("spans")
        hops = self.table("spans/hops").get("name", np.empty(0, dtype=object))
        return {**spans, "hop": hops[spans["hop"]]} if spans else {}


def open_file(path: str | Path) -> File:
    """Open a result file, complete or torso.

    Parameters
    ----------
    path : path
        Run folder or ``.h5`` file.

    Raises
    ------
    ResultsError
        When there is none, it is not HDF5, cut off, not a result file, or of a newer layout.
    """
    file = layout.trace_path(path)
    if not file.is_file():
        mend = "name a run folder made by `twin run`, or its .h5 file"
        raise _refuse(file, "no such file", "a result file", mend)
    with _reading(file):
        handle = h5py.File(file, "r", locking=False)  # a run may be read while it is written
    try:
        _check(file, handle)
        return File(file, handle)
    except ResultsError:
        handle.close()
        raise
    except (KeyError, OSError, RuntimeError) as error:
        handle.close()
        raise _refuse(
            file, f"a damaged file: {error}", "a whole result file", "run the scenario again"
        ) from None


def is_complete(path: str | Path) -> bool:
    """Whether a run reached its end; False where there is no readable file.

    Examples
    --------
    >>> is_complete("no-such-run")
    False
    """
    try:
        with open_file(path) as file:
            return file.complete
    except ResultsError:
        return False


def _check(path: Path, handle: h5py.File) -> None:
    if handle.attrs.get("format") != layout.FORMAT:
        raise _refuse(
            path,
            "an HDF5 file of something else",
            "a result file of this program",
            "name a run of `twin run`",
        )
    found = int(handle.attrs["schema_version"])
    if found > layout.SCHEMA_VERSION:
        expected = f"layout {layout.SCHEMA_VERSION} or older"
        raise _refuse(
            path,
            f"layout {found}, made by a newer version",
            expected,
            "update: pip install -U ai-factory-twin",
        )


def _rows(group: h5py.Group) -> int:
    """Committed rows, or fewer if a damaged column is shorter."""
    lengths = [len(d) for d in group.values() if isinstance(d, h5py.Dataset) and d.maxshape[0] is None]
    return min([int(group.attrs[layout.ROWS]), *lengths])


def _values(data: h5py.Dataset, rows: int | None = None) -> np.ndarray:
    part = slice(None) if rows is None else slice(rows)
    values: np.ndarray = data.asstr()[part] if h5py.check_string_dtype(data.dtype) else data[part]
    return values


def _unknown(where: str, name: str, known: Iterable[str]) -> ResultsError:
    known = tuple(known)
    near = get_close_matches(name, known, 1) or known[:1]
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    mend = f"write {near[0]}" if near else "record it: run the scenario again"
    return ResultsError(
        "not in the results", [Fault("", 0, where, name, shown or "nothing was recorded", mend)]
    )


def _refuse(path: Path, found: str, expected: str, mend: str) -> ResultsError:
    return ResultsError("the results cannot be read", [Fault(str(path), 0, "", found, expected, mend)])


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:
        expected, mend = (
            "a whole result file",
            "copy it again from where it was made, or run the scenario again",
        )
        raise _refuse(path, str(error).splitlines()[0], expected, mend) from None
