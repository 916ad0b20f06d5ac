"""Prices and emissions of a scenario as steps of its run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from twin.errors import ScenarioError
from twin.scenario import load, tariff

SCENARIO = Path(__file__).parents[3] / "scenarios/gb200-hall.yaml"
MWH = 3.6e9


def hall(**values: object):
    return load(
        SCENARIO,
        set={"time.start": "2022-07-20 13:30", **{key.replace("__", "."): v for key, v in values.items()}},
    )


def test_constants_are_one_step() -> None:
    found = tariff(hall(economics__carbon="360 g/kWh"))
    assert found.time_s.tolist() == [0.0]
    assert found.carbon_kg_per_j == pytest.approx([1e-7])
    assert np.isnan(tariff(hall(economics__carbon=None)).carbon_kg_per_j).all()


def test_prices_of_the_day_change_on_the_clock() -> None:
    hours = [f"{36 * i} USD/MWh" for i in range(24)]
    found = tariff(hall(economics__by_hour=hours, time__duration="90 min"))
    assert found.time_s.tolist() == [0.0, 1800.0]
    assert found.electricity_usd_per_j == pytest.approx([13e-8, 14e-8])


def test_files_hold_from_instant_to_instant(tmp_path: Path) -> None:
    prices, carbon = tmp_path / "prices.csv", tmp_path / "carbon.csv"
    prices.write_text(
        "time_local,usd_per_mwh\n2022-07-20T13:00,36\n2022-07-20T14:00,-72\n2022-07-20T15:00,360\n2022-07-20T16:00,1\n"
    )
    carbon.write_text("time_s,g_per_kwh\n-300,360\n0,0\n300,720\n3600,36\n")
    found = tariff(
        hall(economics__prices=str(prices), economics__carbon_file=str(carbon), time__duration="1 h")
    )
    assert found.time_s.tolist() == [0.0, 300.0, 1800.0]
    assert found.electricity_usd_per_j == pytest.approx([1e-8, 1e-8, -2e-8])
    assert found.carbon_kg_per_j == pytest.approx([0.0, 2e-7, 2e-7])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("time_local,usd_per_mwh\n2022-07-20T14:00,36\n2022-07-20T16:00,36\n", "1800 s to 16200 s"),
        ("time_local,usd_per_mwh\n2022-07-20T12:00,36\n2022-07-20T13:00,36\n", "-5400 s to 1800 s"),
        ("time_local,price\n2022-07-20T13:00,36\n", "a column usd_per_mwh"),
        ("time_local,usd_per_mwh\n2022-07-20T13:00,36\n2022-07-20T12:00,dear\n", "a later time_local"),
    ],
)
def test_a_bad_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(text)
    with pytest.raises(ScenarioError) as error:
        hall(economics__prices=str(file), time__duration="1 h")
    assert told in str(error.value)


def test_two_series_are_one_too_many() -> None:
    with pytest.raises(ScenarioError) as error:
        hall(economics__prices="a.csv", economics__by_hour=["1 USD/MWh"] * 24)
    assert [fault.where for fault in error.value.faults] == ["economics.by_hour"]
