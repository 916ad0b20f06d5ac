"""What a study asks for: a list of runs, each with the name under which its results will lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunSpec:
    """One run of a study.

    Parameters
    ----------
    run_id : str
        Name of the run folder: scenario name and hash of content, seed and numbers version. Two
        runs that are the same run have the same one.
    variant : str
        Name of the variant in the study.
    grid : mapping of str to value
        The values of this grid point by path.
    scenario : str
        Absolute path of the scenario file.
    overlays : tuple of str
        Absolute paths of the overlay files, in order.
    set : mapping of str to value
        All values by path that are applied last, those of the grid point included.
    seed : int
        Seed of the run.
    """

    run_id: str
    variant: str
    grid: Mapping[str, Any]
    scenario: str
    overlays: tuple[str, ...]
    set: Mapping[str, Any]
    seed: int

    @property
    def name(self) -> str:
        """Variant and grid values; the same for all seeds.

        Examples
        --------
        >>> RunSpec("x-0", "hot-day", {"serving.max_batch": 64}, "x.yaml", (), {}, 1).name
        'hot-day serving.max_batch=64'
        """
        return " ".join([self.variant, *(f"{path}={value}" for path, value in self.grid.items())])


@dataclass(frozen=True)
class Plan:
    """All runs of a study.

    Parameters
    ----------
    name : str
        Name of the study, and of the folder of its results.
    numbers_version : str
        Version of the numbers for which the runs are named.
    runs : tuple of RunSpec
        Variants, then grid points, then seeds, each in the order of the file.
    """

    name: str
    numbers_version: str
    runs: tuple[RunSpec, ...]
