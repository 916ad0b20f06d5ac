"""Where every value of a scenario stands: file and line, overlays and all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from twin.errors import Fault

COMMAND_LINE = "--set"

Keys = tuple[str, ...]


class Mark(NamedTuple):
    """A place in a file, the line counted from 1; 0 when there are no lines."""

    file: str
    line: int


def keys_of(path: str | Sequence[str]) -> Keys:
    """Keys of a dotted path; list places may be written ``a.0`` or ``a[0]``.

    Examples
    --------
    >>> keys_of("racks.nvl72.fed_by[0]")
    ('racks', 'nvl72', 'fed_by', '0')
    """
    if not isinstance(path, str):
        return tuple(path)
    return tuple(k for k in path.replace("[", ".").replace("]", "").split(".") if k)


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
        Place of each value that stands in a file, by its keys.
    overlays : tuple of str
        Names of the overlays, in the order in which they were applied.
    """

    files: tuple[str, ...]
    document: Mapping[str, Any]
    marks: Mapping[Keys, Mark] = field(repr=False)
    overlays: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Folder of the file that was asked for."""
        return Path(self.files[0]).parent

    def line_of(self, path: str | Sequence[str]) -> Mark:
        """Place of a value, or of the nearest part around it that stands in a file.

        Examples
        --------
        >>> source = Source(("a.yaml",), {}, {(): Mark("a.yaml", 1), ("time",): Mark("a.yaml", 3)})
        >>> source.line_of("time.tick").line
        3
        """
        keys = keys_of(path)
        for end in range(len(keys), -1, -1):
            if keys[:end] in self.marks:
                return self.marks[keys[:end]]
        return Mark(self.files[0], 1)

    def fault(self, path: str | Sequence[str], found: str, expected: str, mend: str) -> Fault:
        """Fault at a path, with file and line filled in."""
        mark = self.line_of(path)
        return Fault(mark.file, mark.line, ".".join(keys_of(path)), found, expected, mend)

    def data_file(self, path: str, name: str) -> Path:
        """A data file that the value at ``path`` names, relative to the file in which it stands."""
        file = self.line_of(path).file
        return (self.folder if file == COMMAND_LINE else Path(file).parent) / name
