"""The catalog: hardware, plant and models as data, every value with unit, source and date.

One file is one card: ``<kind>/<name>.yaml``; the file name is the name used in scenarios. Packages
outside plug in through the entry-point group ``twin.catalog``: each entry names a package (or module)
whose folder holds ``<kind>/<name>.yaml`` too. So do the folders that the environment variable ``TWIN_CATALOG``
lists. Cards of this package keep their names.
"""

from __future__ import annotations

import difflib
import os
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from twin.catalog.card import Card, Source, Value
from twin.catalog.kinds import KINDS, attribute
from twin.catalog.reader import read
from twin.errors import CatalogError, Fault

__all__ = ["Card", "Source", "Value", "check_all", "get", "kinds", "names"]


def kinds() -> tuple[str, ...]:
    """Return the kinds of cards.

    Examples
    --------
    >>> "gpu" in kinds()
    True
    """
    return tuple(KINDS)


def names(kind: str) -> tuple[str, ...]:
    """Return the names of all cards of a kind, from file names alone.

    Raises
    ------
    CatalogError
        When there is no such kind.

    Examples
    --------
    >>> "gb200-nvl72" in names("system")
    True
    """
    return tuple(sorted(_paths(kind)))


@cache
def get(kind: str, name: str) -> Card:
    """Return a card; it is read once.

    Raises
    ------
    CatalogError
        When kind or name is unknown, or the file has faults.

    Examples
    --------
    >>> get("system", "gb200-nvl72").gpu_packages
    72
    """
    paths = _paths(kind)
    if name not in paths:
        raise _unknown(kind, name, tuple(sorted(paths)))
    card, faults = read(paths[name], kind)
    if faults:
        raise CatalogError(f"the {kind} {name} cannot be used", faults)
    return card


def check_all() -> list[Fault]:
    """Read every card and return all faults: units, sources, ranges, points, names of other cards."""
    faults: list[Fault] = []
    for kind, fields in KINDS.items():
        for path in _paths(kind).values():
            card, found = read(path, kind)
            faults += found
            for key, field in fields.items():
                other = card.get(attribute(key, field))
                if field.refers_to and other and other not in names(field.refers_to):
                    error = _unknown(field.refers_to, other, names(field.refers_to)).faults[0]
                    faults.append(Fault(str(path), 0, f"values.{key}", other, error.expected, error.mend))
    return faults


@cache
def _paths(kind: str) -> dict[str, Path]:
    if kind not in KINDS:
        raise _unknown("kind", kind, kinds())
    return {path.stem: path for folder in _folders() for path in (folder / kind).glob("*.yaml")}


@cache
def _folders() -> tuple[Path, ...]:
    outside = (Path(str(entry.load().__file__)).parent for entry in entry_points(group="twin.catalog"))
    named = (Path(folder) for folder in os.environ.get("TWIN_CATALOG", "").split(os.pathsep) if folder)
    return (*named, *outside, Path(__file__).parent)


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> CatalogError:
    near = difflib.get_close_matches(name, known, 3, 0.4)
    shown = near or known[:8]
    mend = f"write {near[0]}" if near else f"choose one of the {len(known)} known names"
    return CatalogError(f"unknown {kind} {name!r}", [Fault("", 0, kind, name, ", ".join(shown), mend)])
