"""A wrong card gives faults with file, line and mend; each guard fails once here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.catalog import strict_yaml
from twin.catalog.reader import read
from twin.errors import Fault

GOOD = """\
kind: ups
name: small
title: Small UPS
sources:
  guess: {text: a guess, date: 2026-11, confidence: assumption}
values:
  rating: {value: 100 kW, source: guess}
  loss_constant: {value: 0.01, source: guess}
  loss_linear: {value: 1 %, source: guess}
  loss_quadratic: {value: 0.02, source: guess}
points:
  - {relation: efficiency, at: {load: 50 %}, value: 96.2 %, within: 0.1 %, source: guess}
"""


def _faults(tmp_path: Path, text: str) -> list[Fault]:
    path = tmp_path / "small.yaml"
    path.write_text(text)
    return read(path, "ups").faults


def test_a_right_card_has_no_faults(tmp_path: Path) -> None:
    assert _faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    "case",
    [
        ("100 kW", "100 kg", 7, "kg is a unit of mass", ""),
        ("100 kW", "100 kw", 7, "unknown unit 'kw'", "write 100 kW"),
        ("100 kW", "100", 7, "bare number", "write 100 W"),
        ("100 kW", "100 mW", 7, "100 mW = 0.1 W", "check the unit"),
        ("value: 0.02", "value: 2", 10, "2 = 2 1", "check the unit"),
        ("value: 0.02", "value: .nan", 10, "nan", ""),
        ("value: 0.02", "value: true", 10, "True", ""),
        ("  rating: {value: 100 kW, source: guess}\n", "", 6, "no rating", "add rating"),
        ("rating", "ratting", 7, "unknown key ratting", "write rating"),
        ("100 kW, source: guess", "100 kW, source: guest", 7, "'guest'", "name the source"),
        ("100 kW, source: guess", "100 kW", 7, "None", "name the source"),
        ("date: 2026-11, ", "", 5, "no date", "add date"),
        ("kind: ups", "kind: pdu", 1, "'pdu'", "write kind: ups"),
        ("name: small", "name: smell", 2, "'smell'", "write name: small"),
        ("value: 96.2 %", "value: 98 %", 12, "0.96", "mend the values"),
        ("efficiency", "beauty", 12, "'beauty'", "name a relation"),
        ("load: 50 %", "load: 50 kW", 12, "kW is a unit of power", ""),
        ("title: Small UPS", "title: Small UPS\ntitle: Other", 4, "second time", "remove one title"),
        ("title: Small UPS", "title: [", 5, "", "brackets"),
    ],
)
def test_each_guard(tmp_path: Path, case: tuple[str, str, int, str, str]) -> None:
    before, after, line, found, mend = case
    assert before in GOOD
    faults = _faults(tmp_path, GOOD.replace(before, after, 1))
    hits = [f for f in faults if found in f.found and mend in f.mend]
    assert hits, faults
    assert any(f.line == line and f.file.endswith("small.yaml") for f in hits), hits


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\x00\xff\xfe",
        b"- a\n- b\n",
        b"just text",
        b"[" * 50_000,
        b"- " * 50_000,
        b"a: 1\n---\nb: 2\n",
    ],
)
def test_a_file_that_is_no_card(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "small.yaml"
    path.write_bytes(content)
    assert read(path, "ups").faults


def test_all_faults_are_seen_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("100 kW", "100 kg").replace("1 %", "1 W").replace("title", "titel")
    assert len(_faults(tmp_path, text)) >= 3


def test_yaml_traps_are_not_sprung() -> None:
    data = strict_yaml.loads("on: off\nat: 12:30\nbig: 1.0e6\nnone: ~\nyes: [no, 010, '7', -2, 3.5]").data
    assert data == {"on": "off", "at": "12:30", "big": 1e6, "none": None, "yes": ["no", 10, "7", -2, 3.5]}


def test_aliases_are_refused() -> None:
    document = strict_yaml.loads("a: &x [1]\nb: *x")
    assert document.faults[0].found == "an alias"


def test_only_texts_are_keys() -> None:
    document = strict_yaml.loads("[a, b]: 1\nc: 2")
    assert document.faults[0].found == "a key that is not a text"
    assert document.data == {"c": 2}


def test_lines_of_nested_keys() -> None:
    lines = strict_yaml.loads("a:\n  b: 1\n  c:\n    - x\n    - y: 2\n").lines
    assert lines["a.b"] == 2
    assert lines["a.c.1"] == 5
    assert lines["a.c.1.y"] == 5


_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(_PLAIN)
def test_json_is_read_as_it_stands(data: object) -> None:
    document = strict_yaml.loads(json.dumps(data))
    assert not document.faults
    assert document.data == data
