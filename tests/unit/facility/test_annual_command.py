"""``twin cooling``: table, files, JSON, and what it refuses."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import twin
from twin.cli.main import app
from twin.errors import ScenarioError
from twin.facility import annual_weather

HOURS = 8760


@pytest.fixture(scope="module")
def year_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mild year that begins in March."""
    file = tmp_path_factory.mktemp("weather") / "year.csv"
    hour = np.arange(HOURS)
    dry_c = 12.0 - 10.0 * np.cos(2 * np.pi * hour / HOURS) - 5.0 * np.cos(2 * np.pi * hour / 24)
    begin = datetime(2023, 3, 1)
    rows = (f"{begin + timedelta(hours=int(h))},{t:.2f},60" for h, t in zip(hour, dry_c, strict=True))
    file.write_text("\n".join(["time_local,dry_bulb_c,relative_humidity_pct", *rows]))
    return file


def invoke(*words: object) -> str:
    done = CliRunner().invoke(app, ["cooling", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*words: object) -> ScenarioError:
    done = CliRunner().invoke(app, ["cooling", *map(str, words)])
    assert isinstance(done.exception, ScenarioError), done.output
    return done.exception


def january(file: Path, tmp_path: Path) -> Path:
    """The same year without its dates, so that it begins in January."""
    rows = [line.split(",", 1)[1] for line in file.read_text().splitlines()]
    out = tmp_path / "january.csv"
    out.write_text("\n".join(rows))
    return out


def test_json_table_and_files(scenarios: Path, year_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'viz' is not installed")
    year = january(year_file, tmp_path)
    files = [tmp_path / name for name in ("hours.csv", "year.html", "year.png")]
    words = [
        scenarios / "gb200-hall.yaml",
        "--year",
        year,
        "--it-load",
        "20MW",
        "--plant",
        "adiabatic-cooler",
    ]
    drawn = [
        word
        for option, file in zip(("--csv", "--html", "--png"), files, strict=True)
        for word in (option, file)
    ]
    found = json.loads(invoke(*words, "--supply", "40C", *drawn, "--json"))
    assert found["it_design_w"] == pytest.approx(20e6)
    assert found["circuits"]["liquid"] == pytest.approx(
        {"plant": "adiabatic-cooler", "economiser": "none", "supply_k": 313.15, "water_set_k": 309.15,
         "ashrae_class": "W40"}
    )  # fmt: skip
    assert 1.05 < found["year"]["pue"] < 1.12 and found["year"]["hours"] == pytest.approx(HOURS)
    assert [m["month"] for m in found["months"]][::11] == ["Jan", "Dec"]
    with files[0].open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == HOURS
    total_j = 3600.0 * sum(float(row["total_w"]) for row in rows)
    assert total_j == pytest.approx(found["year"]["total_j"], rel=1e-5)
    assert "<html>" in files[1].read_text()[:40] and files[2].read_bytes()[1:4] == b"PNG"


def test_text_says_what_matters(scenarios: Path, year_file: Path, tmp_path: Path) -> None:
    year = january(year_file, tmp_path)
    text = invoke(
        scenarios / "h100-hall.yaml", "--year", year, "--plant", "water-chiller", "--economiser", "partial"
    )
    assert "air: water-chiller with a partial economiser" in text and "PUE = 1 +" in text
    assert sum(line.strip().startswith(("Jan", "Jul", "Dec", "year")) for line in text.splitlines()) == 4
    assert max(map(len, text.splitlines())) <= 80


def test_a_year_without_load_has_no_pue_and_says_so(scenarios: Path, year_file: Path, tmp_path: Path) -> None:
    words = (scenarios / "one-rack.yaml", "--utilisation", "0%")
    for text in (
        invoke(*words, "--year", january(year_file, tmp_path)),
        invoke(*words, "--diagram", tmp_path / "d.svg"),
    ):
        assert "no IT load" in text
        assert "nan" not in text


def test_profile_and_utilisation(scenarios: Path, year_file: Path, tmp_path: Path) -> None:
    year, profile = january(year_file, tmp_path), tmp_path / "load.csv"
    profile.write_text("it_frac\n" + "0.7\n" * HOURS)
    words = (scenarios / "one-rack.yaml", "--year", year, "--json")
    ways = (("--profile", profile), ("--utilisation", "70%"))
    by_hour, all_year = (json.loads(invoke(*words, *more)) for more in ways)
    assert by_hour["year"] == pytest.approx(all_year["year"], nan_ok=True)
    profile.write_text("it_frac\n1.2\n" + "0.7\n" * 3)
    error = refused(*words, "--profile", profile)
    assert len(error.faults) == 2 and any("8,760 rows" in fault.expected for fault in error.faults)


def test_refuses_all_wrong_options_at_once(scenarios: Path) -> None:
    error = refused(
        scenarios / "gb200-hall.yaml", "--supply", "45", "--it-load", "20 K", "--utilisation", "120%"
    )
    assert [fault.where for fault in error.faults] == ["--supply", "--it-load", "--utilisation"]
    assert all("write" in fault.mend for fault in error.faults)


def test_a_missing_file_is_looked_for_where_the_user_is(scenarios: Path) -> None:
    fault = refused(scenarios / "gb200-hall.yaml", "--year", "nowhere.epw").faults[0]
    assert fault.file == "nowhere.epw" and "in other options where you are" in fault.mend


def test_own_weather_must_be_a_year(scenarios: Path, year_file: Path) -> None:
    error = refused(scenarios / "gb200-hall.yaml")
    assert error.faults[0].found == "169 hours" and "--year" in error.faults[0].mend
    own = {"weather.file": str(year_file), "time.start": "2023-03-01 00:00"}
    one = twin.load(scenarios / "gb200-hall.yaml", set=own)
    air = annual_weather.read(one)
    assert air.begin_s == 59 * 86400.0 and air.outdoor.dry_bulb_k.size == HOURS


def test_offset_warms_the_air_and_keeps_its_vapour(scenarios: Path, year_file: Path) -> None:
    plain = annual_weather.read(twin.load(scenarios / "gb200-hall.yaml"), year_file)
    warm = annual_weather.read(
        twin.load(scenarios / "gb200-hall.yaml", set={"weather.offset": "3 K"}), year_file
    )
    np.testing.assert_allclose(warm.outdoor.dry_bulb_k, plain.outdoor.dry_bulb_k + 3.0)
    np.testing.assert_allclose(warm.outdoor.humidity_ratio, plain.outdoor.humidity_ratio)
