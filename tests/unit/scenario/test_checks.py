"""Faults between values: clock, weather, data files, cooling, racks."""

from __future__ import annotations

import gzip

import pytest

from twin.scenario import check


@pytest.mark.parametrize(
    ("old", "new", "where", "mend"),
    [
        ("sample: 10 s", "sample: 7.2 s", "time.sample", "write 7 s"),
        ("duration: 1 h", "duration: 3607 s", "time.duration", "write 3610 s"),
        ("file: data", "dry_bulb: 30 degC\n  file: data", "weather", "remove one"),
        ("2022-07-20 13:00", "2023-07-20 13:00", "time.start", "move time.start"),
        ("2022-07-20 13:00", "2022-07-25 00:00", "time.start", "shorten"),
        (
            "weather-dallas-2022",
            "weather-dallas-2020",
            "weather.file",
            "did you mean weather-dallas-2022.csv?",
        ),
        (
            "azure2023-conversation",
            "azure2032-conversation",
            "workload.trace",
            "azure2023-conversation.csv.gz",
        ),
        (
            "system: gb200-nvl72, count: 8",
            "system: dgx-h100, count: 8, nodes_per_rack: 6",
            "racks.nvl72.nodes_per_rack",
            "write 5",
        ),
    ],
)
def test_values_that_do_not_go_together(broken, old, new, where, mend):
    if old == "file: data":
        new = new.replace("data", "")
        old = "file: "
    faults = check(broken(old, new))
    assert [f.where for f in faults] == [where]
    assert mend in faults[0].mend
    assert faults[0].line > 1


def test_no_weather_at_all(hall_text, write):
    text = "\n".join(line for line in hall_text.splitlines() if "weather-dallas" not in line)
    faults = check(write(text.replace("weather:", "weather: {}")))
    assert [(f.where, f.found) for f in faults] == [("weather", "neither")]


@pytest.mark.parametrize(
    ("kind", "system"), [("liquid", "gb200-nvl72"), ("air", "gb200-nvl72"), ("air", "dgx-h100")]
)
def test_heat_needs_its_way_out(hall_text, write, kind, system):
    site = write(hall_text)
    overlay = write(
        f"overlay: o\nset: {{racks.nvl72.system: {system}}}\nremove: [cooling.{kind}]\n", "o.yaml"
    )
    faults = [f for f in check(site, [overlay]) if f.where == "racks.nvl72.system"]
    assert [f.mend for f in faults] == [f"add cooling.{kind}"]


def test_an_air_cooled_system_needs_no_liquid(hall_text, write):
    overlay = write("overlay: o\nset: {racks.nvl72.system: dgx-h100}\nremove: [cooling.liquid]\n", "o.yaml")
    assert check(write(hall_text), [overlay]) == []


@pytest.mark.parametrize(
    ("text", "line", "where", "found"),
    [
        ("arrival_s,context_tokens\n0,1\n", 1, "generated_tokens", "columns"),
        ("arrival_s,prompt_tokens,generated_tokens\n0,1,1\n", 1, "context_tokens", "columns"),
        ("arrival_s,context_tokens,generated_tokens\n", 1, "", "no rows"),
        ("", 1, "arrival_s", "none"),
        ("arrival_s,context_tokens,generated_tokens\n0,1,1\n1,0,1\n", 3, "context_tokens", "0"),
        ("arrival_s,context_tokens,generated_tokens\n0,1,1\n\n1,5,-3\n", 4, "generated_tokens", "-3"),
        ("arrival_s,context_tokens,generated_tokens\n0,1,1\nnan,5,3\n", 3, "arrival_s", "nan"),
        ("arrival_s,context_tokens,generated_tokens\n-1,1,1\n", 2, "arrival_s", "-1"),
        ("arrival_s,context_tokens,generated_tokens\n0,1.5,1\n", 2, "context_tokens", "1.5"),
        ("arrival_s,context_tokens,generated_tokens\n0,many,1\n", 2, "context_tokens", "many"),
        ("arrival_s,context_tokens,generated_tokens\n0,1\n", 2, "generated_tokens", "nothing"),
        ("arrival_s,context_tokens,generated_tokens\n0,1,1e300\n", 2, "generated_tokens", "1e300"),
    ],
)
def test_broken_traces_name_the_row(*, broken, write, text, line, where, found):
    trace = write(text, "trace.csv")
    fault = check(broken("trace: ", f"trace: {trace} #"))[0]
    assert (fault.file, fault.line, fault.where) == (str(trace), line, where)
    assert found in fault.found


def test_a_trace_that_is_not_gzip(broken, tmp_path):
    path = tmp_path / "t.csv.gz"
    for raw in (b"arrival_s\n", gzip.compress(b"x" * 999)[:-9], b""):
        path.write_bytes(raw)
        fault = check(broken("trace: ", f"trace: {path} #"))[0]
        assert str(path) in (fault.file, fault.found.split(": ")[0])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("time_local,temperature\n2022-07-20T00:00,30\n", 1),
        ("time_local,dry_bulb_c\n2022-07-20T00:00,30\n2022-07-20T00:00,30\n", 3),
        ("time_local,dry_bulb_c\n2022-07-20T00:00,300\n", 2),
        ("time_local,dry_bulb_c\n2022-07-20T00:00,\n", 2),
        ("time_local,dry_bulb_c\nnoon,30\n", 2),
        ("time_s,dry_bulb_c\n0,nan\n", 2),
        ("time_s,dry_bulb_c\n", 1),
    ],
)
def test_broken_weather_names_the_row(broken, write, text, line):
    path = write(text, "w.csv")
    fault = check(broken("file: ", f"file: {path} #"))[0]
    assert (fault.file, fault.line) == (str(path), line)


def test_a_flood_of_bad_rows_stays_on_one_screen(broken, write):
    text = "arrival_s,context_tokens,generated_tokens\n" + "0,0,0\n" * 500
    assert len(check(broken("trace: ", f"trace: {write(text, 't.csv')} #"))) == 10
