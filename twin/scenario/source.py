"""Where every value of a scenario stands: file and line, overlays and all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from twin.errors import Fault

COMMAND_LINE = "--set"


class Mark(NamedTuple):
    """A place in a file, the line counted from 1; 0 where there are no lines."""

    file: str
    line: int


def dotted(path: str) -> str:
    """Path in its one form: list places as ``a.0``, though ``a[0]`` may be written.

    Examples
    --------
    >>> dotted("racks.nvl72.fed_by[0]")
    'racks.nvl72.fed_by.0'
    """
    return path.replace("[", ".").replace("]", "")


@dataclass(frozen=True)
class Source:
    """What was read, and where each value stands.

    Parameters
    ----------
    files : tuple of str
        Files that were read, the one that was asked for first.
    document : mapping
        The values as people wrote them, overlays applied.
    marks : mapping
        Place of each value that stands in a file, by its dotted path.
    overlays : tuple of str
        Names of the overlays, in the order in which they were applied.
    """

    files: tuple[str, ...]
    document: Mapping[str, Any]
    marks: Mapping[str, Mark] = field(repr=False)
    overlays: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Folder of the file that was asked for."""
        return Path(self.files[0]).parent

    def line_of(self, path: str) -> Mark:
        """Place of a value, or of the nearest part around it that stands in a file.

        Examples
        --------
        >>> source = Source(("a.yaml",), {}, {"time": Mark("a.yaml", 3)})
        >>> source.line_of("time.tick")
        Mark(file='a.yaml', line=3)
        """
        keys = dotted(path).split(".")
        for end in range(len(keys), 0, -1):
            mark = self.marks.get(".".join(keys[:end]))
            if mark is not None:
                return mark
        return Mark(self.files[0], 1)

    def fault(self, path: str, found: str, expected: str, mend: str) -> Fault:
        """Fault at a path, with file and line filled in."""
        file, line = self.line_of(path)
        return Fault(file, line, dotted(path), found, expected, mend)

    def data_file(self, path: str, name: str) -> Path:
        """A data file that the value at ``path`` names, relative to the file in which it stands."""
        file = self.line_of(path).file
        name = name.replace("\0", "\ufffd")  # no file system has it: it is answered like any missing file
        return (self.folder if file == COMMAND_LINE else Path(file).parent) / name
