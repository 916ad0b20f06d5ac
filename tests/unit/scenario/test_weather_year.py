"""Weather years from the formats in which they come."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from twin.errors import ScenarioError
from twin.scenario.weather_year import LONGEST_GAP, read_year

HOURS = [(20.0 + n, 10.0, 53 + n, 99000 + n) for n in range(8)]


def _epw(path: Path, rows: list[tuple[float, ...]]) -> Path:
    head = ["LOCATION,Here,-,-,TMY3,000000,40,-100,-6.0,100.0"] + [f"HEADER {n}" for n in range(7)]
    lines = [f"2000,1,1,{n},0,?9?9,{t},{d},{h},{p}" + ",0" * 25 for n, (t, d, h, p) in enumerate(rows)]
    path.write_text("\n".join(head + lines) + "\n")
    return path


def test_epw_and_tables_hold_the_same_air(tmp_path: Path) -> None:
    epw = read_year(_epw(tmp_path / "a.epw", HOURS))
    assert epw.dry_bulb_k.tolist() == pytest.approx([row[0] + 273.15 for row in HOURS])
    assert epw.pressure_pa.tolist() == [row[3] for row in HOURS]
    plain = "T_db_C,T_dp_C,RH_pct,P_Pa\n" + "".join(f"{t},{d},{h},{p}\n" for t, d, h, p in HOURS)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(plain.encode()))
    nrel = '724940,"HERE",CA,-8,37,-122,2\nDate,Dry-bulb (C),Dew-point (C),RHum (%),Pressure (mbar)\n'
    nrel += "".join(f"1,{t},{d},{h},{p / 100}\n" for t, d, h, p in HOURS)
    (tmp_path / "c.csv").write_text(nrel)
    for name in ("b.csv.gz", "c.csv"):
        for mine, theirs in zip(read_year(tmp_path / name), epw, strict=True):
            assert mine == pytest.approx(theirs)


def test_what_a_file_lacks_follows_from_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("temperature_2m_c,relative_humidity_2m_pct\n20,50\n25,100\n")
    found = read_year(tmp_path / "a.csv", elevation_m=1609.0)
    assert found.pressure_pa == pytest.approx(83431.0, rel=1e-4)
    assert found.dew_point_k[0] == pytest.approx(282.42, abs=0.01)
    assert found.dew_point_k[1] == pytest.approx(298.15, abs=1e-6)
    (tmp_path / "b.csv").write_text("T_db_C,T_dp_C\n20,9.2735\n25,25\n")
    assert read_year(tmp_path / "b.csv").relative_humidity_frac == pytest.approx([0.5, 1.0], rel=1e-3)


def test_short_gaps_are_drawn_over_and_long_ones_are_told(tmp_path: Path) -> None:
    holes = [(99.9, 99.9, 999, 999999) if 2 <= n <= 4 else row for n, row in enumerate(HOURS)]
    found = read_year(_epw(tmp_path / "a.epw", holes))
    assert np.diff(found.dry_bulb_k) == pytest.approx(1.0)
    many = [HOURS[0]] + [(99.9, 9.0, 50, 99000)] * (LONGEST_GAP + 1) + [HOURS[1]]
    with pytest.raises(ScenarioError, match="T_db_C") as told:
        read_year(_epw(tmp_path / "b.epw", many))
    assert len(told.value.faults) == LONGEST_GAP + 1


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "T_db_C\n20\n", "T_db_C,RH_pct\n"])
def test_other_files_are_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ScenarioError):
        read_year(tmp_path / "a.csv")


def test_a_short_epw_row_is_told_by_line(tmp_path: Path) -> None:
    file = _epw(tmp_path / "a.epw", HOURS)
    file.write_text(file.read_text() + "2000,1,1\n")
    with pytest.raises(ScenarioError, match=r"a\.epw:17"):
        read_year(file)
