"""A result file as reports read it: older ones are filled up, damaged ones are answered with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from numbers import Real
from pathlib import Path
from typing import Any

from twin.errors import Fault, ResultsError
from twin.results import TABLES, Edges, File, Series, open_file, trace_path
from twin.results.layout import ROWS

TEXTS = ("run_id", "scenario", "description", "fidelity", "start", "error", "numbers_version")
NUMBERS = ("seed", "duration_s", "tick_s", "arrivals")
OBJECTS = {
    "economics": ("electricity_usd_per_j", "input_price_usd_per_token", "output_price_usd_per_token"),
    "slo": ("ttft_s", "tpot_s"),
}
ADDED: dict[str, Any] = {
    "labels": {},
    "tiers": [],
    "sampling": {},
    "grid_calls": [],
    "cooling_faults": [],
    "networks": [],
    "storage": {},
    "grid_limits": {},
}
"""Attributes that files of the first layout lack, and what they would say."""

MEND = "run the scenario again"
DAMAGE = (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, RuntimeError)
"""What h5py, JSON and NumPy raise on a file that somebody changed by hand."""


class Source(File):
    """An opened result file whose gaps are filled or named; made by :func:`open_source`.

    Parameters
    ----------
    path : Path
        The HDF5 file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.texts: dict[str, Any] = {}

    def json(self, name: str) -> Any:
        """A JSON attribute; for one that came with a later layout, what an older file would say."""
        if name not in self.texts:
            written = self.attrs.get(name)
            self.texts[name] = ADDED.get(name) if written is None else json.loads(written)
        return self.texts[name]

    def faults(self) -> list[Fault]:
        """All that is wrong with the attributes."""
        found = [
            self._fault(name, "nothing", "a text")
            for name in TEXTS
            if not isinstance(self.attrs.get(name), str)
        ]
        for name in NUMBERS:
            if not isinstance(self.attrs.get(name), Real):
                found.append(self._fault(name, str(self.attrs.get(name, "nothing")), "a number"))
        for name in (*OBJECTS, *ADDED):
            if problem := self._json_problem(name):
                found.append(self._fault(name, *problem))
        return found

    def _json_problem(self, name: str) -> tuple[str, str] | None:
        keys = OBJECTS.get(name, ())
        expected = "JSON object with numbers " + ", ".join(keys) if keys else "JSON as the layout says"
        if name in OBJECTS and name not in self.attrs:
            return "nothing", expected
        try:
            value = self.json(name)
        except (ValueError, TypeError) as error:
            return f"{str(self.attrs[name])[:60]!r} ({error})", expected
        if not isinstance(value, type(ADDED.get(name, {}))):
            return f"{type(value).__name__}", expected
        if wrong := [key for key in keys if not isinstance(value.get(key), Real)]:
            return f"no number at {', '.join(wrong)}", expected
        checks: dict[str, Callable[[Any], bool]] = {
            "labels": _is_names,
            "tiers": _is_tiers,
            "sampling": _is_shares,
            "grid_calls": _are_calls,
            "cooling_faults": _are_faults,
            "networks": _are_networks,
            "storage": _is_store,
            "grid_limits": _are_numbers,
        }
        return None if checks.get(name, bool)(value) else (str(value)[:60], expected)

    def has(self, table: str, column: str) -> bool:
        """Whether a column was written, and does not only take its default."""
        with self._telling(f"/{table}"):
            return f"{table}/{column}" in self._file

    def names(self, what: str) -> list[str]:
        """Names of ``tenants``, ``tiers`` or ``kinds``; empty in an older file."""
        return [str(name) for name in self.json("labels").get(what, ())]

    @property
    def scenario(self) -> str:
        """The resolved scenario as text."""
        with self._telling("/scenario"):
            return super().scenario

    @property
    def overlays(self) -> list[str]:
        """Overlays that made it."""
        with self._telling("/scenario, attribute overlays"):
            return super().overlays

    @property
    def sources(self) -> tuple[str, ...]:
        """What to cite."""
        with self._telling("/sources"):
            return super().sources

    def kinds(self) -> tuple[str, ...]:
        """Kinds of assets; none in a torso that was cut before they were written."""
        with self._telling("/assets"):
            return tuple(self._file.get("assets", ()))

    def asset(self, kind: str) -> dict[str, Any]:
        """Columns of the assets of a kind."""
        with self._telling(f"/assets/{kind}"):
            if "assets" not in self._file:
                raise KeyError("no assets were written")
            return super().asset(kind)

    def edges(self, kind: str) -> Edges:
        """Edges of a kind."""
        with self._telling(f"/edges/{kind}"):
            return super().edges(kind)

    def series_names(self) -> tuple[str, ...]:
        """Recorded quantities."""
        with self._telling("/series"):
            return super().series_names()

    def series(self, name: str) -> Series:
        """A recorded quantity, as many samples as assets and instants say."""
        with self._telling(f"series {name}"):
            found = super().series(name)
            if found.values.shape != (len(found.time_s), len(found.ids)):
                raise ValueError(
                    f"values {found.values.shape}, but {len(found.time_s)} x {len(found.ids)} labels"
                )
            return found

    def need_series(self, *names: str) -> None:
        """Refuse a file that lacks some of these series, naming all of them."""
        recorded = self.series_names()
        if lacking := [name for name in names if name not in recorded and not self._has_none(name)]:
            faults = [self._fault(f"series {name}", "nothing", "a dataset (time, asset)") for name in lacking]
            raise ResultsError("a result file is damaged", faults)

    def audit(self) -> dict[str, dict[str, float]]:
        """Balances by name."""
        with self._telling("/audit"):
            return super().audit()

    def gaps(self) -> dict[str, Any]:
        """Columns of the gaps between tokens; empty in an older file."""
        return self._columns("gaps")

    def _columns(self, table: str) -> dict[str, Any]:
        with self._telling(f"/{table}"):
            group = self._file.get(table)
            rows = int(group.attrs[ROWS]) if group is not None else 0
            found: dict[str, Any] = {}
            for column in TABLES[table]:
                if group is None or (column.name not in group and column.default is not None):
                    data = column.missing(rows) if group is not None else column.missing(0)
                else:
                    data = group[column.name][:rows]
                if len(data) != rows:
                    raise ValueError(f"column {column.name} has {len(data)} of {rows} rows")
                is_text = column.dtype.startswith("S")
                found[column.name] = tuple(v.decode() for v in data) if is_text else data
            return found

    def _fault(self, where: str, found: str, expected: str) -> Fault:
        return Fault(str(self.path), 0, where, found, expected, MEND)

    @contextmanager
    def _telling(self, where: str) -> Iterator[None]:
        with telling(self.path, where):
            yield


