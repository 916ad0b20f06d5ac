"""Finds things by file name: one file to add a thing, no central list."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Any

from twin.errors import CatalogError, Fault


@cache
def _plugged_in(group: str) -> EntryPoints:
    """Entry points of a group; to find them, the metadata of all installed packages are read."""
    return entry_points(group=group)


def names(package: str) -> tuple[str, ...]:
    """Names that a scenario may use for the plug-ins of a package.

    Parameters
    ----------
    package : str
        For example ``"twin.policies.routing"``; outside packages plug in through the
        entry-point group of the same name.

    Examples
    --------
    >>> "least-outstanding-tokens" in names("twin.policies.routing")
    True
    """
    module = importlib.import_module(package)
    own = {
        m.name.replace("_", "-") for m in pkgutil.iter_modules(module.__path__) if not m.name.startswith("_")
    }
    return tuple(sorted(own | {e.name for e in _plugged_in(package)}))


def find(package: str, name: str, attribute: str) -> Callable[..., Any]:
    """Return the function of a plug-in.

    Raises
    ------
    CatalogError
        When no file and no entry point has that name.
    """
    known = names(package)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise CatalogError(
            f"unknown name in {package}",
            [Fault("", 0, package, name, ", ".join(known), f"write {near[0] if near else known[0]}")],
        )
    for entry in _plugged_in(package):
        if entry.name == name:
            return getattr(entry.load(), attribute)  # type: ignore[no-any-return]
    return getattr(importlib.import_module(f"{package}.{name.replace('-', '_')}"), attribute)  # type: ignore[no-any-return]
