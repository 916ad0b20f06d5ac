"""Every error a user can meet: where, what was found, what was expected, how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong, in the words a user needs to mend it.

    Parameters
    ----------
    where : str
        Path inside the file (``cooling.liquid.supply``) or the asset (``rack-03``).
    found, expected, mend : str
        What stands there, what may stand there, what to write or do instead.
    file : str
        The file, empty when the fault is not in a file.
    line : int
        Line counted from 1; 0 when it has none.
    """

    file: str
    line: int
    where: str
    found: str
    expected: str
    mend: str

    def __str__(self) -> str:
        spot = ":".join(p for p in (self.file, str(self.line) if self.line else "") if p)
        head = " ".join(p for p in (spot, self.where) if p)
        return f"{head}\n  found:    {self.found}\n  expected: {self.expected}\n  mend:     {self.mend}"


class TwinError(Exception):
    """Base of all errors that are shown to a user without a traceback.

    Parameters
    ----------
    message : str
        One sentence.
    faults : iterable of Fault
        All faults that were seen, not only the first.
    """

    exit_code = 2

    def __init__(self, message: str, faults: Iterable[Fault] = ()) -> None:
        self.message = message
        self.faults = tuple(faults)
        super().__init__("\n".join([message, *map(str, self.faults)]))

    def __reduce__(self) -> tuple[object, ...]:  # keeps the faults across process borders
        return type(self), (self.message, self.faults)


class UnitError(TwinError):
    """A value without a unit, with an unknown unit or with a unit of another dimension."""


class CatalogError(TwinError):
    """A component that is unknown, incomplete or implausible."""


class ScenarioError(TwinError):
    """A scenario, overlay or study file that cannot be used as it is."""


class TopologyError(TwinError):
    """A site that cannot run: something unfed, overloaded or without a place."""


class ResultsError(TwinError):
    """A result file that cannot be read or written."""


class StudyError(TwinError):
    """A study that cannot be planned or finished."""


class MissingLibrary(TwinError):
    """An optional package or system library that this machine lacks."""

    exit_code = 3


class PhysicalRangeError(TwinError):
    """A running model left its physical range; what was recorded so far is kept."""

    exit_code = 4