@contextmanager
def telling(path: Path, where: str) -> Iterator[None]:
    """Turn what a damaged file makes libraries raise into an error that says how to mend it.

    Raises
    ------
    ResultsError
        Naming file and place.

    Examples
    --------
    >>> with telling(Path("trace.h5"), "/audit"):
    ...     raise KeyError("no column in")
    Traceback (most recent call last):
    twin.errors.ResultsError: a result file is damaged
    trace.h5 /audit
      found:    no column in
      expected: what the layout of result files says
      mend:     run the scenario again
    """
    try:
        yield
    except DAMAGE as error:
        found = str(error.args[0] if error.args else error).splitlines() or [type(error).__name__]
        fault = Fault(str(path), 0, where, found[0], "what the layout of result files says", MEND)
        raise ResultsError("a result file is damaged", [fault]) from None


def open_source(path: Path) -> Source:
    """Open a result file for reports.

    Parameters
    ----------
    path : Path
        A run folder or its file, whatever the file is called.

    Raises
    ------
    ResultsError
        When there is none, or with all attributes that are missing or broken.
    """
    file = trace_path(path)
    with telling(file, "attributes"):
        open_file(file if file.is_file() else path).close()
        source = Source(file)
    if faults := source.faults():
        source.close()
        raise ResultsError("a result file is damaged", faults)
    return source


def _is_names(value: dict[str, Any]) -> bool:
    return all(isinstance(names, list) for names in value.values())


def _is_tiers(value: list[Any]) -> bool:
    prices = ("ttft_s", "tpot_s", "input_usd_per_token", "output_usd_per_token")
    return all(
        isinstance(t, dict) and all(isinstance(t.get(k, 0.0), Real | None) for k in prices) for t in value
    )


def _is_store(value: Any) -> bool:
    """Size of a battery, or nothing."""
    return not value or all(isinstance(value.get(key), Real) for key in ("energy_j", "power_w"))


def _are_numbers(value: dict[str, Any]) -> bool:
    return all(isinstance(number, Real) for number in value.values())


def _is_shares(value: dict[str, Any]) -> bool:
    return all(isinstance(share, Real) for name, share in value.items() if name.endswith("_frac"))


def _are_faults(value: list[Any]) -> bool:
    return all(isinstance(f, dict) and isinstance(f.get("at_s"), Real) for f in value)


NETWORK_KEYS = (
    {"layer", "tier", "name", "count", "power_w"},
    {"layer", "part", "lines", "rate_bytes_per_s", "bytes_per_s_per_gpu", "cables", "length_m", "optics_w",
     "price_usd", "failures_per_day"},
)  # fmt: skip
"""What rows of switches and rows of cables hold."""


def _are_networks(value: Any) -> bool:
    return all(isinstance(row, dict) and set(row) in NETWORK_KEYS for row in value)


def _are_calls(value: list[Any]) -> bool:
    keys = ("at_s", "window_s", "notice_s", "ramp_s", "duration_s", "amount_frac")
    return all(isinstance(c, dict) and all(isinstance(c.get(k), Real) for k in keys) for c in value)
