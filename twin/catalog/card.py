"""What a catalog file becomes: values in SI, each with what was written and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from twin.catalog.kinds import KINDS, attribute
from twin.errors import CatalogError, Fault


@dataclass(frozen=True)
class Source:
    """Where a value comes from.

    Parameters
    ----------
    text : str
        Publication, page, data set, or the derivation.
    date : str
        ``YYYY`` or ``YYYY-MM`` of the source, else of the reading.
    confidence : str
        For example ``spec sheet``, ``measured``, ``textbook``, ``assumption``.
    """

    text: str
    date: str
    confidence: str


@dataclass(frozen=True)
class Value:
    """One value of a card.

    Parameters
    ----------
    name : str
        Attribute name inside, with its SI suffix.
    si : float or int or str
        The value in SI; a count is an int, a text a str.
    as_written : str
        As it stands in the file, with its unit.
    dimension : str
        Dimension of :mod:`twin.units`, or ``count``, ``number``, ``text``.
    source : Source
    """

    name: str
    si: float | int | str
    as_written: str
    dimension: str
    source: Source


@dataclass(frozen=True)
class Card:
    """A component: its values are attributes named with their SI suffix.

    Parameters
    ----------
    kind, name : str
        Folder and file name; the name is the one used in scenarios.
    title, note : str
        For people.
    values : mapping of str to Value
        By attribute name.
    file : str
        The file it was read from.

    Raises
    ------
    CatalogError
        On reading a value that the kind knows and this card lacks.
    AttributeError
        On reading a name that the kind does not know.

    Examples
    --------
    >>> import twin.catalog as catalog
    >>> card = catalog.get("gpu", "b200-gb200")
    >>> card.tdp_w, card.dies, card.source_of("dies").date
    (1200.0, 2, '2026-11')
    """

    kind: str
    name: str
    title: str
    note: str = ""
    values: Mapping[str, Value] = field(default_factory=dict, hash=False)
    file: str = ""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "values":  # not yet filled while unpickling
            raise AttributeError(name)
        return self._value(name).si

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value in SI, or ``default`` where the card leaves it blank."""
        value = self.values.get(name)
        return default if value is None and self._key(name) else self._value(name).si

    def source_of(self, name: str) -> Source:
        """Return where a value comes from."""
        return self._value(name).source

    def table(self) -> list[tuple[str, str, str, str, str]]:
        """Rows of name, value as written, source, date and confidence."""
        return [
            (v.name, v.as_written, v.source.text, v.source.date, v.source.confidence)
            for v in self.values.values()
        ]

    def _key(self, name: str) -> str:
        key = _keys(self.kind).get(name, "")
        if not key:
            raise AttributeError(f"a {self.kind} has no {name}")
        return key

    def _value(self, name: str) -> Value:
        value = self.values.get(name)
        if value is not None:
            return value
        key = self._key(name)
        mend = f"choose another {self.kind}, or give {key} in the scenario or, with its source, in the card"
        where = f"{self.kind} {self.name}"
        fault = Fault(self.file, 0, where, f"no value for {key}", f"a value: {key} is not known", mend)
        raise CatalogError(f"the {where} leaves {key} blank", [fault])


@cache
def _keys(kind: str) -> dict[str, str]:
    """Keys of a kind by their names inside."""
    return {attribute(key, one): key for key, one in KINDS[kind].items()}
