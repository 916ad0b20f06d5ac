"""The strict reader refuses what two people may read differently, and says where."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.errors import ScenarioError
from twin.scenario.reader import read, read_value, trap


@pytest.mark.parametrize(
    ("written", "mend"),
    [
        ("12:30", '"12:30"'),
        ("1:30:00", '"1:30:00"'),
        ("on", "true"),
        ("No", "false"),
        ("1.0e6", "1000000"),
        ("1e6", "1000000"),
        ("0x1F", "digits"),
        ("010", "digits"),
        ("1_000", "digits"),
        (".nan", "number"),
        ("NaN", "number"),
        ("-.inf", "number"),
        ("True", "true"),
    ],
)
def test_traps_are_refused_with_line_and_mend(write, written, mend):
    _, faults = read(write(f"a:\n  b: 1\n  c: {written}\n"))
    assert [(f.line, f.where) for f in faults] == [(3, "a.c")]
    assert mend in faults[0].mend
    quoted, none = read(write(f'a: "{written}"\n'))
    assert quoted.document["a"] == written
    assert not none


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("8", 8),
        ("-1.5", -1.5),
        ("1.0e+6", 1e6),
        ("true", True),
        ("", None),
        ("45 degC", "45 degC"),
        ("2022-07-20 13:00", "2022-07-20 13:00"),
        ("2022-07-20 13:00:00", "2022-07-20 13:00:00"),
        ("2022-07-20", "2022-07-20"),
        ("90 %", "90 %"),
    ],
)
def test_plain_values(write, written, value):
    source, faults = read(write(f"a: {written}\n"))
    assert faults == []
    assert source.document["a"] == value
    assert type(source.document["a"]) is type(value)


def test_a_repeated_key_names_both_lines(write):
    _, faults = read(write("a: 1\nb: 2\na: 3\n"))
    assert faults[0].line == 3
    assert "line 1" in faults[0].found


def test_lines_of_nested_values_lists_and_missing_ones(write):
    path = write("# head\na:\n  b:\n    - x\n    - y\nc: {d: 1}\n")
    source, _ = read(path)
    assert source.line_of("a.b.1") == (str(path), 5)
    assert source.line_of("a.b[0]") == (str(path), 4)
    assert source.line_of("c.d") == (str(path), 6)
    assert source.line_of("a.b.9.z") == (str(path), 3)
    assert source.line_of("nowhere") == (str(path), 1)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("", 1, "empty"),
        ("# nothing\n\n", 1, "empty"),
        ("- a\n- b\n", 1, "list"),
        ("hello\n", 1, "single value"),
        ("a: 1\n\tb: 2\n", 2, "tab"),
        ("a: [1, 2\nb: 3\n", 2, ""),
        ("a: 1\nb: c: 2\n", 2, ""),
        ("[" * 5000, 1, ""),
    ],
)
def test_unreadable_texts_are_one_error_with_a_line(write, text, line, found):
    with pytest.raises(ScenarioError) as caught:
        read(write(text))
    fault = caught.value.faults[0]
    assert fault.line == line
    assert found in fault.found
    assert fault.expected
    assert fault.mend


def test_merge_keys_aliases_and_tags_are_refused(write):
    _, faults = read(write("a: &x {k: 1}\nb:\n  <<: *x\nc: !!python/name:os.system x\nd: !mine 3\n"))
    assert {f.line for f in faults} == {3, 4, 5}
    assert any("merge key" in f.found for f in faults)


def test_traps_know_their_path_in_lists_and_on_one_line(write):
    _, faults = read(write("a: [1, {b: on, c: [x, no]}]\nd:\n  - - 1\n    - 0x1\ne: yes\n"))
    assert [f.where for f in faults] == ["a.1.b", "a.1.c.1", "d.0.1", "e"]


def test_missing_file_names_its_neighbour(write):
    path = write("a: 1\n", "gb200-hall.yaml")
    with pytest.raises(ScenarioError) as caught:
        read(path.with_name("gb200-hal.yaml"))
    assert "gb200-hall.yaml" in caught.value.faults[0].mend


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(ScenarioError, match="directory"):
        read(tmp_path)


def test_utf16_and_bytes_are_not_text(write, tmp_path):
    path = tmp_path / "x.yaml"
    for raw in ("a: 1\n".encode("utf-16"), b"a: 1\nb: \xff\n", b"a: \x00\n", b"a: \x1b[0m\n"):
        path.write_bytes(raw)
        with pytest.raises(ScenarioError) as caught:
            read(path)
        assert "byte 0x" in caught.value.faults[0].found


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_as_python_writes_them_are_read_or_refused_never_changed(number):
    text = repr(number)
    if trap(text) is None:
        assert math.isclose(float(read_value(text)), number, rel_tol=0, abs_tol=0)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_a_scenario_error(tmp_path_factory, raw):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(raw)
    try:
        source, _ = read(path)
    except ScenarioError as error:
        assert error.faults
        assert all(f.line and f.found and f.expected and f.mend for f in error.faults)
    else:
        assert isinstance(source.document, dict)


def test_a_second_document_is_refused(write):
    _, faults = read(write("a: 1\n---\nb: 2\n"))
    assert [f.line for f in faults] == [2]
    assert "document" in faults[0].found


def test_deep_nesting_is_refused_and_does_not_crash(write):
    try:
        _, faults = read(write("a: " + "[" * 20_000 + "]" * 20_000 + "\n"))
    except ScenarioError as error:
        faults = list(error.faults)
    assert faults
