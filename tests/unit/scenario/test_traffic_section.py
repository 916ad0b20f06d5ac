"""Faults of the ``traffic`` section, each where it is."""

from __future__ import annotations

import pytest

from twin.scenario import check, load

from .conftest import SCENARIOS

FILE = SCENARIOS / "shared-fabric.yaml"
STORAGE = {"read": "400 GB/s", "write": "200 GB/s"}


def faults(flow=None, **section):
    """Places and remedies of the faults of a section, with one class of flows."""
    given = {"storage": STORAGE, "flows": {"some": flow} if flow else {}} | section
    found = check(FILE, set={"traffic": given})
    return {(fault.where.removeprefix("traffic.flows.some").lstrip("."), fault.mend) for fault in found}


SAVE = {"source": ["train-a"], "target": ["storage"], "bytes": "1 TB"}


def test_a_sound_section_has_none() -> None:
    assert faults(SAVE) == set()
    assert faults(weights="cold-start") == set()
    assert faults({"among": ["train-a", "train-b"], "bytes": "1 GB", "collective": "all_to_all"}) == set()


@pytest.mark.parametrize(
    ("flow", "where", "mend"),
    [
        ({"source": ["train-a"], "bytes": "1 TB"}, "", "add for example source: [storage]"),
        (SAVE | {"among": ["train-b"]}, "", "leave source and target out"),
        (SAVE | {"source": ["train-c"]}, "source.0", "write train-b"),
        (SAVE | {"target": ["storage", "outside"]}, "target", "write one"),
        (SAVE | {"source": ["outside"]}, "", "write gb200"),
        ({"among": ["gb200", "train-a"], "bytes": "1 GB"}, "among.0",
         "name other racks, and in serving.pools the racks of every pool"),
        ({"among": ["train-a", "train-b"], "rate": "1 GB/s"}, "", "add for example bytes: 20 GB"),
        ({"source": ["train-a"], "target": ["storage"]}, "", "add for example bytes: 2 TB"),
        (SAVE | {"each_request": "1 MB"}, "each_request", "remove bytes"),
        (SAVE | {"every": "10 s", "pause": "1 s"}, "pause", "remove pause"),
        ({"source": ["train-a"], "target": ["storage"], "rate": "1 GB/s", "every": "10 s"}, "every", "remove every"),
        (SAVE | {"start": "5 min"}, "start", "start earlier"),
        (SAVE | {"start": "10 s", "stop": "10 s"}, "start", "start earlier"),
    ],
)  # fmt: skip
def test_each_fault_says_where_and_how_to_mend_it(flow, where, mend) -> None:
    assert faults(flow) == {(where, mend)}


def test_storage_is_needed_by_who_uses_it() -> None:
    expected = {("traffic", "add storage: {read: 200 GB/s, write: 100 GB/s}")}
    assert faults(SAVE, storage=None) == expected
    assert faults(weights="restart", storage=None) == expected


def test_left_out_it_is_nothing() -> None:
    assert load(SCENARIOS / "disaggregated.yaml").traffic is None
