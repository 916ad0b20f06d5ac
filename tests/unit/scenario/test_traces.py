"""Requests and weather that a scenario yields, against a plain reference."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twin.rng import stream
from twin.scenario import load, requests, weather

SCENARIOS = Path(__file__).parents[3] / "scenarios"
HALL = SCENARIOS / "gb200-hall.yaml"


def rows_of_trace():
    with gzip.open(SCENARIOS / "data/azure2023-conversation.csv.gz", "rt") as file:
        return [
            (float(r["arrival_s"]), int(r["context_tokens"]), int(r["generated_tokens"]))
            for r in csv.DictReader(file)
        ]


def reference(rows, copies, duration_s, seed):
    """One request at a time: shifted around the circle, laid out again and again, sorted."""
    period = math.floor(rows[-1][0]) + 1.0
    found = []
    for copy in range(copies):
        shift = period * stream(seed, "workload", "shift", str(copy)).random() if copy else 0.0
        for index, (at, prompt, output) in enumerate(rows):
            turned = at + shift
            turned = turned - period if turned >= period else turned
            lap = 0
            while turned + lap * period < duration_s:
                found.append((turned + lap * period, lap, copy, index, prompt, output))
                lap += 1
    return sorted(found)


def test_one_copy_is_the_trace_itself():
    got = requests(load(HALL, set={"workload.copies": 1, "time.duration": "1800 s"}))
    rows = rows_of_trace()
    assert got.arrived_at_s.tolist() == [r[0] for r in rows]
    assert got.prompt_tokens.tolist() == [r[1] for r in rows]
    assert got.output_tokens.tolist() == [r[2] for r in rows]
    assert (got.arrived_at_s.dtype, got.prompt_tokens.dtype) == (np.float64, np.int32)


@pytest.mark.parametrize("duration", ["600 s", "1 h", "5000 s"])
def test_copies_agree_with_the_reference(duration):
    scenario = load(HALL, set={"workload.copies": 3, "time.duration": duration})
    got = requests(scenario, seed=7)
    want = reference(rows_of_trace(), 3, scenario.time.duration, 7)
    assert got.arrived_at_s.tolist() == [w[0] for w in want]
    assert got.prompt_tokens.tolist() == [w[4] for w in want]
    assert got.output_tokens.tolist() == [w[5] for w in want]


@settings(max_examples=30, deadline=None)
@given(
    times=st.lists(st.integers(0, 12), min_size=1, max_size=8),
    copies=st.integers(1, 4),
    duration=st.integers(1, 6),
    seed=st.integers(0, 3),
)
def test_ties_and_unsorted_rows(tmp_path_factory, times, copies, duration, seed):
    folder = tmp_path_factory.mktemp("t")
    rows = [(float(t) / 2, i + 1, 100 + i) for i, t in enumerate(times)]
    lines = ["arrival_s,context_tokens,generated_tokens", *(f"{a},{p},{o}" for a, p, o in rows)]
    (folder / "t.csv").write_text("\n".join(lines))
    values = {
        "workload.trace": str(folder / "t.csv"),
        "workload.copies": copies,
        "time.duration": f"{duration * 10} s",
    }
    got = requests(load(HALL, set=values), seed=seed)
    want = reference(sorted(rows, key=lambda r: r[0]), copies, duration * 10.0, seed)
    assert got.arrived_at_s.tolist() == [w[0] for w in want]
    assert got.prompt_tokens.tolist() == [w[4] for w in want]


def test_load_scales_and_copies_keep_their_own_shift():
    base = requests(load(HALL, set={"workload.copies": 5}))
    more = requests(load(HALL, set={"workload.copies": 6}))
    assert len(base.arrived_at_s) == 5 * 2 * 10108
    assert np.isin(base.arrived_at_s, more.arrived_at_s).all()
    assert (np.diff(more.arrived_at_s) >= 0).all()
    assert more.arrived_at_s[-1] < 3600.0


def test_seed_moves_the_copies_and_limit_cuts():
    scenario = load(HALL, set={"workload.copies": 4, "workload.limit": 2000})
    one, two = requests(scenario, 1), requests(scenario, 2)
    assert len(one.arrived_at_s) == len(one.prompt_tokens) == 2000
    assert not np.array_equal(one.arrived_at_s, two.arrived_at_s)
    assert np.array_equal(one.arrived_at_s, requests(scenario).arrived_at_s)


def test_weather_is_the_measured_series_between_its_hours():
    series = weather(load(HALL, set={"time.duration": "3 h", "time.start": "2022-07-20 12:30"}))
    assert series.time_s.tolist() == [0.0, 1800.0, 5400.0, 9000.0, 10800.0]
    assert series.dry_bulb_k - 273.15 == pytest.approx([37.45, 38.5, 40.4, 41.9, 42.2])
    assert series.at(3600.0) - 273.15 == pytest.approx(39.45)
    hotter = weather(load(HALL, set={"weather.offset": "8 K"}))
    assert hotter.dry_bulb_k[0] - 273.15 == pytest.approx(46.5)


def test_constant_weather_and_series_by_seconds(tmp_path):
    overlay = tmp_path / "o.yaml"
    overlay.write_text(
        "overlay: o\nremove: [weather.file]\nset: {weather.dry_bulb: 20 degC, weather.offset: -5 K}\n"
    )
    assert weather(load(HALL, [overlay])).at(1000.0) == pytest.approx(288.15)
    (tmp_path / "w.csv").write_text("time_s,dry_bulb_c\n-100,10\n3600,47\n")
    series = weather(load(HALL, set={"weather.file": str(tmp_path / "w.csv")}))
    assert series.time_s.tolist() == [0.0, 3600.0]
    assert series.dry_bulb_k - 273.15 == pytest.approx([11.0, 47.0])
