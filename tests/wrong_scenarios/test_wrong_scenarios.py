"""Ten wrong files; each is told with line, found, expected and mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.scenario import check

FOLDER = Path(__file__).parent
# Decided by the built site, not by the file alone.
OF_THE_SITE = {"more-racks-than-the-feed-carries": "racks.nvl72.count", "unfed-rack": "racks.island.fed_by"}
OF_THE_FILE = {
    "unknown-key": (7, "max_bach", "write max_batch"),
    "missing-unit": (5, "bare number 1.6", "write 1.6"),
    "wrong-unit": (5, "kW is a unit of power", "convert"),
    "duplicate-key": (7, "second time (first on line 5)", "remove one"),
    "unknown-catalog-name": (5, "gb200-nvl27", "write gb200-nvl72"),
    "not-a-number": (5, ".nan", "write a number"),
    "empty": (1, "an empty file", "begin with"),
    "binary": (1, "byte 0x89", "name a YAML file"),
}


def test_there_are_ten():
    assert {p.stem for p in FOLDER.glob("*.yaml")} == OF_THE_FILE.keys() | OF_THE_SITE.keys()


@pytest.mark.parametrize("name", sorted(OF_THE_FILE))
def test_each_is_told_once_and_fits_on_a_screen(name):
    faults = check(FOLDER / f"{name}.yaml")
    line, found, mend = OF_THE_FILE[name]
    assert len(faults) == 1
    assert (faults[0].file, faults[0].line) == (str(FOLDER / f"{name}.yaml"), line)
    assert found in faults[0].found
    assert mend in faults[0].mend
    assert faults[0].expected
    assert len(str(faults[0]).splitlines()) < 24


@pytest.mark.parametrize("name", sorted(OF_THE_SITE))
def test_files_that_only_the_site_refutes_are_valid_files(name):
    assert check(FOLDER / f"{name}.yaml") == []
